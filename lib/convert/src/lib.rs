//! Conversion engines as a library: sniffing, limits, the capability matrix, the engines and the choice among them,
//! verification and the sandboxed child process. No database and no bus.

mod best;
mod builtin;
mod bundle;
mod child;
mod container;
mod convert;
mod engine;
mod engines;
mod error;
mod format;
mod health;
mod job_child;
mod libreoffice;
mod limits;
mod made;
mod matrix;
mod pages;
mod remote;
mod request;
mod sandbox;
mod sniff;
#[cfg(target_os = "linux")]
mod syscalls;
mod verify;
mod watcher;

/// Of the engines that are always here: another version may convert better.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

pub use bundle::{Bundle, plain_names};
pub use child::{Child, convert_in_child};
pub use convert::convert_here;
pub use engine::{Engine, Prefer, UnknownEngine};
pub use engines::{Conversion, Engines, Missing};
pub use error::Error;
pub use format::{Format, UnknownFormat};
pub use health::{Health, State};
pub use job_child::job_child_main;
pub use libreoffice::{Keep, find as find_libreoffice};
pub use limits::{Limits, fit_one_pdf};
pub use matrix::{Basis, Capability, Fidelity, formats, supports};
pub use pages::{Pages, Turn, UnreadablePages};
pub use remote::Key;
pub use request::{Attempt, MIN_RECALL, Options, Paper, Progress, Report, Request, Stage};
pub use sandbox::{Sandbox, UnknownSandbox, sandbox_level};
pub use sniff::sniff;
pub use watcher::Watcher;
