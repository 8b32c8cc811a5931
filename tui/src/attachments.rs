//! The files of a message, and what is made of one, as lines below its text.

use wire::{
    conversions::JobState,
    files::File,
    messages::{Card, UnderWay},
};

use crate::{text, widgets::progress};

/// Columns of a bar.
const BAR: usize = 12;

/// The text of a message, already cleaned, with a line for each of its files: name and size.
pub fn below<'a>(text: String, files: impl IntoIterator<Item = (&'a str, u64)>) -> String {
    let files = files.into_iter().map(|(name, bytes)| line(name, bytes));
    Some(text).filter(|text| !text.is_empty()).into_iter().chain(files).collect::<Vec<_>>().join("\n")
}

/// The same for files of a room.
pub fn of_room(files: &[File]) -> impl Iterator<Item = (&str, u64)> {
    files.iter().map(|file| (file.name.as_str(), file.bytes))
}

fn line(name: &str, bytes: u64) -> String {
    format!("▤ {}  {}", text::clean_line(name), text::bytes(bytes))
}

/// What somebody wants to be made of a file.
pub fn wish(source: &str, to: &str) -> String {
    format!("▤ {} → {}", text::clean_line(source), text::clean_line(to))
}

/// A conversion that was asked for in the room: from what, to what, how far it is, and what came of it.
pub fn card(source: &str, card: &Card, under_way: Option<&UnderWay>) -> String {
    let asked = wish(source, &card.to);
    let state = match card.state {
        JobState::Completed => card.result.as_ref().map_or("✓ done".to_owned(), |file| {
            format!("✓ {}  {}", text::clean_line(&file.name), text::bytes(file.bytes))
        }),
        JobState::Failed => {
            let why = card.error.as_ref().map(|error| text::clean_line(&error.detail)).unwrap_or_default();
            format!("✗ failed: {why}")
        }
        _ => under_way.map_or("◌ waits to be converted".to_owned(), moving),
    };
    let lost = card.lost.iter().map(|lost| format!("! missing: {}", text::clean_line(lost)));
    [asked, state].into_iter().chain(lost).collect::<Vec<_>>().join("\n")
}

/// How far a conversion is: a bar where something honest is known, else what is being done and how much of it is.
fn moving(at: &UnderWay) -> String {
    match (at.state, &at.progress, at.position) {
        (JobState::InProgress, Some(progress), _) => progress::words(progress, BAR),
        (JobState::InProgress, None, _) => "converting".to_owned(),
        (_, _, Some(before @ 1..)) => format!("◌ queued, {before} before it"),
        (_, _, Some(0)) => "◌ queued, next".to_owned(),
        _ => "◌ queued".to_owned(),
    }
}

/// How far the upload of a file is.
pub fn uploading(name: &str, sent: u64, total: u64) -> String {
    let (bar, percent) = (progress::bar(sent, total, BAR), progress::percent(sent, total));
    format!("{bar} {percent:>3} %  uploading {}", text::clean_line(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_its_line_and_no_name_steers_the_terminal() {
        let two = [("a.txt", 11_264), ("b", 11_264)];

        assert_eq!(below("look".into(), two), "look\n▤ a.txt  11 KiB\n▤ b  11 KiB");
        let steering = below(String::new(), [("a\u{1b}[2J\nb", 1)]);
        assert!(!steering.contains(['\u{1b}', '\n']), "{steering:?}");
    }
}
