//! Starts the convert-worker on its own: flags and environment in, one running service out.

use std::process::ExitCode;

use clap::Parser as _;
use mshub_convert_worker::{Engines, Flags, job_child_main, run};
use platform::{
    Clock,
    config::listen,
    engines::Opener,
    service::program::{self, Process},
};

fn main() -> ExitCode {
    // A conversion's child locks itself up: it must not have started threads or opened files before.
    if std::env::args_os().nth(1).is_some_and(|command| command == "job-child") {
        return job_child_main();
    }
    let flags = Flags::parse();
    program::run("convert-worker", &flags.service.clone(), flags.admin_listen, |process| {
        serve(flags, process)
    })
}

async fn serve(flags: Flags, process: Process) -> anyhow::Result<()> {
    let engines = Opener::new(flags.urls()?, &process.secret, Clock::System);
    let ours = Engines::open(&engines).await?;
    let listener = listen(flags.listen).await?;
    let ready = process.ready();
    run(flags.config(process.secret)?, ours, listener, ready, process.stop).await?;
    engines.close().await;
    Ok(())
}
