//! Paints what a PDF page says: paths, letters, clips, groups and soft masks, on pixels.

use std::collections::HashMap;
use std::rc::Rc;

use hayro_interpret::font::{Glyph, GlyphRun};
use hayro_interpret::kurbo::{Affine, BezPath, Cap, Join, PathEl};
use hayro_interpret::{
    BlendMode, CacheKey as _, ClipPath, Device, DrawMode, DrawProps, FillRule, Image, ImageDrawProps,
    MaskType, SoftMask, StrokeProps,
};
use resvg::tiny_skia::{
    self, FillRule as Rule, LineCap, LineJoin, Mask, Path, PathBuilder, Pixmap, PixmapPaint, Stroke,
    StrokeDash, Transform,
};

use super::pdf_paint::{Colour, colour, picture};

/// The paper, and what is being put on it.
pub(super) struct Brush {
    layers: Vec<Layer>,
    clips: Vec<Clip>,
    outlines: HashMap<u128, Option<Rc<Path>>>,
    masks: HashMap<u128, Rc<Mask>>,
}

/// A group whose parts are put together before they go on what is below.
struct Layer {
    pixmap: Pixmap,
    opacity: f32,
    mask: Option<Rc<Mask>>,
    blend: tiny_skia::BlendMode,
}

/// A clip, and where it and all before it let something through: found out when something is drawn.
struct Clip {
    path: Option<Path>,
    rule: Rule,
    open: Option<Rc<Mask>>,
}

impl Brush {
    /// Draws on this paper, whose origin is the upper left corner.
    pub(super) fn on(paper: Pixmap) -> Brush {
        let base = Layer { pixmap: paper, opacity: 1.0, mask: None, blend: tiny_skia::BlendMode::SourceOver };
        Brush { layers: vec![base], clips: Vec::new(), outlines: HashMap::new(), masks: HashMap::new() }
    }

    /// The paper, with every group that was left open put on it.
    pub(super) fn finish(mut self) -> Option<Pixmap> {
        while self.layers.len() > 1 {
            self.pop_transparency_group();
        }
        self.layers.pop().map(|layer| layer.pixmap)
    }

    pub(super) fn size(&self) -> (u32, u32) {
        self.layers.first().map_or((1, 1), |layer| (layer.pixmap.width(), layer.pixmap.height()))
    }

    /// A brush for another paper that knows the letters already.
    pub(super) fn apprentice(&mut self, width: u32, height: u32) -> Option<Brush> {
        let mut brush = Brush::on(Pixmap::new(width, height)?);
        brush.outlines = std::mem::take(&mut self.outlines);
        Some(brush)
    }

    /// Takes back what the apprentice has learnt, and what it has painted.
    pub(super) fn take_back(&mut self, mut apprentice: Brush) -> Option<Pixmap> {
        self.outlines = std::mem::take(&mut apprentice.outlines);
        apprentice.finish()
    }

    /// Fills a path, given in the coordinates that `place` leads to the paper.
    pub(super) fn fill<'a>(&mut self, path: &Path, rule: Rule, props: &DrawProps<'a>, stroke: bool) {
        let place = transform(props.transform);
        let Some(bounds) = path.bounds().transform(place) else { return };
        let (width, height) = self.size();
        if bounds.right() < 0.0
            || bounds.bottom() < 0.0
            || bounds.left() > width as f32
            || bounds.top() > height as f32
        {
            return;
        }
        let Some(colour) = colour(self, &props.paint, bounds, stroke) else { return };
        if let Some(clip) = colour.clip() {
            self.push_clip_path(&clip);
        }
        let mask = self.mask(props.soft_mask.as_ref());
        self.spread(path, rule, place, &colour, blend(props.blend_mode), mask.as_deref());
        if colour.clip().is_some() {
            self.pop_clip();
        }
    }

    /// Puts a colour on the topmost layer. What the colour is made of lies on the paper, not in the path's coordinates.
    pub(super) fn spread(
        &mut self,
        path: &Path,
        rule: Rule,
        place: Transform,
        colour: &Colour,
        blend: tiny_skia::BlendMode,
        mask: Option<&Mask>,
    ) {
        let Some(layer) = self.layers.last_mut() else { return };
        let mut paint = tiny_skia::Paint { blend_mode: blend, ..tiny_skia::Paint::default() };
        match colour.shader() {
            Some(shader) => {
                let Some(path) = path.clone().transform(place) else { return };
                paint.shader = shader;
                layer.pixmap.fill_path(&path, &paint, rule, Transform::identity(), mask);
            }
            None => {
                let [red, green, blue, alpha] = colour.plain();
                paint.set_color_rgba8(red, green, blue, alpha);
                layer.pixmap.fill_path(path, &paint, rule, place, mask);
            }
        }
    }

    /// Where the clips, and this mask, let something through; nothing when that is everywhere.
    pub(super) fn mask(&mut self, soft: Option<&SoftMask<'_>>) -> Option<Rc<Mask>> {
        let clip = self.open();
        let Some(soft) = soft else { return clip };
        let soft = self.soft(soft)?;
        let Some(clip) = clip else { return Some(soft) };
        let mut both = Mask::clone(&soft);
        for (value, clip) in both.data_mut().iter_mut().zip(clip.data()) {
            *value = ((u16::from(*value) * u16::from(*clip) + 127) / 255) as u8;
        }
        Some(Rc::new(both))
    }

    fn open(&mut self) -> Option<Rc<Mask>> {
        let (width, height) = self.size();
        // The innermost that is known already; the rest is made from it.
        let known = self.clips.iter().rposition(|clip| clip.open.is_some());
        let mut open = known.and_then(|at| self.clips[at].open.clone());
        for clip in self.clips.iter_mut().skip(known.map_or(0, |at| at + 1)) {
            let mut mask = match &open {
                Some(mask) => Mask::clone(mask),
                None => Mask::new(width, height)?,
            };
            match (&clip.path, open.is_some()) {
                (Some(path), true) => mask.intersect_path(path, clip.rule, true, Transform::identity()),
                (Some(path), false) => mask.fill_path(path, clip.rule, true, Transform::identity()),
                (None, _) => mask.clear(),
            }
            clip.open = Some(Rc::new(mask));
            open = clip.open.clone();
        }
        open
    }

    /// A soft mask as it is on the paper (ISO 32000-2, 11.5).
    fn soft<'a>(&mut self, soft: &SoftMask<'a>) -> Option<Rc<Mask>> {
        let key = soft.cache_key();
        if let Some(known) = self.masks.get(&key) {
            return Some(Rc::clone(known));
        }
        let (width, height) = self.size();
        let mut apprentice = self.apprentice(width, height)?;
        let kind = match soft.mask_type() {
            MaskType::Luminosity => tiny_skia::MaskType::Luminance,
            MaskType::Alpha => tiny_skia::MaskType::Alpha,
        };
        if soft.mask_type() == MaskType::Luminosity {
            let [red, green, blue, _] = soft.background_color().to_rgba().to_rgba8();
            if let Some(layer) = apprentice.layers.first_mut() {
                layer.pixmap.fill(tiny_skia::Color::from_rgba8(red, green, blue, 255));
            }
        }
        soft.interpret(&mut apprentice);
        let painted = self.take_back(apprentice)?;
        let mut mask = Mask::from_pixmap(painted.as_ref(), kind);
        if let Some(transfer) = soft.transfer_function() {
            transfer.apply_to(mask.data_mut());
        }
        let mask = Rc::new(mask);
        self.masks.insert(key, Rc::clone(&mask));
        Some(mask)
    }

    /// Puts a painted picture of the paper's size on the topmost layer.
    pub(super) fn lay(
        &mut self,
        pixmap: &Pixmap,
        opacity: f32,
        blend: tiny_skia::BlendMode,
        mask: Option<&Mask>,
    ) {
        let Some(layer) = self.layers.last_mut() else { return };
        let paint = PixmapPaint { opacity, blend_mode: blend, quality: tiny_skia::FilterQuality::Nearest };
        layer.pixmap.draw_pixmap(0, 0, pixmap.as_ref(), &paint, Transform::identity(), mask);
    }

    fn stroke<'a>(&mut self, path: &Path, props: &DrawProps<'a>, stroke: &StrokeProps, thinnest: f32) {
        let place = transform(props.transform);
        let scale = tiny_skia::PathStroker::compute_resolution_scale(&place);
        // The thinnest line is one pixel (8.4.3.2).
        let style = pen(stroke, thinnest / scale.max(f32::MIN_POSITIVE));
        let dashed = style.dash.as_ref().and_then(|dash| path.dash(dash, scale));
        if let Some(line) = dashed.as_ref().unwrap_or(path).stroke(&style, scale) {
            self.fill(&line, Rule::Winding, props, true);
        }
    }

    fn draw<'a>(&mut self, path: &Path, props: &DrawProps<'a>, mode: &DrawMode, thinnest: f32) {
        match mode {
            DrawMode::Fill(rule) => self.fill(path, fill_rule(*rule), props, false),
            DrawMode::Stroke(style) => self.stroke(path, props, style, thinnest),
            DrawMode::FillAndStroke(rule, style) => {
                self.fill(path, fill_rule(*rule), props, false);
                self.stroke(path, props, style, thinnest);
            }
            DrawMode::Invisible => {}
        }
    }
}

impl<'a> Device<'a> for Brush {
    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, draw_mode: &DrawMode) {
        if let Some(path) = outline(path) {
            self.draw(&path, &props, draw_mode, 1.0);
        }
    }

    fn push_clip_path(&mut self, clip: &ClipPath) {
        self.clips.push(Clip { path: outline(&clip.path), rule: fill_rule(clip.fill), open: None });
    }

    fn push_transparency_group(&mut self, opacity: f32, mask: Option<SoftMask<'a>>, blend_mode: BlendMode) {
        let (width, height) = self.size();
        let mask = mask.and_then(|mask| self.soft(&mask));
        // A paper of this size was made before.
        let Some(pixmap) = Pixmap::new(width, height) else { return };
        self.layers.push(Layer { pixmap, opacity, mask, blend: blend(blend_mode) });
    }

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, draw_mode: &DrawMode) {
        for glyph in run.glyphs() {
            match &**glyph {
                Glyph::Outline(letter) => {
                    let key = letter.identifier().cache_key();
                    let known =
                        self.outlines.entry(key).or_insert_with(|| outline(&letter.outline()).map(Rc::new));
                    let Some(path) = known.clone() else { continue };
                    let placed =
                        DrawProps { transform: props.transform * glyph.transform(), ..props.clone() };
                    self.draw(&path, &placed, &in_letter(draw_mode, glyph.transform()), 0.25);
                }
                Glyph::Type3(drawing) if !matches!(draw_mode, DrawMode::Invisible) => {
                    drawing.interpret(self, props.transform, glyph.transform(), &props.paint);
                }
                Glyph::Type3(_) => {}
            }
        }
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        picture(self, image, &props);
    }

    fn pop_clip(&mut self) {
        self.clips.pop();
    }

    fn pop_transparency_group(&mut self) {
        if self.layers.len() > 1
            && let Some(layer) = self.layers.pop()
        {
            self.lay(&layer.pixmap, layer.opacity, layer.blend, layer.mask.as_deref());
        }
    }
}

/// A pen whose width is measured in the letter's own coordinates.
fn in_letter(mode: &DrawMode, place: Affine) -> DrawMode {
    let [a, b, c, d, ..] = place.as_coeffs();
    let scale = (a * d - b * c).abs().sqrt().max(f64::MIN_POSITIVE) as f32;
    let thinner = |style: &StrokeProps| StrokeProps { line_width: style.line_width / scale, ..style.clone() };
    match mode {
        DrawMode::Stroke(style) => DrawMode::Stroke(thinner(style)),
        DrawMode::FillAndStroke(rule, style) => DrawMode::FillAndStroke(*rule, thinner(style)),
        DrawMode::Fill(rule) => DrawMode::Fill(*rule),
        DrawMode::Invisible => DrawMode::Invisible,
    }
}

fn pen(style: &StrokeProps, thinnest: f32) -> Stroke {
    let mut dashes = style.dash_array.to_vec();
    if dashes.len() % 2 == 1 {
        dashes.extend_from_within(..);
    }
    Stroke {
        width: style.line_width.max(thinnest),
        miter_limit: style.miter_limit,
        line_cap: match style.line_cap {
            Cap::Butt => LineCap::Butt,
            Cap::Round => LineCap::Round,
            Cap::Square => LineCap::Square,
        },
        line_join: match style.line_join {
            Join::Miter => LineJoin::Miter,
            Join::Round => LineJoin::Round,
            Join::Bevel => LineJoin::Bevel,
        },
        dash: StrokeDash::new(dashes, style.dash_offset),
    }
}

/// Nothing when there is nothing to draw.
pub(super) fn outline(path: &BezPath) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for element in path.elements() {
        match element {
            PathEl::MoveTo(to) => builder.move_to(to.x as f32, to.y as f32),
            PathEl::LineTo(to) => builder.line_to(to.x as f32, to.y as f32),
            PathEl::QuadTo(by, to) => builder.quad_to(by.x as f32, by.y as f32, to.x as f32, to.y as f32),
            PathEl::CurveTo(by, and, to) => builder.cubic_to(
                by.x as f32,
                by.y as f32,
                and.x as f32,
                and.y as f32,
                to.x as f32,
                to.y as f32,
            ),
            PathEl::ClosePath => builder.close(),
        }
    }
    builder.finish()
}

pub(super) fn transform(affine: Affine) -> Transform {
    let [a, b, c, d, e, f] = affine.as_coeffs();
    Transform::from_row(a as f32, b as f32, c as f32, d as f32, e as f32, f as f32)
}

fn fill_rule(rule: FillRule) -> Rule {
    match rule {
        FillRule::NonZero => Rule::Winding,
        FillRule::EvenOdd => Rule::EvenOdd,
    }
}

pub(super) fn blend(mode: BlendMode) -> tiny_skia::BlendMode {
    use tiny_skia::BlendMode as Mode;
    match mode {
        BlendMode::Normal => Mode::SourceOver,
        BlendMode::Multiply => Mode::Multiply,
        BlendMode::Screen => Mode::Screen,
        BlendMode::Overlay => Mode::Overlay,
        BlendMode::Darken => Mode::Darken,
        BlendMode::Lighten => Mode::Lighten,
        BlendMode::ColorDodge => Mode::ColorDodge,
        BlendMode::ColorBurn => Mode::ColorBurn,
        BlendMode::HardLight => Mode::HardLight,
        BlendMode::SoftLight => Mode::SoftLight,
        BlendMode::Difference => Mode::Difference,
        BlendMode::Exclusion => Mode::Exclusion,
        BlendMode::Hue => Mode::Hue,
        BlendMode::Saturation => Mode::Saturation,
        BlendMode::Color => Mode::Color,
        BlendMode::Luminosity => Mode::Luminosity,
    }
}
