//! The files of a message, as lines below its text.

use wire::{files::File, messages::Card};

use crate::text;

/// The text of a message, already cleaned, with a line for each of its files: name and size.
pub fn below(text: String, files: &[File]) -> String {
    let files = files.iter().map(|file| {
        let name = text::clean_line(&file.name);
        format!("▤ {name}  {}", text::bytes(file.bytes))
    });
    Some(text).filter(|text| !text.is_empty()).into_iter().chain(files).collect::<Vec<_>>().join("\n")
}

/// A conversion that was asked for in the room: from what, to what, and what came of it.
pub fn card(source: &str, card: &Card) -> String {
    let why = card.error.iter().map(|error| format!(": {}", text::clean_line(&error.detail)));
    let lost = card.lost.iter().map(|lost| format!(" (missing: {})", text::clean_line(lost)));
    let rest: String = why.chain(lost).collect();
    let asked =
        format!("{} → {}: {}{rest}", text::clean_line(source), text::clean_line(&card.to), card.state.name());
    below(asked, card.result.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_its_line_and_no_name_steers_the_terminal() {
        let file = |name: &str| File {
            id: wire::FileId::new(),
            name: name.into(),
            bytes: 11_264,
            sha256: String::new(),
            media_type: "text/plain".into(),
        };

        assert_eq!(below("look".into(), &[file("a.txt"), file("b")]), "look\n▤ a.txt  11 KiB\n▤ b  11 KiB");
        let steering = below(String::new(), &[file("a\u{1b}[2J\nb")]);
        assert!(!steering.contains(['\u{1b}', '\n']), "{steering:?}");
    }
}
