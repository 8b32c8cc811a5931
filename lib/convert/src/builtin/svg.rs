//! SVG drawings: read without fetching anything, and painted as a picture.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use image::{DynamicImage, RgbaImage};
use quick_xml::Reader;
use quick_xml::events::Event;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, Node, Tree, fontdb};

use crate::limits::MIB;
use crate::verify::Words;
use crate::{Error, Format, Options, Request};

use super::parts::attributes;
use super::{Output, Ticker, fonts, images, text_file};

/// Bytes of a drawing. Its tree needs some dozen times that.
const SIZE: u64 = 16 * MIB;
/// Elements within elements; programs that draw write less than a tenth of that.
const DEPTH: usize = 256;
/// Pixels of the picture: each takes four bytes, three times over.
const PIXELS: f64 = 50_000_000.0;
/// What one CSS pixel is on a screen of the old kind, which is what `dpi` counts in.
const CSS_DPI: f64 = 96.0;

/// A drawing whose references are resolved, as far as they stay within it.
pub(super) struct Drawing {
    pub(super) tree: Tree,
    /// What its visible text says.
    pub(super) words: Words,
    pub(super) lost: Vec<String>,
}

/// Paints it as large as it says it is, or as the options want it.
pub(super) fn to_image(req: &Request, ticker: &mut Ticker<'_>) -> Result<Output, Error> {
    let drawing = read(&req.input)?;
    ticker.converting();
    let size = drawing.tree.size();
    let (width, height, scale) = extent(f64::from(size.width()), f64::from(size.height()), &req.options)?;
    let mut pixmap = pixmap(width, height)?;
    resvg::render(&drawing.tree, Transform::from_scale(scale as f32, scale as f32), &mut pixmap.as_mut());
    let picture = picture(pixmap)?;
    let mut output =
        Output { bytes: images::encode(&picture, req.to, req.options.quality)?, ..Output::default() };
    if req.to == Format::Jpg {
        output.warnings.push("JPEG has no transparency; transparent parts are white now".into());
    }
    output.lost = drawing.lost;
    Ok(output)
}

/// Reads a drawing with the bundled fonts; for characters that none of them has, with fonts of this machine.
///
/// # Errors
/// `LimitExceeded` when it is too large, too deep, or grows too much by its references; `Corrupt` when it is no SVG.
pub(super) fn read(path: &Path) -> Result<Drawing, Error> {
    let size = std::fs::metadata(path)?.len();
    if size > SIZE {
        return Err(Error::limit(format!("{} MiB of SVG, allowed are {} MiB", size / MIB, SIZE / MIB)));
    }
    let text = text_file::read(path)?.text;
    let outside = look_through(&text)?;
    let (fonts, missing) = fonts_for(&text);
    let options = usvg::Options {
        font_family: "Liberation Serif".into(),
        fontdb: Arc::new(fonts),
        font_resolver: usvg::FontResolver { select_font: Box::new(select), ..usvg::FontResolver::default() },
        image_href_resolver: usvg::ImageHrefResolver {
            resolve_string: Box::new(|_, _| None),
            ..usvg::ImageHrefResolver::default()
        },
        ..usvg::Options::default()
    };
    let tree = Tree::from_str(&text, &options).map_err(problem)?;

    let mut words = Words::default();
    said(tree.root(), &mut |text| words.add(text));
    let mut lost = outside.sentences();
    let drawn: BTreeSet<char> = words.letters();
    lost.extend(fonts::lost_letters(&missing.into_iter().filter(|letter| drawn.contains(letter)).collect()));
    Ok(Drawing { tree, words, lost })
}

/// Calls with each visible piece of text.
fn said(group: &usvg::Group, hear: &mut impl FnMut(&str)) {
    for node in group.children() {
        match node {
            Node::Group(group) => said(group, hear),
            Node::Text(text) => text.chunks().iter().for_each(|chunk| hear(chunk.text())),
            Node::Path(_) | Node::Image(_) => {}
        }
    }
}

/// What a drawing has that is not drawn.
#[derive(Default)]
struct Outside {
    linked: usize,
    html: usize,
}

impl Outside {
    fn sentences(&self) -> Vec<String> {
        [
            (self.linked, "linked pictures were not fetched"),
            (self.html, "pieces of HTML in the drawing (foreignObject) are not drawn"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{what} ({count})"))
        .collect()
    }
}

/// Looks at every element once before anything recurses into it.
fn look_through(text: &str) -> Result<Outside, Error> {
    let mut reader = Reader::from_str(text);
    let (mut depth, mut outside) = (0_usize, Outside::default());
    loop {
        let event = reader
            .read_event()
            .map_err(|error| Error::corrupt(format!("its XML is not well formed ({error})")))?;
        let (element, opens) = match event {
            Event::Start(element) => (element, true),
            Event::Empty(element) => (element, false),
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                continue;
            }
            Event::Eof => return Ok(outside),
            _ => continue,
        };
        depth += usize::from(opens);
        if depth > DEPTH {
            return Err(Error::limit(format!(
                "elements {depth} deep within each other, allowed are {DEPTH}"
            )));
        }
        match element.local_name().as_ref() {
            b"image" | b"feImage" => {
                let inside = |href: &String| href.starts_with("data:") || href.starts_with('#');
                outside.linked += usize::from(!attributes(&element).get("href").is_none_or(inside));
            }
            b"foreignObject" => outside.html += 1,
            _ => {}
        }
    }
}

/// The bundled fonts, fonts of this machine for letters that they lack, and the letters that none has.
fn fonts_for(text: &str) -> (fontdb::Database, BTreeSet<char>) {
    let mut fonts = fontdb::Database::new();
    for (_, data) in oxml_layout::bundled_fonts::bundled_font_data() {
        fonts.load_font_source(fontdb::Source::Binary(Arc::new(data)));
    }
    fonts.set_serif_family("Liberation Serif");
    fonts.set_sans_serif_family("Liberation Sans");
    fonts.set_cursive_family("Liberation Serif");
    fonts.set_fantasy_family("Liberation Sans");
    fonts.set_monospace_family("Liberation Mono");
    let mut missing: BTreeSet<char> =
        text.chars().filter(|letter| !letter.is_ascii() && letter.is_alphanumeric()).collect();
    let has = |fonts: &fontdb::Database, letter: char| {
        fonts.faces().any(|face| {
            fonts
                .with_face_data(face.id, |data, index| {
                    let face = ttf_parser::Face::parse(data, index).ok()?;
                    face.glyph_index(letter).filter(|glyph| glyph.0 != 0)
                })
                .flatten()
                .is_some()
        })
    };
    missing.retain(|letter| !has(&fonts, *letter));
    if !missing.is_empty() {
        for font in fonts::covering(&missing) {
            fonts.load_font_data(font.data);
        }
        missing.retain(|letter| !has(&fonts, *letter));
    }
    (fonts, missing)
}

/// The font that a drawing names, or the bundled one of the same widths.
fn select(font: &usvg::Font, fonts: &mut Arc<fontdb::Database>) -> Option<fontdb::ID> {
    let mut families = Vec::new();
    for family in font.families() {
        match family {
            usvg::FontFamily::Serif => families.push(fontdb::Family::Serif),
            usvg::FontFamily::SansSerif => families.push(fontdb::Family::SansSerif),
            usvg::FontFamily::Cursive => families.push(fontdb::Family::Cursive),
            usvg::FontFamily::Fantasy => families.push(fontdb::Family::Fantasy),
            usvg::FontFamily::Monospace => families.push(fontdb::Family::Monospace),
            usvg::FontFamily::Named(name) => {
                families.push(fontdb::Family::Name(name));
                families.extend(twin(name).map(fontdb::Family::Name));
            }
        }
    }
    families.push(fontdb::Family::SansSerif);
    fonts.query(&fontdb::Query {
        families: &families,
        weight: fontdb::Weight(font.weight()),
        stretch: fontdb::Stretch::Normal,
        style: font.style().into(),
    })
}

/// The bundled family whose letters are as wide as those of another.
pub(super) fn twin(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "times" | "times new roman" => "Liberation Serif",
        "courier" | "courier new" | "consolas" | "menlo" | "monaco" => "Liberation Mono",
        "calibri" => "Carlito",
        "cambria" => "Caladea",
        "georgia" => "Gelasio",
        "segoe ui" => "Selawik",
        _ => return None,
    })
}

/// Width and height in pixels, and how much larger than it says the drawing is painted.
fn extent(width: f64, height: f64, options: &Options) -> Result<(u32, u32, f64), Error> {
    let scale = match (options.width, options.height) {
        (None, None) => f64::from(options.dpi.unwrap_or(96).clamp(10, 2400)) / CSS_DPI,
        (Some(wanted), None) => f64::from(wanted) / width,
        (None, Some(wanted)) => f64::from(wanted) / height,
        (Some(wide), Some(high)) => (f64::from(wide) / width).min(f64::from(high) / height),
    };
    let (wide, high) = ((width * scale).round().max(1.0), (height * scale).round().max(1.0));
    if wide * high > PIXELS || wide > 30_000.0 || high > 30_000.0 {
        return Err(Error::limit(format!(
            "{wide} × {high} pixels, allowed are {} megapixels; ask for a `width`",
            PIXELS / 1_000_000.0
        )));
    }
    Ok((wide as u32, high as u32, scale))
}

pub(super) fn pixmap(width: u32, height: u32) -> Result<Pixmap, Error> {
    Pixmap::new(width, height).ok_or_else(|| Error::limit(format!("a picture of {width} × {height} pixels")))
}

/// Pixels as they are encoded, whose colours are not multiplied by their alpha.
pub(super) fn picture(pixmap: Pixmap) -> Result<DynamicImage, Error> {
    let (width, height) = (pixmap.width(), pixmap.height());
    RgbaImage::from_raw(width, height, pixmap.take_demultiplied())
        .map(DynamicImage::ImageRgba8)
        .ok_or_else(|| Error::Crashed { detail: "a picture has fewer pixels than it should".into() })
}

fn problem(error: usvg::Error) -> Error {
    match error {
        usvg::Error::ElementsLimitReached => Error::limit("more than a million elements"),
        usvg::Error::ParsingFailed(
            error @ (usvg::roxmltree::Error::EntityReferenceLoop(_)
            | usvg::roxmltree::Error::NodesLimitReached),
        ) => Error::limit(format!("its entities or references grow without end ({error})")),
        error => Error::corrupt(format!("the drawing cannot be read ({error})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_is_as_large_as_it_says_or_as_wanted() {
        let wanted = |width, height, dpi| {
            let options = Options { width, height, dpi, ..Options::default() };
            extent(200.0, 100.0, &options).map(|(width, height, _)| (width, height))
        };
        assert_eq!(wanted(None, None, None), Ok((200, 100)));
        assert_eq!(wanted(None, None, Some(192)), Ok((400, 200)));
        assert_eq!(wanted(Some(50), Some(50), None), Ok((50, 25)));
        assert_eq!(wanted(Some(20_000), None, None).unwrap_err().code(), "limit_exceeded");
    }

    #[test]
    fn nothing_nests_without_end() {
        let deep = "<g>".repeat(300);
        assert_eq!(look_through(&deep).err().map(|error| error.code()), Some("limit_exceeded"));
        let flat = "<svg><image href='http://x/y.png'/><image href='data:,'/><foreignObject/></svg>";
        assert_eq!(look_through(flat).unwrap().sentences().len(), 2);
    }
}
