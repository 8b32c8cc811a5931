//! One conversion in a process of its own: a deadline, cancellation, and no way to take us down.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::job_child::{Errand, Job, Line, Task};
use crate::limits::MIB;
use crate::{Error, Limits, Progress, Report, Request, libreoffice};

/// What a child may say, in bytes: nobody who got hold of it fills our memory.
const SAYS: u64 = 16 * MIB;
/// Bytes of the child's stderr that an error quotes.
pub(crate) const STDERR_TAIL: usize = 2048;

/// How to start a job child, usually this very program again: `/proc/self/exe job-child`.
#[derive(Clone, Debug)]
pub struct Child {
    /// The program to start.
    pub program: PathBuf,
    /// Its arguments; it has to end up in [`crate::job_child_main`].
    pub args: Vec<OsString>,
    /// What it may use.
    pub limits: Limits,
}

impl Child {
    /// This program again, with the hidden command `job-child` and default limits.
    pub fn of_this_program() -> Child {
        let program = if cfg!(target_os = "linux") {
            // Survives an upgrade that replaces the file under a running service.
            PathBuf::from("/proc/self/exe")
        } else {
            std::env::current_exe().unwrap_or_else(|_| PathBuf::from("mshub"))
        };
        Child { program, args: vec!["job-child".into()], limits: Limits::default() }
    }
}

/// Converts in a child process and returns when it has ended, one way or the other.
///
/// The child is killed at the deadline (`limits.wall`), on `cancel`, and when the returned future is dropped.
/// Its paths should be absolute: it starts in `/` with an empty environment.
///
/// # Errors
/// Those of [`crate::convert_here`], and `Timeout`, `Crashed`, `Cancelled`.
pub async fn convert_in_child(
    child: &Child,
    req: &Request,
    progress: impl FnMut(Progress) + Send,
    cancel: CancellationToken,
) -> Result<Report, Error> {
    perform(child, req, Task::Builtin, progress, cancel).await
}

/// One task in a child process; with the promises of [`convert_in_child`].
pub(crate) async fn perform(
    child: &Child,
    req: &Request,
    task: Task,
    mut progress: impl FnMut(Progress) + Send,
    cancel: CancellationToken,
) -> Result<Report, Error> {
    if cancel.is_cancelled() {
        return Err(Error::Cancelled);
    }
    let seconds = child.limits.wall.as_secs();
    let desk = matches!(task, Task::Libreoffice { .. }).then(|| libreoffice::desk(&req.output));
    let result = tokio::select! {
        () = cancel.cancelled() => Err(Error::Cancelled),
        ended = tokio::time::timeout(child.limits.wall, run(child, req, task, &mut progress)) => {
            ended.unwrap_or(Err(Error::Timeout { seconds }))
        }
    };
    if result.is_err() {
        // A killed child leaves its unfinished file behind.
        let mut partial = req.output.clone().into_os_string();
        partial.push(".partial");
        let _ = tokio::fs::remove_file(partial).await;
    }
    if let Some(desk) = desk {
        // The folder around it goes, too: at the latest, then.
        let _ = tokio::fs::remove_dir_all(desk).await;
    }
    result
}

async fn run(
    child: &Child,
    req: &Request,
    task: Task,
    progress: &mut (impl FnMut(Progress) + Send),
) -> Result<Report, Error> {
    let job = Job { request: req.clone(), limits: child.limits.clone(), task };
    let mut line = serde_json::to_vec(&Errand::Job(Box::new(job))).map_err(io::Error::from)?;
    line.push(b'\n');

    let mut command = Command::new(&child.program);
    command
        .args(&child.args)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let mut process = command.spawn().map_err(|error| Error::Io {
        detail: format!("{} cannot be started: {error}", child.program.display()),
    })?;
    let mut group = Group::of(&process);
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (process.stdin.take(), process.stdout.take(), process.stderr.take())
    else {
        return Err(Error::Crashed { detail: "the child has no pipes".into() });
    };

    // A child that died at once breaks this pipe; its exit code tells more than that.
    let _ = stdin.write_all(&line).await;
    let _ = stdin.flush().await;
    let (result, tail) = tokio::join!(listen(stdout, progress), tail_of(stderr));
    if let Some(result) = result {
        // It has nothing more to say. What it may have left running goes while its number is nobody else's.
        group.kill();
        process.wait().await?;
        return result;
    }
    // Only now: a closed stdin tells the child that nobody wants the result.
    drop(stdin);
    let status = process.wait().await?;
    Err(died(status, &tail, &child.limits))
}

/// Reads lines until the child closes its stdout or has said too much; `None` if there was no result among them.
async fn listen(
    stdout: impl AsyncRead + Unpin,
    progress: &mut (impl FnMut(Progress) + Send),
) -> Option<Result<Report, Error>> {
    let mut lines = BufReader::new(stdout.take(SAYS)).split(b'\n');
    let mut result = None;
    while let Ok(Some(line)) = lines.next_segment().await {
        // Libraries may print, too: what is no line of ours is skipped.
        match serde_json::from_slice(&line) {
            Ok(Line::Progress(step)) => progress(step),
            Ok(Line::Done(report)) => result = Some(Ok(report)),
            Ok(Line::Failed(error)) => result = Some(Err(error)),
            Err(_) => {}
        }
    }
    result
}

/// Reads to the end and keeps the last bytes.
async fn tail_of(mut stderr: impl AsyncRead + Unpin) -> String {
    let mut tail = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        tail.extend_from_slice(&buffer[..read]);
        let excess = tail.len().saturating_sub(STDERR_TAIL);
        tail.drain(..excess);
    }
    String::from_utf8_lossy(&tail).trim().replace('\n', " | ")
}

/// Why a child ended with this status, having said this.
pub(crate) fn died(status: ExitStatus, tail: &str, limits: &Limits) -> Error {
    #[cfg(unix)]
    {
        use rustix::process::Signal;
        use std::os::unix::process::ExitStatusExt;
        let signal = status.signal();
        if signal == Some(Signal::XCPU.as_raw()) {
            return Error::Timeout { seconds: limits.cpu.as_secs() };
        }
        if signal == Some(Signal::XFSZ.as_raw()) {
            return Error::limit(format!("the result has more than {} MiB", limits.file / MIB));
        }
    }
    let memory = if tail.contains("memory allocation") {
        format!(" (it may use {} MiB)", limits.memory / MIB)
    } else {
        String::new()
    };
    let said = if tail.is_empty() { String::new() } else { format!(": {tail}") };
    Error::Crashed { detail: format!("{status}{memory}{said}") }
}

/// The process group of a child, killed when we stop caring for it.
pub(crate) struct Group {
    #[cfg(unix)]
    id: Option<rustix::process::Pid>,
}

impl Group {
    pub(crate) fn of(process: &tokio::process::Child) -> Group {
        #[cfg(unix)]
        {
            let id =
                process.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
            Group { id }
        }
        #[cfg(not(unix))]
        {
            let _ = process;
            Group {}
        }
    }
}

impl Group {
    /// Ends the child and all that it started.
    pub(crate) fn kill(&mut self) {
        #[cfg(unix)]
        if let Some(id) = self.id.take() {
            // It may have ended this very moment: then there is nobody to kill.
            let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_child_that_says_too_much_is_not_heard_to_the_end() {
        let failed: &[u8] = b"{\"failed\":{\"kind\":\"empty\"}}\n";
        let after = |noise: u64| tokio::io::repeat(b'x').take(noise).chain(&b"\n"[..]).chain(failed);

        assert_eq!(listen(after(9), &mut |_| ()).await, Some(Err(Error::Empty)));
        assert_eq!(listen(after(SAYS), &mut |_| ()).await, None);
    }
}
