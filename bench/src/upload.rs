//! A large file on its way through the gateway to the store, beside a plain copy of it on the same disk.

use std::{
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use clap::Args;
use client::{Upload, UploadBody};
use wire::conversions::NewConversion;

use crate::{hub::Running, report};

const MIB: u64 = 1024 * 1024;
const NAME: &str = "large.txt";

#[derive(Args)]
pub(crate) struct Options {
    /// The size of the file in MiB; a hub takes 100 unless it is told otherwise.
    #[arg(long, default_value_t = 100)]
    mib: u64,
    /// How often each, by turns.
    #[arg(long, default_value_t = 5)]
    runs: u32,
}

pub(crate) async fn run(mshub: &Path, options: Options) -> anyhow::Result<()> {
    let (data, files) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let (file, copy) = (files.path().join(NAME), files.path().join("copy"));
    write(&file, options.mib * MIB)?;
    let running = Running::start(mshub, data.path()).await?;
    let hub = running.person("uploader").await?;
    let before = running.peak_memory()?;
    let (mut copies, mut uploads) = (Vec::new(), Vec::new());
    for _ in 0..options.runs {
        copies.push(copied(&file, &copy)?);
        let query = NewConversion {
            to: "pdf".to_owned(),
            name: NAME.to_owned(),
            fresh: true,
            ..NewConversion::default()
        };
        let began = Instant::now();
        let job = hub.convert(Upload { query, bytes: UploadBody::File(file.clone()) }, |_, _| ()).await?;
        uploads.push(began.elapsed());
        // The conversion is not what is measured.
        hub.cancel_job(job.id).await?;
    }
    let grown = running.peak_memory()? - before;
    let (copied, uploaded) = (copies.iter().sum::<Duration>(), uploads.iter().sum::<Duration>());
    report::row(&format!("{} MiB copied and flushed", options.mib), copies);
    report::row(&format!("{} MiB uploaded and accepted", options.mib), uploads);
    let rate = (options.mib * u64::from(options.runs)) as f64 / uploaded.as_secs_f64();
    report::line(&format!(
        "{rate:.0} MiB/s, {:.0} % of a copy's rate; the hub's peak memory grew by {grown:.1} MiB",
        100.0 * copied.as_secs_f64() / uploaded.as_secs_f64()
    ));
    running.kill().await
}

/// Lines of text, each another one.
fn write(file: &Path, bytes: u64) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
    for line in 0..bytes / 64 {
        writeln!(out, "{line:>63}")?;
    }
    Ok(out.into_inner()?.sync_all()?)
}

fn copied(file: &Path, copy: &Path) -> anyhow::Result<Duration> {
    let began = Instant::now();
    std::fs::copy(file, copy)?;
    std::fs::File::open(copy)?.sync_all()?;
    Ok(began.elapsed())
}
