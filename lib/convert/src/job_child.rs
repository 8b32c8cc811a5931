//! The other end of a conversion in a child: one request in, progress and one result out, locked up in between.

use std::io::{self, BufRead, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use serde::{Deserialize, Serialize};

use crate::convert::whole_run;
use crate::libreoffice::warm::Opening;
use crate::{Engine, Error, Limits, Progress, Report, Request, convert_here, libreoffice, made, sandbox};

/// Nested tables recurse deeply; the main thread's 8 MiB are not enough for all of them.
const STACK: usize = 64 * 1024 * 1024;
/// Little is done there, but an allocator may first make itself at home.
const WATCH: usize = 512 * 1024;

/// The first line a child reads: what it is here for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Errand {
    /// One conversion, and then it ends.
    Job(Box<Job>),
    /// Being a LibreOffice that is kept.
    Office(Opening),
}

/// One conversion.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) request: Request,
    pub(crate) limits: Limits,
    #[serde(default)]
    pub(crate) task: Task,
}

/// What a child does with its request.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Task {
    /// Converts by itself.
    #[default]
    Builtin,
    /// Lets this program of LibreOffice convert, as locked up as itself.
    Libreoffice { program: PathBuf },
    /// Looks at what somebody else has made of the document, a file in the folder of the output.
    Check { engine: Engine, made: PathBuf },
}

/// The lines a child writes: any number of `progress`, then one `done` or `failed`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    Progress(Progress),
    Done(Report),
    Failed(Error),
}

/// What the hidden `job-child` command runs.
///
/// Reads one JSON line (request and limits) on stdin, applies the limits to itself, converts, and writes NDJSON on
/// stdout. It dies when its stdin is closed, so it never outlives the process that wants the result.
/// Exit code 0 means that a result line (`done` or `failed`) was written.
pub fn job_child_main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody reads our lines any more: there is nobody to tell.
        Err(_) => ExitCode::FAILURE,
    }
}

fn run() -> io::Result<()> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let outcome = match serde_json::from_str(&line) {
        Ok(Errand::Job(job)) => locked_up(&job),
        Ok(Errand::Office(opening)) => return kept(&opening),
        Err(error) => Err(Error::Io { detail: format!("the job cannot be read: {error}") }),
    };
    send(&match outcome {
        Ok(report) => Line::Done(report),
        Err(error) => Line::Failed(error),
    })
}

#[cfg(target_os = "linux")]
fn kept(opening: &Opening) -> io::Result<()> {
    libreoffice::warm::kit::serve(opening).map_err(io::Error::other)
}

#[cfg(not(target_os = "linux"))]
fn kept(_: &Opening) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn locked_up(job: &Job) -> Result<Report, Error> {
    let request = &job.request;
    let output_dir = request.output.parent().unwrap_or_else(|| Path::new("."));
    let desk = libreoffice::desk(&request.output);
    let office = match &job.task {
        Task::Libreoffice { program } => {
            // Where the machine does not let people do that, Landlock still stops TCP.
            sandbox::leave_network();
            // Locked up, nobody can make a folder beside the result, nor allow one that is not there.
            libreoffice::lay(&desk)?;
            Some(sandbox::Suite { program, own: &desk })
        }
        Task::Builtin | Task::Check { .. } => None,
    };
    let inputs: Vec<&Path> = request.inputs().collect();
    let needed = sandbox::needed(request.from, job.limits.sandbox);
    sandbox::enter(&job.limits, needed, &inputs, output_dir, office)?;
    die_with_parent()?;

    let worker = || {
        catch_unwind(AssertUnwindSafe(|| {
            perform(job, &mut |progress| {
                // A parent that stopped listening closes our stdin as well, and that ends us.
                let _ = send(&Line::Progress(progress));
            })
        }))
    };
    let outcome = thread::scope(|scope| {
        let worker =
            thread::Builder::new().name("convert".into()).stack_size(STACK).spawn_scoped(scope, worker)?;
        worker.join().map_err(|_| Error::Crashed { detail: "the converter panicked".into() })
    })?;
    outcome.unwrap_or_else(|panic| Err(Error::Crashed { detail: message(panic.as_ref()) }))
}

fn perform(job: &Job, progress: &mut dyn FnMut(Progress)) -> Result<Report, Error> {
    let request = &job.request;
    match &job.task {
        Task::Builtin => convert_here(request, progress),
        Task::Libreoffice { program } => whole_run(request, Engine::Libreoffice, progress, |progress| {
            libreoffice::run(request, program, progress)
        }),
        Task::Check { engine, made } => {
            let draws_here = *engine == Engine::Libreoffice;
            whole_run(request, *engine, progress, |_| made::output(request, made, draws_here))
        }
    }
}

/// The parent holds our stdin open for as long as it wants the result. (`PR_SET_PDEATHSIG` would not do: it fires when
/// the *thread* that started us ends, and an async runtime ends idle threads.)
fn die_with_parent() -> io::Result<()> {
    thread::Builder::new().name("watch".into()).stack_size(WATCH).spawn(|| {
        let mut rest = [0; 64];
        while io::stdin().lock().read(&mut rest).is_ok_and(|read| read > 0) {}
        #[cfg(unix)]
        end();
    })?;
    Ok(())
}

/// Ends us, and what we have started: our parent made us the first of a group.
#[cfg(unix)]
pub(crate) fn end() {
    use rustix::process::{Signal, getpgrp, getpid, kill_current_process_group, kill_process};
    // If this fails nothing better can be done; the CPU limit ends us later.
    let _ = if getpgrp() == getpid() {
        kill_current_process_group(Signal::KILL)
    } else {
        kill_process(getpid(), Signal::KILL)
    };
}

/// Says one line.
fn send(line: &Line) -> io::Result<()> {
    put(Vec::new(), line)
}

/// Says one line where a library may have begun another: that one ends here.
pub(crate) fn send_apart(line: &impl Serialize) -> io::Result<()> {
    put(vec![b'\n'], line)
}

fn put(mut bytes: Vec<u8>, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut bytes, line)?;
    bytes.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&bytes)?;
    out.flush()
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    format!("the converter panicked: {}", text.lines().next().unwrap_or_default())
}
