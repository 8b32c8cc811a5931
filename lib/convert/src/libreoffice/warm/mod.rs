//! LibreOffice, started once and given one document after the other: those that are kept, and when they are ended.

mod kept;
#[cfg(target_os = "linux")]
pub(crate) mod kit;
mod lines;
mod place;
mod pool;

use std::path::PathBuf;
use std::time::Duration;

pub(crate) use lines::Opening;
pub(crate) use pool::{Pool, Trial};

/// How long a LibreOffice is kept, and for how many documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Documents that one converts before it is started anew; with 0 each document has its own.
    pub documents: u32,
    /// How long one waits for the next document before it is ended: it holds some 150 MiB.
    pub idle: Duration,
    /// Whether one is started before the first document, and one is always there.
    pub ready: bool,
    /// Where they have their folders; among the system's temporary files when not given. What a killed process of ours
    /// left there is removed.
    pub folder: Option<PathBuf>,
}

impl Default for Keep {
    /// 50 documents, five minutes, not before it is needed.
    fn default() -> Keep {
        Keep { documents: 50, idle: Duration::from_secs(300), ready: false, folder: None }
    }
}
