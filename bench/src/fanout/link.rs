//! One socket of the load: opened with a WebSocket library, then bare, because reading must cost next to nothing.

use anyhow::{Context as _, bail};
use client::Url;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio_tungstenite::{client_async, tungstenite::Message};
use wire::{
    ClientId, RoomId,
    frames::{PROTOCOL, Position, ToClient, ToServer},
    paths::LIVE,
};

/// Begins and ends what the load looks for in everything that arrives. An `@` would make the hub look for people.
pub(super) const MARK: &[u8] = b"##";
/// Sockets that come from one address: a port is there once for each, and the system has 28,000 to give.
const PORTS: u32 = 10_000;

/// Where a socket comes from and what it wants.
pub(super) struct Wish<'a> {
    pub(super) server: &'a Url,
    pub(super) token: String,
    pub(super) room: RoomId,
    pub(super) after: Option<Position>,
    /// Which socket of all it is.
    pub(super) number: u32,
}

/// A socket that is live in a room.
pub(super) struct Opened {
    pub(super) stream: std::net::TcpStream,
    /// Up to where it has heard everything.
    pub(super) at: Position,
    /// How many events it heard before it was live.
    pub(super) heard: usize,
}

/// Opens a socket.
pub(super) async fn open(wish: Wish<'_>) -> anyhow::Result<Opened> {
    let Wish { server, token, room, after, number } = wish;
    let host = server.host_str().context("the hub has no host")?;
    let port = server.port_or_known_default().context("the hub has no port")?;
    let stream = connect(host, port, number).await?;
    let (mut socket, _) = client_async(format!("ws://{host}:{port}{LIVE}"), stream).await?;
    let wish = ToServer::Sub { id: 1, room, after, tail: 0 };
    for frame in [ToServer::Hello { v: PROTOCOL, tok: token }, wish] {
        socket.send(Message::text(serde_json::to_string(&frame)?)).await?;
    }
    let (mut epoch, mut heard) = (String::new(), 0);
    let pos = loop {
        let Message::Text(text) = socket.next().await.context("the socket ended")?? else { continue };
        match serde_json::from_str(&text) {
            Ok(ToClient::Subbed { ep, .. }) => epoch = ep,
            Ok(ToClient::Ev(_)) => heard += 1,
            Ok(ToClient::Evs { ev, .. }) => heard += ev.len(),
            Ok(ToClient::Live { pos, .. }) => break pos,
            Ok(ToClient::Err { detail, .. }) => bail!("refused: {detail}"),
            _ => {}
        }
    };
    // Nobody writes yet, so nothing that matters is left in the library's buffer.
    Ok(Opened { stream: socket.into_inner().into_std()?, at: Position { ep: epoch, pos }, heard })
}

async fn connect(host: &str, port: u16, number: u32) -> anyhow::Result<TcpStream> {
    let to = lookup_host((host, port)).await?.find(std::net::SocketAddr::is_ipv4).context("no address")?;
    let socket = TcpSocket::new_v4()?;
    if to.ip().is_loopback() {
        let from = [127, 0, 0, u8::try_from(1 + number / PORTS)?];
        socket.bind((from, 0).into())?;
    }
    socket.set_nodelay(true)?;
    Ok(socket.connect(to).await?)
}

/// A message of 128 bytes with its number and its time, as a whole frame on the wire.
pub(super) fn message(room: RoomId, number: u64, micros: u64) -> anyhow::Result<Vec<u8>> {
    let mut body = format!("##{number}.{micros}##");
    body.extend(std::iter::repeat_n('x', 128_usize.saturating_sub(body.len())));
    let payload =
        serde_json::to_vec(&ToServer::Send { cid: ClientId::new(), room, body, re: None, att: Vec::new() })?;
    let length = u16::try_from(payload.len())?;
    // RFC 6455 §5.2: a final text frame, masked, sixteen bits of length; a mask of zeroes leaves the payload as it is.
    let mut frame = vec![0x81, 0x80 | 126];
    frame.extend(length.to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(payload);
    Ok(frame)
}

/// Finds the marks in what has arrived; keeps a mark that is cut for the next time.
pub(super) fn marks(bytes: &mut Vec<u8>, mut found: impl FnMut(u64, u64)) {
    let mut rest = 0;
    while let Some(begin) = position(&bytes[rest..], MARK).map(|at| rest + at) {
        let Some(end) = position(&bytes[begin + 2..], MARK).map(|at| begin + 2 + at) else {
            bytes.drain(..begin);
            return;
        };
        if let Some((number, micros)) = parse(&bytes[begin + 2..end]) {
            found(number, micros);
        }
        rest = end + 2;
    }
    // The last byte may be the first half of a mark.
    let keep = usize::from(bytes.len() > rest && bytes.last() == MARK.first());
    bytes.drain(..bytes.len() - keep);
}

fn position(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, mark)
}

fn parse(mark: &[u8]) -> Option<(u64, u64)> {
    let (number, micros) = std::str::from_utf8(mark).ok()?.split_once('.')?;
    Some((number.parse().ok()?, micros.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_that_is_cut_anywhere_is_found_once() {
        let text = br###"{"body":"##7.123##xxx"}{"body":"##8.124##xxx"}"###;
        for cut in 0..text.len() {
            let (mut seen, mut bytes) = (Vec::new(), Vec::new());
            for part in [&text[..cut], &text[cut..]] {
                bytes.extend_from_slice(part);
                marks(&mut bytes, |number, micros| seen.push((number, micros)));
            }
            assert_eq!(seen, [(7, 123), (8, 124)], "cut at {cut}");
        }
    }

    #[test]
    fn a_message_is_128_bytes_and_a_frame_of_its_length() {
        let frame = message(RoomId::new(), 1, 2).unwrap();

        let length = usize::from(u16::from_be_bytes([frame[2], frame[3]]));
        assert_eq!(frame.len(), 8 + length);
        let Ok(ToServer::Send { body, .. }) = serde_json::from_slice(&frame[8..]) else { unreachable!() };
        assert_eq!(body.len(), 128);
    }
}
