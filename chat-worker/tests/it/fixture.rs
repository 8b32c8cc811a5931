//! A chat-worker on engines of its own, asked as the gateway asks.

use std::sync::Arc;

use mshub_chat_worker::{Config, Engines, MIGRATIONS, run};
use platform::{
    db::Db,
    service::{http_client, internal::InternalKey},
    testing::TestEngines,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use wire::{
    ClientId, MessageId, RoomId, UserId,
    events::{ChatRecord, Head, RoomFact, What},
    paths::{TOPIC_CHAT, fill, internal},
    rooms::EventPage,
};

pub(crate) struct Worker {
    pub(crate) engines: Arc<TestEngines>,
    pub(crate) url: String,
    key: InternalKey,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Worker {
    pub(crate) async fn start() -> Self {
        Self::on(Arc::new(TestEngines::open().await.unwrap())).await
    }

    /// A second one on the same engines.
    pub(crate) async fn beside(&self) -> Self {
        Self::on(self.engines.clone()).await
    }

    /// Starts on engines that an earlier worker may have used.
    pub(crate) async fn on(engines: Arc<TestEngines>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let key = InternalKey::derive(&engines.secret);
        let (ready, is_ready) = oneshot::channel();
        let stop = CancellationToken::new();
        let own = Engines {
            db: Db::open(&engines.database_url(), "chat", MIGRATIONS).await.unwrap(),
            bus: engines.bus.clone(),
            fanout: engines.fanout.clone(),
            clock: engines.clock.clone(),
        };
        let config = Config { key: key.clone() };
        let told = Box::new(|_| ready.send(()).unwrap());
        let task = tokio::spawn(run(config, own, listener, told, stop.clone()));
        is_ready.await.expect("the worker did not start");
        Self { engines, url, key, stop, task }
    }

    /// Stops it as SIGTERM does.
    pub(crate) async fn stop(self) -> Arc<TestEngines> {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
        self.engines
    }

    /// Ends it without a word, as SIGKILL does.
    pub(crate) fn kill(self) -> Arc<TestEngines> {
        self.task.abort();
        self.engines
    }

    pub(crate) async fn append(&self, fact: RoomFact) -> u64 {
        let record = serde_json::to_string(&ChatRecord::RoomV1(fact.clone())).unwrap();
        self.engines.bus.append(TOPIC_CHAT, &fact.room.to_string(), record).await.unwrap().pos
    }

    /// Appends what somebody does in a room.
    pub(crate) async fn does(&self, room: RoomId, by: UserId, what: What) -> u64 {
        self.append(RoomFact { by, what, ..said(room, "") }).await
    }

    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, by: UserId, body: &impl Serialize) -> T {
        let request = http_client().post(format!("{}{path}", self.url)).json(body);
        let response = self.key.sign(request, by).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.json().await.unwrap()
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> T {
        let request = http_client().get(format!("{}{path}", self.url)).query(query);
        let response = self.key.sign(request, UserId::new()).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.json().await.unwrap()
    }

    pub(crate) async fn page(&self, room: RoomId, query: &[(&str, String)]) -> EventPage {
        self.get(&fill(internal::HISTORY, room), query).await
    }

    pub(crate) async fn head(&self, room: RoomId) -> Head {
        self.get(&fill(internal::HEAD, room), &[]).await
    }

    /// A page once the database has followed the log up to a position.
    pub(crate) async fn page_at(&self, room: RoomId, pos: u64) -> EventPage {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
        loop {
            let page = self.page(room, &[]).await;
            if page.persisted >= pos {
                return page;
            }
            assert!(tokio::time::Instant::now() < deadline, "the database stays behind {pos}");
            tokio::task::yield_now().await;
        }
    }
}

pub(crate) fn said(room: RoomId, body: &str) -> RoomFact {
    RoomFact {
        id: MessageId::new(),
        room,
        by: UserId::new(),
        name: "Ann".into(),
        cid: ClientId::new(),
        what: What::said(body),
    }
}
