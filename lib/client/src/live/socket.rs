//! One WebSocket: connect, greet, and turn frames into text and back.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, client_async_tls_with_config, connect_async_with_config,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        http::HeaderValue,
        protocol::{CloseFrame, WebSocketConfig},
    },
};
use url::Url;
use wire::frames::{LARGEST, PROTOCOL, ToClient, ToServer, close};

use crate::{hub::Options, tokens};

/// Name, TCP, TLS, upgrade and welcome together.
const OPEN_PATIENCE: Duration = Duration::from_secs(10);
const CLOSE_PATIENCE: Duration = Duration::from_millis(500);
/// A batch of 200 full messages, with every character escaped.
const LARGEST_MESSAGE: usize = 24 * 1024 * 1024;

/// A socket after its welcome.
#[derive(Debug)]
pub(super) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Silence for longer than this means that nobody is there.
    patience: Duration,
    pub(super) window: usize,
    /// How far the hub's clock is ahead of this machine's, in microseconds.
    pub(super) ahead: i64,
}

/// Why a socket is not there (any more).
#[derive(Debug, PartialEq)]
pub(super) enum Gone {
    /// The hub does not accept the token.
    Unauthenticated(String),
    /// A frame is larger than the hub takes.
    TooLarge(String),
    /// Anything else.
    Lost(String),
}

impl Socket {
    /// Connects and says hello.
    pub(super) async fn open(server: &Url, options: &Options, token: String) -> Result<Self, Gone> {
        match timeout(OPEN_PATIENCE, Self::greet(server, options, token)).await {
            Ok(opened) => opened,
            Err(_) => Err(Gone::Lost(format!("{server} did not answer in time"))),
        }
    }

    async fn greet(server: &Url, options: &Options, token: String) -> Result<Self, Gone> {
        let lost = |why: tungstenite::Error| Gone::Lost(sentence(&why));
        let mut request = address(server).into_client_request().map_err(lost)?;
        if let Ok(agent) = HeaderValue::from_str(&options.user_agent) {
            request.headers_mut().insert("user-agent", agent);
        }
        let config = WebSocketConfig::default()
            .read_buffer_size(16 * 1024)
            .write_buffer_size(0)
            .max_message_size(Some(LARGEST_MESSAGE))
            .max_frame_size(Some(LARGEST_MESSAGE));
        let connected = match options.at {
            None => connect_async_with_config(request, Some(config), true).await,
            Some(at) => {
                let tcp = TcpStream::connect(at).await.map_err(|why| lost(why.into()))?;
                tcp.set_nodelay(true).map_err(|why| lost(why.into()))?;
                client_async_tls_with_config(request, tcp, Some(config), None).await
            }
        };
        let (stream, _) = connected.map_err(lost)?;
        let mut socket = Self { stream, patience: OPEN_PATIENCE, window: 1, ahead: 0 };
        socket.send(&ToServer::Hello { v: PROTOCOL, tok: token }).await?;
        match socket.receive().await? {
            ToClient::Welcome { hb_ms, win, now, .. } => {
                socket.ahead = now.map_or(0, |now| now.micros() - tokens::now().micros());
                socket.patience = Duration::from_millis(hb_ms.max(500)) * 2;
                socket.window = win.max(1) as usize;
                Ok(socket)
            }
            other => Err(Gone::Lost(format!("the hub greeted with {other:?}"))),
        }
    }

    /// The next frame that this version understands.
    pub(super) async fn receive(&mut self) -> Result<ToClient, Gone> {
        loop {
            let message = match timeout(self.patience, self.stream.next()).await {
                Err(_) => return Err(Gone::Lost("the connection went silent".to_owned())),
                Ok(None) => return Err(Gone::Lost("the hub closed the connection".to_owned())),
                Ok(Some(Err(why))) => return Err(Gone::Lost(sentence(&why))),
                Ok(Some(Ok(message))) => message,
            };
            match message {
                Message::Text(text) => match serde_json::from_str(&text) {
                    Ok(frame) => return Ok(frame),
                    // A newer hub may say more than we know.
                    Err(why) => tracing::debug!(%why, "a frame was left out"),
                },
                Message::Close(frame) => return Err(closed(frame)),
                _ => {}
            }
        }
    }

    pub(super) async fn send(&mut self, frame: &ToServer) -> Result<(), Gone> {
        let text = serde_json::to_string(frame).map_err(|why| Gone::Lost(why.to_string()))?;
        if text.len() > LARGEST {
            return Err(Gone::TooLarge(format!("a frame is at most {LARGEST} bytes")));
        }
        match timeout(self.patience, self.stream.send(Message::text(text))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(why)) => Err(self.last_words().await.unwrap_or_else(|| Gone::Lost(sentence(&why)))),
            Err(_) => Err(Gone::Lost("the connection takes nothing any more".to_owned())),
        }
    }

    /// Why the hub hung up: it stands in its last frame, which may wait to be read when a write already fails. What
    /// comes before it is asked for again on the next connection.
    async fn last_words(&mut self) -> Option<Gone> {
        let close = async {
            while let Some(Ok(message)) = self.stream.next().await {
                if let Message::Close(frame) = message {
                    return Some(closed(frame));
                }
            }
            None
        };
        timeout(CLOSE_PATIENCE, close).await.ok().flatten()
    }

    /// Says goodbye, but does not insist on an answer.
    pub(super) async fn close(mut self) {
        let _ = timeout(CLOSE_PATIENCE, self.stream.close(None)).await;
    }
}

fn address(server: &Url) -> String {
    let base = server.as_str().trim_end_matches('/');
    // `http` becomes `ws` and `https` becomes `wss`.
    format!("ws{}{}", base.trim_start_matches("http"), wire::paths::LIVE)
}

fn closed(frame: Option<CloseFrame>) -> Gone {
    let Some(frame) = frame else { return Gone::Lost("the hub closed the connection".to_owned()) };
    let code = u16::from(frame.code);
    let said = if frame.reason.is_empty() { String::new() } else { format!(": {}", frame.reason) };
    match code {
        close::UNAUTHENTICATED => Gone::Unauthenticated(format!("the hub does not accept the session{said}")),
        close::TOO_LARGE => Gone::TooLarge(frame.reason.to_string()),
        close::RESTART => Gone::Lost("the hub restarts".to_owned()),
        close::SLOW => Gone::Lost("this client read too slowly".to_owned()),
        code => Gone::Lost(format!("the hub closed the connection ({code}{said})")),
    }
}

fn sentence(why: &tungstenite::Error) -> String {
    match why {
        tungstenite::Error::Io(why) => why.to_string(),
        tungstenite::Error::Http(answer) => format!("the hub answered {}", answer.status()),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_where_the_hub_is() {
        assert_eq!(address(&"http://127.0.0.1:8000".parse().unwrap()), "ws://127.0.0.1:8000/api/v1/live");
        assert_eq!(
            address(&"https://example.org/hub/".parse().unwrap()),
            "wss://example.org/hub/api/v1/live"
        );
    }
}
