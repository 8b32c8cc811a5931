//! The flags of services of somebody else: where each is, and the key of whoever pays for it, in a file or not.

use std::path::PathBuf;

use convert::Key;
use platform::engines::OpenError;

use crate::config::server;

/// A service with the key of an account there.
#[derive(Clone, Debug)]
pub struct Service {
    /// Such as `https://api.nutrient.io`.
    pub url: String,
    /// Never shown.
    pub key: Key,
}

/// The flags of one service. Without a key it is not there.
macro_rules! service {
    ($name:ident, $engine:literal, $variable:literal, $url:literal, $about:literal) => {
        #[doc = $about]
        #[derive(clap::Args, Clone, Debug, Default)]
        pub(crate) struct $name {
            #[arg(id = concat!($engine, "-url"), long = concat!($engine, "-url"), value_parser = server)]
            #[arg(env = concat!($variable, "_URL"), default_value = $url, value_name = "URL")]
            #[arg(hide_env_values = true, help = concat!("Where ", $about, " is"))]
            url: String,
            #[arg(id = concat!($engine, "-key"), long = concat!($engine, "-key"), value_name = "KEY")]
            #[arg(env = concat!($variable, "_KEY"), hide_env_values = true)]
            #[arg(help = concat!("The key of an account at ", $about, ": with it, files of whoever consents may go there"))]
            key: Option<Key>,
            #[arg(id = concat!($engine, "-key-file"), long = concat!($engine, "-key-file"), value_name = "FILE")]
            #[arg(env = concat!($variable, "_KEY_FILE"), conflicts_with = concat!($engine, "-key"))]
            #[arg(help = concat!("A file that holds --", $engine, "-key"))]
            key_file: Option<PathBuf>,
        }

        impl $name {
            /// The service, if there is a key for it, read from its file if need be.
            pub(crate) fn read(&self) -> Result<Option<Service>, OpenError> {
                let Some(key) = key($engine, self.key.as_ref(), self.key_file.as_ref())? else { return Ok(None) };
                Ok(Some(Service { url: self.url.clone(), key }))
            }
        }
    };
}

service!(NutrientFlags, "nutrient", "MSHUB_NUTRIENT", "https://api.nutrient.io", "Nutrient's processor");
service!(
    CloudconvertFlags,
    "cloudconvert",
    "MSHUB_CLOUDCONVERT",
    "https://api.cloudconvert.com",
    "CloudConvert"
);

fn key(engine: &str, key: Option<&Key>, file: Option<&PathBuf>) -> Result<Option<Key>, OpenError> {
    // An empty variable counts as none.
    let Some(file) = file else { return Ok(key.filter(|key| !key.is_blank()).cloned()) };
    let refused = |why: String| {
        OpenError::Folder(format!("the file {} with the key of {engine} {why}", file.display()))
    };
    let text = std::fs::read_to_string(file).map_err(|why| refused(format!("cannot be read: {why}")))?;
    let key = Key::from(text.as_str());
    if key.is_blank() { Err(refused("is empty".to_owned())) } else { Ok(Some(key)) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        nutrient: NutrientFlags,
        #[command(flatten)]
        cloudconvert: CloudconvertFlags,
    }

    #[test]
    fn a_service_is_there_when_it_has_a_key_which_never_shows() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "sk-hunter2\n").unwrap();
        let read = |line: &[&str]| Program::try_parse_from([&["x"], line].concat());

        let program =
            read(&["--nutrient-key-file", file.to_str().unwrap(), "--cloudconvert-key", ""]).unwrap();
        let nutrient = program.nutrient.read().unwrap().unwrap();
        assert_eq!((nutrient.url.as_str(), &nutrient.key), ("https://api.nutrient.io", &"sk-hunter2".into()));
        assert!(program.cloudconvert.read().unwrap().is_none());
        let given =
            read(&["--cloudconvert-key", "sk-hunter2", "--cloudconvert-url", "http://here:1"]).unwrap();
        let shown = format!("{given:?} {:?} {nutrient:?}", given.cloudconvert.read().unwrap().unwrap());
        assert!(shown.contains("http://here:1") && !shown.contains("hunter2"), "{shown}");

        let gone = read(&["--nutrient-key-file", "/nowhere/key"]).unwrap().nutrient.read().unwrap_err();
        assert!(gone.to_string().contains("/nowhere/key"), "{gone}");
        assert!(read(&["--nutrient-key", "a", "--nutrient-key-file", "b"]).is_err());
        assert!(read(&["--nutrient-url", "gopher://x"]).is_err());
    }
}
