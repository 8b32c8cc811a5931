//! The chat-worker stands still, is away for ten minutes and comes back, and nobody who talks notices.

use std::time::Duration;

use client::{Draft, Error, EventsQuery, Hub as Client, Live, LiveEvent, SearchQuery};
use platform::{Clock, fanout::Subscription};
use wire::{
    ClientId, Code, Problem, RoomId,
    events::{Hint, RoomEvent},
    heads::Standing,
    paths::SUBJECT_HINTS,
    rooms::{NewRoom, Say},
};

use crate::parts::{PATIENCE, Site};

/// Longer than a gateway remembers by itself.
const LONG_AGO: i64 = 16 * 60;
const MINUTE: i64 = 60;
/// Messages of a minute.
const TALK: u32 = 300;

/// Positions and texts, in the order of the log.
type Said = Vec<(u64, String)>;

#[tokio::test(flavor = "multi_thread")]
async fn ten_minutes_without_a_chat_worker_are_missing_nowhere() {
    let site = Site::open().await;
    let (worker, earlier) = (site.worker().await, site.gateway().await);
    let (ann, bob) = (earlier.person("ann").await, earlier.person("bob").await);
    let general = NewRoom { name: "general".into(), private: false, topic: String::new() };
    let room = ann.new_room(&general).await.unwrap().id;
    bob.join("general").await.unwrap();
    let before = say(&ann, &site.clock, room, "before").await;
    stored(&ann, newest(&before)).await;
    indexed(&ann, "before", TALK as usize).await;
    earlier.stop().await;
    // The next gateway finds in its memory nothing of what was said until now.
    site.clock.advance(LONG_AGO);
    let gateway = site.gateway().await;
    let (ann, bob) = (gateway.signed_in("ann").await, gateway.signed_in("bob").await);
    let mut live = bob.live();
    live.subscribe(room, None, 0);
    while !matches!(next(&mut live).await, LiveEvent::Live { .. }) {}

    // The worker answers, and what it has is old: its database is held by somebody else.
    let (db, held) = site.hold_history().await;
    let mut said = before.clone();
    said.extend(talk(&ann, &site.clock, &mut live, room, "standing").await);
    assert_eq!(history(&bob).await, said, "the database and the log make one history");
    assert_eq!(bob.head("general").await.unwrap().pos, newest(&before), "the database says how far it is");
    assert_eq!(found(&bob, "before").await.unwrap(), before.len(), "what is stored is found");
    assert_eq!(found(&bob, "standing").await.unwrap(), 0, "and nothing else");
    let unread = bob.room("general").await.unwrap().unread;
    assert_eq!(unread, Some(said.len() as u64), "what only the log has counts");

    // It goes away with a batch in hand that it could not write.
    site.shut_the_door();
    worker.stop().await;
    for minute in 0..10 {
        site.clock.advance(MINUTE);
        said.extend(talk(&ann, &site.clock, &mut live, room, &format!("minute{minute}")).await);
    }
    let by_hand = Say { cid: made_now(&site.clock), body: "over HTTP".into(), re: None, att: Vec::new() };
    said.push((ann.say("general", &by_hand).await.unwrap().pos, by_hand.body));
    assert_eq!(history(&bob).await, said, "the log alone has it");
    let away = found(&bob, "before").await.unwrap_err();
    assert_eq!(away.problem().and_then(Problem::known), Some(Code::UpstreamDown), "{away}");
    assert_eq!(bob.room("general").await.unwrap().unread, None, "rooms are there, without counts");

    drop(held);
    db.close().await;
    let mut hints = site.engines.fanout().await.unwrap().subscribe(SUBJECT_HINTS).await;
    let worker = site.worker().await;
    let batches = batches(&mut hints, room, newest(&said)).await;
    assert!(batches <= 1 + said.len() / 100, "{batches} transactions for {} messages", said.len());
    assert_eq!(history(&bob).await, said);
    let standing =
        events(&bob).await.iter().fold(Standing::default(), |standing, event| standing.after(event));
    assert_eq!(bob.head("general").await.unwrap(), standing.head(room));
    assert_eq!(bob.room("general").await.unwrap().unread, Some(said.len() as u64));
    indexed(&bob, "minute9", TALK as usize).await;
    assert_eq!(found(&bob, "standing").await.unwrap(), TALK as usize);
    gateway.stop().await;
    worker.stop().await;
    site.engines.close().await;
}

/// Somebody talks, and somebody else hears all of it at once.
async fn talk(who: &Client, clock: &Clock, live: &mut Live, room: RoomId, word: &str) -> Said {
    let (said, heard) = tokio::join!(say(who, clock, room, word), hear(live));
    assert_eq!(heard, said, "{word}");
    said
}

/// Says messages over the socket and waits until all of them are acknowledged.
async fn say(who: &Client, clock: &Clock, room: RoomId, word: &str) -> Said {
    let mut live = who.live();
    let draft = |n| Draft { cid: made_now(clock), ..Draft::new(room, format!("{word} {n}")) };
    let drafts: Vec<Draft> = (0..TALK).map(draft).collect();
    drafts.iter().for_each(|draft| live.send(draft.clone()));
    let mut said = Said::new();
    while said.len() < drafts.len() {
        match next(&mut live).await {
            LiveEvent::Sent { cid, pos, .. } => {
                let draft = drafts.iter().find(|draft| draft.cid == cid).expect("nobody else says anything");
                said.push((pos, draft.body.clone()));
            }
            LiveEvent::Refused { problem, .. } => panic!("{problem}"),
            _ => {}
        }
    }
    said.sort();
    said
}

/// Listens until as many messages were heard as one says.
async fn hear(live: &mut Live) -> Said {
    let mut heard = Said::new();
    while heard.len() < TALK as usize {
        if let LiveEvent::Event(event) = next(live).await
            && event.what.kind() == "said"
        {
            heard.push((event.pos, event.what.body().to_owned()));
        }
    }
    heard
}

async fn next(live: &mut Live) -> LiveEvent {
    tokio::time::timeout(PATIENCE, live.next()).await.expect("nothing more is heard").unwrap()
}

fn newest(said: &Said) -> u64 {
    said.last().map_or(0, |(pos, _)| *pos)
}

/// An id of the hub's time, which is not that of this machine.
fn made_now(clock: &Clock) -> ClientId {
    let mut bytes = ClientId::new().0.into_bytes();
    let millis = u64::try_from(clock.now().micros() / 1_000).unwrap();
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    hex::encode(bytes).parse().unwrap()
}

/// Everything that happened, page after page.
async fn events(who: &Client) -> Vec<RoomEvent> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let query = EventsQuery { after: Some(after), limit: Some(500), before: None };
        let page = who.events("general", query).await.unwrap();
        after = page.events.last().map_or(after, |event| event.pos);
        all.extend(page.events);
        if !page.more {
            return all;
        }
    }
}

/// What was said, by the events from the oldest on and by the messages from the newest on: the same.
async fn history(who: &Client) -> Said {
    let events = events(who).await.into_iter().filter(|event| event.what.kind() == "said");
    let said: Said = events.map(|event| (event.pos, event.what.body().to_owned())).collect();
    let (mut messages, mut before) = (Said::new(), None);
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

/// How many messages a search finds.
async fn found(who: &Client, word: &str) -> Result<usize, Error> {
    let mut query = SearchQuery { text: word.to_owned(), limit: Some(100), ..SearchQuery::default() };
    let mut count = 0;
    loop {
        let page = who.search(&query).await?;
        count += page.items.len();
        query.cursor = page.next;
        if query.cursor.is_none() {
            return Ok(count);
        }
    }
}

/// Waits until a search finds so many.
async fn indexed(who: &Client, word: &str, count: usize) {
    until("the index does not catch up", async || found(who, word).await.unwrap() == count).await;
}

/// Waits until the database has a room up to a position.
async fn stored(who: &Client, pos: u64) {
    until("the worker does not catch up", async || who.head("general").await.unwrap().pos >= pos).await;
}

async fn until(or_else: &str, is_so: impl AsyncFn() -> bool) {
    let reached = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect(or_else);
}

/// In how many transactions the database comes to a position of a room.
async fn batches(hints: &mut Subscription, room: RoomId, pos: u64) -> usize {
    let mut batches = 0;
    loop {
        let hint = tokio::time::timeout(PATIENCE, hints.next()).await.expect("nothing is taken in").unwrap();
        if let Ok(Hint::Persisted { heads }) = serde_json::from_str(&hint) {
            batches += 1;
            if heads.iter().any(|head| head.room == room && head.pos >= pos) {
                return batches;
            }
        }
    }
}
