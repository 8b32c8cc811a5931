//! Where settings come from: the environment, and `config.toml` with the saved hubs.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy as _;
use serde::{Deserialize, Serialize};

use crate::error::{CliError, Kind};

/// What the environment says. Read once, here.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `MSHUB_SERVER`.
    pub server: Option<String>,
    /// `MSHUB_CONTEXT`.
    pub context: Option<String>,
    /// `MSHUB_TOKEN`: an access token from outside.
    pub token: Option<String>,
    /// `MSHUB_CONFIG_DIR`: settings and state both live below it.
    pub config_dir: Option<PathBuf>,
    /// `PATH`: where LibreOffice may be.
    pub path: Option<OsString>,
}

/// The variables that every command looks at, and what each means.
pub const VARIABLES: &[(&str, &str)] = &[
    ("MSHUB_SERVER", "The hub's address, where --server does not say."),
    ("MSHUB_CONTEXT", "The saved hub to use, where --context does not say."),
    ("MSHUB_TOKEN", "An access token; it is used as it is, never renewed and never stored."),
    ("MSHUB_CONFIG_DIR", "A folder for settings and state; the keyring is left alone then."),
    ("NO_COLOR", "When not empty: no colour."),
];

/// Where things are kept when MSHUB_CONFIG_DIR does not say.
pub const FILES: &[(&str, &str)] = &[
    ("$XDG_CONFIG_HOME/mshub/config.toml", "Saved hubs: see mshub.toml(5)."),
    ("$XDG_STATE_HOME/mshub/sessions", "Sessions; their secrets are in the keyring where there is one."),
    ("$XDG_DATA_HOME/mshub", "The data of `mshub up`."),
];

impl Environment {
    /// The environment of this process. Empty variables count as absent.
    pub fn of_process() -> Self {
        let read = |name| env::var(name).ok().filter(|value: &String| !value.is_empty());
        Self {
            server: read("MSHUB_SERVER"),
            context: read("MSHUB_CONTEXT"),
            token: read("MSHUB_TOKEN"),
            config_dir: env::var_os("MSHUB_CONFIG_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from),
            path: env::var_os("PATH"),
        }
    }

    /// The file with the saved hubs.
    pub fn config_file(&self) -> Result<PathBuf, CliError> {
        let dir = match &self.config_dir {
            Some(dir) => dir.clone(),
            None => home()?.config_dir().join("mshub"),
        };
        Ok(dir.join("config.toml"))
    }

    /// The folder of sessions.
    pub fn sessions_dir(&self) -> Result<PathBuf, CliError> {
        Ok(self.state_dir()?.join("sessions"))
    }

    /// The folder of outboxes, one below it for each account.
    pub fn outboxes_dir(&self) -> Result<PathBuf, CliError> {
        Ok(self.state_dir()?.join("outbox"))
    }

    /// The folder of what was verified of rooms.
    pub fn verified_dir(&self) -> Result<PathBuf, CliError> {
        Ok(self.state_dir()?.join("verified"))
    }

    fn state_dir(&self) -> Result<PathBuf, CliError> {
        if let Some(dir) = &self.config_dir {
            return Ok(dir.join("state"));
        }
        let home = home()?;
        Ok(home.state_dir().unwrap_or_else(|| home.data_dir()).join("mshub"))
    }
}

fn home() -> Result<impl etcetera::BaseStrategy, CliError> {
    etcetera::base_strategy::choose_base_strategy().map_err(|why| {
        CliError::new(Kind::LocalIo, format!("no home folder: {why}"))
            .hint("set MSHUB_CONFIG_DIR to a folder")
    })
}

/// A key of `config.toml`, as its manual tells it.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its place; NAME stands for any name.
    pub name: &'static str,
    /// What it may be.
    pub kind: &'static str,
    /// What holds without it.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

/// Every key of `config.toml`.
pub const KEYS: &[Key] = &[
    Key {
        name: "contexts.NAME.server",
        kind: "string, an address",
        default: "none",
        meaning: "The hub that is called NAME: http://HOST:PORT or https://HOST. `mshub context add` writes it.",
    },
    Key {
        name: "current",
        kind: "string, the name of a context",
        default: "none",
        meaning: "The context that is used when nothing else is said. `mshub context use` writes it.",
    },
];

/// `config.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The context that is used when nothing else is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// Saved hubs by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub contexts: BTreeMap<String, Context>,
}

/// A saved hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// Its address.
    pub server: String,
}

impl Config {
    /// Reads the file; without one there is nothing saved. A mistake in it is an error that shows the line.
    pub fn read(path: &Path) -> Result<Self, CliError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(why) => return Err(CliError::io(format!("cannot read {}", path.display()))(why)),
        };
        toml::from_str(&text).map_err(|why| {
            CliError::usage(format!("{}: {why}", path.display()))
                .hint("correct the file, or remove it to begin anew")
        })
    }

    /// Writes the file whole, or not at all.
    pub fn write(&self, path: &Path) -> Result<(), CliError> {
        let failed = || format!("cannot write {}", path.display());
        let text = toml::to_string_pretty(self).map_err(|why| CliError::new(Kind::Other, why.to_string()))?;
        let dir = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(dir).map_err(CliError::io(failed()))?;
        let mut beside = tempfile::NamedTempFile::new_in(dir).map_err(CliError::io(failed()))?;
        io::Write::write_all(&mut beside, text.as_bytes()).map_err(CliError::io(failed()))?;
        beside.persist(path).map_err(|why| CliError::io(failed())(why.error))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep").join("config.toml");
        let mut config = Config { current: Some("work".into()), ..Config::default() };
        config.contexts.insert("work".into(), Context { server: "https://hub.example.org".into() });

        config.write(&path).unwrap();

        assert_eq!(Config::read(&path).unwrap(), config);
        assert_eq!(Config::read(&dir.path().join("none.toml")).unwrap(), Config::default());
    }

    #[test]
    fn every_key_is_in_the_manual() {
        let mut config = Config { current: Some("NAME".into()), ..Config::default() };
        config.contexts.insert("NAME".into(), Context { server: "https://hub.example.org".into() });
        let mut names = Vec::new();
        fn walk(value: &toml::Value, path: &str, names: &mut Vec<String>) {
            let Some(table) = value.as_table() else { return names.push(path.to_owned()) };
            table
                .iter()
                .for_each(|(key, value)| walk(value, format!("{path}.{key}").trim_start_matches('.'), names));
        }

        walk(&toml::Value::try_from(&config).unwrap(), "", &mut names);

        names.sort();
        assert_eq!(names, KEYS.iter().map(|key| key.name).collect::<Vec<_>>());
    }

    #[test]
    fn a_mistake_is_shown_with_its_file_and_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        fs::write(&path, "current = \"work\"\ncolour = true\n").unwrap();

        let error = Config::read(&path).unwrap_err();

        assert_eq!(error.kind, Kind::Usage);
        assert!(error.message.contains("config.toml") && error.message.contains("line 2"), "{error}");
    }
}
