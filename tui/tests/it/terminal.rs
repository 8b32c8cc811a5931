//! A real terminal (a PTY) around the real client: it is restored whatever ends it.
//!
//! The program under test is this very test binary: [`child`] is a test that does nothing unless it is told what.

use std::{
    io::{Read, Write},
    num::NonZero,
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use client::{Hub, SessionStore};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tui::Options;

const WHAT: &str = "MSHUB_TUI_TEST_CHILD";

/// Does what a parent test tells it.
#[tokio::test]
async fn child() {
    let Ok(what) = std::env::var(WHAT) else { return };
    let options = client::Options { retries: 0, ..client::Options::default() };
    let hub = Hub::new("http://127.0.0.1:9".parse().unwrap(), SessionStore::Memory, options).unwrap();
    if what == "panic" {
        let _guard = tui::term::Guard::enter().unwrap();
        panic!("on purpose");
    }
    let ended = tui::run(hub.clone(), Options::new(&hub)).await;
    match ended.map_err(|error| error.downcast::<tui::Killed>()) {
        Ok(()) => println!("ENDED WELL"),
        Err(Ok(killed)) => println!("ENDED BY {}", killed.signal),
        Err(Err(error)) => println!("ENDED WITH {error:#}"),
    }
}

/// What the child wrote: as a screen, and byte by byte.
struct Seen {
    screen: vt100::Parser,
    bytes: Vec<u8>,
}

/// A terminal with the child in it.
struct Screen {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    before: String,
}

impl Screen {
    /// The child directly in the terminal, where no shell waits.
    fn with(what: &str) -> Self {
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.args(["--exact", "terminal::child", "--nocapture"]);
        Self::of(command, what)
    }

    /// The child as a job of a shell that says when it stops, and continues it.
    fn with_shell(what: &str) -> Self {
        let mut command = CommandBuilder::new("sh");
        let line = r#"set -m; "$0" --exact terminal::child --nocapture; echo "SHELL HAS IT: $(stty -a | grep -o '.icanon')"; read go; fg; echo SHELL ENDS"#;
        command.args(["-c", line]);
        command.arg(std::env::current_exe().unwrap());
        Self::of(command, what)
    }

    fn of(mut command: CommandBuilder, what: &str) -> Self {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let before = modes(&*pair.master);
        command.env(WHAT, what);
        command.env("TERM", "xterm-256color");
        let child = pair.slave.spawn_command(command).unwrap();
        let seen = Arc::new((Mutex::new(Seen { screen: parser(), bytes: Vec::new() }), Condvar::new()));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let shared = seen.clone();
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut chunk) {
                let mut seen = shared.0.lock().unwrap();
                seen.screen.process(&chunk[..count]);
                seen.bytes.extend_from_slice(&chunk[..count]);
                shared.1.notify_all();
            }
        });
        Self { master: pair.master, keys, child, seen, before }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    fn resize(&self, cols: u16, rows: u16) {
        let (lines, columns) = (NonZero::new(rows).unwrap(), NonZero::new(cols).unwrap());
        self.seen.0.lock().unwrap().screen.screen_mut().set_size(lines, columns);
        self.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    fn signal(&self, name: &str) {
        let id = self.child.process_id().unwrap().to_string();
        let killed = std::process::Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap();
        assert!(killed.success());
    }

    /// Waits until the screen has these words.
    #[track_caller]
    fn sees(&self, words: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let (lock, changed) = &*self.seen;
        let mut seen = lock.lock().unwrap();
        while !seen.screen.screen().contents().contains(words) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no {words:?} on:\n{}", seen.screen.screen().contents());
            seen = changed.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// After the child has said its last word: everything is as it was.
    #[track_caller]
    fn is_restored(&self) {
        let seen = self.seen.0.lock().unwrap();
        let screen = seen.screen.screen();
        assert!(!screen.alternate_screen(), "the alternate screen is left");
        assert!(!screen.bracketed_paste(), "bracketed paste is off");
        assert!(!screen.hide_cursor(), "the cursor is back");
        assert_eq!(modes(&*self.master), self.before, "the line discipline is as before");
    }

    #[track_caller]
    fn was_taken_over(&self) {
        let seen = self.seen.0.lock().unwrap();
        assert!(seen.screen.screen().alternate_screen() && seen.screen.screen().bracketed_paste());
        drop(seen);
        assert_ne!(modes(&*self.master), self.before);
    }

    fn wrote(&self, bytes: &[u8]) -> bool {
        self.seen.0.lock().unwrap().bytes.windows(bytes.len()).any(|window| window == bytes)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parser() -> vt100::Parser {
    let (rows, columns) = (NonZero::new(24).unwrap(), NonZero::new(80).unwrap());
    vt100::Parser::new(rows, columns, 0)
}

/// The terminal's line discipline, to compare.
fn modes(master: &dyn MasterPty) -> String {
    let modes = master.get_termios().unwrap();
    format!(
        "{:?} {:?} {:?} {:?}",
        modes.input_flags, modes.output_flags, modes.control_flags, modes.local_flags
    )
}

#[test]
fn quitting_restores_the_terminal() {
    let mut screen = Screen::with("run");
    screen.sees("Sign in");
    screen.was_taken_over();

    screen.press("\u{1b}");
    screen.sees("NAV");
    screen.press("q");

    screen.sees("ENDED WELL");
    screen.is_restored();
}

#[test]
fn a_panic_restores_the_terminal_and_is_told_after_it() {
    let screen = Screen::with("panic");

    screen.sees("on purpose");

    screen.is_restored();
    assert!(screen.wrote(b"\x1b[?1049h") && screen.wrote(b"\x1b[?1049l"));
}

#[test]
fn signals_that_end_it_restore_the_terminal() {
    for (name, number) in [("TERM", 15), ("HUP", 1), ("INT", 2), ("QUIT", 3), ("ABRT", 6)] {
        let screen = Screen::with("run");
        screen.sees("Sign in");

        screen.signal(name);

        screen.sees(&format!("ENDED BY {number}"));
        screen.is_restored();
    }
}

#[test]
fn ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_back() {
    let mut screen = Screen::with_shell("run");
    screen.sees("Sign in");
    screen.press("ann@example.org");
    screen.sees("ann@example.org");

    screen.press("\u{1a}");
    screen.sees("SHELL HAS IT:  icanon");
    assert!(!screen.seen.0.lock().unwrap().screen.screen().alternate_screen());
    screen.press("\n");

    screen.sees("ann@example.org");
    screen.was_taken_over();
    screen.press("\u{3}\u{3}\u{3}");
    screen.sees("SHELL ENDS");
    screen.is_restored();
}

#[test]
fn where_no_shell_waits_ctrl_z_does_not_stop_for_ever() {
    let mut screen = Screen::with("run");
    screen.sees("Sign in");

    screen.press("\u{1a}");

    screen.sees("no shell waits");
    screen.was_taken_over();
}

#[test]
fn a_window_may_shrink_to_anything_and_grow_again() {
    let mut screen = Screen::with("run");
    screen.sees("Sign in");
    screen.press("ann@example.org");

    screen.resize(30, 6);
    screen.sees("30×6: needs 40×10");
    screen.resize(1, 1);
    screen.resize(100, 30);

    screen.sees("ann@example.org");
}

#[test]
fn a_pasted_line_end_is_no_enter() {
    let mut screen = Screen::with("run");
    screen.sees("Sign in");

    screen.press("\u{1b}[200~ann@example.org\r\u{1b}[201~");

    screen.sees("ann@example.org");
    screen.press("\u{c}");
    screen.sees("ann@example.org");
}
