//! How a shape is filled and outlined: its own words, those of its placeholder, or those of its theme.

use oxml_layout::{Color, GradientStop, LineCap, Paint, Point, Rect, Stroke};

use super::scheme::{Scheme, is_fill};
use super::tree::{Node, at, child, children, flag, length, number, share};

/// What is within an outline.
#[derive(Clone)]
pub(super) enum Fill<'a> {
    Nothing,
    Paint(Ink),
    /// A picture, and the element that names it.
    Picture(Node<'a>),
    /// What the group is filled with.
    OfGroup,
}

/// A paint without a place.
#[derive(Clone)]
pub(super) enum Ink {
    Plain(Color),
    /// Stops, and the angle in degrees; without one it goes from the middle outwards.
    Gradient(Vec<GradientStop>, Option<f64>),
}

impl Ink {
    /// The paint for an area.
    pub(super) fn on(&self, area: Rect) -> Paint {
        let center = Point { x: area.x + area.width / 2.0, y: area.y + area.height / 2.0 };
        match self {
            Ink::Plain(color) => Paint::Solid(*color),
            Ink::Gradient(stops, Some(angle)) => {
                let (sin, cos) = angle.to_radians().sin_cos();
                let half = ((area.width * cos).abs() + (area.height * sin).abs()) / 2.0;
                let end = |way: f64| Point { x: center.x + cos * half * way, y: center.y + sin * half * way };
                Paint::linear(end(-1.0), end(1.0), stops.clone(), (true, true))
            }
            Ink::Gradient(stops, None) => {
                let radius = area.width.hypot(area.height) / 2.0;
                Paint::radial(center, radius, center, stops.clone(), (true, true))
            }
        }
    }
}

/// The fill that an element such as `p:spPr` names.
pub(super) fn fill_in<'a>(holder: Node<'a>, scheme: &Scheme<'a>, own: Option<Color>) -> Option<Fill<'a>> {
    children(holder).into_iter().find(|node| is_fill(*node)).map(|node| fill(node, scheme, own))
}

/// The fill that an element such as `a:solidFill` is.
pub(super) fn fill<'a>(node: Node<'a>, scheme: &Scheme<'a>, own: Option<Color>) -> Fill<'a> {
    let plain = |color: Option<Color>| color.map_or(Fill::Nothing, |color| Fill::Paint(Ink::Plain(color)));
    match node.tag_name().name() {
        "solidFill" => plain(scheme.color_in(node, own)),
        "gradFill" => gradient(node, scheme, own).map_or(Fill::Nothing, Fill::Paint),
        "blipFill" => Fill::Picture(node),
        "grpFill" => Fill::OfGroup,
        "pattFill" => {
            // Two colours seen from far away are one.
            let color = |name: &str| child(node, name).and_then(|color| scheme.color_in(color, own));
            match (color("fgClr"), color("bgClr")) {
                (Some(one), Some(other)) => plain(Some(between(one, other))),
                (one, other) => plain(one.or(other)),
            }
        }
        _ => Fill::Nothing,
    }
}

fn between(one: Color, other: Color) -> Color {
    let mid = |one: f64, other: f64| (one + other) / 2.0;
    Color { r: mid(one.r, other.r), g: mid(one.g, other.g), b: mid(one.b, other.b), a: mid(one.a, other.a) }
}

fn gradient<'a>(node: Node<'a>, scheme: &Scheme<'a>, own: Option<Color>) -> Option<Ink> {
    let mut stops: Vec<GradientStop> = children(child(node, "gsLst")?)
        .into_iter()
        .filter_map(|stop| {
            let offset = share(stop, "pos")?.clamp(0.0, 1.0);
            Some(GradientStop { offset, color: scheme.color_in(stop, own)? })
        })
        .collect();
    stops.sort_by(|one, other| one.offset.total_cmp(&other.offset));
    // A gradient without its ends has those of the nearest colours.
    let (first, last) = (*stops.first()?, *stops.last()?);
    if first.offset > 0.0 {
        stops.insert(0, GradientStop { offset: 0.0, ..first });
    }
    if last.offset < 1.0 {
        stops.push(GradientStop { offset: 1.0, ..last });
    }
    if child(node, "path").is_some() {
        return Some(Ink::Gradient(stops, None));
    }
    let angle = child(node, "lin").and_then(|line| number(line, "ang")).unwrap_or(0.0) / 60_000.0;
    Some(Ink::Gradient(stops, Some(angle)))
}

/// A line, and the arrowheads it ends with: at its beginning and at its end.
#[derive(Clone)]
pub(super) struct Outline {
    pub(super) color: Color,
    pub(super) width: f64,
    pub(super) dash: Option<Vec<f64>>,
    pub(super) cap: LineCap,
    pub(super) heads: (bool, bool),
}

impl Outline {
    pub(super) fn stroke(&self) -> Stroke {
        let mut stroke = Stroke::new(Paint::Solid(self.color), self.width);
        stroke.dash.clone_from(&self.dash);
        stroke.cap = self.cap;
        stroke
    }
}

/// The line that the first of these `a:ln` with a say in the matter draws; the last of them may be a theme's, which
/// leaves its colour to the shape.
pub(super) fn outline<'a>(lines: &[Node<'a>], scheme: &Scheme<'a>, own: Option<Color>) -> Option<Outline> {
    let color = match lines.iter().find_map(|line| fill_in(*line, scheme, own))? {
        Fill::Paint(Ink::Plain(color)) => color,
        Fill::Paint(Ink::Gradient(stops, _)) => stops.first()?.color,
        _ => return None,
    };
    let width = lines.iter().find_map(|line| length(*line, "w")).unwrap_or(0.75).clamp(0.1, 1_584.0);
    let part = |name: &str| lines.iter().find_map(|line| child(*line, name));
    let head =
        |name: &str| part(name).and_then(|end| end.attribute("type")).is_some_and(|kind| kind != "none");
    let cap = match lines.iter().find_map(|line| line.attribute("cap")) {
        Some("rnd") => LineCap::Round,
        Some("sq") => LineCap::Square,
        _ => LineCap::Butt,
    };
    let dash = part("prstDash").and_then(|dash| dashes(dash.attribute("val")?, width));
    Some(Outline { color, width, dash, cap, heads: (head("headEnd"), head("tailEnd")) })
}

/// Strokes and gaps in points (20.1.10.48).
fn dashes(name: &str, width: f64) -> Option<Vec<f64>> {
    let pattern: &[f64] = match name {
        "dot" => &[1.0, 3.0],
        "sysDot" => &[1.0, 1.0],
        "dash" => &[4.0, 3.0],
        "sysDash" => &[3.0, 1.0],
        "lgDash" => &[8.0, 3.0],
        "dashDot" => &[4.0, 3.0, 1.0, 3.0],
        "lgDashDot" => &[8.0, 3.0, 1.0, 3.0],
        "lgDashDotDot" => &[8.0, 3.0, 1.0, 3.0, 1.0, 3.0],
        "sysDashDot" => &[3.0, 1.0, 1.0, 1.0],
        "sysDashDotDot" => &[3.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        _ => return None,
    };
    Some(pattern.iter().map(|part| part * width.max(0.5)).collect())
}

/// Whether a shape has shadows, glows and the like: its own, or those that its style asks the theme for.
pub(super) fn has_effects<'a>(shape: Node<'a>, scheme: &Scheme<'a>) -> bool {
    let solid = |of: Node<'_>| ["sp3d", "scene3d", "effectDag"].iter().any(|name| child(of, name).is_some());
    let listed = |of: Node<'_>| child(of, "effectLst").map(|list| !children(list).is_empty());
    let Some(own) = child(shape, "spPr") else { return false };
    let styled = || {
        let (found, _) = scheme.style(at(shape, &["style", "effectRef"])?)?;
        Some(solid(found) || listed(found).unwrap_or(false))
    };
    solid(own) || listed(own).or_else(styled).unwrap_or(false)
}

/// How much of each side of a picture is cut off, as shares of it: left, top, right, bottom.
pub(super) fn crop(picture: Node<'_>) -> [f64; 4] {
    let Some(cut) = child(picture, "srcRect") else { return [0.0; 4] };
    ["l", "t", "r", "b"].map(|side| share(cut, side).unwrap_or(0.0).clamp(-10.0, 0.99))
}

/// How opaque a picture is.
pub(super) fn opacity(picture: Node<'_>) -> f64 {
    let faded = at(picture, &["blip", "alphaModFix"]).and_then(|fade| share(fade, "amt"));
    faded.unwrap_or(1.0).clamp(0.0, 1.0)
}

/// Whether something is mirrored: from left to right, and from top to bottom.
pub(super) fn flips(frame: Node<'_>) -> (bool, bool) {
    (flag(frame, "flipH").unwrap_or(false), flag(frame, "flipV").unwrap_or(false))
}
