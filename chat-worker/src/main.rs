//! Starts the chat-worker on its own: flags and environment in, one running service out, or one task done.

use std::process::ExitCode;

use anyhow::bail;
use clap::Parser as _;
use mshub_chat_worker::{Config, Engines, Flags, Letters, Task, dead_letters, rebuild, report, run};
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
    let service = flags.service.clone();
    match flags.task {
        Some(task) => program::perform("chat-worker", &service, perform(task, flags)),
        None => program::run("chat-worker", &service, flags.admin_listen, |process| serve(flags, process)),
    }
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

async fn perform(task: Task, flags: Flags) -> anyhow::Result<()> {
    // None of the engines that a task needs makes links, which is what the secret would be for.
    let engines = Opener::new(flags.urls()?, &[], Clock::System);
    let Engines { db, bus, fanout, .. } = Engines::open(&engines).await?;
    match task {
        Task::Rebuild { discard } => report::rebuilt(rebuild(&db, &bus, &fanout, discard).await?)?,
        Task::DeadLetters { action: Letters::List } => {
            dead_letters::list(&db).await?.iter().try_for_each(report::dead_letter)?;
        }
        Task::DeadLetters { action: Letters::Replay } => {
            report::changed("replayed", dead_letters::replay(&db).await?)?;
        }
        Task::DeadLetters { action: Letters::Drop { partition, pos } } => {
            if !dead_letters::drop(&db, partition, pos).await? {
                bail!("no record was kept aside at {pos} of partition {partition}: see `dead-letters list`");
            }
            report::changed("dropped", 1)?;
        }
    }
    engines.close().await;
    Ok(())
}
