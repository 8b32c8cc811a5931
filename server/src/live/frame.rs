//! Frames as they travel: header and text in one piece, the same bytes for every socket that gets them.
//!
//! What a server sends is not masked (RFC 6455 §5.1), so that a frame is made once, however many read it.

use bytes::Bytes;
use tokio_tungstenite::tungstenite::protocol::{
    CloseFrame,
    frame::{
        Frame, FrameHeader,
        coding::{Data, OpCode},
    },
};
use wire::frames::ToClient;

use super::line::Ending;

/// The longest header of a frame that is not masked.
const HEADER: usize = 10;
/// What a frame takes that is no event, about.
const ONE: usize = 256;
/// A ping without a payload.
pub(super) const PING: Bytes = Bytes::from_static(&[0x89, 0]);

/// A frame of the protocol.
pub(super) fn encoded(frame: &ToClient) -> Bytes {
    text(ONE, |text| serde_json::to_writer(text, frame).expect("a frame is plain data"))
}

/// A frame of the text that `write` appends, of about so many bytes.
pub(super) fn text(bytes: usize, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut frame = Vec::with_capacity(HEADER + bytes);
    frame.resize(HEADER, 0);
    write(&mut frame);
    let length = frame.len() - HEADER;
    let (mut header, kind) = (Vec::with_capacity(HEADER), OpCode::Data(Data::Text));
    let described = FrameHeader { opcode: kind, ..FrameHeader::default() };
    described.format(length as u64, &mut header).expect("memory takes everything");
    let begin = HEADER - header.len();
    frame[begin..HEADER].copy_from_slice(&header);
    Bytes::from(frame).slice(begin..)
}

/// The last frame of a socket.
pub(super) fn close((code, reason): Ending) -> Bytes {
    let mut frame = Vec::new();
    let close = Frame::close(Some(CloseFrame { code: code.into(), reason: reason.into() }));
    close.format(&mut frame).expect("memory takes everything");
    frame.into()
}

/// The text of a frame that [`text`] made.
#[cfg(test)]
pub(super) fn payload(frame: &Bytes) -> &str {
    let skip = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    std::str::from_utf8(&frame[skip..]).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_every_length_says_how_long_it_is() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
            let frame = text(length, |text| text.resize(text.len() + length, b'x'));

            let said = match frame[1] {
                126 => u64::from(u16::from_be_bytes(frame[2..4].try_into().unwrap())),
                127 => u64::from_be_bytes(frame[2..10].try_into().unwrap()),
                short => short.into(),
            };
            assert_eq!((frame[0], said, payload(&frame).len()), (0x81, length as u64, length));
        }
    }
}
