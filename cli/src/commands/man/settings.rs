//! mshub.toml(5): the settings of the command line, and the environment of every program.

use clap::Command;

use super::{Page, variables};
use crate::config::{FILES, KEYS, VARIABLES};

const ABOUT: &str = "\
mshub needs no settings. It remembers the addresses of hubs as contexts in config.toml, which is written by `mshub \
context` and can be written by hand (TOML). Passwords and sessions are never in it. A key that nobody knows is an error \
that names its line.

Which hub is meant is decided by the first of these: --server, --context, MSHUB_SERVER, MSHUB_CONTEXT, the key current, \
and else http://127.0.0.1:8000.

The hub itself and its services have no file: they take options and environment variables, told below.";

const EXAMPLE: &str = "\
current = \"work\"

[contexts.work]
server = \"https://hub.example.org\"

[contexts.here]
server = \"http://127.0.0.1:8000\"";

/// The page; `tree` is the command tree.
pub(super) fn page(tree: &Command) -> Page {
    let mut page = Page::new("mshub.toml", 5, "settings of mshub, and the environment of its programs");
    page.heading("SYNOPSIS")
        .paragraphs("$XDG_CONFIG_HOME/mshub/config.toml, or config.toml in MSHUB_CONFIG_DIR");
    page.heading("DESCRIPTION").paragraphs(ABOUT);
    page.heading("KEYS");
    for key in KEYS {
        page.item(&format!("{} ({}; default: {})", key.name, key.kind, key.default), key.meaning);
    }
    page.heading("EXAMPLE").verbatim(EXAMPLE);
    page.heading("ENVIRONMENT OF EVERY COMMAND");
    for (variable, meaning) in VARIABLES {
        page.item(variable, meaning);
    }
    for (heading, command) in programs(tree) {
        page.heading(&heading);
        variables(&mut page, &command);
    }
    page.heading("FILES");
    for (file, meaning) in FILES {
        page.item(file, meaning);
    }
    page.heading("SEE ALSO").paragraphs("mshub(1), mshub-context(1), mshub-up(1)");
    page
}

/// The programs that take their settings from options and environment.
#[cfg(feature = "up")]
fn programs(tree: &Command) -> Vec<(String, Command)> {
    use clap::CommandFactory as _;
    let up = tree.find_subcommand("up").cloned().map(|up| ("ENVIRONMENT OF MSHUB UP".to_owned(), up));
    let services =
        [server::Flags::command(), convert_worker::Flags::command(), chat_worker::Flags::command()];
    let services =
        services.map(|service| (format!("ENVIRONMENT OF {}", service.get_name().to_uppercase()), service));
    up.into_iter().chain(services).collect()
}

#[cfg(not(feature = "up"))]
fn programs(_: &Command) -> Vec<(String, Command)> {
    Vec::new()
}
