//! The key of an account at a service: it goes into requests there, and shows itself nowhere else.

use std::fmt;

/// A key that never shows itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// Whether there is nothing in it.
    pub fn is_blank(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn shown(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Key {
    /// Without the line break of an editor.
    fn from(text: &str) -> Key {
        Key(text.trim().to_owned())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}
