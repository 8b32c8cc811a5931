//! LibreOffice of this machine: a fresh, locked-up process with a profile of its own for each document.

mod command;
mod profile;
mod sockets;

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::builtin::Output;
use crate::limits::MIB;
use crate::{Error, Format, Limits, Progress, Request, Stage, made};

pub(crate) use sockets::{SOCKETS, sweep};

/// Names under which the program is installed.
const NAMES: [&str; 2] = ["soffice", "libreoffice"];
/// Bytes of what it says that an error quotes.
const SAID: usize = 1000;

/// The program on a `PATH`, with all links resolved; `None` where there is none.
pub fn find(path: &OsStr) -> Option<PathBuf> {
    let found = std::env::split_paths(path)
        .flat_map(|folder| NAMES.map(|name| folder.join(name)))
        .find(|program| program.is_absolute() && program.is_file())?;
    fs::canonicalize(found).ok()
}

/// Which of its programs are installed: each opens documents of its own kind.
pub(crate) fn opens(program: &Path, from: Format) -> bool {
    let library = |name: &str| program.with_file_name(format!("lib{name}lo.so")).is_file();
    // Somewhere else they are called otherwise: then it is for LibreOffice to say.
    if !["sw", "sc", "sd"].map(library).contains(&true) {
        return true;
    }
    match from {
        Format::Xlsx | Format::Xlsm | Format::Xlsb | Format::Xls | Format::Ods => library("sc"),
        Format::Pptx | Format::Ppt | Format::Odp => library("sd"),
        _ => library("sw"),
    }
}

/// Its limits: an office suite needs more of everything than one of our own children.
pub(crate) fn limits(ours: &Limits) -> Limits {
    Limits { wall: ours.wall * 2, cpu: ours.cpu * 2, memory: 4096 * MIB, files: 1024, ..ours.clone() }
}

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
    let said = finish(command::of(program, &desk.0, &input, req.to)?)?;

    let result = desk.0.join("out").join(format!("input.{}", req.to.extension()));
    if !result.is_file() {
        // It ends with 0 even when it could not load the document.
        return Err(Error::corrupt(format!("LibreOffice cannot open it ({said})")));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_on_the_path_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real");
        fs::create_dir(&real).unwrap();
        fs::write(real.join("soffice"), "").unwrap();
        let empty = folder.path().join("empty");
        let path = std::env::join_paths([&empty, &real]).unwrap();

        assert_eq!(find(&path), fs::canonicalize(real.join("soffice")).ok());
        assert_eq!(find(empty.as_os_str()), None);
        assert_eq!(find(OsStr::new("relative")), None);
    }

    #[test]
    fn what_is_not_installed_opens_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("soffice");
        assert!(opens(&program, Format::Pptx), "nobody knows");
        fs::write(folder.path().join("libswlo.so"), "").unwrap();

        assert!(opens(&program, Format::Doc));
        assert!(!opens(&program, Format::Pptx) && !opens(&program, Format::Xls));
    }
}
