//! A TCP proxy on the way of somebody that can break it: bytes late, few, changed, gone, the answer cut off, or no packet at all.

use std::{io, net::SocketAddr, os::fd::AsFd, sync::Arc, time::Duration};

use rand::{Rng as _, seq::IteratorRandom as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream, tcp},
    sync::watch,
    time::{sleep, timeout},
};

const CHUNK: usize = 16 * 1024;
/// How long an answer is held back before the client is cut off: by then the hub has done what it was asked.
const DONE: Duration = Duration::from_millis(80);
const CONNECT: Duration = Duration::from_secs(2);

/// What the link does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Passes everything on.
    Open,
    /// Resets what is connected and what tries to connect.
    Cut,
    /// Swallows everything; what was swallowed is reset when it is over.
    HalfOpen,
    /// Loses every packet, both ways: nothing is acknowledged, reset or ended, and nobody gets through. What was open
    /// then stays silent for good, as behind a firewall that forgot it; see [`can_lose_packets`].
    Lost,
    /// Stands still like a server that is stopped: connections are taken and nothing is answered; afterwards it goes on.
    Frozen,
    /// So many bytes a second.
    Slow(u32),
    /// So many milliseconds late, give or take half.
    Delay(u32),
    /// Passes requests on; the connection is reset instead of answering.
    AckLost,
    /// Every such byte arrives as another one: a machine on the way with bad memory, which counts its packets right.
    Changed(u8),
}

/// A link that can be broken. It ends with its owner.
pub struct Proxy {
    /// Where it begins.
    pub address: SocketAddr,
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
    pub async fn start(hubs: Vec<watch::Receiver<Option<SocketAddr>>>) -> io::Result<Self> {
        Self::at((std::net::Ipv4Addr::LOCALHOST, 0).into(), hubs).await
    }

    /// Before one server, at a free port.
    pub async fn to(server: SocketAddr) -> io::Result<Self> {
        Self::start(vec![watch::channel(Some(server)).1]).await
    }

    /// Before one server, at a place that others know.
    pub async fn between(here: SocketAddr, server: SocketAddr) -> io::Result<Self> {
        Self::at(here, vec![watch::channel(Some(server)).1]).await
    }

    async fn at(here: SocketAddr, hubs: Vec<watch::Receiver<Option<SocketAddr>>>) -> io::Result<Self> {
        let listener = TcpListener::bind(here).await?;
        let address = listener.local_addr()?;
        let link = watch::Sender::new(Link::Open);
        let task = tokio::spawn(listen(listener, hubs, link.subscribe()));
        Ok(Self { address, link, task })
    }

    /// Changes what the link does, for connections that are there and for those that come.
    pub fn set(&self, link: Link) {
        self.link.send_replace(link);
    }
}

/// Fails where [`Link::Lost`] cannot be had: it takes a filter of packets, which Linux lets everybody set on a socket.
pub fn can_lose_packets() -> io::Result<()> {
    lose_packets(&TcpSocket::new_v4()?, true)
}

async fn listen(
    listener: TcpListener,
    hubs: Vec<watch::Receiver<Option<SocketAddr>>>,
    mut link: watch::Receiver<Link>,
) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { return };
                connections.spawn(carry(client, any(&hubs), link.clone()));
                while connections.try_join_next().is_some() {}
            }
            changed = link.changed() => {
                let lost = *link.borrow_and_update() == Link::Lost;
                // There is none to take away most of the time.
                let _ = lose_packets(&listener, lost);
                if changed.is_err() {
                    return;
                }
            }
        }
    }
}

fn any(hubs: &[watch::Receiver<Option<SocketAddr>>]) -> Option<SocketAddr> {
    hubs.iter().filter_map(|hub| *hub.borrow()).choose(&mut rand::rng())
}

async fn carry(client: TcpStream, address: Option<SocketAddr>, mut link: watch::Receiver<Link>) {
    let Some(mode) = moving(&mut link).await else { return };
    if mode == Link::Lost {
        return silent([&client]).await;
    }
    let upstream = match address {
        Some(address) if mode != Link::Cut => timeout(CONNECT, TcpStream::connect(address)).await,
        _ => return reset(&client),
    };
    let Ok(Ok(server)) = upstream else { return reset(&client) };
    // Without it the proxy itself would hold small frames back.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let asked = Arc::new(watch::Sender::new(false));
    let (cut, lost) = (link.clone(), link.clone());
    let ((from_client, mut to_client), (from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let up = Pump { from: from_client, link: link.clone(), asked: asked.clone(), answers: false };
    let down = Pump { from: from_server, link, asked, answers: true };
    let broken = tokio::select! {
        broken = up.run(&mut to_server) => broken,
        broken = down.run(&mut to_client) => broken,
        () = until_cut(cut) => true,
        () = until_lost(lost) => return silent([to_client.as_ref(), to_server.as_ref()]).await,
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

/// Holds both ends, and nothing arrives at them any more, whatever the link does later.
async fn silent<const N: usize>(ends: [&TcpStream; N]) {
    for end in ends {
        // Where packets cannot be lost, they are at least not answered.
        let _ = lose_packets(end, true);
    }
    std::future::pending().await
}

/// Makes the kernel throw away every packet for a socket before it looks at it, or stop to.
#[cfg(target_os = "linux")]
fn lose_packets(socket: &impl AsFd, lose: bool) -> io::Result<()> {
    /// `BPF_RET | BPF_K`: of each packet, so many bytes are kept.
    const KEEP: u16 = 0x06;
    let socket = socket2::SockRef::from(socket);
    match lose {
        true => socket.attach_filter(&[socket2::SockFilter::new(KEEP, 0, 0, 0)]),
        false => socket.detach_filter(),
    }
}

#[cfg(not(target_os = "linux"))]
fn lose_packets(_: &impl AsFd, _: bool) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "only Linux loses packets of one socket"))
}

/// What the link does as soon as it does not stand still; nothing when nobody will say so any more.
async fn moving(link: &mut watch::Receiver<Link>) -> Option<Link> {
    link.wait_for(|link| *link != Link::Frozen).await.ok().map(|link| *link)
}

/// Answers when packets are lost.
async fn until_lost(mut link: watch::Receiver<Link>) {
    if link.wait_for(|link| *link == Link::Lost).await.is_err() {
        std::future::pending().await
    }
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
            let Some(link) = moving(&mut self.link).await else { return false };
            let carried = match link {
                Link::Open | Link::Frozen => to.write_all(read).await,
                Link::Changed(byte) => {
                    let changed = |was: &u8| if *was == byte { *was ^ 1 } else { *was };
                    to.write_all(&read.iter().map(changed).collect::<Vec<_>>()).await
                }
                Link::Cut => return true,
                Link::HalfOpen | Link::Lost => Ok(()),
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
    async fn a_link_that_changes_bytes_changes_these_only() {
        let (hub, _) = echo().await;
        let proxy = Proxy::start(vec![hub]).await.unwrap();
        let mut client = TcpStream::connect(proxy.address).await.unwrap();
        proxy.set(Link::Changed(b'b'));

        client.write_all(b"abc").await.unwrap();

        let mut answer = [0; 3];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"acc");
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

    #[tokio::test]
    async fn a_link_that_stands_still_takes_connections_and_goes_on_where_it_was() {
        let (hub, _) = echo().await;
        let proxy = Proxy::start(vec![hub]).await.unwrap();
        let mut client = TcpStream::connect(proxy.address).await.unwrap();
        proxy.set(Link::Frozen);

        let mut late = TcpStream::connect(proxy.address).await.unwrap();
        client.write_u8(b'x').await.unwrap();
        late.write_u8(b'y').await.unwrap();
        let silent = timeout(Duration::from_millis(150), late.read_u8()).await;
        proxy.set(Link::Open);

        assert!(silent.is_err(), "{silent:?}");
        assert_eq!((client.read_u8().await.unwrap(), late.read_u8().await.unwrap()), (b'x', b'y'));
    }

    #[tokio::test]
    async fn what_was_open_when_packets_were_lost_is_silent_for_good_and_others_get_through_again() {
        if can_lose_packets().is_err() {
            return;
        }
        let (hub, arrived) = echo().await;
        let proxy = Proxy::start(vec![hub]).await.unwrap();
        let mut client = TcpStream::connect(proxy.address).await.unwrap();
        client.write_u8(b'x').await.unwrap();
        client.read_u8().await.unwrap();

        proxy.set(Link::Lost);
        // The proxy hears of it a moment later.
        while timeout(Duration::from_millis(150), TcpStream::connect(proxy.address)).await.is_ok() {}
        client.write_u8(b'y').await.unwrap();
        let lost = timeout(Duration::from_millis(150), client.read_u8()).await;
        proxy.set(Link::Open);
        let mut fresh = TcpStream::connect(proxy.address).await.unwrap();
        fresh.write_u8(b'z').await.unwrap();
        let heard = fresh.read_u8().await.unwrap();
        let later = timeout(Duration::from_millis(150), client.read_u8()).await;

        assert!(lost.is_err() && later.is_err(), "{lost:?} {later:?}");
        assert_eq!((heard, *arrived.borrow()), (b'z', 2));
    }
}
