//! A TCP proxy on the way of one client that can break it: bytes late, few, gone, or the answer cut off.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use rand::{Rng as _, seq::IteratorRandom as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp},
    sync::watch,
    time::{sleep, timeout},
};

const CHUNK: usize = 16 * 1024;
/// How long an answer is held back before the client is cut off: by then the hub has done what it was asked.
const DONE: Duration = Duration::from_millis(80);
const CONNECT: Duration = Duration::from_secs(2);

/// What the link does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// Passes everything on.
    Open,
    /// Resets what is connected and what tries to connect.
    Cut,
    /// Swallows everything; what was swallowed is reset when it is over.
    HalfOpen,
    /// So many bytes a second.
    Slow(u32),
    /// So many milliseconds late, give or take half.
    Delay(u32),
    /// Passes requests on; the connection is reset instead of answering.
    AckLost,
}

/// A link that can be broken. It ends with its owner.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    link: watch::Sender<Link>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// Listens on a free port of this machine; `hubs` say where the gateways are at the moment: each connection goes to
    /// any of those that are there.
    pub(crate) async fn start(hubs: Vec<watch::Receiver<Option<SocketAddr>>>) -> std::io::Result<Self> {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let link = watch::Sender::new(Link::Open);
        let seen = link.clone();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(carry(client, any(&hubs), seen.subscribe()));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, link, task })
    }

    /// Changes what the link does, for connections that are there and for those that come.
    pub(crate) fn set(&self, link: Link) {
        self.link.send_replace(link);
    }
}

fn any(hubs: &[watch::Receiver<Option<SocketAddr>>]) -> Option<SocketAddr> {
    hubs.iter().filter_map(|hub| *hub.borrow()).choose(&mut rand::rng())
}

async fn carry(client: TcpStream, address: Option<SocketAddr>, link: watch::Receiver<Link>) {
    let mode = *link.borrow();
    let upstream = match address {
        Some(address) if mode != Link::Cut => timeout(CONNECT, TcpStream::connect(address)).await,
        _ => return reset(&client),
    };
    let Ok(Ok(server)) = upstream else { return reset(&client) };
    // Without it the proxy itself would hold small frames back.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let asked = Arc::new(watch::Sender::new(false));
    let (cut, (from_client, mut to_client), (from_server, mut to_server)) =
        (link.clone(), client.into_split(), server.into_split());
    let up = Pump { from: from_client, link: link.clone(), asked: asked.clone(), answers: false };
    let down = Pump { from: from_server, link, asked, answers: true };
    let broken = tokio::select! {
        broken = up.run(&mut to_server) => broken,
        broken = down.run(&mut to_client) => broken,
        () = until_cut(cut) => true,
    };
    if broken {
        // The client sees a reset; the hub an end, so that it still reads what was passed on.
        reset(to_client.as_ref());
        // Dropped, it would say goodbye first.
        to_client.forget();
    }
}

fn reset(client: &TcpStream) {
    // A link that cannot be reset is closed a moment later, which breaks it as well.
    let _ = client.set_zero_linger();
}

/// Answers when connections must go: the link is cut, or was half open and is not any more.
async fn until_cut(mut link: watch::Receiver<Link>) {
    let mut swallowed = false;
    loop {
        let now = *link.borrow_and_update();
        if now == Link::Cut || swallowed && now != Link::HalfOpen {
            return;
        }
        swallowed = now == Link::HalfOpen;
        if link.changed().await.is_err() {
            return;
        }
    }
}

/// One direction of one connection.
struct Pump {
    from: tcp::OwnedReadHalf,
    link: watch::Receiver<Link>,
    /// Whether something was asked since the answers stopped.
    asked: Arc<watch::Sender<bool>>,
    /// Whether this is the direction of the answers.
    answers: bool,
}

impl Pump {
    /// Carries until one side ends; whether it ended by a fault.
    async fn run(mut self, to: &mut tcp::OwnedWriteHalf) -> bool {
        let mut buffer = vec![0; CHUNK];
        loop {
            let read = match self.from.read(&mut buffer).await {
                Ok(0) | Err(_) => return false,
                Ok(read) => &buffer[..read],
            };
            let link = *self.link.borrow();
            let carried = match link {
                Link::Open => to.write_all(read).await,
                Link::Cut => return true,
                Link::HalfOpen => Ok(()),
                Link::Slow(rate) => slowly(read, to, rate).await,
                Link::Delay(millis) => {
                    let late = rand::rng().random_range(millis / 2..=millis + millis / 2);
                    sleep(Duration::from_millis(u64::from(late))).await;
                    to.write_all(read).await
                }
                Link::AckLost if !self.answers => {
                    self.asked.send_replace(true);
                    to.write_all(read).await
                }
                Link::AckLost if *self.asked.borrow() => {
                    sleep(DONE).await;
                    return true;
                }
                Link::AckLost => to.write_all(read).await,
            };
            if carried.is_err() {
                return false;
            }
        }
    }
}

async fn slowly(bytes: &[u8], to: &mut tcp::OwnedWriteHalf, rate: u32) -> std::io::Result<()> {
    // Ten pieces a second.
    for piece in bytes.chunks((rate as usize / 10).max(1)) {
        to.write_all(piece).await?;
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hub that answers each byte with the same one, counting what arrives.
    async fn echo() -> (watch::Receiver<Option<SocketAddr>>, watch::Receiver<usize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (_, address) = watch::channel(Some(listener.local_addr().unwrap()));
        let (count, counted) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let count = count.clone();
                tokio::spawn(async move {
                    while let Ok(byte) = socket.read_u8().await {
                        count.send_modify(|count| *count += 1);
                        if socket.write_u8(byte).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        (address, counted)
    }

    #[tokio::test]
    async fn an_open_link_passes_everything_on_both_ways() {
        let (hub, _) = echo().await;
        let proxy = Proxy::start(vec![hub]).await.unwrap();
        let mut client = TcpStream::connect(proxy.address).await.unwrap();

        client.write_all(b"hi").await.unwrap();

        assert_eq!((client.read_u8().await.unwrap(), client.read_u8().await.unwrap()), (b'h', b'i'));
    }

    #[tokio::test]
    async fn a_lost_acknowledgement_means_that_the_request_arrived() {
        let (hub, mut arrived) = echo().await;
        let proxy = Proxy::start(vec![hub]).await.unwrap();
        let mut client = TcpStream::connect(proxy.address).await.unwrap();
        proxy.set(Link::AckLost);

        client.write_u8(b'x').await.unwrap();

        let why = client.read_u8().await.unwrap_err();
        assert_eq!(why.kind(), std::io::ErrorKind::ConnectionReset);
        arrived.wait_for(|arrived| *arrived == 1).await.unwrap();
    }

    #[tokio::test]
    async fn a_cut_resets_what_is_there_and_what_comes() {
        let (hub, _) = echo().await;
        let proxy = Proxy::start(vec![hub]).await.unwrap();
        let mut client = TcpStream::connect(proxy.address).await.unwrap();
        client.write_u8(b'x').await.unwrap();
        client.read_u8().await.unwrap();

        proxy.set(Link::Cut);

        assert!(client.read_u8().await.is_err());
        let mut late = TcpStream::connect(proxy.address).await.unwrap();
        assert!(late.read_u8().await.is_err());
    }

    #[tokio::test]
    async fn a_half_open_link_is_silent_and_its_end_is_a_reset() {
        let (hub, arrived) = echo().await;
        let proxy = Proxy::start(vec![hub]).await.unwrap();
        let mut client = TcpStream::connect(proxy.address).await.unwrap();
        client.write_u8(b'x').await.unwrap();
        client.read_u8().await.unwrap();

        proxy.set(Link::HalfOpen);
        client.write_u8(b'y').await.unwrap();
        let silent = timeout(Duration::from_millis(150), client.read_u8()).await;
        proxy.set(Link::Open);

        assert!(silent.is_err(), "{silent:?}");
        assert!(client.read_u8().await.is_err());
        assert_eq!(*arrived.borrow(), 1);
    }
}
