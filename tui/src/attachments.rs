//! The files of a message, as lines below its text.

use wire::files::File;

use crate::text;

/// The text of a message, already cleaned, with a line for each of its files: name and size.
pub fn below(text: String, files: &[File]) -> String {
    let files = files.iter().map(|file| {
        let name = text::clean_line(&file.name);
        format!("▤ {name}  {}", text::bytes(file.bytes))
    });
    Some(text).filter(|text| !text.is_empty()).into_iter().chain(files).collect::<Vec<_>>().join("\n")
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
