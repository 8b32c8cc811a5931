//! How the engines are: ready, resting or absent, and what to do about it.

use crate::libreoffice::Office;
use crate::remote::Remote;
use crate::{Engine, Sandbox, sandbox_level};

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
    (State::Ready, format!("part of mshub, a process a document; {}", locked_up(sandbox_level())))
}

fn locked_up(level: Sandbox) -> &'static str {
    match level {
        Sandbox::Full => {
            "locked up: no network, no programs, and no files but the document, its result and fonts"
        }
        Sandbox::Landlock => {
            "locked up by Landlock and limits, but for the network: this kernel has no seccomp"
        }
        Sandbox::Limits => {
            "held by limits only: this kernel has no Landlock, files and network are open to it"
        }
    }
}

fn office_locked_up(level: Sandbox) -> &'static str {
    match level {
        Sandbox::Full => {
            "locked up: no network, no programs but its own, and no files but the document and its result"
        }
        level => locked_up(level),
    }
}

pub(crate) fn of_office(office: Option<&Office>) -> (State, String) {
    match office {
        Some(office) => (State::Ready, format!("{}; {}", office.told(), office_locked_up(sandbox_level()))),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_without_landlock_is_not_said_to_lock_anything_up() {
        assert!(locked_up(Sandbox::Full).contains("no network"));
        assert!(locked_up(Sandbox::Landlock).contains("but for the network"));
        assert!(locked_up(Sandbox::Limits).contains("files and network are open"));
        assert!(of_builtin().1.ends_with(locked_up(sandbox_level())));
    }
}
