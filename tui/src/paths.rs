//! Paths as people type them and terminals drop them: quoted, with backslashes, or as `file:` addresses.

use std::path::PathBuf;

use client::Url;

/// More than this is no path that was dropped.
const LONGEST: usize = 16 * 1024;

/// A path that was typed or dropped into a field.
pub(crate) fn typed(text: &str) -> String {
    let text = text.trim();
    if let Some(path) = of_url(text) {
        return path;
    }
    let quoted = |mark: char| text.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark));
    quoted('\'').or(quoted('"')).unwrap_or(text).to_owned()
}

/// What a pasted text can mean as files, the likeliest first. Only full paths count: words are words.
pub(crate) fn dropped(text: &str) -> Vec<Vec<PathBuf>> {
    let text = text.trim();
    if text.is_empty() || text.len() > LONGEST {
        return Vec::new();
    }
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    // One path on each line, as it stands or as an address.
    let plain = lines.iter().map(|line| of_url(line).unwrap_or_else(|| (*line).to_owned()));
    // As a shell would read it: this is how most terminals quote.
    let words = shlex::split(text).unwrap_or_default();
    let words = words.into_iter().map(|word| of_url(&word).unwrap_or(word));
    let readings = [plain.collect::<Vec<_>>(), words.collect()];
    let full = |paths: &Vec<String>| {
        !paths.is_empty() && paths.iter().all(|path| path.starts_with('/') || path.starts_with("~/"))
    };
    readings.into_iter().filter(full).map(|paths| paths.into_iter().map(PathBuf::from).collect()).collect()
}

/// The path of a `file:` address.
fn of_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "file")?;
    url.to_file_path().ok()?.into_os_string().into_string().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_in_which_terminals_drop_a_file_is_understood() {
        let wanted = PathBuf::from("/tmp/my report.docx");
        for text in [
            "'/tmp/my report.docx' ",
            "/tmp/my\\ report.docx",
            "file:///tmp/my%20report.docx\r\n",
            "/tmp/my report.docx",
        ] {
            assert!(dropped(text).iter().any(|paths| *paths == [wanted.clone()]), "{text}");
        }
        let two = [PathBuf::from("/a b"), PathBuf::from("/c")];
        for text in ["'/a b' /c", "/a b\n/c\n", "file:///a%20b\nfile:///c"] {
            assert!(dropped(text).iter().any(|paths| *paths == two), "{text}");
        }
    }

    #[test]
    fn text_is_no_path() {
        for text in ["", "hello", "see /tmp/x", "https://example.org/a", "it's", "a\n/b"] {
            assert!(dropped(text).is_empty(), "{text}");
        }
        assert_eq!(typed(" '/tmp/a b' "), "/tmp/a b");
        assert_eq!(typed("file:///tmp/a%20b"), "/tmp/a b");
        assert_eq!(typed("a b"), "a b");
    }
}
