//! Presentations as pages: one for each slide that is shown, in the size of the presentation.

use std::collections::BTreeSet;

use oxml_layout::{Paint, Path, Rect};

use crate::limits::MIB;
use crate::{Error, Format, Request};

use super::fill::{Fill, fill, fill_in};
use super::losses::Losses;
use super::parts::{Parts, shapes};
use super::place::Place;
use super::scene::{Layer, Scene};
use super::scheme::Scheme;
use super::shapes::Painter;
use super::sources::{Sources, root, tree};
use super::tree::{Node, at, child, flag, is, parse};
use crate::builtin::canvas::{Canvas, Drawing};
use crate::builtin::{Output, Ticker, pdf_pictures, source_words};

/// Bytes of all slides together. Layout needs some hundred times those that are text.
const TEXT: usize = 64 * MIB as usize;

/// Draws all slides as a PDF, one of them as a picture, or all of them as pictures in a zip.
pub(in crate::builtin) fn convert(req: &Request, ticker: &mut Ticker<'_>) -> Result<Output, Error> {
    let pages = to_pdf(req, ticker)?;
    let painted = match req.to {
        Format::Pdf => return Ok(pages),
        Format::Zip => pdf_pictures::zip_of(pages.bytes, req, ticker)?,
        _ => pdf_pictures::image_of(pages.bytes, req, ticker)?,
    };
    let all = |mut some: Vec<String>, others: Vec<String>| {
        some.extend(others);
        some
    };
    let lost = all(pages.lost, painted.lost);
    let warnings = all(pages.warnings, painted.warnings);
    Ok(Output {
        bytes: painted.bytes,
        pages: painted.pages,
        source: pages.source,
        result: pages.result,
        missing_glyphs: pages.missing_glyphs,
        lost,
        warnings,
    })
}

fn to_pdf(req: &Request, ticker: &mut Ticker<'_>) -> Result<Output, Error> {
    let mut parts = Parts::open(req)?;
    let source = source_words::of_pptx(parts.container())?;
    let mut canvas = Canvas::for_letters(&letters(&mut parts)?)?;
    let (mut losses, mut drawn) = (Losses::default(), 0);
    let (size, slides) = (parts.size, parts.slides.clone());
    for (at, (number, path)) in slides.iter().enumerate() {
        let sources = Sources::of(&mut parts, path)?;
        let mut painter =
            Painter { canvas: &mut canvas, parts: &mut parts, losses: &mut losses, drawn: &mut drawn };
        let drawing = slide(&mut painter, &sources, *number)?;
        canvas.page(size.0, size.1, drawing);
        ticker.counted(at as u64 + 1, slides.len() as u64, "pages");
    }
    if slides.is_empty() {
        canvas.page(size.0, size.1, Drawing::default());
    }
    let mut output = canvas.finish()?;
    output.bytes = parts.pictures.put(output.bytes)?;
    output.source = Some(source);
    output.lost.extend(losses.lost());
    output.warnings.extend(losses.warnings());
    if parts.hidden > 0 {
        output.warnings.push(format!("hidden slides are left out ({})", parts.hidden));
    }
    Ok(output)
}

/// The letters of all slides, so that fonts for them are at hand.
fn letters(parts: &mut Parts) -> Result<BTreeSet<char>, Error> {
    let (mut letters, mut size) = (BTreeSet::new(), 0);
    for (_, path) in parts.slides.clone() {
        let sources = Sources::of(parts, &path)?;
        size += sources.slide.text.len();
        if size > TEXT {
            return Err(Error::limit(format!("more than {} MiB of slides", TEXT as u64 / MIB)));
        }
        sources.letters(&mut letters)?;
    }
    Ok(letters)
}

fn slide(painter: &mut Painter<'_>, sources: &Sources, number: usize) -> Result<Drawing, Error> {
    let own = parse(&sources.slide.text)?;
    let (layout, master) = (tree(sources.layout.as_ref())?, tree(sources.master.as_ref())?);
    let (theme, styles) = (tree(sources.theme.as_ref())?, tree(sources.table_styles.as_ref())?);
    let presentation = parse(&sources.presentation.text)?;
    let kept = sources.diagrams.iter().map(|(_, part)| parse(&part.text)).collect::<Result<Vec<_>, _>>()?;

    let mut layers = vec![Layer { root: own.root_element(), part: &sources.slide }];
    let others = [(&layout, &sources.layout), (&master, &sources.master), (&theme, &sources.theme)];
    layers.extend(
        others
            .into_iter()
            .filter_map(|(tree, part)| Some(Layer { root: root(tree)?, part: part.as_deref()? })),
    );
    let diagrams = sources
        .diagrams
        .iter()
        .zip(&kept)
        .map(|((id, part), tree)| (id.as_str(), Layer { root: tree.root_element(), part }));
    let scene = Scene {
        scheme: Scheme::of(root(&theme), color_map(own.root_element(), root(&layout), root(&master))),
        layers,
        layout: root(&layout),
        master: root(&master),
        presentation: presentation.root_element(),
        table_styles: root(&styles),
        diagrams: diagrams.collect(),
        number,
    };
    page(painter, &scene, own.root_element())
}

/// What the names of colours mean: the nearest to the slide says so.
fn color_map<'a>(slide: Node<'a>, layout: Option<Node<'a>>, master: Option<Node<'a>>) -> Option<Node<'a>> {
    let own = |root: Node<'a>| at(root, &["clrMapOvr", "overrideClrMapping"]);
    own(slide).or_else(|| layout.and_then(own)).or_else(|| child(master?, "clrMap"))
}

/// Background, shapes of master and layout, shapes of the slide.
fn page<'a>(painter: &mut Painter<'_>, scene: &Scene<'a>, slide: Node<'a>) -> Result<Drawing, Error> {
    let mut drawing = Drawing::default();
    background(painter, scene, slide, &mut drawing)?;
    let shows = |root: Node<'_>| flag(root, "showMasterSp") != Some(false);
    let layout = scene.layout.filter(|_| shows(slide));
    let master = scene.master.filter(|_| layout.is_none_or(shows) && shows(slide));
    for (root, own) in [(master, false), (layout, false), (Some(slide), true)] {
        if let Some(tree) = root.and_then(shapes) {
            painter.tree(scene, tree, Place::PAGE, own, &Fill::Nothing, &mut drawing)?;
        }
    }
    Ok(drawing)
}

fn background<'a>(
    painter: &mut Painter<'_>,
    scene: &Scene<'a>,
    slide: Node<'a>,
    out: &mut Drawing,
) -> Result<(), Error> {
    let named = |root: Node<'a>| at(root, &["cSld", "bg"]);
    let found = [Some(slide), scene.layout, scene.master].into_iter().flatten().find_map(named);
    let Some(given) = found.and_then(|found| found.children().find(|node| node.is_element())) else {
        return Ok(());
    };
    let filled = if is(given, "bgRef") {
        scene.scheme.style(given).map(|(found, own)| fill(found, &scene.scheme, own))
    } else {
        fill_in(given, &scene.scheme, None)
    };
    let (width, height) = painter.parts.size;
    let paper = Rect { x: 0.0, y: 0.0, width, height };
    match filled {
        Some(Fill::Paint(ink)) => {
            let paint: Paint = ink.on(paper);
            out.path(Path::rect(paper), Some(paint), None);
        }
        Some(Fill::Picture(node)) => painter.cut(scene, node, Path::rect(paper), paper, out)?,
        _ => {}
    }
    Ok(())
}
