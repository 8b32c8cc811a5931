//! The readable text of an HTML page: tags away, blocks on lines of their own, entities decoded.

/// Elements whose content is not text for a reader.
const SILENT: [&str; 6] = ["script", "style", "template", "noscript", "title", "svg"];
/// Elements that begin and end on a line of their own.
pub(super) const BLOCKS: [&str; 31] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "li",
    "main",
    "nav",
    "ol",
    "p",
    "section",
    "table",
    "ul",
];

/// Text of a page in reading order. Cells of a table row are separated by tabs, list items begin with `- `.
pub(super) fn text_of_html(html: &str) -> String {
    let mut text = Text::default();
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        text.push(&rest[..open]);
        rest = &rest[open..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        if !rest[1..].starts_with(|next: char| next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?'))
        {
            text.push("<");
            rest = &rest[1..];
            continue;
        }
        let Some(end) = tag_end(rest) else { break };
        let tag = &rest[1..end];
        rest = &rest[end + 1..];
        let name: String = tag
            .trim_start_matches('/')
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric())
            .collect::<String>()
            .to_ascii_lowercase();
        if SILENT.contains(&name.as_str()) && !tag.starts_with('/') && !tag.ends_with('/') {
            rest = after_closing(rest, &name);
            continue;
        }
        text.tag(&name, tag.starts_with('/'));
    }
    text.push(rest);
    text.finish()
}

/// Where a tag ends; a `>` inside a quoted attribute does not end it.
pub(super) fn tag_end(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, letter) in tag.char_indices() {
        match (quote, letter) {
            (None, '>') => return Some(at),
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), letter) if open == letter => quote = None,
            _ => {}
        }
    }
    // An unclosed quote would swallow the page: then the first bracket is the end.
    tag.find('>')
}

fn after_closing<'a>(html: &'a str, name: &str) -> &'a str {
    let lower = html.to_ascii_lowercase();
    match lower.find(&format!("</{name}")) {
        Some(at) => html[at..].find('>').map_or("", |end| &html[at + end + 1..]),
        None => "",
    }
}

#[derive(Default)]
struct Text {
    out: String,
    preformatted: u32,
}

impl Text {
    fn push(&mut self, raw: &str) {
        let text = decode_entities(raw);
        if self.preformatted > 0 {
            self.out.push_str(&text);
            return;
        }
        for letter in text.chars() {
            if letter.is_whitespace() && letter != '\u{a0}' {
                if !self.out.is_empty() && !self.out.ends_with([' ', '\n', '\t']) {
                    self.out.push(' ');
                }
            } else {
                self.out.push(letter);
            }
        }
    }

    fn tag(&mut self, name: &str, closing: bool) {
        match name {
            "br" => self.out.push('\n'),
            "td" | "th" if closing => self.out.push('\t'),
            "tr" => self.line(),
            "pre" => {
                self.line();
                self.preformatted =
                    if closing { self.preformatted.saturating_sub(1) } else { self.preformatted + 1 };
            }
            "li" if !closing => {
                self.line();
                self.out.push_str("- ");
            }
            name if BLOCKS.contains(&name) => {
                self.line();
                let heading = name.len() == 2 && name.starts_with('h');
                if (matches!(name, "p" | "table" | "ul" | "ol") && closing) || heading {
                    self.blank_line();
                }
            }
            _ => {}
        }
    }

    fn line(&mut self) {
        self.out.truncate(self.out.trim_end_matches([' ', '\t']).len());
        if !self.out.is_empty() && !self.out.ends_with('\n') && !self.out.ends_with("\n- ") {
            self.out.push('\n');
        }
    }

    fn blank_line(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    fn finish(mut self) -> String {
        self.out.truncate(self.out.trim_end().len());
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out
    }
}

/// Named entities that real pages use, and all numeric ones.
fn decode_entities(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.char_indices().take(32).find(|(_, letter)| *letter == ';').map(|(end, _)| end);
        match end.and_then(|end| Some((end, entity(&rest[1..end])?))) {
            Some((end, letter)) => {
                out.push(letter);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// The letter that an entity stands for, by its name or number.
pub(super) fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "shy" => '\u{ad}',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "bull" => '•',
        "middot" => '·',
        "copy" => '©',
        "reg" => '®',
        "trade" => '™',
        "deg" => '°',
        "euro" => '€',
        "pound" => '£',
        "sect" => '§',
        "laquo" => '«',
        "raquo" => '»',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "times" => '×',
        "rarr" => '→',
        "larr" => '←',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "Auml" => 'Ä',
        "Ouml" => 'Ö',
        "Uuml" => 'Ü',
        "szlig" => 'ß',
        "eacute" => 'é',
        "egrave" => 'è',
        "agrave" => 'à',
        "ccedil" => 'ç',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_lists_and_cells_become_lines() {
        let html = "<h1>Tea</h1><p>Hot &amp; strong</p><ul><li>Assam</li><li>Darjeeling</li></ul>\
                    <table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>";

        let text = text_of_html(html);

        assert_eq!(text, "Tea\n\nHot & strong\n\n- Assam\n- Darjeeling\n\na\tb\nc\n");
    }

    #[test]
    fn scripts_comments_and_attributes_are_not_text() {
        let html = "<p title='a > b'>x<script>alert('<p>no</p>')</script><!-- no --> y</p>";
        assert_eq!(text_of_html(html), "x y\n");
    }

    #[test]
    fn broken_markup_loses_no_text() {
        assert_eq!(text_of_html("1 < 2 &unknown; &#x41;"), "1 < 2 &unknown; A\n");
        assert_eq!(text_of_html("a <b"), "a <b\n");
    }
}
