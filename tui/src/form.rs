//! A form: fields, which one has the cursor, whether it is under way, and what was wrong with it.

use ratatui::crossterm::event::{Event, KeyEvent};
use tui_input::{Input, backend::crossterm::EventHandler};

use crate::{msg::Failure, text};

/// The longest text a field takes, in bytes: pasting a book into an e-mail field is a slip.
const LONGEST: usize = 4096;

/// What a field holds.
#[derive(Clone, Debug)]
pub enum Value {
    /// One line of text.
    Text(Input),
    /// One line that is not shown.
    Secret(Input),
    /// Yes or no; Space changes it.
    Switch(bool),
}

/// One field.
#[derive(Clone, Debug)]
pub struct Field {
    /// What stands before it.
    pub label: &'static str,
    /// The last part of the JSON pointer that the hub uses for it, such as `email`.
    pub name: &'static str,
    /// What it holds.
    pub value: Value,
    /// What stands behind it as long as nothing is wrong.
    pub hint: &'static str,
    /// What is wrong with it.
    pub error: Option<String>,
}

impl Field {
    /// An empty line of text.
    pub fn text(label: &'static str, name: &'static str, hint: &'static str) -> Self {
        Self { label, name, value: Value::Text(Input::default()), hint, error: None }
    }

    /// An empty line that is not shown.
    pub fn secret(label: &'static str, name: &'static str, hint: &'static str) -> Self {
        Self { value: Value::Secret(Input::default()), ..Self::text(label, name, hint) }
    }

    /// A switch that is off.
    pub fn switch(label: &'static str, name: &'static str, hint: &'static str) -> Self {
        Self { value: Value::Switch(false), ..Self::text(label, name, hint) }
    }

    /// The text it holds; empty for a switch.
    pub fn value(&self) -> &str {
        match &self.value {
            Value::Text(input) | Value::Secret(input) => input.value(),
            Value::Switch(_) => "",
        }
    }

    /// Replaces the text, cursor at the end.
    pub fn set(&mut self, text: impl Into<String>) {
        if let Value::Text(input) | Value::Secret(input) = &mut self.value {
            *input = Input::new(text.into());
        }
    }
}

/// Fields and their state.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// From the top down.
    pub fields: Vec<Field>,
    /// Index of the field with the cursor.
    pub focus: usize,
    /// Whether the hub is being asked.
    pub busy: bool,
    /// What was wrong with the whole of it.
    pub error: Option<String>,
}

impl Form {
    /// A form with the cursor in its first field.
    pub fn new(fields: Vec<Field>) -> Self {
        Self { fields, ..Self::default() }
    }

    /// The text of the field of that name, without spaces around it.
    pub fn get(&self, name: &str) -> String {
        self.field(name).map(|field| field.value().trim().to_owned()).unwrap_or_default()
    }

    /// The text of a secret field as it was typed.
    pub fn secret(&self, name: &str) -> String {
        self.field(name).map(|field| field.value().to_owned()).unwrap_or_default()
    }

    /// Whether the switch of that name is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.field(name).is_some_and(|field| matches!(field.value, Value::Switch(true)))
    }

    fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Replaces the text of a field.
    pub fn set(&mut self, name: &str, text: impl Into<String>) {
        if let Some(field) = self.fields.iter_mut().find(|field| field.name == name) {
            field.set(text);
        }
    }

    /// The field with the cursor.
    pub fn focused(&self) -> Option<&Field> {
        self.fields.get(self.focus)
    }

    /// To the next field, around the end.
    pub fn next(&mut self) {
        self.focus = (self.focus + 1) % self.fields.len().max(1);
    }

    /// To the field before, around the start.
    pub fn previous(&mut self) {
        let count = self.fields.len().max(1);
        self.focus = (self.focus + count - 1) % count;
    }

    /// Whether the cursor is in the last field: there Enter does what the form is for.
    pub fn at_end(&self) -> bool {
        self.focus + 1 >= self.fields.len()
    }

    /// The first empty field of those that must have text gets the cursor and a complaint.
    pub fn first_missing(&mut self, required: &[&str]) -> bool {
        let missing =
            self.fields.iter().position(|f| required.contains(&f.name) && f.value().trim().is_empty());
        if let Some(index) = missing {
            self.focus = index;
            self.complain(index, "is empty");
        }
        missing.is_some()
    }

    /// Marks a field as wrong.
    pub fn complain(&mut self, index: usize, what: impl Into<String>) {
        if let Some(field) = self.fields.get_mut(index) {
            field.error = Some(what.into());
        }
    }

    /// A key goes into the field with the cursor, whatever was wrong with it is forgotten.
    pub fn key(&mut self, key: KeyEvent) {
        let Some(field) = self.fields.get_mut(self.focus) else { return };
        field.error = None;
        self.error = None;
        match &mut field.value {
            Value::Text(input) | Value::Secret(input) => {
                input.handle_event(&Event::Key(key));
            }
            Value::Switch(on) => {
                if key.code == ratatui::crossterm::event::KeyCode::Char(' ') {
                    *on = !*on;
                }
            }
        }
    }

    /// Pasted text goes in as one line.
    pub fn paste(&mut self, pasted: &str) {
        let Some(field) = self.fields.get_mut(self.focus) else { return };
        field.error = None;
        self.error = None;
        if let Value::Text(input) | Value::Secret(input) = &mut field.value {
            for letter in text::clean_line(pasted).chars() {
                if input.value().len() < LONGEST {
                    input.handle(tui_input::InputRequest::InsertChar(letter));
                }
            }
        }
    }

    /// Empties the field with the cursor; false when it was empty.
    pub fn clear_focused(&mut self) -> bool {
        let Some(field) = self.fields.get_mut(self.focus) else { return false };
        let had = !field.value().is_empty();
        if had {
            field.set("");
            field.error = None;
        }
        had
    }

    /// The hub said no: complaints go to their fields, the rest to the form.
    pub fn fail(&mut self, failure: &Failure) {
        self.busy = false;
        let mut placed = false;
        for (pointer, detail) in &failure.fields {
            let name = pointer.trim_start_matches('/');
            if let Some(index) = self.fields.iter().position(|field| field.name == name) {
                if !placed {
                    self.focus = index;
                }
                placed = true;
                self.complain(index, detail.clone());
            }
        }
        if !placed {
            self.error = Some(failure.sentence());
        }
    }
}
