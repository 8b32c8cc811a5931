//! Our own accept loop: header-read timeout, no Nagle, bounded connections, and a drain that waits.
//!
//! `axum::serve` sets no hyper timer, so a client that never finishes its headers would hold a connection for ever.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::Request, response::Response};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

/// How long a client may take to send its request headers.
const HEADER_READ: Duration = Duration::from_secs(10);
/// How long open requests may take to finish once the service stops.
const DRAIN: Duration = Duration::from_secs(10);
/// Connections at once; further ones wait in the kernel's queue.
const CONNECTIONS: usize = 18_000;
const HEADER_BYTES: usize = 16 * 1024;
const STREAMS: u32 = 100;

/// Who is at the other end of a connection, as a request extension.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

impl Peer {
    /// Whether it is on this machine.
    pub fn is_local(self) -> bool {
        self.0.ip().to_canonical().is_loopback()
    }
}

/// Serves until `stop`, then lets open requests finish (10 s at most). Upgraded sockets belong to whoever upgraded
/// them: they are not waited for here.
pub async fn serve(listener: TcpListener, app: Router, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let permit = tokio::select! {
            () = stop.cancelled() => break,
            permit = room.clone().acquire_owned() => permit.expect("the semaphore is never closed"),
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = connection(stream, Peer(peer), app.clone(), stop.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: accepting again at once would spin.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(DRAIN, connections.wait()).await.is_err() {
        tracing::warn!(open = connections.len(), "stopped with requests still open");
    }
}

async fn connection(stream: TcpStream, peer: Peer, app: Router, stop: CancellationToken) {
    // Nagle holds small frames back for the delayed acknowledgement: 40 ms on every other message.
    let _ = stream.set_nodelay(true);
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ)
        .max_buf_size(HEADER_BYTES.max(8192))
        .keep_alive(true);
    server.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS).keep_alive_interval(HEADER_READ);

    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let app = app.clone();
        async move { Ok::<_, Infallible>(answer(app, peer, request).await) }
    });
    let connection = server.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, "a connection ended early");
    }
}

async fn answer(app: Router, peer: Peer, request: Request<Incoming>) -> Response {
    let mut request = request.map(axum::body::Body::new);
    request.extensions_mut().insert(peer);
    app.oneshot(request).await.unwrap_or_else(|never| match never {})
}
