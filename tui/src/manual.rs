//! What the help and the manual page tell, from the tables that the program itself goes by.

use crate::{
    commands::COMMANDS,
    keys::{self, Binding, Place},
};

/// What stands beside messages, rooms and people.
const SIGNS: &[(&str, &str)] = &[
    ("·", "typed, and not in the outbox yet"),
    ("◌ ✓ ✓✓", "on its way; kept for good; also in the database"),
    ("✗", "refused, and why; R sends it again"),
    ("@ and bold", "a message that names you"),
    ("── 5 new ──", "the unread begin here"),
    ("# ◆ @", "a room for all; by invitation; one person"),
    ("● ◐ ○", "here; away; not here"),
    ("5 @1", "five unread, one of them names you"),
];

/// Keys, commands or signs that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its heading.
    pub title: String,
    /// What is pressed, typed or shown, and what that means.
    pub rows: Vec<(String, String)>,
}

/// All parts; the places one comes from stand first, and what the signs there mean behind them.
pub fn parts(first: &[Place]) -> Vec<Part> {
    let everywhere = keys::BINDINGS.iter().filter(|line| is_everywhere(line)).map(row).collect();
    let everywhere = Part { title: "Everywhere".to_owned(), rows: everywhere };
    let rest = Place::ALL.into_iter().filter(|place| !first.contains(place) && *place != Place::Help);
    let (first, rest) = (first.iter().copied().flat_map(of_place), rest.flat_map(of_place));
    [everywhere].into_iter().chain(first).chain([signs()]).chain(rest).collect()
}

/// What keys do at a place, and where one writes what can be written.
fn of_place(place: Place) -> impl Iterator<Item = Part> {
    let title = format!("{} · {}", place.title(), place.mode());
    let rows = keys::of(place).filter(|line| !is_everywhere(line)).map(row).collect();
    let commands = (place == Place::Writing).then(commands);
    [Part { title, rows }].into_iter().chain(commands)
}

fn signs() -> Part {
    let rows = SIGNS.iter().map(|(sign, about)| ((*sign).to_owned(), (*about).to_owned()));
    Part { title: "Signs".to_owned(), rows: rows.collect() }
}

/// What can be written behind a slash.
fn commands() -> Part {
    let title = "Commands · Tab completes them; // begins a text with a slash".to_owned();
    let rows = COMMANDS.iter().map(|command| (command.usage(), command.about.to_owned()));
    Part { title, rows: rows.collect() }
}

fn is_everywhere(line: &Binding) -> bool {
    line.places.len() == Place::ALL.len()
}

fn row(line: &Binding) -> (String, String) {
    let names: Vec<String> = line.keys.iter().map(|key| key.label()).collect();
    (names.join(" "), line.about.to_owned())
}
