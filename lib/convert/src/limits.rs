//! How large a document, and how greedy a conversion, may be.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Error, Sandbox};

/// Bytes in a mebibyte.
pub(crate) const MIB: u64 = 1024 * 1024;
/// Parts in a zip container.
pub(crate) const ZIP_ENTRIES: usize = 5_000;
/// Unpacked size of one part.
pub(crate) const ZIP_PART: u64 = 64 * MIB;
/// Unpacked size of all parts.
pub(crate) const ZIP_TOTAL: u64 = 256 * MIB;
/// Unpacked size over packed size, looked at from [`ZIP_RATIO_FROM`] on: small parts compress well honestly.
pub(crate) const ZIP_RATIO: u64 = 200;
/// Unpacked size from which the ratio counts.
pub(crate) const ZIP_RATIO_FROM: u64 = MIB;
/// Pixels in a picture.
pub(crate) const PIXELS: u64 = 100_000_000;
/// Memory for one decoded picture.
pub(crate) const PICTURE_MEMORY: u64 = 512 * MIB;
/// Bytes of a text file. Layout needs some hundred times that.
pub(crate) const TEXT: u64 = 32 * MIB;
/// Bytes of all PDFs that become one. Each is in memory with all its objects.
const PDFS: u64 = 128 * MIB;
/// Pages of a PDF whose pages are worked on.
pub(crate) const PDF_PAGES: usize = 5_000;
/// Cells of a workbook, all sheets together.
pub(crate) const CELLS: u64 = 5_000_000;

/// What one child process may use. The child applies these to itself before it reads the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Wall time; the parent kills the child then.
    pub wall: Duration,
    /// Address space in bytes.
    pub memory: u64,
    /// CPU time, in whole seconds.
    pub cpu: Duration,
    /// Size of any file it writes, in bytes.
    pub file: u64,
    /// Open file descriptors.
    pub files: u64,
    /// How well it must be locked up before it reads a document of a format that strangers can do harm with.
    pub sandbox: Sandbox,
}

impl Default for Limits {
    /// 60 s of wall and CPU time, 1.5 GiB of memory, 512 MiB of output, 64 open files, and locked up as well as it can be.
    fn default() -> Limits {
        Limits {
            wall: Duration::from_secs(60),
            memory: 1536 * MIB,
            cpu: Duration::from_secs(60),
            file: 512 * MIB,
            files: 64,
            sandbox: Sandbox::Limits,
        }
    }
}

/// Refuses PDFs that are to become one and have more bytes together than may be.
///
/// # Errors
/// `LimitExceeded`.
pub fn fit_one_pdf(bytes: u64) -> Result<(), Error> {
    if bytes > PDFS {
        return Err(Error::limit(format!("{} MiB of PDF, allowed are {}", bytes / MIB, PDFS / MIB)));
    }
    Ok(())
}
