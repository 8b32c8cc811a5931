//! How the text of a slide looks: what a run does not say, its paragraph does, or its placeholder, master or presentation.

use oxml_layout::Color;

use super::parts::Part;
use super::scheme::Scheme;
use super::tree::{Node, child, flag, is, length, number, reference, share};
use crate::builtin::canvas::TextStyle;

/// Who has a say about a text, the nearest first: elements with a child for each level (`a:lvl1pPr`).
#[derive(Clone, Default)]
pub(super) struct Cascade<'a> {
    /// The shape's own.
    pub(super) own: Option<Node<'a>>,
    /// Those of its placeholder in layout and master, of the master's texts and of the presentation.
    pub(super) inherited: Vec<Node<'a>>,
    /// What the style of the shape, or of a table, says: weaker than its own words, stronger than the rest.
    pub(super) color: Option<Color>,
    pub(super) bold: bool,
    /// The part that the text is in, which knows where its links lead.
    pub(super) part: Option<&'a Part>,
}

/// Where lines begin or end.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Side {
    Left,
    Center,
    Right,
    Justified,
}

/// A length that may be a share of the size of the text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Spacing {
    Share(f64),
    Points(f64),
}

/// What stands before a paragraph of a list.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Bullet {
    Sign(String),
    /// Its kind, such as `arabicPeriod`, and the first number.
    Number(String, u32),
}

/// A paragraph without its words. Lengths in points.
pub(super) struct ParagraphLook {
    pub(super) level: usize,
    pub(super) side: Side,
    pub(super) left: f64,
    pub(super) indent: f64,
    pub(super) line: Spacing,
    pub(super) before: Spacing,
    pub(super) after: Spacing,
    pub(super) tab: f64,
    pub(super) bullet: Option<(Bullet, RunLook)>,
}

/// A run without its words.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RunLook {
    pub(super) style: TextStyle,
    pub(super) underline: bool,
    pub(super) strike: bool,
    pub(super) marker: Option<Color>,
    /// How far above the line, as a share of the size it would have on it.
    pub(super) rise: f64,
    pub(super) capitals: bool,
    /// A page or an address of the net that it leads to.
    pub(super) link: Option<String>,
}

impl<'a> Cascade<'a> {
    /// The elements that speak for a level, the nearest first; how many of them are the shape's own.
    fn of_level(&self, level: usize) -> (Vec<Node<'a>>, usize) {
        let name = format!("lvl{}pPr", level + 1);
        let level_of = |list: &Node<'a>| child(*list, &name).or_else(|| child(*list, "defPPr"));
        let mut found: Vec<Node<'a>> = self.own.iter().filter_map(level_of).collect();
        let own = found.len();
        found.extend(self.inherited.iter().filter_map(level_of));
        (found, own)
    }

    /// The look of a paragraph whose first run is `first`.
    pub(super) fn paragraph(
        &self,
        properties: Option<Node<'a>>,
        first: Option<Node<'a>>,
        scheme: &Scheme<'a>,
    ) -> ParagraphLook {
        let level =
            properties.and_then(|own| number(own, "lvl")).map_or(0, |level| level.clamp(0.0, 8.0) as usize);
        let (levels, _) = self.of_level(level);
        let says: Vec<Node<'a>> = properties.into_iter().chain(levels).collect();
        let points = |name: &str| says.iter().find_map(|node| length(*node, name));
        let spacing = |name: &str, usual: Spacing| {
            says.iter().find_map(|node| child(*node, name)).and_then(spacing).unwrap_or(usual)
        };
        let mut look = ParagraphLook {
            level,
            side: match says.iter().find_map(|node| node.attribute("algn")) {
                Some("ctr") => Side::Center,
                Some("r") => Side::Right,
                Some("just" | "justLow" | "dist" | "thaiDist") => Side::Justified,
                Some(_) => Side::Left,
                None if says.iter().find_map(|node| flag(*node, "rtl")) == Some(true) => Side::Right,
                None => Side::Left,
            },
            left: points("marL").unwrap_or(0.0).clamp(0.0, 4_000.0),
            indent: points("indent").unwrap_or(0.0).clamp(-4_000.0, 4_000.0),
            line: spacing("lnSpc", Spacing::Share(1.0)),
            before: spacing("spcBef", Spacing::Points(0.0)),
            after: spacing("spcAft", Spacing::Points(0.0)),
            tab: points("defTabSz").unwrap_or(72.0).max(4.0),
            bullet: None,
        };
        look.bullet = bullet(&says).map(|bullet| {
            let run = self.run(first, (properties, level), scheme);
            (bullet, bullet_look(run, &says, scheme))
        });
        look
    }

    /// Where a link leads; nothing when that is within the presentation, or is no place that one may safely be led to.
    fn target(&self, click: Node<'a>) -> Option<String> {
        let url = self.part?.relations.get(reference(click, "id")?)?.outside.clone()?;
        ["https://", "http://", "mailto:"].iter().any(|scheme| url.starts_with(scheme)).then_some(url)
    }

    /// The look of a run (`a:rPr`) of a paragraph of this level, which may have words about its runs itself (`a:pPr`).
    pub(super) fn run(
        &self,
        properties: Option<Node<'a>>,
        (paragraph, level): (Option<Node<'a>>, usize),
        scheme: &Scheme<'a>,
    ) -> RunLook {
        let (levels, own) = self.of_level(level);
        let (near, far) = levels.split_at(own);
        let says = |levels: &[Node<'a>]| levels.iter().filter_map(|level| child(*level, "defRPr")).collect();
        let mut near: Vec<Node<'a>> = says(near);
        near.splice(0..0, paragraph.and_then(|paragraph| child(paragraph, "defRPr")));
        let far: Vec<Node<'a>> = says(far);
        let defaults: Vec<Node<'a>> = near.iter().chain(&far).copied().collect();
        let says: Vec<Node<'a>> = properties.into_iter().chain(defaults.iter().copied()).collect();
        let word = |name: &str| says.iter().find_map(|node| node.attribute(name));
        let ink = |node: &Node<'a>| {
            let filled = |name: &str| {
                child(*node, name).map(|fill| match name {
                    "gradFill" => child(fill, "gsLst").and_then(|stops| child(stops, "gs")).unwrap_or(fill),
                    _ => fill,
                })
            };
            let fill = filled("solidFill").or_else(|| filled("gradFill"))?;
            scheme.color_in(fill, None)
        };
        let click = properties.and_then(|own| child(own, "hlinkClick"));
        let link = click.is_some();
        let color = properties.as_ref().and_then(ink);
        let color = color.or_else(|| link.then(|| scheme.link()).flatten());
        let color = color.or_else(|| near.iter().find_map(ink)).or(self.color);
        let color = color.or_else(|| defaults.iter().find_map(ink)).or_else(|| scheme.text());
        let typeface = says.iter().find_map(|node| child(*node, "latin")?.attribute("typeface"));
        let size = says.iter().find_map(|node| number(*node, "sz")).unwrap_or(1_800.0) / 100.0;
        let rise = says.iter().find_map(|node| share(*node, "baseline")).unwrap_or(0.0).clamp(-1.0, 1.0);
        let on = |name: &str| says.iter().find_map(|node| flag(*node, name));
        let style = TextStyle {
            family: scheme.family(typeface.unwrap_or("+mn-lt")),
            // What is raised or lowered is smaller, too.
            size: size.clamp(1.0, 4_000.0) * if rise == 0.0 { 1.0 } else { 0.66 },
            bold: on("b").unwrap_or(self.bold),
            italic: on("i").unwrap_or(false),
            color: color.unwrap_or(Color::BLACK),
        };
        RunLook {
            style,
            underline: word("u").map_or(link, |kind| kind != "none"),
            strike: word("strike").is_some_and(|kind| kind != "noStrike"),
            marker: says
                .iter()
                .find_map(|node| child(*node, "highlight"))
                .and_then(|ink| scheme.color_in(ink, None)),
            rise,
            capitals: word("cap").is_some_and(|kind| kind != "none"),
            link: click.and_then(|click| self.target(click)),
        }
    }
}

fn spacing(node: Node<'_>) -> Option<Spacing> {
    if let Some(percent) = child(node, "spcPct") {
        return share(percent, "val").map(|share| Spacing::Share(share.clamp(0.0, 20.0)));
    }
    let points = number(child(node, "spcPts")?, "val")? / 100.0;
    Some(Spacing::Points(points.clamp(0.0, 1_584.0)))
}

fn bullet(says: &[Node<'_>]) -> Option<Bullet> {
    let kinds = ["buNone", "buChar", "buAutoNum", "buBlip"];
    let found = says.iter().find_map(|node| kinds.iter().find_map(|kind| child(*node, kind)))?;
    if is(found, "buNone") {
        return None;
    }
    if is(found, "buAutoNum") {
        let start = number(found, "startAt").unwrap_or(1.0).clamp(1.0, 32_767.0) as u32;
        return Some(Bullet::Number(found.attribute("type").unwrap_or("arabicPeriod").to_owned(), start));
    }
    let font = says.iter().find_map(|node| child(*node, "buFont")?.attribute("typeface")).unwrap_or_default();
    let sign = found.attribute("char").unwrap_or("•");
    Some(Bullet::Sign(sign.chars().take(4).map(|letter| readable(letter, font)).collect()))
}

fn is_of_signs(font: &str) -> bool {
    font.starts_with("Wingdings") || font == "Symbol" || font == "Webdings"
}

/// The letter that looks like a sign of a font of signs.
fn readable(letter: char, font: &str) -> char {
    let signs = is_of_signs(font);
    // These fonts have their signs at U+F000 as well.
    let code = match letter as u32 {
        code @ 0xf020..=0xf0ff => code - 0xf000,
        code => code,
    };
    if !signs && code == letter as u32 && !('\u{e000}'..='\u{f8ff}').contains(&letter) {
        return letter;
    }
    match (font, code) {
        ("Symbol", 0x2d) => '–',
        (_, 0x6e) => '■',
        (_, 0xa7) => '▪',
        (_, 0x71 | 0x72 | 0x6f | 0xa8) => '□',
        (_, 0x76) => '❖',
        (_, 0x75) => '◆',
        (_, 0xd8) => '➢',
        (_, 0xfc) => '✓',
        (_, 0xe8 | 0xf0) => '➔',
        (_, 0x6c) => '●',
        _ => '•',
    }
}

fn bullet_look<'a>(mut look: RunLook, says: &[Node<'a>], scheme: &Scheme<'a>) -> RunLook {
    let part = |name: &str| says.iter().find_map(|node| child(*node, name));
    if let Some(typeface) = part("buFont").and_then(|font| font.attribute("typeface"))
        && !is_of_signs(typeface)
    {
        look.style.family = scheme.family(typeface);
    }
    if let Some(color) = part("buClr").and_then(|color| scheme.color_in(color, None)) {
        look.style.color = color;
    }
    if let Some(size) = part("buSzPct").and_then(|size| share(size, "val")) {
        look.style.size *= size.clamp(0.25, 4.0);
    } else if let Some(size) = part("buSzPts").and_then(|size| number(size, "val")) {
        look.style.size = (size / 100.0).clamp(1.0, 400.0);
    }
    RunLook { underline: false, strike: false, marker: None, link: None, ..look }
}
