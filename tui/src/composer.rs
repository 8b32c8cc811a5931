//! The field a message is written in: several lines, undo, words; never sends by itself.

use ratatui::{
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
    style::Style,
};
use ratatui_textarea::{CursorMove, TextArea, WrapMode};

use crate::text;

/// The longest message, in bytes of UTF-8; the hub refuses longer ones.
pub const LONGEST: usize = 16 * 1024;

/// A message being written.
#[derive(Clone, Debug)]
pub struct Composer {
    area: TextArea<'static>,
}

impl Default for Composer {
    fn default() -> Self {
        let mut area = TextArea::default();
        // The terminal's own cursor is used, and no line is painted.
        area.set_cursor_style(Style::new());
        area.set_cursor_line_style(Style::new());
        area.set_wrap_mode(WrapMode::WordOrGlyph);
        area.set_max_histories(100);
        Self { area }
    }
}

impl Composer {
    /// The text so far.
    pub fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    /// Whether there is nothing to send.
    pub fn is_blank(&self) -> bool {
        self.area.lines().iter().all(|line| line.trim().is_empty())
    }

    /// Whether there is nothing at all.
    pub fn is_empty(&self) -> bool {
        self.area.is_empty()
    }

    /// Rows that the text takes at a width.
    pub fn rows(&self, columns: u16) -> u16 {
        let rows = text::wrap(&self.text(), usize::from(columns)).len();
        u16::try_from(rows).unwrap_or(u16::MAX)
    }

    /// Gives the text away and is empty again.
    pub fn take(&mut self) -> String {
        let text = self.text();
        *self = Self::default();
        text
    }

    /// Another text, with the cursor at its end.
    pub fn put(&mut self, text: &str) {
        *self = Self::default();
        self.area.insert_str(text::clean(text));
    }

    /// Takes a part of the text away, where it is still there.
    pub fn without(&mut self, part: &str) {
        let part = text::clean(part);
        let text = self.text();
        if !part.is_empty() && text.contains(&part) {
            self.put(text.replacen(&part, "", 1).trim_end_matches(' '));
        }
    }

    /// A line end at the cursor.
    pub fn newline(&mut self) {
        self.area.insert_newline();
    }

    /// Pasted text at the cursor, with its lines. False, and nothing is taken, when it is so large that it can only
    /// be a slip.
    pub fn paste(&mut self, pasted: &str) -> bool {
        let fits = pasted.len() <= 4 * LONGEST;
        if fits {
            self.area.insert_str(text::clean(pasted));
        }
        fits
    }

    /// A key that is no action: letters, cursor keys, and the line editing that shells have.
    pub fn key(&mut self, key: KeyEvent) {
        let control = key.modifiers == KeyModifiers::CONTROL;
        match key.code {
            KeyCode::Char('u') if control => {
                self.area.delete_line_by_head();
            }
            KeyCode::Char('_' | '7') if control => {
                self.area.undo();
            }
            KeyCode::Char('a') if control => self.area.move_cursor(CursorMove::Head),
            KeyCode::Char('e') if control => self.area.move_cursor(CursorMove::End),
            KeyCode::Char('w') if control => {
                self.area.delete_word();
            }
            _ => {
                self.area.input(key);
            }
        }
    }

    /// The widget with its cursor.
    pub fn area(&self) -> &TextArea<'static> {
        &self.area
    }
}
