//! An S3 store for tests: `weed mini` of SeaweedFS.

use anyhow::Context as _;
use rand::Rng as _;

use super::{
    Port, config,
    server::{Server, Start, first_line, folder},
};
use crate::service::http_client;

const KEY: &str = "mshub";
const SECRET: &str = "a-secret/for+tests";
const BUCKET: &str = "mshub-test";

/// A store that runs.
pub struct Weed {
    server: Server,
    port: u16,
    version: String,
}

impl Weed {
    /// Starts one at free ports, if there is one on this machine.
    pub async fn start() -> anyhow::Result<Option<Self>> {
        let Some(program) = config::program("MSHUB_TEST_WEED", "weed") else { return Ok(None) };
        let version = first_line(&program, &["version"]).await?;
        let version = version.split(' ').nth(2).unwrap_or("?").to_owned();
        let (ports, [master, volume, filer, port]) = ports()?;
        let folder = folder()?;
        let arguments = [
            // Its own lines, which are in our log of it already, stay out of the folder of everybody's temporary files.
            format!("-logdir={}", folder.display()),
            "mini".to_owned(),
            format!("-dir={}", folder.display()),
            // By default it listens everywhere and tells its makers how it is.
            "-ip=127.0.0.1".into(),
            "-ip.bind=127.0.0.1".into(),
            "-master.telemetry=false".into(),
            "-admin.ui=false".into(),
            "-webdav=false".into(),
            "-s3.port.iceberg=0".into(),
            "-s3.port.lance=0".into(),
            format!("-master.port={master}"),
            format!("-volume.port={volume}"),
            format!("-filer.port={filer}"),
            format!("-s3.port={port}"),
            format!("-bucket={BUCKET}"),
        ];
        let start = Start {
            folder,
            ports,
            command: std::iter::once(program.into()).chain(arguments.map(Into::into)).collect(),
            env: vec![("AWS_ACCESS_KEY_ID", KEY.into()), ("AWS_SECRET_ACCESS_KEY", SECRET.into())],
            signal: "KILL",
        };
        let health = format!("http://127.0.0.1:{port}/healthz");
        let http = http_client();
        let ready = move || {
            let asked = http.get(&health).send();
            async move { asked.await.is_ok_and(|answer| answer.status().is_success()) }
        };
        let server = Server::start(start, ready).await?;
        Ok(Some(Self { server, port, version }))
    }

    /// Where its bucket is, with the key to it.
    pub fn url(&self) -> String {
        let secret = percent_encoding::utf8_percent_encode(SECRET, percent_encoding::NON_ALPHANUMERIC);
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        format!("s3://{KEY}:{secret}@{BUCKET}?endpoint={endpoint}&region=us-east-1&path_style=true")
    }

    /// Its process, to be ended and started again.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }

    /// Its version, and where it comes from.
    pub(super) fn about(&self) -> String {
        format!("SeaweedFS {} (native)", self.version)
    }
}

/// Four ports, of each of which the one 10000 above is ours as well: each server there listens at both.
fn ports() -> anyhow::Result<(Vec<Port>, [u16; 4])> {
    let (mut held, mut numbers) = (Vec::new(), Vec::new());
    for _ in 0..1_000 {
        let number = rand::rng().random_range(20_000..45_000);
        if let (Ok(one), Ok(other)) = (Port::at(number), Port::at(number + 10_000)) {
            held.extend([one, other]);
            numbers.push(number);
        }
        if let Ok(four) = numbers.as_slice().try_into() {
            return Ok((held, four));
        }
    }
    None.context("there are no free ports")
}
