//! One person's `mshub`: the program with settings, state and surroundings of its own.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

/// What a command is given that has to succeed: a person would not wait for so long, and is told so.
const PATIENT: &str = "60s";
/// No command of a test takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// A person with a home.
pub(crate) struct Person {
    home: TempDir,
    server: String,
}

/// What a command left.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Person {
    /// Somebody who means this hub.
    pub(crate) fn at(server: &str) -> Self {
        Self { home: tempfile::tempdir().unwrap(), server: server.to_owned() }
    }

    /// Their working folder.
    pub(crate) fn folder(&self) -> &Path {
        self.home.path()
    }

    /// A file of theirs with this content.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The command, not started yet, in an environment that has only what is put into it.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mshub"));
        command
            .args(args)
            .env_clear()
            .env("MSHUB_SERVER", &self.server)
            .env("MSHUB_CONFIG_DIR", self.folder().join("config"))
            .env("HOME", self.folder())
            .env("TZ", "UTC")
            .current_dir(self.folder())
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Done {
        self.run_with(args, b"")
    }

    /// Runs it to its end with this on standard input.
    pub(crate) fn run_with(&self, args: &[&str], input: &[u8]) -> Done {
        finish(self.command(args), input)
    }

    /// Runs it and expects success, however slow the machine is, and one JSON object.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let done = self.run(&[&["--timeout", PATIENT], args].concat());
        assert_eq!(done.code, 0, "{args:?}: {}", done.stderr);
        let lines = done.lines();
        assert_eq!(lines.len(), 1, "{args:?}: {lines:?}");
        lines.into_iter().next().unwrap()
    }

    /// Runs it and expects success and JSON lines.
    pub(crate) fn lines(&self, args: &[&str]) -> Vec<Value> {
        let done = self.run(args);
        assert_eq!(done.code, 0, "{args:?}: {}", done.stderr);
        done.lines()
    }
}

/// Runs a command to its end.
pub(crate) fn finish(mut command: Command, input: &[u8]) -> Done {
    let input_of = if input.is_empty() { Stdio::null() } else { Stdio::piped() };
    let mut child = command.stdin(input_of).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    if let Some(mut stdin) = child.stdin.take() {
        let input = input.to_owned();
        // A command that does not want its input closes it.
        std::thread::spawn(move || drop(stdin.write_all(&input)));
    }
    let id = child.id();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || tell.send(child.wait_with_output()));
    let Output { status, stdout, stderr } =
        told.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("process {id} did not end in time")).unwrap();
    Done { code: status.code().unwrap_or(-1), stdout, stderr: String::from_utf8(stderr).unwrap() }
}

impl Done {
    /// What was printed, as JSON lines.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = std::str::from_utf8(&self.stdout).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
            .collect()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    /// The one object of a failure with `--json`.
    pub(crate) fn error(&self) -> Value {
        let lines: Vec<&str> = self.stderr.lines().collect();
        assert_eq!(lines.len(), 1, "not exactly one line on stderr: {lines:?}");
        let mut error: Value = serde_json::from_str(lines[0]).unwrap();
        error["error"].take()
    }
}
