//! The program on its own: what it needs, where it tells how it is, and how it ends.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use platform::service::http_client;
use serde_json::Value;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

/// The program with engines in a folder of its own.
fn program(folder: &TempDir) -> Command {
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("secret"), "0123456789abcdef0123456789abcdef\n").unwrap();
    std::fs::write(at("database"), format!("sqlite:{}\n", at("db"))).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mshub-chat-worker"));
    command
        .env_clear()
        .env("MSHUB_DATABASE_URL_FILE", at("database"))
        .env("MSHUB_FANOUT_URL", "embedded:")
        .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-json", "--secret-file"])
        .arg(at("secret"))
        .stderr(Stdio::piped());
    command
}

/// A program that runs, and what it logs.
struct Running {
    process: Child,
    log: Receiver<Value>,
}

impl Running {
    fn start(folder: &TempDir) -> Self {
        let log_folder = folder.path().join("log").display().to_string();
        let mut process =
            program(folder).args(["--bus-url", &format!("embedded:{log_folder}")]).spawn().unwrap();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        let (tell, log) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = tell.send(serde_json::from_str(&line).unwrap());
            }
        });
        Self { process, log }
    }

    /// Waits for a line with this message, and returns its fields.
    fn says(&self, message: &str) -> Value {
        loop {
            let line = self.log.recv_timeout(PATIENCE).unwrap();
            if line["fields"]["message"] == message {
                return line["fields"].clone();
            }
        }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.process.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn it_tells_on_the_admin_listener_that_it_is_ready_and_ends_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let mut worker = Running::start(&folder);
    let admin = worker.says("readiness and metrics")["admin"].as_str().unwrap().to_owned();
    worker.says("the chat-worker is ready");

    let ready = http_client().get(format!("http://{admin}/readyz")).send().await.unwrap();

    assert_eq!(ready.status(), 200);
    let parts = ready.json::<Value>().await.unwrap()["parts"]["chat-worker"].take();
    assert_eq!(parts, serde_json::json!({ "consumer": "ok", "database": "ok", "log": "ok" }));
    worker.signal("TERM");
    assert_eq!(worker.process.wait().unwrap().code(), Some(0));
}

#[test]
fn a_second_signal_does_not_wait() {
    let folder = tempfile::tempdir().unwrap();
    let mut worker = Running::start(&folder);
    let address = worker.says("listening")["address"].as_str().unwrap().to_owned();
    worker.says("the chat-worker is ready");
    // Half a header: the worker waits for the rest when it stops.
    let mut unfinished = TcpStream::connect(address).unwrap();
    unfinished.write_all(b"GET /livez HTTP/1.1\r\nHost: hub\r\n").unwrap();

    worker.signal("TERM");
    worker.says("stopping; once more stops at once");
    worker.signal("TERM");

    assert_eq!(worker.process.wait().unwrap().code(), Some(143));
}

#[test]
fn an_engine_that_cannot_be_opened_is_one_line_and_an_exit_code() {
    let folder = tempfile::tempdir().unwrap();

    for (args, code, words) in [
        (&[][..], 2, "no URL for the bus: give --bus-url, MSHUB_BUS_URL or MSHUB_BUS_URL_FILE"),
        (&["--bus-url", "nats://me:hunter2@log"], 2, "nats://me:***@log"),
        (&["--bus-url", "embedded:/dev/null/log"], 13, "/dev/null/log"),
    ] {
        let done = program(&folder).args(args).output().unwrap();
        let log = String::from_utf8(done.stderr).unwrap();
        let errors: Vec<_> = log.lines().filter(|line| line.contains("\"ERROR\"")).collect();
        assert_eq!((done.status.code(), errors.len()), (Some(code), 1), "{args:?}: {log}");
        assert!(errors[0].contains(words) && !log.contains("hunter2"), "{args:?}: {log}");
    }
}

#[test]
fn tasks_answer_in_one_json_object_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let bus = format!("embedded:{}", folder.path().join("log").display());
    let answer = |args: &[&str]| {
        let done = program(&folder).args(["--bus-url", &bus]).args(args).output().unwrap();
        (done.status.code(), String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap())
    };

    let (code, rebuilt, log) = answer(&["rebuild"]);
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(serde_json::from_str::<Value>(&rebuilt).unwrap()["events"], 0);
    assert_eq!(answer(&["dead-letters", "list"]).1, "");
    assert_eq!(answer(&["dead-letters", "replay"]).1, "{\"replayed\":0}\n");
    let (code, _, log) = answer(&["dead-letters", "drop", "0", "7"]);
    assert_eq!(code, Some(1));
    assert!(log.contains("dead-letters list"), "{log}");
}
