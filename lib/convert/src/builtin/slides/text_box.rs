//! Text in the box of a shape: its margins, its height in it, which way it runs, and how small it is made to fit.

use oxml_layout::{Rect, Transform};

use crate::Error;

use super::body::Paragraph;
use super::lines::{Block, Columns, Fit, set};
use super::tree::{Node, child, length, number, share};
use crate::builtin::canvas::{Canvas, Drawing};

/// Letters of a text that is made smaller until it fits; longer ones are set once.
const TRIED: usize = 20_000;
/// No text is made smaller than this share of its size.
const SMALLEST: f64 = 0.25;

/// Where a text stands in its box.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Stand {
    Top,
    Middle,
    Bottom,
}

/// The box of a text (`a:bodyPr`). Lengths in points.
pub(super) struct TextBox {
    /// Left, top, right, bottom.
    pub(super) margins: [f64; 4],
    pub(super) stand: Stand,
    wraps: bool,
    /// Made smaller to fit, from these shares on.
    shrinks: Option<Fit>,
    columns: usize,
    gap: f64,
    /// Degrees that it is turned by against its shape.
    turn: f64,
}

const AS_IT_IS: Fit = Fit { letters: 1.0, lines: 0.0 };

impl TextBox {
    /// What these elements say, the nearest to the shape first.
    pub(super) fn of(says: &[Node<'_>]) -> TextBox {
        let word = |name: &str| says.iter().find_map(|node| node.attribute(name));
        let margin = |name: &str, usual: f64| {
            says.iter().find_map(|node| length(*node, name)).unwrap_or(usual).clamp(-1_000.0, 4_000.0)
        };
        let fits = ["noAutofit", "normAutofit", "spAutoFit"];
        let fit = says.iter().find_map(|node| fits.iter().find_map(|name| child(*node, name)));
        let shrinks = fit.filter(|fit| fit.tag_name().name() == "normAutofit").map(|fit| Fit {
            letters: share(fit, "fontScale").unwrap_or(1.0).clamp(SMALLEST, 1.0),
            lines: share(fit, "lnSpcReduction").unwrap_or(0.0).clamp(0.0, 0.5),
        });
        TextBox {
            margins: [margin("lIns", 7.2), margin("tIns", 3.6), margin("rIns", 7.2), margin("bIns", 3.6)],
            stand: match word("anchor") {
                Some("ctr") => Stand::Middle,
                Some("b") => Stand::Bottom,
                _ => Stand::Top,
            },
            wraps: word("wrap") != Some("none"),
            shrinks,
            columns: says
                .iter()
                .find_map(|node| number(*node, "numCol"))
                .map_or(1, |count| count.clamp(1.0, 16.0) as usize),
            gap: margin("spcCol", 0.0),
            turn: match word("vert") {
                Some("vert" | "eaVert" | "wordArtVert") => 90.0,
                Some("vert270") => 270.0,
                _ => 0.0,
            },
        }
    }

    /// Draws paragraphs in an area.
    pub(super) fn draw(
        &self,
        canvas: &mut Canvas,
        drawing: &mut Drawing,
        paragraphs: &[Paragraph],
        area: Rect,
    ) -> Result<(), Error> {
        if self.turn == 0.0 {
            return self.upright(canvas, drawing, paragraphs, area);
        }
        let (x, y) = (area.x + area.width / 2.0, area.y + area.height / 2.0);
        let (width, height) = (area.height, area.width);
        let lying = Rect { x: x - width / 2.0, y: y - height / 2.0, width, height };
        let mut inner = Drawing::default();
        self.upright(canvas, &mut inner, paragraphs, lying)?;
        drawing.group(Transform::rotate_about(self.turn, x, y), None, 1.0, inner);
        Ok(())
    }

    fn upright(
        &self,
        canvas: &mut Canvas,
        drawing: &mut Drawing,
        paragraphs: &[Paragraph],
        area: Rect,
    ) -> Result<(), Error> {
        let [left, top, right, bottom] = self.margins;
        let (width, height) = ((area.width - left - right).max(1.0), (area.height - top - bottom).max(0.0));
        let column = ((width - self.gap * (self.columns - 1) as f64) / self.columns as f64).max(1.0);
        let room = height * self.columns as f64;
        let block = self.fitting(canvas, paragraphs, column, room)?;
        let high = if self.columns > 1 { block.height.min(height) } else { block.height };
        let down = match self.stand {
            Stand::Top => 0.0,
            Stand::Middle => (height - high) / 2.0,
            Stand::Bottom => height - high,
        };
        let columns = Columns { count: self.columns, step: column + self.gap, height: height + 0.5 };
        block.draw(drawing, (area.x + left, area.y + top + down), column, columns);
        Ok(())
    }

    fn fitting(
        &self,
        canvas: &mut Canvas,
        paragraphs: &[Paragraph],
        width: f64,
        room: f64,
    ) -> Result<Block, Error> {
        let width = self.wraps.then_some(width);
        let mut fit = self.shrinks.unwrap_or(AS_IT_IS);
        let mut block = set(canvas, paragraphs, width, fit)?;
        let letters: usize =
            paragraphs.iter().flat_map(|paragraph| &paragraph.runs).map(|(_, text)| text.len()).sum();
        while self.shrinks.is_some()
            && block.height > room + 1.0
            && fit.letters > SMALLEST
            && letters <= TRIED
        {
            fit = Fit { letters: fit.letters - 0.05, lines: fit.lines.max(0.1) };
            block = set(canvas, paragraphs, width, fit)?;
        }
        Ok(block)
    }
}

/// The height that paragraphs need in a cell of this width, without its margins.
pub(super) fn height(canvas: &mut Canvas, paragraphs: &[Paragraph], width: f64) -> Result<f64, Error> {
    Ok(set(canvas, paragraphs, Some(width.max(1.0)), AS_IT_IS)?.height)
}
