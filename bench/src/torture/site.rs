//! The hub that is tortured: `mshub up` on a data directory of its own, killed and started again.

use std::{
    fs::OpenOptions,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use tokio::{process::Command, sync::watch, time::timeout};

use crate::hub::{Running, up};

/// Starting under a tracer on a busy machine takes its time.
const READY: Duration = Duration::from_secs(30);
/// What the hub is called. Nobody goes there.
const PUBLIC: &str = "http://torture.example.org";

/// One hub process, or the place where it will be again.
pub(crate) struct Site {
    mshub: PathBuf,
    /// The data directory.
    pub(crate) data: PathBuf,
    /// What the hub logs.
    pub(crate) log: PathBuf,
    /// Options of `mshub up` that every start gets.
    options: Vec<String>,
    running: Option<Running>,
    address: watch::Sender<Option<SocketAddr>>,
}

impl Site {
    pub(crate) fn new(mshub: &Path, folder: &Path, name: &str, options: Vec<String>) -> Self {
        Self {
            mshub: mshub.to_owned(),
            data: folder.join(name),
            log: folder.join(format!("{name}.log")),
            options,
            running: None,
            address: watch::Sender::new(None),
        }
    }

    /// Where it is at the moment, for proxies.
    pub(crate) fn address(&self) -> watch::Receiver<Option<SocketAddr>> {
        self.address.subscribe()
    }

    /// The process.
    pub(crate) fn id(&self) -> anyhow::Result<u32> {
        self.running.as_ref().context("the hub is not running")?.pid()
    }

    /// Starts it as anybody would.
    pub(crate) async fn start(&mut self) -> anyhow::Result<()> {
        self.start_under(&[]).await
    }

    /// Starts it by another program, which ends by becoming it.
    pub(crate) async fn start_under(&mut self, wrapper: &[String]) -> anyhow::Result<()> {
        let mut command = match wrapper.split_first() {
            None => Command::new(&self.mshub),
            Some((program, rest)) => {
                let mut command = Command::new(program);
                command.args(rest).arg(&self.mshub);
                command
            }
        };
        command = up(command, &self.data);
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        // Tokens are good for one public address, and the port is another one at every start.
        command.args(["--public-url", PUBLIC]).args(&self.options).stderr(Stdio::from(log));
        let running =
            timeout(READY, Running::spawn(command)).await.context("the hub does not get ready")??;
        let port = running.api.port().context("the hub has no port")?;
        self.address.send_replace(Some(SocketAddr::from(([127, 0, 0, 1], port))));
        self.running = Some(running);
        Ok(())
    }

    /// SIGKILL.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        self.address.send_replace(None);
        match self.running.take() {
            Some(running) => running.kill().await,
            None => Ok(()),
        }
    }

    /// A signal by its name.
    pub(crate) async fn signal(&self, name: &str) -> anyhow::Result<()> {
        let pid = self.id()?.to_string();
        let sent = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &pid]).status().await?;
        ensure!(sent.success(), "SIG{name} cannot be sent to the hub");
        Ok(())
    }

    /// Kills it and starts it by another program.
    pub(crate) async fn restart_under(&mut self, wrapper: &[String]) -> anyhow::Result<()> {
        self.kill().await?;
        self.start_under(wrapper).await
    }

    /// The log's file.
    pub(crate) fn log_file(&self) -> PathBuf {
        self.data.join("log").join("log.db")
    }

    /// A service's database.
    pub(crate) fn database(&self, service: &str) -> PathBuf {
        self.data.join("db").join(format!("{service}.db"))
    }
}
