//! A PostgreSQL for tests.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

use super::{
    Port,
    certificates::Certificates,
    config,
    server::{Server, Start, first_line, folder},
    sql,
};

/// What a server that asks for it is shown.
const PASSWORD: &str = "pass/word";

/// A PostgreSQL that runs, without a disk that is waited for.
pub struct Postgres {
    server: Server,
    url: String,
    version: String,
}

impl Postgres {
    /// Starts one at a free port, if there is one on this machine.
    pub async fn start() -> anyhow::Result<Option<Self>> {
        Self::start_with(None).await
    }

    /// Starts one that also speaks TLS, and to nobody without a password.
    pub async fn guarded(certificates: &Certificates) -> anyhow::Result<Option<Self>> {
        Self::start_with(Some(certificates)).await
    }

    async fn start_with(certificates: Option<&Certificates>) -> anyhow::Result<Option<Self>> {
        let Some(programs) = programs() else { return Ok(None) };
        let version = first_line(&programs.join("postgres"), &["--version"]).await?;
        let version = version.split(' ').nth(2).unwrap_or("?").to_owned();
        let folder = folder()?;
        let who = who(&folder)?;
        initialise(&programs, &folder, &who, certificates.is_some()).await?;
        let here = Port::reserve()?;
        let port = here.number();
        let mut settings = vec![
            format!("port={port}"),
            "listen_addresses=127.0.0.1".into(),
            "unix_socket_directories=".into(),
            "max_connections=400".into(),
            // Nothing of it outlives the tests.
            "fsync=off".into(),
            "synchronous_commit=off".into(),
            "full_page_writes=off".into(),
            // Each test makes a database, which is in this log as well.
            "max_wal_size=96MB".into(),
        ];
        let mut command = who;
        command.extend([programs.join("postgres").into(), "-D".into(), folder.join("data").into()]);
        if let Some(certificates) = certificates {
            let (certificate, key) = (folder.join("server.pem"), folder.join("server.key"));
            fs::copy(certificates.certificate(), &certificate)?;
            fs::copy(certificates.key(), &key)?;
            // Of a key that others could read, nothing is served.
            fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
            let owner = fs::metadata(&folder)?;
            chown(&key, Some(owner.uid()), Some(owner.gid()))?;
            for (name, file) in [("ssl_cert_file", certificate), ("ssl_key_file", key)] {
                settings.push(format!("{name}={}", file.display()));
            }
            settings.push("ssl=on".into());
        }
        command.extend(settings.into_iter().flat_map(|setting| ["-c".into(), setting.into()]));
        let start = Start { folder, ports: vec![here], command, env: Vec::new(), signal: "QUIT" };
        let login = if certificates.is_some() { ":pass%2Fword" } else { "" };
        let url = format!("postgres://postgres{login}@127.0.0.1:{port}/postgres");
        let asked = url.clone();
        let ready = move || {
            let url = asked.clone();
            async move { sql::answers(&url).await }
        };
        let server = Server::start(start, ready).await?;
        Ok(Some(Self { server, url, version }))
    }

    /// Where it is: the URL of a database of an administrator.
    pub fn url(&self) -> String {
        self.url.clone()
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

/// The folder of the newest PostgreSQL: on the search path, or where Debian puts it.
fn programs() -> Option<PathBuf> {
    if let Some(initdb) = config::program("MSHUB_TEST_INITDB", "initdb") {
        return initdb.parent().map(Path::to_owned);
    }
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let newest = versions
        .filter_map(|version| version.ok()?.file_name().into_string().ok()?.parse::<u32>().ok())
        .max()?;
    let programs = Path::new("/usr/lib/postgresql").join(newest.to_string()).join("bin");
    programs.join("initdb").is_file().then_some(programs)
}

/// PostgreSQL refuses to run as root: then it runs as its own user, who also gets the folder.
fn who(folder: &Path) -> anyhow::Result<Vec<OsString>> {
    if fs::metadata(folder)?.uid() != 0 {
        return Ok(Vec::new());
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let postgres =
        users.lines().find(|line| line.starts_with("postgres:")).context("there is no user `postgres`")?;
    let mut ids = postgres.split(':').skip(2).map(str::parse);
    let (Some(Ok(uid)), Some(Ok(gid))) = (ids.next(), ids.next()) else {
        bail!("/etc/passwd has no ids for the user `postgres`");
    };
    chown(folder, Some(uid), Some(gid))?;
    Ok(["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"].map(Into::into).to_vec())
}

async fn initialise(programs: &Path, folder: &Path, who: &[OsString], guarded: bool) -> anyhow::Result<()> {
    let password = folder.join("password");
    fs::write(&password, PASSWORD)?;
    let auth = if guarded { "--auth=scram-sha-256" } else { "--auth=trust" };
    let mut command = who.to_vec();
    command.push(programs.join("initdb").into());
    let mut words = command.into_iter();
    let program = words.next().context("there is nothing to run")?;
    let made = tokio::process::Command::new(program)
        .args(words)
        .arg("-D")
        .arg(folder.join("data"))
        .args([
            "-U",
            "postgres",
            auth,
            "--no-sync",
            "--no-instructions",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ])
        .arg(format!("--pwfile={}", password.display()))
        .current_dir(folder)
        .output()
        .await
        .context("initdb cannot be run")?;
    if !made.status.success() {
        bail!("initdb: {}", String::from_utf8_lossy(&made.stderr));
    }
    Ok(())
}
