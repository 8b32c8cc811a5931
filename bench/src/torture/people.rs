//! Who takes part: accounts, each with a link that can be broken and a process of its own.

use std::{
    collections::BTreeMap,
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, ensure};
use client::{Hub, Options, SessionStore};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use platform::testing::Proxy;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, Command},
    sync::{Mutex, watch},
    time::{sleep, timeout},
};
use wire::{
    RoomId,
    rooms::{NewRoom, Room},
};

use super::{
    client::Role,
    foreign::{Foreign, Way},
};
use crate::hub::person;

/// How long a client may take to write its last line.
const LAST_WORDS: Duration = Duration::from_secs(120);

/// What a client says of itself, ten times a second.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Status {
    /// How many times it has said so.
    pub(crate) beat: u64,
    /// Whether it goes on talking: not any more once it has heard that it should pause.
    pub(crate) going: bool,
    /// What it said or did and has no answer to.
    pub(crate) outbox: usize,
    /// Other things that it waits for.
    pub(crate) busy: usize,
    /// What was acknowledged to it since it started.
    pub(crate) acked: u64,
    /// The newest position it has shown of each room.
    pub(crate) heads: BTreeMap<RoomId, u64>,
}

impl Status {
    /// Whether it neither wants nor waits for anything.
    pub(crate) fn is_calm(&self) -> bool {
        !self.going && self.outbox == 0 && self.busy == 0
    }
}

/// How a crew is put together.
pub(crate) struct Signing<'a> {
    pub(crate) folder: &'a Path,
    /// Where each of the hubs is.
    pub(crate) hubs: Vec<watch::Receiver<Option<std::net::SocketAddr>>>,
    /// Unless they are ours.
    pub(crate) foreign: Option<&'a Foreign>,
    pub(crate) clients: usize,
    pub(crate) raws: usize,
    pub(crate) rooms: usize,
    /// Messages a second of all together.
    pub(crate) rate: u32,
    pub(crate) seed: u64,
    /// Access tokens of accounts that exist; without any, accounts are made.
    pub(crate) tokens: &'a [String],
}

/// Everybody.
pub(crate) struct Crew {
    members: Vec<Member>,
    acked: Arc<AtomicU64>,
    /// Reads the history at the end, over a link that never breaks.
    pub(crate) historian: Hub,
    _quiet_link: Proxy,
    pub(crate) rooms: Vec<Room>,
}

struct Member {
    name: String,
    role: Role,
    proxy: Proxy,
    /// The client's command line.
    words: Vec<String>,
    token: Option<String>,
    status: watch::Sender<Status>,
    /// Of everybody.
    acked: Arc<AtomicU64>,
    /// Whatever it said on stdout that is no status: why it failed.
    last_words: watch::Sender<String>,
    process: Mutex<Option<Process>>,
    /// What it was told last.
    orders: watch::Sender<&'static str>,
}

struct Process {
    child: Child,
    stdin: ChildStdin,
}

impl Crew {
    /// Makes or takes accounts, makes rooms and joins them. Nobody sends yet.
    pub(crate) async fn sign(signing: &Signing<'_>) -> anyhow::Result<Self> {
        let count = signing.clients + signing.raws + 1;
        let tokens = signing.tokens;
        ensure!(tokens.is_empty() || tokens.len() >= count, "{count} tokens are needed: one a client");
        let mut hubs = Vec::new();
        for n in 0..count {
            let proxy = Proxy::start(signing.hubs.clone()).await?;
            let Way { server, at } = signing.way(&proxy)?;
            let name = signing.name(n);
            let hub = match tokens.get(n) {
                Some(token) => Hub::with_token(server, token.clone(), Options { at, ..Options::default() })?,
                None => person(server, &name, sessions(&signing.folder.join(&name))).await?,
            };
            hubs.push((hub, proxy));
        }
        let rooms = rooms(&hubs, signing).await?;
        let (historian, quiet) = hubs.pop().context("nobody reads the history")?;
        let acked = Arc::<AtomicU64>::default();
        let members = hubs.into_iter().enumerate();
        let member = |(n, (_, proxy))| Member::new(n, proxy, &rooms, signing, acked.clone());
        let members = members.map(member).collect::<anyhow::Result<_>>()?;
        Ok(Self { members, acked, historian, _quiet_link: quiet, rooms })
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn name(&self, whom: usize) -> String {
        self.members[whom % self.members.len()].name.clone()
    }

    pub(crate) fn proxies(&self) -> impl Iterator<Item = &Proxy> {
        self.members.iter().map(|member| &member.proxy)
    }

    /// How often each client has shown that it is at work.
    pub(crate) fn beats(&self) -> Vec<u64> {
        self.members.iter().map(|member| member.status.borrow().beat).collect()
    }

    /// Where everybody stands.
    pub(crate) fn statuses(&self) -> impl Iterator<Item = (Role, Status)> {
        self.members.iter().map(|member| (member.role, member.status.borrow().clone()))
    }

    /// How much was acknowledged to all together.
    pub(crate) fn acked(&self) -> u64 {
        self.acked.load(Ordering::Relaxed)
    }

    /// Starts every client's process.
    pub(crate) async fn begin(&self) -> anyhow::Result<()> {
        for member in &self.members {
            member.start().await?;
        }
        Ok(())
    }

    /// Tells everybody to `go`, to `pause` or to `end`.
    pub(crate) async fn tell(&self, order: &'static str) -> anyhow::Result<()> {
        for member in &self.members {
            member.tell(order).await?;
        }
        Ok(())
    }

    /// Waits until every client has written its last line.
    pub(crate) async fn end(&self) -> anyhow::Result<()> {
        self.tell("end").await?;
        for member in &self.members {
            let Some(Process { mut child, .. }) = member.process.lock().await.take() else { continue };
            let ended = timeout(LAST_WORDS, child.wait()).await;
            let status = ended.with_context(|| format!("{} does not end", member.name))??;
            let words = member.last_words.borrow().clone();
            ensure!(status.success(), "the client {} failed: {words}", member.name);
        }
        Ok(())
    }

    /// SIGKILL for one of those who send, and a new start.
    pub(crate) async fn kill_and_restart(&self, whom: usize, away: Duration) -> anyhow::Result<()> {
        let senders: Vec<_> = self.members.iter().filter(|member| member.role == Role::Core).collect();
        let member = senders[whom % senders.len()];
        if let Some(Process { mut child, .. }) = member.process.lock().await.take() {
            child.kill().await?;
        }
        sleep(away).await;
        member.start().await?;
        let order = *member.orders.borrow();
        member.tell(order).await
    }

    /// Holds one client still, and lets it go on.
    pub(crate) async fn freeze(&self, whom: usize, still: Duration) -> anyhow::Result<()> {
        let member = &self.members[whom % self.members.len()];
        member.signal(Signal::SIGSTOP).await?;
        sleep(still).await;
        member.signal(Signal::SIGCONT).await
    }
}

impl Signing<'_> {
    fn way(&self, proxy: &Proxy) -> anyhow::Result<Way> {
        self.foreign.map_or_else(|| Way::to(proxy.address), |foreign| foreign.by(proxy.address))
    }

    fn name(&self, n: usize) -> String {
        match n {
            n if n < self.clients => format!("c{n}"),
            n if n < self.clients + self.raws => format!("raw{}", n - self.clients),
            _ => "historian".to_owned(),
        }
    }
}

/// Where the session of a client is kept.
pub(crate) fn sessions(folder: &Path) -> SessionStore {
    SessionStore::File { dir: folder.join("session"), keyring: false }
}

async fn rooms(hubs: &[(Hub, Proxy)], signing: &Signing<'_>) -> anyhow::Result<Vec<Room>> {
    let Some(((owner, _), others)) = hubs.split_first() else { anyhow::bail!("nobody is there") };
    let mut rooms = Vec::new();
    for n in 0..signing.rooms {
        // On a hub of somebody else the names may be taken.
        let name = format!("torture-{:08x}-{n}", rand::random::<u32>());
        let topic = format!("seed {}", signing.seed);
        rooms.push(owner.new_room(&NewRoom { name, private: false, topic }).await?);
    }
    for (hub, _) in others {
        for room in &rooms {
            hub.join(&room.id.to_string()).await?;
        }
    }
    Ok(rooms)
}

impl Member {
    fn new(
        n: usize,
        proxy: Proxy,
        rooms: &[Room],
        signing: &Signing<'_>,
        acked: Arc<AtomicU64>,
    ) -> anyhow::Result<Self> {
        let name = signing.name(n);
        let role = if n < signing.clients { Role::Core } else { Role::Raw };
        let journal = signing.folder.join(format!("{name}.jsonl"));
        let ids: Vec<String> = rooms.iter().map(|room| room.id.to_string()).collect();
        let rate = f64::from(signing.rate) / signing.clients.max(1) as f64;
        let mut words: Vec<String> = ["torture", "client", "--name"].map(String::from).into();
        let mut put = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
        put(&[&name, "--role", role.name(), "--rooms", &ids.join(",")]);
        let Way { server, at } = signing.way(&proxy)?;
        put(&["--server", server.as_str(), "--rate", &rate.to_string()]);
        if let Some(at) = at {
            put(&["--at", &at.to_string()]);
        }
        put(&["--folder", &signing.folder.join(&name).display().to_string()]);
        put(&["--journal", &journal.display().to_string()]);
        put(&["--seed", &(signing.seed.wrapping_mul(1_000) + n as u64).to_string()]);
        if role == Role::Core && n % 3 == 1 {
            put(&["--roams"]);
        }
        let (status, orders) = (watch::Sender::default(), watch::Sender::new("pause"));
        let last_words = watch::Sender::default();
        let token = signing.tokens.get(n).cloned();
        let process = Mutex::new(None);
        Ok(Self { name, role, proxy, words, token, status, acked, last_words, process, orders })
    }

    async fn start(&self) -> anyhow::Result<()> {
        let program = std::env::current_exe().context("this program cannot be found")?;
        let mut child = Command::new(program)
            .args(&self.words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("the client {} cannot be started", self.name))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let mut stdin = stdin.context("the client has no stdin")?;
        let mut lines = BufReader::new(stdout.context("the client has no stdout")?).lines();
        if let Some(token) = &self.token {
            stdin.write_all(format!("token {token}\n").as_bytes()).await?;
        }
        let (status, last_words) = (self.status.clone(), self.last_words.clone());
        let (acked, mut known) = (self.acked.clone(), 0);
        // Ends with the client's stdout.
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                match serde_json::from_str::<Status>(&line) {
                    Ok(told) => {
                        acked.fetch_add(told.acked.saturating_sub(known), Ordering::Relaxed);
                        known = told.acked;
                        status.send_replace(told);
                    }
                    Err(_) => drop(last_words.send_replace(line)),
                }
            }
        });
        *self.process.lock().await = Some(Process { child, stdin });
        Ok(())
    }

    /// A client that is not there at the moment needs none.
    async fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let process = self.process.lock().await;
        let Some(id) = process.as_ref().and_then(|process| process.child.id()) else { return Ok(()) };
        let sent = kill(Pid::from_raw(id.cast_signed()), signal);
        sent.with_context(|| format!("the client {} cannot be sent {signal}", self.name))
    }

    async fn tell(&self, order: &'static str) -> anyhow::Result<()> {
        self.orders.send_replace(order);
        if let Some(process) = self.process.lock().await.as_mut() {
            let told = process.stdin.write_all(format!("{order}\n").as_bytes()).await;
            told.with_context(|| format!("the client {} is gone: {}", self.name, *self.last_words.borrow()))?;
        }
        Ok(())
    }
}
