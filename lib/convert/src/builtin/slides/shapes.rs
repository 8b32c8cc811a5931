//! The shapes of a slide drawn one over the other: groups, outlines, text, pictures, tables.

use oxml_layout::{Paint, Path, Rect, Transform};

use crate::Error;

use super::body::{formulas, paragraphs};
use super::fill::{Fill, Outline, crop, fill, fill_in, has_effects, opacity, outline};
use super::geometry::{Geometry, arrowhead, ends, rectangle, within};
use super::losses::Losses;
use super::parts::{Parts, shapes, table_style};
use super::pictures::Pictures;
use super::place::{Frame, Place, mirror, moved, turned};
use super::scene::{Scene, holder};
use super::style::Cascade;
use super::table;
use super::table_style::{TableStyle, known};
use super::text_box::TextBox;
use super::tree::{self, Node, at, below, child, children, flag, is, reference};
use crate::builtin::canvas::{Canvas, Drawing};

/// Shapes of a presentation.
const SHAPES: usize = 200_000;

/// Draws shapes and counts what it cannot.
pub(super) struct Painter<'p> {
    pub(super) canvas: &'p mut Canvas,
    pub(super) parts: &'p mut Parts,
    pub(super) losses: &'p mut Losses,
    pub(super) drawn: &'p mut usize,
}

impl Painter<'_> {
    /// Draws what is in a tree or group of shapes. Of layouts and masters, placeholders are not drawn: they are on the
    /// slide, or nowhere.
    pub(super) fn tree<'a>(
        &mut self,
        scene: &Scene<'a>,
        tree: Node<'a>,
        place: Place,
        of_slide: bool,
        group: &Fill<'a>,
        out: &mut Drawing,
    ) -> Result<(), Error> {
        for shape in children(tree) {
            let name = shape.tag_name().name();
            if !["sp", "cxnSp", "pic", "grpSp", "graphicFrame", "contentPart"].contains(&name)
                || (!of_slide && holder(shape).is_some())
            {
                continue;
            }
            *self.drawn += 1;
            if *self.drawn > SHAPES {
                return Err(Error::limit(format!("more than {SHAPES} shapes")));
            }
            if is_hidden(shape) {
                self.losses.hidden_shapes += 1;
                continue;
            }
            match name {
                "grpSp" => self.group(scene, shape, place, of_slide, group, out)?,
                "graphicFrame" => self.graphic(scene, shape, place, out)?,
                "pic" => self.picture(scene, shape, place, out)?,
                "contentPart" => self.losses.objects += 1,
                _ => self.shape(scene, shape, place, group, out)?,
            }
        }
        Ok(())
    }

    fn group<'a>(
        &mut self,
        scene: &Scene<'a>,
        node: Node<'a>,
        place: Place,
        of_slide: bool,
        outer: &Fill<'a>,
        out: &mut Drawing,
    ) -> Result<(), Error> {
        let own = child(node, "grpSpPr");
        let given = own.and_then(|own| child(own, "xfrm"));
        let frame = given.and_then(|given| place.frame(given));
        let inside = frame.zip(given).and_then(|(frame, given)| Place::within(frame, given)).unwrap_or(place);
        let fill = own.and_then(|own| fill_in(own, &scene.scheme, None)).unwrap_or(Fill::Nothing);
        let fill = if matches!(fill, Fill::OfGroup) { outer.clone() } else { fill };
        let mut inner = Drawing::default();
        self.tree(scene, node, inside, of_slide, &fill, &mut inner)?;
        turned(out, frame, inner);
        Ok(())
    }

    fn shape<'a>(
        &mut self,
        scene: &Scene<'a>,
        node: Node<'a>,
        place: Place,
        group: &Fill<'a>,
        out: &mut Drawing,
    ) -> Result<(), Error> {
        let line = scene.line(node);
        let properties: Vec<Node<'a>> = line.iter().filter_map(|shape| child(*shape, "spPr")).collect();
        let part = |name: &str| properties.iter().find_map(|own| child(*own, name));
        let Some(frame) = part("xfrm").and_then(|given| place.frame(given)) else {
            return Ok(());
        };
        let geometry = within(part("prstGeom").or_else(|| part("custGeom")), frame.area, frame.flips);
        self.losses.unknown_shapes += usize::from(geometry.unknown);
        self.losses.effects += usize::from(has_effects(node, &scene.scheme));
        let style = child(node, "style");
        let filled = properties.iter().find_map(|own| fill_in(*own, &scene.scheme, None));
        let filled = filled.or_else(|| {
            let (found, own) = scene.scheme.style(child(style?, "fillRef")?)?;
            Some(fill(found, &scene.scheme, own))
        });
        let filled = match filled {
            Some(Fill::OfGroup) => group.clone(),
            filled => filled.unwrap_or(Fill::Nothing),
        };
        let lines: Vec<Node<'a>> = properties.iter().filter_map(|own| child(*own, "ln")).collect();
        let stroke = self.line(scene, lines, style);
        let mut inner = Drawing::default();
        self.paint(scene, &geometry, frame.area, &filled, stroke.as_ref(), &mut inner)?;
        self.text(scene, &line, style, geometry.text, frame, &mut inner)?;
        turned(out, Some(frame), inner);
        Ok(())
    }

    /// The line of a shape; what it does not say itself, its style does.
    fn line<'a>(
        &self,
        scene: &Scene<'a>,
        mut lines: Vec<Node<'a>>,
        style: Option<Node<'a>>,
    ) -> Option<Outline> {
        let styled =
            style.and_then(|style| child(style, "lnRef")).and_then(|named| scene.scheme.style(named));
        lines.extend(styled.map(|(line, _)| line));
        outline(&lines, &scene.scheme, styled.and_then(|(_, own)| own))
    }

    fn paint<'a>(
        &mut self,
        scene: &Scene<'a>,
        geometry: &Geometry,
        area: Rect,
        filled: &Fill<'a>,
        line: Option<&Outline>,
        out: &mut Drawing,
    ) -> Result<(), Error> {
        for piece in geometry.pieces.iter().filter(|piece| piece.filled) {
            match filled {
                Fill::Paint(ink) => out.path(piece.path.clone(), Some(ink.on(area)), None),
                Fill::Picture(node) => self.cut(scene, *node, piece.path.clone(), area, out)?,
                Fill::Nothing | Fill::OfGroup => {}
            }
        }
        let Some(line) = line else { return Ok(()) };
        for piece in geometry.pieces.iter().filter(|piece| piece.stroked) {
            out.path(piece.path.clone(), None, Some(line.stroke()));
            let Some([start, end]) = ends(&piece.path) else { continue };
            for (wanted, end) in [(line.heads.0, start), (line.heads.1, end)] {
                if wanted {
                    out.path(arrowhead(end, line.width), Some(Paint::Solid(line.color)), None);
                }
            }
        }
        Ok(())
    }

    fn text<'a>(
        &mut self,
        scene: &Scene<'a>,
        line: &[Node<'a>],
        style: Option<Node<'a>>,
        area: Rect,
        frame: Frame,
        out: &mut Drawing,
    ) -> Result<(), Error> {
        let Some(body) = line.first().and_then(|shape| child(*shape, "txBody")) else { return Ok(()) };
        self.losses.formulas += formulas(body);
        let mut cascade = scene.cascade(line);
        let font = style.and_then(|style| child(style, "fontRef"));
        cascade.color = font.and_then(|font| scene.scheme.color_in(font, None));
        let paragraphs = paragraphs(body, &cascade, &scene.scheme, scene.number);
        if paragraphs.iter().all(|paragraph| paragraph.runs.is_empty()) {
            return Ok(());
        }
        let says: Vec<Node<'a>> = line.iter().filter_map(|shape| at(*shape, &["txBody", "bodyPr"])).collect();
        let text = TextBox::of(&says);
        // A drawing of a SmartArt has a place of its own for the text.
        let own =
            line.first().and_then(|shape| child(*shape, "txXfrm")).and_then(|given| Place::PAGE.frame(given));
        let area = match own {
            Some(own) if frame.turn == 0.0 && own.turn == 0.0 => {
                let base = line
                    .first()
                    .and_then(|shape| at(*shape, &["spPr", "xfrm"]))
                    .and_then(|given| Place::PAGE.frame(given));
                base.map_or(area, |base| moved(own.area, base.area, frame.area))
            }
            _ => area,
        };
        text.draw(self.canvas, out, &paragraphs, area)
    }

    fn picture<'a>(
        &mut self,
        scene: &Scene<'a>,
        node: Node<'a>,
        place: Place,
        out: &mut Drawing,
    ) -> Result<(), Error> {
        let line = scene.line(node);
        let properties: Vec<Node<'a>> = line.iter().filter_map(|shape| child(*shape, "spPr")).collect();
        let part = |name: &str| properties.iter().find_map(|own| child(*own, name));
        let Some(frame) = part("xfrm").and_then(|given| place.frame(given)) else { return Ok(()) };
        let media = ["videoFile", "audioFile", "wavAudioFile"];
        self.losses.media += usize::from(media.iter().any(|name| below(node, name).is_some()));
        self.losses.effects += usize::from(has_effects(node, &scene.scheme));
        // Mirrored pictures are drawn as they are: who is on them is not.
        let geometry = within(part("prstGeom").or_else(|| part("custGeom")), frame.area, (false, false));
        let filled = child(node, "blipFill").map_or(Fill::Nothing, Fill::Picture);
        let lines: Vec<Node<'a>> = properties.iter().filter_map(|own| child(*own, "ln")).collect();
        let stroke = self.line(scene, lines, child(node, "style"));
        let mut inner = Drawing::default();
        self.paint(scene, &geometry, frame.area, &filled, stroke.as_ref(), &mut inner)?;
        match mirror(frame) {
            Some(mirror) => {
                let mut flipped = Drawing::default();
                flipped.group(mirror, None, 1.0, inner);
                turned(out, Some(frame), flipped);
            }
            None => turned(out, Some(frame), inner),
        }
        Ok(())
    }

    /// Draws a picture (`a:blipFill`) within an outline.
    pub(super) fn cut<'a>(
        &mut self,
        scene: &Scene<'a>,
        node: Node<'a>,
        outline: Path,
        area: Rect,
        out: &mut Drawing,
    ) -> Result<(), Error> {
        let named = child(node, "blip").and_then(|blip| reference(blip, "embed"));
        let found = match (scene.part(node), named) {
            (Some(part), Some(id)) => self.parts.picture(part, id)?,
            _ => None,
        };
        let Some(number) = found else {
            self.losses.pictures += 1;
            return Ok(());
        };
        let [left, top, right, bottom] = crop(node);
        let (width, height) =
            (area.width / (1.0 - left - right).max(0.01), area.height / (1.0 - top - bottom).max(0.01));
        let mut inner = Drawing::default();
        let (x, y) = (area.x - left * width, area.y - top * height);
        inner.picture(x, y, width, height, Pictures::stamp(number)?, "image/png");
        out.group(Transform::IDENTITY, Some(outline), opacity(node), inner);
        Ok(())
    }

    /// What is in a frame: a table, a chart, a SmartArt, a thing of another program.
    fn graphic<'a>(
        &mut self,
        scene: &Scene<'a>,
        node: Node<'a>,
        place: Place,
        out: &mut Drawing,
    ) -> Result<(), Error> {
        let line = scene.line(node);
        let given = line.iter().find_map(|shape| child(*shape, "xfrm"));
        let frame = given.and_then(|given| place.frame(given));
        let Some((frame, data)) = frame.zip(at(node, &["graphic", "graphicData"])) else { return Ok(()) };
        if let Some(table) = child(data, "tbl") {
            return self.table(scene, table, frame, out);
        }
        if let Some(ids) = child(data, "relIds") {
            let layer = reference(ids, "dm").and_then(|id| scene.diagrams.get(id)).copied();
            let Some(tree) = layer.and_then(|layer| shapes(layer.root)) else {
                self.losses.diagrams += 1;
                return Ok(());
            };
            let shift = (frame.area.x, frame.area.y);
            return self.tree(scene, tree, Place { scale: (1.0, 1.0), shift }, true, &Fill::Nothing, out);
        }
        if is_chart(data) {
            self.losses.charts += 1;
            return Ok(());
        }
        match below(data, "pic") {
            Some(picture) => {
                let filled = child(picture, "blipFill").map_or(Fill::Nothing, Fill::Picture);
                self.paint(scene, &rectangle(frame.area), frame.area, &filled, None, out)
            }
            None => {
                self.losses.objects += 1;
                Ok(())
            }
        }
    }

    fn table<'a>(
        &mut self,
        scene: &Scene<'a>,
        table: Node<'a>,
        frame: Frame,
        out: &mut Drawing,
    ) -> Result<(), Error> {
        let properties = child(table, "tblPr");
        let id =
            properties.and_then(|own| child(own, "tableStyleId")).and_then(|id| id.text()).map(str::trim);
        let in_file = id.and_then(|id| table_style(scene.table_styles?, id));
        let corner = (frame.area.x, frame.area.y);
        let cascade = Cascade { part: scene.part(table), ..scene.cascade(&[]) };
        let about = (&scene.scheme, scene.number);
        let usual = id.filter(|_| in_file.is_none()).and_then(known);
        if let Some(xml) = &usual {
            let tree = tree::parse(xml)?;
            let style = TableStyle::of(Some(tree.root_element()), properties);
            return table::draw(self.canvas, out, table, corner, &style, &cascade, about);
        }
        self.losses.table_styles += usize::from(id.is_some() && in_file.is_none());
        let style = TableStyle::of(in_file, properties);
        table::draw(self.canvas, out, table, corner, &style, &cascade, about)
    }
}

fn is_chart(data: Node<'_>) -> bool {
    let named = data.attribute("uri").is_some_and(|uri| uri.ends_with("chart") || uri.ends_with("chartex"));
    named || children(data).into_iter().any(|inner| is(inner, "chart"))
}

fn is_hidden(shape: Node<'_>) -> bool {
    let frame = children(shape).into_iter().find(|node| node.tag_name().name().starts_with("nv"));
    frame.and_then(|frame| child(frame, "cNvPr")).and_then(|named| flag(named, "hidden")) == Some(true)
}
