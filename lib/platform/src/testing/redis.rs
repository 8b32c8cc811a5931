//! A Redis for tests.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    config,
    server::{Server, Start, first_line, folder, free_port},
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
        let port = free_port().await?;
        let port_text = port.to_string();
        let arguments = ["--port", &port_text, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
        let start = Start {
            folder: folder()?,
            command: std::iter::once(program.into()).chain(arguments.map(Into::into)).collect(),
            env: Vec::new(),
            signal: "KILL",
        };
        let server =
            Server::start(start, move || async move { answers(port).await.is_ok_and(|answers| answers) })
                .await?;
        Ok(Some(Self { server, port, version }))
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

async fn answers(port: u16) -> std::io::Result<bool> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
    connection.write_all(b"PING\r\n").await?;
    let mut answer = [0; 5];
    connection.read_exact(&mut answer).await?;
    Ok(&answer == b"+PONG")
}
