//! Why a conversion failed, sorted by what the caller can do about it.

use serde::{Deserialize, Serialize};

use crate::Sandbox;

/// The only error of this crate. Each message says what failed and what to do next.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Error {
    /// The input has no bytes.
    #[error("the file is empty; upload it again, it may have been cut off on the way")]
    Empty,
    /// The document asks for a password and none was given.
    #[error("the document is protected by a password; send the password along, or remove the protection")]
    Encrypted,
    /// A password was given and is not the right one.
    #[error("the password does not open the document; check it and try again")]
    WrongPassword,
    /// The document is damaged, or not what its format prescribes.
    #[error("the document is damaged: {detail}; open it in the program it came from and save it again")]
    Corrupt {
        /// What was found to be wrong, in one sentence.
        detail: String,
    },
    /// No engine here converts between these two formats.
    #[error("cannot convert {from} to {to}; {hint}")]
    Unsupported {
        /// The format of the input, or what is known of it.
        from: String,
        /// The wanted format.
        to: String,
        /// What would work instead.
        hint: String,
    },
    /// Only services of somebody else could do it, and nobody consented to send the document there.
    #[error(
        "{engines} would have to do it, a service of somebody else, and whoever uploaded the file does not allow that; allow it with `mshub profile set --allow-third-party true`"
    )]
    ConsentNeeded {
        /// Which.
        engines: String,
    },
    /// The name, or the format given by the caller, contradicts the content.
    #[error("the file says it is {said}, but its content is {found}; {}", relabel(found))]
    Mislabelled {
        /// What the name or the caller claims.
        said: String,
        /// What the bytes are.
        found: String,
    },
    /// The document would cost more memory, time or disk than one conversion may have.
    #[error("the document is too large to convert safely: {what}; split it or make it smaller")]
    LimitExceeded {
        /// Which limit, with both numbers.
        what: String,
    },
    /// The document has no such page.
    #[error("the document has {pages} pages, and {wanted} asks for others; name pages from 1 to {pages}")]
    NoSuchPage {
        /// What was asked for, as it was said.
        wanted: String,
        /// How many pages there are.
        pages: u32,
    },
    /// What the result is to be made of is not all there.
    #[error("a file that the result is made of is missing: {what}; mend that one first, or go on without it")]
    InputMissing {
        /// Which one, and why.
        what: String,
    },
    /// The caller was strict and something of the source is missing from the result.
    #[error("{}; convert without --strict to get the incomplete result, or use another engine", shortfall(*recall, lost))]
    LowFidelity {
        /// Share of the source's words found in the result, 0 to 1.
        recall: f64,
        /// What is missing in the best result, a sentence each; nothing from hubs of before this was said.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lost: Vec<String>,
    },
    /// The conversion was stopped at its deadline.
    #[error("the conversion took longer than {seconds} s and was stopped; try a smaller document")]
    Timeout {
        /// The deadline, in seconds.
        seconds: u64,
    },
    /// The converting process died. Ours did not.
    #[error(
        "the converter stopped unexpectedly: {detail}; try again, and report the document if it happens twice"
    )]
    Crashed {
        /// Signal or exit code, and the last lines it wrote.
        detail: String,
    },
    /// Whoever runs this wants such documents locked up better than this machine can.
    #[error(
        "such a document is converted only where it can be locked up at level {needs}, and here it is {has}; ask whoever runs the hub for a Linux with Landlock and seccomp"
    )]
    Exposed {
        /// What can be had.
        has: Sandbox,
        /// What is required.
        needs: Sandbox,
    },
    /// An engine outside of this process cannot be had right now.
    #[error("the engine {engine} does not answer: {detail}; try again later, or choose another engine")]
    EngineDown {
        /// Which.
        engine: String,
        /// What it answered, or that it did not.
        detail: String,
    },
    /// The caller cancelled the conversion.
    #[error("the conversion was cancelled")]
    Cancelled,
    /// Reading the input or writing the output failed.
    #[error("a file could not be read or written: {detail}; check the disk and try again")]
    Io {
        /// What the operating system said.
        detail: String,
    },
}

impl Error {
    /// The stable name of the error, such as `limit_exceeded`. The same as the `kind` in its JSON.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Empty => "empty",
            Error::Encrypted => "encrypted",
            Error::WrongPassword => "wrong_password",
            Error::Corrupt { .. } => "corrupt",
            Error::Unsupported { .. } => "unsupported",
            Error::ConsentNeeded { .. } => "consent_needed",
            Error::Mislabelled { .. } => "mislabelled",
            Error::LimitExceeded { .. } => "limit_exceeded",
            Error::NoSuchPage { .. } => "no_such_page",
            Error::InputMissing { .. } => "input_missing",
            Error::LowFidelity { .. } => "low_fidelity",
            Error::Timeout { .. } => "timeout",
            Error::Crashed { .. } => "crashed",
            Error::Exposed { .. } => "exposed",
            Error::EngineDown { .. } => "engine_down",
            Error::Cancelled => "cancelled",
            Error::Io { .. } => "io",
        }
    }

    /// Whether the document (or the request) is at fault, so that trying again with the same engine is useless.
    pub fn is_input(&self) -> bool {
        match self {
            Error::Empty
            | Error::Encrypted
            | Error::WrongPassword
            | Error::Corrupt { .. }
            | Error::Unsupported { .. }
            | Error::ConsentNeeded { .. }
            | Error::Mislabelled { .. }
            | Error::LimitExceeded { .. }
            | Error::NoSuchPage { .. }
            | Error::InputMissing { .. }
            | Error::LowFidelity { .. } => true,
            Error::Timeout { .. }
            | Error::Crashed { .. }
            | Error::Exposed { .. }
            | Error::EngineDown { .. }
            | Error::Cancelled
            | Error::Io { .. } => false,
        }
    }

    /// Whether another engine may do better. What is true of the document itself is true for every engine, but some
    /// repair what is damaged, and some read what others do not.
    pub(crate) fn is_of_the_engine(&self) -> bool {
        match self {
            Error::Corrupt { .. }
            | Error::Unsupported { .. }
            | Error::LowFidelity { .. }
            | Error::Timeout { .. }
            | Error::Crashed { .. }
            | Error::EngineDown { .. } => true,
            Error::Empty
            | Error::Encrypted
            | Error::WrongPassword
            | Error::ConsentNeeded { .. }
            | Error::Mislabelled { .. }
            | Error::LimitExceeded { .. }
            | Error::NoSuchPage { .. }
            | Error::InputMissing { .. }
            | Error::Exposed { .. }
            | Error::Cancelled
            | Error::Io { .. } => false,
        }
    }

    pub(crate) fn corrupt(detail: impl std::fmt::Display) -> Error {
        Error::Corrupt { detail: one_line(&detail.to_string()) }
    }

    pub(crate) fn limit(what: impl Into<String>) -> Error {
        Error::LimitExceeded { what: what.into() }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Error {
        Error::Io { detail: error.to_string() }
    }
}

fn shortfall(recall: f64, lost: &[String]) -> String {
    match lost {
        [] => format!("only {:.1} % of the words survived the conversion", recall * 100.0),
        lost => format!("the result is not whole: {}", lost.join(", ")),
    }
}

fn relabel(found: &str) -> String {
    match found.parse::<crate::Format>() {
        Ok(format) => format!("rename it, or say so with `--from {format}`"),
        Err(_) => "check that it is the file you meant".to_owned(),
    }
}

/// Library errors can quote the document: keep the first line, and not all of it.
fn one_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim().trim_end_matches('.');
    match line.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_the_kind_on_the_wire() {
        let errors = [
            Error::Empty,
            Error::corrupt("x"),
            Error::LowFidelity { recall: 0.5, lost: Vec::new() },
            Error::LowFidelity { recall: 1.0, lost: vec!["charts".into()] },
            Error::Timeout { seconds: 60 },
            Error::Exposed { has: Sandbox::Limits, needs: Sandbox::Full },
            Error::limit("x"),
        ];
        for error in errors {
            let json = serde_json::to_value(&error).unwrap();
            assert_eq!(json["kind"], error.code());
            assert_eq!(serde_json::from_value::<Error>(json).unwrap(), error);
        }
    }

    #[test]
    fn a_long_detail_is_cut_on_a_character() {
        let Error::Corrupt { detail } = Error::corrupt("ü".repeat(500)) else { panic!("not corrupt") };
        assert_eq!(detail.chars().count(), 201);
    }
}
