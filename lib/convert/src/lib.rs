//! Conversion engines as a library: sniffing, limits, the capability matrix, the builtin engine, verification and
//! the sandboxed child process. No database, no bus, no HTTP.

mod builtin;
mod child;
mod container;
mod convert;
mod error;
mod format;
mod job_child;
mod limits;
mod matrix;
mod request;
mod sandbox;
mod sniff;
mod verify;

pub use child::{Child, convert_in_child};
pub use convert::convert_here;
pub use error::Error;
pub use format::{Format, UnknownFormat};
pub use job_child::job_child_main;
pub use limits::Limits;
pub use matrix::{Basis, Capability, Fidelity, formats, supports};
pub use request::{MIN_RECALL, Options, Progress, Report, Request, Stage};
pub use sandbox::sandbox_level;
pub use sniff::sniff;
