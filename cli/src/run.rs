//! From the command line to an exit code.

use std::{ffi::OsString, process::ExitCode, time::Duration};

use clap::Parser as _;

use crate::{
    args::Cli,
    commands,
    config::Environment,
    error::{CliError, Kind},
    global::Global,
    output::Output,
    signals, trace,
};

/// What a command that keeps the time limit by itself gets on top of it, to say what is not done.
const GRACE: Duration = Duration::from_secs(1);

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let line: Vec<OsString> = std::env::args_os().collect();
    // A conversion's child locks itself up: it must not have started threads or opened files before.
    #[cfg(any(feature = "up", feature = "local"))]
    if line.get(1).is_some_and(|command| command == "job-child") {
        return convert::job_child_main();
    }
    let cli = match Cli::try_parse_from(&line) {
        Ok(cli) => cli,
        Err(refused) => return Output::usage(&refused, &line),
    };
    let global = Global::new(cli.global, Environment::of_process());
    let out = global.out.clone();
    match perform(cli.command, global) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            out.error(&error);
            ExitCode::from(error.kind.exit_code())
        }
    }
}

fn perform(command: Option<commands::Command>, global: Global) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(CliError::io("cannot start the runtime"))?;
    let done = runtime.block_on(async {
        match command {
            None => commands::card::run(&global),
            // These end on a signal in their own way, and are not done after any time.
            Some(command) if command.is_a_place_to_stay() => commands::dispatch(command, &global).await,
            Some(command) => bounded(command, &global).await,
        }
    });
    // A thread that still reads standard input would keep the process alive.
    runtime.shutdown_background();
    done
}

/// A command that ends at a signal and at the time limit.
async fn bounded(command: commands::Command, global: &Global) -> Result<(), CliError> {
    trace::begin(global.verbosity());
    let grace = if command.minds_the_time() { GRACE } else { Duration::ZERO };
    let limit = async {
        match global.timeout() {
            Some(limit) => tokio::time::sleep(limit + grace).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        // First, so that it listens before anything is done.
        stopped = signals::stop() => Err(stopped),
        done = commands::dispatch(command, global) => done,
        () = limit => Err(CliError::new(Kind::Pending, "not done within the time limit of --timeout")),
    }
}
