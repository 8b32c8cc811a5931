//! The theme of a presentation: its colours, its fonts, and the fills and lines that shapes ask it for by number.

use std::collections::HashMap;

use oxml_drawing::color::{ColorChoice, RgbColor, apply_color_transforms};
use oxml_layout::Color;
use quick_xml::Reader;
use quick_xml::events::Event;

use super::tree::{Node, at, child, children, is, number, share, written};
use crate::builtin::svg;

/// What a slide takes from its theme.
pub(super) struct Scheme<'a> {
    colors: HashMap<&'a str, RgbColor>,
    /// What the names that shapes use mean: `bg1` is `lt1`, unless the slide is dark.
    names: HashMap<&'a str, &'a str>,
    major: &'a str,
    minor: &'a str,
    formats: Option<Node<'a>>,
}

impl<'a> Scheme<'a> {
    /// Reads a theme; `map` gives the meaning of the names of colours.
    pub(super) fn of(theme: Option<Node<'a>>, map: Option<Node<'a>>) -> Scheme<'a> {
        let elements = theme.and_then(|theme| child(theme, "themeElements"));
        let mut colors = HashMap::new();
        for slot in
            elements.and_then(|elements| child(elements, "clrScheme")).map(children).unwrap_or_default()
        {
            if let Some(color) = children(slot).first().and_then(|color| plain(*color)) {
                colors.insert(slot.tag_name().name(), color);
            }
        }
        let mut names = HashMap::new();
        if let Some(map) = map {
            names.extend(map.attributes().map(|attribute| (attribute.name(), attribute.value())));
        }
        let font = |kind: &str| {
            let latin = elements.and_then(|elements| at(elements, &["fontScheme", kind, "latin"]));
            latin.and_then(|latin| latin.attribute("typeface")).unwrap_or("Arial")
        };
        let (major, minor) = (font("majorFont"), font("minorFont"));
        Scheme {
            colors,
            names,
            major,
            minor,
            formats: elements.and_then(|elements| child(elements, "fmtScheme")),
        }
    }

    /// The family of a typeface, which may be one of the theme's (`+mj-lt`).
    pub(super) fn family(&self, typeface: &str) -> &'static str {
        match typeface {
            name if name.starts_with("+mj") => family(self.major),
            name if name.starts_with("+mn") => family(self.minor),
            name => family(name),
        }
    }

    /// The colour that an element such as `a:srgbClr` says. `own` is what a style leaves to the shape (`phClr`).
    pub(super) fn color(&self, node: Node<'a>, own: Option<Color>) -> Option<Color> {
        let transforms = choice(node).map(|choice| choice.transforms().to_vec()).unwrap_or_default();
        let value = node.attribute("val").unwrap_or_default();
        let base = match node.tag_name().name() {
            "schemeClr" if value == "phClr" => {
                let own = own?;
                let part = |part: f64| (part * 255.0).round() as u8;
                RgbColor::new(part(own.r), part(own.g), part(own.b))
            }
            "schemeClr" => self.named(value)?,
            _ => plain(node)?,
        };
        let color = apply_color_transforms(base, &transforms);
        let part = |part: u8| f64::from(part) / 255.0;
        Some(Color { r: part(color.red), g: part(color.green), b: part(color.blue), a: part(color.alpha) })
    }

    fn named(&self, name: &str) -> Option<RgbColor> {
        let usual = match name {
            "bg1" => "lt1",
            "tx1" => "dk1",
            "bg2" => "lt2",
            "tx2" => "dk2",
            name => name,
        };
        let slot = self.names.get(name).copied().unwrap_or(usual);
        self.colors.get(slot).copied().or(match slot {
            "dk1" | "dk2" => Some(RgbColor::new(0, 0, 0)),
            "lt1" | "lt2" => Some(RgbColor::new(255, 255, 255)),
            _ => None,
        })
    }

    /// The colour within an element such as `a:solidFill` or `a:fontRef`.
    pub(super) fn color_in(&self, holder: Node<'a>, own: Option<Color>) -> Option<Color> {
        children(holder).into_iter().find_map(|node| self.color(node, own))
    }

    /// The colour of links.
    pub(super) fn link(&self) -> Option<Color> {
        self.named("hlink").map(opaque)
    }

    /// The colour of text that nobody gave one.
    pub(super) fn text(&self) -> Option<Color> {
        self.named("tx1").map(opaque)
    }

    /// The fill, background (from 1001), line or effects of a theme that a shape asks for, and its own colour for it.
    pub(super) fn style(&self, reference: Node<'a>) -> Option<(Node<'a>, Option<Color>)> {
        let index = number(reference, "idx")? as usize;
        let (list, place) = match (reference.tag_name().name(), index) {
            ("lnRef", place) => ("lnStyleLst", place),
            ("effectRef", place) => ("effectStyleLst", place),
            (_, 1001..) => ("bgFillStyleLst", index - 1000),
            (_, place) => ("fillStyleLst", place),
        };
        let found = *children(child(self.formats?, list)?).get(place.checked_sub(1)?)?;
        Some((found, self.color_in(reference, None)))
    }
}

fn opaque(color: RgbColor) -> Color {
    let [r, g, b] = color.components().map(|part| f64::from(part) / 255.0);
    Color { r, g, b, a: 1.0 }
}

fn choice(node: Node<'_>) -> Option<ColorChoice> {
    let mut reader = Reader::from_str(written(node));
    match reader.read_event().ok()? {
        Event::Start(start) => ColorChoice::from_xml(&mut reader, &start.into_owned()).ok(),
        Event::Empty(start) => ColorChoice::from_empty_xml(&start).ok(),
        _ => None,
    }
}

/// A colour that needs no theme.
fn plain(node: Node<'_>) -> Option<RgbColor> {
    let value = node.attribute("val").unwrap_or_default();
    match node.tag_name().name() {
        "srgbClr" => RgbColor::parse(value).ok(),
        "sysClr" => {
            let last = node.attribute("lastClr").and_then(|last| RgbColor::parse(last).ok());
            last.or(Some(if value == "window" {
                RgbColor::new(255, 255, 255)
            } else {
                RgbColor::new(0, 0, 0)
            }))
        }
        "scrgbClr" => {
            let part =
                |name: &str| share(node, name).map(|part| (part.clamp(0.0, 1.0) * 255.0).round() as u8);
            Some(RgbColor::new(part("r")?, part("g")?, part("b")?))
        }
        "prstClr" => named(value),
        _ => None,
    }
}

/// The names of colours that programs write; a grey for the others.
fn named(name: &str) -> Option<RgbColor> {
    let (red, green, blue) = match name {
        "black" => (0, 0, 0),
        "white" => (255, 255, 255),
        "red" => (255, 0, 0),
        "green" => (0, 128, 0),
        "blue" => (0, 0, 255),
        "yellow" => (255, 255, 0),
        "orange" => (255, 165, 0),
        "purple" => (128, 0, 128),
        "cyan" | "aqua" => (0, 255, 255),
        "magenta" | "fuchsia" => (255, 0, 255),
        "" => return None,
        _ => (128, 128, 128),
    };
    Some(RgbColor::new(red, green, blue))
}

/// The bundled family whose letters are as wide as those of a typeface, or look like them.
fn family(typeface: &str) -> &'static str {
    const BUNDLED: [&str; 7] = [
        "Liberation Sans",
        "Liberation Serif",
        "Liberation Mono",
        "Carlito",
        "Caladea",
        "Gelasio",
        "Selawik",
    ];
    let bundled = BUNDLED.into_iter().find(|name| name.eq_ignore_ascii_case(typeface));
    if let Some(known) = bundled.or_else(|| svg::twin(typeface)) {
        return known;
    }
    let name = typeface.to_ascii_lowercase();
    let is_one_of = |names: &[&str]| names.iter().any(|part| name.contains(part));
    if is_one_of(&["calibri", "aptos", "corbel", "candara", "gill sans"]) {
        "Carlito"
    } else if is_one_of(&["mono", "courier", "console"]) {
        "Liberation Mono"
    } else if is_one_of(&["cambria", "garamond"]) {
        "Caladea"
    } else if !name.contains("sans")
        && is_one_of(&["serif", "times", "roman", "palatino", "antiqua", "bookman", "century"])
    {
        "Liberation Serif"
    } else {
        "Liberation Sans"
    }
}

/// Whether an element says how something is filled.
pub(super) fn is_fill(node: Node<'_>) -> bool {
    ["noFill", "solidFill", "gradFill", "blipFill", "pattFill", "grpFill"].iter().any(|name| is(node, name))
}

#[cfg(test)]
mod tests {
    use super::super::tree::parse;
    use super::*;

    #[test]
    fn colours_come_from_the_theme_and_are_changed() {
        let xml = "<t xmlns:a='a'><themeElements><clrScheme name='x'><dk1><sysClr val='windowText' lastClr='101010'/></dk1>\
            <lt1><srgbClr val='FFFFFF'/></lt1><accent1><srgbClr val='4472C4'/></accent1></clrScheme><fontScheme><majorFont>\
            <latin typeface='Cambria'/></majorFont></fontScheme></themeElements><map bg1='dk1' tx1='lt1'/><use><schemeClr val='tx1'/>\
            <schemeClr val='accent1'><lumMod val='40000'/><lumOff val='60000'/></schemeClr><schemeClr val='phClr'/></use></t>";
        let tree = parse(xml).unwrap();
        let root = tree.root_element();
        let scheme = Scheme::of(Some(root), child(root, "map"));
        let wanted = children(child(root, "use").unwrap());
        let of = |at: usize| scheme.color(wanted[at], Some(Color::BLACK)).unwrap();
        assert_eq!((of(0), of(2)), (Color::WHITE, Color::BLACK));
        let pale = of(1);
        assert!(pale.r > 0.69 && pale.r < 0.72 && pale.b > 0.89, "{pale:?}");
        assert_eq!(
            [scheme.family("+mj-lt"), scheme.family("Calibri Light"), scheme.family("Nowhere")],
            ["Caladea", "Carlito", "Liberation Sans"]
        );
    }
}
