//! A real server for the time of a test binary: started here, and ended with this process however that ends.

use std::{
    ffi::OsString,
    io::Write as _,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, bail};
use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::time::Instant;

use super::Port;

/// How long a server may take until it is ready. Kafka on a busy machine is the slow one.
const PATIENCE: Duration = Duration::from_secs(300);

/// A shell between us and the server. It holds one end of a pipe, and we the other: when this process is gone, killed
/// or not, the pipe ends, and the shell ends the server and removes its folder. Until then it does what the pipe says.
const WATCH: &str = r#"
trap '' INT TERM HUP
folder=$1 signal=$2
shift 2
cd "$folder" || exit 1
"$@" >>log 2>&1 </dev/null &
server=$!
while read -r word; do
  case $word in
    crash) kill -s "$signal" "$server"; wait "$server" ;;
    start) "$@" >>log 2>&1 </dev/null & server=$! ;;
    *) kill -s "$word" "$server" ;;
  esac
done
kill -s "$signal" "$server"
wait "$server"
cd / && rm -rf "$folder"
"#;

/// The folders of the servers that this process has started.
static STARTED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A server that runs, or will again.
pub struct Server {
    watch: Child,
    folder: PathBuf,
    /// Its own, also while it does not run.
    _ports: Vec<Port>,
    ready: Box<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>,
}

/// How a server is started.
pub(super) struct Start {
    /// Where it works; removed at the end.
    pub(super) folder: PathBuf,
    /// Where it listens.
    pub(super) ports: Vec<Port>,
    /// The program and its arguments.
    pub(super) command: Vec<OsString>,
    /// Its environment, on top of ours.
    pub(super) env: Vec<(&'static str, String)>,
    /// The signal that ends it at once.
    pub(super) signal: &'static str,
}

impl Server {
    /// Starts it, and waits until `ready` says so.
    pub(super) async fn start<Ready>(
        start: Start,
        ready: impl Fn() -> Ready + Send + Sync + 'static,
    ) -> anyhow::Result<Self>
    where
        Ready: Future<Output = bool> + Send + 'static,
    {
        let Start { folder, ports, command, env, signal } = start;
        STARTED.lock().unwrap_or_else(PoisonError::into_inner).push(folder.clone());
        let watch = Command::new("sh")
            .args(["-c", WATCH, "watch"])
            .arg(&folder)
            .arg(signal)
            .args(&command)
            .envs(env)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // An interrupt of the tests is not one of the server: it ends by the pipe.
            .process_group(0)
            .spawn()
            .with_context(|| format!("{command:?} cannot be started"))?;
        let server = Self { watch, folder, _ports: ports, ready: Box::new(move || ready().boxed()) };
        server.is_ready(true).await.with_context(|| format!("{command:?}"))?;
        Ok(server)
    }

    /// Ends it as a crash would, and keeps what it has on disk.
    pub async fn crash(&mut self) -> anyhow::Result<()> {
        self.tell("crash")?;
        self.is_ready(false).await
    }

    /// Starts it after a crash.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        self.tell("start")?;
        self.is_ready(true).await
    }

    /// Sends it a signal by its name, such as `STOP`.
    pub fn signal(&mut self, name: &str) -> anyhow::Result<()> {
        self.tell(name)
    }

    fn tell(&mut self, word: &str) -> anyhow::Result<()> {
        let pipe = self.watch.stdin.as_mut().context("the server has ended")?;
        writeln!(pipe, "{word}").context("the server's watcher is gone")
    }

    async fn is_ready(&self, wanted: bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while (self.ready)().await != wanted {
            if Instant::now() > deadline {
                bail!(
                    "not {} in time; the end of its log:\n{}",
                    if wanted { "ready" } else { "gone" },
                    end_of_log(&self.folder, 50)
                );
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    fn end(&mut self) {
        drop(self.watch.stdin.take());
        // It was started by us, so it can be waited for.
        let _ = self.watch.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// What the servers of this process said last, for a test that cannot go on without one of them.
pub(super) fn last_words() -> String {
    let started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    started.iter().map(|folder| format!("{}:\n{}\n", folder.display(), end_of_log(folder, 15))).collect()
}

fn end_of_log(folder: &Path, count: usize) -> String {
    let log = std::fs::read(folder.join("log")).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// A folder that a watcher removes.
pub(super) fn folder() -> anyhow::Result<PathBuf> {
    Ok(tempfile::Builder::new().prefix("mshub-test-").tempdir()?.keep())
}

/// The first line that a program says when it is asked.
pub(super) async fn first_line(program: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let asked = tokio::process::Command::new(program).args(arguments).output().await;
    let said = asked.with_context(|| format!("{} cannot be run", program.display()))?.stdout;
    Ok(String::from_utf8_lossy(&said).lines().next().unwrap_or_default().to_owned())
}
