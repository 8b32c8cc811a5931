//! A line to an engine that can be cut, and mended again: a network that fails while both ends live.

use std::net::SocketAddr;

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};
use url::Url;

/// A line. It is cut for good when it is dropped.
pub(crate) struct Line {
    address: SocketAddr,
    is_cut: watch::Sender<bool>,
    carrying: JoinHandle<()>,
}

impl Line {
    /// To a server on this machine.
    pub(super) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (is_cut, told) = watch::channel(false);
        Self { address, is_cut, carrying: tokio::spawn(carry(listener, port, told)) }
    }

    /// To the server of a URL, which leads over the line from now on.
    pub(super) async fn of(url: &mut Url) -> Self {
        let line = Self::to(url.port().expect("the harness names ports")).await;
        url.set_port(Some(line.address.port())).unwrap();
        line
    }

    /// Where it begins.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks every connection, and lets nobody through.
    pub(crate) fn cut(&self) {
        self.is_cut.send_replace(true);
    }

    /// Lets everybody through again.
    pub(crate) fn mend(&self) {
        self.is_cut.send_replace(false);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

async fn carry(listener: TcpListener, port: u16, is_cut: watch::Receiver<bool>) {
    while let Ok((mut here, _)) = listener.accept().await {
        let mut is_cut = is_cut.clone();
        if *is_cut.borrow_and_update() {
            continue;
        }
        tokio::spawn(async move {
            let Ok(mut there) = TcpStream::connect(("127.0.0.1", port)).await else { return };
            tokio::select! {
                // However it ends, both sides hear of it.
                _ = tokio::io::copy_bidirectional(&mut here, &mut there) => {}
                _ = is_cut.wait_for(|is_cut| *is_cut) => {}
            }
        });
    }
}
