//! An acknowledgement waits for the flush of the log: while the disk refuses that, nobody is told that a message is kept.

use std::{
    env, fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use wire::ClientId;

use crate::hub::Hub;

/// `strace` on a running process, until it is dropped: every flush of one file fails.
struct Refusing {
    tracer: Child,
    seen: PathBuf,
}

impl Refusing {
    /// `None` where nothing can be traced, unless that was asked for.
    fn flushes_of(file: &Path, process: u32, seen: PathBuf) -> Option<Self> {
        let began = Command::new("strace")
            .args(["-f", "-y", "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO"])
            .args(["-P".as_ref(), file, "-o".as_ref(), &seen, "-p".as_ref(), process.to_string().as_ref()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let why = match began {
            Ok(mut tracer) => {
                let mut said = BufReader::new(tracer.stderr.take().unwrap());
                let mut line = String::new();
                said.read_line(&mut line).unwrap();
                if line.contains(" attached") {
                    // Reads on, so that it never writes into a pipe that nobody empties.
                    std::thread::spawn(move || said.read_to_string(&mut String::new()));
                    return Some(Self { tracer, seen });
                }
                let _ = tracer.wait();
                line
            }
            Err(why) => why.to_string(),
        };
        let required = env::var("MSHUB_REQUIRE").is_ok_and(|names| !names.is_empty())
            || env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!required, "strace cannot trace the hub; install it, or let it trace: {why}");
        // The harness keeps what tests print to itself, but not this.
        let _ = writeln!(io::stderr().lock(), "passed over: strace cannot trace the hub: {why}");
        None
    }

    /// Lets the process go, and tells which calls failed.
    fn end(mut self) -> String {
        let sent = Command::new("kill").args(["-s", "TERM", &self.tracer.id().to_string()]).status();
        assert!(sent.unwrap().success());
        self.tracer.wait().unwrap();
        fs::read_to_string(&self.seen).unwrap()
    }
}

impl Drop for Refusing {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.tracer.kill();
        let _ = self.tracer.wait();
    }
}

#[test]
fn nothing_is_acknowledged_that_the_disk_did_not_take() {
    let hub = Hub::start();
    let ann = hub.person("Ann");
    ann.json(&["room", "new", "general", "--json"]);
    let before = ann.json(&["chat", "send", "general", "before", "--json"]);
    let log = hub.ready["engines"]["bus"].as_str().unwrap().strip_prefix("embedded:").unwrap();
    let log = fs::canonicalize(log).unwrap().join("log.db-wal");
    let cid = format!("cid={}", ClientId::new());
    let say = || {
        let path = "/api/v1/rooms/general/messages";
        ann.run(&["--timeout", "60s", "api", path, "-f", &cid, "-f", "body=kept?", "--json"])
    };

    let Some(refusing) = Refusing::flushes_of(&log, hub.process(), ann.folder().join("calls")) else {
        return;
    };
    let refused = say();
    let calls = refusing.end();
    let kept = say();

    assert_ne!(refused.code, 0, "{}", refused.text());
    assert!(refused.stderr.contains("MSH-5040"), "{}", refused.stderr);
    // It is the flush of the log that failed, and nothing else.
    let of_the_log =
        |call: &str| call.contains("log.db-wal") && call.contains("EIO") && call.contains("INJECTED");
    assert!(calls.lines().any(of_the_log), "{calls}");
    // The same message is taken once the disk flushes again, and is there once.
    assert_eq!(kept.code, 0, "{}", kept.stderr);
    assert!(kept.lines()[0]["pos"].as_u64() > before["pos"].as_u64(), "{}", kept.text());
    let history = ann.lines(&["chat", "history", "general", "--json"]);
    assert_eq!(history.iter().filter(|line| line["body"] == "kept?").count(), 1, "{history:?}");
}
