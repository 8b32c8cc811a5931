//! Pictures that lie on the cells of xlsx sheets: where they begin, how large they are, and their bytes
//! (ECMA-376 Part 1, 20.5).

use std::io::{Read, Seek};

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::Error;
use crate::container::Container;

use super::images;
use super::parts::{attributes, relations};

/// English Metric Units of a point.
const EMU: f64 = 12_700.0;
/// Rows or columns a picture may begin after: what lies further out is on no page.
const FURTHEST: u32 = 10_000;

/// A place within a cell: row and column from 0, and points from its upper left corner.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Spot {
    pub(super) row: usize,
    pub(super) column: usize,
    pub(super) down: f64,
    pub(super) right: f64,
}

/// How large a picture is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Extent {
    /// As far as this place.
    To(Spot),
    /// So many points wide and high.
    Points(f64, f64),
}

/// One picture.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub(super) at: Spot,
    pub(super) extent: Extent,
    pub(super) data: Vec<u8>,
    pub(super) mime: &'static str,
}

impl Picture {
    /// Row and column of its upper left corner.
    pub(super) fn begins(&self) -> (usize, usize) {
        (self.at.row, self.at.column)
    }

    /// The first row and column that it does not reach. One of so many points reaches about as far as plain cells go.
    pub(super) fn ends(&self) -> (usize, usize) {
        match self.extent {
            Extent::To(end) => (end.row + 1, end.column + 1),
            Extent::Points(width, height) => {
                let cells = |points: f64, cell: f64| ((points / cell).ceil() as usize).min(FURTHEST as usize);
                (
                    self.at.row + cells(self.at.down + height, 15.0),
                    self.at.column + cells(self.at.right + width, 48.0),
                )
            }
        }
    }

    /// Its places as they are when rows and columns count from another cell.
    pub(super) fn counted_from(self, (row, column): (usize, usize)) -> Picture {
        let moved = |spot: Spot| Spot {
            row: spot.row.saturating_sub(row),
            column: spot.column.saturating_sub(column),
            ..spot
        };
        self.moved(moved)
    }

    /// The same with other places.
    pub(super) fn moved(mut self, moved: impl Fn(Spot) -> Spot) -> Picture {
        self.at = moved(self.at);
        if let Extent::To(end) = self.extent {
            self.extent = Extent::To(moved(end));
        }
        self
    }
}

/// The pictures of a sheet, and how many of them cannot be drawn.
pub(super) fn of_sheet<R: Read + Seek>(
    container: &mut Container<R>,
    sheet: &str,
) -> Result<(Vec<Picture>, usize), Error> {
    let (mut pictures, mut undrawn) = (Vec::new(), 0);
    let drawings = relations(container, sheet)?;
    for drawing in drawings.values().filter(|relation| relation.kind == "drawing") {
        let Some(path) = &drawing.path else { continue };
        let Some(xml) = container.read(path)? else { continue };
        let media = relations(container, path)?;
        for anchor in anchors(&xml) {
            let part = anchor.picture.as_ref().and_then(|id| media.get(id)?.path.clone());
            let bytes = match part {
                Some(part) => container.read(&part)?,
                None => None,
            };
            let drawn = bytes.and_then(|bytes| images::of_any_kind_for_page(&bytes));
            match (drawn, anchor.extent) {
                (Some((data, mime)), Some(extent)) => {
                    pictures.push(Picture { at: anchor.at, extent, data, mime });
                }
                _ => undrawn += 1,
            }
        }
    }
    Ok((pictures, undrawn))
}

#[derive(Default)]
struct Anchor {
    at: Spot,
    extent: Option<Extent>,
    /// The relation that leads to its bytes.
    picture: Option<String>,
}

/// The anchors of a drawing that hold a picture.
fn anchors(drawing: &[u8]) -> Vec<Anchor> {
    let mut found = Vec::new();
    let mut reader = Reader::from_reader(drawing);
    let mut anchor: Option<Anchor> = None;
    // Which of the two places of an anchor is read, and what of it.
    let (mut spot, mut end, mut text) = (Spot::default(), false, String::new());
    let (mut is_picture, mut known) = (false, true);
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(element) | Event::Empty(element) => match element.local_name().as_ref() {
                b"twoCellAnchor" | b"oneCellAnchor" => {
                    (anchor, is_picture, known) = (Some(Anchor::default()), false, true);
                }
                b"from" | b"to" => {
                    (spot, end) = (Spot::default(), element.local_name().as_ref() == b"to");
                }
                // The size of the anchor itself comes before what it holds.
                b"ext" => {
                    let given = attributes(&element);
                    let side = |name: &str| given.get(name).and_then(|emu| emu.parse::<f64>().ok());
                    if let (Some(anchor), Some(width), Some(height)) = (&mut anchor, side("cx"), side("cy"))
                        && anchor.extent.is_none()
                        && width > 0.0
                        && height > 0.0
                    {
                        anchor.extent = Some(Extent::Points(width / EMU, height / EMU));
                    }
                }
                b"pic" => is_picture = true,
                b"blip" if is_picture => {
                    if let Some(anchor) = &mut anchor {
                        anchor.picture = attributes(&element).remove("embed");
                    }
                }
                b"col" | b"row" | b"colOff" | b"rowOff" => text.clear(),
                _ => {}
            },
            Event::Text(piece) => text.push_str(&piece.decode().unwrap_or_default()),
            Event::End(element) => match element.local_name().as_ref() {
                b"col" => known &= set(&text, &mut spot.column),
                b"row" => known &= set(&text, &mut spot.row),
                b"colOff" => spot.right = offset(&text),
                b"rowOff" => spot.down = offset(&text),
                b"from" | b"to" => {
                    if let Some(anchor) = &mut anchor {
                        if end {
                            anchor.extent = Some(Extent::To(spot));
                        } else {
                            anchor.at = spot;
                        }
                    }
                }
                b"twoCellAnchor" | b"oneCellAnchor" => {
                    if let Some(mut anchor) = anchor.take().filter(|_| is_picture) {
                        anchor.extent = anchor.extent.filter(|_| known);
                        found.push(anchor);
                    }
                }
                _ => {}
            },
            Event::Eof => break,
            _ => {}
        }
    }
    found
}

fn set(text: &str, place: &mut usize) -> bool {
    let number = text.trim().parse::<u32>().ok().filter(|number| *number <= FURTHEST);
    *place = number.unwrap_or(0) as usize;
    number.is_some()
}

fn offset(text: &str) -> f64 {
    text.trim().parse::<f64>().ok().filter(|emu| emu.is_finite()).unwrap_or(0.0).max(0.0) / EMU
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_of_both_kinds_are_read_and_shapes_are_none() {
        let xml = br#"<xdr:wsDr><xdr:twoCellAnchor><xdr:from><xdr:col>1</xdr:col><xdr:colOff>12700</xdr:colOff>
            <xdr:row>2</xdr:row><xdr:rowOff>0</xdr:rowOff></xdr:from><xdr:to><xdr:col>3</xdr:col><xdr:colOff>0</xdr:colOff>
            <xdr:row>9</xdr:row><xdr:rowOff>25400</xdr:rowOff></xdr:to><xdr:pic><xdr:blipFill><a:blip r:embed="rId1"/></xdr:blipFill>
            <xdr:spPr><a:xfrm><a:ext cx="1" cy="1"/></a:xfrm></xdr:spPr></xdr:pic></xdr:twoCellAnchor>
            <xdr:oneCellAnchor><xdr:from><xdr:col>0</xdr:col><xdr:row>0</xdr:row></xdr:from><xdr:ext cx="127000" cy="254000"/>
            <xdr:pic><a:blip r:embed="rId2"/><a:ext cx="5" cy="5"/></xdr:pic></xdr:oneCellAnchor>
            <xdr:twoCellAnchor><xdr:from/><xdr:to/><xdr:sp/></xdr:twoCellAnchor></xdr:wsDr>"#;

        let found = anchors(xml);

        assert_eq!(found.len(), 2);
        assert_eq!(found[0].at, Spot { row: 2, column: 1, down: 0.0, right: 1.0 });
        let to = Spot { row: 9, column: 3, down: 2.0, right: 0.0 };
        assert_eq!((found[0].extent, found[0].picture.as_deref()), (Some(Extent::To(to)), Some("rId1")));
        assert_eq!(found[1].extent, Some(Extent::Points(10.0, 20.0)));
    }
}
