//! Processes that enter, send, die and inherit, on a disk that forgets what was not flushed: every message that was
//! kept is at the hub once, and in the order of its room.

use std::collections::HashMap;

use proptest::prelude::*;
use tempfile::TempDir;
use tokio::time::Instant;
use wire::{MessageId, RoomId, Timestamp, frames::ToServer};

use super::*;
use crate::live::Sending;

const LATER: std::time::Duration = std::time::Duration::from_secs(3_600);

/// The hub's log of all rooms: one message of an id, at the place where it first came.
#[derive(Default)]
struct Hub {
    log: Vec<(RoomId, ClientId)>,
}

impl Hub {
    fn take(&mut self, room: RoomId, cid: ClientId) -> u64 {
        let at = self.log.iter().position(|(_, known)| *known == cid).unwrap_or_else(|| {
            self.log.push((room, cid));
            self.log.len() - 1
        });
        at as u64 + 1
    }
}

/// A process with one connection: frames on it arrive in order, or not at all.
struct Process {
    me: Uuid,
    desk: Desk,
    sending: Sending,
    /// Sent, not yet at the hub.
    wire: Vec<ToServer>,
    /// At the hub, the acknowledgement is on its way.
    answers: Vec<(RoomId, ClientId, u64)>,
    passed: std::time::Duration,
}

impl Process {
    fn start(dir: &Path) -> Self {
        let me = Uuid::now_v7();
        let (desk, sending) = (Desk::at(me, dir), Sending::new(me));
        Self { me, desk, sending, wire: Vec::new(), answers: Vec::new(), passed: Default::default() }
    }

    fn send(&mut self) {
        self.desk.look().unwrap();
        self.desk.inherit().unwrap();
        let now = Instant::now() + self.passed;
        let work = self.sending.ready(&self.desk.view(), 4, now, Timestamp::from_micros(0));
        self.wire.extend(work.frames);
    }

    fn arrive(&mut self, hub: &mut Hub, count: usize) {
        for frame in self.wire.drain(..count.min(self.wire.len())) {
            let ToServer::Send { cid, room, .. } = frame else { panic!("not a send") };
            self.answers.push((room, cid, hub.take(room, cid)));
        }
    }

    fn hear(&mut self, count: usize) {
        self.desk.look().unwrap();
        let (id, moment) = (MessageId::new(), Timestamp::from_micros(0));
        for (room, cid, pos) in self.answers.drain(..count.min(self.answers.len())) {
            let receipt = Receipt { cid, room, id, pos, ts: moment, queued: None, out: None, acked: moment };
            self.desk.sent(receipt).unwrap();
            self.sending.forget(cid);
        }
    }

    /// The link breaks: what is on it is lost in both directions.
    fn cut(&mut self) {
        self.wire.clear();
        self.answers.clear();
        self.sending.disconnected(Instant::now());
    }
}

struct World {
    dir: TempDir,
    hub: Hub,
    processes: Vec<Process>,
    rooms: [RoomId; 2],
    /// What a person was shown as kept, by room.
    kept: HashMap<RoomId, Vec<ClientId>>,
    /// How much of the journal is certainly on disk, and of which generation.
    flushed: (Vec<u8>, u64),
}

#[derive(Clone, Debug)]
enum Fate {
    Enter(usize, bool),
    Send(usize),
    Arrive(usize, usize),
    Hear(usize, usize),
    Cut(usize),
    /// kill -9, with a line half written and perhaps half a new file.
    Kill(usize, Vec<u8>),
    /// Everything dies and the disk has only part of what was not flushed.
    PowerCut(u8),
    Rewrite(usize),
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let who = || 0..3_usize;
    let fate = prop_oneof![
        6 => (who(), any::<bool>()).prop_map(|(who, room)| Fate::Enter(who, room)),
        5 => who().prop_map(Fate::Send),
        5 => (who(), 1..4_usize).prop_map(|(who, count)| Fate::Arrive(who, count)),
        4 => (who(), 1..4_usize).prop_map(|(who, count)| Fate::Hear(who, count)),
        1 => who().prop_map(Fate::Cut),
        2 => (who(), prop::collection::vec(any::<u8>(), 0..20)).prop_map(|(who, torn)| Fate::Kill(who, torn)),
        1 => any::<u8>().prop_map(Fate::PowerCut),
        1 => who().prop_map(Fate::Rewrite),
    ];
    prop::collection::vec(fate, 1..40)
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let processes = (0..3).map(|_| Process::start(dir.path())).collect();
        let rooms = [RoomId::new(), RoomId::new()];
        Self { dir, hub: Hub::default(), processes, rooms, kept: HashMap::new(), flushed: Default::default() }
    }

    fn journal(&self) -> PathBuf {
        self.dir.path().join("journal")
    }

    fn suffer(&mut self, fate: Fate) {
        match fate {
            Fate::Enter(who, room) => self.enter(who, self.rooms[usize::from(room)]),
            Fate::Send(who) => self.processes[who].send(),
            Fate::Arrive(who, count) => self.processes[who].arrive(&mut self.hub, count),
            Fate::Hear(who, count) => self.processes[who].hear(count),
            Fate::Cut(who) => self.processes[who].cut(),
            Fate::Kill(who, torn) => self.kill(who, &torn),
            Fate::PowerCut(left) => self.power_cut(left),
            Fate::Rewrite(who) => {
                let desk = &mut self.processes[who].desk;
                desk.look().unwrap();
                let notes = desk.entries.notes();
                desk.place.as_mut().unwrap().journal.rewrite(&notes).unwrap();
                self.flush();
            }
        }
    }

    fn enter(&mut self, who: usize, room: RoomId) {
        let draft = Draft::new(room, "hi".into());
        let cid = draft.cid;
        self.processes[who].desk.look().unwrap();
        let surplus = self.processes[who].desk.put(vec![draft], Timestamp::from_micros(0)).unwrap();
        assert!(surplus.is_empty());
        self.kept.entry(room).or_default().push(cid);
        self.flush();
    }

    /// A flush takes everything that was written before.
    fn flush(&mut self) {
        let bytes = fs::read(self.journal()).unwrap();
        let length = bytes.len() as u64;
        self.flushed = (bytes.into_iter().take(60).collect(), length);
    }

    fn kill(&mut self, who: usize, torn: &[u8]) {
        let fresh = Process::start(self.dir.path());
        // Dropping tidies up, which a kill does not: the file of the owner comes back, without a lock on it.
        let old = std::mem::replace(&mut self.processes[who], fresh);
        let owner = old.desk.place.as_ref().unwrap().owner(old.me);
        let was_alive = owner.exists();
        drop(old);
        if was_alive {
            fs::write(owner, "").unwrap();
        }
        if self.journal().exists() {
            let mut bytes = fs::read(self.journal()).unwrap();
            bytes.extend(torn.iter().filter(|byte| **byte != b'\n'));
            fs::write(self.journal(), bytes).unwrap();
            fs::write(self.journal().with_extension("77.new"), torn).unwrap();
        }
    }

    fn power_cut(&mut self, left: u8) {
        for who in 0..self.processes.len() {
            self.kill(who, b"");
        }
        let Ok(bytes) = fs::read(self.journal()) else { return };
        let same = bytes.starts_with(&self.flushed.0);
        let safe = if same { self.flushed.1.min(bytes.len() as u64) } else { bytes.len() as u64 };
        let spare = bytes.len() as u64 - safe;
        let length = safe + spare * u64::from(left) / 255;
        fs::write(self.journal(), &bytes[..length as usize]).unwrap();
    }

    /// One process is left, and the link holds.
    fn settle(&mut self) {
        for who in 1..self.processes.len() {
            self.kill(who, b"");
        }
        let Self { processes, hub, .. } = self;
        let last = &mut processes[0];
        last.cut();
        for _ in 0..1_000 {
            last.passed += LATER;
            last.send();
            if last.desk.entries.waiting().is_empty() {
                return;
            }
            last.arrive(hub, usize::MAX);
            last.hear(usize::MAX);
        }
        panic!("the outbox does not become empty");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_dies_when_every_kept_message_is_said_once_and_in_order(fates in fates()) {
        let mut world = World::new();

        fates.into_iter().for_each(|fate| world.suffer(fate));
        world.settle();

        for room in world.rooms {
            let said: Vec<ClientId> =
                world.hub.log.iter().filter(|(at, _)| *at == room).map(|(_, cid)| *cid).collect();
            let kept = world.kept.remove(&room).unwrap_or_default();
            prop_assert_eq!(said, kept);
        }
    }
}

fn entered(desk: &mut Desk, body: &str) -> ClientId {
    let draft = Draft::new(RoomId::new(), body.into());
    let cid = draft.cid;
    desk.look().unwrap();
    desk.put(vec![draft], Timestamp::from_micros(0)).unwrap();
    cid
}

#[test]
fn what_a_living_process_has_to_send_is_left_to_it_and_inherited_when_it_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    let mut owner = Desk::at(first, dir.path());
    let cid = entered(&mut owner, "hi");
    let mut heir = Desk::at(second, dir.path());

    heir.look().unwrap();
    heir.inherit().unwrap();
    assert_eq!(heir.entries.get(cid).unwrap().owner, first);

    drop(owner);
    heir.inherit().unwrap();
    let inherited = heir.entries.get(cid).unwrap();
    assert!(inherited.owner == second && inherited.inherited);
}

#[test]
fn damage_is_told_and_put_aside_and_the_rest_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::at(Uuid::now_v7(), dir.path());
    let (first, second) = (entered(&mut desk, "one"), entered(&mut desk, "two"));
    let path = dir.path().join("journal");
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("\"one\"", "\"uno\"")).unwrap();

    let mut later = Desk::at(Uuid::now_v7(), dir.path());
    later.look().unwrap();

    assert!(later.entries.get(first).is_none() && later.entries.get(second).is_some());
    let told = later.take_warning().unwrap();
    assert!(told.starts_with("1 damaged line of the outbox"), "{told}");
    let aside = PathBuf::from(told.rsplit(' ').next().unwrap());
    assert!(fs::read_to_string(aside).unwrap().contains("uno"));
    assert!(Journal::at(path).look().unwrap().damaged.is_empty(), "the file is whole again");
}

#[test]
fn a_file_that_is_mostly_about_the_past_becomes_small_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::at(Uuid::now_v7(), dir.path());
    desk.look().unwrap();
    let draft = Draft::new(RoomId::new(), "x".repeat(16 * 1024));
    let (cid, mut largest) = (draft.cid, 0);

    for _ in 0..60 {
        desk.put(vec![draft.clone()], Timestamp::from_micros(0)).unwrap();
        desk.withdraw(cid).unwrap();
        largest = largest.max(desk.place.as_ref().unwrap().journal.length());
    }

    assert!(largest < 300 * 1024, "{largest}");
    assert!(desk.entries.waiting().is_empty());
}

#[test]
fn an_outbox_has_a_bound() {
    let mut desk = Desk::in_memory(Uuid::now_v7());
    let room = RoomId::new();
    let drafts: Vec<Draft> = (0..MOST + 2).map(|_| Draft::new(room, "x".into())).collect();

    let surplus = desk.put(drafts, Timestamp::from_micros(0)).unwrap();

    assert_eq!((surplus.len(), desk.entries.waiting().len()), (2, MOST));
}
