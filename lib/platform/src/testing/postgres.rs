//! A PostgreSQL for tests.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::{MetadataExt as _, chown},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

use super::{
    config,
    server::{Server, Start, first_line, folder, free_port},
    sql,
};

/// A PostgreSQL that runs, without a password and without a disk that is waited for.
pub struct Postgres {
    server: Server,
    port: u16,
    version: String,
}

impl Postgres {
    /// Starts one at a free port, if there is one on this machine.
    pub async fn start() -> anyhow::Result<Option<Self>> {
        let Some(programs) = programs() else { return Ok(None) };
        let version = first_line(&programs.join("postgres"), &["--version"]).await?;
        let version = version.split(' ').nth(2).unwrap_or("?").to_owned();
        let folder = folder()?;
        let who = who(&folder)?;
        initialise(&programs, &folder, &who).await?;
        let port = free_port().await?;
        let settings = [
            format!("port={port}"),
            "listen_addresses=127.0.0.1".into(),
            "unix_socket_directories=".into(),
            "max_connections=400".into(),
            // Nothing of it outlives the tests.
            "fsync=off".into(),
            "synchronous_commit=off".into(),
            "full_page_writes=off".into(),
        ];
        let mut command = who;
        command.extend([programs.join("postgres").into(), "-D".into(), folder.join("data").into()]);
        command.extend(settings.into_iter().flat_map(|setting| ["-c".into(), setting.into()]));
        let start = Start { folder, command, env: Vec::new(), signal: "QUIT" };
        let server = Server::start(start, move || async move { sql::answers(&url(port)).await }).await?;
        Ok(Some(Self { server, port, version }))
    }

    /// Where it is: the URL of a database of an administrator.
    pub fn url(&self) -> String {
        url(self.port)
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

fn url(port: u16) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/postgres")
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

async fn initialise(programs: &Path, folder: &Path, who: &[OsString]) -> anyhow::Result<()> {
    let mut command = who.to_vec();
    command.push(programs.join("initdb").into());
    let mut words = command.into_iter();
    let program = words.next().context("there is nothing to run")?;
    let made = tokio::process::Command::new(program)
        .args(words)
        .arg("-D")
        .arg(folder.join("data"))
        .args(["-U", "postgres", "--auth=trust", "--no-sync", "--no-instructions", "--encoding=UTF8"])
        .arg("--locale=C.UTF-8")
        .current_dir(folder)
        .output()
        .await
        .context("initdb cannot be run")?;
    if !made.status.success() {
        bail!("initdb: {}", String::from_utf8_lossy(&made.stderr));
    }
    Ok(())
}
