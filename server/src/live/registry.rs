//! What is live on this gateway. Locks are held for memory only, never across a wait, and rooms are spread over
//! several of them.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use platform::{
    bus::{AppendError, Bus, Positions},
    mutants::{self, Mutant},
};
use tokio::sync::{Semaphore, watch};
use wire::{
    MessageId, RoomId, Timestamp, UserId,
    events::{Head, RoomEvent},
    frames::{LogState, Presence, ToClient},
    rooms::Sent,
};

use super::{
    attempts::{Claimed, Key, Landing, Waiter},
    encoded,
    limits::{CATCH_UPS_PER_CORE, LATE_MS, LOG_READERS, OUTCOME},
    line::{Line, Round},
    locked,
    partition::{Partition, Place},
    people::People,
    presence::Crowd,
    room::{Change, Kept, Reach, Room, SocketId},
};

const SHARDS: usize = 16;

type Rooms = HashMap<RoomId, Room>;

/// Everything that is live on this gateway.
pub(crate) struct Registry {
    bus: Bus,
    /// By number, once the log was looked at.
    partitions: OnceLock<Vec<Partition>>,
    rooms: [Mutex<Rooms>; SHARDS],
    pub(super) people: People,
    pub(super) crowd: Crowd,
    /// Turns to ask the database or the log for a catch-up.
    pub(super) turns: Semaphore,
    /// Turns to read the log itself.
    pub(super) log_turns: Semaphore,
    read_only: AtomicBool,
    lag_ms: AtomicU64,
}

impl Registry {
    pub(crate) fn new(bus: Bus) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            bus,
            partitions: OnceLock::new(),
            rooms: std::array::from_fn(|_| Mutex::default()),
            people: People::default(),
            crowd: Crowd::default(),
            turns: Semaphore::new(cores * CATCH_UPS_PER_CORE),
            log_turns: Semaphore::new(LOG_READERS),
            read_only: AtomicBool::new(false),
            lag_ms: AtomicU64::new(0),
        }
    }

    /// The log has these partitions.
    pub(super) fn follows(&self, heads: &Positions) {
        self.partitions.get_or_init(|| {
            let count = heads.keys().max().map_or(1, |last| last + 1);
            let partition =
                |number| Partition::new(number, self.bus.epoch(number), usize::try_from(count).unwrap_or(1));
            (0..count).map(partition).collect()
        });
    }

    pub(super) fn partitions(&self) -> &[Partition] {
        self.partitions.get().map_or(&[], Vec::as_slice)
    }

    /// The partition of that number; none before the log was looked at.
    pub(super) fn partition(&self, number: i32) -> Option<&Partition> {
        self.partitions().get(usize::try_from(number).ok()?)
    }

    /// The partition of a room. There is always one when requests are served.
    pub(super) fn partition_of(&self, room: RoomId) -> Option<&Partition> {
        match self.partitions() {
            [only] => Some(only),
            _ => self.partition(self.number_of(room)),
        }
    }

    fn number_of(&self, room: RoomId) -> i32 {
        let known = self.shard(room).get(&room).map(|room| room.partition);
        known.unwrap_or_else(|| self.bus.partition(&room.to_string()))
    }

    /// Up to where this gateway has followed the log of a room.
    pub(crate) fn tailed(&self, room: RoomId) -> u64 {
        self.partition_of(room).map_or(0, Partition::tailed)
    }

    /// Up to where the database has the log of a room, as far as it said so.
    pub(crate) fn persisted(&self, room: RoomId) -> u64 {
        self.partition_of(room).map_or(0, Partition::persisted)
    }

    /// The generation of a room's log.
    pub(crate) fn epoch(&self, room: RoomId) -> String {
        self.partition_of(room).map_or_else(String::new, Partition::epoch)
    }

    /// How many sockets are open.
    pub(crate) fn sockets(&self) -> usize {
        self.people.count()
    }

    /// Forgets rooms that are quiet.
    pub(super) fn forget_quiet(&self) {
        self.rooms.iter().for_each(|shard| locked(shard).retain(|_, room| !room.is_quiet()));
    }

    /// The right to say a message as `id`; see [`Claimed`].
    pub(super) fn claim(&self, key: Key, id: MessageId, waiter: Waiter) -> Claimed {
        match self.partition_of(key.0) {
            Some(partition) => locked(&partition.attempts).claim(key, id, waiter),
            None => Claimed::Own(waiter),
        }
    }

    /// One's own attempt is in line.
    pub(super) fn in_line(&self, key: Key, id: MessageId) {
        if let Some(partition) = self.partition_of(key.0) {
            locked(&partition.attempts).in_line(key, id);
        }
    }

    /// Waits for one's own attempt, unless another copy of it came first.
    pub(super) fn wait(&self, key: Key, waiter: Waiter) -> Option<Sent> {
        locked(&self.partition_of(key.0)?.attempts).wait(key, waiter)
    }

    /// An attempt was stored long ago: those who wait hear of it.
    pub(super) fn recall(&self, key: Key, id: MessageId, sent: &Sent) {
        let error = AppendError::Unavailable("it is stored already".into());
        let mut round = Round::default();
        for (key, waiter, _) in self.given_up(key, id, &error) {
            waiter.answer(key, Ok(sent.clone()), &mut round);
        }
    }

    /// An attempt failed.
    pub(super) fn fail(&self, key: Key, id: MessageId, error: &AppendError) {
        answer(self.given_up(key, id, error), &mut Round::default());
    }

    fn given_up(&self, key: Key, id: MessageId, error: &AppendError) -> Vec<Landing> {
        let partition = self.partition_of(key.0);
        partition.map(|partition| locked(&partition.attempts).fail(key, id, error)).unwrap_or_default()
    }

    /// Tells those whose message the log has not shown in time that its outcome is unknown.
    pub(super) fn give_up_overdue(&self) {
        for partition in self.partitions() {
            let overdue = locked(&partition.attempts).overdue(OUTCOME);
            answer(overdue, &mut Round::default());
        }
    }

    /// From which moment on this gateway knows every message of a room's log.
    pub(crate) fn reach(&self, room: RoomId) -> Option<Timestamp> {
        self.partition_of(room).and_then(|partition| locked(&partition.attempts).reach())
    }

    /// The position after which this gateway knows every message of a room's log.
    pub(crate) fn known_after(&self, room: RoomId) -> u64 {
        let Some(partition) = self.partition_of(room) else { return 0 };
        // Asked first: what is read of the log in between is known.
        let tailed = partition.tailed();
        locked(&partition.attempts).oldest().map_or(tailed, |pos| pos.saturating_sub(1))
    }

    /// Waits until this gateway has seen a fact in the log.
    pub(crate) async fn heard(&self, key: Key) {
        let Some(partition) = self.partition_of(key.0) else { return };
        // The sender lives as long as the registry.
        let _ = partition.follow().wait_for(|_| locked(&partition.attempts).known(key).is_some()).await;
    }

    /// What this gateway has seen of a message in the log.
    pub(crate) fn seen(&self, key: Key) -> Option<Sent> {
        locked(&self.partition_of(key.0)?.attempts).known(key).cloned()
    }

    /// Sees how far this gateway follows the log of a room.
    pub(crate) fn follow(&self, room: RoomId) -> Option<watch::Receiver<u64>> {
        self.partition_of(room).map(Partition::follow)
    }

    /// Whether an event is no repetition of an earlier one.
    pub(super) fn is_first(&self, event: &RoomEvent) -> bool {
        self.partition_of(event.room).is_none_or(|partition| locked(&partition.attempts).is_first(event))
    }

    /// Takes the next events of a partition, up to a position: to everybody who listens, and then to those who wait
    /// for the outcome of what they sent.
    pub(super) fn take(&self, partition: &Partition, events: Vec<RoomEvent>, upto: u64) {
        let mut landings = Vec::new();
        let events = if mutants::is(Mutant::M6) { events.into_iter().rev().collect() } else { events };
        let (mut order, mut by_room) = (Vec::new(), HashMap::<RoomId, Vec<RoomEvent>>::new());
        for event in events {
            let (is_first, landed) = locked(&partition.attempts).see(&event);
            landings.extend(landed);
            if !is_first {
                tracing::debug!(room = %event.room, pos = event.pos, "a repeated record is void");
                continue;
            }
            order.push((event.room, event.pos, event.ts));
            by_room.entry(event.room).or_default().push(event);
        }
        let (mut sizes, mut round) = (HashMap::with_capacity(order.len()), Round::default());
        for (room, events) in by_room {
            let entered: Vec<_> = events.iter().filter_map(entered).collect();
            let kept = self.fan_out(partition.number, room, events, &mut round);
            sizes.extend(kept.into_iter().map(|kept| (kept.pos, kept.json.len())));
            entered.iter().for_each(|(user, frame)| self.people.tell(*user, &encoded(frame)));
        }
        let places = order.into_iter().map(|(room, pos, at)| {
            let bytes = sizes.get(&pos).copied().unwrap_or(0);
            Place { room, pos, bytes, at }
        });
        for (room, pos) in partition.keep(places) {
            if let Some(room) = self.shard(room).get_mut(&room) {
                room.drop_oldest(pos);
            }
        }
        partition.reached(upto);
        answer(landings, &mut round);
    }

    /// Keeps events of one room and pushes them to its sockets.
    fn fan_out(&self, partition: i32, room: RoomId, events: Vec<RoomEvent>, round: &mut Round) -> Vec<Kept> {
        self.shard(room).entry(room).or_insert_with(|| Room::new(partition)).take(room, events, round)
    }

    /// Everything of a room after a position, if memory reaches back that far.
    pub(super) fn after(&self, room: RoomId, pos: u64) -> Option<Vec<Kept>> {
        let partition = self.partition_of(room)?;
        let shard = self.shard(room);
        // Read under the room's lock: what was dropped from the room was dropped from here before.
        (pos >= partition.complete_after())
            .then(|| shard.get(&room).map(|room| room.after(pos)).unwrap_or_default())
    }

    /// The newest `count` events of a room before a position, if memory has so many, or has everything.
    pub(super) fn before(&self, room: RoomId, pos: u64, count: usize) -> Option<Vec<Kept>> {
        let partition = self.partition_of(room)?;
        let shard = self.shard(room);
        let found = shard.get(&room).map(|room| room.before(pos, count)).unwrap_or_default();
        // The log between the newest that memory has and the place where it begins must be known as well.
        (found.len() == count || partition.complete_after() == 0).then_some(found)
    }

    /// The newest position of a room, if it is known here.
    pub(crate) fn last(&self, room: RoomId) -> Option<u64> {
        self.shard(room).get(&room).and_then(Room::last)
    }

    /// The newest position of a room, as somebody who asked the database and the log knows it.
    pub(super) fn seed(&self, id: RoomId, head: u64) {
        self.with_room(id, |room| room.seed(head));
    }

    /// A socket begins to follow a room; see [`Registry::go_live`].
    pub(super) fn listen(&self, id: RoomId, socket: SocketId, user: UserId, line: Arc<Line>) {
        self.with_room(id, |room| room.listen(socket, user, line));
    }

    /// See [`Room::go_live`].
    pub(super) fn go_live(&self, id: RoomId, socket: SocketId, upto: u64) -> Reach {
        let Some(partition) = self.partition_of(id) else { return Reach::Gone };
        match self.shard(id).get_mut(&id) {
            Some(room) => room.go_live(id, socket, upto, partition.complete_after()),
            None => Reach::Gone,
        }
    }

    /// Whether a socket follows a room.
    pub(super) fn hears(&self, room: RoomId, socket: SocketId) -> bool {
        self.shard(room).get(&room).is_some_and(|room| room.hears(socket))
    }

    pub(super) fn unsubscribe(&self, room: RoomId, socket: SocketId) {
        if let Some(room) = self.shard(room).get_mut(&room) {
            room.forget(socket);
        }
    }

    /// Whether somebody is in a room, if that is known here; with the count of changes that the answer is of.
    pub(super) fn member(&self, id: RoomId, user: UserId) -> (Option<bool>, u64) {
        // A room that nobody has asked for is not made for an answer: it may not be there at all.
        self.shard(id).get(&id).map_or((None, 0), |room| (room.has_member(user), room.changes()))
    }

    pub(super) fn set_members(&self, id: RoomId, members: HashSet<UserId>, as_of: u64) {
        self.with_room(id, |room| room.set_members(members, as_of));
    }

    pub(super) fn add_member(&self, id: RoomId, user: UserId, as_of: u64) {
        if let Some(room) = self.shard(id).get_mut(&id) {
            room.add_member(user, as_of);
        }
    }

    /// Somebody was taken out of a room by this gateway: nothing they send after this is taken.
    pub(crate) fn drop_member(&self, id: RoomId, user: UserId) {
        if let Some(room) = self.shard(id).get_mut(&id) {
            room.drop_member(user);
        }
    }

    /// The database follows: a frame for those who follow the room. It may be lost, and goes out with what comes
    /// next, or with this round.
    pub(super) fn tell_head(&self, head: Head, round: &mut Round) {
        if let Some(room) = self.shard(head.room).get(&head.room) {
            room.hint_aside(&encoded(&ToClient::Wm { r: vec![head] }), round);
        }
    }

    /// The database says how far it is.
    pub(super) fn persists(&self, head: &Head) {
        if let Some(partition) = self.partition_of(head.room) {
            partition.persists(head.pos);
        }
    }

    /// The database has answered: it has a room up to here, or it still has another log's positions.
    pub(crate) fn stored(&self, room: RoomId, pos: u64) {
        if let Some(partition) = self.partition_of(room) {
            partition.persists(pos.min(partition.tailed()));
        }
    }

    /// Something that may be lost, for those who follow a room.
    pub(super) fn hint(&self, room: RoomId, frame: &bytes::Bytes) {
        if let Some(room) = self.shard(room).get(&room) {
            room.hint(frame);
        }
    }

    /// Who is in a room, when these are few enough to be told of each other, and known here.
    pub(super) fn few_members(&self, room: RoomId) -> Option<Vec<UserId>> {
        self.shard(room).get(&room)?.few_members().map(|members| members.iter().copied().collect())
    }

    /// Tells each room that somebody follows, and whose members are few, something that may be lost.
    pub(super) fn each_small_room(&self, frame: impl Fn(RoomId, &HashSet<UserId>) -> Option<ToClient>) {
        for shard in &self.rooms {
            for (id, room) in locked(shard).iter() {
                if let Some(members) = room.few_members().filter(|_| room.is_followed())
                    && let Some(frame) = frame(*id, members)
                {
                    room.hint(&encoded(&frame));
                }
            }
        }
    }

    /// How somebody is.
    pub(crate) fn presence(&self, user: UserId, now: Timestamp) -> Presence {
        self.crowd.is(user, now)
    }

    /// How the hub is, as heartbeats say it.
    pub(super) fn heartbeat(&self) -> ToClient {
        let log = if self.is_read_only() { LogState::Ro } else { LogState::Ok };
        ToClient::Hb { log: Some(log), plag_ms: Some(self.lag_ms.load(Ordering::Relaxed)) }
    }

    /// Whether the log takes messages, and the database has all but the newest of them.
    pub(super) fn is_well(&self) -> bool {
        !self.is_read_only() && self.lag_ms.load(Ordering::Relaxed) < LATE_MS
    }

    /// Whether the log takes no messages right now.
    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only.load(Ordering::Relaxed)
    }

    /// Whether the log takes messages; everybody hears when that changes.
    pub(super) fn set_read_only(&self, read_only: bool) {
        if self.read_only.swap(read_only, Ordering::Relaxed) != read_only {
            tracing::warn!(read_only, "the log's state changed");
            self.people.tell_all(&encoded(&self.heartbeat()));
        }
    }

    /// Looks how far the database is behind the log.
    pub(super) fn look_at_lag(&self, now: Timestamp) {
        let lag = self.partitions().iter().map(|partition| partition.lag_ms(now)).max().unwrap_or(0);
        self.lag_ms.store(lag, Ordering::Relaxed);
        metrics::gauge!("mshub_persistence_lag_seconds").set(lag as f64 / 1e3);
    }

    fn with_room<T>(&self, id: RoomId, act: impl FnOnce(&mut Room) -> T) -> T {
        let number = self.number_of(id);
        act(self.shard(id).entry(id).or_insert_with(|| Room::new(number)))
    }

    /// The last bytes of an id are random: they spread the rooms.
    fn shard(&self, room: RoomId) -> MutexGuard<'_, Rooms> {
        locked(&self.rooms[usize::from(room.0.as_bytes()[15]) % SHARDS])
    }
}

fn answer(landings: Vec<Landing>, round: &mut Round) {
    landings.into_iter().for_each(|(key, waiter, outcome)| waiter.answer(key, outcome, round));
}

/// What a person's own sockets hear when the person comes to be in one more room.
fn entered(event: &RoomEvent) -> Option<(UserId, ToClient)> {
    let Some(Change::In(user)) = Change::of(event) else { return None };
    Some((user, ToClient::Entered { room: event.room, by: event.by, name: event.name.clone() }))
}

#[cfg(test)]
mod tests {
    use wire::{ClientId, events::What, frames::Here};

    use super::*;
    use crate::live::limits::CROWD;

    async fn registry(partitions: i32) -> (Registry, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("embedded:{}", folder.path().display());
        let bus = Bus::open(&url, platform::Clock::System).await.unwrap();
        let registry = Registry::new(bus);
        registry.follows(&(0..partitions).map(|number| (number, 0)).collect());
        (registry, folder)
    }

    fn event(room: RoomId, by: UserId, pos: u64, what: What) -> RoomEvent {
        RoomEvent {
            id: MessageId::new(),
            room,
            pos,
            prev: None,
            ts: Timestamp::from_micros(0),
            by,
            name: "Ann".into(),
            cid: ClientId::new(),
            what,
        }
    }

    fn said(room: RoomId, pos: u64) -> RoomEvent {
        event(room, UserId::new(), pos, What::said("hi"))
    }

    #[tokio::test]
    async fn partitions_are_followed_each_for_itself() {
        let (registry, _folder) = registry(2).await;
        let [first, second] = registry.partitions() else { unreachable!("there are two") };
        let (one, two) = (RoomId::new(), RoomId::new());
        first.begin_after(100, None);
        second.begin_after(5, None);

        registry.take(first, vec![said(one, 101)], 110);
        registry.take(second, vec![said(two, 6), said(two, 9)], 9);

        assert_eq!((registry.tailed(one), registry.tailed(two)), (110, 9));
        assert_eq!(registry.last(two), Some(9));
        assert_eq!(registry.after(two, 5).unwrap().len(), 2, "complete after 5");
        assert!(registry.after(one, 99).is_none(), "what is before 100 is not known");
        assert_ne!(registry.epoch(one), registry.epoch(two));
        registry.persists(&Head { room: two, pos: 9, n: 2, h: String::new() });
        assert_eq!((first.persisted(), second.persisted()), (0, 9));
    }

    #[tokio::test]
    async fn people_of_a_large_room_are_not_told_of_each_other() {
        let (registry, _folder) = registry(1).await;
        let (room, line) = (RoomId::new(), Arc::new(Line::default()));
        registry.listen(room, 7, UserId::new(), line.clone());
        let mut members: HashSet<UserId> = (0..CROWD).map(|_| UserId::new()).collect();
        let here = Here { user: *members.iter().next().unwrap(), is: Presence::Online };

        registry.set_members(room, members.clone(), 0);
        registry.tell_changes(&[here]);
        assert_eq!(line.drain().len(), 1);
        members.insert(UserId::new());
        registry.set_members(room, members, 0);
        registry.tell_changes(&[here]);
        registry.tell_crowd(room, &line);

        assert!(line.drain().is_empty());
    }

    #[tokio::test]
    async fn nothing_after_a_leave_reaches_the_leaver_even_of_the_same_batch() {
        let (registry, _folder) = registry(1).await;
        let partition = registry.partition(0).unwrap();
        let (room, bob, line) = (RoomId::new(), UserId::new(), Arc::new(Line::default()));
        registry.listen(room, 7, bob, line.clone());
        registry.go_live(room, 7, 0);
        line.drain();

        registry.take(partition, vec![said(room, 1), event(room, bob, 2, What::Left), said(room, 3)], 3);

        let frames = line.drain();
        assert!(frames[0].contains(r#""kind":"left""#) && frames[1].contains("unsubbed"), "{frames:?}");
        assert_eq!(frames.len(), 2);
    }

    #[tokio::test]
    async fn what_happens_during_a_catch_up_is_found_before_a_socket_is_live() {
        let (registry, _folder) = registry(1).await;
        let partition = registry.partition(0).unwrap();
        let (room, line) = (RoomId::new(), Arc::new(Line::default()));
        registry.take(partition, vec![said(room, 1)], 1);
        registry.listen(room, 7, UserId::new(), line.clone());

        registry.take(partition, vec![said(room, 2)], 2);
        let Reach::Newer(newer) = registry.go_live(room, 7, 1) else { unreachable!("2 is newer") };
        assert_eq!(newer.iter().map(|kept| kept.pos).collect::<Vec<_>>(), [2]);
        assert!(line.drain().is_empty(), "nothing is pushed yet");

        assert!(matches!(registry.go_live(room, 7, 2), Reach::Live));
        registry.take(partition, vec![said(room, 3)], 3);
        assert_eq!(line.drain().len(), 2, "live, and the third");
    }
}
