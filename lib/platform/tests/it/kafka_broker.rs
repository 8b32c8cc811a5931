//! A broker of its own: stopped, killed and started again under a log that is being written, and one that asks who is there.
//!
//! It runs where `MSHUB_TEST_KAFKA_HOME` names a folder with Kafka's jars (or with `libs/` of them).

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mshub_platform::{
    Clock,
    bus::{AppendError, Appended, Bus, Positions, Tail},
    testing::{Engine, Port, engines},
};
use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};
use wire::paths::TOPIC_CHAT;

const PATIENCE: Duration = Duration::from_secs(240);
const JAVA: [&str; 4] = ["-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
/// Sixteen bytes in base64url; the cluster meets no other.
const CLUSTER: &str = "bXNodWItY3Jhc2gtdGVzdA";

struct Broker {
    jars: String,
    folder: tempfile::TempDir,
    port: u16,
    /// Where it wants a login.
    guarded: u16,
    process: Child,
    _ports: ([Port; 2], Arc<Port>),
}

impl Broker {
    /// One broker that is its own controller.
    async fn there_is() -> Option<Self> {
        Some(Self::start(&jars()?, 1, &control()).await)
    }

    /// Three, of which the first is the controller.
    async fn three() -> Option<[Self; 3]> {
        let (jars, control) = (jars()?, control());
        let start = |node| Self::start(&jars, node, &control);
        let (one, two, three) = tokio::join!(start(1), start(2), start(3));
        one.is_one_of(3).await;
        Some([one, two, three])
    }

    async fn start(jars: &str, node: u16, control: &Arc<Port>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ports = [Port::reserve().unwrap(), Port::reserve().unwrap()];
        let [port, guarded] = [ports[0].number(), ports[1].number()];
        let settings = settings(folder.path(), node, [port, guarded, control.number()]);
        std::fs::write(folder.path().join("server.properties"), settings).unwrap();
        let formatted = java(jars, &folder, &["kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c"]);
        let formatted = tokio::process::Command::from(formatted).status().await.unwrap();
        assert!(formatted.success());
        let process = java(jars, &folder, &["kafka.Kafka"]).spawn().unwrap();
        let broker =
            Self { jars: jars.to_owned(), folder, port, guarded, process, _ports: (ports, control.clone()) };
        broker.answers().await;
        broker
    }

    /// Waits until it knows of so many: a topic that is made before has fewer copies.
    async fn is_one_of(&self, count: usize) {
        let address = format!("127.0.0.1:{}", self.port);
        until(async || {
            let address = address.clone();
            let known = tokio::task::spawn_blocking(move || {
                let client = ClientConfig::new().set("bootstrap.servers", address).create::<BaseConsumer>();
                let told = client.ok()?.fetch_metadata(None, Duration::from_secs(5)).ok()?;
                Some(told.brokers().len())
            });
            (known.await.unwrap()? == count).then_some(())
        })
        .await;
    }

    async fn answers(&self) {
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            assert!(Instant::now() < deadline, "the broker does not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// As if the power of its machine had gone, except that its disk has all that was written.
    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    async fn start_again(&mut self) {
        self.process = java(&self.jars, &self.folder, &["kafka.Kafka"]).spawn().unwrap();
        self.answers().await;
    }

    /// `STOP` and `CONT`: a machine that hangs, and one that comes to itself.
    fn signal(&self, signal: &str) {
        let sent =
            Command::new("kill").args(["-s", signal, &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    async fn open(&self) -> Bus {
        let url = format!("kafka://127.0.0.1:{}?partitions=4", self.port);
        Bus::open(&url, Clock::System).await.unwrap()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where the controller of a cluster is.
fn control() -> Arc<Port> {
    Arc::new(Port::reserve().unwrap())
}

/// The class path, if Kafka is on this machine.
fn jars() -> Option<String> {
    let home = std::env::var("MSHUB_TEST_KAFKA_HOME").ok();
    let home = engines::of_its_own(Engine::Kafka, home).unwrap()?;
    let places = [PathBuf::from(&home).join("libs"), PathBuf::from(home)];
    Some(format!("{}/*", places.iter().find(|folder| folder.is_dir()).unwrap().display()))
}

fn java(jars: &str, folder: &tempfile::TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new("java");
    command.args(JAVA).args(["-cp", jars]).args(arguments).arg(folder.path().join("server.properties"));
    command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn settings(folder: &Path, node: u16, [port, guarded, control]: [u16; 3]) -> String {
    let (roles, listens) = match node {
        1 => ("broker,controller", format!(",CONTROLLER://127.0.0.1:{control}")),
        _ => ("broker", String::new()),
    };
    format!(
        "process.roles={roles}
node.id={node}
controller.quorum.voters=1@127.0.0.1:{control}
listeners=PLAINTEXT://127.0.0.1:{port},GUARDED://127.0.0.1:{guarded}{listens}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},GUARDED://127.0.0.1:{guarded}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,GUARDED:SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.guarded.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required user_hub=\"pass/word\";
log.dirs={}
offsets.topic.replication.factor=1
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
auto.create.topics.enable=false
",
        folder.join("data").display()
    )
}

/// Sends payload after payload until one is acknowledged that was begun after `until`, and keeps what was told of each.
async fn write(
    bus: &Bus,
    name: &str,
    until: impl Fn() -> bool,
) -> BTreeMap<String, Result<Appended, AppendError>> {
    let mut told = BTreeMap::new();
    for n in 0.. {
        let (payload, last) = (format!("{name}/{n:05}"), until());
        let pending = match bus.enqueue(TOPIC_CHAT, &format!("room {}", n % 6), payload.clone()).await {
            Ok(pending) => pending.durable().await,
            Err(refused) => Err(refused),
        };
        let done = last && pending.is_ok();
        told.insert(payload, pending);
        if done {
            break;
        }
    }
    told
}

/// Asks again and again until there is an answer.
async fn until<T>(question: impl AsyncFn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = question().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "it never came to that");
        tokio::task::yield_now().await;
    }
}

/// The records up to the heads as they are now.
async fn read(
    bus: &Bus,
    tail: &mut Tail,
    mut seen: BTreeMap<String, (i32, u64)>,
) -> BTreeMap<String, (i32, u64)> {
    let count: u64 = until(async || bus.heads(TOPIC_CHAT).await.ok()).await.values().sum();
    while (seen.len() as u64) < count {
        for record in timeout(PATIENCE, tail.next()).await.unwrap().unwrap() {
            let doubled = seen.insert(record.payload.clone(), (record.partition, record.pos));
            assert_eq!(doubled, None, "{} is there twice", record.payload);
        }
    }
    seen
}

/// Acknowledged is there at its place; refused is not there; unknown may be.
fn assert_true(told: &BTreeMap<String, Result<Appended, AppendError>>, seen: &BTreeMap<String, (i32, u64)>) {
    for (payload, told) in told {
        match told {
            Ok(at) => assert_eq!(seen.get(payload), Some(&(at.partition, at.pos)), "{payload}"),
            Err(AppendError::Unavailable(why)) => assert_eq!(seen.get(payload), None, "{payload}: {why}"),
            Err(AppendError::Unknown(_)) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_broker_acknowledged_outlives_its_death() {
    let Some(mut broker) = Broker::there_is().await else { return };
    let bus = broker.open().await;
    let epoch = bus.epoch(0);
    let mut tail = bus.tail(TOPIC_CHAT, Positions::new()).await.unwrap();

    // Killed while records are on their way, and back while their writer keeps trying.
    let is_back = AtomicBool::new(false);
    let (told, ()) = tokio::join!(write(&bus, "kill", || is_back.load(Ordering::Acquire)), async {
        while bus.heads(TOPIC_CHAT).await.unwrap().values().sum::<u64>() < 50 {}
        broker.kill();
        broker.start_again().await;
        is_back.store(true, Ordering::Release);
    });
    // deploy/README.md: what was acknowledged is there
    let seen = read(&bus, &mut tail, BTreeMap::new()).await;
    assert_true(&told, &seen);
    // Of the fifty that the log had, the answer to the last one may have died with the broker; one came after it.
    assert!(told.values().filter(|told| told.is_ok()).count() >= 50);

    // It hangs: readiness notices soon, writers are told the truth, and nothing is there twice afterwards.
    broker.signal("STOP");
    let asked = Instant::now();
    assert!(bus.ping().await.is_err());
    // Without a limit it would wait for a minute.
    assert!(asked.elapsed() < Duration::from_secs(30), "{:?}", asked.elapsed());
    let hung = bus.append(TOPIC_CHAT, "room", "hung".into()).await;
    assert!(matches!(hung, Err(AppendError::Unknown(_))), "{hung:?}");
    broker.signal("CONT");
    let told = write(&bus, "hang", || true).await;
    let seen = read(&bus, &mut tail, seen).await;
    assert_true(&told, &seen);

    assert_eq!(broker.open().await.epoch(0), epoch);
}

#[tokio::test]
async fn a_login_is_sent_and_a_wrong_one_is_said_to_be_wrong() {
    let Some(broker) = Broker::there_is().await else { return };
    let at = |login: &str| format!("kafka://{login}@127.0.0.1:{}?partitions=1", broker.guarded);

    let bus = Bus::open(&at("hub:pass%2Fword"), Clock::System).await.unwrap();
    bus.append(TOPIC_CHAT, "room", "let in".into()).await.unwrap();
    let refused = Bus::open(&at("hub:guessed"), Clock::System).await.err().unwrap().to_string();

    assert!(refused.contains("user or password"), "{refused}");
    assert!(!refused.contains("guessed"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_three_brokers_one_may_die_and_the_last_one_takes_nothing() {
    let Some(mut brokers) = Broker::three().await else { return };
    let [one, two, three] = [&brokers[0], &brokers[1], &brokers[2]].map(|broker| broker.port);
    let url = format!("kafka://127.0.0.1:{one},127.0.0.1:{two},127.0.0.1:{three}");
    let bus = Bus::open(&format!("{url}?partitions=6"), Clock::System).await.unwrap();
    let mut tail = bus.tail(TOPIC_CHAT, Positions::new()).await.unwrap();
    let refused = Bus::open(&format!("{url}?replication=1"), Clock::System).await.err().unwrap();
    assert!(refused.to_string().contains("has 3 copies"), "{refused}");
    // One copy on three brokers is taken by who means it only.
    let thin = format!("{url}?prefix=thin-&partitions=2");
    let meant = format!("{thin}&replication=1");
    Bus::open(&meant, Clock::System).await.unwrap().close().await;
    let refused = Bus::open(&thin, Clock::System).await.err().unwrap().to_string();
    for part in [
        "has 1 copies, with 3 brokers the log has 3",
        "say replication=1 in the URL",
        "kafka-reassign-partitions.sh --bootstrap-server 127.0.0.1:",
        "\"topic\":\"thin-chat_service\"",
    ] {
        assert!(refused.contains(part), "{part} is not in: {refused}");
    }
    Bus::open(&meant, Clock::System).await.unwrap().close().await;

    // One dies while records are on their way: what was acknowledged is on the others.
    let is_dead = AtomicBool::new(false);
    let (told, ()) = tokio::join!(write(&bus, "three", || is_dead.load(Ordering::Acquire)), async {
        until(async || (bus.heads(TOPIC_CHAT).await.unwrap().values().sum::<u64>() > 50).then_some(())).await;
        brokers[2].kill();
        is_dead.store(true, Ordering::Release);
    });
    // Rooms whose leader it was find the next one.
    // deploy/README.md: sends wait for another one
    for room in 0..6 {
        until(async || bus.append(TOPIC_CHAT, &format!("room {room}"), format!("led/{room}")).await.ok())
            .await;
    }
    until(async || bus.ping().await.ok()).await;
    // deploy/README.md: what was acknowledged is on the two others
    let seen = read(&bus, &mut tail, BTreeMap::new()).await;
    assert_true(&told, &seen);

    // A second one: one copy is none to trust, so the last broker takes nothing until there are two again.
    brokers[1].kill();
    until(async || bus.ping().await.is_err().then_some(())).await;
    let alone = bus.append(TOPIC_CHAT, "room", "alone".into()).await;
    assert!(alone.is_err(), "{alone:?}");
    brokers[1].start_again().await;
    until(async || bus.ping().await.ok()).await;
    let told = write(&bus, "two", || true).await;
    let seen = read(&bus, &mut tail, seen).await;
    assert_true(&told, &seen);
}
