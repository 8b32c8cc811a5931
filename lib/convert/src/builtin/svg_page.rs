//! A drawing on a page of its size: shapes stay shapes, text stays text, and what PDF has no shape for becomes a picture.

use oxml_layout::{
    Color, FillRule, GradientStop, GroupElement, Paint, Path, PathCommand, PathElement, Point,
    PositionedElement, Rect, Transform as PageTransform,
};
use resvg::tiny_skia::{self, PathSegment, Transform};
use resvg::usvg::{self, Node};

use crate::{Error, Format, Request};

use super::svg_text::Letters;
use super::{Output, Ticker, canvas, images, svg};

/// Points of a CSS pixel.
const POINTS: f32 = 0.75;
/// The longest side of a page that every reader opens, in points.
const LONGEST: f32 = 14_400.0;
/// Pixels for each CSS pixel of what becomes a picture: some 200 per inch.
const DENSITY: f32 = 2.0;
/// Pixels of all those pictures together.
const PIXELS: f32 = 50_000_000.0;

pub(super) fn to_pdf(req: &Request, ticker: &mut Ticker<'_>) -> Result<Output, Error> {
    let drawing = svg::read(&req.input)?;
    ticker.converting();
    let size = drawing.tree.size();
    let scale = POINTS.min(LONGEST / size.width().max(size.height()));
    let mut page = Page {
        tree: &drawing.tree,
        elements: Vec::new(),
        letters: Letters::default(),
        painted: 0.0,
        pictures: 0,
    };
    page.group(drawing.tree.root(), Transform::from_scale(scale, scale), 1.0)?;

    let Page { elements, letters, pictures, .. } = page;
    let (fonts, shapes) = letters.finish();
    let (width, height) = (f64::from(size.width() * scale), f64::from(size.height() * scale));
    let mut output = canvas::one_page(width, height, elements, fonts)?;
    if let (Some(result), Some(text)) = (&mut output.result, &shapes) {
        result.add(text);
        output.warnings.push("some text is drawn as shapes, and cannot be searched for".into());
    }
    if pictures > 0 {
        output.warnings.push(format!("shadows, masks and the like are pictures now ({pictures})"));
    }
    output.source = Some(drawing.words);
    output.lost.extend(drawing.lost);
    Ok(output)
}

struct Page<'a> {
    tree: &'a usvg::Tree,
    elements: Vec<PositionedElement>,
    letters: Letters,
    /// Pixels of pictures so far.
    painted: f32,
    pictures: usize,
}

impl Page<'_> {
    /// Draws the children of a group. `place` leads from the group's coordinates to the page, `alpha` is how opaque it is.
    fn group(&mut self, group: &usvg::Group, place: Transform, alpha: f32) -> Result<(), Error> {
        for node in group.children() {
            self.node(node, place, alpha)?;
        }
        Ok(())
    }

    fn node(&mut self, node: &Node, place: Transform, alpha: f32) -> Result<(), Error> {
        match node {
            Node::Group(group) => self.subgroup(node, group, place, alpha),
            Node::Path(path) => {
                if !path.is_visible() {
                    return Ok(());
                }
                match shapes(path, place, alpha) {
                    Some(shapes) => self.elements.extend(shapes),
                    None => self.paint(node, place, alpha)?,
                }
                Ok(())
            }
            Node::Image(image) if image.is_visible() => self.image(node, image, place, alpha),
            Node::Image(_) => Ok(()),
            Node::Text(text) => {
                match self.letters.runs(text, self.tree.fontdb(), place, alpha) {
                    Some(runs) => self.elements.extend(runs),
                    None => self.group(text.flattened(), place, alpha)?,
                }
                Ok(())
            }
        }
    }

    fn subgroup(
        &mut self,
        node: &Node,
        group: &usvg::Group,
        place: Transform,
        alpha: f32,
    ) -> Result<(), Error> {
        let within = place.pre_concat(group.transform());
        let opacity = group.opacity().get();
        // Half-transparent things of a group do not shine through each other: only one alone is simply paler.
        let alone = opacity >= 1.0 || group.children().len() <= 1;
        let plain = group.mask().is_none()
            && group.filters().is_empty()
            && group.blend_mode() == usvg::BlendMode::Normal
            && alone;
        let clip = match group.clip_path() {
            None => Some(None),
            Some(clip) => outline_of(clip, within).map(Some),
        };
        let (true, Some(clip)) = (plain, clip) else {
            said(group, &mut self.letters);
            return self.paint(node, place, alpha);
        };
        let Some(clip) = clip else { return self.group(group, within, alpha * opacity) };
        let outer = std::mem::take(&mut self.elements);
        self.group(group, within, alpha * opacity)?;
        let children = std::mem::replace(&mut self.elements, outer);
        self.elements.push(grouped(PageTransform::IDENTITY, Some(clip), children));
        Ok(())
    }

    /// A contained picture that PDF can take as it is; any other is painted.
    fn image(&mut self, node: &Node, image: &usvg::Image, place: Transform, alpha: f32) -> Result<(), Error> {
        let ready = match image.kind() {
            usvg::ImageKind::PNG(data) => images::for_page(data, Format::Png),
            usvg::ImageKind::JPEG(data) => images::for_page(data, Format::Jpg),
            usvg::ImageKind::GIF(_) | usvg::ImageKind::WEBP(_) | usvg::ImageKind::SVG(_) => None,
        };
        let (Some((data, mime)), true) = (ready, alpha >= 1.0) else {
            return self.paint(node, place, alpha);
        };
        let (width, height) = (f64::from(image.size().width()), f64::from(image.size().height()));
        let picture = canvas::picture(Rect { x: 0.0, y: 0.0, width, height }, data, mime);
        self.elements.push(grouped(on_page(place), None, vec![picture]));
        Ok(())
    }

    /// Paints a node as a picture, `place` being where its parent is.
    fn paint(&mut self, node: &Node, place: Transform, alpha: f32) -> Result<(), Error> {
        let Some(area) = node.abs_layer_bounding_box() else { return Ok(()) };
        let size = self.tree.size();
        let scale = POINTS.min(LONGEST / size.width().max(size.height()));
        // Nothing beyond the page is seen.
        let Some(seen) = size.to_rect(0.0, 0.0).and_then(|page| area.to_rect().intersect(&page)) else {
            return Ok(());
        };
        let (width, height) = ((seen.width() * DENSITY).ceil(), (seen.height() * DENSITY).ceil());
        self.painted += width * height;
        if self.painted > PIXELS {
            return Err(Error::limit(format!(
                "more than {} megapixels of shadows, masks and the like",
                PIXELS / 1_000_000.0
            )));
        }
        let mut pixmap = svg::pixmap(width.max(1.0) as u32, height.max(1.0) as u32)?;
        // From the coordinates of the parent to those of the drawing, and on to the pixels; `render_node` moves what
        // it is given by the corner of the node's area first, which is taken back here.
        let parent = Transform::from_scale(1.0 / scale, 1.0 / scale).pre_concat(place);
        let pixels = Transform::from_scale(DENSITY, DENSITY)
            .pre_translate(-seen.x(), -seen.y())
            .pre_concat(parent)
            .pre_translate(area.x(), area.y());
        if resvg::render_node(node, pixels, &mut pixmap.as_mut()).is_none() {
            return Ok(());
        }
        if alpha < 1.0 {
            let paler = tiny_skia::PixmapPaint { opacity: alpha, ..tiny_skia::PixmapPaint::default() };
            let mut pale = svg::pixmap(pixmap.width(), pixmap.height())?;
            pale.draw_pixmap(0, 0, pixmap.as_ref(), &paler, Transform::identity(), None);
            pixmap = pale;
        }
        let data = images::encode(&svg::picture(pixmap)?, Format::Png, None)?;
        let side = |pixels: f32| f64::from(pixels / DENSITY * scale);
        let (x, y) = (f64::from(seen.x() * scale), f64::from(seen.y() * scale));
        let area = Rect { x, y, width: side(width), height: side(height) };
        self.elements.push(canvas::picture(area, data, "image/png"));
        self.pictures += 1;
        Ok(())
    }
}

/// Text within what becomes a picture.
fn said(group: &usvg::Group, letters: &mut Letters) {
    for node in group.children() {
        match node {
            Node::Group(group) => said(group, letters),
            Node::Text(text) => letters.as_shapes(text),
            Node::Path(_) | Node::Image(_) => {}
        }
    }
}

/// Fill and stroke of a path; nothing when PDF has no such paint.
fn shapes(path: &usvg::Path, place: Transform, alpha: f32) -> Option<Vec<PositionedElement>> {
    let mut shapes = Vec::new();
    if let Some(fill) = path.fill() {
        let rule = match fill.rule() {
            usvg::FillRule::NonZero => FillRule::NonZero,
            usvg::FillRule::EvenOdd => FillRule::EvenOdd,
        };
        shapes.push(painted(path.data(), rule, fill.paint(), fill.opacity().get() * alpha, place)?);
    }
    if let Some(stroke) = path.stroke() {
        let precision = tiny_skia::PathStroker::compute_resolution_scale(&place);
        let outline = stroke.to_tiny_skia();
        let dashed = match &outline.dash {
            Some(dash) => Some(path.data().dash(dash, precision)?),
            None => None,
        };
        let line = dashed.as_ref().unwrap_or(path.data());
        if let Some(outline) = line.stroke(&outline, precision) {
            let opacity = stroke.opacity().get() * alpha;
            shapes.push(painted(&outline, FillRule::NonZero, stroke.paint(), opacity, place)?);
        }
    }
    if path.paint_order() == usvg::PaintOrder::StrokeAndFill {
        shapes.reverse();
    }
    Some(shapes)
}

fn painted(
    path: &tiny_skia::Path,
    rule: FillRule,
    paint: &usvg::Paint,
    opacity: f32,
    place: Transform,
) -> Option<PositionedElement> {
    if let usvg::Paint::Color(color) = paint {
        let fill = Some(Paint::Solid(shade(*color, opacity)));
        let path = outline(path, rule, place);
        return Some(PositionedElement::Path(PathElement { path, fill, stroke: None }));
    }
    if opacity < 1.0 {
        return None;
    }
    // In the coordinates of the gradient, where it is straight and round.
    let (gradient, fill) = match paint {
        usvg::Paint::LinearGradient(linear) => {
            let [start, end] = [(linear.x1(), linear.y1()), (linear.x2(), linear.y2())].map(point);
            (&***linear, Paint::linear(start, end, stops(linear)?, (true, true)))
        }
        usvg::Paint::RadialGradient(radial) if radial.fr().get() == 0.0 => {
            let (center, focal) = (point((radial.cx(), radial.cy())), point((radial.fx(), radial.fy())));
            let radius = f64::from(radial.r().get());
            (&***radial, Paint::radial(center, radius, focal, stops(radial)?, (true, true)))
        }
        _ => return None,
    };
    let path = outline(path, rule, gradient.transform().invert()?);
    let element = PositionedElement::Path(PathElement { path, fill: Some(fill), stroke: None });
    Some(grouped(on_page(place.pre_concat(gradient.transform())), None, vec![element]))
}

/// The colours of a gradient that ends with its ends and hides nothing.
fn stops(gradient: &usvg::BaseGradient) -> Option<Vec<GradientStop>> {
    let simple = gradient.spread_method() == usvg::SpreadMethod::Pad
        && gradient.stops().iter().all(|stop| stop.opacity().get() >= 1.0);
    let stop = |stop: &usvg::Stop| GradientStop {
        offset: f64::from(stop.offset().get()),
        color: shade(stop.color(), 1.0),
    };
    simple.then(|| gradient.stops().iter().map(stop).collect())
}

/// The one path of a simple clip, on the page.
fn outline_of(clip: &usvg::ClipPath, place: Transform) -> Option<Path> {
    fn only(group: &usvg::Group, place: Transform) -> Option<(&usvg::Path, Transform)> {
        let within = place.pre_concat(group.transform());
        match group.children() {
            [Node::Path(path)] if group.clip_path().is_none() && group.mask().is_none() => {
                Some((path, within))
            }
            [Node::Group(group)] => only(group, within),
            _ => None,
        }
    }
    if clip.clip_path().is_some() {
        return None;
    }
    let (path, place) = only(clip.root(), place.pre_concat(clip.transform()))?;
    let rule = match path.fill()?.rule() {
        usvg::FillRule::NonZero => FillRule::NonZero,
        usvg::FillRule::EvenOdd => FillRule::EvenOdd,
    };
    Some(outline(path.data(), rule, place))
}

fn outline(path: &tiny_skia::Path, fill_rule: FillRule, place: Transform) -> Path {
    let to = |mut at: tiny_skia::Point| {
        place.map_point(&mut at);
        point((at.x, at.y))
    };
    let mut commands = Vec::with_capacity(path.len());
    let mut last = tiny_skia::Point::zero();
    for segment in path.segments() {
        commands.push(match segment {
            PathSegment::MoveTo(end) => {
                last = end;
                PathCommand::MoveTo(to(end))
            }
            PathSegment::LineTo(end) => {
                last = end;
                PathCommand::LineTo(to(end))
            }
            PathSegment::QuadTo(control, end) => {
                let third = |from: tiny_skia::Point| {
                    let mix = |from: f32, control: f32| from + (control - from) * 2.0 / 3.0;
                    tiny_skia::Point::from_xy(mix(from.x, control.x), mix(from.y, control.y))
                };
                let (c1, c2) = (to(third(last)), to(third(end)));
                last = end;
                PathCommand::CurveTo { c1, c2, to: to(end) }
            }
            PathSegment::CubicTo(c1, c2, end) => {
                last = end;
                PathCommand::CurveTo { c1: to(c1), c2: to(c2), to: to(end) }
            }
            PathSegment::Close => PathCommand::Close,
        });
    }
    Path { commands, fill_rule }
}

fn point((x, y): (f32, f32)) -> Point {
    Point { x: f64::from(x), y: f64::from(y) }
}

pub(super) fn shade(color: usvg::Color, opacity: f32) -> Color {
    let part = |part: u8| f64::from(part) / 255.0;
    Color { r: part(color.red), g: part(color.green), b: part(color.blue), a: f64::from(opacity) }
}

pub(super) fn on_page(place: Transform) -> PageTransform {
    PageTransform {
        a: f64::from(place.sx),
        b: f64::from(place.ky),
        c: f64::from(place.kx),
        d: f64::from(place.sy),
        e: f64::from(place.tx),
        f: f64::from(place.ty),
    }
}

pub(super) fn grouped(
    transform: PageTransform,
    clip: Option<Path>,
    children: Vec<PositionedElement>,
) -> PositionedElement {
    PositionedElement::Group(GroupElement { transform, clip, opacity: 1.0, effects: Vec::new(), children })
}
