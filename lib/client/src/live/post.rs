//! The way of messages from the outbox to the hub: what is sent when, and what became of each.

use std::{collections::HashMap, time::Duration};

use tokio::{
    sync::watch,
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep_until},
};
use uuid::Uuid;
use wire::{ClientId, Code, MessageId, Problem, RoomId, Timestamp, events::RoomEvent, frames::ToServer};

use super::{
    LiveEvent,
    errands::{Done, Errand, Errands, Moved, OnTheWay, Stuck},
    sending::Sending,
};
use crate::{
    error::Error,
    hub::Hub,
    outbox::{Outbox, Receipt, View},
    tokens,
};

/// How often is looked for what other processes have put into the outbox, or left there.
const LOOK: Duration = Duration::from_secs(1);
/// The same while a message of this process has to wait for one of theirs.
const GLANCE: Duration = Duration::from_millis(25);
/// An id that is refused for its age so soon after it was made is refused for something else: another one would be as well.
const YOUNG_SECONDS: i64 = 10 * 60;

/// Something that concerns the post.
pub(super) enum News {
    /// The outbox has changed.
    Changed,
    /// A message was looked for in its room; nothing when the search itself failed.
    Sought(Option<Box<Sought>>),
    /// Something that is done for a message beside the socket came further, or to its end.
    OnTheWay(OnTheWay),
}

type Sought = (ClientId, Result<Option<RoomEvent>, Error>);

/// The outbox as one connection after the other serves it.
pub(super) struct Post {
    hub: Hub,
    pub(super) outbox: Outbox,
    view: watch::Receiver<View>,
    /// What was told of each message that waits: whether it was refused.
    told: HashMap<ClientId, (RoomId, bool)>,
    sending: Sending,
    /// Ids that were made because the hub refused an older one, and when.
    renewed: HashMap<ClientId, Timestamp>,
    searches: JoinSet<Sought>,
    errands: Errands,
    look: Option<AbortHandle>,
    /// How far the hub's clock is ahead of this machine's, in microseconds, as the last socket said.
    ahead: i64,
}

impl Post {
    pub(super) fn new(hub: Hub, outbox: Outbox) -> Self {
        let (mut view, sending) = (outbox.watch(), Sending::new(outbox.me()));
        // What is in it already is news here.
        view.mark_changed();
        let look = outbox.is_shared().then(|| tokio::spawn(keep_looking(outbox.clone())).abort_handle());
        let (told, renewed, searches) = (HashMap::new(), HashMap::new(), JoinSet::new());
        let errands = Errands::new(hub.clone());
        Self { hub, outbox, view, told, sending, renewed, searches, errands, look, ahead: 0 }
    }

    /// There is a socket, to a hub whose clock is so far ahead.
    pub(super) fn connected(&mut self, ahead: i64) {
        self.ahead = ahead;
    }

    /// The next thing that concerns the post; nothing is lost when it is not waited for to the end.
    pub(super) async fn next(&mut self) -> News {
        tokio::select! {
            changed = self.view.changed() => match changed {
                Ok(()) => News::Changed,
                // The outbox is gone only together with its owner, which is this.
                Err(_) => std::future::pending().await,
            },
            Some(sought) = self.searches.join_next() => News::Sought(sought.ok().map(Box::new)),
            news = self.errands.next() => News::OnTheWay(news),
        }
    }

    /// Takes what [`Self::next`] brought; [`Self::changes`] tells of what it did to the outbox. What else is to be told
    /// comes back.
    pub(super) async fn take(&mut self, news: News) -> Option<LiveEvent> {
        match news {
            News::Changed | News::Sought(None) => None,
            News::Sought(Some(sought)) => {
                self.found(*sought).await;
                None
            }
            News::OnTheWay(OnTheWay::Moved(moved)) => {
                let Moved { cid, room, name, sent, total } = moved;
                Some(LiveEvent::Uploading { cid, room, name, sent, total })
            }
            News::OnTheWay(OnTheWay::Back(errand)) => self.errand(*errand).await,
            News::OnTheWay(OnTheWay::Lost) => {
                self.sending.all_back();
                None
            }
        }
    }

    /// An errand is over.
    async fn errand(&mut self, (cid, done): Errand) -> Option<LiveEvent> {
        match done {
            Ok(Done::Uploaded(att)) => {
                if let Err(error) = self.outbox.uploaded(cid, att).await {
                    tracing::warn!(%error, "an upload could not be noted");
                    self.sending.retry(cid, Some(LOOK), Instant::now());
                    return None;
                }
                self.sending.back(cid);
                None
            }
            Ok(Done::Asked(sent)) => {
                self.sent(cid, sent.room, sent.pos, sent.id, sent.ts).await;
                None
            }
            Err(Stuck::ForNow) => {
                self.sending.retry(cid, None, Instant::now());
                None
            }
            Err(Stuck::ForGood(problem)) if problem.known() == Some(Code::StaleId) => {
                match self.renew(cid).await {
                    Some(renewed) => Some(renewed),
                    None => self.refused(cid, *problem).await,
                }
            }
            Err(Stuck::ForGood(problem)) => self.refused(cid, *problem).await,
        }
    }

    async fn found(&mut self, (cid, found): Sought) {
        match found {
            Ok(Some(event)) => self.sent(cid, event.room, event.pos, event.id, event.ts).await,
            Ok(None) => self.sending.not_found(cid),
            Err(error) if error.is_transient() => {
                self.sending.retry(cid, None, Instant::now());
            }
            // A room that cannot be read: the hub says why when the message is sent.
            Err(_) => self.sending.not_found(cid),
        }
    }

    /// What has become of messages since this was last asked, as it is to be told.
    pub(super) fn changes(&mut self) -> Vec<LiveEvent> {
        let view = self.view.borrow_and_update().clone();
        let mut events = Vec::new();
        let mut left = std::mem::take(&mut self.told);
        for waiting in &view.waiting {
            let (cid, room) = (waiting.draft.cid, waiting.draft.room);
            let before = left.remove(&cid);
            let failed = waiting.failed.is_some();
            if before.is_none_or(|(_, was)| was && !failed) {
                events.push(LiveEvent::Queued { draft: Box::new(waiting.draft.clone()), at: waiting.at });
            }
            if let Some(problem) = waiting.failed.as_ref().filter(|_| before.is_none_or(|(_, was)| !was)) {
                self.sending.forget(cid);
                events.push(LiveEvent::Refused { cid, room, problem: (**problem).clone() });
            }
            self.told.insert(cid, (room, failed));
        }
        if !left.is_empty() {
            events.extend(self.gone(&view, left));
        }
        events
    }

    /// What became of messages that do not wait any more, in the order in which they were settled.
    fn gone(&mut self, view: &View, mut left: HashMap<ClientId, (RoomId, bool)>) -> Vec<LiveEvent> {
        let mut events = Vec::new();
        left.keys().for_each(|cid| self.sending.forget(*cid));
        for receipt in &view.receipts {
            if left.remove(&receipt.cid).is_some() {
                let Receipt { cid, room, pos, id, ts, .. } = **receipt;
                events.push(LiveEvent::Sent { cid, room, pos, id, ts });
            }
        }
        events.extend(left.into_iter().map(|(cid, (room, _))| LiveEvent::Dropped { cid, room }));
        events
    }

    /// What is to be sent now. Messages of doubtful fate are looked for in their rooms first.
    pub(super) fn ready(&mut self, window: usize, now: Instant) -> Vec<ToServer> {
        let work = self.sending.ready(&self.view.borrow(), window, now, tokens::now());
        for waiting in work.seek {
            let hub = self.hub.clone();
            self.searches.spawn(async move {
                let (cid, room) = (waiting.draft.cid, waiting.draft.room);
                (cid, hub.find_sent(room, cid, waiting.at).await)
            });
        }
        work.errands.iter().for_each(|waiting| self.errands.run(waiting));
        work.frames
    }

    /// When something is to be sent again, if anything is.
    pub(super) fn wake(&self) -> Option<Instant> {
        self.sending.wake()
    }

    /// The hub keeps a message.
    pub(super) async fn sent(&mut self, cid: ClientId, room: RoomId, pos: u64, id: MessageId, ts: Timestamp) {
        if !self.told.contains_key(&cid) {
            return;
        }
        let (out, acked) = (self.sending.out(cid), tokens::now());
        let receipt = Receipt { cid, room, id, pos, ts, queued: None, out, acked };
        if let Err(error) = self.outbox.sent(receipt).await {
            // It is sent again later, and answered with the same place.
            tracing::warn!(%error, "an acknowledgement could not be noted");
            self.sending.retry(cid, Some(LOOK), Instant::now());
        }
    }

    /// The hub refused a message for good. An outbox on disk keeps it for a person to decide; one in memory lets it go.
    pub(super) async fn refused(&mut self, cid: ClientId, problem: Problem) -> Option<LiveEvent> {
        let (room, _) = *self.told.get(&cid)?;
        let noted = if self.outbox.is_shared() {
            self.outbox.failed(cid, problem).await.map(|()| None)
        } else {
            self.told.remove(&cid);
            self.sending.forget(cid);
            self.outbox.withdraw(cid).await.map(|_| Some(LiveEvent::Refused { cid, room, problem }))
        };
        noted.unwrap_or_else(|error| {
            tracing::warn!(%error, "a refusal could not be noted");
            self.sending.retry(cid, Some(LOOK), Instant::now());
            None
        })
    }

    /// The hub does not take a message under an id of that age, and has no trace of it: it gets a new one, made at this
    /// moment of the hub's clock. `None` when that was tried just now.
    pub(super) async fn renew(&mut self, cid: ClientId) -> Option<LiveEvent> {
        let now = tokens::now();
        let told = *self.told.get(&cid)?;
        if self.renewed.get(&cid).is_some_and(|made| is_young(*made, now)) {
            return None;
        }
        let micros = (now.micros() + self.ahead).unsigned_abs();
        let (seconds, nanos) = (micros / 1_000_000, (micros % 1_000_000) as u32 * 1_000);
        let fresh = ClientId(Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos)));
        if let Err(error) = self.outbox.renew(cid, fresh).await {
            tracing::warn!(%error, "a message could not be given a new id");
            return None;
        }
        self.renewed.remove(&cid);
        self.renewed.insert(fresh, now);
        self.told.remove(&cid);
        self.told.insert(fresh, told);
        self.sending.forget(cid);
        Some(LiveEvent::Renewed { cid, fresh, room: told.0 })
    }

    /// The message was not taken, or nobody knows; whether that is its own doing, and not that of one before it. A hub
    /// that only wants to be asked less often is well, and is asked as soon as it says.
    pub(super) fn put_off(&mut self, cid: ClientId, problem: &Problem, after: Option<Duration>) -> bool {
        let now = Instant::now();
        match (problem.known(), after) {
            (Some(Code::RateLimited), Some(after)) => self.sending.slow_down(cid, after, now),
            _ => self.sending.retry(cid, after, now),
        }
    }

    /// Of the messages that are out the largest is what the hub took no frame of: it is refused.
    pub(super) async fn refuse_largest(&mut self, why: &str) -> Option<LiveEvent> {
        let cid = self.sending.largest(&self.view.borrow())?;
        let problem =
            Problem::new(Code::TooLarge, format!("the hub does not take a message so large: {why}"));
        self.refused(cid, problem.hint("send it as a file")).await
    }

    /// The hub does not know what became of it.
    pub(super) fn lost(&mut self, cid: ClientId, now: Instant) {
        self.sending.lost(cid, now);
    }

    /// How long a refusal of the message says nothing yet: an earlier attempt may still be taken.
    pub(super) fn under_way(&self, cid: ClientId, now: Instant) -> Option<Duration> {
        self.sending.under_way(cid, now)
    }

    /// The connection is gone.
    pub(super) fn disconnected(&mut self) {
        // Dropping the set ends the searches that are under way.
        self.searches = JoinSet::new();
        self.sending.disconnected(Instant::now());
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        if let Some(look) = &self.look {
            look.abort();
        }
    }
}

/// Whether an id was made so shortly before that its age is no reason to refuse it.
fn is_young(made: Timestamp, now: Timestamp) -> bool {
    now < made.plus_seconds(YOUNG_SECONDS)
}

async fn keep_looking(outbox: Outbox) {
    let (mut view, mut next, mut look) = (outbox.watch(), Instant::now(), Instant::now());
    loop {
        tokio::select! {
            () = sleep_until(next) => {}
            Ok(()) = view.changed() => {
                if outbox.waits_for_others() {
                    next = next.min(Instant::now() + GLANCE);
                }
                continue;
            }
        }
        let looked = if next >= look { outbox.refresh().await } else { outbox.glance().await };
        if let Err(error) = looked {
            tracing::warn!(%error, "the outbox cannot be read");
        }
        let now = Instant::now();
        if next >= look {
            look = now + LOOK;
        }
        next = if outbox.waits_for_others() { look.min(now + GLANCE) } else { look };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_waits_for_days_may_need_more_than_one_new_id() {
        let made = Timestamp::from_micros(1_800_000_000_000_000);

        assert!(is_young(made, made.plus_seconds(YOUNG_SECONDS - 1)));
        assert!(!is_young(made, made.plus_seconds(2 * 24 * 3600)));
    }
}
