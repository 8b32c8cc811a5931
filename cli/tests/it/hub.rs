//! A real hub for a story: `mshub up` as a child process, on free ports, in a folder of its own.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use client::{Hub as Client, Options, SessionStore};
use platform::testing::Port;
use serde_json::Value;
use tempfile::TempDir;
use wire::accounts::Login;

use crate::command::Person;

/// How long a start may take, on a machine that is busy with other tests.
const START: Duration = Duration::from_secs(120);

/// A running hub. Killed when it is dropped.
pub(crate) struct Hub {
    data: TempDir,
    process: Child,
    pub(crate) server: String,
    /// Its own, also while it does not run.
    port: Port,
    /// What it said when it was ready.
    pub(crate) ready: Value,
}

impl Hub {
    /// Starts one with nothing in it.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with these arguments.
    pub(crate) fn start_with(args: &[&str]) -> Self {
        let (data, port) = (tempfile::tempdir().unwrap(), Port::reserve().unwrap());
        let (process, ready) = launch(&data, &port, args);
        let server = ready["api"].as_str().unwrap().to_owned();
        Self { data, process, server, port, ready }
    }

    /// Where it keeps everything.
    pub(crate) fn data_dir(&self) -> String {
        self.data.path().join("data").display().to_string()
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Lets it go on, or makes it stand still: connections stay open, nothing is answered.
    #[cfg(unix)]
    pub(crate) fn freeze(&self, frozen: bool) {
        let signal = if frozen { "STOP" } else { "CONT" };
        let sent = Command::new("kill").args(["-s", signal, &self.process.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Starts it again with the same data, at the same address.
    pub(crate) fn start_again(&mut self) {
        self.start_again_with(&[]);
    }

    /// The same with these arguments.
    pub(crate) fn start_again_with(&mut self, args: &[&str]) {
        (self.process, self.ready) = launch(&self.data, &self.port, args);
        self.server = self.ready["api"].as_str().unwrap().to_owned();
    }

    /// The same at another port.
    pub(crate) fn start_elsewhere(&mut self) {
        let before = std::mem::replace(&mut self.port, Port::reserve().unwrap());
        self.start_again();
        assert_ne!(self.port.number(), before.number());
    }

    /// Asks it to stop, and returns its exit code.
    pub(crate) fn stop(self) -> Option<i32> {
        self.signal("TERM");
        self.wait()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.process.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end, and returns its exit code.
    pub(crate) fn wait(mut self) -> Option<i32> {
        self.process.wait().unwrap().code()
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.process.id()
    }

    /// Somebody with a verified account who is signed in.
    pub(crate) fn person(&self, name: &str) -> Person {
        let person = Person::at(&self.server);
        let email = format!("{}@example.org", name.to_lowercase());
        person.file("password", format!("{}\n", password(name)));
        let signup =
            ["auth", "signup", "--email", &email, "--name", name, "--password-file", "password", "--json"];
        let signed_up = person.json(&signup);
        let link =
            signed_up["verification"]["link"].as_str().unwrap_or_else(|| panic!("no link: {signed_up}"));
        person.json(&["auth", "verify", link, "--json"]);
        person.json(&["auth", "login", "--email", &email, "--password-file", "password", "--json"]);
        person
    }

    /// The same person through the SDK, with a session of its own.
    pub(crate) async fn client(&self, name: &str) -> Client {
        let server = self.server.parse().unwrap();
        let hub = Client::new(server, SessionStore::Memory, Options::default()).unwrap();
        let email = format!("{}@example.org", name.to_lowercase());
        hub.login(&Login { email, password: password(name), device: Some("story".into()) }).await.unwrap();
        hub
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Hard to guess, and easy to find again in a test.
pub(crate) fn password(name: &str) -> String {
    format!("{name} rides a violet tandem at dawn")
}

fn launch(data: &TempDir, port: &Port, args: &[&str]) -> (Child, Value) {
    let mut process = Command::new(env!("CARGO_BIN_EXE_mshub"))
        .args([
            "up",
            "--json",
            "--port",
            &port.number().to_string(),
            "--convert-port",
            "0",
            "--chat-port",
            "0",
            "--web-port",
            "0",
        ])
        .arg("--data-dir")
        .arg(data.path().join("data"))
        .args(args)
        .env_clear()
        // A story does not wait for the limit that protects a real hub, unless it is about that.
        .env("MSHUB_SENDS_PER_SECOND", "5000")
        .env("HOME", data.path())
        .env("MSHUB_CONFIG_DIR", data.path().join("config"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let stdout = process.stdout.take().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    // Reads on to the end, so that the hub never writes into a pipe that nobody empties.
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = tell.send(line);
        }
    });
    let line = told.recv_timeout(START).unwrap_or_else(|_| {
        let _ = process.kill();
        panic!("the hub did not become ready")
    });
    let ready: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(ready["event"], "ready", "{ready}");
    (process, ready)
}

/// Waits until something is so.
pub(crate) fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(START, what, look)
}

/// The same with another patience.
pub(crate) fn within<T>(patience: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it did not happen in time: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
