//! Where things are on the chat screen, and how the timeline falls into rows: shared by scrolling and by painting.

use jiff::tz::TimeZone;
use ratatui::layout::{Constraint, Layout, Rect};
use wire::{Timestamp, UserId};

use crate::{
    attachments,
    entry::Entry,
    room::{Delivery, Pending, Place, Scroll, Timeline},
    text,
};

/// Below this many columns or rows only a line is shown that says what is needed.
pub const SMALLEST: (u16, u16) = (40, 10);
/// From this width on the rooms stand beside the messages.
const TWO_PANES: u16 = 60;
/// From this width on the members do, too.
const THREE_PANES: u16 = 100;
/// A message being written takes at most this many rows.
const COMPOSER_ROWS: u16 = 6;

/// The parts of the chat screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatAreas {
    /// The list of rooms with its frame.
    pub rooms: Option<Rect>,
    /// The messages with their frame.
    pub messages: Rect,
    /// The message being written with its frame.
    pub composer: Rect,
    /// The members with their frame.
    pub members: Option<Rect>,
}

/// Divides everything above the last line; `rows` is what the composer would like, frame not counted.
pub fn chat(area: Rect, rows: u16) -> ChatAreas {
    let left = if area.width >= TWO_PANES { 20 } else { 0 };
    let right = if area.width >= THREE_PANES { 22 } else { 0 };
    let [rooms, middle, members] =
        Layout::horizontal([Constraint::Length(left), Constraint::Fill(1), Constraint::Length(right)])
            .areas(area);
    let rows = rows.clamp(1, COMPOSER_ROWS.min(area.height / 3).max(1));
    let [messages, composer] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(rows.saturating_add(2))]).areas(middle);
    ChatAreas {
        rooms: (left > 0).then_some(rooms),
        messages,
        composer,
        members: (right > 0).then_some(members),
    }
}

/// The screen without its last line.
pub fn above_footer(size: (u16, u16)) -> Rect {
    Rect::new(0, 0, size.0, size.1.saturating_sub(1))
}

/// A rectangle without its frame.
pub fn inside(area: Rect) -> Rect {
    area.inner(ratatui::layout::Margin::new(1, 1))
}

/// What a row of the timeline shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// A new day.
    Day(String),
    /// What follows was missed.
    New(u64),
    /// Events are missing here.
    Gap,
    /// The first row of a message.
    Message {
        /// `20:01`.
        time: String,
        /// Who, cut.
        name: String,
        /// Whose colour.
        by: UserId,
        /// Queued, sent, stored, refused; only for own messages.
        mark: Mark,
    },
    /// The message that the one below answers.
    Answered,
    /// A further row of a message.
    More,
    /// Signs that people put on a message.
    Signs,
    /// Somebody came, went or made something.
    Happened {
        /// `20:01`.
        time: String,
    },
    /// Why a message was refused.
    Refused,
}

/// How far an own message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Not an own message.
    Other,
    /// Not in the outbox yet.
    Typed,
    /// In the outbox.
    Queued,
    /// Durable.
    Sent,
    /// Durable and in the database.
    Stored,
    /// Refused.
    Refused,
}

/// One row of the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub kind: RowKind,
    /// Its text, without time and name.
    pub text: String,
    /// The message it is a part of, if it is one that can be chosen.
    pub place: Option<Place>,
}

impl Row {
    fn new(kind: RowKind, text: String) -> Self {
        Self { kind, text, place: None }
    }
}

/// How a timeline falls into rows.
#[derive(Clone, Debug)]
pub struct Flow<'a> {
    /// What happened.
    pub timeline: &'a Timeline,
    /// Who is reading.
    pub me: UserId,
    /// What the reader is called.
    pub my_name: &'a str,
    /// Columns.
    pub columns: u16,
    /// Where the reader is on Earth.
    pub zone: &'a TimeZone,
}

impl Flow<'_> {
    /// Columns of the name.
    pub fn name_columns(&self) -> usize {
        if self.columns >= 70 {
            14
        } else if self.columns >= 45 {
            10
        } else {
            7
        }
    }

    /// Columns before the text: time, mark, name and the spaces behind them.
    pub fn indent(&self) -> usize {
        5 + 1 + 2 + 1 + self.name_columns() + 1
    }

    fn text_columns(&self) -> usize {
        usize::from(self.columns).saturating_sub(self.indent()).max(8)
    }

    /// The rows of a place, from the top down; at least one when the place exists.
    pub fn rows(&self, place: Place) -> Vec<Row> {
        let (mut rows, can_be_chosen) = match place {
            Place::At(pos) => match self.timeline.entry(pos) {
                Some(entry) => (self.entry_rows(entry), entry.is_there()),
                None => (Vec::new(), false),
            },
            Place::Under(draft) => {
                (self.timeline.pending(draft).map(|own| self.own_rows(own)).unwrap_or_default(), true)
            }
        };
        let above = |row: &&mut Row| !matches!(row.kind, RowKind::Day(_) | RowKind::New(_) | RowKind::Gap);
        rows.iter_mut().filter(above).filter(|_| can_be_chosen).for_each(|row| row.place = Some(place));
        rows
    }

    fn entry_rows(&self, entry: &Entry) -> Vec<Row> {
        let before = self.timeline.entry_before(entry.pos);
        let mut rows = self.day_row(before.map(|entry| entry.ts), entry.ts);
        let before = before.map_or(0, |before| before.pos);
        if self.timeline.gap_before(before, entry.pos) {
            rows.push(Row::new(RowKind::Gap, String::new()));
        }
        if let Some(divider) = self.timeline.divider
            && divider.count > 0
            && self.timeline.first_said_after(divider.after, self.me) == Some(entry.pos)
        {
            rows.push(Row::new(RowKind::New(divider.count), String::new()));
        }
        let time = self.time(entry.ts);
        if !entry.said {
            rows.push(Row::new(RowKind::Happened { time }, entry.text.clone()));
            return rows;
        }
        let mark = match (entry.by == self.me, entry.pos <= self.timeline.stored) {
            (false, _) => Mark::Other,
            (true, false) => Mark::Sent,
            (true, true) => Mark::Stored,
        };
        let first = RowKind::Message { time, name: entry.name.clone(), by: entry.by, mark };
        if let Some(re) = entry.re {
            rows.push(Row::new(RowKind::Answered, self.answered(re)));
        }
        self.message_rows(&mut rows, first, &entry.text);
        if !entry.signs.is_empty() {
            let signs = entry.signs.iter().map(|(sign, count)| format!("{sign} {count}"));
            rows.push(Row::new(RowKind::Signs, signs.collect::<Vec<_>>().join("  ")));
        }
        rows
    }

    /// The beginning of the message that another one answers, on one line.
    fn answered(&self, re: u64) -> String {
        match self.timeline.entry(re) {
            Some(entry) => text::cut(&format!("↪ {}", entry.brief()), self.text_columns()),
            None => "↪ an earlier message".to_owned(),
        }
    }

    fn own_rows(&self, own: &Pending) -> Vec<Row> {
        let before = match self.timeline.above(Place::Under(own.draft)) {
            Some(Place::At(pos)) => self.timeline.entry(pos).map(|entry| entry.ts),
            Some(Place::Under(draft)) => self.timeline.pending(draft).map(|own| own.ts),
            None => None,
        };
        let mut rows = self.day_row(before, own.ts);
        let mark = match (&own.delivery, own.cid) {
            (Delivery::Queued, None) => Mark::Typed,
            (Delivery::Queued, Some(_)) => Mark::Queued,
            (Delivery::Refused(_), _) => Mark::Refused,
        };
        let time = self.time(own.ts);
        let first = RowKind::Message { time, name: self.my_name.to_owned(), by: self.me, mark };
        if let Some(re) = own.said.re {
            rows.push(Row::new(RowKind::Answered, self.answered(re)));
        }
        self.message_rows(&mut rows, first, &own.said.shown());
        if let Some((name, sent, total)) = &own.moved {
            let line = attachments::uploading(name, *sent, *total);
            rows.push(Row::new(RowKind::More, text::cut(&line, self.text_columns())));
        }
        if let Delivery::Refused(why) = &own.delivery {
            let sentence = format!("not sent: {why} (R sends it again, d drops it)");
            let lines = text::wrap(&sentence, self.text_columns());
            rows.extend(lines.into_iter().map(|text| Row::new(RowKind::Refused, text)));
        }
        rows
    }

    fn message_rows(&self, rows: &mut Vec<Row>, first: RowKind, message: &str) {
        let mut kind = first;
        for line in text::wrap(message, self.text_columns()) {
            rows.push(Row::new(kind, line));
            kind = RowKind::More;
        }
    }

    fn day_row(&self, before: Option<Timestamp>, ts: Timestamp) -> Vec<Row> {
        let day = |ts: Timestamp| ts.to_jiff().to_zoned(self.zone.clone()).date();
        if before.is_some_and(|before| day(before) == day(ts)) {
            return Vec::new();
        }
        let name = ts.to_jiff().to_zoned(self.zone.clone()).strftime("%a %-d %b %Y").to_string();
        vec![Row::new(RowKind::Day(name), String::new())]
    }

    fn time(&self, ts: Timestamp) -> String {
        ts.to_jiff().to_zoned(self.zone.clone()).strftime("%H:%M").to_string()
    }

    /// The last visible row: place and row within it.
    pub fn bottom(&self) -> Option<(Place, usize)> {
        if let Scroll::Anchor(place, row) = self.timeline.scroll {
            let rows = self.rows(place).len();
            if rows > 0 {
                return Some((place, row.min(rows - 1)));
            }
        }
        let last = self.timeline.last()?;
        Some((last, self.rows(last).len().saturating_sub(1)))
    }

    /// That many rows up from a row, or as far as there is something; also how far it got.
    pub fn up(&self, from: (Place, usize), count: usize) -> ((Place, usize), usize) {
        let (mut place, mut row) = from;
        let mut left = count;
        while left > row {
            let Some(above) = self.timeline.above(place) else { return ((place, 0), count - (left - row)) };
            left -= row + 1;
            place = above;
            row = self.rows(above).len().saturating_sub(1);
        }
        ((place, row - left), count)
    }

    /// That many rows down from a row; nothing when it ends at the newest row.
    pub fn down(&self, from: (Place, usize), count: usize) -> Option<(Place, usize)> {
        let (mut place, mut row) = from;
        let mut left = count;
        loop {
            let last = self.rows(place).len().saturating_sub(1);
            let below = self.timeline.below(place);
            if row + left < last || (row + left == last && below.is_some()) {
                return Some((place, row + left));
            }
            left -= (last - row).min(left);
            place = below?;
            left = left.saturating_sub(1);
            row = 0;
        }
    }

    /// Where to scroll so that `count` more rows are seen above (or, when negative, below).
    /// The second part tells whether the beginning of what is loaded is in sight.
    pub fn scrolled(&self, count: isize, height: u16) -> (Scroll, bool) {
        let Some(bottom) = self.bottom() else { return (Scroll::Follow, true) };
        let page = usize::from(height).saturating_sub(1);
        if count < 0 {
            let next = self.down(bottom, count.unsigned_abs());
            return (next.map_or(Scroll::Follow, |(place, row)| Scroll::Anchor(place, row)), false);
        }
        let (target, _) = self.up(bottom, count.unsigned_abs());
        let (top, moved) = self.up(target, page);
        if moved == page {
            return (Scroll::Anchor(target.0, target.1), false);
        }
        // Less than a screenful is above: show the first one, rather than empty rows.
        let first = self.down(top, page);
        (first.map_or(Scroll::Follow, |(place, row)| Scroll::Anchor(place, row)), true)
    }

    /// Where to scroll so that a place is seen, with a little of what is above it and all that fits below it.
    pub fn landed(&self, place: Place, height: u16) -> Scroll {
        let (top, _) = self.up((place, 0), usize::from(height) / 4);
        let bottom = self.down(top, usize::from(height).saturating_sub(1));
        bottom.map_or(Scroll::Follow, |(place, row)| Scroll::Anchor(place, row))
    }

    /// Positions of the first event on the screen and of the last one that is on it to its end.
    pub fn shown(&self, height: u16) -> Option<(u64, u64)> {
        let (last, row) = self.bottom()?;
        let ((first, _), _) = self.up((last, row), usize::from(height).saturating_sub(1));
        let whole = row + 1 == self.rows(last).len();
        let last = if whole { Some(last) } else { self.timeline.above(last) };
        // What is under way stands below everything that has a position.
        let pos = |place| match place {
            Place::At(pos) => pos,
            Place::Under(_) => self.timeline.newest(),
        };
        Some((pos(first), pos(last?)))
    }

    /// Whether a row is of a message by somebody else that names the reader.
    pub fn names_reader(&self, row: &Row) -> bool {
        let Some(Place::At(pos)) = row.place else { return false };
        self.timeline.entry(pos).is_some_and(|entry| entry.by != self.me && entry.names(self.me))
    }

    /// The visible rows, from the top down.
    pub fn visible(&self, height: u16) -> Vec<Row> {
        let height = usize::from(height);
        let Some((place, row)) = self.bottom() else { return Vec::new() };
        let mut rows: Vec<Row> = self.rows(place).into_iter().take(row + 1).rev().take(height).collect();
        let mut at = place;
        while rows.len() < height {
            let Some(above) = self.timeline.above(at) else { break };
            at = above;
            rows.extend(self.rows(above).into_iter().rev());
        }
        rows.truncate(height);
        rows.reverse();
        self.fill_below(rows, place, row, height)
    }

    /// Where what is above does not fill the screen, what is below does.
    fn fill_below(&self, mut rows: Vec<Row>, place: Place, row: usize, height: usize) -> Vec<Row> {
        rows.extend(self.rows(place).into_iter().skip(row + 1));
        let mut at = place;
        while rows.len() < height {
            let Some(below) = self.timeline.below(at) else { break };
            at = below;
            rows.extend(self.rows(below));
        }
        rows.truncate(height);
        rows
    }
}
