//! A process that is tortured, on a data directory of its own: killed, held still and started again.

use std::{
    fs::OpenOptions,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use client::Url;
use platform::testing::Port;
use tokio::{
    net::TcpStream,
    process::Command,
    sync::watch,
    time::{Instant, sleep, timeout},
};

use crate::hub::{Running, up};

/// Starting under a tracer on a busy machine takes its time.
const READY: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_millis(20);
/// What the hub is called. Nobody goes there, and under a public name it would show its kept mail to nobody.
pub(super) const PUBLIC: &str = "http://localhost";

/// How a process is started.
enum Program {
    /// `mshub up` with these options, at free ports that it tells.
    Up { mshub: PathBuf, options: Vec<String> },
    /// One service with these words, at ports that were chosen for it.
    Service { program: PathBuf, words: Vec<String>, api: Port, _admin: Port },
}

/// One process, or the place where it will be again.
pub(crate) struct Site {
    program: Program,
    /// The data directory.
    pub(crate) data: PathBuf,
    /// What it logs.
    log: PathBuf,
    running: Option<Running>,
    address: watch::Sender<Option<SocketAddr>>,
}

impl Site {
    /// A whole hub in one process.
    pub(crate) fn hub(mshub: &Path, folder: &Path, name: &str, options: Vec<String>) -> Self {
        Self::new(folder, name, Program::Up { mshub: mshub.to_owned(), options })
    }

    /// One service, with a port for its work and one for those who watch it.
    pub(crate) async fn service(
        program: &Path,
        folder: &Path,
        name: &str,
        words: Vec<String>,
    ) -> anyhow::Result<Self> {
        ensure!(
            program.is_file(),
            "{} is not there: cargo build -p mshub-server -p mshub-chat-worker -p mshub-convert-worker",
            program.display()
        );
        let (api, admin) = (Port::reserve()?, Port::reserve()?);
        let ports = [format!("--listen={}", api.address()), format!("--admin-listen={}", admin.address())];
        let words = words.into_iter().chain(ports).collect();
        Ok(Self::new(
            folder,
            name,
            Program::Service { program: program.to_owned(), words, api, _admin: admin },
        ))
    }

    fn new(folder: &Path, name: &str, program: Program) -> Self {
        let (data, log) = (folder.join(name), folder.join(format!("{name}.log")));
        Self { program, data, log, running: None, address: watch::Sender::new(None) }
    }

    /// Where it is at the moment, for proxies.
    pub(crate) fn address(&self) -> watch::Receiver<Option<SocketAddr>> {
        self.address.subscribe()
    }

    /// Where a service is whenever it runs.
    pub(crate) fn url(&self) -> anyhow::Result<String> {
        match &self.program {
            Program::Service { api, .. } => Ok(format!("http://{}", api.address())),
            Program::Up { .. } => bail!("a hub has another port at every start"),
        }
    }

    /// The process.
    pub(crate) fn id(&self) -> anyhow::Result<u32> {
        self.running.as_ref().context("the process is not running")?.pid()
    }

    /// Starts it as anybody would.
    pub(crate) async fn start(&mut self) -> anyhow::Result<()> {
        self.start_under(&[]).await
    }

    /// Starts it by another program, which ends by becoming it.
    pub(crate) async fn start_under(&mut self, wrapper: &[String]) -> anyhow::Result<()> {
        let program = match &self.program {
            Program::Up { mshub, .. } => mshub,
            Program::Service { program, .. } => program,
        };
        let mut command = match wrapper.split_first() {
            None => Command::new(program),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        command.stderr(Stdio::from(log));
        let running = match &self.program {
            Program::Up { options, .. } => {
                let mut command = up(command, &self.data);
                // Tokens are good for one public address, and the port is another one at every start.
                command.args(["--public-url", PUBLIC]).args(options);
                timeout(READY, Running::spawn(command)).await.context("the hub does not get ready")??
            }
            Program::Service { words, api, .. } => {
                command.args(words).current_dir(self.log.parent().context("the log has no folder")?);
                served(command, api.address()).await.with_context(|| self.log.display().to_string())?
            }
        };
        let port = running.api.port().context("the process has no port")?;
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
        ensure!(sent.success(), "SIG{name} cannot be sent to the process");
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

/// Starts a service and waits until it answers.
async fn served(mut command: Command, api: SocketAddr) -> anyhow::Result<Running> {
    let url: Url = format!("http://{api}").parse()?;
    let began = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn()?;
    let mut running = Running::of(child, url);
    while TcpStream::connect(api).await.is_err() {
        ensure!(!running.has_ended()?, "the service ended before it answered");
        ensure!(began.elapsed() < READY, "the service does not answer");
        sleep(LOOK).await;
    }
    Ok(running)
}
