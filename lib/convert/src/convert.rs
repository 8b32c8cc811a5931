//! One conversion in this process: open, convert, verify, write.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::builtin::{self, Output};
use crate::matrix::within;
use crate::{Engine, Error, Progress, Report, Request, Stage, supports, verify};

/// Converts in this process, blocking until the output file is complete.
///
/// The output appears under its name only when it is whole and verified. A document can make an engine use much
/// memory or time: services call [`crate::convert_in_child`] instead.
///
/// # Errors
/// Any [`Error`] but `Timeout`, `Crashed` and `Cancelled`.
pub fn convert_here(req: &Request, progress: &mut dyn FnMut(Progress)) -> Result<Report, Error> {
    let engine = match within(req.from, req.to, &req.options)? {
        Some(same) => same.engine,
        None => supports(req.from, req.to)?.engine,
    };
    whole_run(req, engine, progress, |progress| builtin::run(req, progress))
}

/// What every run of every engine is: open, convert, verify, write.
pub(crate) fn whole_run(
    req: &Request,
    engine: Engine,
    progress: &mut dyn FnMut(Progress),
    run: impl FnOnce(&mut dyn FnMut(Progress)) -> Result<Output, Error>,
) -> Result<Report, Error> {
    let started = Instant::now();
    progress(Progress::began(Stage::Opening));
    let output = run(progress)?;

    progress(Progress::began(Stage::Verifying));
    let mut report = verify::report(&output, req)?;
    if req.strict && report.degraded {
        return Err(Error::LowFidelity { recall: report.recall.unwrap_or(0.0), lost: report.lost });
    }

    progress(Progress::began(Stage::Writing));
    write_whole(&req.output, &output)?;
    report.engine = engine.code().to_owned();
    report.bytes_out = output.bytes.len() as u64;
    report.millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    progress(Progress::counted(Stage::Writing, report.bytes_out, report.bytes_out, "bytes"));
    Ok(report)
}

/// Writes beside the target and renames, so that half a file never carries the name of a result.
fn write_whole(path: &Path, output: &Output) -> Result<(), Error> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let written = fs::write(&partial, &output.bytes).and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_file(&partial);
    }
    written.map_err(|error| Error::Io { detail: format!("{}: {error}", path.display()) })
}
