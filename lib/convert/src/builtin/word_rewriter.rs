//! What the importer of Word documents passes over, written beforehand so that it reads it: check boxes, readings of
//! characters, tables inside tables; hidden runs go.

use std::io::{Read, Seek};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::Format;
use crate::container::Container;

use super::parts::{Attributes, attributes};

/// Ends a row of a table inside a cell: no character, so that no text has it (Unicode 17, 23.7).
pub(super) const ROW_END: char = '\u{fdd0}';

/// The parts of a Word document that would be read otherwise than they are, by name.
pub(super) fn rewritten<R: Read + Seek>(container: &mut Container<R>, to: Format) -> Vec<(String, Vec<u8>)> {
    let mut changed = Vec::new();
    for name in container.names().into_iter().filter(|name| is_story(name)) {
        // What cannot be read is told by whoever reads the document.
        let Ok(Some(xml)) = container.read(&name) else { continue };
        changed.extend(rewrite(&xml, to).map(|xml| (name, xml)));
    }
    changed
}

fn is_story(name: &str) -> bool {
    let stories = ["document", "header", "footer", "footnotes", "endnotes"];
    name.strip_prefix("word/")
        .is_some_and(|part| part.ends_with(".xml") && stories.iter().any(|story| part.starts_with(story)))
}

/// The part as it shall be read; nothing when it is good as it is, or no XML.
fn rewrite(xml: &[u8], to: Format) -> Option<Vec<u8>> {
    let mut rewriter =
        Rewriter { as_pages: to == Format::Pdf, flat: to == Format::Md, ..Rewriter::default() };
    let mut reader = Reader::from_reader(xml);
    loop {
        let start = usize::try_from(reader.buffer_position()).ok()?;
        let event = reader.read_event().ok()?;
        let raw = xml.get(start..usize::try_from(reader.buffer_position()).ok()?)?;
        match event {
            Event::Start(element) => rewriter.open(&element, raw, false),
            Event::Empty(element) => rewriter.open(&element, raw, true),
            Event::End(element) => rewriter.close(element.local_name().as_ref(), raw),
            Event::Eof => break,
            _ => rewriter.text(raw),
        }
    }
    rewriter.changed.then_some(rewriter.out)
}

/// A run that is being read.
struct Run {
    start: usize,
    depth: u32,
    vanishes: bool,
    /// It belongs to a field, whose marks come in pairs.
    has_field: bool,
}

#[derive(Default)]
struct Rewriter {
    /// Pages are drawn by a layout that knows hidden runs, readings and symbols itself.
    as_pages: bool,
    /// Cells hold nothing but lines.
    flat: bool,
    out: Vec<u8>,
    changed: bool,
    /// How many elements are open.
    depth: u32,
    /// How deep within an element that is left out.
    skipped: u32,
    runs: Vec<Run>,
    tables: u32,
    /// Where the mark of the field began that is being read.
    field: usize,
    /// Of the check box of this field: what it is at first, and what somebody made of it.
    tick: Option<(bool, Option<bool>)>,
    /// How many fields are open whose marks go, because a box stands there already.
    muted: u32,
    /// The reading of the characters that follow.
    reading: Option<Vec<u8>>,
    in_reading: bool,
}

impl Rewriter {
    fn open(&mut self, element: &BytesStart<'_>, raw: &[u8], empty: bool) {
        let name = element.local_name();
        let name = name.as_ref();
        let depth = self.depth + 1;
        self.depth += u32::from(!empty);
        if self.skipped > 0 || self.leaves_out(name, element) {
            self.changed = true;
            self.skipped += u32::from(!empty);
            return;
        }
        match name {
            b"r" if self.reading.is_none() && !empty => {
                self.runs.push(Run { start: self.out.len(), depth, vanishes: false, has_field: false });
            }
            b"vanish" if is_on(&attributes(element)) => self.hide(depth),
            b"fldChar" | b"instrText" => {
                self.field = self.out.len();
                self.runs.last_mut().into_iter().for_each(|run| run.has_field = true);
            }
            b"checkBox" => self.tick = Some((false, None)),
            b"default" | b"checked" => self.is_ticked(name, is_on(&attributes(element))),
            b"tbl" if !empty => self.tables += 1,
            b"ruby" if !empty && !self.as_pages && !self.runs.is_empty() => self.reading = Some(Vec::new()),
            b"rt" => self.in_reading = self.reading.is_some() && !empty,
            b"sym" if !self.as_pages => {
                if let Some(sign) = tick_sign(&attributes(element)) {
                    self.changed = true;
                    self.write(&prefix_of_start(element), &sign.to_string());
                    self.skipped += u32::from(!empty);
                    return;
                }
            }
            _ => {}
        }
        self.copy(name, raw);
    }

    fn close(&mut self, name: &[u8], raw: &[u8]) {
        self.depth = self.depth.saturating_sub(1);
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        self.copy(name, raw);
        match name {
            b"r" if self.reading.is_none() => self.end_run(),
            b"fldChar" => self.end_mark(raw),
            b"p" => self.muted = 0,
            b"tr" if self.flattens() => {
                let w = prefix_of(raw);
                let end = format!("<{w}p><{w}r><{w}t>{ROW_END}</{w}t></{w}r></{w}p>");
                self.out.extend_from_slice(end.as_bytes());
            }
            b"tbl" => self.tables = self.tables.saturating_sub(1),
            b"rt" => self.in_reading = false,
            b"ruby" => self.end_ruby(raw),
            _ => {}
        }
    }

    fn text(&mut self, raw: &[u8]) {
        match &mut self.reading {
            _ if self.skipped > 0 => {}
            Some(reading) if self.in_reading => reading.extend_from_slice(raw),
            _ => self.out.extend_from_slice(raw),
        }
    }

    /// Elements that go with all that is in them.
    fn leaves_out(&mut self, name: &[u8], element: &BytesStart<'_>) -> bool {
        match name {
            b"tblPr" | b"tblGrid" | b"tblPrEx" | b"trPr" | b"tcPr" => self.flattens(),
            b"rubyPr" | b"rPr" => self.reading.is_some(),
            b"instrText" => self.muted > 0,
            b"fldChar" if self.muted > 0 => {
                match attributes(element).get("fldCharType").map(String::as_str) {
                    Some("begin") => self.muted += 1,
                    Some("end") => self.muted -= 1,
                    _ => {}
                }
                true
            }
            _ => false,
        }
    }

    /// Whether this is within a table that stands in a cell of another one, and cells hold nothing but lines.
    fn flattens(&self) -> bool {
        self.flat && self.tables > 1
    }

    /// A tag as it is, unless only what is in the element stays.
    fn copy(&mut self, name: &[u8], raw: &[u8]) {
        let goes = match name {
            b"tbl" | b"tr" | b"tc" => self.flattens(),
            b"ruby" | b"rubyBase" | b"rt" | b"r" => self.reading.is_some(),
            _ => self.in_reading,
        };
        self.changed |= goes;
        if !goes {
            self.out.extend_from_slice(raw);
        }
    }

    /// Text of a run, in the vocabulary of the element that stood there.
    fn write(&mut self, prefix: &str, text: &str) {
        self.out.extend_from_slice(format!("<{prefix}t>{text}</{prefix}t>").as_bytes());
    }

    /// Hides the run whose own property this is: not that around a text box, of whose paragraphs one has no visible end.
    fn hide(&mut self, depth: u32) {
        if let Some(run) = self.runs.last_mut().filter(|run| !self.as_pages && run.depth + 2 == depth) {
            run.vanishes = true;
        }
    }

    fn end_run(&mut self) {
        let Some(run) = self.runs.pop() else { return };
        if run.vanishes && !run.has_field {
            self.changed = true;
            self.out.truncate(run.start);
        }
    }

    fn is_ticked(&mut self, name: &[u8], on: bool) {
        match (&mut self.tick, name) {
            (Some((first, _)), b"default") => *first = on,
            (Some((_, made)), b"checked") => *made = Some(on),
            _ => {}
        }
    }

    /// At the end of the mark of a check box the box itself takes its place, and the rest of its field goes.
    fn end_mark(&mut self, raw: &[u8]) {
        let Some((first, made)) = self.tick.take() else { return };
        let sign = if made.unwrap_or(first) { TICKED } else { UNTICKED };
        self.out.truncate(self.field);
        self.write(&prefix_of(raw), &sign.to_string());
        self.runs.last_mut().into_iter().for_each(|run| run.has_field = false);
        (self.changed, self.muted) = (true, 1);
    }

    /// Readings stand behind their characters, as in plain text.
    fn end_ruby(&mut self, raw: &[u8]) {
        let Some(reading) = self.reading.take().filter(|reading| !reading.is_empty()) else { return };
        self.write(&prefix_of(raw), &format!("（{}）", String::from_utf8_lossy(&reading)));
    }
}

const UNTICKED: char = '☐';
const TICKED: char = '☒';

/// The box that a symbol font draws, where this symbol is one (`w:sym`, 17.3.3.30).
fn tick_sign(symbol: &Attributes) -> Option<char> {
    let code = u32::from_str_radix(symbol.get("char")?, 16).ok()? & 0xff;
    match (symbol.get("font")?.as_str(), code) {
        ("Wingdings", 0x6f | 0x71 | 0xa8) | ("Wingdings 2", 0xa3) => Some(UNTICKED),
        ("Wingdings", 0xfd) | ("Wingdings 2", 0x53) => Some(TICKED),
        ("Wingdings", 0xfe) | ("Wingdings 2", 0x52) => Some('☑'),
        _ => None,
    }
}

/// Whether a property that is either there or not is on (`CT_OnOff`, 17.17.4).
fn is_on(attributes: &Attributes) -> bool {
    attributes.get("val").is_none_or(|value| !matches!(value.as_str(), "0" | "false" | "off"))
}

/// `w:` of `</w:p>`.
fn prefix_of(end_tag: &[u8]) -> String {
    let name = String::from_utf8_lossy(end_tag.get(2..).unwrap_or_default()).into_owned();
    name.split_once(':').map(|(prefix, _)| format!("{prefix}:")).unwrap_or_default()
}

fn prefix_of_start(element: &BytesStart<'_>) -> String {
    let prefix = element.name().prefix().map(|prefix| String::from_utf8_lossy(prefix.as_ref()).into_owned());
    prefix.map(|prefix| format!("{prefix}:")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(xml: &str, to: Format) -> String {
        rewrite(xml.as_bytes(), to).map_or_else(|| xml.to_owned(), |xml| String::from_utf8(xml).unwrap())
    }

    #[test]
    fn a_check_box_takes_the_place_of_its_field() {
        let field = |state: &str| {
            format!(
                "<w:r><w:fldChar w:fldCharType='begin'><w:ffData><w:checkBox><w:sizeAuto/>{state}</w:checkBox>\
                </w:ffData></w:fldChar></w:r><w:r><w:instrText> FORMCHECKBOX </w:instrText></w:r>\
                <w:r><w:fldChar w:fldCharType='separate'/></w:r><w:r><w:fldChar w:fldCharType='end'/></w:r>"
            )
        };
        let left = "<w:r></w:r><w:r></w:r><w:r></w:r>";
        for (state, sign) in [
            ("<w:default w:val='0'/>", '☐'),
            ("<w:default w:val='1'/>", '☒'),
            ("<w:default w:val='0'/><w:checked/>", '☒'),
            ("<w:default w:val='1'/><w:checked w:val='0'/>", '☐'),
        ] {
            let other = "<w:r><w:fldChar w:fldCharType='begin'/></w:r>";
            let xml = format!("<w:p>{}{other}</w:p>", field(state));
            let wanted = format!("<w:p><w:r><w:t>{sign}</w:t></w:r>{left}{other}</w:p>");
            assert_eq!(read(&xml, Format::Pdf), wanted);
        }
    }

    #[test]
    fn hidden_runs_stay_hidden_and_readings_follow_their_characters() {
        let xml = "<w:p><w:r><w:t>seen</w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r>\
            <w:r><w:rPr><w:vanish w:val='0'/></w:rPr><w:t>too</w:t></w:r><w:r><w:ruby><w:rubyPr><w:x/></w:rubyPr>\
            <w:rt><w:r><w:rPr/><w:t>to</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>東</w:t></w:r></w:rubyBase></w:ruby>\
            </w:r></w:p>";
        let wanted = "<w:p><w:r><w:t>seen</w:t></w:r><w:r><w:rPr><w:vanish w:val='0'/></w:rPr><w:t>too</w:t></w:r>\
            <w:r><w:t>東</w:t><w:t>（to）</w:t></w:r></w:p>";
        assert_eq!(read(xml, Format::Txt), wanted);
        assert_eq!(rewrite(xml.as_bytes(), Format::Pdf), None);
        let text_box = "<w:r><w:pict><w:p><w:pPr><w:rPr><w:vanish/></w:rPr></w:pPr><w:r><w:t>a</w:t></w:r></w:p>\
            </w:pict></w:r>";
        assert_eq!(rewrite(text_box.as_bytes(), Format::Txt), None);
    }

    #[test]
    fn a_table_inside_a_cell_becomes_lines_of_it() {
        let cell = |content: &str| format!("<w:tc><w:tcPr><w:x/></w:tcPr>{content}</w:tc>");
        let table = |rows: &str| format!("<w:tbl><w:tblPr/><w:tblGrid><w:x/></w:tblGrid>{rows}</w:tbl>");
        let inner = table(&format!("<w:tr>{}{}</w:tr>", cell("<w:p>a</w:p>"), cell("<w:p>b</w:p>")));
        let lines = format!("<w:p>a</w:p><w:p>b</w:p><w:p><w:r><w:t>{ROW_END}</w:t></w:r></w:p>");
        let outer = |content: &str| table(&format!("<w:tr>{}</w:tr>", cell(content)));

        assert_eq!(read(&outer(&inner), Format::Md), outer(&lines));
        assert_eq!(rewrite(outer(&inner).as_bytes(), Format::Html), None);
        assert_eq!(rewrite(inner.as_bytes(), Format::Md), None);
    }
}
