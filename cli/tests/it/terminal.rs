//! What differs when a person sits at a terminal: questions, secrets, and text of others made harmless.

use std::{
    io::{Read as _, Write as _},
    sync::mpsc,
    time::{Duration, Instant},
};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::{
    command::Person,
    hub::{Hub, password},
};

const PATIENCE: Duration = Duration::from_secs(120);
/// The flag of termios(3): what is typed is shown.
const ECHO: u32 = 0o10;

/// A command that believes a person is watching.
struct Watched {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn std::io::Write + Send>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    screen: mpsc::Receiver<Vec<u8>>,
    seen: Vec<u8>,
}

/// A terminal of its own for a command, and the command that runs in it.
pub(crate) fn spawn(
    person: &Person,
    args: &[&str],
    size: PtySize,
) -> (Box<dyn MasterPty + Send>, Box<dyn portable_pty::Child + Send + Sync>) {
    let pair = native_pty_system().openpty(size).unwrap();
    let std_command = person.command(args);
    let mut command = CommandBuilder::new(std_command.get_program());
    command.args(args);
    command.cwd(person.folder());
    command.env_clear();
    for (name, value) in std_command.get_envs().filter_map(|(name, value)| Some((name, value?))) {
        command.env(name, value);
    }
    command.env("TERM", "xterm-256color");
    let child = pair.slave.spawn_command(command).unwrap();
    (pair.master, child)
}

impl Watched {
    fn start(person: &Person, args: &[&str]) -> Self {
        let size = PtySize { rows: 24, cols: 100, ..PtySize::default() };
        let (master, child) = spawn(person, args, size);
        let mut reader = master.try_clone_reader().unwrap();
        let keys = master.take_writer().unwrap();
        let (show, screen) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // A terminal whose last program has ended fails instead of being at its end.
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                let _ = show.send(buffer[..read].to_vec());
            }
        });
        Self { master, keys, child, screen, seen: Vec::new() }
    }

    /// As [`Watched::answer`], once the terminal has stopped to show what is typed: the question comes a moment earlier.
    fn answer_unseen(&mut self, question: &str, line: &str) {
        self.wait_for(question);
        let deadline = Instant::now() + PATIENCE;
        while self.master.get_termios().unwrap().local_flags.bits() & ECHO != 0 {
            assert!(Instant::now() < deadline, "the terminal shows what is typed: {}", self.text());
            std::thread::park_timeout(Duration::from_millis(1));
        }
        self.answer(question, line);
    }

    /// Waits until something is on the screen, then types a line.
    fn answer(&mut self, question: &str, line: &str) {
        self.wait_for(question);
        self.keys.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn wait_for(&mut self, question: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.text().contains(question) {
            let left = deadline.saturating_duration_since(Instant::now());
            let shown = self.screen.recv_timeout(left);
            let shown = shown.unwrap_or_else(|_| panic!("{question:?} was not asked: {}", self.text()));
            self.seen.extend(shown);
        }
    }

    /// What is on the screen. A letter may come in two pieces.
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Waits for the end: the exit code, and everything that was shown.
    fn end(mut self) -> (u32, String) {
        while let Ok(shown) = self.screen.recv_timeout(PATIENCE) {
            self.seen.extend(shown);
        }
        (self.child.wait().unwrap().exit_code(), self.text())
    }
}

#[test]
fn a_person_is_asked_and_their_password_is_not_shown() {
    let hub = Hub::start();
    let ann = Person::at(&hub.server);
    let secret = password("Ann");

    let mut signup = Watched::start(&ann, &["auth", "signup"]);
    signup.answer("E-mail:", "ann@example.org");
    signup.answer("Name:", "Ann");
    signup.answer_unseen("Password", &secret);
    signup.answer_unseen("Again:", &secret);
    signup.answer("Verify now?", "");
    let (code, shown) = signup.end();

    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("signed in as Ann <ann@example.org>"), "{shown}");
    assert!(!shown.contains(&secret), "the password was shown: {shown}");
    assert_eq!(ann.json(&["auth", "status", "--json"])["user"]["name"], "Ann");
}

#[test]
fn what_others_write_cannot_steer_a_terminal() {
    let hub = Hub::start();
    let ann = hub.person("Ann");
    ann.json(&["room", "new", "general", "--json"]);
    let attack = "\u{1b}]52;c;cm0gLXJm\u{7}\u{9b}2J\u{202e}drawkcab";
    ann.json(&["chat", "send", "general", attack, "--json"]);

    let (code, shown) = Watched::start(&ann, &["chat", "history", "general"]).end();
    let piped = ann.run(&["chat", "history", "general"]);

    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("\u{fffd}]52;c;cm0gLXJm\u{fffd}\u{fffd}2J\u{fffd}drawkcab"), "{shown:?}");
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    assert!(piped.code == 0 && piped.text().contains("drawkcab"));
}

#[test]
fn a_terminal_is_not_filled_with_what_is_not_text() {
    let ann = Person::at("http://127.0.0.1:9");
    ann.file("a.csv", "a,b\n1,2\n");

    let (code, shown) = Watched::start(&ann, &["convert", "a.csv", "--to", "xlsx", "-o", "-"]).end();

    assert_eq!(code, 2, "{shown}");
    assert!(shown.contains("not text"), "{shown}");
}

#[test]
fn lists_are_tables_on_a_terminal() {
    let hub = Hub::start();
    let ann = hub.person("Ann");
    ann.json(&["room", "new", "general", "--topic", "everything", "--json"]);

    let (code, shown) = Watched::start(&ann, &["room", "list"]).end();

    assert_eq!(code, 0);
    assert!(shown.contains("ROOM") && shown.contains("#general"), "{shown}");
}
