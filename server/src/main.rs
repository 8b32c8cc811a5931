//! Starts the gateway on its own: flags and environment in, one running service out.

use std::process::ExitCode;

use clap::Parser as _;
use mshub_server::{Engines, Flags, Listeners, run};
use platform::{
    Clock,
    config::listen,
    engines::Opener,
    service::program::{self, Process},
};

fn main() -> ExitCode {
    let flags = Flags::parse();
    program::run("server", &flags.service.clone(), flags.admin_listen, |process| serve(flags, process))
}

async fn serve(flags: Flags, process: Process) -> anyhow::Result<()> {
    let engines = Opener::new(flags.urls()?, &process.secret, Clock::System);
    let ours = Engines::open(&engines).await?;
    let web = match flags.web_listen {
        Some(at) => Some(listen(at).await?),
        None => None,
    };
    let listeners = Listeners { api: listen(flags.listen).await?, web };
    let ready = process.ready();
    run(flags.config(process.secret), ours, listeners, ready, process.stop).await?;
    engines.close().await;
    Ok(())
}
