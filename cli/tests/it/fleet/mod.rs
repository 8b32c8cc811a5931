//! Two of each service as processes of their own, on real engines, behind a balancer: a hub as a large team has it.

mod balancer;
mod crowd;
mod jobs;
mod lasting;
mod lines;
mod load;
mod service;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use client::{Error, Hub as Client, Options, SessionStore};
use platform::testing::{Engine, Link, engines, proxy::can_lose_packets, smtp::Sink};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use wire::{RoomId, accounts::Login};

use crate::{
    command::Person,
    hub::{password, within},
};
use balancer::{Backend, Balancer};
pub(crate) use crowd::Crowd;
pub(crate) use jobs::{begun_again, completions, convert, in_hand, states, uploaded};
use lines::Lines;
pub(crate) use load::Load;
pub(crate) use service::Service;

/// How long anything may take: six processes are a lot for a machine that does something else as well.
const PATIENCE: Duration = Duration::from_secs(240);
/// One fleet at a time.
static TURN: Mutex<()> = Mutex::new(());

/// The programs, as Cargo puts them beside `mshub`.
const PROGRAMS: [&str; 3] = ["mshub-server", "mshub-chat-worker", "mshub-convert-worker"];

/// A hub of six processes on two machines, one of each kind on each. They end with it.
pub(crate) struct Fleet {
    pub(crate) gateways: [Service; 2],
    pub(crate) chat_workers: [Service; 2],
    pub(crate) convert_workers: [Service; 2],
    /// Of each machine.
    lines: [Lines; 2],
    balancer: Balancer,
    sink: Sink,
    database: String,
    /// Runs balancer and mail server, and what a story does at once.
    pub(crate) runtime: Runtime,
    _folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

/// Where the engines of one hub are.
#[derive(Clone)]
pub(crate) struct Engines {
    pub(crate) database: String,
    pub(crate) bus: String,
    pub(crate) fanout: String,
    pub(crate) objects: String,
}

impl Fleet {
    /// Starts one, where all engines and programs are; says what is missing otherwise.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same with these settings, for all of its processes.
    pub(crate) fn start_with(more: &[(&'static str, String)]) -> Option<Self> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let runtime = Runtime::new().unwrap();
        let engines = runtime.block_on(find())?;
        if !programs_are_here() {
            return None;
        }
        let database = engines.database.clone();
        let doors = engines::doors();
        let (lines, ways): (Vec<_>, Vec<_>) = [0, 1]
            .map(|machine| runtime.block_on(Lines::lay(&engines, doors.map(|doors| doors[machine]))))
            .into_iter()
            .unzip();
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "0123456789abcdef0123456789abcdef\n").unwrap();
        let sink = runtime.block_on(Sink::start(&[])).unwrap();
        let [mut chat_workers, mut convert_workers, mut gateways] = [PROGRAMS[1], PROGRAMS[2], PROGRAMS[0]]
            .map(|program| {
                [1, 2].map(|number| {
                    Service::new(&program_of(program), &format!("{program}-{number}"), folder.path())
                })
            });
        let backends = gateways.each_ref().map(|gateway| Backend::of(gateway.address, gateway.admin));
        let balancer = runtime.block_on(Balancer::start(backends.into()));

        let settings = [
            ("MSHUB_MAIL_URL", sink.url("tls=none")),
            ("MSHUB_SECRET_FILE", secret.display().to_string()),
            ("MSHUB_PUBLIC_URL", balancer.url()),
            ("MSHUB_SENDS_PER_SECOND", "5000".into()),
            ("MSHUB_CHAT_WORKER", chat_workers.each_ref().map(Service::url).join(",")),
            ("MSHUB_CONVERT_WORKER", convert_workers.each_ref().map(Service::url).join(",")),
            ("MSHUB_RUNNERS", "1".into()),
        ];
        for worker in &mut convert_workers {
            worker.set([("MSHUB_WORK_DIR", folder.path().join(&worker.name).display().to_string())]);
        }
        for gateway in &mut gateways {
            gateway.set([("MSHUB_STOP_DELAY", "4".to_owned())]);
        }
        let mut all: Vec<(usize, &mut Service)> = [&mut chat_workers, &mut convert_workers, &mut gateways]
            .into_iter()
            .flat_map(|services| services.iter_mut().enumerate())
            .collect();
        for (machine, service) in &mut all {
            service.set(ways[*machine].settings());
            service.set(settings.clone());
            service.set(more.iter().cloned());
            service.start();
        }
        all.iter().for_each(|(_, service)| service.wait_until_ready());
        drop(all);
        let lines = lines.try_into().ok().expect("there are two machines");
        Some(Self {
            gateways,
            chat_workers,
            convert_workers,
            lines,
            balancer,
            sink,
            database,
            runtime,
            _folder: folder,
            _turn: turn,
        })
    }

    /// Where people reach it, whichever gateway is there.
    pub(crate) fn url(&self) -> String {
        self.balancer.url()
    }

    /// Where its databases are.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// Breaks the lines of both machines to one engine, or mends them.
    pub(crate) fn part_from(&self, engine: Engine, link: Link) {
        self.lines.iter().for_each(|lines| lines.set(engine, link));
    }

    /// Breaks the lines of one machine to all engines, or mends them.
    pub(crate) fn part(&self, machine: usize, link: Link) {
        for engine in [Engine::Postgres, Engine::Kafka, Engine::Redis, Engine::S3] {
            self.lines[machine].set(engine, link);
        }
    }

    /// Whether lines can lose packets, those to Kafka as well; says what is missing otherwise, and fails where Kafka has
    /// to be there.
    pub(crate) fn can_lose_packets(&self) -> bool {
        let missing = match (can_lose_packets(), engines::doors()) {
            (Ok(()), Some(_)) => return true,
            (Err(why), _) => format!("this machine loses no packets: {why}"),
            (_, None) => {
                "the tests did not start this Kafka, and nobody gets between it and its clients".into()
            }
        };
        assert!(!Engine::Kafka.is_required(), "{missing}");
        // The harness keeps what tests print to itself, but not this.
        let _ = writeln!(std::io::stderr().lock(), "network: {missing}: passed over");
        false
    }

    /// Ann makes a room, and Bob is in it. Both of them are there twice: at home and on their way.
    pub(crate) fn gather(&self) -> (RoomId, Vec<Client>) {
        let (ann, bob) = (self.person("Ann", 0), self.person("Bob", 1));
        let room = ann.json(&["room", "new", "general", "--json"]);
        bob.json(&["room", "join", "general", "--json"]);
        let clients = ["Ann", "Bob", "Ann", "Bob"].map(|name| self.runtime.block_on(self.client(name)));
        (room["id"].as_str().unwrap().parse().unwrap(), clients.into())
    }

    /// Waits until the balancer sends nobody to a gateway any more.
    pub(crate) fn wait_until_noticed(&self, gateway: usize) {
        eventually("the balancer notices", || (!self.balancer.uses(gateway)).then_some(()));
    }

    /// Waits until it sends people there again.
    pub(crate) fn wait_until_used(&self, gateway: usize) {
        eventually("the balancer notices", || self.balancer.uses(gateway).then_some(()));
    }

    /// Somebody who signs up at one gateway, follows the link of the mail at the other, and is signed in at the first.
    pub(crate) fn person(&self, name: &str, gateway: usize) -> Person {
        let (here, there) = (&self.gateways[gateway], &self.gateways[1 - gateway]);
        let person = Person::at(&here.url());
        let email = email(name);
        person.file("password", format!("{}\n", password(name)));
        let signed_up = person.json(&[
            "auth",
            "signup",
            "--email",
            &email,
            "--name",
            name,
            "--password-file",
            "password",
            "--json",
        ]);
        assert!(
            signed_up["verification"].is_null(),
            "a link that was mailed is shown to nobody: {signed_up}"
        );
        Person::at(&there.url()).json(&["auth", "verify", &self.link_to(&email), "--json"]);
        person.json(&["auth", "login", "--email", &email, "--password-file", "password", "--json"]);
        person
    }

    /// The same person through the SDK and the balancer, with a session of its own.
    pub(crate) async fn client(&self, name: &str) -> Client {
        self.sign_in(name, Options::default()).await.unwrap()
    }

    /// The same, at a hub that may not be able to let anybody in.
    pub(crate) async fn sign_in(&self, name: &str, options: Options) -> Result<Client, Error> {
        let hub = Client::new(self.url().parse().unwrap(), SessionStore::Memory, options)?;
        let login = Login { email: email(name), password: password(name), device: Some("story".into()) };
        hub.login(&login).await?;
        Ok(hub)
    }

    /// The link of the one mail that went to an address.
    fn link_to(&self, email: &str) -> String {
        let mails = eventually("the mail arrives", || {
            let mails: Vec<_> = self
                .sink
                .received()
                .into_iter()
                .filter(|mail| mail.to.iter().any(|to| to == email))
                .collect();
            (!mails.is_empty()).then_some(mails)
        });
        // Lines are folded for the way (RFC 2045 §6.7).
        let text = mails[0].message.replace("=\n", "").replace("=3D", "=");
        let link = text.split_whitespace().find(|word| word.contains("token=")).expect("the mail has a link");
        link.to_owned()
    }
}

/// Waits until something is so.
pub(crate) fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, what, look)
}

/// The address of somebody.
pub(crate) fn email(name: &str) -> String {
    format!("{}@example.org", name.to_lowercase())
}

/// Fresh places in all engines, where all of them are; the harness says which is missing.
pub(crate) async fn find() -> Option<Engines> {
    Some(Engines {
        database: engines::database().await.unwrap()?,
        bus: engines::bus().await.unwrap()?,
        fanout: engines::fanout().await.unwrap()?,
        objects: engines::objects().await.unwrap()?,
    })
}

impl Engines {
    /// As a process is told.
    fn settings(&self) -> [(&'static str, String); 4] {
        [
            ("MSHUB_DATABASE_URL", self.database.clone()),
            ("MSHUB_BUS_URL", self.bus.clone()),
            ("MSHUB_FANOUT_URL", self.fanout.clone()),
            ("MSHUB_OBJECTS_URL", self.objects.clone()),
        ]
    }
}

fn program_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_mshub")).with_file_name(name)
}

/// `cargo test` builds them; `cargo test -p mshub` alone does not.
fn programs_are_here() -> bool {
    let missing: Vec<_> = PROGRAMS.into_iter().filter(|name| !program_of(name).is_file()).collect();
    let hint = "cargo build -p mshub-server -p mshub-chat-worker -p mshub-convert-worker";
    assert!(missing.is_empty() || !Engine::Kafka.is_required(), "{missing:?} are not built: {hint}");
    if !missing.is_empty() {
        // The harness keeps what tests print to itself, but not this.
        let _ =
            writeln!(std::io::stderr().lock(), "programs: {missing:?} are not there and passed over: {hint}");
    }
    missing.is_empty()
}
