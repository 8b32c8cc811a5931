//! Where shapes are: in their group, on the page, turned and mirrored.

use oxml_layout::{Rect, Transform};

use super::fill::flips;
use super::scene::turn;
use super::tree::{self, Node, child, length};
use crate::builtin::canvas::Drawing;

/// From the coordinates of a group to those of the page.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) scale: (f64, f64),
    pub(super) shift: (f64, f64),
}

/// Where a shape is.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) area: Rect,
    /// Degrees, clockwise.
    pub(super) turn: f64,
    /// Mirrored from left to right, and from top to bottom.
    pub(super) flips: (bool, bool),
}

impl Place {
    /// That of the slide itself.
    pub(super) const PAGE: Place = Place { scale: (1.0, 1.0), shift: (0.0, 0.0) };

    /// Where an `a:xfrm` of this group is on the page.
    pub(super) fn frame(&self, given: Node<'_>) -> Option<Frame> {
        let (offset, size) = (child(given, "off")?, child(given, "ext")?);
        let along = |scale: f64, shift: f64, from: f64, length: f64| {
            let (one, other) = (from * scale + shift, (from + length) * scale + shift);
            (one.min(other), (other - one).abs())
        };
        let (x, width) = along(self.scale.0, self.shift.0, length(offset, "x")?, length(size, "cx")?);
        let (y, height) = along(self.scale.1, self.shift.1, length(offset, "y")?, length(size, "cy")?);
        let (across, down) = flips(given);
        let mirrored = (self.scale.0 < 0.0, self.scale.1 < 0.0);
        let turn = if mirrored.0 == mirrored.1 { turn(given) } else { -turn(given) };
        Some(Frame {
            area: Rect { x, y, width, height },
            turn,
            flips: (across != mirrored.0, down != mirrored.1),
        })
    }

    /// The place of what is in a group.
    pub(super) fn within(frame: Frame, given: Node<'_>) -> Option<Place> {
        let (offset, size) = (child(given, "chOff")?, child(given, "chExt")?);
        let (width, height) = (length(size, "cx")?, length(size, "cy")?);
        let side = |inner: f64, outer: f64| if inner > 0.0 { outer / inner } else { 1.0 };
        let Frame { area, flips, .. } = frame;
        let axis = |scale: f64, start: f64, length: f64, from: f64, flip: bool| {
            if flip { (-scale, start + length + from * scale) } else { (scale, start - from * scale) }
        };
        let x = axis(side(width, area.width), area.x, area.width, tree::length(offset, "x")?, flips.0);
        let y = axis(side(height, area.height), area.y, area.height, tree::length(offset, "y")?, flips.1);
        Some(Place { scale: (x.0, y.0), shift: (x.1, y.1) })
    }
}

/// Puts a drawing where it is turned to.
pub(super) fn turned(out: &mut Drawing, frame: Option<Frame>, inner: Drawing) {
    match frame {
        Some(Frame { area, turn, .. }) if turn != 0.0 => {
            let (x, y) = (area.x + area.width / 2.0, area.y + area.height / 2.0);
            out.group(Transform::rotate_about(turn, x, y), None, 1.0, inner);
        }
        _ => out.append(inner),
    }
}

/// What mirrors a picture in its place; nothing when it is not.
pub(super) fn mirror(frame: Frame) -> Option<Transform> {
    let Frame { area, flips: (across, down), .. } = frame;
    let axis =
        |flip: bool, start: f64, length: f64| if flip { (-1.0, 2.0 * start + length) } else { (1.0, 0.0) };
    let ((a, e), (d, f)) = (axis(across, area.x, area.width), axis(down, area.y, area.height));
    (across || down).then_some(Transform { a, b: 0.0, c: 0.0, d, e, f })
}

/// An area that lies to `from` as the result lies to `to`.
pub(super) fn moved(area: Rect, from: Rect, to: Rect) -> Rect {
    let scale = |one: f64, other: f64| if one > 0.0 { other / one } else { 1.0 };
    let (wide, high) = (scale(from.width, to.width), scale(from.height, to.height));
    Rect {
        x: to.x + (area.x - from.x) * wide,
        y: to.y + (area.y - from.y) * high,
        width: area.width * wide,
        height: area.height * high,
    }
}
