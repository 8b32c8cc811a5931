//! A fresh LibreOffice with a profile of its own for one document: where it cannot be kept, and after one that died.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use super::{command, profile};
use crate::builtin::Output;
use crate::sandbox::{self, Suite};
use crate::{Error, Progress, Request, Stage, made};

/// Bytes of what it says that an error quotes.
const SAID: usize = 1000;

/// The one folder that it may write to, beside the result; whoever started the child removes it.
pub(crate) fn desk(output: &Path) -> PathBuf {
    let mut desk = output.as_os_str().to_owned();
    desk.push(".office");
    PathBuf::from(desk)
}

/// Makes the folder, for [`run`].
pub(crate) fn lay(desk: &Path) -> io::Result<()> {
    ["", "home", "out", "tmp"].iter().try_for_each(|folder| fs::create_dir(desk.join(folder)))
}

/// Converts and reads back, in a process that has locked itself up already, with a folder that lies ready.
pub(crate) fn run(
    req: &Request,
    program: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Output, Error> {
    let desk = desk(&req.output);
    // It writes a lock file beside its input: so it gets a copy.
    let input = desk.join(format!("input.{}", req.from.extension()));
    fs::copy(&req.input, &input)?;
    profile::write(&desk)?;
    progress(Progress::began(Stage::Converting));
    let suite = Suite { program, own: &desk };
    let said = finish(start(command::of(program, &desk, &input, req.to), suite)?)?;

    let result = desk.join("out").join(format!("input.{}", req.to.extension()));
    if !result.is_file() {
        // It ends with 0 even when it could not load the document.
        return Err(super::unopened(&said));
    }
    made::output(req, &result, true)
}

/// Starts it from a thread that gives up more than we can: whoever takes it over has its folder, and neither the result
/// nor what lies beside it.
fn start(mut command: Command, suite: Suite<'_>) -> Result<Child, Error> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let down = |error: io::Error| Error::EngineDown {
        engine: "libreoffice".into(),
        detail: format!("{} cannot be started ({error})", suite.program.display()),
    };
    thread::scope(|scope| {
        let starter = thread::Builder::new().name("start".into()).spawn_scoped(scope, || {
            sandbox::keep_to(suite)?;
            command.spawn().map_err(down)
        })?;
        starter.join().map_err(|_| Error::Crashed { detail: "LibreOffice could not be started".into() })?
    })
}

/// Waits for its end; what it said.
fn finish(mut process: Child) -> Result<String, Error> {
    let said = tail(&mut process);
    let status = process.wait()?;
    if status.success() {
        Ok(said)
    } else {
        Err(Error::Crashed { detail: format!("LibreOffice ended with {status}: {said}") })
    }
}

fn tail(process: &mut Child) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stderr) = process.stderr.take() {
        // What cannot be read is missing from an error message only.
        let _ = stderr.read_to_end(&mut bytes);
    }
    let from = bytes.len().saturating_sub(SAID);
    String::from_utf8_lossy(&bytes[from..]).trim().replace('\n', " | ")
}
