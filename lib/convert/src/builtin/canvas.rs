//! Text shaped and put on pages, and pages made into a PDF: the back end of our own renderers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use oxml_layout::{
    Color, DocumentMetadata, FontData, FontFile, FontId, FontManager, GlyphRun, GroupElement, LayoutError,
    LayoutResult, MultilingualGlyphRun, MultilingualTextSegment, PageFrame, Paint, Path, PathElement, Point,
    PositionedElement, Rect, ShapedText, Stroke, TextDirection, TextSegment, Transform, walk,
};

use crate::Error;
use crate::verify::Words;

use super::{Output, fonts};

/// How a piece of text looks. Sizes in points.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TextStyle {
    pub(super) family: &'static str,
    pub(super) size: f64,
    pub(super) bold: bool,
    pub(super) italic: bool,
    pub(super) color: Color,
}

impl TextStyle {
    /// Upright black text.
    pub(super) fn new(family: &'static str, size: f64) -> TextStyle {
        TextStyle { family, size, bold: false, italic: false, color: Color::BLACK }
    }
}

/// A shaped line of text, in visual order from the left.
#[derive(Clone, Debug)]
pub(super) struct Line {
    spans: Vec<Span>,
    /// Advance width in points.
    pub(super) width: f64,
}

#[derive(Clone, Debug)]
enum Span {
    Plain { font: FontId, glyphs: Vec<u16>, advances: Vec<f64>, width: f64, text: String },
    Rich(Box<MultilingualTextSegment>),
}

/// Fonts, and the pages made so far.
pub(super) struct Canvas {
    fonts: FontManager,
    pages: Vec<Arc<PageFrame>>,
    /// Words with the space behind them, shaped once: each is measured, placed and drawn, and most come again.
    words: HashMap<FontId, HashMap<String, Arc<ShapedText>>>,
    /// Lines that took the slow way; tables repeat their words.
    rich: HashMap<LineKey, Line>,
    /// The text wrapped last and its width: measured first, drawn later, and again on each page it goes on to.
    wrapped: Option<(LineKey, u64, Vec<Line>)>,
}

/// Text, family, size, bold, italic.
type LineKey = (String, &'static str, u64, bool, bool);

/// Lines remembered at most, and words of a font.
const REMEMBERED: usize = 20_000;

impl Canvas {
    /// A canvas with the bundled fonts, and fonts of this machine for those of `letters` that no bundled font has.
    pub(super) fn for_letters(letters: &BTreeSet<char>) -> Result<Canvas, Error> {
        let mut fonts = FontManager::new_deterministic().map_err(unset)?;
        let mut missing = BTreeSet::new();
        for letter in letters.iter().filter(|letter| !is_blank(**letter)) {
            let text = letter.to_string();
            let font = fonts.resolve_font_for_text(Some("Carlito"), false, false, &text).map_err(unset)?;
            if fonts.shape_text(font, &text, 10.0).map_err(unset)?.glyph_ids.contains(&0) {
                missing.insert(*letter);
            }
        }
        if !missing.is_empty() {
            let files: Vec<FontFile> = fonts::covering(&missing)
                .into_iter()
                .map(|font| FontFile { family: font.family, data: font.data })
                .collect();
            fonts.load_additional_fonts(&files);
        }
        Ok(Canvas { fonts, pages: Vec::new(), words: HashMap::new(), rich: HashMap::new(), wrapped: None })
    }

    /// Ascent and descent in points.
    pub(super) fn line_metrics(&mut self, style: &TextStyle) -> Result<(f64, f64), Error> {
        let font = self.fonts.resolve_font(Some(style.family), style.bold, style.italic).map_err(unset)?;
        let metrics = self.fonts.metrics(font, style.size).map_err(unset)?;
        Ok((metrics.ascent, metrics.descent))
    }

    /// The same for lines below each other, with the space that the font wants between them.
    pub(super) fn full_metrics(&mut self, style: &TextStyle) -> Result<(f64, f64), Error> {
        let font = self.fonts.resolve_font(Some(style.family), style.bold, style.italic).map_err(unset)?;
        let metrics = self.fonts.word_line_metrics(font, style.size).map_err(unset)?;
        Ok((metrics.ascent, metrics.descent + metrics.line_gap))
    }

    /// Shapes one line; control characters become spaces.
    pub(super) fn line(&mut self, text: &str, style: &TextStyle) -> Result<Line, Error> {
        let clean: String;
        let text = if text.contains(char::is_control) {
            clean = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
            &clean
        } else {
            text
        };
        let font = self.fonts.resolve_font(Some(style.family), style.bold, style.italic).map_err(unset)?;
        if text.chars().all(|letter| (letter as u32) < 0x590)
            && let Some(line) = self.plain_line(text, font, style.size)?
        {
            return Ok(line);
        }
        let key = key(text, style);
        if let Some(line) = self.rich.get(&key) {
            return Ok(line.clone());
        }
        let line = self.rich_line(text, font, style)?;
        if self.rich.len() < REMEMBERED {
            self.rich.insert(key, line.clone());
        }
        Ok(line)
    }

    /// A line of one font from the left, word by word; nothing when the font lacks one of its letters.
    fn plain_line(&mut self, text: &str, font: FontId, size: f64) -> Result<Option<Line>, Error> {
        let (mut glyphs, mut advances, mut width) = (Vec::new(), Vec::new(), 0.0);
        for word in text.split_inclusive(' ') {
            let shaped = self.word(word, font)?;
            if shaped.glyph_ids.contains(&0) {
                return Ok(None);
            }
            glyphs.extend_from_slice(&shaped.glyph_ids);
            advances.extend(shaped.advances.iter().map(|advance| advance * size));
            width += shaped.width * size;
        }
        let span = Span::Plain { font, glyphs, advances, width, text: text.to_owned() };
        Ok(Some(Line { spans: vec![span], width }))
    }

    /// A word in a font of one point.
    fn word(&mut self, word: &str, font: FontId) -> Result<Arc<ShapedText>, Error> {
        let known = self.words.entry(font).or_default();
        if let Some(shaped) = known.get(word) {
            return Ok(Arc::clone(shaped));
        }
        let shaped = Arc::new(self.fonts.shape_text(font, word, 1.0).map_err(unset)?);
        if known.len() < REMEMBERED {
            known.insert(word.to_owned(), Arc::clone(&shaped));
        }
        Ok(shaped)
    }

    /// Right-to-left scripts and characters the wanted font does not have.
    fn rich_line(&mut self, text: &str, font: FontId, style: &TextStyle) -> Result<Line, Error> {
        let segment = TextSegment {
            text: text.to_owned(),
            direction: TextDirection::Auto,
            source: None,
            font_id: font,
            font_size: style.size,
            glyph_ids: Vec::new(),
            advances: Vec::new(),
            width: 0.0,
            ascent: 0.0,
            descent: 0.0,
            line_gap: 0.0,
            color: style.color,
            bold: style.bold,
            italic: style.italic,
            underline: None,
            strike: false,
            dstrike: false,
            highlight: None,
            baseline_offset: 0.0,
            hyperlink_url: None,
            field_kind: None,
            field_source: None,
            note: None,
            note_reference_source: None,
        };
        let mut spans =
            self.fonts.shape_multilingual_text(segment, None, TextDirection::Auto, true).map_err(unset)?;
        visual_order(&mut spans);
        let width = spans.iter().map(MultilingualTextSegment::width).sum();
        Ok(Line { spans: spans.into_iter().map(|span| Span::Rich(Box::new(span))).collect(), width })
    }

    /// Breaks text into lines no wider than `width`: at newlines, between words, and inside a word that is wider.
    pub(super) fn wrap(&mut self, text: &str, style: &TextStyle, width: f64) -> Result<Vec<Line>, Error> {
        let key = key(text, style);
        if let Some((known, known_width, lines)) = &self.wrapped
            && *known == key
            && *known_width == width.to_bits()
        {
            return Ok(lines.clone());
        }
        let lines = self.broken(text, style, width)?;
        self.wrapped = Some((key, width.to_bits(), lines.clone()));
        Ok(lines)
    }

    fn broken(&mut self, text: &str, style: &TextStyle, width: f64) -> Result<Vec<Line>, Error> {
        let mut lines = Vec::new();
        for paragraph in text.split('\n') {
            let whole = self.line(paragraph.trim_end(), style)?;
            if whole.width <= width {
                lines.push(whole);
                continue;
            }
            let mut line = String::new();
            let mut used = 0.0;
            for word in words(paragraph) {
                let wide = self.line(word, style)?.width;
                let bare = if word.ends_with(' ') { self.line(word.trim_end(), style)?.width } else { wide };
                if used + bare > width && !line.is_empty() {
                    lines.push(self.line(line.trim_end(), style)?);
                    line.clear();
                    used = 0.0;
                }
                if bare <= width {
                    line.push_str(word);
                    used += wide;
                    continue;
                }
                for letter in word.chars() {
                    let wide = self.line(letter.encode_utf8(&mut [0; 4]), style)?.width;
                    if used + wide > width && !line.is_empty() {
                        lines.push(self.line(line.trim_end(), style)?);
                        line.clear();
                        used = 0.0;
                    }
                    line.push(letter);
                    used += wide;
                }
            }
            lines.push(self.line(line.trim_end(), style)?);
        }
        Ok(lines)
    }

    /// Ends a page of `width` × `height` points.
    pub(super) fn page(&mut self, width: f64, height: f64, drawing: Drawing) {
        self.pages.push(Arc::new(PageFrame::new(self.pages.len() + 1, width, height, drawing.elements)));
    }

    /// Writes the PDF and counts what was drawn.
    pub(super) fn finish(self) -> Result<Output, Error> {
        write(self.pages, self.fonts.all_font_data())
    }
}

/// A PDF of one page of `width` × `height` points that others have drawn, in fonts of theirs.
pub(super) fn one_page(
    width: f64,
    height: f64,
    elements: Vec<PositionedElement>,
    fonts: Vec<FontData>,
) -> Result<Output, Error> {
    write(vec![Arc::new(PageFrame::new(1, width, height, elements))], fonts)
}

fn write(pages: Vec<Arc<PageFrame>>, fonts: Vec<FontData>) -> Result<Output, Error> {
    let metadata =
        DocumentMetadata { creator: Some("MicroServiceHub".into()), ..DocumentMetadata::default() };
    let layout = LayoutResult::new(pages, fonts, Some(metadata), Vec::new());
    let bytes = oxml_pdf::render_to_pdf_checked(&layout)
        .map_err(|error| Error::corrupt(format!("the pages cannot be written as PDF ({error})")))?;
    let mut output = Output {
        bytes,
        pages: u32::try_from(layout.pages.len()).ok(),
        result: Some(words_of(&layout)),
        ..Output::default()
    };
    say_missing(&layout, &mut output);
    Ok(output)
}

/// What is on one page, painted in the order it was added. The origin is the upper left corner; y grows downwards.
#[derive(Default)]
pub(super) struct Drawing {
    elements: Vec<PositionedElement>,
}

impl Drawing {
    /// Puts a line with its left end at `x` and its baseline at `y`.
    pub(super) fn text(&mut self, line: &Line, style: &TextStyle, mut x: f64, y: f64) {
        for span in &line.spans {
            match span {
                Span::Plain { font, glyphs, advances, width, text } => {
                    self.elements.push(PositionedElement::Text(GlyphRun {
                        origin: Point { x, y },
                        font_id: *font,
                        font_size: style.size,
                        glyph_ids: glyphs.clone(),
                        advances: advances.clone(),
                        text: text.clone(),
                        source: None,
                        color: style.color,
                        bold: style.bold,
                        italic: style.italic,
                        field_kind: None,
                        field_source: None,
                        note: None,
                        note_reference_source: None,
                        tab_aligned: None,
                    }));
                    x += width;
                }
                Span::Rich(span) => {
                    self.elements.push(PositionedElement::MultilingualText(rich_run(span, style, x, y)));
                    x += span.width();
                }
            }
        }
    }

    /// Fills a rectangle.
    pub(super) fn fill(&mut self, x: f64, y: f64, width: f64, height: f64, color: Color) {
        self.elements.push(PositionedElement::FilledRect { rect: Rect { x, y, width, height }, color });
    }

    /// Draws what is within this area of another drawing.
    pub(super) fn within(&mut self, x: f64, y: f64, width: f64, height: f64, inner: Drawing) {
        self.group(Transform::IDENTITY, Some(Path::rect(Rect { x, y, width, height })), 1.0, inner);
    }

    /// Draws another drawing turned, cut along an outline, and as opaque as this.
    pub(super) fn group(&mut self, transform: Transform, clip: Option<Path>, opacity: f64, inner: Drawing) {
        let (effects, children) = (Vec::new(), inner.elements);
        self.elements.push(PositionedElement::Group(GroupElement {
            transform,
            clip,
            opacity,
            effects,
            children,
        }));
    }

    /// Makes an area lead to a page or an address of the net.
    pub(super) fn link(&mut self, x: f64, y: f64, width: f64, height: f64, url: &str) {
        let rect = Rect { x, y, width, height };
        self.elements.push(PositionedElement::LinkAnnotation { rect, url: url.to_owned() });
    }

    /// Fills and strokes an outline.
    pub(super) fn path(&mut self, path: Path, fill: Option<Paint>, stroke: Option<Stroke>) {
        self.elements.push(PositionedElement::Path(PathElement { path, fill, stroke }));
    }

    /// Draws all of another drawing.
    pub(super) fn append(&mut self, mut inner: Drawing) {
        self.elements.append(&mut inner.elements);
    }

    /// Draws a straight line.
    pub(super) fn stroke(&mut self, from: (f64, f64), to: (f64, f64), width: f64, color: Color) {
        self.elements.push(PositionedElement::Line {
            start: Point { x: from.0, y: from.1 },
            end: Point { x: to.0, y: to.1 },
            width,
            color,
            dash_pattern: None,
        });
    }

    /// Places an encoded picture (PNG with 8 bits a channel, or RGB JPEG).
    pub(super) fn picture(&mut self, x: f64, y: f64, width: f64, height: f64, data: Vec<u8>, mime: &str) {
        self.elements.push(picture(Rect { x, y, width, height }, data, mime));
    }
}

/// An encoded picture (PNG with 8 bits a channel, or RGB JPEG) at its place.
pub(super) fn picture(rect: Rect, data: Vec<u8>, mime: &str) -> PositionedElement {
    let media_id = oxml_layout::MediaId::from_bytes(&data);
    PositionedElement::Image { rect, data, content_type: mime.to_owned(), media_id }
}

fn key(text: &str, style: &TextStyle) -> LineKey {
    (text.to_owned(), style.family, style.size.to_bits(), style.bold, style.italic)
}

fn rich_run(span: &MultilingualTextSegment, style: &TextStyle, x: f64, y: f64) -> MultilingualGlyphRun {
    MultilingualGlyphRun {
        origin: Point { x, y },
        font_id: span.font_id(),
        font_size: style.size,
        glyph_ids: span.glyph_ids().to_vec(),
        x_advances: span.x_advances().to_vec(),
        y_advances: span.y_advances().to_vec(),
        x_offsets: span.x_offsets().to_vec(),
        y_offsets: span.y_offsets().to_vec(),
        clusters: span.clusters().to_vec(),
        logical_text: span.text().to_owned(),
        logical_index: span.logical_index(),
        source: None,
        script: span.script(),
        language: None,
        direction: span.direction(),
        bidi_level: span.bidi_level(),
        color: style.color,
        bold: style.bold,
        italic: style.italic,
        field_kind: None,
        field_source: None,
        note: None,
        note_reference_source: None,
    }
}

/// Rule L2 of the Unicode Bidirectional Algorithm (UAX 9) on whole spans.
fn visual_order(spans: &mut [MultilingualTextSegment]) {
    let highest = spans.iter().map(MultilingualTextSegment::bidi_level).max().unwrap_or(0);
    for level in (1..=highest).rev() {
        let mut start = 0;
        while start < spans.len() {
            let length = spans[start..].iter().take_while(|span| span.bidi_level() >= level).count();
            spans[start..start + length].reverse();
            start += length.max(1);
        }
    }
}

/// Pieces a line may be broken after: words with the space that follows them, and single ideographs.
pub(super) fn words(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let end = at + letter.len_utf8();
        let next_is_space = letters.peek().is_some_and(|(_, next)| *next == ' ');
        let breaks =
            (letter == ' ' && !next_is_space) || letter == '-' || ('\u{2e80}'..='\u{ffef}').contains(&letter);
        if breaks && !(letter != ' ' && next_is_space) {
            pieces.push(&text[start..end]);
            start = end;
        }
    }
    if start < text.len() {
        pieces.push(&text[start..]);
    }
    pieces
}

/// Whether a line may be broken after a piece that other text follows.
pub(super) fn may_break_after(piece: &str) -> bool {
    piece.ends_with([' ', '-']) || piece.ends_with(|letter| ('\u{2e80}'..='\u{ffef}').contains(&letter))
}

fn unset(error: LayoutError) -> Error {
    Error::corrupt(format!("its text cannot be set ({error})"))
}

fn is_blank(letter: char) -> bool {
    letter.is_whitespace()
        || letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ad}')
}

/// Says which letters of a layout are painted as empty boxes, and how large a share of all signs they are.
pub(super) fn say_missing(layout: &LayoutResult, output: &mut Output) {
    let missing = missing_letters(layout);
    let (mut all, mut empty) = (0_usize, 0_usize);
    for page in &layout.pages {
        walk(&page.elements, &mut |element, _| {
            let glyphs = match element {
                PositionedElement::Text(run) => &run.glyph_ids,
                PositionedElement::MultilingualText(run) => &run.glyph_ids,
                _ => return,
            };
            all += glyphs.len();
            empty += glyphs.iter().filter(|glyph| **glyph == 0).count();
        });
    }
    // Fonts have no sign for what is not drawn either, such as a tab.
    let empty = if missing.is_empty() { 0 } else { empty };
    output.missing_glyphs = (all > 0).then(|| empty as f64 / all as f64);
    output.lost.extend(fonts::lost_letters(&missing));
}

/// Letters of a layout that are painted as empty boxes, because the font of their run does not have them.
pub(super) fn missing_letters(layout: &LayoutResult) -> BTreeSet<char> {
    let mut suspects: BTreeMap<FontId, BTreeSet<char>> = BTreeMap::new();
    for page in &layout.pages {
        walk(&page.elements, &mut |element, _| {
            let (font, glyphs, text) = match element {
                PositionedElement::Text(run) => (run.font_id, &run.glyph_ids, &run.text),
                PositionedElement::MultilingualText(run) => (run.font_id, &run.glyph_ids, &run.logical_text),
                _ => return,
            };
            if glyphs.contains(&0) {
                suspects.entry(font).or_default().extend(text.chars().filter(|letter| !is_blank(*letter)));
            }
        });
    }
    let mut missing = BTreeSet::new();
    for (id, letters) in suspects {
        let Some(font) = layout.fonts.iter().find(|font| font.id == id) else { continue };
        let Ok(face) = ttf_parser::Face::parse(&font.data, font.face_index) else { continue };
        missing.extend(
            letters.into_iter().filter(|letter| face.glyph_index(*letter).is_none_or(|glyph| glyph.0 == 0)),
        );
    }
    missing
}

/// The words painted within the pages; runs that touch on one line are parts of one word.
pub(super) fn words_of(layout: &LayoutResult) -> Words {
    let mut text = String::new();
    for page in &layout.pages {
        // Left end, right end and baseline of the run before.
        let mut before: Option<(f64, f64, f64)> = None;
        walk(&page.elements, &mut |element, transform| {
            let (origin, size, width, run) = match element {
                PositionedElement::Text(run) => {
                    (run.origin, run.font_size, run.advances.iter().sum::<f64>(), &run.text)
                }
                PositionedElement::MultilingualText(run) => {
                    (run.origin, run.font_size, run.x_advances.iter().sum::<f64>(), &run.logical_text)
                }
                _ => return,
            };
            let end = transform.apply(Point { x: origin.x + width, y: origin.y });
            let origin = transform.apply(origin);
            // What lies beyond the paper is not on the page.
            if !(-1.0..=page.width).contains(&origin.x) || !(0.0..=page.height + 1.0).contains(&origin.y) {
                return;
            }
            let (left, right) = (origin.x, end.x);
            let size =
                if width > 0.0 { size * (end.x - origin.x).hypot(end.y - origin.y) / width } else { size };
            let touches = before.is_some_and(|(start, end, baseline)| {
                (baseline - origin.y).abs() < size * 0.6
                    && ((left - end).abs() < size * 0.12 || (start - right).abs() < size * 0.12)
            });
            if !touches {
                text.push(' ');
            }
            text.push_str(run);
            before = Some((left, right, origin.y));
        });
        text.push('\n');
    }
    Words::of(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_ideographs() {
        assert_eq!(words("two words"), ["two ", "words"]);
        assert_eq!(words("well-known a  b"), ["well-", "known ", "a  ", "b"]);
        assert_eq!(words("漢字"), ["漢", "字"]);
    }

    #[test]
    fn wrapped_lines_fit_and_keep_every_letter() {
        let text = "The quick brown fox jumps over the lazy dog, Donaudampfschifffahrtsgesellschaft.";
        let mut canvas = Canvas::for_letters(&text.chars().collect()).unwrap();
        let style = TextStyle::new("Carlito", 10.0);

        let lines = canvas.wrap(text, &style, 80.0).unwrap();

        assert!(lines.len() > 4);
        assert!(lines.iter().all(|line| line.width <= 80.5));
    }

    #[test]
    fn a_letter_that_no_font_has_is_an_empty_box_and_said() {
        // A letter for private use: no machine has a font for this one by default.
        let text = "abc\u{f8fe}";
        let mut canvas = Canvas::for_letters(&text.chars().collect()).unwrap();
        let style = TextStyle::new("Carlito", 10.0);
        let line = canvas.line(text, &style).unwrap();
        let mut drawing = Drawing::default();
        drawing.text(&line, &style, 10.0, 20.0);
        canvas.page(100.0, 100.0, drawing);

        let output = canvas.finish().unwrap();

        assert_eq!(output.missing_glyphs, Some(0.25));
        assert!(output.lost[0].contains("(1), they are empty boxes: \u{f8fe}"), "{:?}", output.lost);
    }

    #[test]
    fn hebrew_runs_are_put_from_right_to_left() {
        let text = "abc שלום def";
        let mut canvas = Canvas::for_letters(&text.chars().collect()).unwrap();
        let line = canvas.line(text, &TextStyle::new("Carlito", 10.0)).unwrap();
        assert!(line.width > 20.0);
    }
}
