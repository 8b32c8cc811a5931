//! `mshub-bench`: measures a hub as it is shipped, from outside, and prints rows for RESULTS.md.

mod convert;
mod fanout;
mod hub;
mod ingest;
mod latency;
mod report;
mod startup;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

/// Measures mshub. Every figure is min / median / max of several runs, so that the machine's noise shows.
#[derive(Parser)]
#[command(name = "mshub-bench", version)]
struct Args {
    /// The program to measure.
    #[arg(long, default_value = "target/release/mshub")]
    mshub: PathBuf,
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
    /// From a full log to the history database.
    Ingest(ingest::Options),
}

fn main() -> ExitCode {
    let args = Args::parse();
    platform::service::install_tls();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let measured = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
        runtime.block_on(async {
            match args.what {
                What::Startup(options) => startup::run(&args.mshub, options).await,
                What::Latency(options) => latency::run(&args.mshub, options).await,
                What::Fanout(options) => fanout::run(&args.mshub, options).await,
                What::Convert(options) => convert::run(&args.mshub, options).await,
                What::Ingest(options) => ingest::run(options).await,
            }
        })
    });
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::line(&format!("not measured: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
