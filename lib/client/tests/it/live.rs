//! The live socket against a hub that hangs up, falls silent and forgets to answer.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade},
    routing::{any, get, post},
};
use mshub_client::{Health, Live, LiveEvent, SessionStore};
use tokio::sync::{Mutex, mpsc};
use wire::{
    ClientId, Code, JobId, MessageId, RoomId, Timestamp, UserId,
    accounts::Login,
    conversions::Job,
    events::{RoomEvent, What},
    frames::{LogState, Position, SubMode, ToClient, ToServer, close},
    paths,
};

use crate::double::{by_name, job, options, serve, soon, tokens, with_token};

/// The hub's end of one socket.
pub(super) struct End(WebSocket);

impl End {
    pub(super) async fn hear(&mut self) -> ToServer {
        loop {
            match soon(self.0.recv()).await.expect("the client hung up").expect("the client broke off") {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                _ => continue,
            }
        }
    }

    pub(super) async fn say(&mut self, frame: ToClient) {
        let text = serde_json::to_string(&frame).unwrap();
        self.0.send(Message::Text(text.into())).await.unwrap();
    }

    /// Reads the greeting, answers it, and returns the token.
    pub(super) async fn welcome(&mut self, hb_ms: u64) -> String {
        self.welcome_at(hb_ms, None).await
    }

    pub(super) async fn welcome_at(&mut self, hb_ms: u64, now: Option<Timestamp>) -> String {
        let ToServer::Hello { v: 1, tok } = self.hear().await else { panic!("no hello") };
        self.say(ToClient::Welcome { v: 1, uid: UserId::new(), hb_ms, win: 2, now }).await;
        tok
    }

    pub(super) async fn hang_up(mut self, code: u16) {
        let frame = CloseFrame { code, reason: "".into() };
        self.0.send(Message::Close(Some(frame))).await.unwrap();
    }
}

/// Hands every socket that is opened to the test.
pub(super) fn sockets() -> (Router, mpsc::Receiver<End>) {
    let (opened, sockets) = mpsc::channel(8);
    let router = Router::new().route(
        paths::LIVE,
        any(move |upgrade: WebSocketUpgrade| async move {
            upgrade.on_upgrade(move |socket| async move { opened.send(End(socket)).await.unwrap() })
        }),
    );
    (router, sockets)
}

pub(super) async fn next(sockets: &mut mpsc::Receiver<End>) -> End {
    soon(sockets.recv()).await.expect("no socket was opened")
}

/// The next event that is not about the connection itself, nor that a message waits.
pub(super) async fn event(live: &mut Live) -> LiveEvent {
    loop {
        match soon(live.next()).await.expect("the stream ended") {
            LiveEvent::Connected
            | LiveEvent::Reconnecting { .. }
            | LiveEvent::Draining
            | LiveEvent::PutOff { .. }
            | LiveEvent::Queued { .. } => {}
            other => return other,
        }
    }
}

fn said(room: RoomId, pos: u64) -> RoomEvent {
    RoomEvent {
        id: MessageId::new(),
        room,
        pos,
        prev: Some(pos - 1),
        ts: Timestamp::from_micros(0),
        by: UserId::new(),
        name: "Ann".into(),
        cid: ClientId::new(),
        what: What::said(pos.to_string()),
    }
}

async fn position(live: &mut Live) -> u64 {
    match event(live).await {
        LiveEvent::Event(event) => event.pos,
        other => panic!("not an event: {other:?}"),
    }
}

#[tokio::test]
async fn after_a_broken_connection_a_room_goes_on_where_it_stood() {
    let (router, mut sockets) = sockets();
    let mut live = with_token(&serve(router).await, "t").live();
    let room = RoomId::new();
    live.subscribe(room, None, 10);

    let mut first = next(&mut sockets).await;
    first.welcome(25_000).await;
    let ToServer::Sub { id, after: None, tail: 10, .. } = first.hear().await else { panic!("no tail") };
    first
        .say(ToClient::Subbed { id, room, ep: "e".into(), head: 2, mode: SubMode::Tail, persisted: None })
        .await;
    first.say(ToClient::Evs { room, ev: vec![said(room, 1), said(room, 2)] }).await;
    first.say(ToClient::Live { room, pos: 2 }).await;
    assert_eq!((position(&mut live).await, position(&mut live).await), (1, 2));
    assert_eq!(event(&mut live).await, LiveEvent::Live { room, pos: 2 });
    drop(first);

    let mut second = next(&mut sockets).await;
    second.welcome(25_000).await;
    let ToServer::Sub { id, after, .. } = second.hear().await else { panic!("no resume") };
    assert_eq!(after, Some(Position { ep: "e".into(), pos: 2 }));
    second
        .say(ToClient::Subbed { id, room, ep: "e".into(), head: 3, mode: SubMode::Resume, persisted: None })
        .await;
    second.say(ToClient::Evs { room, ev: vec![said(room, 2), said(room, 3)] }).await;
    assert_eq!(position(&mut live).await, 3);
}

#[tokio::test]
async fn how_the_hub_is_is_told_when_that_is_news() {
    let (router, mut sockets) = sockets();
    let mut live = with_token(&serve(router).await, "t").live();
    let beat = |log, behind_ms| ToClient::Hb { log: Some(log), plag_ms: Some(behind_ms) };
    let told = |read_only, minutes_behind| LiveEvent::Health(Health { read_only, minutes_behind });

    let mut first = next(&mut sockets).await;
    first.welcome(25_000).await;
    for (log, behind_ms) in [
        (LogState::Ok, 0),
        (LogState::Ok, 7_000),
        (LogState::Ok, 130_000),
        (LogState::Ok, 140_000),
        (LogState::Ro, 0),
    ] {
        first.say(beat(log, behind_ms)).await;
    }
    assert_eq!((event(&mut live).await, event(&mut live).await), (told(false, 2), told(true, 0)));
    drop(first);

    // Another gateway is well until it says otherwise.
    let mut second = next(&mut sockets).await;
    second.welcome(25_000).await;
    assert_eq!(event(&mut live).await, told(false, 0));
}

#[tokio::test]
async fn a_socket_is_opened_where_the_name_of_the_hub_is_said_to_lead() {
    let (router, mut sockets) = sockets();
    let mut live = by_name(&serve(router).await, "hub.example.org").live();

    next(&mut sockets).await.welcome(25_000).await;

    assert_eq!(soon(live.next()).await, Some(LiveEvent::Connected));
}

#[tokio::test]
async fn what_was_read_last_is_told_before_the_goodbye() {
    let (router, mut sockets) = sockets();
    let live = with_token(&serve(router).await, "t").live();
    let room = RoomId::new();
    live.read(room, 7);
    let mut hub = next(&mut sockets).await;
    hub.welcome(25_000).await;
    let ToServer::Read { pos: 7, .. } = hub.hear().await else { panic!("not told") };

    live.read(room, 9);
    let closing = tokio::spawn(live.close());

    let ToServer::Read { pos: 9, .. } = hub.hear().await else { panic!("not told at the end") };
    assert!(matches!(soon(hub.0.recv()).await, None | Some(Ok(Message::Close(_)) | Err(_))));
    soon(closing).await.unwrap();
}

#[tokio::test]
async fn a_hole_is_repaired_before_what_follows_is_shown() {
    let (router, mut sockets) = sockets();
    let mut live = with_token(&serve(router).await, "t").live();
    let room = RoomId::new();
    live.subscribe(room, Some(Position { ep: "e".into(), pos: 1 }), 0);

    let mut hub = next(&mut sockets).await;
    hub.welcome(25_000).await;
    let ToServer::Sub { id, .. } = hub.hear().await else { panic!("no subscription") };
    hub.say(ToClient::Subbed { id, room, ep: "e".into(), head: 1, mode: SubMode::Resume, persisted: None })
        .await;
    hub.say(ToClient::Live { room, pos: 1 }).await;
    hub.say(ToClient::Ev(said(room, 3))).await;
    let ToServer::Sub { id, after, .. } = hub.hear().await else { panic!("the hole was not asked for") };
    assert_eq!(after.unwrap().pos, 1);
    hub.say(ToClient::Subbed { id, room, ep: "e".into(), head: 3, mode: SubMode::Resume, persisted: None })
        .await;
    hub.say(ToClient::Evs { room, ev: vec![said(room, 2), said(room, 3)] }).await;
    hub.say(ToClient::Live { room, pos: 3 }).await;

    assert_eq!(event(&mut live).await, LiveEvent::Live { room, pos: 1 });
    assert_eq!((position(&mut live).await, position(&mut live).await), (2, 3));
}

#[tokio::test]
async fn what_a_newer_hub_says_beyond_what_is_known_breaks_nothing() {
    let (router, mut sockets) = sockets();
    let mut live = with_token(&serve(router).await, "t").live();
    let room = RoomId::new();
    live.subscribe(room, Some(Position { ep: "e".into(), pos: 0 }), 0);
    let mut hub = next(&mut sockets).await;
    hub.welcome(25_000).await;
    let ToServer::Sub { id, .. } = hub.hear().await else { panic!("no subscription") };

    for frame in [r#"{"t":"hologram","of":"Ann"}"#, r#"{"t":"eph","room":1}"#, r#"{"t":"hb","mood":"fine"}"#]
    {
        hub.0.send(Message::Text(frame.into())).await.unwrap();
    }
    hub.say(ToClient::Subbed { id, room, ep: "e".into(), head: 3, mode: SubMode::Resume, persisted: None })
        .await;
    let [mut first, mut second] =
        [said(room, 1), said(room, 2)].map(|event| serde_json::to_value(event).unwrap());
    first["colour"] = "red".into();
    second["kind"] = "poll_opened".into();
    let events = serde_json::json!({"t": "evs", "room": room, "ev": [first, second], "more": {}}).to_string();
    hub.0.send(Message::Text(events.into())).await.unwrap();
    hub.say(ToClient::Ev(said(room, 3))).await;
    hub.say(ToClient::Live { room, pos: 3 }).await;

    assert_eq!(position(&mut live).await, 1);
    let LiveEvent::Event(unknown) = event(&mut live).await else { panic!("the place of the second is lost") };
    assert_eq!((unknown.pos, unknown.what), (2, What::Unknown));
    assert_eq!(position(&mut live).await, 3);
    assert_eq!(event(&mut live).await, LiveEvent::Live { room, pos: 3 });
}

/// What the database has of a room when it has these events.
fn head(room: RoomId, events: &[RoomEvent]) -> wire::events::Head {
    events.iter().fold(wire::heads::Standing::default(), |at, event| at.after(event)).head(room)
}

#[tokio::test]
async fn what_is_shown_is_checked_against_what_the_database_has() {
    let (router, mut sockets) = sockets();
    let mut live = with_token(&serve(router).await, "t").live();
    let room = RoomId::new();
    live.subscribe(room, Some(Position { ep: "e".into(), pos: 0 }), 0);
    let mut hub = next(&mut sockets).await;
    hub.welcome(25_000).await;
    let ToServer::Sub { id, .. } = hub.hear().await else { panic!("no subscription") };
    let events: Vec<RoomEvent> = (1..=3).map(|pos| said(room, pos)).collect();
    let mut other = events.clone();
    other[1].what = What::said("not what was shown");

    hub.say(ToClient::Subbed { id, room, ep: "e".into(), head: 3, mode: SubMode::Resume, persisted: None })
        .await;
    hub.say(ToClient::Evs { room, ev: events.clone() }).await;
    hub.say(ToClient::Wm { r: vec![head(room, &events[..1])] }).await;
    hub.say(ToClient::Wm { r: vec![head(room, &other)] }).await;

    loop {
        match event(&mut live).await {
            LiveEvent::Differs { after, upto, .. } => break assert_eq!((after, upto), (1, 3)),
            LiveEvent::Event(_) | LiveEvent::Head(_) => {}
            unexpected => panic!("{unexpected:?}"),
        }
    }
}

#[tokio::test]
async fn a_message_keeps_its_id_until_it_is_acknowledged() {
    let (router, mut sockets) = sockets();
    let mut live = with_token(&serve(router).await, "t").live();
    let room = RoomId::new();
    let cid = live.say(room, "hi".into());

    let mut first = next(&mut sockets).await;
    first.welcome(25_000).await;
    assert_eq!(
        first.hear().await,
        ToServer::Send { cid, room, body: "hi".into(), re: None, att: Vec::new() }
    );
    drop(first);
    let mut second = next(&mut sockets).await;
    second.welcome(25_000).await;
    assert_eq!(
        second.hear().await,
        ToServer::Send { cid, room, body: "hi".into(), re: None, att: Vec::new() }
    );
    let unsure = |cid, retry, unknown| ToClient::Err {
        cid: Some(cid),
        id: None,
        room: Some(room),
        code: Code::LogUnavailable.name().into(),
        detail: "later".into(),
        retry,
        unknown,
        after_ms: None,
    };
    second.say(unsure(cid, false, true)).await;
    assert_eq!(
        second.hear().await,
        ToServer::Send { cid, room, body: "hi".into(), re: None, att: Vec::new() }
    );
    let (id, ts) = (MessageId::new(), Timestamp::from_micros(5));
    let ok = ToClient::Ok { cid, room, pos: 9, id, ts, dup: true };
    second.say(ok.clone()).await;
    second.say(ok).await;

    assert_eq!(event(&mut live).await, LiveEvent::Sent { cid, room, pos: 9, id, ts });
    let next_cid = live.say(room, "x".into());
    assert!(matches!(second.hear().await, ToServer::Send { cid, .. } if cid == next_cid));
    second.say(unsure(next_cid, false, false)).await;
    assert!(matches!(event(&mut live).await, LiveEvent::Refused { cid, problem, .. }
        if cid == next_cid && problem.code == "MSH-5030"));
}

#[tokio::test]
async fn silence_for_two_heartbeats_means_that_nobody_is_there() {
    let (router, mut sockets) = sockets();
    let mut live = with_token(&serve(router).await, "t").live();

    let mut silent = next(&mut sockets).await;
    silent.welcome(500).await;
    let again = next(&mut sockets).await;

    assert_eq!(soon(live.next()).await, Some(LiveEvent::Connected));
    assert!(matches!(soon(live.next()).await, Some(LiveEvent::Reconnecting { attempt: 1, .. })));
    drop((silent, again));
}

#[tokio::test]
async fn a_token_from_outside_that_is_refused_ends_the_stream() {
    let (router, mut sockets) = sockets();
    let mut live = with_token(&serve(router).await, "t").live();

    let mut hub = next(&mut sockets).await;
    assert!(matches!(hub.hear().await, ToServer::Hello { .. }));
    hub.hang_up(close::UNAUTHENTICATED).await;

    assert!(matches!(event(&mut live).await, LiveEvent::SignedOut { .. }));
    assert_eq!(soon(live.next()).await, None);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let (router, mut sockets) = sockets();
    let router = router
        .route(paths::LOGIN, post(|| async { tokens("a0", "r0", 600) }))
        .route(paths::REFRESH, post(|| async { tokens("a1", "r1", 600) }));
    let hub = mshub_client::Hub::new(serve(router).await, SessionStore::Memory, options()).unwrap();
    let login = Login { email: "ann@example.org".into(), password: "x".into(), device: None };
    soon(hub.login(&login)).await.unwrap();
    let mut live = hub.live();

    let mut first = next(&mut sockets).await;
    assert!(matches!(first.hear().await, ToServer::Hello { tok, .. } if tok == "a0"));
    first.hang_up(close::UNAUTHENTICATED).await;
    let mut second = next(&mut sockets).await;
    assert_eq!(second.welcome(25_000).await, "a1");

    let events = [soon(live.next()).await.unwrap(), soon(live.next()).await.unwrap()];
    assert!(matches!(events, [LiveEvent::Reconnecting { .. }, LiveEvent::Connected]), "{events:?}");
}

#[tokio::test]
async fn a_hub_that_is_about_to_stop_is_left_at_once() {
    let (router, mut sockets) = sockets();
    let mut live = with_token(&serve(router).await, "t").live();

    let mut first = next(&mut sockets).await;
    first.welcome(25_000).await;
    first.say(ToClient::Drain { spread_ms: 20 }).await;
    let mut second = next(&mut sockets).await;
    second.welcome(25_000).await;

    assert_eq!(soon(live.next()).await, Some(LiveEvent::Connected));
    assert_eq!(soon(live.next()).await, Some(LiveEvent::Draining));
    assert!(matches!(soon(live.next()).await, Some(LiveEvent::Reconnecting { in_ms: 0, .. })));
}

#[tokio::test]
async fn who_comes_back_says_how_far_it_heard_of_conversions_that_have_not_ended() {
    let (router, mut sockets) = sockets();
    let mut live = with_token(&serve(router).await, "t").live();
    live.watch_jobs(true);
    let mut first = next(&mut sockets).await;
    first.welcome(25_000).await;
    assert_eq!(first.hear().await, ToServer::Jobs { on: true, after: BTreeMap::new() });
    let ids: [JobId; 2] = ["01930000-0000-7000-8000-00000000000a", "01930000-0000-7000-8000-00000000000b"]
        .map(|id| id.parse().unwrap());
    for (id, state, seq) in [(ids[0], "queued", 1), (ids[1], "in_progress", 2), (ids[0], "completed", 3)] {
        let job: Job = serde_json::from_value(job(state, seq)).unwrap();
        first.say(ToClient::Job { job: Box::new(Job { id, ..job }) }).await;
    }
    while !matches!(soon(live.next()).await, Some(LiveEvent::Job(job)) if job.seq == 3) {}

    first.say(ToClient::Drain { spread_ms: 20 }).await;
    let mut second = next(&mut sockets).await;
    second.welcome(25_000).await;

    let after = BTreeMap::from([(ids[1], 2)]);
    assert_eq!(second.hear().await, ToServer::Jobs { on: true, after });
}

#[tokio::test]
async fn a_waiter_hears_of_the_end_over_the_socket() {
    let (router, mut sockets) = sockets();
    let asked = Arc::new(Mutex::new(0));
    let router = router.route(
        paths::CONVERSION,
        get(move || async move {
            *asked.lock().await += 1;
            Json(job("queued", 1))
        }),
    );
    let hub = with_token(&serve(router).await, "t");
    let id: JobId = "01930000-0000-7000-8000-00000000000a".parse().unwrap();
    let waiting = tokio::spawn(async move { hub.wait_job(id, Some(Duration::from_secs(60)), |_| {}).await });

    let mut socket = next(&mut sockets).await;
    socket.welcome(25_000).await;
    assert_eq!(socket.hear().await, ToServer::Jobs { on: true, after: BTreeMap::new() });
    let done = serde_json::from_value(job("completed", 3)).unwrap();
    socket.say(ToClient::Job { job: Box::new(done) }).await;

    assert_eq!(soon(waiting).await.unwrap().unwrap().seq, 3);
}
