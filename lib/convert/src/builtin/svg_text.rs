//! Text of a drawing as text of a page: its glyphs at their places, in the fonts that the drawing was laid out with.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use oxml_layout::{FontData, FontId, GlyphRun, Point, PositionedElement};
use resvg::tiny_skia::Transform;
use resvg::usvg::layout::{PositionedGlyph, Span};
use resvg::usvg::{self, fontdb};

use super::svg_page::{grouped, on_page, shade};

/// The fonts used so far, and the text that could not be set with them.
#[derive(Default)]
pub(super) struct Letters {
    fonts: HashMap<fontdb::ID, Face>,
    shapes: String,
}

struct Face {
    data: FontData,
    units: f32,
}

impl Letters {
    /// The runs of a text; nothing when it is written from the right, has outlines, a paint that is no colour, or a font
    /// of variable weight: then it is to be drawn as shapes, and is remembered as such.
    pub(super) fn runs(
        &mut self,
        text: &usvg::Text,
        fonts: &fontdb::Database,
        place: Transform,
        alpha: f32,
    ) -> Option<Vec<PositionedElement>> {
        let runs: Option<Vec<Vec<PositionedElement>>> =
            text.layouted().iter().map(|span| self.span(span, fonts, place, alpha)).collect();
        if runs.is_none() {
            self.as_shapes(text);
        }
        Some(runs?.into_iter().flatten().collect())
    }

    /// Remembers a text that becomes shapes or a picture.
    pub(super) fn as_shapes(&mut self, text: &usvg::Text) {
        for chunk in text.chunks() {
            self.shapes.push_str(chunk.text());
            self.shapes.push('\n');
        }
    }

    /// The fonts by the numbers that the runs have for them, and the text that is no text any more.
    pub(super) fn finish(self) -> (Vec<FontData>, Option<String>) {
        let mut fonts: Vec<FontData> = self.fonts.into_values().map(|face| face.data).collect();
        fonts.sort_by_key(|font| font.id.0);
        (fonts, (!self.shapes.is_empty()).then_some(self.shapes))
    }

    fn span(
        &mut self,
        span: &Span,
        fonts: &fontdb::Database,
        place: Transform,
        alpha: f32,
    ) -> Option<Vec<PositionedElement>> {
        if !span.visible {
            return Some(Vec::new());
        }
        let decorated = span.underline.is_some() || span.overline.is_some() || span.line_through.is_some();
        let fill = span.fill.as_ref()?;
        let usvg::Paint::Color(color) = fill.paint() else { return None };
        if decorated || span.stroke.is_some() {
            return None;
        }
        let color = shade(*color, fill.opacity().get() * alpha);
        let mut runs: Vec<Run> = Vec::new();
        for glyph in &span.positioned_glyphs {
            let right_to_left = |letter: char| matches!(letter, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}');
            if glyph.text.chars().any(right_to_left) {
                return None;
            }
            let face = self.face(glyph.font, fonts)?;
            let next = Run::of(glyph, face)?;
            match runs.last_mut().filter(|run| run.goes_on_with(&next)) {
                Some(run) => run.take(next),
                None => runs.push(next),
            }
        }
        Some(runs.into_iter().map(|run| run.element(place, color)).collect())
    }

    fn face(&mut self, id: fontdb::ID, fonts: &fontdb::Database) -> Option<&Face> {
        let number = FontId(u32::try_from(self.fonts.len()).ok()?);
        match self.fonts.entry(id) {
            Entry::Occupied(known) => Some(known.into_mut()),
            Entry::Vacant(free) => Some(free.insert(Face::of(id, number, fonts)?)),
        }
    }
}

impl Face {
    fn of(id: fontdb::ID, number: FontId, fonts: &fontdb::Database) -> Option<Face> {
        let info = fonts.face(id)?;
        let (data, face_index) = fonts.with_face_data(id, |data, index| (Arc::<[u8]>::from(data), index))?;
        let face = ttf_parser::Face::parse(&data, face_index).ok()?;
        if face.is_variable() {
            return None;
        }
        let units = f32::from(face.units_per_em());
        let data = FontData {
            id: number,
            family: info.families.first().map(|(name, _)| name.clone()).unwrap_or_default(),
            data,
            face_index,
            bold: info.weight.0 >= 600,
            italic: info.style != fontdb::Style::Normal,
            variations: Vec::new(),
            synthetic_bold: false,
            synthetic_italic: false,
        };
        Some(Face { data, units })
    }
}

/// Glyphs of one font behind each other on one line.
struct Run {
    font: FontId,
    bold: bool,
    italic: bool,
    size: f32,
    /// From the run's own coordinates, whose unit is that of the drawing, to those of the drawing.
    place: Transform,
    glyphs: Vec<u16>,
    advances: Vec<f32>,
    text: String,
}

impl Run {
    fn of(glyph: &PositionedGlyph, face: &Face) -> Option<Run> {
        let id = u16::try_from(glyph.id.0).ok()?;
        let scale = glyph.font_size() / face.units;
        let parsed = ttf_parser::Face::parse(&face.data.data, face.data.face_index).ok()?;
        let advance = parsed.glyph_hor_advance(ttf_parser::GlyphId(id)).map_or(0.0, f32::from) * scale;
        Some(Run {
            font: face.data.id,
            bold: face.data.bold,
            italic: face.data.italic,
            size: glyph.font_size(),
            place: glyph.transform().pre_scale(1.0 / scale, 1.0 / scale),
            glyphs: vec![id],
            advances: vec![advance],
            text: glyph.text.clone(),
        })
    }

    /// How far along the run's own line the next one begins.
    fn distance(&self, next: &Run) -> Option<(f32, f32)> {
        let back = self.place.invert()?;
        let mut at = resvg::tiny_skia::Point::from_xy(next.place.tx, next.place.ty);
        back.map_point(&mut at);
        Some((at.x, at.y))
    }

    fn goes_on_with(&self, next: &Run) -> bool {
        let turn = |place: &Transform| [place.sx, place.kx, place.ky, place.sy];
        let same = turn(&self.place).iter().zip(turn(&next.place)).all(|(a, b)| (a - b).abs() < 1e-4);
        let width: f32 = self.advances.iter().sum();
        let near = |(x, y): (f32, f32)| {
            y.abs() < self.size * 0.01 && x >= width - self.size * 0.5 && x < width + self.size * 0.5
        };
        same && self.font == next.font && self.size == next.size && self.distance(next).is_some_and(near)
    }

    fn take(&mut self, next: Run) {
        if let Some((x, _)) = self.distance(&next)
            && let Some(last) = self.advances.pop()
        {
            let before: f32 = self.advances.iter().sum();
            self.advances.push(if x > before { x - before } else { last });
        }
        self.glyphs.extend(next.glyphs);
        self.advances.extend(next.advances);
        self.text.push_str(&next.text);
    }

    fn element(self, place: Transform, color: oxml_layout::Color) -> PositionedElement {
        let run = GlyphRun {
            origin: Point { x: 0.0, y: 0.0 },
            font_id: self.font,
            font_size: f64::from(self.size),
            glyph_ids: self.glyphs,
            advances: self.advances.into_iter().map(f64::from).collect(),
            text: self.text,
            source: None,
            color,
            bold: self.bold,
            italic: self.italic,
            field_kind: None,
            field_source: None,
            note: None,
            note_reference_source: None,
            tab_aligned: None,
        };
        grouped(on_page(place.pre_concat(self.place)), None, vec![PositionedElement::Text(run)])
    }
}
