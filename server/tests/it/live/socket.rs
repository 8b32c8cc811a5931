//! A client of the live socket that does nothing by itself: what it says and hears is the protocol.

use std::{collections::VecDeque, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, protocol::CloseFrame},
};
use uuid::{Builder, Uuid};

use crate::fixture::{Server, access, eventually};

const DEADLINE: Duration = Duration::from_secs(60);

/// One open socket.
pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Heard and not asked for yet.
    heard: VecDeque<Value>,
    /// What passed, and was not asked for yet.
    passed: VecDeque<Value>,
    beats: Vec<Value>,
    next_sub: u64,
}

impl Socket {
    /// Connects without a word.
    pub(crate) async fn connect(server: &Server) -> Self {
        let url = server.url("/api/v1/live").replacen("http", "ws", 1);
        let (stream, _) = connect_async(url).await.unwrap();
        Self { stream, heard: VecDeque::new(), passed: VecDeque::new(), beats: Vec::new(), next_sub: 1 }
    }

    /// Connects and is welcome.
    pub(crate) async fn open(server: &Server, token: &str) -> Self {
        let mut socket = Self::connect(server).await;
        socket.say(json!({ "t": "hello", "v": 1, "tok": token })).await;
        let welcome = socket.next().await;
        assert_eq!(welcome["t"], "welcome", "{welcome}");
        socket
    }

    /// Whether the answer to `hello` was a welcome, and not the end.
    pub(crate) async fn is_welcome(&mut self) -> bool {
        self.read().await.is_ok_and(|frame| frame["t"] == "welcome")
    }

    /// What is below the frames.
    pub(crate) fn stream(&mut self) -> &mut MaybeTlsStream<TcpStream> {
        self.stream.get_mut()
    }

    pub(crate) async fn say(&mut self, frame: Value) {
        self.text(frame.to_string()).await;
    }

    pub(crate) async fn text(&mut self, text: String) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    /// Says something that is no text.
    pub(crate) async fn bytes(&mut self, bytes: &'static [u8]) {
        self.stream.send(Message::binary(bytes)).await.unwrap();
    }

    /// Sends a message; answers with its `cid`.
    pub(crate) async fn send(&mut self, room: &str, body: &str) -> String {
        let cid = Uuid::now_v7().to_string();
        self.send_as(&cid, room, body).await;
        cid
    }

    pub(crate) async fn send_as(&mut self, cid: &str, room: &str, body: &str) {
        self.say(json!({ "t": "send", "cid": cid, "room": room, "body": body })).await;
    }

    /// Sends a message and waits for its answer, `ok` or `err`.
    pub(crate) async fn sent(&mut self, room: &str, body: &str) -> Value {
        let cid = self.send(room, body).await;
        self.answer(&cid).await
    }

    /// The answer to a message.
    pub(crate) async fn answer(&mut self, cid: &str) -> Value {
        self.wait(|frame| frame["cid"] == cid && frame["t"] != "ev").await
    }

    /// Follows a room from a place, or from now on, and waits until it is live; answers with `subbed`.
    pub(crate) async fn follow(&mut self, room: &str, after: Option<Value>) -> Value {
        let subbed = self.subscribe(room, after, 0).await;
        self.until("live").await;
        subbed
    }

    /// Asks to follow a room; answers with `subbed` or `err`.
    pub(crate) async fn subscribe(&mut self, room: &str, after: Option<Value>, tail: u32) -> Value {
        let id = self.next_sub;
        self.next_sub += 1;
        let mut sub = json!({ "t": "sub", "id": id, "room": room, "tail": tail });
        if let Some(after) = after {
            sub["after"] = after;
        }
        self.say(sub).await;
        self.wait(|frame| frame["id"] == id && (frame["t"] == "subbed" || frame["t"] == "err")).await
    }

    /// The first frame `eph` that fits; the others are kept for later.
    pub(crate) async fn passing(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            if let Some(at) = self.passed.iter().position(&fits) {
                return self.passed.remove(at).unwrap();
            }
            let frame = self.read_one().await.unwrap_or_else(|close| panic!("closed: {close:?}"));
            self.keep(frame);
        }
    }

    /// The first heartbeat that says that of the log.
    pub(crate) async fn heartbeat(&mut self, log: &str) {
        while self.beats.iter().all(|beat| beat["log"] != log) {
            let frame = self.read_one().await.unwrap_or_else(|close| panic!("closed: {close:?}"));
            self.keep(frame);
        }
    }

    /// What passed so far and was not asked for.
    pub(crate) fn passed(&mut self) -> &[Value] {
        self.passed.make_contiguous()
    }

    pub(crate) fn forget_passed(&mut self) {
        self.passed.clear();
    }

    /// The next frame that is not a heartbeat, a watermark, or something that passes.
    pub(crate) async fn next(&mut self) -> Value {
        match self.heard.pop_front() {
            Some(frame) => frame,
            None => self.read().await.unwrap_or_else(|close| panic!("closed: {close:?}")),
        }
    }

    /// The first frame of a kind; those before it are passed over.
    pub(crate) async fn until(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["t"] == kind {
                return frame;
            }
        }
    }

    /// The first frame that fits; the others are kept for later.
    pub(crate) async fn wait(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.heard.iter().position(&fits) {
            return self.heard.remove(at).unwrap();
        }
        loop {
            let frame = self.read().await.unwrap_or_else(|close| panic!("closed: {close:?}"));
            if fits(&frame) {
                return frame;
            }
            self.heard.push_back(frame);
        }
    }

    /// Messages as they are heard, until there are so many: position, predecessor and body.
    pub(crate) async fn bodies(&mut self, count: usize) -> Vec<(u64, Option<u64>, String)> {
        let mut bodies = Vec::new();
        while bodies.len() < count {
            let frame = self.next().await;
            bodies.extend(events(&frame).filter(|event| event["kind"] == "said").map(|event| {
                let body = event["body"].as_str().unwrap().to_owned();
                (event["pos"].as_u64().unwrap(), event["prev"].as_u64(), body)
            }));
        }
        bodies
    }

    /// Everything until the hub closes the socket, and the code it closes with.
    pub(crate) async fn closed(mut self) -> (Vec<Value>, u16) {
        let mut frames = Vec::from(std::mem::take(&mut self.heard));
        loop {
            match self.read().await {
                Ok(frame) => frames.push(frame),
                Err(close) => return (frames, close.map_or(1006, |close| close.code.into())),
            }
        }
    }

    async fn read(&mut self) -> Result<Value, Option<CloseFrame>> {
        loop {
            let frame = self.read_one().await?;
            if frame["t"] != "eph" && frame["t"] != "hb" {
                return Ok(frame);
            }
            self.keep(frame);
        }
    }

    /// Keeps a frame that was not asked for yet.
    fn keep(&mut self, frame: Value) {
        match frame["t"].as_str() {
            Some("eph") => self.passed.push_back(frame),
            Some("hb") => self.beats.push(frame),
            _ => self.heard.push_back(frame),
        }
    }

    async fn read_one(&mut self) -> Result<Value, Option<CloseFrame>> {
        loop {
            let next =
                tokio::time::timeout(DEADLINE, self.stream.next()).await.expect("the hub says nothing");
            match next {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    if frame["t"] != "wm" {
                        return Ok(frame);
                    }
                }
                Some(Ok(Message::Close(close))) => return Err(close),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }
}

/// A message id that was made at a moment.
pub(crate) fn made_at(seconds: i64) -> String {
    let millis = u64::try_from(seconds).unwrap() * 1_000;
    let random = Uuid::new_v4().as_bytes()[..10].try_into().unwrap();
    Builder::from_unix_timestamp_millis(millis, &random).into_uuid().to_string()
}

/// The events of a frame.
pub(crate) fn events(frame: &Value) -> impl Iterator<Item = &Value> {
    let one = (frame["t"] == "ev").then_some(frame);
    let several = (frame["t"] == "evs").then(|| frame["ev"].as_array().unwrap().iter());
    one.into_iter().chain(several.into_iter().flatten())
}

/// Somebody signed in.
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) token: String,
}

impl Person {
    pub(crate) async fn new(server: &Server, name: &str) -> Self {
        let tokens = server.account(&format!("{name}@example.org"), name).await;
        let token = access(&tokens).to_owned();
        let me = server.get("/api/v1/me", &token).await.good();
        Self { id: me["id"].as_str().unwrap().to_owned(), token }
    }

    /// Makes a public room; answers with its id when the log has it.
    pub(crate) async fn room(&self, server: &Server, name: &str) -> String {
        let room = server.post("/api/v1/rooms", &self.token, json!({ "name": name })).await.good();
        let id = room["id"].as_str().unwrap().to_owned();
        self.is_logged(server, &id).await;
        id
    }

    /// Joins a room, and waits until the log has it.
    pub(crate) async fn join(&self, server: &Server, room: &str) {
        server.post(&format!("/api/v1/rooms/{room}/join"), &self.token, json!({})).await.good();
        self.is_logged(server, room).await;
    }

    async fn is_logged(&self, server: &Server, room: &str) {
        let path = format!("/api/v1/rooms/{room}/events");
        eventually("the log has it", async || {
            let page = server.get(&path, &self.token).await.good();
            let own = |event: &Value| event["by"] == self.id && event["kind"] != "said";
            page["events"].as_array().unwrap().iter().any(own).then_some(())
        })
        .await;
    }

    pub(crate) async fn leave(&self, server: &Server, room: &str) {
        server.post(&format!("/api/v1/rooms/{room}/leave"), &self.token, json!({})).await;
    }
}
