//! What a gateway cannot know by itself it has from the real chat-worker: what was sent long ago, what somebody missed who
//! was away for long, and how far the database is.

use client::{Draft, Health, Hub as Client, Live, LiveEvent};
use wire::{
    ClientId, RoomId, Timestamp,
    frames::Position,
    messages::{Act, Op},
    rooms::{NewRoom, Say, Sent},
};

use crate::parts::{PATIENCE, Part, Site};

/// Longer than a gateway remembers by itself.
const LONG_AGO: i64 = 16 * 60;
/// An id of so long ago is taken only where there is a trace of it.
const YESTERDAY: i64 = 25 * 3_600;

async fn general(ann: &Client) -> RoomId {
    let general = NewRoom { name: "general".into(), private: false, topic: String::new() };
    ann.new_room(&general).await.unwrap().id
}

/// Waits until the database has everything up to a position.
async fn stored(who: &Client, pos: u64) {
    let stored = async {
        while who.head("general").await.unwrap().pos < pos {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, stored).await.expect("the database stays behind");
}

/// Another gateway, some time later, and the same person at it.
async fn later(site: &Site, gateway: Part, seconds: i64, name: &str) -> (Part, Client) {
    gateway.stop().await;
    site.clock.advance(seconds);
    let gateway = site.gateway().await;
    let person = gateway.signed_in(name).await;
    (gateway, person)
}

/// The answer to a message over the socket.
async fn sent(who: &Client, draft: Draft) -> (u64, Timestamp) {
    let mut live = who.live();
    live.send(draft);
    loop {
        match next(&mut live).await {
            LiveEvent::Sent { pos, ts, .. } => return (pos, ts),
            LiveEvent::Refused { problem, .. } => panic!("{problem}"),
            _ => {}
        }
    }
}

async fn next(live: &mut Live) -> LiveEvent {
    tokio::time::timeout(PATIENCE, live.next()).await.expect("nothing more is heard").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_there_once_however_late_it_is_sent_again() {
    let site = Site::open().await;
    let (worker, mut gateway) = (site.worker().await, site.gateway().await);
    let mut ann = gateway.person("ann").await;
    let room = general(&ann).await;
    let say = Say { cid: ClientId::new(), body: "once".into(), re: None, att: Vec::new() };
    let first = ann.say("general", &say).await.unwrap();
    stored(&ann, first.pos).await;
    let again = Sent { dup: true, ..first.clone() };

    for seconds in [LONG_AGO, YESTERDAY] {
        (gateway, ann) = later(&site, gateway, seconds, "ann").await;
        assert_eq!(ann.say("general", &say).await.unwrap(), again, "{seconds} seconds later");
        // Over the socket, at a gateway that was not asked yet.
        (gateway, ann) = later(&site, gateway, LONG_AGO, "ann").await;
        let draft = Draft { cid: say.cid, ..Draft::new(room, say.body.clone()) };
        assert_eq!(sent(&ann, draft).await, (first.pos, first.ts));
    }
    let redact = Act { cid: made_now(&site), tgt: first.pos, op: Op::Redact };
    let redacted = ann.act("general", &redact).await.unwrap();
    stored(&ann, redacted.pos).await;
    (gateway, ann) = later(&site, gateway, LONG_AGO, "ann").await;

    assert_eq!(ann.say("general", &say).await.unwrap(), again, "the text is gone, and the message is not");
    assert_eq!(ann.act("general", &redact).await.unwrap(), Sent { dup: true, ..redacted.clone() });
    let events = ann.events("general", client::EventsQuery::default()).await.unwrap().events;
    let kinds: Vec<_> = events.iter().map(|event| (event.pos, event.what.kind())).collect();
    assert_eq!(kinds[kinds.len() - 2..], [(first.pos, "said"), (redacted.pos, "redacted")], "{kinds:?}");
    gateway.stop().await;
    worker.stop().await;
    site.engines.close().await;
}

/// An id of the hub's time, which is not that of this machine.
fn made_now(site: &Site) -> ClientId {
    let millis = u64::try_from(site.clock.now().micros() / 1_000).unwrap();
    let random = uuid::Uuid::new_v4().as_bytes()[..10].try_into().unwrap();
    ClientId(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_very_much_that_only_the_database_has_the_newest_come_after_a_gap() {
    for (count, bytes) in [(1_300, 1), (800, 4 * 1024)] {
        let site = Site::open().await;
        let (worker, gateway) = (site.worker().await, site.gateway().await);
        let ann = gateway.person("ann").await;
        let room = general(&ann).await;
        let said = say_many(&ann, room, count, &"x".repeat(bytes)).await;
        stored(&ann, *said.last().unwrap()).await;
        let ep = ann.events("general", client::EventsQuery::default()).await.unwrap().ep;
        let (gateway, ann) = later(&site, gateway, LONG_AGO, "ann").await;

        let mut live = ann.live();
        let (before, newest) = (said[0], &said[said.len() - 200..]);
        live.subscribe(room, Some(Position { ep, pos: before }), 0);
        let (mut heard, mut gaps) = (Vec::new(), Vec::new());
        loop {
            match next(&mut live).await {
                LiveEvent::Event(event) => heard.push(event.pos),
                LiveEvent::Gap { from, to, .. } => gaps.push((from, to, heard.len())),
                LiveEvent::Live { .. } => break,
                _ => {}
            }
        }

        // Some pages from the oldest on, then the gap, and the newest two hundred: nothing twice, and nothing between.
        let [(from, to, at)] = gaps[..] else { panic!("{count}: {gaps:?}") };
        assert_eq!((heard[..at].last(), to), (Some(&from), newest[0]), "{count}");
        assert_eq!((&heard[..at], &heard[at..]), (&said[1..=at], newest), "{count}");
        gateway.stop().await;
        worker.stop().await;
        site.engines.close().await;
    }
}

async fn say_many(who: &Client, room: RoomId, count: usize, body: &str) -> Vec<u64> {
    let mut live = who.live();
    for _ in 0..count {
        live.send(Draft::new(room, body.to_owned()));
    }
    let mut said = Vec::new();
    while said.len() < count {
        match next(&mut live).await {
            LiveEvent::Sent { pos, .. } => said.push(pos),
            LiveEvent::Refused { problem, .. } => panic!("{problem}"),
            _ => {}
        }
    }
    said.sort_unstable();
    said
}

/// What somebody who comes now is told of the hub, besides the room.
async fn told(who: &Client, room: RoomId) -> Option<Health> {
    let mut live = who.live();
    live.subscribe(room, None, 0);
    let mut told = None;
    loop {
        match next(&mut live).await {
            LiveEvent::Health(health) => told = Some(health),
            LiveEvent::Live { .. } => return told,
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_while_the_database_is_behind_is_told_so() {
    let site = Site::open().await;
    let (worker, gateway) = (site.worker().await, site.gateway().await);
    let ann = gateway.person("ann").await;
    let room = general(&ann).await;
    let before = told(&ann, room).await;

    let (db, held) = site.hold_history().await;
    let said = say_many(&ann, room, 1, "is anybody writing this down?").await;
    site.clock.advance(130);
    let late = async {
        loop {
            if let Some(health) = told(&ann, room).await {
                return health;
            }
        }
    };
    let late = tokio::time::timeout(PATIENCE, late).await.expect("nobody says how far the database is");
    drop(held);
    db.close().await;
    stored(&ann, said[0]).await;
    let well = async { while told(&ann, room).await.is_some() {} };
    tokio::time::timeout(PATIENCE, well).await.expect("it stays behind");

    assert_eq!((before, late), (None, Health { read_only: false, minutes_behind: 2 }));
    gateway.stop().await;
    worker.stop().await;
    site.engines.close().await;
}
