//! The page of each command, in section 1.

use clap::Command;
use clap_mangen::Man;

use super::{Page, keys, variables};
use crate::{
    config::{FILES, VARIABLES},
    error::Kind,
};

/// The heading of the options that every command takes; they are told once, in mshub(1).
const EVERYWHERE: &str = "Everywhere";

/// The command tree as the pages tell it: without `help`, and with the options of every command at its root only.
pub(super) fn tree(root: Command) -> Command {
    fn plain(command: Command) -> Command {
        let below: Vec<_> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
        let command = command.disable_help_subcommand(true);
        below.iter().fold(command, |command, name| command.mut_subcommand(name, plain))
    }
    fn told_once(command: Command) -> Command {
        let everywhere: Vec<_> = command
            .get_arguments()
            .filter(|arg| arg.get_help_heading() == Some(EVERYWHERE))
            .map(|arg| arg.get_id().clone())
            .collect();
        let command =
            everywhere.iter().fold(command, |command, id| command.mut_arg(id, |arg| arg.hide(true)));
        below_of(command, told_once)
    }
    fn below_of(command: Command, change: fn(Command) -> Command) -> Command {
        let below: Vec<_> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
        below.iter().fold(command, |command, name| command.mut_subcommand(name, change))
    }
    let mut tree = plain(root);
    tree.build();
    below_of(tree, told_once)
}

/// The pages of a command and of what is below it, as `mshub-auth-login` and so on.
pub(super) fn pages(command: &Command, name: &str) -> Vec<Page> {
    let below = command.get_subcommands().filter(|below| !below.is_hide_set());
    let below = below.flat_map(|below| pages(below, &format!("{name}-{}", below.get_name())));
    std::iter::once(page(command, name)).chain(below).collect()
}

/// The page of one command.
pub(super) fn page(command: &Command, name: &str) -> Page {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut page = Page::new(name, 1, &about);
    generated(&mut page, command);
    if let Some(examples) = command.get_after_help() {
        examples_of(&mut page, &examples.to_string());
    }
    if name == "mshub-tui" {
        keys::describe(&mut page);
    }
    exit_codes(&mut page);
    if name == "mshub" {
        surroundings(&mut page);
    } else {
        if command.get_arguments().any(|arg| arg.get_env().is_some() && !arg.is_hide_set()) {
            page.heading("ENVIRONMENT");
            variables(&mut page, command);
        }
        page.heading("SEE ALSO");
        page.paragraphs("mshub(1), which has the options of every command, mshub-errors(7)");
    }
    page
}

fn exit_codes(page: &mut Page) {
    page.heading("EXIT STATUS");
    page.item("0", "it was done");
    for kind in Kind::ALL {
        page.item(&kind.exit_code().to_string(), kind.meaning());
    }
}

/// Where the program looks, besides at its command line.
fn surroundings(page: &mut Page) {
    page.heading("ENVIRONMENT");
    for (variable, meaning) in VARIABLES {
        page.item(variable, meaning);
    }
    page.heading("FILES");
    for (file, meaning) in FILES {
        page.item(file, meaning);
    }
    page.heading("SEE ALSO")
        .paragraphs("mshub.toml(5), mshub-errors(7), mshub-metrics(7), mshub-protocol(7)");
}

/// The sections that clap's generator knows how to make.
fn generated(page: &mut Page, command: &Command) {
    let man = Man::new(command.clone());
    let mut text = Vec::new();
    let made =
        man.render_synopsis_section(&mut text).and_then(|()| man.render_description_section(&mut text));
    let made = made.and_then(|()| match command.get_arguments().any(|arg| !arg.is_hide_set()) {
        true => man.render_options_section(&mut text),
        false => Ok(()),
    });
    made.and_then(|()| match command.has_subcommands() {
        true => man.render_subcommands_section(&mut text),
        false => Ok(()),
    })
    .expect("a vector takes everything");
    page.add_rendered(std::str::from_utf8(&text).expect("roff is text"));
}

/// What stands behind the options in `--help`: text, examples below a line that says so, and text.
fn examples_of(page: &mut Page, text: &str) {
    let text = text.replace("Example:\n", "Examples:\n");
    let (before, examples) = text.split_once("Examples:\n").unwrap_or((&text, ""));
    let (examples, after) = examples.split_once("\n\n").unwrap_or((examples, ""));
    let notes = format!("{}\n\n{}", before.trim(), after.trim());
    if !notes.trim().is_empty() {
        page.heading("NOTES").paragraphs(&notes);
    }
    if !examples.is_empty() {
        let lines: Vec<_> = examples.lines().map(|line| line.strip_prefix("  ").unwrap_or(line)).collect();
        page.heading("EXAMPLES").verbatim(&lines.join("\n"));
    }
}
