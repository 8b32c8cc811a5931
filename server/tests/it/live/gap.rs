//! Who was away for very much: the newest, and a gap before them that can be fetched.

use serde_json::{Value, json};

use super::socket::{Person, Socket, events};
use crate::fixture::Server;

/// What a resume gives after a gap.
const NEWEST: usize = 200;

/// Two people in a room, one of whom goes away.
struct Away {
    server: Server,
    ann: Person,
    bob: Person,
    room: String,
    /// Where the one who is away was last.
    at: Value,
}

impl Away {
    async fn begin() -> Self {
        let server = Server::start_with(|config| config.sends_per_second = 100_000.try_into().unwrap()).await;
        let (ann, bob) = (Person::new(&server, "ann").await, Person::new(&server, "bob").await);
        let room = ann.room(&server, "general").await;
        bob.join(&server, &room).await;
        let mut there = Socket::open(&server, &bob.token).await;
        let subbed = there.follow(&room, None).await;
        let at = json!({ "ep": subbed["ep"], "pos": subbed["head"] });
        Self { server, ann, bob, room, at }
    }

    /// The other says so many messages; their positions.
    async fn say(&self, count: usize, body: &str) -> Vec<u64> {
        let mut here = Socket::open(&self.server, &self.ann.token).await;
        let mut positions = Vec::new();
        while positions.len() < count {
            let mut cids = Vec::new();
            for _ in 0..16.min(count - positions.len()) {
                cids.push(here.send(&self.room, body).await);
            }
            for cid in cids {
                positions.push(here.answer(&cid).await["pos"].as_u64().unwrap());
            }
        }
        positions
    }

    /// Comes back: the gap, if there was one, and the positions that came, up to `live`.
    async fn come_back(&self) -> (Option<Value>, Vec<u64>) {
        let mut there = Socket::open(&self.server, &self.bob.token).await;
        let subbed = there.subscribe(&self.room, Some(self.at.clone()), 0).await;
        assert_eq!(subbed["mode"], "resume", "{subbed}");
        let (mut gap, mut heard) = (None, Vec::new());
        loop {
            let frame = there.next().await;
            match frame["t"].as_str() {
                Some("gap") => {
                    assert!(gap.is_none() && heard.is_empty(), "the gap comes first, and once: {frame}");
                    gap = Some(frame);
                }
                Some("live") => return (gap, heard),
                _ => heard.extend(events(&frame).map(|event| event["pos"].as_u64().unwrap())),
            }
        }
    }

    /// The gap that leaves these out and nothing else.
    fn gap_before(&self, first: u64) -> Value {
        json!({ "t": "gap", "room": self.room, "from": self.at["pos"], "to": first })
    }
}

#[tokio::test]
async fn of_more_than_a_thousand_events_the_newest_two_hundred_come_after_a_gap() {
    let away = Away::begin().await;

    let mut said = away.say(1_000, "x").await;
    let (none, all) = away.come_back().await;
    said.extend(away.say(300, "x").await);
    let (gap, newest) = away.come_back().await;

    assert_eq!((none, &all[..]), (None, &said[..1_000]));
    assert_eq!(newest, said[said.len() - NEWEST..]);
    assert_eq!(gap, Some(away.gap_before(newest[0])));
    // What was left out is there to be fetched, in pages of five hundred at most.
    let path = format!("/api/v1/rooms/{}/events?after={}&limit=100000", away.room, away.at["pos"]);
    let page = away.server.get(&path, &away.bob.token).await.good();
    let fetched: Vec<u64> =
        page["events"].as_array().unwrap().iter().map(|event| event["pos"].as_u64().unwrap()).collect();
    assert_eq!((&fetched[..], &page["more"]), (&said[..500], &json!(true)));
}

#[tokio::test]
async fn of_more_than_a_mebibyte_of_events_the_newest_two_hundred_come_after_a_gap() {
    let away = Away::begin().await;

    // Fewer than a thousand; their texts alone are larger.
    let said = away.say(NEWEST + 20, &"x".repeat(5 * 1024)).await;
    let (gap, newest) = away.come_back().await;

    assert_eq!(newest, said[20..]);
    assert_eq!(gap, Some(away.gap_before(newest[0])));
}
