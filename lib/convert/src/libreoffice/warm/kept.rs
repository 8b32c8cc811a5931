//! One LibreOffice that is kept, from outside: started, given one document after the other, and ended with all it started.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::task::spawn_blocking;

use super::{
    lines::{Answer, Document, Opening},
    place::Held,
};
use crate::child::{Child, Group, STDERR_TAIL, died};
use crate::job_child::Errand;
use crate::limits::MIB;
use crate::{Error, Progress, Request, Stage, libreoffice};

/// What it may say about one document, in bytes: nobody who got hold of it fills our memory.
const SAYS: u64 = MIB;

/// Why a document was not converted.
pub(super) enum Trouble {
    /// The document, or what was asked: another LibreOffice would say the same.
    Document(Error),
    /// This LibreOffice: it is gone.
    Died(Error),
}

/// It is killed when it is dropped, and its place goes with it.
pub(super) struct Kept {
    /// Taken only to be waited for.
    process: Option<tokio::process::Child>,
    group: Group,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    place: Arc<Held>,
    child: Child,
    /// How many documents it was given.
    pub(super) documents: u32,
    /// Whether there is a network that it could reach.
    pub(super) network: bool,
}

impl Kept {
    /// Starts one and waits until it takes documents.
    pub(super) async fn start(
        child: &Child,
        program: &Path,
        documents: u32,
        folder: Option<&Path>,
    ) -> Result<Kept, Error> {
        let within = folder.map(Path::to_owned);
        let place = blocking(move || Held::open(within.as_deref())).await?;
        let mut process = command(child, &place)?.spawn().map_err(|error| down(error.to_string()))?;
        let group = Group::of(&process);
        let (Some(stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(down("it has no pipes".into()));
        };
        let stdout = BufReader::new(stdout);
        let (process, place, child) = (Some(process), Arc::new(place), child.clone());
        let mut kept = Kept { process, group, stdin, stdout, place, child, documents: 0, network: true };
        let opening = Opening {
            program: program.to_owned(),
            place: kept.place.place.folder().to_owned(),
            limits: kept.child.limits.clone(),
            documents,
        };
        kept.tell(&Errand::Office(opening)).await;
        match kept.answer().await {
            Some(Answer::Ready { network }) => {
                kept.network = network;
                Ok(kept)
            }
            Some(Answer::Unable(why)) => Err(down(why)),
            Some(_) => Err(down("it does not keep to what was agreed".into())),
            None => Err(kept.end().await),
        }
    }

    /// Converts one document to the file `made`. Whatever goes wrong, it is not to be asked again.
    pub(super) async fn convert(
        &mut self,
        req: &Request,
        made: &Path,
        progress: &mut (impl FnMut(Progress) + Send),
    ) -> Result<(), Trouble> {
        self.documents += 1;
        progress(Progress::began(Stage::Opening));
        let (place, input, from) = (Arc::clone(&self.place), req.input.clone(), req.from);
        blocking(move || place.put(&input, from)).await.map_err(Trouble::Document)?;
        self.tell(&Document { from, to: req.to }).await;
        loop {
            match self.answer().await {
                Some(Answer::Opened) => progress(Progress::began(Stage::Converting)),
                Some(Answer::Saved) => break,
                Some(Answer::Refused(why)) => return Err(Trouble::Document(libreoffice::unopened(&why))),
                Some(Answer::Ready { .. } | Answer::Unable(_)) => {
                    return Err(Trouble::Died(down("it does not keep to what was agreed".into())));
                }
                None => return Err(Trouble::Died(self.end().await)),
            }
        }
        let (place, to, made) = (Arc::clone(&self.place), req.to, made.to_owned());
        match blocking(move || place.take(to, &made)).await.map_err(Trouble::Document)? {
            true => Ok(()),
            false => Err(Trouble::Document(libreoffice::unopened("it wrote nothing"))),
        }
    }

    /// Whether it still runs.
    pub(super) fn lives(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| matches!(process.try_wait(), Ok(None)))
    }

    /// Bytes of memory that it has now, where that can be known.
    pub(super) fn memory(&self) -> Option<u64> {
        let id = self.process.as_ref()?.id()?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = resident.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib * 1024)
    }

    async fn tell(&mut self, line: &impl Serialize) {
        let mut bytes = serde_json::to_vec(line).unwrap_or_default();
        bytes.push(b'\n');
        // One that died breaks this pipe; that it does not answer tells so.
        let _ = self.stdin.write_all(&bytes).await;
        let _ = self.stdin.flush().await;
    }

    /// The next line that is one of ours; `None` when there will be no other.
    async fn answer(&mut self) -> Option<Answer> {
        let mut left = (&mut self.stdout).take(SAYS);
        let mut line = Vec::new();
        loop {
            line.clear();
            // Libraries may print, too: what is no line of ours is skipped.
            match left.read_until(b'\n', &mut line).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return None,
            }
            if let Ok(answer) = serde_json::from_slice(&line) {
                return Some(answer);
            }
        }
    }

    /// Ends it, and says what it died of if it had died before.
    async fn end(&mut self) -> Error {
        let Some(mut process) = self.process.take() else { return down("it has ended".into()) };
        // It has closed its output; nothing else of it is needed.
        let died_before = tokio::time::timeout(GRACE, process.wait()).await;
        self.group.kill();
        let status = match died_before {
            Ok(status) => status,
            Err(_) => process.wait().await,
        };
        match status {
            Ok(status) => died(status, &self.said(), &self.child.limits),
            Err(error) => error.into(),
        }
    }

    /// The last that it said.
    fn said(&self) -> String {
        let mut bytes = Vec::new();
        let mut log: &File = &self.place.log;
        // What cannot be read is missing from an error message only.
        let size = log.seek(SeekFrom::End(0)).unwrap_or_default();
        let _ = log.seek(SeekFrom::Start(size.saturating_sub(STDERR_TAIL as u64)));
        let _ = log.take(STDERR_TAIL as u64).read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).trim().replace('\n', " | ")
    }
}

/// How long one that has closed its output may take to end by itself, which tells of what it died.
const GRACE: std::time::Duration = std::time::Duration::from_secs(2);

impl Drop for Kept {
    fn drop(&mut self) {
        self.group.kill();
        let (process, place) = (self.process.take(), Arc::clone(&self.place));
        // It may make a file more until it is gone: only then its place can be removed. Without a runtime there is nobody
        // to wait for it, and the place is swept later.
        if let (Some(mut process), Ok(runtime)) = (process, tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                let _ = process.wait().await;
                drop(place);
            });
        }
    }
}

fn command(child: &Child, place: &Held) -> Result<Command, Error> {
    let own = place.place.own();
    let mut command = Command::new(&child.program);
    command
        .args(&child.args)
        .env_clear()
        .envs(libreoffice::command::environment(&own))
        .current_dir(&own)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(place.log.try_clone()?)
        .kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    Ok(command)
}

fn down(detail: String) -> Error {
    Error::EngineDown { engine: "libreoffice".into(), detail }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let done = spawn_blocking(work).await;
    done.map_err(|stopped| Error::Io { detail: stopped.to_string() })?.map_err(Error::from)
}
