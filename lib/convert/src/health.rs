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
    (State::Ready, format!("part of mshub, a process a document; {}", locked_up(sandbox_level())))
}

fn locked_up(level: &str) -> &'static str {
    match level {
        "landlock" => "locked up by Landlock and limits",
        "landlock-files" => "locked up by Landlock and limits, but for TCP: a kernel from 6.7 on forbids it",
        _ => "held by limits only: this kernel has no Landlock, files and network are open to it",
    }
}

pub(crate) fn of_office(office: Option<&Office>) -> (State, String) {
    match office {
        Some(office) => (State::Ready, format!("{}; {}", office.told(), locked_up(sandbox_level()))),
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
        assert_eq!(locked_up("landlock"), "locked up by Landlock and limits");
        assert!(locked_up("landlock-files").contains("but for TCP"));
        assert!(locked_up("limits").contains("files and network are open"));
        assert!(of_builtin().1.ends_with(locked_up(sandbox_level())));
    }
}
