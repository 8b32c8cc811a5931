//! A fresh LibreOffice with a profile of its own for one document: where it cannot be kept, and after one that died.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{command, profile};
use crate::builtin::Output;
use crate::{Error, Progress, Request, Stage, made};

/// Bytes of what it says that an error quotes.
const SAID: usize = 1000;

/// The folder that it may write to, beside the result; whoever ends the child early removes it.
pub(crate) fn desk(output: &Path) -> PathBuf {
    let mut desk = output.as_os_str().to_owned();
    desk.push(".office");
    PathBuf::from(desk)
}

/// Converts and reads back, in a process that has locked itself up already.
pub(crate) fn run(
    req: &Request,
    program: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Output, Error> {
    let desk = Desk::open(&req.output)?;
    // It writes a lock file beside its input: so it gets a copy.
    let input = desk.0.join(format!("input.{}", req.from.extension()));
    fs::copy(&req.input, &input)?;
    profile::write(&desk.0)?;
    progress(Progress::began(Stage::Converting));
    let said = finish(command::of(program, &desk.0, &input, req.to))?;

    let result = desk.0.join("out").join(format!("input.{}", req.to.extension()));
    if !result.is_file() {
        // It ends with 0 even when it could not load the document.
        return Err(super::unopened(&said));
    }
    made::output(req, &result, true)
}

/// Starts it and waits for its end; what it said.
fn finish(mut command: Command) -> Result<String, Error> {
    let program = command.get_program().to_owned();
    let mut process =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(
            |error| Error::EngineDown {
                engine: "libreoffice".into(),
                detail: format!("{} cannot be started ({error})", program.display()),
            },
        )?;
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

/// The folder of one run, gone with it.
struct Desk(PathBuf);

impl Desk {
    fn open(output: &Path) -> Result<Desk, Error> {
        let desk = Desk(desk(output));
        for folder in ["", "home", "out", "tmp"] {
            fs::create_dir(desk.0.join(folder))?;
        }
        Ok(desk)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // The folder around it goes, too: at the latest, then.
        let _ = fs::remove_dir_all(&self.0);
    }
}
