//! The XML of one slide, or of its notes, as blocks in the order of its shapes.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::Error;

use super::deck::{Block, Slide};
use crate::builtin::html_text::entity;
use crate::builtin::parts::attributes;

/// What a shape is for (`p:ph`, 19.3.1.36).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Title,
    /// A list, unless a paragraph says otherwise.
    Body,
    /// A text box, a subtitle, a footer.
    Plain,
}

/// The paragraph that is being read.
#[derive(Default)]
struct Paragraph {
    text: String,
    level: usize,
    bullet: Option<bool>,
}

struct Reading {
    slide: Slide,
    role: Role,
    paragraph: Option<Paragraph>,
    in_text: bool,
    /// Depth within what is not read: copies for old programs, and fields, which are counted anew by whoever shows them.
    skipped: u32,
    table: Option<Vec<Vec<String>>>,
    picture: Option<(String, String)>,
}

/// Reads one slide.
///
/// # Errors
/// `Corrupt` when it is no XML.
pub(super) fn read_slide(xml: &[u8]) -> Result<Slide, Error> {
    let mut reader = Reader::from_reader(xml);
    let mut reading = Reading {
        slide: Slide::default(),
        role: Role::Plain,
        paragraph: None,
        in_text: false,
        skipped: 0,
        table: None,
        picture: None,
    };
    loop {
        let event = reader
            .read_event()
            .map_err(|error| Error::corrupt(format!("a slide is not well formed ({error})")))?;
        match event {
            Event::Eof => return Ok(reading.slide),
            Event::Start(element) => {
                if reading.skipped > 0 || matches!(element.local_name().as_ref(), b"Fallback" | b"fld") {
                    reading.skipped += 1;
                } else {
                    reading.begin(&element);
                }
            }
            Event::Empty(element) if reading.skipped == 0 => {
                reading.begin(&element);
                reading.end(element.local_name().as_ref());
            }
            Event::End(_) if reading.skipped > 0 => reading.skipped -= 1,
            Event::End(element) => reading.end(element.local_name().as_ref()),
            Event::Text(text) if reading.in_text && reading.skipped == 0 => {
                reading.say(&text.decode().map_err(Error::corrupt)?);
            }
            Event::GeneralRef(name) if reading.in_text && reading.skipped == 0 => {
                let name = name.decode().map_err(Error::corrupt)?;
                reading.say(&entity(&name).unwrap_or(' ').to_string());
            }
            _ => {}
        }
    }
}

impl Reading {
    fn say(&mut self, text: &str) {
        if let Some(paragraph) = &mut self.paragraph {
            paragraph.text.push_str(text);
        }
    }

    fn begin(&mut self, element: &BytesStart<'_>) {
        let name = element.local_name();
        match name.as_ref() {
            b"sp" => self.role = Role::Plain,
            b"ph" => {
                self.role = match attributes(element).get("type").map(String::as_str) {
                    Some("title" | "ctrTitle") => Role::Title,
                    None | Some("body" | "obj") => Role::Body,
                    Some(_) => Role::Plain,
                };
            }
            b"p" => self.paragraph = Some(Paragraph::default()),
            b"pPr" => {
                let level = attributes(element).get("lvl").and_then(|level| level.parse().ok());
                if let Some(paragraph) = &mut self.paragraph {
                    // The format has nine levels.
                    paragraph.level = level.unwrap_or(0_usize).min(8);
                }
            }
            b"buNone" | b"buChar" | b"buAutoNum" | b"buBlip" => {
                let bullet = name.as_ref() != b"buNone";
                if let Some(paragraph) = &mut self.paragraph {
                    paragraph.bullet = Some(bullet);
                }
            }
            b"t" => self.in_text = true,
            b"br" => self.say("\n"),
            b"tbl" => self.table = Some(Vec::new()),
            b"tr" => self.table.iter_mut().for_each(|rows| rows.push(Vec::new())),
            b"tc" => {
                if let Some(row) = self.table.as_mut().and_then(|rows| rows.last_mut()) {
                    row.push(String::new());
                }
            }
            b"pic" => self.picture = Some(Default::default()),
            b"cNvPr" => {
                if let Some((alt, _)) = &mut self.picture {
                    *alt = attributes(element).remove("descr").unwrap_or_default();
                }
            }
            b"blip" => {
                if let Some((_, relation)) = &mut self.picture {
                    *relation = attributes(element).remove("embed").unwrap_or_default();
                }
            }
            b"chart" => self.slide.undrawn.charts += 1,
            b"relIds" => self.slide.undrawn.diagrams += 1,
            b"videoFile" | b"audioFile" => self.slide.undrawn.media += 1,
            _ => {}
        }
    }

    fn end(&mut self, name: &[u8]) {
        match name {
            b"t" => self.in_text = false,
            b"p" => self.end_paragraph(),
            b"tbl" => {
                let rows = self.table.take().unwrap_or_default();
                self.slide.blocks.push(Block::Table(rows));
            }
            b"pic" => {
                if let Some((alt, relation)) = self.picture.take() {
                    self.slide.blocks.push(Block::Picture { alt, relation, file: None });
                }
            }
            _ => {}
        }
    }

    fn end_paragraph(&mut self) {
        let Some(Paragraph { text, level, bullet }) = self.paragraph.take() else { return };
        let text = text.replace('\u{b}', "\n").trim().to_owned();
        if text.is_empty() {
            return;
        }
        if let Some(rows) = &mut self.table {
            if let Some(cell) = rows.last_mut().and_then(|row| row.last_mut()) {
                if !cell.is_empty() {
                    cell.push('\n');
                }
                cell.push_str(&text);
            }
        } else if self.role == Role::Title {
            if !self.slide.title.is_empty() {
                self.slide.title.push(' ');
            }
            self.slide.title.push_str(&text.replace('\n', " "));
        } else {
            let listed = bullet.unwrap_or(self.role == Role::Body);
            self.slide.blocks.push(Block::Text { level: listed.then_some(level), text });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_become_blocks_and_copies_and_fields_do_not() {
        let xml = "<p:sld xmlns:p='p' xmlns:a='a' xmlns:mc='mc'>\
            <p:sp><p:nvPr><p:ph type='title'/></p:nvPr><a:p><a:r><a:t>R&amp;D</a:t></a:r></a:p></p:sp>\
            <p:sp><p:nvPr><p:ph idx='1'/></p:nvPr><a:p><a:r><a:t>one</a:t></a:r></a:p>\
            <a:p><a:pPr lvl='1'/><a:r><a:t>two</a:t></a:r></a:p>\
            <a:p><a:pPr><a:buNone/></a:pPr><a:r><a:t>plain</a:t></a:r></a:p></p:sp>\
            <p:sp><p:nvPr><p:ph type='sldNum'/></p:nvPr><a:p><a:fld><a:t>7</a:t></a:fld></a:p></p:sp>\
            <mc:Fallback><p:sp><a:p><a:r><a:t>copy</a:t></a:r></a:p></p:sp></mc:Fallback>\
            <a:tbl><a:tr><a:tc><a:p><a:r><a:t>x</a:t></a:r></a:p></a:tc><a:tc/></a:tr></a:tbl></p:sld>";

        let slide = read_slide(xml.as_bytes()).unwrap();

        assert_eq!(slide.title, "R&D");
        let text = |level, text: &str| Block::Text { level, text: text.into() };
        let table = Block::Table(vec![vec!["x".into(), String::new()]]);
        assert_eq!(slide.blocks, [text(Some(0), "one"), text(Some(1), "two"), text(None, "plain"), table]);
        assert_eq!(read_slide(b"<a><b></a>").unwrap_err().code(), "corrupt");
    }
}
