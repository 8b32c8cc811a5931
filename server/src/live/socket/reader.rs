//! The reading half of a socket: a WebSocket library takes frames apart, and what it replies goes through the line.

use std::{
    io::{self, Read, Write},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead as _, AsyncReadExt as _, ReadBuf},
    net::tcp::OwnedReadHalf,
};
use tokio_tungstenite::tungstenite::{
    Error, Message,
    protocol::{Role, WebSocketConfig, WebSocketContext},
};

use super::super::{limits::FRAME, line::Line};

/// Read buffer of one socket. The library's default of 128 KiB would be its whole memory use many times over.
const BUFFER: usize = 512;

pub(super) struct Reader {
    half: OwnedReadHalf,
    /// Boxed: it is large, and a task is as large as everything that is in it at once.
    frames: Box<WebSocketContext>,
}

impl Reader {
    /// `early` came together with the request.
    pub(super) fn new(half: OwnedReadHalf, early: &[u8]) -> Self {
        // A frame that is only a little too large still gets its close code.
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER)
            .write_buffer_size(0)
            .max_frame_size(Some(2 * FRAME))
            .max_message_size(Some(2 * FRAME));
        let frames = WebSocketContext::from_partially_read(early.to_vec(), Role::Server, Some(config));
        Self { half, frames: Box::new(frames) }
    }

    /// The next message. Replies to pings are put in line.
    pub(super) async fn next(&mut self, line: &Line) -> Result<Message, Error> {
        std::future::poll_fn(|context| self.poll_next(line, context)).await
    }

    pub(super) fn poll_next(
        &mut self,
        line: &Line,
        context: &mut Context<'_>,
    ) -> Poll<Result<Message, Error>> {
        let mut stream = Ends { half: &mut self.half, line, context };
        match self.frames.read(&mut stream) {
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            read => Poll::Ready(read),
        }
    }

    /// Hears the other side out, so that what was told it last is not lost by ending first.
    pub(super) async fn finish(mut self) {
        let mut nobody = [0; BUFFER];
        while matches!(self.half.read(&mut nobody).await, Ok(read) if read > 0) {}
    }
}

/// Both ends of a socket as the library wants them.
struct Ends<'a, 'b> {
    half: &'a mut OwnedReadHalf,
    line: &'a Line,
    context: &'a mut Context<'b>,
}

impl Read for Ends<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        match Pin::new(&mut *self.half).poll_read(self.context, &mut buffer) {
            Poll::Ready(read) => read.map(|()| buffer.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Ends<'_, '_> {
    /// The library writes whole frames.
    fn write(&mut self, frames: &[u8]) -> io::Result<usize> {
        self.line.tell(Bytes::copy_from_slice(frames));
        Ok(frames.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
