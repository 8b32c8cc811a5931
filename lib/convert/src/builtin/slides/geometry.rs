//! The outlines of shapes: those that the format has names for, and those that a slide draws itself.

use std::collections::BTreeMap;

use oxml_drawing::geometry::{CT_CustomGeometry2D, CT_PresetGeometry2D, EvaluatedPathCommand as Step};
use oxml_layout::{FillRule, Path, PathCommand, Point, Rect};

use super::tree::{Node, children, is, written};

/// Shapes that are a line and are never filled.
const LINES: [&str; 3] = ["line", "bentConnector", "curvedConnector"];
/// Shapes whose line goes around a part of their area only.
const BRACKETS: [&str; 6] =
    ["leftBrace", "rightBrace", "leftBracket", "rightBracket", "bracePair", "bracketPair"];
/// Commands of one shape.
const STEPS: usize = 200_000;

/// A shape at its place on the page.
pub(super) struct Geometry {
    pub(super) pieces: Vec<Piece>,
    /// Where its text goes.
    pub(super) text: Rect,
    /// The format has no shape of this name: it is a rectangle.
    pub(super) unknown: bool,
}

/// A part of an outline.
pub(super) struct Piece {
    pub(super) path: Path,
    pub(super) filled: bool,
    pub(super) stroked: bool,
}

/// The outline that `node` (`a:prstGeom`, `a:custGeom`) has within an area; a rectangle without one.
pub(super) fn within(node: Option<Node<'_>>, area: Rect, flips: (bool, bool)) -> Geometry {
    let name = node.and_then(|node| node.attribute("prst")).unwrap_or("rect");
    let found = match node {
        Some(node) if is(node, "custGeom") => own(node, area),
        Some(_) if name == "straightConnector1" || name == "line" => Some(straight(area)),
        Some(node) => preset(node, name, area),
        None => None,
    };
    let unknown = found.is_none() && name != "rect";
    let mut shape = found.unwrap_or_else(|| rectangle(area));
    shape.unknown = unknown;
    mirror(&mut shape, area, flips);
    shape
}

/// The same for a picture or the frame of something.
pub(super) fn rectangle(area: Rect) -> Geometry {
    let piece = Piece { path: Path::rect(area), filled: true, stroked: true };
    Geometry { pieces: vec![piece], text: area, unknown: false }
}

fn straight(area: Rect) -> Geometry {
    let end = Point { x: area.x + area.width, y: area.y + area.height };
    let commands = vec![PathCommand::MoveTo(Point { x: area.x, y: area.y }), PathCommand::LineTo(end)];
    let path = Path { commands, fill_rule: FillRule::NonZero };
    Geometry { pieces: vec![Piece { path, filled: false, stroked: true }], text: area, unknown: false }
}

fn preset(node: Node<'_>, name: &str, area: Rect) -> Option<Geometry> {
    let size = (area.width.max(0.01), area.height.max(0.01));
    let shape = CT_PresetGeometry2D::from_xml(written(node).as_bytes()).ok()?.evaluate(size).ok()??;
    let line = LINES.iter().any(|start| name.starts_with(start));
    let bracket = BRACKETS.contains(&name) || name == "arc";
    let pieces = shape.paths.iter().map(|steps| {
        let closed = steps.iter().any(|step| matches!(step, Step::Close));
        let path = placed(steps, area, (1.0, 1.0))?;
        Some(Piece { path, filled: !line && (closed || !bracket), stroked: !(bracket && closed) })
    });
    let text = shape.text_rectangle.map_or(area, |text| Rect {
        x: area.x + text.left,
        y: area.y + text.top,
        width: (text.right - text.left).max(0.0),
        height: (text.bottom - text.top).max(0.0),
    });
    Some(Geometry { pieces: pieces.collect::<Option<_>>()?, text, unknown: false })
}

fn own(node: Node<'_>, area: Rect) -> Option<Geometry> {
    let size = (area.width.max(0.01), area.height.max(0.01));
    let geometry = CT_CustomGeometry2D::from_xml(without_quadratics(node).as_bytes()).ok()?;
    let shape = geometry.evaluate_with_size(&BTreeMap::new(), size).ok()?;
    let pieces = shape.paths.iter().zip(geometry.paths()).map(|(steps, path)| {
        let scale = |side: f64, given: Option<f64>| {
            given.filter(|given| *given > 0.0).map_or(1.0, |given| side / given)
        };
        let scale = (scale(area.width, path.width), scale(area.height, path.height));
        let filled = path.fill.as_deref() != Some("none");
        Some(Piece { path: placed(steps, area, scale)?, filled, stroked: path.stroke != Some(false) })
    });
    Some(Geometry { pieces: pieces.collect::<Option<_>>()?, text: area, unknown: false })
}

/// The XML of an outline whose curves all have two control points; where there is one, it is taken twice.
fn without_quadratics(node: Node<'_>) -> String {
    let (text, start) = (written(node), node.range().start);
    let (mut out, mut from) = (String::with_capacity(text.len()), 0);
    for curve in node.descendants().filter(|inner| is(*inner, "quadBezTo")) {
        let [control, end] = children(curve)[..] else { continue };
        let (control, end) = (written(control), written(end));
        out.push_str(&text[from..curve.range().start - start]);
        out.push_str(&format!("<cubicBezTo>{control}{control}{end}</cubicBezTo>"));
        from = curve.range().end - start;
    }
    out.push_str(&text[from..]);
    out
}

/// A path moved to its area; nothing when it is too long or leads nowhere.
fn placed(steps: &[Step], area: Rect, scale: (f64, f64)) -> Option<Path> {
    let at = |x: f64, y: f64| Point { x: area.x + x * scale.0, y: area.y + y * scale.1 };
    let commands: Vec<PathCommand> = steps
        .iter()
        .take(STEPS)
        .map(|step| match *step {
            Step::MoveTo { x, y } => PathCommand::MoveTo(at(x, y)),
            Step::LineTo { x, y } => PathCommand::LineTo(at(x, y)),
            Step::CubicTo { x1, y1, x2, y2, x, y } => {
                PathCommand::CurveTo { c1: at(x1, y1), c2: at(x2, y2), to: at(x, y) }
            }
            Step::Close => PathCommand::Close,
        })
        .collect();
    let path = Path { commands, fill_rule: FillRule::NonZero };
    let far = |side: f64| !side.is_finite() || side.abs() > 1e6;
    let lost =
        path.bounds().is_some_and(|box_| [box_.x, box_.y, box_.width, box_.height].into_iter().any(far));
    (steps.len() <= STEPS && !lost).then_some(path)
}

fn mirror(shape: &mut Geometry, area: Rect, (across, down): (bool, bool)) {
    let turn = |point: &mut Point| {
        if across {
            point.x = 2.0 * area.x + area.width - point.x;
        }
        if down {
            point.y = 2.0 * area.y + area.height - point.y;
        }
    };
    for command in shape.pieces.iter_mut().flat_map(|piece| &mut piece.path.commands) {
        match command {
            PathCommand::MoveTo(point) | PathCommand::LineTo(point) => turn(point),
            PathCommand::CurveTo { c1, c2, to } => [c1, c2, to].into_iter().for_each(turn),
            PathCommand::Close => {}
        }
    }
    if across {
        shape.text.x = 2.0 * area.x + area.width - shape.text.x - shape.text.width;
    }
    if down {
        shape.text.y = 2.0 * area.y + area.height - shape.text.y - shape.text.height;
    }
}

/// Where an open line begins and ends, each with the point it comes from there.
pub(super) fn ends(path: &Path) -> Option<[(Point, Point); 2]> {
    let mut points = Vec::new();
    for command in &path.commands {
        match command {
            PathCommand::MoveTo(point) | PathCommand::LineTo(point) => points.push(*point),
            PathCommand::CurveTo { c1, c2, to } => points.extend([*c1, *c2, *to]),
            PathCommand::Close => return None,
        }
    }
    points.dedup_by(|one, other| one == other);
    let last = points.len().checked_sub(1).filter(|last| *last > 0)?;
    Some([(points[1], points[0]), (points[last - 1], points[last])])
}

/// The head of an arrow that comes from `from` and ends at `tip`.
pub(super) fn arrowhead((from, tip): (Point, Point), width: f64) -> Path {
    let (dx, dy) = (tip.x - from.x, tip.y - from.y);
    let length = dx.hypot(dy).max(0.001);
    let (dx, dy) = (dx / length, dy / length);
    let size = width.max(1.5) * 3.0;
    let corner = |side: f64| {
        let (back, aside) = (size, size / 2.0 * side);
        PathCommand::LineTo(Point { x: tip.x - dx * back - dy * aside, y: tip.y - dy * back + dx * aside })
    };
    let commands = vec![PathCommand::MoveTo(tip), corner(1.0), corner(-1.0), PathCommand::Close];
    Path { commands, fill_rule: FillRule::NonZero }
}

#[cfg(test)]
mod tests {
    use super::super::tree::parse;
    use super::*;

    const AREA: Rect = Rect { x: 10.0, y: 10.0, width: 100.0, height: 50.0 };

    fn shape(xml: &str, flips: (bool, bool)) -> Geometry {
        let tree = parse(xml).unwrap();
        within(Some(tree.root_element()), AREA, flips)
    }

    #[test]
    fn named_shapes_fill_their_area() {
        for name in [
            "rect",
            "roundRect",
            "ellipse",
            "triangle",
            "rightArrow",
            "chevron",
            "hexagon",
            "leftBrace",
            "cloud",
        ] {
            let shape = shape(&format!("<prstGeom prst='{name}'><avLst/></prstGeom>"), (false, false));
            let bounds = shape.pieces[0].path.bounds().unwrap();
            assert!(!shape.unknown && bounds.width > 40.0 && bounds.x > 9.0, "{name}: {bounds:?}");
            assert!(shape.text.width > 10.0 && shape.text.width <= 100.0, "{name}");
        }
        assert!(shape("<prstGeom prst='nothing'/>", (false, false)).unknown);
    }

    #[test]
    fn an_own_outline_is_scaled_and_mirrored() {
        let xml = "<custGeom><pathLst><path w='10' h='10'><moveTo><pt x='0' y='0'/></moveTo><quadBezTo>\
            <pt x='0' y='9'/><pt x='5' y='10'/></quadBezTo></path></pathLst></custGeom>";
        let ends =
            |flips| ends(&shape(xml, flips).pieces[0].path).unwrap().map(|(_, point)| (point.x, point.y));
        assert_eq!(ends((false, false)), [(10.0, 10.0), (60.0, 60.0)]);
        assert_eq!(ends((true, true)), [(110.0, 60.0), (60.0, 10.0)]);
    }
}
