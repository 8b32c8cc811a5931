//! Presentations as an outline: a heading a slide, its lists and tables, and what the speaker says, in HTML, Markdown or text.

use std::fmt::Write;

use base64::Engine as _;

use crate::container::Container;
use crate::limits::MIB;
use crate::verify::Words;
use crate::{Error, Format, Request};

use super::deck::{self, Block, Deck, Slide};
use crate::builtin::html_text::text_of_html;
use crate::builtin::markdown::{self, escape};
use crate::builtin::{Output, source_words, unlocked};

/// All pictures of a page together.
const PICTURE_BYTES: usize = 24 * MIB as usize;

pub(in crate::builtin) fn convert(req: &Request) -> Result<Output, Error> {
    let mut container = Container::of(unlocked::read(req)?)?;
    let source = source_words::of_pptx(&mut container)?;
    let deck = deck::read(&mut container, req.to == Format::Html)?;
    let mut output = Output { source: Some(source), lost: lost(&deck, req.to), ..Output::default() };
    let html = html(&deck, &mut output.lost);
    let (bytes, readable) = match req.to {
        Format::Html => (html.clone(), text_of_html(&html)),
        Format::Md => {
            let text = markdown(&deck);
            let readable = text_of_html(&markdown::body(&text));
            (text, readable)
        }
        _ => (text_of_html(&html), text_of_html(&html)),
    };
    output.result = Some(Words::of(&readable));
    output.bytes = bytes.into_bytes();
    if deck.hidden > 0 {
        output.warnings.push(format!("hidden slides are left out ({})", deck.hidden));
    }
    Ok(output)
}

fn lost(deck: &Deck, to: Format) -> Vec<String> {
    let sum = |count: fn(&Slide) -> usize| deck.slides.iter().map(count).sum::<usize>();
    let pictures = |slide: &Slide| {
        let bare = |block: &&Block| matches!(block, Block::Picture { file: None, .. });
        slide.blocks.iter().filter(bare).count()
    };
    let unshown = if to == Format::Html { sum(pictures) } else { 0 };
    [
        (sum(|slide| slide.undrawn.charts), "charts"),
        (sum(|slide| slide.undrawn.diagrams), "SmartArt diagrams"),
        (sum(|slide| slide.undrawn.media), "sounds and films"),
        (unshown, "linked pictures, or of a kind no browser shows,"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{what} of the slides are left out ({count})"))
    .collect()
}

fn heading(slide: &Slide) -> String {
    if slide.title.is_empty() { format!("Slide {}", slide.number) } else { slide.title.clone() }
}

fn html(deck: &Deck, lost: &mut Vec<String>) -> String {
    let mut body = String::new();
    let (mut used, mut too_many) = (0, 0);
    for slide in &deck.slides {
        let _ = writeln!(body, "<section>\n<h2>{}</h2>", escape(&heading(slide)));
        let mut open = 0;
        for block in &slide.blocks {
            let wanted = if let Block::Text { level: Some(level), .. } = block { level + 1 } else { 0 };
            nest(&mut body, &mut open, wanted);
            match block {
                Block::Text { level, text } => {
                    let tag = if level.is_some() { "li" } else { "p" };
                    let _ = writeln!(body, "<{tag}>{}</{tag}>", escape(text).replace('\n', "<br>"));
                }
                Block::Table(rows) => table(&mut body, rows),
                Block::Picture { alt, file: Some((kind, bytes)), .. } => {
                    used += bytes.len();
                    if used > PICTURE_BYTES {
                        too_many += 1;
                        continue;
                    }
                    let data = base64::engine::general_purpose::STANDARD.encode(bytes);
                    let alt = escape(alt);
                    let _ = writeln!(body, "<p><img alt=\"{alt}\" src=\"data:{kind};base64,{data}\"></p>");
                }
                Block::Picture { .. } => {}
            }
        }
        nest(&mut body, &mut open, 0);
        if !slide.notes.is_empty() {
            body.push_str("<aside>\n<p>Notes:</p>\n");
            for note in &slide.notes {
                let _ = writeln!(body, "<p>{}</p>", escape(note).replace('\n', "<br>"));
            }
            body.push_str("</aside>\n");
        }
        body.push_str("</section>\n");
    }
    if too_many > 0 {
        lost.push(format!("pictures beyond {} MiB are left out ({too_many})", PICTURE_BYTES as u64 / MIB));
    }
    let title = deck.slides.first().map_or_else(String::new, heading);
    markdown::page(&title, &body)
}

/// Opens or closes lists until `wanted` of them are open.
fn nest(body: &mut String, open: &mut usize, wanted: usize) {
    while *open < wanted {
        body.push_str("<ul>\n");
        *open += 1;
    }
    while *open > wanted {
        body.push_str("</ul>\n");
        *open -= 1;
    }
}

fn table(body: &mut String, rows: &[Vec<String>]) {
    body.push_str("<table>\n");
    for row in rows {
        body.push_str("<tr>");
        for cell in row {
            let _ = write!(body, "<td>{}</td>", escape(cell).replace('\n', "<br>"));
        }
        body.push_str("</tr>\n");
    }
    body.push_str("</table>\n");
}

fn markdown(deck: &Deck) -> String {
    let mut out = String::new();
    for slide in &deck.slides {
        let _ = writeln!(out, "## {}\n", literal(&heading(slide)));
        let mut in_list = false;
        for block in &slide.blocks {
            let item = matches!(block, Block::Text { level: Some(_), .. });
            if in_list && !item {
                out.push('\n');
            }
            in_list = item;
            match block {
                Block::Text { level: Some(level), text } => {
                    let indent = "  ".repeat(*level);
                    let _ = writeln!(
                        out,
                        "{indent}- {}",
                        literal(text).replace('\n', &format!("\\\n{indent}  "))
                    );
                }
                Block::Text { level: None, text } => {
                    let _ = writeln!(out, "{}\n", literal(text).replace('\n', "\\\n"));
                }
                Block::Table(rows) => markdown_table(&mut out, rows),
                Block::Picture { alt, .. } if !alt.is_empty() => {
                    let _ = writeln!(out, "*[{}]*\n", literal(&alt.replace('\n', " ")));
                }
                Block::Picture { .. } => {}
            }
        }
        if in_list {
            out.push('\n');
        }
        for (at, note) in slide.notes.iter().enumerate() {
            let lead = if at == 0 { "> Notes: " } else { ">\n> " };
            let _ = writeln!(out, "{lead}{}", literal(note).replace('\n', "\\\n> "));
        }
        if !slide.notes.is_empty() {
            out.push('\n');
        }
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn markdown_table(out: &mut String, rows: &[Vec<String>]) {
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    for (at, row) in rows.iter().enumerate() {
        for column in 0..width {
            let cell = row.get(column).map(|cell| literal(cell)).unwrap_or_default();
            let _ = write!(out, "| {} ", cell.replace('|', "\\|").replace('\n', "<br>"));
        }
        out.push_str("|\n");
        if at == 0 {
            out.push_str(&"| --- ".repeat(width));
            out.push_str("|\n");
        }
    }
    out.push('\n');
}

/// Text that Markdown takes as it is written, line by line.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        let digits = line.chars().take_while(char::is_ascii_digit).count();
        for (place, letter) in line.chars().enumerate() {
            let special = matches!(letter, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '&' | '~')
                || (place == 0 && matches!(letter, '#' | '+' | '-' | '>' | '='))
                || (place == digits && digits > 0 && matches!(letter, '.' | ')'));
            if special {
                out.push('\\');
            }
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_markdown_would_read_is_escaped() {
        assert_eq!(literal("1. a*b\n# x_y"), "1\\. a\\*b\n\\# x\\_y");
        let readable = text_of_html(&markdown::body(&literal("1. *a* <b> [c](d) & e")));
        assert_eq!(readable.trim(), "1. *a* <b> [c](d) & e");
    }

    #[test]
    fn lists_nest_and_close() {
        let item = |level, text: &str| Block::Text { level: Some(level), text: text.into() };
        let slide = Slide { number: 1, blocks: vec![item(0, "a"), item(1, "b")], ..Slide::default() };
        let deck = Deck { slides: vec![slide], hidden: 0 };

        let html = html(&deck, &mut Vec::new());

        assert!(html.contains("<ul>\n<li>a</li>\n<ul>\n<li>b</li>\n</ul>\n</ul>\n"), "{html}");
        assert_eq!(markdown(&deck), "## Slide 1\n\n- a\n  - b\n");
    }
}
