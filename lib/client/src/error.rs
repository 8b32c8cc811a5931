//! What can go wrong, cut by what the caller can do about it.

use std::io;

use wire::Problem;

/// Why a call did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The hub said no, and why.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// No answer came: nothing listens there, the name is unknown, TLS failed, or the connection broke.
    #[error("cannot reach {server}: {why}")]
    Unreachable {
        /// The hub's address.
        server: String,
        /// What the network said.
        why: String,
    },
    /// The hub was reached but stayed silent for longer than [`crate::Options::timeout`].
    #[error("the hub did not answer in time")]
    Timeout,
    /// There is no session for this hub, or it has ended: sign in.
    #[error("not signed in")]
    SignedOut,
    /// What was waited for has not happened at the deadline; it may still happen.
    #[error("{what} is not there yet")]
    Pending {
        /// What was waited for.
        what: String,
    },
    /// What arrived is not what was promised.
    #[error("{what} arrived damaged: its SHA-256 is {actual}, promised was {expected}")]
    Integrity {
        /// The thing that was fetched.
        what: String,
        /// 64 hex digits.
        expected: String,
        /// 64 hex digits.
        actual: String,
    },
    /// A file of this machine could not be read or written.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, on which path.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// The other side does not speak as expected: not a hub, or a hub of another age.
    #[error("unexpected answer: {0}")]
    Protocol(String),
    /// The address given for the hub cannot be one.
    #[error("{server} is not the address of a hub: {why}")]
    InvalidServer {
        /// As it was given.
        server: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Error {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// Whether the same call can succeed a little later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Timeout => true,
            Self::Problem(problem) => problem.retryable,
            _ => false,
        }
    }

    /// The problem, if the hub answered with one.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            _ => None,
        }
    }

    pub(crate) fn is_code(&self, code: wire::Code) -> bool {
        self.problem().and_then(Problem::known) == Some(code)
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}
