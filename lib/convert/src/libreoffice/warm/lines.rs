//! What is said over the pipes between us and a LibreOffice that is kept: a line of JSON each.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Format, Limits};

/// The first line it reads.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Opening {
    /// LibreOffice's `soffice`; its libraries are beside it.
    pub(crate) program: PathBuf,
    /// Its two folders are in here.
    pub(crate) place: PathBuf,
    /// What each document may use.
    pub(crate) limits: Limits,
    /// How many documents it will be given at the most.
    pub(crate) documents: u32,
}

/// Each line after it: the document lies in its place.
#[derive(Copy, Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Document {
    pub(crate) from: Format,
    pub(crate) to: Format,
}

/// What it answers: `ready` or `unable` once; then for each document `opened`, `saved`, or `refused`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// It waits for documents. Whether there is a network that it could reach.
    Ready { network: bool },
    /// LibreOffice cannot be had in this way, and why.
    Unable(String),
    /// The document is open.
    Opened,
    /// The result lies in its place.
    Saved,
    /// The document cannot be opened or written, and why.
    Refused(String),
}
