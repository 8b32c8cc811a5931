//! A Redis for tests.

use std::path::PathBuf;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    Port,
    certificates::Certificates,
    config,
    server::{Server, Start, first_line, folder},
};

/// A Redis that runs.
pub struct Redis {
    server: Server,
    port: u16,
    version: String,
}

impl Redis {
    /// Starts one at a free port, if there is one on this machine.
    pub async fn start() -> anyhow::Result<Option<Self>> {
        let Some(program) = config::program("MSHUB_TEST_REDIS", "redis-server") else { return Ok(None) };
        let version = first_line(&program, &["--version"]).await?;
        let version =
            version.split("v=").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or("?").to_owned();
        let here = Port::reserve()?;
        let port = here.number();
        let listen = vec!["--port".into(), port.to_string()];
        let ready = move || async move { answers(port).await.is_ok_and(|answers| answers) };
        let server = Server::start(start(program, here, listen)?, ready).await?;
        Ok(Some(Self { server, port, version }))
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

async fn answers(port: u16) -> std::io::Result<bool> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
    connection.write_all(b"PING\r\n").await?;
    let mut answer = [0; 5];
    connection.read_exact(&mut answer).await?;
    Ok(&answer == b"+PONG")
}
