//! Our own accept loop: header-read timeout, no Nagle, bounded connections, and a drain that waits.
//!
//! `axum::serve` sets no hyper timer, so a client that never finishes its headers would hold a connection for ever.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::Request, response::Response};
use bytes::Bytes;
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

/// HTTP/2 asks this often whether the other side is still there.
const PING: Duration = Duration::from_secs(10);
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

/// How long others are waited for.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// For the headers of a request; the first ones counted from the connection on.
    pub headers: Duration,
    /// For open requests to finish, once the service stops.
    pub drain: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self { headers: Duration::from_secs(10), drain: Duration::from_secs(10) }
    }
}

/// Serves until `stop`, then lets open requests finish. Upgraded sockets belong to whoever upgraded them: they are
/// not waited for here.
pub async fn serve(listener: TcpListener, app: Router, waits: Waits, stop: CancellationToken) {
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
                let connection = connection(stream, Peer(peer), app.clone(), waits.headers, stop.clone());
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
    if tokio::time::timeout(waits.drain, connections.wait()).await.is_err() {
        tracing::warn!(open = connections.len(), "stopped with requests still open");
    }
}

async fn connection(stream: TcpStream, peer: Peer, app: Router, headers: Duration, stop: CancellationToken) {
    // Nagle holds small frames back for the delayed acknowledgement: 40 ms on every other message.
    let _ = stream.set_nodelay(true);
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(headers)
        .max_buf_size(HEADER_BYTES.max(8192))
        .keep_alive(true);
    server.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS).keep_alive_interval(PING);

    // Hyper's timeout begins when it knows which HTTP it is: it would wait for ever for the first bytes.
    let spoke = CancellationToken::new();
    let speaks = spoke.clone();
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        speaks.cancel();
        let app = app.clone();
        async move { Ok::<_, Infallible>(answer(app, peer, request).await) }
    });
    let connection = server.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = silence(headers, spoke) => return tracing::debug!("a connection that asked nothing was dropped"),
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, "a connection ended early");
    }
}

/// Answers when nobody spoke in time, and never when somebody did.
async fn silence(patience: Duration, spoke: CancellationToken) {
    if tokio::time::timeout(patience, spoke.cancelled()).await.is_ok() {
        std::future::pending().await
    }
}

/// What becomes of a connection when the answer to a request is `101`: its stream, and the bytes that came early. Ask
/// before the answer is given.
pub fn taken_over(
    request: &mut Request,
) -> impl Future<Output = Result<(TcpStream, Bytes), &'static str>> + use<> {
    let upgrade = hyper::upgrade::on(request);
    async move {
        let upgraded = upgrade.await.map_err(|_| "the request's connection was not given up")?;
        let parts = auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded);
        let parts = parts.map_err(|_| "the connection is not one of this accept loop")?;
        Ok((parts.io.into_inner(), parts.read_buf))
    }
}

async fn answer(app: Router, peer: Peer, request: Request<Incoming>) -> Response {
    let mut request = request.map(axum::body::Body::new);
    request.extensions_mut().insert(peer);
    app.oneshot(request).await.unwrap_or_else(|never| match never {})
}
