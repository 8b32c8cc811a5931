//! What of the outbox is sent now: in order within each room, as many at once as the hub takes, again until the hub
//! has answered.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;
use uuid::Uuid;
use wire::{ClientId, RoomId, Timestamp, frames::ToServer};

use crate::{
    backoff,
    outbox::{Draft, View, Waiting},
};

/// A message whose fate has been unknown for longer is looked for in the room before it is sent again: by then no
/// earlier attempt can still be under way.
const DOUBTFUL_SECONDS: i64 = 10 * 60;
/// So long after its answer was lost an attempt may still come into the log: a gateway that cannot reach it gives a
/// message up after half of that. Another gateway that refuses the message meanwhile cannot know of it.
const UNDER_WAY: Duration = Duration::from_secs(10);
/// How long another process that lives may take over its message before one that needs it out of the way sends it too.
const OTHERS_FIRST: Duration = Duration::from_secs(1);

/// How far this process is with the messages of an outbox.
#[derive(Debug)]
pub(crate) struct Sending {
    me: Uuid,
    messages: HashMap<ClientId, Progress>,
    /// Since when a message of another process has been in the way.
    others: HashMap<Uuid, Instant>,
    /// How many went out.
    count: u64,
    /// When the first message that waits for nothing but time is due.
    wake: Option<Instant>,
}

#[derive(Debug)]
struct Progress {
    room: RoomId,
    failures: u32,
    /// Which one it was to go out, the last time it did.
    nth: u64,
    state: State,
    /// When it first went out.
    out: Option<Timestamp>,
    /// Whether it was looked for in the room since it last went out, and was not there.
    missing: bool,
    /// When the answer to an attempt was last lost: by the hub, by the connection's end, or by that of the process before.
    lost: Option<Instant>,
}

#[derive(Debug, PartialEq)]
enum State {
    /// To be sent as soon as there is room in the window.
    Due,
    /// Sent on this connection; no answer yet.
    Sent,
    /// Being looked for in the room.
    Sought,
    /// Done over HTTP, whatever becomes of the connection.
    Away,
    /// To be sent again at this moment.
    Later(Instant),
}

/// What is to be done now.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// Frames to send, in this order.
    pub(crate) frames: Vec<ToServer>,
    /// Messages to look for in their rooms.
    pub(crate) seek: Vec<Arc<Waiting>>,
    /// Messages whose files are to be uploaded, or that are asked for over HTTP.
    pub(crate) errands: Vec<Arc<Waiting>>,
}

impl Sending {
    pub(crate) fn new(me: Uuid) -> Self {
        Self { me, messages: HashMap::new(), others: HashMap::new(), count: 0, wake: None }
    }

    /// What to do now: at most `window` messages are out at once, and none overtakes an older one of its room.
    pub(crate) fn ready(&mut self, view: &View, window: usize, now: Instant, clock: Timestamp) -> Work {
        let out = self.messages.values().filter(|progress| progress.state == State::Sent).count();
        let mut free = window.saturating_sub(out);
        let last = self.last_of_mine(view);
        let (mut work, mut held, mut talking) = (Work::default(), HashSet::new(), HashSet::new());
        self.wake = None;
        self.others.retain(|owner, _| view.waiting.iter().any(|waiting| waiting.owner == *owner));
        for (index, waiting) in view.waiting.iter().enumerate() {
            let room = waiting.draft.room;
            // A message of another process matters when one of this process stands behind it.
            if waiting.failed.is_some()
                || held.contains(&room)
                || last.get(&room).is_none_or(|last| index > *last)
            {
                continue;
            }
            let progress = self.messages.entry(waiting.draft.cid).or_insert_with(|| {
                let is_theirs = waiting.owner != self.me;
                let since = is_theirs.then(|| *self.others.entry(waiting.owner).or_insert(now));
                Progress::of(waiting, since, now)
            });
            let due = match progress.state {
                State::Sent => {
                    talking.insert(room);
                    continue;
                }
                State::Due => true,
                State::Later(when) if when > now => {
                    self.wake = Some(self.wake.map_or(when, |wake| wake.min(when)));
                    false
                }
                State::Later(_) => true,
                State::Sought | State::Away => false,
            };
            if due && progress.is_doubtful(waiting, clock) {
                progress.state = State::Sought;
                work.seek.push(waiting.clone());
            }
            if !due || progress.state == State::Sought {
                held.insert(room);
                continue;
            }
            let uploads = waiting.draft.wants_upload();
            if uploads || waiting.draft.convert.is_some() {
                // What goes another way must not come before what is still under way on this one.
                if uploads || !talking.contains(&room) {
                    progress.state = State::Away;
                    work.errands.push(waiting.clone());
                }
                held.insert(room);
                continue;
            }
            if free == 0 {
                held.insert(room);
                continue;
            }
            free -= 1;
            progress.state = State::Sent;
            self.count += 1;
            progress.nth = self.count;
            progress.out.get_or_insert(clock);
            talking.insert(room);
            work.frames.push(frame(waiting));
        }
        work
    }

    /// The index of this process' last message of each room.
    fn last_of_mine(&self, view: &View) -> HashMap<RoomId, usize> {
        let mine = view.waiting.iter().enumerate();
        let mine = mine.filter(|(_, waiting)| waiting.owner == self.me && waiting.failed.is_none());
        mine.map(|(index, waiting)| (waiting.draft.room, index)).collect()
    }

    /// When [`Sending::ready`] has something to do again, if only time has to pass for it.
    pub(crate) fn wake(&self) -> Option<Instant> {
        self.wake
    }

    /// When a message first went out from here.
    pub(crate) fn out(&self, cid: ClientId) -> Option<Timestamp> {
        self.messages.get(&cid)?.out
    }

    /// The message is settled, or somebody else's matter.
    pub(crate) fn forget(&mut self, cid: ClientId) {
        self.messages.remove(&cid);
    }

    /// The message was not taken, or nobody knows: it is sent again after a while. Not so one that went out behind
    /// another that waits now: it goes with that. Whether it has to wait for itself.
    pub(crate) fn retry(&mut self, cid: ClientId, after: Option<Duration>, now: Instant) -> bool {
        let Some(progress) = self.put_off(cid, now) else { return false };
        let wait = after.unwrap_or_default() + backoff::full_jitter(progress.failures);
        progress.failures += 1;
        progress.state = State::Later(now + wait);
        true
    }

    /// The same when the hub wants to be asked again after this time and not later.
    pub(crate) fn slow_down(&mut self, cid: ClientId, after: Duration, now: Instant) -> bool {
        let Some(progress) = self.put_off(cid, now) else { return false };
        progress.state = State::Later(now + after + backoff::full_jitter(0));
        true
    }

    fn put_off(&mut self, cid: ClientId, now: Instant) -> Option<&mut Progress> {
        let (room, nth) = self.messages.get(&cid).map(|progress| (progress.room, progress.nth))?;
        let waits = |other: &Progress| matches!(other.state, State::Later(when) if when > now);
        let follows =
            self.messages.values().any(|other| other.room == room && other.nth < nth && waits(other));
        let progress = self.messages.get_mut(&cid)?;
        if follows {
            progress.state = State::Due;
            return None;
        }
        Some(progress)
    }

    /// The largest of the messages that are out.
    pub(crate) fn largest(&self, view: &View) -> Option<ClientId> {
        let is_out = |cid| self.messages.get(&cid).is_some_and(|progress| progress.state == State::Sent);
        let out = view.waiting.iter().filter(|waiting| is_out(waiting.draft.cid));
        let length = |waiting: &Waiting| serde_json::to_vec(&frame(waiting)).map_or(0, |text| text.len());
        out.max_by_key(|waiting| length(waiting)).map(|waiting| waiting.draft.cid)
    }

    /// The hub does not know what became of an attempt.
    pub(crate) fn lost(&mut self, cid: ClientId, now: Instant) {
        if let Some(progress) = self.messages.get_mut(&cid) {
            progress.lost = Some(now);
        }
    }

    /// How long an earlier attempt may still be under way, whatever a gateway says of a later one.
    pub(crate) fn under_way(&self, cid: ClientId, now: Instant) -> Option<Duration> {
        let lost = self.messages.get(&cid)?.lost?;
        (lost + UNDER_WAY).checked_duration_since(now).filter(|left| !left.is_zero())
    }

    /// What was done over HTTP for the message is done: what is next can be.
    pub(crate) fn back(&mut self, cid: ClientId) {
        if let Some(progress) = self.messages.get_mut(&cid) {
            progress.state = State::Due;
        }
    }

    /// Nobody knows what was done over HTTP and for whom: all of it is done again.
    pub(crate) fn all_back(&mut self) {
        let away = self.messages.values_mut().filter(|progress| progress.state == State::Away);
        away.for_each(|progress| progress.state = State::Due);
    }

    /// The message is not in its room: it can be sent.
    pub(crate) fn not_found(&mut self, cid: ClientId) {
        if let Some(progress) = self.messages.get_mut(&cid) {
            progress.missing = true;
            progress.state = State::Due;
        }
    }

    /// The connection is gone: what was out on it may or may not have arrived, so it is sent again.
    pub(crate) fn disconnected(&mut self, now: Instant) {
        for progress in self.messages.values_mut() {
            if progress.state == State::Away {
                continue;
            }
            if progress.state == State::Sent {
                progress.missing = false;
                progress.lost = Some(now);
            }
            progress.state = State::Due;
        }
    }
}

impl Progress {
    /// `since` is there when it is another process', from when on that was waited for.
    fn of(waiting: &Waiting, since: Option<Instant>, now: Instant) -> Self {
        let state = since.map_or(State::Due, |since| State::Later(since + OTHERS_FIRST));
        // Who left it may have sent it a moment ago.
        let lost = waiting.inherited.then_some(now);
        Self { room: waiting.draft.room, failures: 0, nth: 0, state, out: None, missing: false, lost }
    }

    /// Whether it may have been sent so long ago that the room is asked first.
    fn is_doubtful(&self, waiting: &Waiting, clock: Timestamp) -> bool {
        let tried = self.out.or(waiting.inherited.then_some(waiting.at));
        !self.missing && tried.is_some_and(|tried| tried.plus_seconds(DOUBTFUL_SECONDS) < clock)
    }
}

fn frame(waiting: &Waiting) -> ToServer {
    let Draft { cid, room, body, re, att, files: _, convert: _ } = waiting.draft.clone();
    ToServer::Send { cid, room, body, re, att }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000)
    }

    fn view(messages: &[(RoomId, &str, Uuid)]) -> View {
        let waiting = messages.iter().map(|(room, body, owner)| {
            let draft = Draft::new(*room, (*body).to_owned());
            Arc::new(Waiting { draft, at: clock(), failed: None, owner: *owner, inherited: false })
        });
        View { waiting: waiting.collect(), receipts: Vec::new() }
    }

    fn sent(work: &Work) -> Vec<&str> {
        let bodies = work.frames.iter().map(|frame| match frame {
            ToServer::Send { body, .. } => body.as_str(),
            other => panic!("not a send: {other:?}"),
        });
        bodies.collect()
    }

    fn settle(view: &mut View, sending: &mut Sending, index: usize) -> ClientId {
        let cid = view.waiting.remove(index).draft.cid;
        sending.forget(cid);
        cid
    }

    #[test]
    fn no_more_than_the_window_is_out_at_once_and_the_oldest_goes_first() {
        let (room, me, now) = (RoomId::new(), Uuid::now_v7(), Instant::now());
        let mut view = view(&[(room, "a", me), (room, "b", me), (room, "c", me)]);
        let mut sending = Sending::new(me);

        assert_eq!(sent(&sending.ready(&view, 2, now, clock())), ["a", "b"]);
        assert!(sending.ready(&view, 2, now, clock()).frames.is_empty());

        settle(&mut view, &mut sending, 0);
        assert_eq!(sent(&sending.ready(&view, 2, now, clock())), ["c"]);
    }

    #[test]
    fn a_message_that_has_to_wait_is_not_overtaken_within_its_room() {
        let (room, other, me, now) = (RoomId::new(), RoomId::new(), Uuid::now_v7(), Instant::now());
        let view = view(&[(room, "a", me), (room, "b", me), (other, "x", me)]);
        let mut sending = Sending::new(me);
        sending.ready(&view, 1, now, clock());

        sending.retry(view.waiting[0].draft.cid, Some(Duration::from_secs(5)), now);

        assert_eq!(sent(&sending.ready(&view, 9, now, clock())), ["x"]);
        let later = sending.wake().unwrap();
        assert!(later >= now + Duration::from_secs(5));
        assert_eq!(sent(&sending.ready(&view, 9, later, clock())), ["a", "b"]);
    }

    #[test]
    fn what_went_out_behind_one_that_has_to_wait_goes_with_it() {
        let (room, me, now) = (RoomId::new(), Uuid::now_v7(), Instant::now());
        let view = view(&[(room, "a", me), (room, "b", me), (room, "c", me)]);
        let [a, b, c] = [0, 1, 2].map(|index| view.waiting[index].draft.cid);
        let mut sending = Sending::new(me);
        let mut now = now;

        for _ in 0..40 {
            assert_eq!(sent(&sending.ready(&view, 9, now, clock())), ["a", "b", "c"]);
            assert!(sending.slow_down(a, Duration::from_secs(1), now));
            assert!(![b, c].map(|cid| sending.retry(cid, Some(Duration::from_secs(1)), now)).contains(&true));
            assert!(sending.ready(&view, 9, now, clock()).frames.is_empty());
            let wake = sending.wake().unwrap();
            assert!(
                wake < now + Duration::from_secs(2),
                "however often the hub wants to be asked less often"
            );
            now = wake;
        }
    }

    #[test]
    fn the_largest_that_is_out_is_what_a_hub_takes_no_frame_of() {
        let (room, me, now) = (RoomId::new(), Uuid::now_v7(), Instant::now());
        let long = "\u{1}".repeat(100);
        let view = view(&[(room, "a longer text", me), (room, &long, me), (room, &"x".repeat(900), me)]);
        let mut sending = Sending::new(me);
        assert_eq!(sending.largest(&view), None);

        sending.ready(&view, 2, now, clock());

        assert_eq!(sending.largest(&view), Some(view.waiting[1].draft.cid), "the third is not out");
    }

    #[test]
    fn what_was_out_on_a_lost_connection_is_sent_again_in_order() {
        let (room, me, now) = (RoomId::new(), Uuid::now_v7(), Instant::now());
        let mut view = view(&[(room, "a", me), (room, "b", me), (room, "c", me)]);
        let mut sending = Sending::new(me);
        sending.ready(&view, 9, now, clock());
        settle(&mut view, &mut sending, 1);

        sending.disconnected(now);

        assert_eq!(sent(&sending.ready(&view, 9, now, clock())), ["a", "c"]);
    }

    #[test]
    fn an_attempt_whose_answer_was_lost_may_be_under_way_for_a_while() {
        let (room, me, now) = (RoomId::new(), Uuid::now_v7(), Instant::now());
        let mut view = view(&[(room, "a", me), (room, "b", me), (room, "left by somebody", me)]);
        Arc::make_mut(&mut view.waiting[2]).inherited = true;
        let mut sending = Sending::new(me);
        sending.ready(&view, 1, now, clock());
        sending.disconnected(now);
        sending.ready(&view, 9, now, clock());

        let [out, never_out, inherited] = [0, 1, 2].map(|index| {
            let cid = view.waiting[index].draft.cid;
            let later = now + Duration::from_secs(4);
            [sending.under_way(cid, later), sending.under_way(cid, now + UNDER_WAY)]
        });

        let left = [Some(Duration::from_secs(6)), None];
        assert_eq!((out, never_out, inherited), (left, [None; 2], left));
    }

    #[test]
    fn what_another_process_sends_is_left_to_it_unless_it_is_in_the_way() {
        let (room, other, now) = (RoomId::new(), RoomId::new(), Instant::now());
        let (me, somebody) = (Uuid::now_v7(), Uuid::now_v7());
        let view = view(&[
            (room, "theirs", somebody),
            (room, "also theirs", somebody),
            (room, "mine", me),
            (other, "theirs too", somebody),
        ]);
        let mut sending = Sending::new(me);

        assert!(sending.ready(&view, 9, now, clock()).frames.is_empty(), "they get a moment");
        let later = sending.wake().unwrap();
        assert_eq!(sent(&sending.ready(&view, 9, later, clock())), ["theirs", "also theirs", "mine"]);
    }

    #[test]
    fn nobody_is_woken_for_what_is_settled_or_waits_for_more_than_time() {
        let (room, now, me, somebody) = (RoomId::new(), Instant::now(), Uuid::now_v7(), Uuid::now_v7());
        let mut theirs_first = view(&[(room, "theirs", somebody), (room, "mine", me)]);
        let mut sending = Sending::new(me);
        sending.ready(&theirs_first, 9, now, clock());
        let later = sending.wake().unwrap();
        theirs_first.waiting.remove(0);
        sending.ready(&theirs_first, 9, later, clock());
        assert_eq!(sending.wake(), None, "somebody else has sent theirs");

        let mine = view(&[(room, "a", me), (room, "b", me)]);
        let mut sending = Sending::new(me);
        sending.ready(&mine, 9, now, clock());
        sending.retry(mine.waiting[1].draft.cid, None, now);
        sending.ready(&mine, 1, now + Duration::from_secs(60), clock());
        assert_eq!(sending.wake(), None, "the window is full");
    }

    #[test]
    fn what_may_have_been_sent_long_ago_is_looked_for_first_and_holds_back_its_room() {
        let (room, me, now) = (RoomId::new(), Uuid::now_v7(), Instant::now());
        let mut view = view(&[(room, "old", me), (room, "new", me)]);
        let old = Arc::make_mut(&mut view.waiting[0]);
        (old.at, old.inherited) = (clock().plus_seconds(-DOUBTFUL_SECONDS - 1), true);
        let cid = old.draft.cid;
        let mut sending = Sending::new(me);

        let work = sending.ready(&view, 9, now, clock());
        assert!(work.frames.is_empty());
        assert_eq!(work.seek.len(), 1);
        assert!(sending.ready(&view, 9, now, clock()).seek.is_empty(), "once is enough");

        sending.not_found(cid);
        assert_eq!(sent(&sending.ready(&view, 9, now, clock())), ["old", "new"]);
    }

    #[test]
    fn an_outage_of_hours_makes_what_was_out_before_it_doubtful() {
        let (room, me, now) = (RoomId::new(), Uuid::now_v7(), Instant::now());
        let view = view(&[(room, "out", me), (room, "never out", me)]);
        let mut sending = Sending::new(me);
        sending.ready(&view, 1, now, clock());
        sending.disconnected(now);

        let work = sending.ready(&view, 9, now, clock().plus_seconds(3_600));

        assert_eq!(work.seek.len(), 1);
        assert_eq!(work.seek[0].draft.body, "out");
    }
}
