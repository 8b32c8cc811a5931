//! The key of an account at a service: it goes into requests there, and shows itself nowhere else.

use std::fmt;

/// A key that never shows itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// Without the line break of an editor; `None` when nothing is left.
    pub fn read(text: &str) -> Option<Key> {
        let key = text.trim();
        (!key.is_empty()).then(|| Key(key.to_owned()))
    }

    pub(super) fn shown(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}
