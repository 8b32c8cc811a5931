//! What people read: the help of every command, its manual pages and completions.

#[cfg(all(feature = "up", feature = "local"))]
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
    process::Command,
};

use crate::command::Person;

/// The help of a command and of everything below it.
#[cfg(all(feature = "up", feature = "local"))]
fn collect(command: &mut clap::Command, path: &str, text: &mut String) {
    let help = command.render_long_help();
    writeln!(text, "═══ {path}\n{help}").unwrap();
    for below in command.get_subcommands_mut().filter(|below| below.get_name() != "help") {
        let path = format!("{path} {}", below.get_name());
        collect(below, &path, text);
    }
}

/// The tree without what differs between machines.
fn tree() -> clap::Command {
    fn steady(command: clap::Command) -> clap::Command {
        let args: Vec<clap::Id> = command.get_arguments().map(|arg| arg.get_id().clone()).collect();
        let command =
            args.iter().fold(command, |command, id| command.mut_arg(id, |arg| arg.hide_env_values(true)));
        let below: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
        below.iter().fold(command, |command, name| command.mut_subcommand(name, steady))
    }
    let mut tree = steady(mshub::args::tree()).term_width(100);
    tree.build();
    tree
}

#[cfg(all(feature = "up", feature = "local"))]
#[test]
fn the_help_of_every_command() {
    let mut text = String::new();
    collect(&mut tree(), "mshub", &mut text);
    // The same help of the options of every command, once.
    let everywhere = text.find("\nEverywhere:").map(|at| &text[at..]).unwrap();
    let everywhere = everywhere[..everywhere.find("\n\nExamples").unwrap()].to_owned();
    let text = text.replacen(&everywhere, "\n<<everywhere>>", usize::MAX).replacen(
        "\n<<everywhere>>",
        &everywhere,
        1,
    );

    insta::assert_snapshot!(text);
}

#[test]
fn every_command_answers_help_without_escape_codes() {
    let person = Person::at("http://127.0.0.1:9");
    let mut paths = Vec::new();
    fn walk(command: &clap::Command, path: Vec<String>, paths: &mut Vec<Vec<String>>) {
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            walk(below, [path.clone(), vec![below.get_name().to_owned()]].concat(), paths);
        }
        paths.push(path);
    }
    walk(&tree(), Vec::new(), &mut paths);

    // Starting the program takes a moment; these are enough to see that help reaches stdout as plain text.
    for path in paths.iter().filter(|path| path.len() <= 1) {
        let line: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let done = person.run(&line);
        assert_eq!(done.code, 0, "{line:?}");
        assert!(done.text().contains("Usage: mshub") && !done.text().contains('\u{1b}'), "{line:?}");
    }
}

#[test]
fn the_manual_page_is_printed() {
    let main = Person::at("http://127.0.0.1:9").run(&["man"]);

    assert!(main.text().starts_with(".ie") && main.text().is_ascii());
    for section in ["SYNOPSIS", "SUBCOMMANDS", "EXAMPLES", "\"EXIT STATUS\"", "ENVIRONMENT", "FILES"] {
        assert!(main.text().contains(&format!(".SH {section}\n")), "{section}: {}", main.text());
    }
}

/// The pages of a build with everything, as they stand in `man/`; `UPDATE=1` rewrites them.
#[cfg(all(feature = "up", feature = "local"))]
#[test]
fn the_manual_pages_are_fresh() {
    let person = Person::at("http://127.0.0.1:9");
    assert_eq!(person.run(&["man", "--out-dir", "pages"]).code, 0);
    let pages = |folder: &Path| -> BTreeMap<String, String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let named = entries.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path));
        named.map(|(name, path)| (name, fs::read_to_string(path).unwrap())).collect()
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../man");
    let made = pages(&person.folder().join("pages"));
    let mut kept = pages(&folder);
    // The only one that a person writes.
    assert!(kept.remove("mshub-protocol.7").is_some());

    if std::env::var_os("UPDATE").is_some() {
        kept.keys()
            .filter(|name| !made.contains_key(*name))
            .for_each(|name| fs::remove_file(folder.join(name)).unwrap());
        made.iter().for_each(|(name, text)| fs::write(folder.join(name), text).unwrap());
        return;
    }
    let names: BTreeSet<_> = made.keys().chain(kept.keys()).collect();
    let stale: Vec<_> = names.into_iter().filter(|name| made.get(*name) != kept.get(*name)).collect();
    assert!(stale.is_empty(), "stale: run UPDATE=1 cargo test -p mshub manual, and commit man/: {stale:?}");
}

/// A page that a formatter warns about looks wrong somewhere. Where there is no groff, nothing is checked.
#[cfg(all(feature = "up", feature = "local"))]
#[test]
fn a_formatter_has_nothing_to_say_about_the_manual_pages() {
    if Command::new("groff").arg("--version").output().is_err() {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../man");
    let pages: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();

    let read = Command::new("groff").args(["-mandoc", "-Tascii", "-ww", "-z"]).args(&pages).output().unwrap();

    assert_eq!(String::from_utf8_lossy(&read.stderr), "");
}

#[test]
fn completions_are_there_for_the_usual_shells() {
    let person = Person::at("http://127.0.0.1:9");

    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let done = person.run(&["completions", shell]);
        assert!(done.code == 0 && done.text().contains("convert"), "{shell}");
    }
}
