//! What people read: the help of every command, its manual pages and completions.

#[cfg(all(feature = "up", feature = "local"))]
use std::fmt::Write as _;

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
fn manual_pages_are_written_for_every_command() {
    let person = Person::at("http://127.0.0.1:9");

    assert_eq!(person.run(&["man", "--out-dir", "man1"]).code, 0);
    let main = person.run(&["man"]);

    for page in ["mshub", "mshub-convert", "mshub-auth-login", "mshub-chat-tail"] {
        let text = std::fs::read_to_string(person.folder().join(format!("man1/{page}.1"))).unwrap();
        assert!(text.contains(".SH \"EXIT STATUS\"") && text.contains("Examples:"), "{page}: {text}");
    }
    assert!(main.text().starts_with(".ie"), "{}", &main.text()[..40]);
}

#[test]
fn completions_are_there_for_the_usual_shells() {
    let person = Person::at("http://127.0.0.1:9");

    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let done = person.run(&["completions", shell]);
        assert!(done.code == 0 && done.text().contains("convert"), "{shell}");
    }
}
