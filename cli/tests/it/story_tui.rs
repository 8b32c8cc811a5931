//! Two people talk, each in the full-screen client in a terminal of their own; one of them is thrown out and comes back.

use std::{
    io::{Read as _, Write as _},
    num::NonZero,
    process::Command,
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use portable_pty::{Child, MasterPty, PtySize};

use crate::{
    command::Person,
    hub::{Hub, eventually},
    terminal::spawn,
};

/// Long enough for every machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Columns and rows: wide enough for rooms, messages and members.
const SIZE: (u16, u16) = (100, 30);
/// Columns of the list of rooms, its frame not counted.
const ROOMS: u16 = 18;

/// What the client has painted, and whether it has painted its last.
struct Painted {
    screen: vt100::Parser,
    over: bool,
}

/// A full-screen client in its terminal. Ended when it is dropped.
struct Client {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn std::io::Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    painted: Arc<(Mutex<Painted>, Condvar)>,
}

impl Client {
    fn of(person: &Person) -> Self {
        let (columns, rows) = SIZE;
        let (master, child) = spawn(person, &["tui"], PtySize { rows, cols: columns, ..PtySize::default() });
        let of = |lines| NonZero::new(lines).unwrap();
        let painted = Painted { screen: vt100::Parser::new(of(rows), of(columns), 0), over: false };
        let painted = Arc::new((Mutex::new(painted), Condvar::new()));
        let (mut reader, shared) = (master.try_clone_reader().unwrap(), painted.clone());
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            // A terminal whose last program has ended fails instead of being at its end.
            while let Ok(count @ 1..) = reader.read(&mut chunk) {
                shared.0.lock().unwrap().screen.process(&chunk[..count]);
                shared.1.notify_all();
            }
            shared.0.lock().unwrap().over = true;
            shared.1.notify_all();
        });
        let keys = master.take_writer().unwrap();
        Self { master, keys, child, painted }
    }

    fn press(&mut self, keys: &str) -> &mut Self {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
        self
    }

    /// Waits until it is so, and returns the whole screen of that moment.
    #[track_caller]
    fn waits(&self, what: &str, is_so: impl Fn(&Painted) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut painted = self.painted.0.lock().unwrap();
        while !is_so(&painted) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no {what:?} on:\n{}", painted.screen.screen().contents());
            painted = self.painted.1.wait_timeout(painted, left).unwrap().0;
        }
        painted.screen.screen().contents()
    }

    /// Waits until the screen has these words.
    #[track_caller]
    fn sees(&self, words: &str) -> String {
        self.waits(words, |painted| painted.screen.screen().contents().contains(words))
    }

    /// Waits until the list of rooms has this line, spaces between words not counted.
    #[track_caller]
    fn lists(&self, line: &str) {
        let is_listed = |row: String| row.split_whitespace().eq(line.split_whitespace());
        self.waits(line, |painted| painted.screen.screen().rows(1, ROOMS).any(is_listed));
    }

    /// Writes a message, and waits until it is kept for good.
    #[track_caller]
    fn says(&mut self, text: &str) {
        self.press(text).press("\r");
        self.has_kept(text);
    }

    /// Waits until a message is kept for good.
    #[track_caller]
    fn has_kept(&self, text: &str) {
        let is_kept = |row: String| row.contains(text) && row.contains('✓');
        self.waits(text, |painted| painted.screen.screen().rows(0, SIZE.0).any(is_kept));
    }

    /// Makes a room, which opens.
    #[track_caller]
    fn makes(&mut self, room: &str) {
        self.press("\u{e}").sees("New room");
        self.press(room).press("\r");
        self.lists(&format!("▸ #{room}"));
    }

    fn signal(&self, name: &str) {
        let id = self.child.process_id().unwrap().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Waits for its end: the exit code, and the terminal it leaves.
    #[track_caller]
    fn ends(&mut self) -> (u32, String) {
        let shown = self.waits("its last word", |painted| painted.over);
        (self.child.wait().unwrap().exit_code(), shown)
    }

    /// After its end: the terminal is as it was.
    #[track_caller]
    fn is_restored(&self, before: &str) {
        let painted = self.painted.0.lock().unwrap();
        let screen = painted.screen.screen();
        assert!(!screen.alternate_screen() && !screen.bracketed_paste() && !screen.hide_cursor());
        drop(painted);
        assert_eq!(modes(&*self.master), before);
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The terminal's line discipline, to compare.
fn modes(master: &dyn MasterPty) -> String {
    let modes = master.get_termios().unwrap();
    format!("{:?} {:?} {:?}", modes.input_flags, modes.output_flags, modes.local_flags)
}

/// A terminal in which nothing has happened.
fn untouched() -> String {
    let pair = portable_pty::native_pty_system().openpty(PtySize::default()).unwrap();
    modes(&*pair.master)
}

/// Waits until the hub counts so many unread messages in #kitchen for somebody.
fn counts(person: &Person, unread: u64) {
    eventually("the hub counts what is unread", || {
        (person.json(&["room", "show", "kitchen", "--json"])["unread"] == unread).then_some(())
    });
}

#[test]
fn two_people_talk_and_whoever_was_away_sees_what_was_missed_once_and_in_order() {
    let hub = Hub::start();
    let (ann, bob) = (hub.person("Ann"), hub.person("Bob"));
    let mut anns = Client::of(&ann);
    anns.sees("You are in no room yet.");

    // Ann makes a room and brings bob in; they write to each other.
    anns.makes("kitchen");
    anns.press("/invite bob@example.org\r").sees("#kitchen · 2 members");
    let mut bobs = Client::of(&bob);
    bobs.lists("▸ #kitchen");
    bobs.sees(" TYPE ");
    bobs.says("is there any tea?");
    anns.sees("is there any tea?");
    anns.says("plenty of it");
    bobs.sees("plenty of it");

    // What is said in a room that bob does not look at is counted until he looks.
    bobs.makes("attic");
    for text in ["black tea", "green tea", "white tea"] {
        anns.says(text);
    }
    bobs.lists("#kitchen 3");
    counts(&bob, 3);
    bobs.press("\u{b}").sees("Find a room");
    bobs.press("kitchen").sees("▸ #kitchen");
    bobs.press("\r").sees("── 3 new ──");
    bobs.lists("▸ #kitchen");
    counts(&bob, 0);

    // Ann's client is killed, and bob goes on.
    anns.signal("KILL");
    anns.ends();
    let missed = ["the kettle is on", "two cups are out", "it is ready"];
    missed.iter().for_each(|text| bobs.says(text));
    counts(&ann, 3);
    let mut anns = Client::of(&ann);
    anns.sees("── 3 new ──");
    bobs.says("before it is cold");
    let all = missed.iter().chain(&["is there any tea?", "plenty of it", "white tea"]);
    all.clone().for_each(|text| {
        anns.sees(text);
    });
    let shown = anns.sees("before it is cold");
    let places: Vec<_> = missed.iter().map(|text| shown.find(text).unwrap()).collect();
    assert!(places.is_sorted(), "{shown}");
    for text in all {
        assert_eq!(shown.matches(text).count(), 1, "{shown}");
    }
    anns.says("coming");
    bobs.sees("coming");
    counts(&ann, 0);

    // Who quits, and whose terminal is closed, leave it as it was.
    anns.press("\u{1b}").sees(" NAV ");
    anns.press("q");
    assert_eq!(anns.ends().0, 0);
    anns.is_restored(&untouched());
    bobs.signal("HUP");
    let (code, shown) = bobs.ends();
    assert!(code == 129 && shown.contains("the terminal was closed"), "{code}: {shown}");
    bobs.is_restored(&untouched());
}

#[test]
fn what_waits_is_one_outbox_of_the_command_and_the_client() {
    let mut hub = Hub::start();
    let ann = hub.person("Ann");
    ann.json(&["room", "new", "kitchen", "--json"]);
    let said = || -> Vec<String> {
        let lines = ann.lines(&["chat", "history", "kitchen", "--json"]).into_iter();
        let said = lines.filter(|line| line["kind"] == "said");
        said.map(|line| line["body"].as_str().unwrap().to_owned()).collect()
    };
    let waiting = || ann.lines(&["chat", "outbox", "--json"]);

    // What the command could not send, the client does, and shows it as its own.
    hub.kill();
    let left = ann.run(&["chat", "send", "kitchen", "left by the command", "--json"]);
    assert_eq!((left.code, waiting().len()), (8, 1), "{}", left.stderr);
    hub.start_again();
    let mut anns = Client::of(&ann);
    anns.has_kept("left by the command");
    assert_eq!(said(), ["left by the command"]);
    assert!(waiting().is_empty());

    // And the other way round: the client dies with it.
    hub.kill();
    anns.sees("reconnecting");
    anns.press("left by the client\r").sees("1 message queued");
    eventually("it is in the outbox", || (waiting().len() == 1).then_some(()));
    anns.signal("KILL");
    anns.ends();
    hub.start_again();
    let retried = ann.run(&["chat", "outbox", "retry", "--json"]);
    assert_eq!((retried.code, waiting().len()), (0, 0), "{}", retried.stderr);
    let shown = Client::of(&ann).sees("left by the client");

    assert_eq!(said(), ["left by the command", "left by the client"]);
    assert!(said().iter().all(|text| shown.matches(&**text).count() == 1), "{shown}");
}
