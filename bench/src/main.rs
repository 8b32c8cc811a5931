//! `mshub-bench`: measures a hub as it is shipped, from outside, and prints rows for RESULTS.md; and tortures it.

mod convert;
mod documents;
mod fanout;
mod hub;
mod ingest;
mod jobs;
mod latency;
mod report;
mod scale;
mod scroll;
mod startup;
mod team;
mod torture;
mod upload;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Parser, Subcommand};

/// Measures mshub. Every figure is min / median / max of several runs, so that the machine's noise shows.
#[derive(Parser)]
#[command(name = "mshub-bench", version)]
struct Args {
    /// The program to measure [default: the one beside this program]
    #[arg(long)]
    mshub: Option<PathBuf>,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// From the command to `ready`, idle memory, and `mshub --version`.
    Startup(startup::Options),
    /// From `send` on one screen to the event on another, over the live socket, flushes on.
    Latency(latency::Options),
    /// From one screen to many: deliveries a second, CPU of the hub a delivery, memory of a socket that waits.
    Fanout(fanout::Options),
    /// From the command line to the converted file.
    Convert(convert::Options),
    /// Conversions at a steady rate, each from its upload to its end.
    Jobs(jobs::Options),
    /// A large upload beside a copy of the file.
    Upload(upload::Options),
    /// Documents through the builtin engine beside LibreOffice: time, CPU, memory, and words that are missing.
    Documents(documents::Options),
    /// From a full log to the history database.
    Ingest(ingest::Options),
    /// Pages of a long room, anywhere in it, over HTTP.
    Scroll(scroll::Options),
    /// A hub in parts on real engines, one gateway beside two, and the engines alone beside it.
    Team(team::Options),
    /// Machines, traffic and cost of a million sockets and more, from what was measured.
    Scale(scale::Options),
    /// Faults on the hub and on the way to it, and a judge of what its clients saw.
    Torture(Box<torture::TortureArgs>),
}

fn main() -> ExitCode {
    let args = Args::parse();
    platform::service::install_tls();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let measured = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
        let mshub = args.mshub.map_or_else(beside, Ok)?;
        runtime.block_on(async {
            match args.what {
                What::Startup(options) => startup::run(&mshub, options).await,
                What::Latency(options) => latency::run(&mshub, options).await,
                What::Fanout(options) => fanout::run(&mshub, options).await,
                What::Convert(options) => convert::run(&mshub, options).await,
                What::Jobs(options) => jobs::run(&mshub, options).await,
                What::Upload(options) => upload::run(&mshub, options).await,
                What::Documents(options) => documents::run(&mshub, options).await,
                What::Ingest(options) => ingest::run(options).await,
                What::Scroll(options) => scroll::run(&mshub, options).await,
                What::Team(options) => team::run(&mshub, options).await,
                What::Scale(options) => {
                    scale::run(&options);
                    Ok(())
                }
                What::Torture(args) => return torture::run(&mshub, *args).await,
            }
            .map(|()| true)
        })
    });
    match measured {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report::line(&format!("not measured: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// `mshub` in the folder of this program.
fn beside() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe().context("this program cannot be found")?;
    Ok(this.with_file_name("mshub"))
}
