//! What went wrong, with the exit code that scripts see and the object that `--json` prints.

use std::{fmt, io};

use serde::Serialize;
use wire::{FieldError, Problem};

/// What kind of failure it is. Each has an exit code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Anything else.
    Other,
    /// The command line cannot be understood.
    Usage,
    /// There is no such thing, or not for you.
    NotFound,
    /// Sign in, or you are not allowed.
    Auth,
    /// It is in conflict with what is there.
    Conflict,
    /// Too many requests.
    Rate,
    /// No hub answers.
    Unreachable,
    /// It has not happened yet.
    Pending,
    /// Some of it was done.
    Partial,
    /// The conversion failed.
    Failed,
    /// The hub does not accept the input.
    Rejected,
    /// The hub failed.
    Server,
    /// A file of this machine cannot be read or written.
    LocalIo,
    /// What arrived is not what was promised.
    Integrity,
    /// Ctrl-C.
    Interrupted,
    /// SIGTERM.
    Terminated,
    /// Another signal, by its number.
    Killed(u8),
    /// Nobody reads our output any more: no failure, but no reason to go on.
    Closed,
}

impl Kind {
    /// Every kind that a person can meet, in the order of exit codes; but not each signal.
    pub const ALL: &'static [Kind] = &[
        Kind::Other,
        Kind::Usage,
        Kind::NotFound,
        Kind::Auth,
        Kind::Conflict,
        Kind::Rate,
        Kind::Unreachable,
        Kind::Pending,
        Kind::Partial,
        Kind::Failed,
        Kind::Rejected,
        Kind::Server,
        Kind::LocalIo,
        Kind::Integrity,
        Kind::Interrupted,
        Kind::Terminated,
    ];

    /// The exit code of the process.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Other => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Auth => 4,
            Self::Conflict => 5,
            Self::Rate => 6,
            Self::Unreachable => 7,
            Self::Pending => 8,
            Self::Partial => 9,
            Self::Failed => 10,
            Self::Rejected => 11,
            Self::Server => 12,
            Self::LocalIo => 13,
            Self::Integrity => 14,
            Self::Interrupted => 130,
            Self::Terminated => 143,
            Self::Killed(signal) => 128 + signal % 128,
        }
    }

    /// What it means, in one sentence that holds for every occurrence.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Closed => "nobody reads the output any more",
            Self::Other => "something else failed",
            Self::Usage => "the command line cannot be understood",
            Self::NotFound => "there is no such thing, or nothing that you may see",
            Self::Auth => "sign in first, or you are not allowed to do this",
            Self::Conflict => "it is in conflict with what is there",
            Self::Rate => "too many requests; come back later",
            Self::Unreachable => "the hub cannot be reached",
            Self::Pending => "not done yet; it may still happen",
            Self::Partial => "some of it was done, some of it failed",
            Self::Failed => "the conversion failed",
            Self::Rejected => "the hub does not accept the input",
            Self::Server => "the hub failed",
            Self::LocalIo => "a file on this machine cannot be read or written, or exists already",
            Self::Integrity => "what arrived is not what was promised",
            Self::Interrupted => "stopped by Ctrl-C",
            Self::Terminated => "stopped by SIGTERM",
            Self::Killed(_) => "stopped by a signal, whose number is the exit code less 128",
        }
    }

    /// Whether the same command can succeed later without anybody changing anything.
    pub fn is_worth_repeating(self) -> bool {
        matches!(self, Self::Rate | Self::Unreachable | Self::Pending | Self::Server | Self::Integrity)
    }

    /// The code of a failure that did not come from the hub: `MSH-00` and the exit code.
    pub fn code(self) -> String {
        format!("MSH-{:04}", self.exit_code())
    }

    fn of_status(status: u16) -> Self {
        match status {
            400 | 413 | 415 | 422 => Self::Rejected,
            401 | 403 => Self::Auth,
            404 | 405 | 410 => Self::NotFound,
            409 | 412 => Self::Conflict,
            460 => Self::Integrity,
            429 => Self::Rate,
            500..=599 => Self::Server,
            _ => Self::Other,
        }
    }
}

/// A failure of a command: what failed, on what, and what to do next.
#[derive(Clone, Debug)]
pub struct CliError {
    /// Decides the exit code.
    pub kind: Kind,
    /// What failed, on what.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// The hub's own words, when it was the hub that said no.
    pub problem: Option<Box<Problem>>,
}

impl CliError {
    /// A failure without a hint.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, problem: None }
    }

    /// A command line that asks for something impossible.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// A failure of this machine; `what` says what was tried, on which path.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |why| Self::new(Kind::LocalIo, format!("{what}: {why}"))
    }

    /// The same failure with what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The stable code, such as `MSH-4010` of the hub or `MSH-0007` of this program.
    pub fn code(&self) -> String {
        self.problem.as_ref().map_or_else(|| self.kind.code(), |problem| problem.code.clone())
    }

    /// What `--json` prints on stderr.
    pub fn report(&self) -> Report<'_> {
        let problem = self.problem.as_deref();
        Report {
            error: Reported {
                code: self.code(),
                message: &self.message,
                hint: self.hint.as_deref(),
                status: problem.map(|problem| problem.status),
                request_id: problem.and_then(|problem| problem.request_id.as_deref()),
                retryable: problem.map_or(self.kind.is_worth_repeating(), |problem| problem.retryable),
                fields: problem.map_or(&[], |problem| &problem.errors),
                exit_code: self.kind.exit_code(),
            },
        }
    }
}

/// The one object on stderr of a failure with `--json`.
#[derive(Serialize)]
pub struct Report<'a> {
    error: Reported<'a>,
}

#[derive(Serialize)]
struct Reported<'a> {
    code: String,
    message: &'a str,
    hint: Option<&'a str>,
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    retryable: bool,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    fields: &'a [FieldError],
    exit_code: u8,
}

impl fmt::Display for CliError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for CliError {}

impl From<client::Error> for CliError {
    fn from(error: client::Error) -> Self {
        use client::Error::{
            Integrity, InvalidServer, Io, Pending, Problem, Protocol, SignedOut, Timeout, Unreachable,
        };
        let message = error.to_string();
        match error {
            Problem(problem) => Self::from(*problem),
            Unreachable { .. } => Self::new(Kind::Unreachable, message)
                .hint("check --server and the network, or start a hub here with `mshub up`"),
            Timeout => Self::new(Kind::Unreachable, message).hint("try again, or look at `mshub status`"),
            SignedOut => Self::new(Kind::Auth, message).hint("sign in with `mshub auth login`"),
            Pending { .. } => Self::new(Kind::Pending, message),
            Integrity { .. } => Self::new(Kind::Integrity, message).hint("fetch it again"),
            Io { .. } => Self::new(Kind::LocalIo, message),
            Protocol(_) => Self::new(Kind::Other, message)
                .hint("check that --server is the address of a hub, and of about the same version"),
            InvalidServer { .. } => Self::usage(message).hint("an address looks like http://127.0.0.1:8000"),
        }
    }
}

impl From<Problem> for CliError {
    fn from(problem: Problem) -> Self {
        use wire::Code::{InvalidRefresh, TokenExpired, Unauthenticated, Unverified};
        let hint = problem.hint.clone().or_else(|| match problem.known()? {
            Unauthenticated | TokenExpired | InvalidRefresh => {
                Some("sign in with `mshub auth login`".to_owned())
            }
            Unverified => {
                Some("follow the link in the mail, or ask for another with `mshub auth resend`".to_owned())
            }
            _ => None,
        });
        let message = if problem.detail.is_empty() { problem.title.clone() } else { problem.detail.clone() };
        Self { kind: Kind::of_status(problem.status), message, hint, problem: Some(Box::new(problem)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hubs_refusals_have_the_exit_codes_of_the_contract() {
        let exit = |code: wire::Code| CliError::from(Problem::new(code, "x")).kind.exit_code();

        assert_eq!(exit(wire::Code::NotFound), 3);
        assert_eq!(exit(wire::Code::WrongCredentials), 4);
        assert_eq!(exit(wire::Code::Forbidden), 4);
        assert_eq!(exit(wire::Code::NameTaken), 5);
        assert_eq!(exit(wire::Code::RateLimited), 6);
        assert_eq!(exit(wire::Code::UnsupportedPair), 11);
        assert_eq!(exit(wire::Code::TooLarge), 11);
        assert_eq!(exit(wire::Code::UpstreamDown), 12);
    }

    #[test]
    fn a_failure_of_ours_has_a_code_and_no_status() {
        let report = serde_json::to_value(CliError::from(client::Error::SignedOut).report()).unwrap();

        assert_eq!(report["error"]["code"], "MSH-0004");
        assert_eq!(report["error"]["status"], serde_json::Value::Null);
        assert_eq!(report["error"]["exit_code"], 4);
    }
}
