//! `mshub explain`: the catalogue of error codes, and the exit codes.

use clap::Args;
use serde::Serialize;
use wire::Code;

use crate::{
    error::{CliError, Kind},
    global::Global,
};

/// Explain an error code or an exit code; without one, list them all
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mshub explain MSH-4150
  mshub explain 7
  mshub explain --json | jq -r .code")]
pub struct ExplainArgs {
    /// The code as it was printed
    pub code: Option<String>,
}

/// What is known about a code.
#[derive(Serialize)]
pub(super) struct Entry {
    /// Such as `MSH-4010`.
    pub(super) code: String,
    /// One sentence that holds for every occurrence.
    pub(super) meaning: &'static str,
    /// The HTTP status, when the hub says it.
    pub(super) status: Option<u16>,
    /// What the program ends with.
    pub(super) exit_code: u8,
    /// Whether the same can succeed later.
    pub(super) retryable: bool,
    /// What to do next.
    pub(super) advice: &'static str,
}

impl Entry {
    fn of_hub(code: Code) -> Self {
        let error = CliError::from(wire::Problem::new(code, ""));
        let retryable = error.problem.as_ref().is_some_and(|problem| problem.retryable);
        let (name, status) = (code.name().to_owned(), Some(code.status()));
        let (exit_code, advice) = (error.kind.exit_code(), advice_of_hub(code));
        Self { code: name, meaning: code.title(), status, exit_code, retryable, advice }
    }

    fn of_program(kind: Kind) -> Self {
        let (code, exit_code) = (kind.code(), kind.exit_code());
        let (retryable, advice) = (kind.is_worth_repeating(), advice_of_program(kind));
        Self { code, meaning: kind.meaning(), status: None, exit_code, retryable, advice }
    }

    fn describe(&self) -> String {
        let from = match self.status {
            Some(status) => format!("The hub says so with HTTP status {status}."),
            None => "This program says so.".to_owned(),
        };
        let again =
            if self.retryable { "Trying again later can help." } else { "Trying again does not help." };
        let Self { code, meaning, exit_code, advice, .. } = self;
        format!("{code}: {meaning}\n{from} The exit code is {exit_code}. {again}\n{advice}")
    }
}

/// Prints one entry or all.
pub fn run(args: ExplainArgs, global: &Global) -> Result<(), CliError> {
    let Some(code) = args.code else {
        return global.out.list(
            &all(),
            &["CODE", "EXIT", "MEANING"],
            |entry| entry.code.clone(),
            |entry| vec![entry.code.clone(), entry.exit_code.to_string(), entry.meaning.to_owned()],
        );
    };
    let entry = find(&code).ok_or_else(|| {
        CliError::new(Kind::NotFound, format!("there is no code `{code}`"))
            .hint("`mshub explain` lists all; a newer hub may have more")
    })?;
    global.out.result(&entry, entry.meaning, || entry.describe())
}

/// What to do about a refusal of the hub, where the hub itself does not say.
fn advice_of_hub(code: Code) -> &'static str {
    match code {
        Code::BadRequest => "Compare the request with /docs of the hub; a hub that is older knows less.",
        Code::InvalidField => "Correct the fields that are named.",
        Code::WeakPassword => "Take a longer one; four unrelated words are good.",
        Code::InvalidVerification => {
            "Ask for another mail with `mshub auth resend`; only the newest link works, and once."
        }
        Code::WrongCredentials => "Type them again; nobody says which of the two is wrong.",
        Code::Unverified => "Follow the link in the mail, or ask for another with `mshub auth resend`.",
        Code::LoopbackOnly => "Run the command on the hub's own machine.",
        Code::InvalidLink => "Get a fresh link with `mshub job get`.",
        Code::ConsentNeeded => {
            "Allow it with `mshub profile set --allow-third-party true`, or take another engine or format."
        }
        Code::NameTaken => "Choose another name.",
        Code::WrongState => "Look at the conversion with `mshub job show`.",
        Code::UnsupportedPair => "`mshub formats` lists what can become what.",
        Code::Mislabelled => "Say what the file is with --from, or give it the right ending.",
        Code::EmptyFile => "Check that the program that wrote the file has finished.",
        Code::EncryptedFile => "Give the password, or save the document without one.",
        Code::CorruptFile => "Open it in the program that made it, and save it again.",
        Code::BombFile => "Split the document, or reduce what is in it.",
        Code::BadPhoto => "Take a PNG, JPEG or WebP picture that a viewer opens.",
        Code::OutcomeUnknown => {
            "Send it again with the same id (cid or Idempotency-Key): then it happens only once."
        }
        _ => advice_of_status(code.status()),
    }
}

/// What to do about any refusal with this HTTP status.
fn advice_of_status(status: u16) -> &'static str {
    match status {
        401 => "Sign in with `mshub auth login`.",
        403 => "Ask somebody who may, such as the owner of the room or an admin.",
        404 | 410 => "Check the name or id; of what you may not see, nobody says that it is there.",
        405 => "See /docs of the hub for what this path takes.",
        409 => "Look at what is there now, and decide anew.",
        413 => "Split it, or ask whoever runs the hub to raise the limit.",
        416 => "Fetch the file from its beginning.",
        429 => "Wait as long as Retry-After says.",
        500 => "Give the request id to whoever runs the hub: its log has the reason.",
        502..=504 => "Try again in a moment; whoever runs the hub looks at /readyz of its admin listener.",
        _ => "Do as its hint says.",
    }
}

/// What to do about a failure of this program.
fn advice_of_program(kind: Kind) -> &'static str {
    match kind {
        Kind::Other | Kind::Failed => "Read the message; it names what failed and why.",
        Kind::Usage => "See --help of the command.",
        Kind::NotFound => "Check the name or id.",
        Kind::Auth => "Sign in with `mshub auth login`.",
        Kind::Conflict => "Look at what is there now, and decide anew.",
        Kind::Rate => "Wait a little, and send less often.",
        Kind::Unreachable => {
            "Check --server and the network (`mshub doctor`), or start a hub with `mshub up`."
        }
        Kind::Pending => "Look again later (`mshub job watch`), or give it more time with --timeout.",
        Kind::Partial => "Repeat the command for those that failed; each is named.",
        Kind::Rejected => "Change the input as the message says.",
        Kind::Server => "Try again later; its log says more.",
        Kind::LocalIo => "Check the path, its permissions, and the space on the disk.",
        Kind::Integrity => "Fetch it again; if it stays so, something between here and the hub changes data.",
        Kind::Interrupted | Kind::Terminated | Kind::Killed(_) => {
            "Nothing: you asked for it. What was acknowledged is kept."
        }
        Kind::Closed => "Nothing.",
    }
}

/// Every code, those of the program first.
pub(super) fn all() -> Vec<Entry> {
    let of_program = Kind::ALL.iter().copied().map(Entry::of_program);
    of_program.chain(Code::ALL.iter().copied().map(Entry::of_hub)).collect()
}

/// An entry by name, by number, or by exit code.
fn find(code: &str) -> Option<Entry> {
    let digits = code.trim().trim_start_matches(['m', 'M']).trim_start_matches(['s', 'S']);
    let number: u32 = digits.trim_start_matches(['h', 'H']).trim_start_matches('-').parse().ok()?;
    let name = format!("MSH-{number:04}");
    all().into_iter().find(|entry| entry.code == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_however_it_is_written() {
        for written in ["MSH-4010", "msh-4010", "4010"] {
            assert_eq!(find(written).unwrap().exit_code, 4, "{written}");
        }
        assert_eq!(find("7").unwrap().code, "MSH-0007");
        assert_eq!(find("MSH-0130").unwrap().exit_code, 130);
        assert!(find("9999").is_none());
        assert!(find("soon").is_none());
    }
}
