//! Two of each service as processes of their own, on real engines, behind a balancer: a hub as a large team has it.

mod balancer;
mod crowd;
mod line;
mod load;
mod service;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use client::{Error, Hub as Client, Options, SessionStore};
use platform::testing::{Engine, engines, smtp::Sink};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use url::Url;
use wire::accounts::Login;

use crate::{
    command::Person,
    hub::{password, within},
};
use balancer::{Backend, Balancer};
pub(crate) use crowd::Crowd;
pub(crate) use line::Line;
pub(crate) use load::Load;
pub(crate) use service::Service;

/// How long anything may take: six processes are a lot for a machine that does something else as well.
const PATIENCE: Duration = Duration::from_secs(240);
/// One fleet at a time.
static TURN: Mutex<()> = Mutex::new(());

/// The programs, as Cargo puts them beside `mshub`.
const PROGRAMS: [&str; 3] = ["mshub-server", "mshub-chat-worker", "mshub-convert-worker"];

/// A hub of six processes. They end with it.
pub(crate) struct Fleet {
    pub(crate) gateways: [Service; 2],
    pub(crate) chat_workers: [Service; 2],
    pub(crate) convert_workers: [Service; 2],
    /// Its lines to the engines that can be cut off.
    pub(crate) lines: Lines,
    balancer: Balancer,
    sink: Sink,
    database: String,
    /// Runs balancer and mail server, and what a story does at once.
    pub(crate) runtime: Runtime,
    _folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

/// Lines to engines.
pub(crate) struct Lines {
    pub(crate) database: Line,
    pub(crate) fanout: Line,
    pub(crate) objects: Line,
}

/// Where the engines of one hub are.
pub(crate) struct Engines {
    pub(crate) database: String,
    pub(crate) bus: String,
    pub(crate) fanout: String,
    pub(crate) objects: String,
}

impl Fleet {
    /// Starts one, where all engines and programs are; says what is missing otherwise.
    pub(crate) fn start() -> Option<Self> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let runtime = Runtime::new().unwrap();
        let mut engines = runtime.block_on(find())?;
        if !programs_are_here() {
            return None;
        }
        let database = engines.database.clone();
        let lines = runtime.block_on(over_lines(&mut engines));
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
            ("MSHUB_DATABASE_URL", engines.database),
            ("MSHUB_BUS_URL", engines.bus),
            ("MSHUB_FANOUT_URL", engines.fanout),
            ("MSHUB_OBJECTS_URL", engines.objects),
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
        let mut all: Vec<&mut Service> =
            chat_workers.iter_mut().chain(&mut convert_workers).chain(&mut gateways).collect();
        for service in &mut all {
            service.set(settings.clone());
            service.start();
        }
        all.iter().for_each(|service| service.wait_until_ready());
        drop(all);
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

/// Makes the URLs lead over lines.
async fn over_lines(engines: &mut Engines) -> Lines {
    let (mut database, mut fanout) = (url(&engines.database), url(&engines.fanout));
    let lines = Lines {
        database: Line::of(&mut database).await,
        fanout: Line::of(&mut fanout).await,
        objects: Line::to(endpoint(&engines.objects).port().expect("the harness names ports")).await,
    };
    let (there, here) =
        (endpoint(&engines.objects).port().unwrap_or_default(), lines.objects.address().port());
    engines.objects = engines.objects.replace(&format!(":{there}"), &format!(":{here}"));
    engines.objects = engines.objects.replace(&format!("%3A{there}"), &format!("%3A{here}"));
    (engines.database, engines.fanout) = (database.into(), fanout.into());
    lines
}

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

/// Where the store of a URL is.
fn endpoint(objects: &str) -> Url {
    let objects = url(objects);
    let (_, endpoint) = objects.query_pairs().find(|(name, _)| name == "endpoint").expect("it is no Amazon");
    url(&endpoint)
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
