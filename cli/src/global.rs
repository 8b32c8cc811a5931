//! What every command starts from: where the hub is, who speaks to it, and how to answer.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use client::{Hub, Options, Outbox, SessionStore, Url};

use crate::{
    args::GlobalArgs,
    config::{Config, Environment},
    error::{CliError, Kind},
    output::Output,
    prompt::Prompt,
};

/// Where a hub is looked for when nothing is said.
pub const DEFAULT_SERVER: &str = "http://127.0.0.1:8000";

/// The surroundings of a command. Making one reads no file.
#[derive(Clone, Debug)]
pub struct Global {
    /// Where results and notes go.
    pub out: Output,
    /// Where answers come from.
    pub prompt: Prompt,
    args: GlobalArgs,
    environment: Environment,
}

/// The hub that is meant, and who said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its address.
    pub server: Url,
    /// The context it is saved as, if it came from one.
    pub context: Option<String>,
    /// Who said so, as a word for people; nobody when it is this machine.
    pub source: Option<String>,
}

impl Target {
    /// The address as people write it, without a slash at its end.
    pub fn address(&self) -> &str {
        address(&self.server)
    }
}

impl Global {
    /// The surroundings as command line and environment say.
    pub fn new(args: GlobalArgs, environment: Environment) -> Self {
        let out = Output::new(&args);
        let prompt = Prompt::new(args.no_input, out.clone());
        Self { out, prompt, args, environment }
    }

    /// `--timeout`.
    pub fn timeout(&self) -> Option<Duration> {
        self.args.timeout
    }

    /// How often `-v` was given.
    pub fn verbosity(&self) -> u8 {
        self.args.verbose
    }

    /// The saved hubs.
    pub fn config(&self) -> Result<Config, CliError> {
        Config::read(&self.config_file()?)
    }

    /// Where they are saved.
    pub fn config_file(&self) -> Result<PathBuf, CliError> {
        self.environment.config_file()
    }

    /// LibreOffice's program on this machine, if there is one.
    #[cfg(feature = "local")]
    pub fn libreoffice(&self) -> Option<PathBuf> {
        ::convert::find_libreoffice(self.environment.path.as_deref()?)
    }

    /// Whether anything was ever set up here.
    pub fn is_configured(&self) -> bool {
        self.environment.server.is_some() || self.config().is_ok_and(|config| config != Config::default())
    }

    /// `--server`.
    pub fn given_server(&self) -> Option<&str> {
        self.args.server.as_deref()
    }

    /// The hub that is meant: `--server`, `--context`, MSHUB_SERVER, MSHUB_CONTEXT, the current context, this machine.
    pub fn target(&self) -> Result<Target, CliError> {
        let at = |server: &str, source: Option<&str>| {
            let source = source.map(str::to_owned);
            Ok(Target { server: parse_server(server)?, context: None, source })
        };
        if let Some(server) = &self.args.server {
            return at(server, Some("--server"));
        }
        if let Some(name) = &self.args.context {
            return self.saved(name, "--context");
        }
        if let Some(server) = &self.environment.server {
            return at(server, Some("MSHUB_SERVER"));
        }
        if let Some(name) = &self.environment.context {
            return self.saved(name, "MSHUB_CONTEXT");
        }
        match self.config()?.current {
            Some(name) => self.saved(&name, &self.config_file()?.display().to_string()),
            None => at(DEFAULT_SERVER, None),
        }
    }

    fn saved(&self, name: &str, source: &str) -> Result<Target, CliError> {
        let config = self.config()?;
        let context = config.contexts.get(name).ok_or_else(|| {
            CliError::new(Kind::NotFound, format!("there is no context `{name}`"))
                .hint(format!("add it with `mshub context add {name} --server URL`"))
        })?;
        let (context, server) = (Some(name.to_owned()), parse_server(&context.server)?);
        Ok(Target { server, context, source: Some(source.to_owned()) })
    }

    /// The hub that is meant, with the session that is kept for it.
    pub fn hub(&self) -> Result<Hub, CliError> {
        let server = self.target()?.server;
        let options = Options::default();
        if let Some(token) = &self.environment.token {
            return Ok(Hub::with_token(server, token.trim().to_owned(), options)?);
        }
        // Whoever names a folder wants everything in there, and nothing of the machine's.
        let keyring = !self.args.insecure_storage && self.environment.config_dir.is_none();
        let sessions = SessionStore::File { dir: self.environment.sessions_dir()?, keyring };
        Ok(Hub::new(server, sessions, options)?)
    }

    /// The outbox of the account that is signed in. What is damaged in it is told.
    pub async fn outbox(&self, hub: &Hub) -> Result<Outbox, CliError> {
        let outbox = hub.outbox(&self.environment.outboxes_dir()?).await?;
        outbox.list().await?;
        if let Some(warning) = outbox.take_warning().await {
            self.out.warn(warning)?;
        }
        Ok(outbox)
    }

    /// Where outboxes are kept.
    pub fn outboxes_dir(&self) -> Result<PathBuf, CliError> {
        self.environment.outboxes_dir()
    }

    /// Where is kept what was verified of rooms.
    pub fn verified_dir(&self) -> Result<PathBuf, CliError> {
        self.environment.verified_dir()
    }

    /// Whether MSHUB_TOKEN stands in for a session.
    pub fn has_given_token(&self) -> bool {
        self.environment.token.is_some()
    }
}

/// An address without the slash that URLs put at its end.
pub fn address(server: &Url) -> &str {
    server.as_str().trim_end_matches('/')
}

/// An address as people write it: without a scheme it is https, on this machine http.
pub fn parse_server(text: &str) -> Result<Url, CliError> {
    let text = text.trim();
    let whole = if text.contains("://") {
        text.to_owned()
    } else if is_here(text) {
        format!("http://{text}")
    } else {
        format!("https://{text}")
    };
    let refused = |why: &str| {
        CliError::usage(format!("`{text}` is not an address: {why}"))
            .hint(format!("an address looks like {DEFAULT_SERVER}"))
    };
    let url = Url::parse(&whole).map_err(|why| refused(&why.to_string()))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        scheme => Err(refused(&format!("a hub speaks http or https, and not {scheme}"))),
    }
}

fn is_here(address: &str) -> bool {
    let Ok(url) = Url::parse(&format!("http://{address}")) else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_scheme_is_safe_unless_it_is_here() {
        let parsed = |text| parse_server(text).unwrap().to_string();

        assert_eq!(parsed("localhost:8000"), "http://localhost:8000/");
        assert_eq!(parsed("[::1]:8000"), "http://[::1]:8000/");
        assert_eq!(parsed("hub.example.org"), "https://hub.example.org/");
        assert_eq!(parsed("http://hub.example.org"), "http://hub.example.org/");
        assert!(
            ["http://", "ftp://hub.example.org", "file:///hub"].map(parse_server).iter().all(Result::is_err)
        );
    }

    #[test]
    fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let environment = Environment { config_dir: Some(dir.path().to_owned()), ..Environment::default() };
        let target = |args: GlobalArgs, environment: &Environment| {
            let target = Global::new(args, environment.clone()).target().unwrap();
            format!("{} by {}", target.server, target.source.unwrap_or("nobody".into()))
        };
        let mut config = Config { current: Some("work".into()), ..Config::default() };
        config.contexts.insert("work".into(), crate::config::Context { server: "http://work".into() });

        assert_eq!(target(GlobalArgs::default(), &environment), "http://127.0.0.1:8000/ by nobody");
        config.write(&environment.config_file().unwrap()).unwrap();
        let file = environment.config_file().unwrap();
        assert_eq!(
            target(GlobalArgs::default(), &environment),
            format!("http://work/ by {}", file.display())
        );
        let with_server = Environment { server: Some("http://environment".into()), ..environment };
        assert_eq!(target(GlobalArgs::default(), &with_server), "http://environment/ by MSHUB_SERVER");
        let named = GlobalArgs { context: Some("work".into()), ..GlobalArgs::default() };
        assert_eq!(target(named, &with_server), "http://work/ by --context");
        let args = GlobalArgs { server: Some("http://line".into()), ..GlobalArgs::default() };
        assert_eq!(target(args, &with_server), "http://line/ by --server");
    }
}
