//! LibreOffice of this machine: kept warm for one document after the other, or started for each; locked up in both ways.

mod cold;
mod command;
mod profile;
mod sockets;
pub(crate) mod warm;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use crate::child::{Child, perform};
use crate::job_child::Task;
use crate::limits::MIB;
use crate::{Engine, Error, Format, Limits, Progress, Report, Request, Stage};

pub(crate) use cold::{desk, lay, run};
pub(crate) use sockets::SOCKETS;
pub use warm::Keep;

/// Names under which the program is installed.
const NAMES: [&str; 2] = ["soffice", "libreoffice"];

/// The program on a `PATH`, with all links resolved; `None` where there is none.
pub fn find(path: &OsStr) -> Option<PathBuf> {
    let found = std::env::split_paths(path)
        .flat_map(|folder| NAMES.map(|name| folder.join(name)))
        .find(|program| program.is_absolute() && program.is_file())?;
    fs::canonicalize(found).ok()
}

/// The LibreOffice that was found.
#[derive(Debug)]
pub(crate) struct Office {
    program: PathBuf,
    /// Ours, for looking at results.
    child: Child,
    /// With the limits of an office suite.
    cold: Child,
    warm: Option<warm::Pool>,
}

impl Office {
    pub(crate) fn new(child: Child, program: PathBuf, keep: Keep) -> Office {
        // Its libraries are beside the file that a link leads to.
        let program = fs::canonicalize(&program).unwrap_or(program);
        let cold = Child { limits: limits(&child.limits), ..child.clone() };
        let kept = keep.documents > 0 && has_kit(&program);
        let warm = kept.then(|| warm::Pool::new(cold.clone(), program.clone(), keep));
        Office { program, child, cold, warm }
    }

    /// Starts what shall be there before the first document.
    pub(crate) fn attend(&self) {
        if let Some(pool) = &self.warm {
            pool.attend();
        }
    }

    /// Where it is, and whether a document has to wait for its start.
    pub(crate) fn told(&self) -> String {
        let way = match &self.warm {
            Some(pool) if self.keeps(Format::Xlsx) => pool.told(),
            Some(pool) => format!(
                "{}; cold for workbooks, whose windows it lacks (Debian: libreoffice-calc, not libreoffice-calc-nogui)",
                pool.told()
            ),
            None if has_kit(&self.program) => {
                "cold: started for each document, as the settings say".to_owned()
            }
            None => "cold: started for each document, as it has no LibreOfficeKit".to_owned(),
        };
        format!("{}, {way}", self.program.display())
    }

    /// Which of its programs are installed: each opens documents of its own kind.
    pub(crate) fn opens(&self, from: Format) -> bool {
        let library = |name: &str| self.program.with_file_name(format!("lib{name}lo.so")).is_file();
        // Somewhere else they are called otherwise: then it is for LibreOffice to say.
        if !["sw", "sc", "sd"].map(library).contains(&true) {
            return true;
        }
        match from {
            from if is_workbook(from) => library("sc"),
            Format::Pptx | Format::Ppt | Format::Odp => library("sd"),
            _ => library("sw"),
        }
    }

    /// Whether one that is kept opens it. It makes a window for each document, which nobody sees, and the packages that
    /// shall have no windows lack what it needs for a workbook's; a run for one document makes none.
    fn keeps(&self, from: Format) -> bool {
        let share = self.program.parent().and_then(Path::parent).unwrap_or(&self.program).join("share");
        let windows = share.join("config/soffice.cfg/modules/scalc");
        !is_workbook(from) || !windows.is_dir() || windows.join("ui/inputbar.ui").is_file()
    }

    /// Converts by one that is kept, or, where that cannot be, by one of its own.
    pub(crate) async fn convert(
        &self,
        req: &Request,
        mut progress: impl FnMut(Progress) + Send,
        cancel: CancellationToken,
    ) -> Result<Report, Error> {
        if let Some(pool) = &self.warm
            && self.keeps(req.from)
            && let Some(done) = self.warmly(pool, req, &mut progress, &cancel).await
        {
            return done;
        }
        let task = Task::Libreoffice { program: self.program.clone() };
        let made = perform(&self.cold, req, task, progress, cancel).await;
        // A file system call or two; a failure leaves an empty socket until the next time.
        let _ = tokio::task::spawn_blocking(sockets::sweep).await;
        made
    }

    /// Converts by one that is kept, and looks at what it made in another child; `None` where it has to be a new one.
    async fn warmly(
        &self,
        pool: &warm::Pool,
        req: &Request,
        mut progress: impl FnMut(Progress) + Send,
        cancel: &CancellationToken,
    ) -> Option<Result<Report, Error>> {
        let mut made = req.output.clone().into_os_string();
        made.push(".made");
        let made = PathBuf::from(made);
        let report = match pool.convert(req, &made, &mut progress, cancel).await {
            warm::Trial::Made => {
                let task = Task::Check { engine: Engine::Libreoffice, made: made.clone() };
                let later = |step: Progress| {
                    // The document was opened long ago.
                    if step.stage != Stage::Opening {
                        progress(step);
                    }
                };
                Some(perform(&self.child, req, task, later, cancel.clone()).await)
            }
            warm::Trial::Failed(error) => Some(Err(error)),
            warm::Trial::Unable => None,
        };
        // Not there when it made nothing.
        let _ = tokio::fs::remove_file(&made).await;
        report
    }
}

/// Whether the libraries are there that one is kept with.
fn has_kit(program: &Path) -> bool {
    let there = |library| program.with_file_name(library).is_file();
    cfg!(target_os = "linux") && (there("libsofficeapp.so") || there("libmergedlo.so"))
}

fn is_workbook(from: Format) -> bool {
    matches!(from, Format::Xlsx | Format::Xlsm | Format::Xlsb | Format::Xls | Format::Ods)
}

/// Its limits: an office suite needs more of everything than one of our own children.
fn limits(ours: &Limits) -> Limits {
    Limits { wall: ours.wall * 2, cpu: ours.cpu * 2, memory: 4096 * MIB, files: 1024, ..ours.clone() }
}

/// That it cannot open the document, with what it said.
fn unopened(said: &str) -> Error {
    Error::corrupt(format!("LibreOffice cannot open it ({said})"))
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
        let programs = folder.path().join("program");
        fs::create_dir(&programs).unwrap();
        let office = Office::new(Child::of_this_program(), programs.join("soffice"), Keep::default());
        assert!(office.opens(Format::Pptx), "nobody knows");
        fs::write(programs.join("libswlo.so"), "").unwrap();

        assert!(office.opens(Format::Doc));
        assert!(!office.opens(Format::Pptx) && !office.opens(Format::Xls));
        assert!(office.told().contains("cold"), "it has nothing to be kept with");

        assert!(office.keeps(Format::Xls), "nobody knows");
        let windows = folder.path().join("share/config/soffice.cfg/modules/scalc/ui");
        fs::create_dir_all(&windows).unwrap();
        assert!(office.keeps(Format::Doc) && !office.keeps(Format::Xls));
        fs::write(windows.join("inputbar.ui"), "").unwrap();
        assert!(office.keeps(Format::Xls));
    }
}
