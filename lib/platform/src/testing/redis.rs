//! A Redis for tests.

use std::{path::PathBuf, time::Duration};

use anyhow::ensure;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use super::{
    Port,
    certificates::Certificates,
    config,
    server::{Server, Start, first_line, folder},
};

/// How long two servers may take to become a cluster.
const PATIENCE: Duration = Duration::from_secs(120);
const AGAIN: Duration = Duration::from_millis(50);

/// A Redis that runs.
pub struct Redis {
    server: Server,
    port: u16,
    version: String,
}

impl Redis {
    /// Starts one at a free port, if there is one on this machine.
    pub async fn start() -> anyhow::Result<Option<Self>> {
        Self::start_with(Vec::new(), &[]).await
    }

    /// Starts one that speaks to nobody without a password.
    pub async fn with_password(password: &str) -> anyhow::Result<Option<Self>> {
        Self::start_with(Vec::new(), &["--requirepass", password]).await
    }

    /// Starts two that are a cluster, with half of all keys each.
    pub async fn cluster() -> anyhow::Result<Option<[Self; 2]>> {
        let buses = [Port::reserve()?, Port::reserve()?];
        let [here, there] = buses.each_ref().map(Port::number);
        let mut members = Vec::new();
        for bus in buses {
            let number = bus.number().to_string();
            let settings = ["--cluster-enabled", "yes", "--cluster-port", &number];
            members.extend(Self::start_with(vec![bus], &settings).await?);
        }
        let Ok([one, other]) = <[Self; 2]>::try_from(members) else { return Ok(None) };
        one.until_said("CLUSTER ADDSLOTSRANGE 0 8191", "+OK").await?;
        other.until_said("CLUSTER ADDSLOTSRANGE 8192 16383", "+OK").await?;
        one.until_said(&format!("CLUSTER MEET 127.0.0.1 {} {there}", other.port), "+OK").await?;
        other.until_said(&format!("CLUSTER MEET 127.0.0.1 {} {here}", one.port), "+OK").await?;
        for member in [&one, &other] {
            member.until_said("CLUSTER INFO", "cluster_state:ok").await?;
        }
        Ok(Some([one, other]))
    }

    async fn start_with(more: Vec<Port>, settings: &[&str]) -> anyhow::Result<Option<Self>> {
        let Some(program) = config::program("MSHUB_TEST_REDIS", "redis-server") else { return Ok(None) };
        let version = first_line(&program, &["--version"]).await?;
        let version =
            version.split("v=").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or("?").to_owned();
        let here = Port::reserve()?;
        let port = here.number();
        let listen =
            ["--port", &port.to_string()].iter().chain(settings).map(|word| (*word).to_owned()).collect();
        let mut start = start(program, here, listen)?;
        start.ports.extend(more);
        // One that asks for a password is there as well.
        let ready = move || async move { said(port, "PING").await.is_ok_and(|said| !said.is_empty()) };
        let server = Server::start(start, ready).await?;
        Ok(Some(Self { server, port, version }))
    }

    /// Says the same again and again, until the answer is as it should be.
    async fn until_said(&self, command: &str, wanted: &str) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let said = said(self.port, command).await?;
            if said.contains(wanted) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "Redis says to {command}: {said}");
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Starts one that speaks nothing but TLS, and to nobody without a password.
    pub async fn guarded(certificates: &Certificates, password: &str) -> anyhow::Result<Option<Self>> {
        let Some(program) = config::program("MSHUB_TEST_REDIS", "redis-server") else { return Ok(None) };
        let here = Port::reserve()?;
        let port = here.number();
        let file = |path: PathBuf| path.display().to_string();
        let mut listen: Vec<String> = ["--port", "0", "--tls-auth-clients", "no"].map(Into::into).to_vec();
        for (name, value) in [
            ("--tls-port", port.to_string()),
            ("--tls-cert-file", file(certificates.certificate())),
            ("--tls-key-file", file(certificates.key())),
            ("--tls-ca-cert-file", file(certificates.authority())),
            ("--requirepass", password.to_owned()),
        ] {
            listen.extend([name.to_owned(), value]);
        }
        let ready = move || async move { TcpStream::connect(("127.0.0.1", port)).await.is_ok() };
        let server = Server::start(start(program, here, listen)?, ready).await?;
        Ok(Some(Self { server, port, version: String::new() }))
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
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

fn start(program: PathBuf, port: Port, listen: Vec<String>) -> anyhow::Result<Start> {
    let lasting = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"].map(Into::into);
    let command =
        std::iter::once(program.into()).chain(lasting).chain(listen.into_iter().map(Into::into)).collect();
    Ok(Start { folder: folder()?, ports: vec![port], command, env: Vec::new(), signal: "KILL" })
}

/// The beginning of its answer to a command.
async fn said(port: u16, command: &str) -> std::io::Result<String> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
    connection.write_all(format!("{command}\r\n").as_bytes()).await?;
    let mut answer = vec![0; 4096];
    let length = connection.read(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
}
