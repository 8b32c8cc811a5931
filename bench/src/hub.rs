//! A hub in a process of its own, and people on it.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use client::{Hub, Options, SessionStore, Url};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};
use wire::{
    Timestamp,
    accounts::{Login, SignUp},
};

/// How long a mail may take, on a machine that is busy with other hubs.
const MAIL: Duration = Duration::from_secs(60);
/// Sockets of one person, a third of what the hub takes: who comes back may have the old ones for a moment.
pub(crate) const SOCKETS: u32 = 20;
const PASSWORD: &str = "correct horse battery staple 42";

/// A running hub; killed when dropped.
pub(crate) struct Running {
    pub(crate) api: Url,
    /// From the start of the process to its `ready` line.
    pub(crate) ready_after: Duration,
    child: Child,
}

/// What starts a hub on free ports, without a limit on how fast one person sends.
pub(crate) fn up(command: Command, data_dir: &Path) -> Command {
    up_on(command, data_dir, 0)
}

fn up_on(mut command: Command, data_dir: &Path, port: u16) -> Command {
    command.args(["up", "--json", "--convert-port", "0", "--chat-port", "0", "--web-port", "0", "--port"]);
    command.arg(port.to_string());
    command.args(["--sends-per-second", "100000", "--data-dir"]).arg(data_dir);
    command
}

impl Running {
    pub(crate) async fn start(mshub: &Path, data_dir: &Path) -> anyhow::Result<Self> {
        Self::spawn(up(Command::new(mshub), data_dir)).await
    }

    /// The same, and its log acknowledges as it is told: `fsync` or `os`.
    pub(crate) async fn start_as(mshub: &Path, data_dir: &Path, durability: &str) -> anyhow::Result<Self> {
        let mut command = up(Command::new(mshub), data_dir);
        command.args(["--durability", durability]);
        Self::spawn(command).await
    }

    /// Starts a hub and waits until it says that it is ready.
    pub(crate) async fn spawn(mut command: Command) -> anyhow::Result<Self> {
        let began = Instant::now();
        let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().with_context(|| {
            format!("{} cannot be started", command.as_std().get_program().to_string_lossy())
        })?;
        let stdout = child.stdout.take().context("the hub has no stdout")?;
        let line =
            BufReader::new(stdout).lines().next_line().await?.context("the hub ended before it was ready")?;
        let ready_after = began.elapsed();
        let ready: serde_json::Value = serde_json::from_str(&line)?;
        let api = ready["api"].as_str().context("the ready line has no api")?.parse()?;
        Ok(Self { api, ready_after, child })
    }

    /// Ends it and starts it again, at the same address: its tokens name that.
    pub(crate) async fn again(self, mshub: &Path, data_dir: &Path) -> anyhow::Result<Self> {
        let port = self.api.port().context("the hub has no port")?;
        self.kill().await?;
        Self::spawn(up_on(Command::new(mshub), data_dir, port)).await
    }

    /// A process that answers at an address.
    pub(crate) fn of(child: Child, api: Url) -> Self {
        Self { api, ready_after: Duration::ZERO, child }
    }

    /// Whether it is gone.
    pub(crate) fn has_ended(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// The process.
    pub(crate) fn pid(&self) -> anyhow::Result<u32> {
        self.child.id().context("the hub ended")
    }

    /// Resident memory in MiB.
    pub(crate) fn memory(&self) -> anyhow::Result<f64> {
        self.status("VmRSS:")
    }

    /// The most resident memory that it ever had, in MiB.
    pub(crate) fn peak_memory(&self) -> anyhow::Result<f64> {
        self.status("VmHWM:")
    }

    fn status(&self, figure: &str) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()?))?;
        let line = status.lines().find(|line| line.starts_with(figure)).context("no such figure")?;
        let kib: f64 = line.split_whitespace().nth(1).context("no figure")?.parse()?;
        Ok(kib / 1024.0)
    }

    /// Ends it as SIGKILL does.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.map_err(Into::into)
    }

    /// A new account, verified by its kept mail and signed in.
    pub(crate) async fn person(&self, name: &str) -> anyhow::Result<Hub> {
        person(self.api.clone(), name, SessionStore::Memory).await
    }
}

/// A new account on a hub that keeps its mail.
pub(crate) async fn person(server: Url, name: &str, sessions: SessionStore) -> anyhow::Result<Hub> {
    let hub = Hub::new(server, sessions, Options::default())?;
    let email = format!("{name}@example.org");
    let since = Timestamp::from_micros(0);
    hub.sign_up(&SignUp { email: email.clone(), name: name.to_owned(), password: PASSWORD.to_owned() })
        .await?;
    let mail = hub.wait_for_kept_mail(&email, since, MAIL).await?;
    let Some(link) = mail.link else { bail!("the mail to {email} has no link") };
    hub.verify(&link).await?;
    hub.login(&Login { email, password: PASSWORD.to_owned(), device: None }).await?;
    Ok(hub)
}
