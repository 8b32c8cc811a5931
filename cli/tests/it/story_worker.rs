//! The chat-worker stands still, goes away and comes back, and nobody who talks notices.

use std::{net::SocketAddr, num::NonZeroU32, time::Duration};

use chat_worker::MIGRATIONS;
use client::{EventsQuery, Hub as Client, Live, LiveEvent, Options, SessionStore};
use platform::{
    Clock,
    db::{Db, Transaction},
    engines::{Opener, Urls},
    service::internal::InternalKey,
};
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{oneshot, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use wire::{
    ClientId, RoomId, Timestamp,
    accounts::{Login, SignUp},
    events::RoomEvent,
    heads::Standing,
    rooms::{NewRoom, Say},
};

use crate::hub::password;

const SECRET: &[u8] = b"a secret for tests, 32 bytes long";
const PATIENCE: Duration = Duration::from_secs(120);
/// Longer than a gateway remembers by itself.
const LONG_AGO: i64 = 16 * 60;

/// What outlives the parts of a hub.
struct Site {
    folder: TempDir,
    clock: Clock,
    engines: Opener,
    door: Door,
}

/// A part of the hub in this process.
struct Part {
    url: String,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

/// The one address that the gateway has of the worker, whoever is behind it.
struct Door {
    url: String,
    to: watch::Sender<Option<SocketAddr>>,
}

impl Door {
    async fn make() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (to, through) = watch::channel(None);
        tokio::spawn(async move {
            while let Ok((mut here, _)) = listener.accept().await {
                let there: Option<SocketAddr> = *through.borrow();
                let Some(there) = there else { continue };
                tokio::spawn(async move {
                    let Ok(mut there) = TcpStream::connect(there).await else { return };
                    // However it ends, the gateway asks again.
                    let _ = tokio::io::copy_bidirectional(&mut here, &mut there).await;
                });
            }
        });
        Self { url, to }
    }
}

impl Site {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::held(Clock::System.now());
        let urls = Urls::default().or_embedded_in(folder.path());
        let engines = Opener::new(urls, SECRET, clock.clone());
        Self { folder, clock, engines, door: Door::make().await }
    }

    async fn gateway(&self) -> Part {
        let engines = server::Engines::open(&self.engines).await.unwrap();
        let api = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", api.local_addr().unwrap());
        let config = server::Config {
            public_url: url.parse().unwrap(),
            issuer: None,
            chat_workers: vec![self.door.url.parse().unwrap()],
            // Nobody listens there.
            convert_workers: vec!["http://127.0.0.1:9".parse().unwrap()],
            secret: server::Secret(SECRET.to_vec()),
            admin_email: None,
            max_upload_bytes: 1024,
            max_user_files_bytes: 1024,
            sends_per_second: NonZeroU32::new(1_000_000).unwrap(),
        };
        let (stop, (tell, ready)) = (CancellationToken::new(), oneshot::channel());
        let listeners = server::Listeners { api, web: None };
        let told = Box::new(|_| tell.send(()).expect("the test waits for it"));
        let task = tokio::spawn(server::run(config, engines, listeners, told, stop.clone()));
        ready.await.expect("the gateway did not start");
        Part { url, stop, task }
    }

    async fn worker(&self) -> Part {
        let engines = chat_worker::Engines::open(&self.engines).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = chat_worker::Config { key: InternalKey::derive(SECRET) };
        let (stop, (tell, ready)) = (CancellationToken::new(), oneshot::channel());
        let told = Box::new(|_| tell.send(()).expect("the test waits for it"));
        let task = tokio::spawn(chat_worker::run(config, engines, listener, told, stop.clone()));
        ready.await.expect("the worker did not start");
        self.door.to.send_replace(Some(address));
        Part { url: address.to_string(), stop, task }
    }

    /// Keeps everybody else from writing the history, until it is dropped.
    async fn hold_history(&self) -> (Db, Transaction) {
        let url = format!("sqlite:{}", self.folder.path().join("db").display());
        let db = Db::open(&url, "chat", MIGRATIONS).await.unwrap();
        let held = db.begin().await.unwrap();
        (db, held)
    }
}

impl Part {
    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }

    async fn person(&self, name: &str) -> Client {
        let hub = Client::new(self.url.parse().unwrap(), SessionStore::Memory, Options::default()).unwrap();
        let email = format!("{name}@example.org");
        let sign_up = SignUp { email: email.clone(), name: name.to_owned(), password: password(name) };
        hub.sign_up(&sign_up).await.unwrap();
        let mail = hub.wait_for_kept_mail(&email, Timestamp::from_micros(0), PATIENCE).await.unwrap();
        hub.verify(&mail.link.unwrap()).await.unwrap();
        self.signed_in(name).await
    }

    async fn signed_in(&self, name: &str) -> Client {
        let hub = Client::new(self.url.parse().unwrap(), SessionStore::Memory, Options::default()).unwrap();
        let email = format!("{name}@example.org");
        hub.login(&Login { email, password: password(name), device: None }).await.unwrap();
        hub
    }
}

type Said = Vec<(u64, String)>;

/// Says messages over the socket and waits until all of them are acknowledged; in the order of the log.
async fn say(who: &Client, room: RoomId, numbers: std::ops::Range<u32>) -> Said {
    let mut live = who.live();
    let bodies: Vec<(ClientId, String)> =
        numbers.map(|number| (live.say(room, number.to_string()), number.to_string())).collect();
    let mut said = Said::new();
    while said.len() < bodies.len() {
        match next(&mut live).await {
            LiveEvent::Sent { cid, pos, .. } => {
                let (_, body) = bodies.iter().find(|(sent, _)| *sent == cid).unwrap();
                said.push((pos, body.clone()));
            }
            LiveEvent::Refused { problem, .. } => panic!("{problem}"),
            _ => {}
        }
    }
    said.sort();
    said
}

async fn next(live: &mut Live) -> LiveEvent {
    tokio::time::timeout(PATIENCE, live.next()).await.expect("nothing more is heard").unwrap()
}

/// Listens until so many messages were heard.
async fn hear(live: &mut Live, count: usize) -> Said {
    let mut heard = Said::new();
    while heard.len() < count {
        if let LiveEvent::Event(event) = next(live).await
            && event.what.kind() == "said"
        {
            heard.push((event.pos, event.what.body().to_owned()));
        }
    }
    heard
}

/// Everything that happened, page after page.
async fn events(who: &Client) -> Vec<RoomEvent> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let query = EventsQuery { after: Some(after), limit: Some(500), before: None };
        let page = who.events("general", query).await.unwrap();
        assert!(page.events.len() <= 500);
        after = page.events.last().map_or(after, |event| event.pos);
        all.extend(page.events);
        if !page.more {
            return all;
        }
    }
}

/// What was said, by the events and by the messages, from the oldest and from the newest on: the same.
async fn history(who: &Client) -> Said {
    let said: Said = events(who)
        .await
        .into_iter()
        .filter(|event| event.what.kind() == "said")
        .map(|event| (event.pos, event.what.body().to_owned()))
        .collect();
    let (mut messages, mut before) = (Vec::new(), None);
    loop {
        let query = EventsQuery { before, limit: Some(500), after: None };
        let page = who.messages("general", query).await.unwrap();
        before = page.messages.first().map(|message| message.pos);
        messages.splice(0..0, page.messages.into_iter().map(|message| (message.pos, message.body)));
        if !page.more || before.is_none() {
            break;
        }
    }
    assert_eq!(messages, said);
    said
}

async fn stored(who: &Client, pos: u64) {
    let reached = async {
        while who.head("general").await.unwrap().pos < pos {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect("the worker does not catch up");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_is_whole_while_the_worker_is_away_and_the_same_when_it_is_back() {
    let site = Site::open().await;
    let (worker, earlier) = (site.worker().await, site.gateway().await);
    let (ann, bob) = (earlier.person("ann").await, earlier.person("bob").await);
    let general = NewRoom { name: "general".into(), private: false, topic: String::new() };
    let room = ann.new_room(&general).await.unwrap().id;
    bob.join("general").await.unwrap();
    let mut said = say(&ann, room, 0..200).await;
    stored(&ann, said.last().unwrap().0).await;
    earlier.stop().await;
    // The next gateway finds in its memory nothing of what was said until now.
    site.clock.advance(LONG_AGO);
    let gateway = site.gateway().await;
    let (ann, bob) = (gateway.signed_in("ann").await, gateway.signed_in("bob").await);
    let mut live = bob.live();
    live.subscribe(room, None, 0);
    while !matches!(next(&mut live).await, LiveEvent::Live { .. }) {}

    let (db, held) = site.hold_history().await;
    let fresh = say(&ann, room, 200..900).await;
    assert_eq!(hear(&mut live, fresh.len()).await, fresh, "live goes on while the worker stands still");
    said.extend(fresh);
    assert_eq!(history(&bob).await, said, "the database and the log make one history");

    site.door.to.send_replace(None);
    worker.stop().await;
    let fresh = say(&ann, room, 900..1_600).await;
    assert_eq!(hear(&mut live, fresh.len()).await, fresh, "live goes on while the worker is away");
    said.extend(fresh);
    let by_hand = Say { cid: ClientId::new(), body: "over HTTP".into(), re: None, att: Vec::new() };
    said.push((ann.say("general", &by_hand).await.unwrap().pos, by_hand.body));
    assert_eq!(history(&bob).await, said, "the log alone has it");

    drop(held);
    db.close().await;
    let worker = site.worker().await;
    stored(&bob, said.last().unwrap().0).await;
    assert_eq!(history(&bob).await, said);
    let standing =
        events(&bob).await.iter().fold(Standing::default(), |standing, event| standing.after(event));
    assert_eq!(bob.head("general").await.unwrap(), standing.head(room));
    gateway.stop().await;
    worker.stop().await;
    site.engines.close().await;
}
