//! Paragraphs of many looks broken into lines, numbered where they are lists, and drawn.

use oxml_layout::Color;

use crate::Error;

use super::body::Paragraph;
use super::numbers::Counts;
use super::style::{RunLook, Side, Spacing};
use crate::builtin::canvas::{self, Canvas, Drawing, Line};

/// How much smaller than it says a text is set, to fit its shape.
#[derive(Clone, Copy)]
pub(super) struct Fit {
    pub(super) letters: f64,
    /// Of the height of lines, as a share taken off.
    pub(super) lines: f64,
}

/// Lines below each other.
#[derive(Default)]
pub(super) struct Block {
    lines: Vec<Set>,
    /// In points.
    pub(super) height: f64,
    /// Of the widest line.
    pub(super) width: f64,
}

/// A line at its height in the block.
struct Set {
    pieces: Vec<Piece>,
    /// Where it begins; behind a bullet, if it has one.
    left: f64,
    width: f64,
    side: Side,
    top: f64,
    bottom: f64,
    baseline: f64,
    /// No further line of its paragraph follows.
    last: bool,
    bullet: Option<Piece>,
}

/// Text of one look. `x` is counted from the left of its line.
struct Piece {
    run: usize,
    look: RunLook,
    line: Line,
    text: String,
    x: f64,
}

/// Sets paragraphs in lines of this width; without one, a line ends where it says so.
pub(super) fn set(
    canvas: &mut Canvas,
    paragraphs: &[Paragraph],
    width: Option<f64>,
    fit: Fit,
) -> Result<Block, Error> {
    let mut block = Block::default();
    let mut counts = Counts::default();
    for (at, paragraph) in paragraphs.iter().enumerate() {
        let number = counts.next(paragraph);
        let (ascent, descent) =
            extent(canvas, &scaled(paragraph.runs.first().map_or(&paragraph.end, |run| &run.0), fit))?;
        let space = |spacing: Spacing| match spacing {
            Spacing::Share(share) => share * (ascent + descent),
            Spacing::Points(points) => points * fit.letters,
        };
        if at > 0 {
            block.height += space(paragraph.look.before);
        }
        Setter { canvas, paragraph, width, fit, block: &mut block }.paragraph(number)?;
        if at + 1 < paragraphs.len() {
            block.height += space(paragraph.look.after);
        }
    }
    Ok(block)
}

fn scaled(look: &RunLook, fit: Fit) -> RunLook {
    let mut look = look.clone();
    look.style.size *= fit.letters;
    look
}

fn extent(canvas: &mut Canvas, look: &RunLook) -> Result<(f64, f64), Error> {
    canvas.full_metrics(&look.style)
}

/// Words that belong together, and whether a line may end behind them.
struct Token {
    pieces: Vec<Piece>,
    width: f64,
    /// Without the space at its end.
    bare: f64,
    tab: bool,
}

/// Sets one paragraph.
struct Setter<'a> {
    canvas: &'a mut Canvas,
    paragraph: &'a Paragraph,
    width: Option<f64>,
    fit: Fit,
    block: &'a mut Block,
}

impl Setter<'_> {
    fn paragraph(&mut self, sign: Option<String>) -> Result<(), Error> {
        let look = &self.paragraph.look;
        let (left, first) = (look.left, (look.left + look.indent).max(0.0));
        let mut start = first;
        let mut bullet = None;
        if let (Some(sign), Some((_, run))) = (sign, &look.bullet) {
            let run = scaled(run, self.fit);
            let line = self.canvas.line(&sign, &run.style)?;
            start = left.max(first + line.width + run.style.size * 0.15);
            bullet = Some(Piece { run: 0, look: run, line, text: sign, x: first });
        }
        for (at, segment) in self.segments().into_iter().enumerate() {
            let begin = if at == 0 { start } else { left };
            let tokens = self.tokens(&segment)?;
            self.fill(tokens, begin, left, &mut bullet)?;
            if let Some(line) = self.block.lines.last_mut() {
                line.last = true;
            }
        }
        Ok(())
    }

    /// The runs between line breaks.
    fn segments(&self) -> Vec<Vec<(usize, String)>> {
        let mut segments = vec![Vec::new()];
        for (at, (_, text)) in self.paragraph.runs.iter().enumerate() {
            for (part, line) in text.split('\n').enumerate() {
                if part > 0 {
                    segments.push(Vec::new());
                }
                if let Some(segment) = segments.last_mut().filter(|_| !line.is_empty()) {
                    segment.push((at, line.to_owned()));
                }
            }
        }
        segments
    }

    fn piece(&mut self, run: usize, text: &str) -> Result<Piece, Error> {
        let look = scaled(&self.paragraph.runs[run].0, self.fit);
        let line = self.canvas.line(text, &look.style)?;
        Ok(Piece { run, look, line, text: text.to_owned(), x: 0.0 })
    }

    fn tokens(&mut self, segment: &[(usize, String)]) -> Result<Vec<Token>, Error> {
        let mut tokens = Vec::new();
        let mut open: Option<Token> = None;
        for (run, text) in segment {
            for (at, part) in text.split('\t').enumerate() {
                if at > 0 {
                    tokens.extend(open.take());
                    let mut tab = self.piece(*run, " ")?;
                    tab.text = "\t".to_owned();
                    tokens.push(Token { pieces: vec![tab], width: 0.0, bare: 0.0, tab: true });
                }
                for word in canvas::words(part) {
                    let piece = self.piece(*run, word)?;
                    let bare = match word.trim_end_matches(' ') {
                        short if short.len() < word.len() => self.piece(*run, short)?.line.width,
                        _ => piece.line.width,
                    };
                    let token = open.get_or_insert_with(|| Token {
                        pieces: Vec::new(),
                        width: 0.0,
                        bare: 0.0,
                        tab: false,
                    });
                    token.bare = token.width + bare;
                    token.width += piece.line.width;
                    token.pieces.push(piece);
                    if canvas::may_break_after(word) {
                        tokens.extend(open.take());
                    }
                }
            }
        }
        tokens.extend(open);
        Ok(tokens)
    }

    /// Fills lines, the first from `begin` and the others from `left`.
    fn fill(
        &mut self,
        tokens: Vec<Token>,
        begin: f64,
        left: f64,
        bullet: &mut Option<Piece>,
    ) -> Result<(), Error> {
        // At least some letters fit into any line.
        let limit = self.width.map_or(f64::INFINITY, |width| width.max(begin.max(left) + 4.0)) + 0.05;
        let (mut line, mut from, mut x, mut end) = (Vec::new(), begin, begin, begin);
        for token in tokens {
            if token.tab {
                let stop = self.paragraph.look.tab * self.fit.letters.max(0.1);
                let next = ((x + 0.01) / stop).floor().mul_add(stop, stop);
                line.extend(token.pieces.into_iter().map(|piece| Piece { x, ..piece }));
                (x, end) = (next, next);
                continue;
            }
            if x + token.bare > limit && !line.is_empty() {
                self.end_line(std::mem::take(&mut line), from, end, bullet.take())?;
                (from, x) = (left, left);
            }
            if x + token.bare <= limit {
                end = x + token.bare;
                for piece in token.pieces {
                    let width = piece.line.width;
                    line.push(Piece { x, ..piece });
                    x += width;
                }
                continue;
            }
            for piece in token.pieces {
                for letter in piece.text.chars() {
                    let letter = self.piece(piece.run, letter.encode_utf8(&mut [0; 4]))?;
                    let width = letter.line.width;
                    if x + width > limit && !line.is_empty() {
                        self.end_line(std::mem::take(&mut line), from, end, bullet.take())?;
                        (from, x) = (left, left);
                    }
                    line.push(Piece { x, ..letter });
                    x += width;
                    end = x;
                }
            }
        }
        self.end_line(line, from, end, bullet.take())
    }

    fn end_line(
        &mut self,
        pieces: Vec<Piece>,
        from: f64,
        end: f64,
        bullet: Option<Piece>,
    ) -> Result<(), Error> {
        let looks: Vec<RunLook> = match pieces.is_empty() {
            true if self.paragraph.runs.is_empty() => vec![scaled(&self.paragraph.end, self.fit)],
            true => vec![scaled(&self.paragraph.runs[0].0, self.fit)],
            false => pieces.iter().map(|piece| piece.look.clone()).collect(),
        };
        let (mut ascent, mut descent) = (0.0_f64, 0.0_f64);
        let mut before: Option<&RunLook> = None;
        for look in &looks {
            if before == Some(look) {
                continue;
            }
            before = Some(look);
            let (above, below) = extent(self.canvas, look)?;
            let rise = look.rise * look.style.size;
            ascent = ascent.max(above + rise);
            descent = descent.max(below - rise);
        }
        let (height, ascent) = self.line_height(ascent, descent);
        let top = self.block.height;
        let pieces = joined(self.canvas, pieces, self.paragraph.look.side == Side::Justified)?;
        self.block.lines.push(Set {
            left: from,
            width: end - from,
            side: self.paragraph.look.side,
            top,
            bottom: top + height,
            baseline: top + ascent,
            last: false,
            bullet,
            pieces,
        });
        self.block.height = top + height;
        self.block.width = self.block.width.max(end);
        Ok(())
    }

    /// The height of a line and how far below its top its letters stand.
    fn line_height(&self, ascent: f64, descent: f64) -> (f64, f64) {
        let natural = ascent + descent;
        match self.paragraph.look.line {
            Spacing::Points(points) => {
                let height = points * self.fit.letters;
                (height, ascent + height - natural)
            }
            Spacing::Share(share) => {
                let height = natural * (share - self.fit.lines).max(0.2);
                let first = self.block.lines.is_empty();
                // What is added stands above a line, but not above the first one.
                if first && height > natural {
                    (natural, ascent)
                } else {
                    (height, ascent + height - natural)
                }
            }
        }
    }
}

/// Pieces of one look become one, so that words and the spaces between them stay together.
fn joined(canvas: &mut Canvas, pieces: Vec<Piece>, apart: bool) -> Result<Vec<Piece>, Error> {
    let mut joined: Vec<Piece> = Vec::new();
    for piece in pieces {
        match joined.last_mut() {
            Some(last) if !apart && last.run == piece.run && last.text != "\t" && piece.text != "\t" => {
                last.text.push_str(&piece.text);
            }
            _ => joined.push(piece),
        }
    }
    let count = joined.len();
    for (at, piece) in joined.iter_mut().enumerate().filter(|(_, piece)| piece.text != "\t") {
        if at + 1 == count {
            piece.text.truncate(piece.text.trim_end_matches(' ').len());
        }
        piece.line = canvas.line(&piece.text, &piece.look.style)?;
    }
    joined.retain(|piece| piece.text != "\t");
    Ok(joined)
}

impl Block {
    /// Draws its lines from the point `(x, y)` on, as if it were `width` wide, in columns of at most `height` that lie
    /// `step` apart.
    pub(super) fn draw(&self, drawing: &mut Drawing, (x, y): (f64, f64), width: f64, columns: Columns) {
        let (mut column, mut base) = (0, 0.0);
        for line in &self.lines {
            if line.bottom - base > columns.height && column + 1 < columns.count {
                column += 1;
                base = line.top;
            }
            line.draw(drawing, (x + column as f64 * columns.step, y - base), width);
        }
    }
}

/// The columns of a text; mostly it has one.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    pub(super) count: usize,
    pub(super) step: f64,
    pub(super) height: f64,
}

impl Set {
    fn draw(&self, drawing: &mut Drawing, (x, y): (f64, f64), width: f64) {
        let free = width - self.left - self.width;
        let stretched = self.side == Side::Justified && !self.last && free > 0.0 && self.pieces.len() > 1;
        let aside = match self.side {
            Side::Center => free / 2.0,
            Side::Right => free,
            Side::Left | Side::Justified => 0.0,
        };
        let gap = if stretched { free / (self.pieces.len() - 1) as f64 } else { 0.0 };
        let y = y + self.baseline;
        if let Some(bullet) = &self.bullet {
            bullet.draw(drawing, x + aside + bullet.x, y, self);
        }
        for (at, piece) in self.pieces.iter().enumerate() {
            piece.draw(drawing, x + aside + piece.x + gap * at as f64, y, self);
        }
    }
}

impl Piece {
    fn draw(&self, drawing: &mut Drawing, x: f64, y: f64, set: &Set) {
        let RunLook { style, underline, strike, marker, rise, link, .. } = &self.look;
        let width = self.line.width;
        if let Some(color) = marker {
            drawing.fill(x, y - (set.baseline - set.top), width, set.bottom - set.top, *color);
        }
        if let Some(url) = link {
            drawing.link(x, y - (set.baseline - set.top), width, set.bottom - set.top, url);
        }
        let y = y - rise * style.size;
        drawing.text(&self.line, style, x, y);
        let mut line = |on: bool, rise: f64, color: Color| {
            if on && width > 0.0 {
                let y = y - rise * style.size;
                drawing.stroke((x, y), (x + width, y), style.size * 0.05, color);
            }
        };
        line(*underline, -0.12, style.color);
        line(*strike, 0.26, style.color);
    }
}
