//! A mail server for tests that is not ours: `aiosmtpd`, which keeps what it takes in a folder.

use std::{fs, path::PathBuf};

use tokio::{io::AsyncReadExt as _, net::TcpStream};

use super::{
    Port, config,
    server::{Server, Start, first_line, folder},
};

/// A mail server that runs.
pub struct Aiosmtpd {
    port: u16,
    /// What it took, a file a mail.
    taken: PathBuf,
    version: String,
    _server: Server,
}

impl Aiosmtpd {
    /// Starts one at a free port, if there is one on this machine.
    pub async fn start() -> anyhow::Result<Option<Self>> {
        let Some(program) = config::program("MSHUB_TEST_AIOSMTPD", "aiosmtpd") else { return Ok(None) };
        let version = first_line(&program, &["--version"]).await?;
        let version = version.rsplit(' ').next().unwrap_or("?").to_owned();
        let (here, folder) = (Port::reserve()?, folder()?);
        let (port, kept) = (here.number(), folder.join("mail"));
        let listen = format!("127.0.0.1:{port}");
        // Without the first it would become another user, who may write nothing here.
        let arguments = ["--nosetuid", "--listen", &listen, "--class", "aiosmtpd.handlers.Mailbox"];
        let command = std::iter::once(program.into())
            .chain(arguments.map(Into::into))
            .chain([kept.clone().into()])
            .collect();
        let start = Start { folder, ports: vec![here], command, env: Vec::new(), signal: "KILL" };
        let ready = move || async move { greets(port).await.is_ok_and(|greets| greets) };
        let server = Server::start(start, ready).await?;
        Ok(Some(Self { port, taken: kept.join("new"), version, _server: server }))
    }

    /// Where it is: it speaks no TLS.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}?tls=none", self.port)
    }

    /// What it took for an address: headers and text of each, encoded as they came.
    pub(super) fn taken(&self, to: &str) -> anyhow::Result<Vec<String>> {
        // Its own note of the envelope, which it puts above what it took.
        let envelope = format!("X-RcptTo: {to}\n");
        let mut mails = Vec::new();
        for file in fs::read_dir(&self.taken)? {
            let mail = fs::read_to_string(file?.path())?;
            if mail.contains(&envelope) {
                mails.push(mail);
            }
        }
        Ok(mails)
    }

    /// Its version, and where it comes from.
    pub(super) fn about(&self) -> String {
        format!("aiosmtpd {} (native)", self.version)
    }
}

async fn greets(port: u16) -> std::io::Result<bool> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut greeting = [0; 4];
    connection.read_exact(&mut greeting).await?;
    Ok(&greeting == b"220 ")
}
