//! A file through the command line, as a person would.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::ensure;
use clap::Args;
use tokio::process::Command;

use crate::{hub::Running, report};

#[derive(Args)]
pub(crate) struct Options {
    /// What to convert.
    files: Vec<PathBuf>,
    /// Into what.
    #[arg(long, default_value = "pdf")]
    to: String,
    /// How often each.
    #[arg(long, default_value_t = 10)]
    runs: usize,
}

pub(crate) async fn run(mshub: &Path, options: Options) -> anyhow::Result<()> {
    let (data, out) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let hub = Running::start(mshub, data.path()).await?;
    let token = hub.person("converter").await?.access_token().await?;
    for file in &options.files {
        let mut spans = Vec::new();
        for _ in 0..options.runs {
            spans.push(once(mshub, &hub, &token, file, &options.to, out.path()).await?);
        }
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        report::row(&format!("{name} → {} through the CLI", options.to), spans);
    }
    hub.kill().await
}

async fn once(
    mshub: &Path,
    hub: &Running,
    token: &str,
    file: &Path,
    to: &str,
    out: &Path,
) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let status = Command::new(mshub)
        .args(["convert", "--to", to, "--overwrite", "--quiet", "--out-dir"])
        .arg(out)
        .arg(file)
        .env("MSHUB_SERVER", hub.api.as_str())
        .env("MSHUB_TOKEN", token)
        .stdout(Stdio::null())
        .status()
        .await?;
    ensure!(status.success(), "{} was not converted: {status}", file.display());
    Ok(began.elapsed())
}
