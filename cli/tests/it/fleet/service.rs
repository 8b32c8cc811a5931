//! One service in a process of its own, which is killed, stopped and started again at the same address.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use platform::testing::Port;
use serde_json::Value;

use super::eventually;

/// How long an answer about readiness may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A service, running or not. Killed when it is dropped.
pub(crate) struct Service {
    pub(crate) name: String,
    program: PathBuf,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    settings: Vec<(&'static str, String)>,
    log: PathBuf,
    process: Option<Child>,
    _ports: [Port; 2],
}

impl Service {
    /// A program, not started yet.
    pub(super) fn new(program: &Path, name: &str, folder: &Path) -> Self {
        let log = folder.join(format!("{name}.log"));
        let ports = [Port::reserve().unwrap(), Port::reserve().unwrap()];
        let [address, admin] = [ports[0].address(), ports[1].address()];
        let (name, program) = (name.to_owned(), program.to_owned());
        Self { name, program, address, admin, settings: Vec::new(), log, process: None, _ports: ports }
    }

    /// Settings for the next start; a program passes over those of others.
    pub(super) fn set(&mut self, settings: impl IntoIterator<Item = (&'static str, String)>) {
        self.settings.extend(settings);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Starts it; see [`Service::wait_until_ready`].
    pub(crate) fn start(&mut self) {
        let log = OpenOptions::new().create(true).append(true).open(&self.log).unwrap();
        let process = Command::new(&self.program)
            .env_clear()
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .args(["--listen", &self.address.to_string(), "--admin-listen", &self.admin.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.process = Some(process);
    }

    pub(crate) fn wait_until_ready(&self) {
        eventually(&format!("{} is ready", self.name), || is_ready(self.admin).then_some(()));
    }

    /// The parts that it says are not well. It answers in time, whatever it lacks.
    pub(crate) fn lacks(&self) -> Vec<String> {
        let answer = asked(self.admin, "/readyz").unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").expect("an answer has a body");
        let said: Value = serde_json::from_str(body).unwrap();
        let services = said["parts"].as_object().unwrap().values();
        let parts = services.flat_map(|parts| parts.as_object().unwrap());
        parts.filter(|(_, state)| *state != "ok").map(|(part, _)| part.clone()).collect()
    }

    /// What one of its counters stands at; nothing when it was never counted.
    pub(crate) fn counted(&self, counter: &str) -> u64 {
        let metrics = asked(self.admin, "/metrics").unwrap();
        let line = metrics.lines().find_map(|line| line.strip_prefix(counter)?.strip_prefix(' '));
        line.map_or(0, |count| count.parse().unwrap())
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Lets it go on, or makes it stand still: connections are taken, nothing is answered.
    pub(crate) fn freeze(&self, frozen: bool) {
        self.signal(if frozen { "STOP" } else { "CONT" });
    }

    /// Asks it to stop.
    pub(crate) fn ask_to_stop(&self) {
        self.signal("TERM");
    }

    fn signal(&self, signal: &str) {
        let id = self.process.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
    }

    /// Waits for its end; its exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.process.take().expect("it runs").wait().unwrap().code()
    }

    /// The last lines that it logged.
    fn end_of_log(&self) -> String {
        let mut text = String::new();
        let read = File::open(&self.log).and_then(|mut log| log.read_to_string(&mut text));
        let lines: Vec<&str> = text.lines().collect();
        read.map_or_else(|error| error.to_string(), |_| lines[lines.len().saturating_sub(40)..].join("\n"))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended already.
            let _ = process.kill();
            let _ = process.wait();
        }
        if std::thread::panicking() {
            let _ = writeln!(std::io::stderr().lock(), "== {}\n{}", self.name, self.end_of_log());
        }
    }
}

/// What an admin listener answers: its status line, and the rest.
fn asked(admin: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut connection = TcpStream::connect_timeout(&admin, PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}

fn is_ready(admin: SocketAddr) -> bool {
    asked(admin, "/readyz")
        .is_ok_and(|answer| answer.lines().next().is_some_and(|line| line.contains(" 200 ")))
}
