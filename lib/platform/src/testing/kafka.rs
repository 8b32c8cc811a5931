//! An Apache Kafka for tests: one broker that is its own controller (KRaft).

use std::{
    ffi::OsString,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    Port,
    certificates::Certificates,
    config,
    server::{Server, Start, folder},
};

/// A small heap and a quick start: it lives for minutes.
const JAVA: [&str; 4] = ["-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
/// 16 bytes in base64url. Clusters never meet, so one id does.
const CLUSTER: &str = "bXNodWItdGVzdC1rYWZrYQ";

/// Who is let in where a broker asks.
const LOGIN: &str = "SCRAM-SHA-512=[name=hub,password=pass/word]";

/// A way to a broker on which it says of itself that it is somewhere else: whoever listens there is between it and all
/// who come this way. A broker tells its clients where it is, so that nobody gets between them otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Door {
    /// Where the broker listens.
    pub inside: SocketAddr,
    /// Where it says that it is; kept free for a listener.
    pub outside: SocketAddr,
}

/// A broker that runs.
pub struct Kafka {
    server: Server,
    port: u16,
    /// One for each machine that a test cuts off.
    doors: [Door; 2],
    /// Where it says that it is, and is not.
    _outside: [Port; 2],
    /// Where it asks who is there, if it does.
    guarded: Option<u16>,
    version: String,
}

impl Kafka {
    /// Starts one at free ports, if Java and Kafka's jars are on this machine.
    pub async fn start() -> anyhow::Result<Option<Self>> {
        Self::start_with(None).await
    }

    /// One that has a second door: over TLS, for `hub` with the password `pass/word` by SCRAM-SHA-512.
    pub async fn guarded(certificates: &Certificates) -> anyhow::Result<Option<Self>> {
        Self::start_with(Some(certificates)).await
    }

    async fn start_with(certificates: Option<&Certificates>) -> anyhow::Result<Option<Self>> {
        let (Some(java), Some(home)) = (config::program("MSHUB_TEST_JAVA", "java"), config::kafka_home())
        else {
            return Ok(None);
        };
        let (jars, version) = jars(&home)?;
        let folder = folder()?;
        let (here, controller) = (Port::reserve()?, Port::reserve()?);
        let (port, control) = (here.number(), controller.number());
        let properties = folder.join("server.properties");
        let (insides, outsides) =
            ([Port::reserve()?, Port::reserve()?], [Port::reserve()?, Port::reserve()?]);
        let doors = [0, 1].map(|n| Door { inside: insides[n].address(), outside: outsides[n].address() });
        let mut settings = settings(&folder, port, control, &doors);
        let (mut guarded, mut held) = (None, vec![here, controller]);
        held.extend(insides);
        if let Some(certificates) = certificates {
            let door = Port::reserve()?;
            settings.push_str(&guard(&folder, certificates, [port, door.number(), control])?);
            guarded = Some(door.number());
            held.push(door);
        }
        fs::write(&properties, settings)?;
        format(&java, &jars, &properties).await?;
        let mut command: Vec<OsString> = vec![java.into()];
        command.extend(JAVA.map(Into::into));
        command.extend(["-cp".into(), jars, "kafka.Kafka".into(), properties.into()]);
        let start = Start { folder, ports: held, command, env: Vec::new(), signal: "KILL" };
        let server =
            Server::start(start, move || async move { answers(port).await.is_ok_and(|answers| answers) })
                .await?;
        Ok(Some(Self { server, port, doors, _outside: outsides, guarded, version }))
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("kafka://127.0.0.1:{}", self.port)
    }

    /// Ways to it that somebody can stand in; the cluster's own talk goes another way.
    pub fn doors(&self) -> [Door; 2] {
        self.doors
    }

    /// The port of its guarded door, if it has one.
    pub fn guarded_port(&self) -> Option<u16> {
        self.guarded
    }

    /// Its process, to be ended and started again.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }

    /// Its version, and where it comes from.
    pub(super) fn about(&self) -> String {
        format!("{} (native)", self.version)
    }
}

/// The class path and the version.
fn jars(home: &Path) -> anyhow::Result<(OsString, String)> {
    let folder: PathBuf = [home.join("libs"), home.to_owned()]
        .into_iter()
        .find(|folder| folder.is_dir())
        .with_context(|| {
            format!(
                "MSHUB_TEST_KAFKA_HOME: {} is no folder; {}",
                home.display(),
                config::Engine::Kafka.hint()
            )
        })?;
    let names = fs::read_dir(&folder)?.filter_map(|jar| jar.ok()?.file_name().into_string().ok());
    let version = names
        .filter_map(|jar| Some(jar.strip_prefix("kafka_2.13-")?.strip_suffix(".jar")?.to_owned()))
        .next()
        .with_context(|| format!("MSHUB_TEST_KAFKA_HOME: {} has no kafka_2.13-*.jar", folder.display()))?;
    Ok((folder.join("*").into(), version))
}

fn settings(folder: &Path, port: u16, controller: u16, [one, two]: &[Door; 2]) -> String {
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},ONE://{},TWO://{},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},ONE://{},TWO://{}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,ONE:PLAINTEXT,TWO:PLAINTEXT
log.dirs={}
num.partitions=3
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
",
        one.inside,
        two.inside,
        one.outside,
        two.outside,
        folder.join("data").display()
    )
}

/// A second listener, which replaces what is said of the listeners before.
fn guard(
    folder: &Path,
    certificates: &Certificates,
    [port, guarded, controller]: [u16; 3],
) -> anyhow::Result<String> {
    let store = folder.join("server.pem");
    let key = fs::read_to_string(certificates.key())?;
    fs::write(&store, key + &fs::read_to_string(certificates.certificate())?)?;
    Ok(format!(
        "listeners=PLAINTEXT://127.0.0.1:{port},GUARDED://127.0.0.1:{guarded},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},GUARDED://localhost:{guarded}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,GUARDED:SASL_SSL
listener.name.guarded.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.guarded.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.guarded.ssl.keystore.type=PEM
listener.name.guarded.ssl.keystore.location={}
",
        store.display()
    ))
}

/// Writes the broker's first metadata, without which it does not start; who may log in is part of it.
async fn format(java: &Path, jars: &OsString, properties: &Path) -> anyhow::Result<()> {
    let formatted = tokio::process::Command::new(java)
        .args(JAVA)
        .arg("-cp")
        .arg(jars)
        .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER, "--add-scram", LOGIN, "-c"])
        .arg(properties)
        .output()
        .await
        .context("java cannot be run")?;
    if !formatted.status.success() {
        bail!("Kafka's storage cannot be made: {}", String::from_utf8_lossy(&formatted.stderr));
    }
    Ok(())
}

/// Whether it says which requests it understands (`ApiVersions`, version 0), which is the first thing a client asks.
async fn answers(port: u16) -> std::io::Result<bool> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
    // Length, request 18, version 0, the number 7 for this question, no name.
    connection.write_all(&[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff]).await?;
    let mut answer = [0; 10];
    connection.read_exact(&mut answer).await?;
    // After its length: the same number, and no error.
    Ok(answer[4..] == [0, 0, 0, 7, 0, 0])
}
