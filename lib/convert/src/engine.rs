//! Who can convert: the engines by name, and what a caller may prefer of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An engine. Knowing one does not mean that it is here: see [`crate::Engines::health`].
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// Rust libraries and our own page renderers: always there.
    Builtin,
    /// LibreOffice of this machine, locked up: kept from one document to the next, or started for each.
    Libreoffice,
    /// A Gotenberg server.
    Gotenberg,
    /// Nutrient's processor, a service of somebody else.
    Nutrient,
    /// CloudConvert, a service of somebody else.
    Cloudconvert,
}

impl Engine {
    /// Every engine, the cheapest first.
    pub const ALL: [Engine; 5] =
        [Engine::Builtin, Engine::Libreoffice, Engine::Gotenberg, Engine::Nutrient, Engine::Cloudconvert];

    /// Whether the document leaves for somebody else's machines: not without consent.
    pub fn is_third_party(self) -> bool {
        matches!(self, Engine::Nutrient | Engine::Cloudconvert)
    }

    /// The name on the wire and on the command line.
    pub fn code(self) -> &'static str {
        match self {
            Engine::Builtin => "builtin",
            Engine::Libreoffice => "libreoffice",
            Engine::Gotenberg => "gotenberg",
            Engine::Nutrient => "nutrient",
            Engine::Cloudconvert => "cloudconvert",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// An engine name that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no engine; there are {list}", list = Engine::ALL.map(Engine::code).join(", "))]
pub struct UnknownEngine(pub String);

impl FromStr for Engine {
    type Err = UnknownEngine;

    fn from_str(name: &str) -> Result<Engine, UnknownEngine> {
        let found = Engine::ALL.into_iter().find(|engine| engine.code() == name);
        found.ok_or_else(|| UnknownEngine(name.to_owned()))
    }
}

/// Which of several engines is tried first.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prefer {
    /// The cheapest.
    #[default]
    Speed,
    /// The one that keeps most of the look.
    Fidelity,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_survives_display_and_serde() {
        for engine in Engine::ALL {
            assert_eq!(engine.to_string().parse(), Ok(engine));
            assert_eq!(serde_json::to_string(&engine).unwrap(), format!("\"{engine}\""));
        }
        assert!("word".parse::<Engine>().unwrap_err().to_string().contains("libreoffice"));
    }
}
