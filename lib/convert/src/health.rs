//! How the engines are: ready, resting or absent, and what to do about it.

use crate::libreoffice::Office;
use crate::remote::Remote;
use crate::{Engine, sandbox_level};

/// How one engine is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Which.
    pub engine: Engine,
    /// Whether it can be asked.
    pub state: State,
    /// Where it is, or what to do to have it, in a few words.
    pub detail: String,
}

/// Whether an engine can be asked.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It can.
    Ready,
    /// It failed lately, and is left alone for a while.
    Resting,
    /// It is not installed, or not configured.
    Absent,
}

/// State and detail of the builtin engine.
pub(crate) fn of_builtin() -> (State, String) {
    (State::Ready, format!("part of mshub, a process a document; {}", locked_up()))
}

fn locked_up() -> String {
    match sandbox_level() {
        "landlock" => "locked up by Landlock and limits".to_owned(),
        level => format!("locked up by {level} only"),
    }
}

pub(crate) fn of_office(office: Option<&Office>) -> (State, String) {
    match office {
        Some(office) => (State::Ready, format!("{}; {}", office.told(), locked_up())),
        None => (
            State::Absent,
            "install LibreOffice (Debian: libreoffice-writer, -calc, -impress) and start the hub again"
                .to_owned(),
        ),
    }
}

/// Of an engine that is a server, as far as there is one.
pub(crate) fn of_server(engine: Engine, server: Option<&Remote>) -> (State, String) {
    match (server, server.and_then(Remote::resting)) {
        (Some(server), None) => (State::Ready, server.shown()),
        (Some(server), Some(rest)) => (
            State::Resting,
            format!("{} failed too often, and is asked again in {} s", server.shown(), rest.as_secs() + 1),
        ),
        (None, _) if engine.is_third_party() => {
            (State::Absent, format!("give the key of an account there with --{engine}-key-file"))
        }
        (None, _) => (State::Absent, format!("name a server with --{engine}-url")),
    }
}
