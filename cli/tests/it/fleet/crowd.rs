//! People who talk while something happens to the hub, and what each of them saw.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use client::{EventsQuery, Hub as Client, Live, LiveEvent};
use tokio::task::JoinHandle;
use wire::{ClientId, RoomId, events::What, rooms::Say};

use super::eventually;

/// Between two messages of one person.
const PAUSE: Duration = Duration::from_millis(100);
/// The last word; whoever has heard it has heard everything.
const END: &str = "this is the end";

/// People in one room, each with a socket of their own.
pub(crate) struct Crowd {
    talking: Vec<JoinHandle<Witness>>,
    mood: Arc<Mood>,
    one: Client,
    room: RoomId,
}

/// What they share.
#[derive(Default)]
struct Mood {
    is_over: AtomicBool,
    /// Messages that were acknowledged, of each person.
    acknowledged: Vec<AtomicUsize>,
    /// People who have nothing to say any more, and all of whose messages were acknowledged.
    silent: AtomicUsize,
}

impl Mood {
    fn acknowledged(&self) -> Vec<usize> {
        self.acknowledged.iter().map(|count| count.load(Ordering::Acquire)).collect()
    }
}

/// What one person said and heard.
struct Witness {
    said: BTreeSet<ClientId>,
    heard: Vec<(u64, ClientId)>,
}

impl Crowd {
    /// They begin to talk. Call it within a runtime.
    pub(crate) fn of(people: Vec<Client>, room: RoomId) -> Self {
        let acknowledged = people.iter().map(|_| AtomicUsize::new(0)).collect();
        let (mood, one) = (Arc::new(Mood { acknowledged, ..Mood::default() }), people[0].clone());
        let talk =
            |(who, client): (usize, Client)| tokio::spawn(talk(client.live(), room, mood.clone(), who));
        let talking = people.into_iter().enumerate().map(talk).collect();
        Self { talking, mood, one, room }
    }

    /// Waits until so many more messages were acknowledged.
    pub(crate) fn goes_on(&self, count: usize) {
        let goal = self.mood.acknowledged().iter().sum::<usize>() + count;
        eventually("people can talk", || {
            (self.mood.acknowledged().iter().sum::<usize>() >= goal).then_some(())
        });
    }

    /// Waits until so many more messages of each person were acknowledged.
    pub(crate) fn everybody_goes_on(&self, count: usize) {
        let before = self.mood.acknowledged();
        eventually("everybody can talk", || {
            let now = self.mood.acknowledged();
            before.iter().zip(now).all(|(before, now)| now >= before + count).then_some(())
        });
    }

    /// Ends the talk: what was acknowledged is in the history once, and everybody heard all of it once and in that
    /// order. Answers with how many messages that were.
    pub(crate) async fn has_lost_nothing(self) -> usize {
        let Self { talking, mood, one, room } = self;
        mood.is_over.store(true, Ordering::Release);
        let silence = async {
            while mood.silent.load(Ordering::Acquire) < talking.len() {
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::time::timeout(super::PATIENCE, silence).await.expect("everything is acknowledged");
        let last = Say { cid: ClientId::new(), body: END.to_owned(), re: None, att: Vec::new() };
        one.say(&room.to_string(), &last).await.unwrap();

        let mut witnesses = Vec::new();
        for talking in talking {
            witnesses.push(
                tokio::time::timeout(super::PATIENCE, talking).await.expect("everything arrives").unwrap(),
            );
        }
        let history = history(&one, room).await;
        let there: BTreeSet<ClientId> = history.iter().map(|(_, cid)| *cid).collect();
        assert_eq!(there.len(), history.len(), "something is there twice");
        for (number, Witness { said, heard }) in witnesses.iter().enumerate() {
            let lost: Vec<_> = said.difference(&there).collect();
            assert!(lost.is_empty(), "of person {number} was lost: {lost:?}");
            let since: Vec<_> = history.iter().skip_while(|event| **event != heard[0]).copied().collect();
            assert_eq!(*heard, since, "person {number} saw another history");
        }
        history.len()
    }
}

/// Talks until it is over, and listens until the last word.
async fn talk(mut live: Live, room: RoomId, mood: Arc<Mood>, who: usize) -> Witness {
    live.subscribe(room, None, 0);
    let mut witness = Witness { said: BTreeSet::new(), heard: Vec::new() };
    let (mut waiting, mut listens, mut is_silent) = (BTreeSet::new(), false, false);
    let mut pause = tokio::time::interval(PAUSE);
    loop {
        let event = tokio::select! {
            event = live.next() => event.expect("the socket is not given up"),
            _ = pause.tick() => {
                let is_over = mood.is_over.load(Ordering::Acquire);
                if !is_over && listens {
                    let cid = live.say(room, format!("word {}", witness.said.len()));
                    waiting.insert(cid);
                    witness.said.insert(cid);
                } else if is_over && waiting.is_empty() && !is_silent {
                    is_silent = true;
                    mood.silent.fetch_add(1, Ordering::AcqRel);
                }
                continue;
            }
        };
        match event {
            LiveEvent::Live { .. } => listens = true,
            LiveEvent::Sent { cid, .. } if waiting.remove(&cid) => {
                mood.acknowledged[who].fetch_add(1, Ordering::AcqRel);
            }
            LiveEvent::Event(event) => {
                if let What::Said { body, .. } = &event.what {
                    witness.heard.push((event.pos, event.cid));
                    if body == END {
                        return witness;
                    }
                }
            }
            LiveEvent::Void { pos, .. } => witness.heard.retain(|(place, _)| !pos.contains(place)),
            wrong @ (LiveEvent::Refused { .. }
            | LiveEvent::Gap { .. }
            | LiveEvent::Differs { .. }
            | LiveEvent::Restarted { .. }
            | LiveEvent::SignedOut { .. }) => panic!("this must not happen: {wrong:?}"),
            _ => {}
        }
    }
}

/// Every message of a room.
async fn history(hub: &Client, room: RoomId) -> Vec<(u64, ClientId)> {
    let (mut messages, mut after) = (Vec::new(), 0);
    loop {
        let query = EventsQuery { after: Some(after), before: None, limit: Some(500) };
        let page = hub.events(&room.to_string(), query).await.unwrap();
        let Some(last) = page.events.last() else { return messages };
        after = last.pos;
        let said = page.events.iter().filter(|event| matches!(event.what, What::Said { .. }));
        messages.extend(said.map(|event| (event.pos, event.cid)));
    }
}
