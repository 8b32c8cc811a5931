//! Starts the chat-worker on its own: flags and environment in, one running service out.

use std::process::ExitCode;

use clap::Parser as _;
use mshub_chat_worker::{Config, Engines, Flags, run};
use platform::{
    Clock,
    config::listen,
    engines::Opener,
    service::{
        internal::InternalKey,
        program::{self, Process},
    },
};

fn main() -> ExitCode {
    let flags = Flags::parse();
    program::run("chat-worker", &flags.service.clone(), flags.admin_listen, |process| serve(flags, process))
}

async fn serve(flags: Flags, process: Process) -> anyhow::Result<()> {
    let engines = Opener::new(flags.urls()?, &process.secret, Clock::System);
    let ours = Engines::open(&engines).await?;
    let listener = listen(flags.listen).await?;
    let config = Config { key: InternalKey::derive(&process.secret) };
    let ready = process.ready();
    run(config, ours, listener, ready, process.stop).await?;
    engines.close().await;
    Ok(())
}
