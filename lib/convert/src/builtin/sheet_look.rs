//! How cells look: what our renderer draws of the many things a cell style can say.

use std::collections::HashMap;

use calamine::{
    Border, BorderStyle, FillPattern, HorizontalAlignment, Style, TextRotation, VerticalAlignment,
};

/// Where text stands in its cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Align {
    /// Numbers right, truth values and errors in the middle, texts left.
    #[default]
    ByValue,
    Left,
    Center,
    Right,
}

/// Where text stands in a row that is higher than it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stand {
    Top,
    Middle,
    #[default]
    Bottom,
}

/// One visible edge of a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Edge {
    /// Points.
    pub(super) width: f64,
    pub(super) color: [u8; 3],
}

/// The look of a cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Look {
    /// Points; 0 is the size of the sheet.
    pub(super) size: f64,
    pub(super) bold: bool,
    pub(super) italic: bool,
    pub(super) underline: bool,
    pub(super) strike: bool,
    pub(super) serif: bool,
    pub(super) color: Option<[u8; 3]>,
    pub(super) fill: Option<[u8; 3]>,
    pub(super) align: Align,
    pub(super) stand: Stand,
    pub(super) wrap: bool,
    /// Steps of three spaces.
    pub(super) indent: u8,
    /// Left, right, top, bottom.
    pub(super) edges: [Option<Edge>; 4],
    /// Lower to upper, in quarter turns; anything between is drawn level.
    pub(super) rotated: bool,
}

/// The different looks of a sheet; the first is plain.
#[derive(Default)]
pub(super) struct Looks {
    list: Vec<Look>,
    /// By the address of the style in the palette of the sheet, and the colour of the number format.
    known: HashMap<(usize, Option<[u8; 3]>), u32>,
}

impl Looks {
    /// The index of the look for a style, which must outlive this list.
    pub(super) fn index_of(&mut self, style: Option<&Style>, color: Option<[u8; 3]>) -> u32 {
        let Some(style) = style else { return 0 };
        let key = (std::ptr::from_ref(style) as usize, color);
        if let Some(index) = self.known.get(&key) {
            return *index;
        }
        let mut look = look(style);
        look.color = color.or(look.color);
        let list = self.filled();
        let at = list.iter().position(|known| *known == look).unwrap_or(list.len());
        if at == list.len() {
            list.push(look);
        }
        let index = u32::try_from(at).unwrap_or(0);
        self.known.insert(key, index);
        index
    }

    fn filled(&mut self) -> &mut Vec<Look> {
        if self.list.is_empty() {
            self.list.push(Look::default());
        }
        &mut self.list
    }

    pub(super) fn into_list(mut self) -> Vec<Look> {
        self.filled();
        self.list
    }
}

fn look(style: &Style) -> Look {
    let mut look = Look::default();
    if let Some(font) = &style.font {
        look.size = font.size.unwrap_or(0.0).clamp(0.0, 96.0);
        look.bold = font.is_bold();
        look.italic = font.is_italic();
        look.underline = font.has_underline();
        look.strike = font.has_strikethrough();
        look.color = font.color.filter(|color| !color.is_black()).map(rgb);
        let name = font.name.as_deref().unwrap_or_default().to_ascii_lowercase();
        look.serif = ["times", "cambria", "georgia", "garamond"].iter().any(|family| name.contains(family));
    }
    if let Some(fill) = style.fill.as_ref().filter(|fill| fill.is_visible()) {
        // A pattern is drawn as its mean tone; for the light ones that is nearly the background.
        let color = if fill.pattern == FillPattern::Solid {
            fill.get_color()
        } else {
            fill.background_color.or(fill.foreground_color)
        };
        look.fill = color.filter(|color| !color.is_white()).map(rgb);
    }
    if let Some(alignment) = &style.alignment {
        look.align = match alignment.horizontal {
            HorizontalAlignment::Left | HorizontalAlignment::Justify | HorizontalAlignment::Fill => {
                Align::Left
            }
            HorizontalAlignment::Center
            | HorizontalAlignment::CenterContinuous
            | HorizontalAlignment::Distributed => Align::Center,
            HorizontalAlignment::Right => Align::Right,
            _ => Align::ByValue,
        };
        look.stand = match alignment.vertical {
            VerticalAlignment::Top => Stand::Top,
            VerticalAlignment::Center | VerticalAlignment::Distributed | VerticalAlignment::Justify => {
                Stand::Middle
            }
            _ => Stand::Bottom,
        };
        look.wrap = alignment.wrap_text || alignment.horizontal == HorizontalAlignment::Justify;
        look.indent = alignment.indent.unwrap_or(0).min(15);
        look.rotated = !matches!(alignment.text_rotation, TextRotation::None | TextRotation::Degrees(0));
    }
    if let Some(borders) = &style.borders {
        look.edges = [edge(&borders.left), edge(&borders.right), edge(&borders.top), edge(&borders.bottom)];
    }
    look
}

fn rgb(color: calamine::Color) -> [u8; 3] {
    [color.red, color.green, color.blue]
}

fn edge(border: &Border) -> Option<Edge> {
    let width = match border.style {
        BorderStyle::None => return None,
        BorderStyle::Hair | BorderStyle::Dotted => 0.25,
        BorderStyle::Thin | BorderStyle::Dashed | BorderStyle::DashDot | BorderStyle::DashDotDot => 0.5,
        BorderStyle::Thick => 1.75,
        _ => 1.0,
    };
    Some(Edge { width, color: border.color.map_or([0, 0, 0], rgb) })
}
