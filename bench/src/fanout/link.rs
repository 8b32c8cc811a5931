//! One socket of the load: opened with a WebSocket library, then bare, because reading must cost next to nothing.

use anyhow::{Context as _, bail};
use client::Url;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::{client_async, tungstenite::Message};
use wire::{
    ClientId, RoomId,
    frames::{PROTOCOL, ToClient, ToServer},
    paths::LIVE,
};

/// Begins and ends what the load looks for in everything that arrives.
pub(super) const MARK: &[u8] = b"@@";

/// Opens a socket that is live in a room.
pub(super) async fn open(server: &Url, token: &str, room: RoomId) -> anyhow::Result<std::net::TcpStream> {
    let host = server.host_str().context("the hub has no host")?;
    let port = server.port_or_known_default().context("the hub has no port")?;
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    let (mut socket, _) = client_async(format!("ws://{host}:{port}{LIVE}"), stream).await?;
    let hello = ToServer::Hello { v: PROTOCOL, tok: token.to_owned() };
    let wish = ToServer::Sub { id: 1, room, after: None, tail: 0 };
    for frame in [hello, wish] {
        socket.send(Message::text(serde_json::to_string(&frame)?)).await?;
    }
    loop {
        let Message::Text(text) = socket.next().await.context("the socket ended")?? else { continue };
        match serde_json::from_str(&text) {
            Ok(ToClient::Live { .. }) => break,
            Ok(ToClient::Err { detail, .. }) => bail!("refused: {detail}"),
            _ => {}
        }
    }
    // Nobody writes yet, so nothing that matters is left in the library's buffer.
    Ok(socket.into_inner().into_std()?)
}

/// A message of 128 bytes with its number and its time, as a whole frame on the wire.
pub(super) fn message(room: RoomId, number: u64, micros: u64) -> anyhow::Result<Vec<u8>> {
    let mut body = format!("@@{number}.{micros}@@");
    body.extend(std::iter::repeat_n('x', 128_usize.saturating_sub(body.len())));
    let payload = serde_json::to_vec(&ToServer::Send { cid: ClientId::new(), room, body, re: None, att: Vec::new() })?;
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
    let keep = usize::from(bytes.len() > rest && bytes.last() == Some(&b'@'));
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
        let text = br#"{"body":"@@7.123@@xxx"}{"body":"@@8.124@@xxx"}"#;
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
