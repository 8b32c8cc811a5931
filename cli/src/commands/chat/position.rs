//! The file of `--state`: up to where a room was printed, so that the next run goes on there.
//!
//! The position is saved after its line was handed to the system. A process that is killed between the two prints that
//! line again, unless its output is a file: then the file's length, saved with the position, tells that the line is
//! there already.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use wire::{RoomId, frames::Position};

use crate::{error::CliError, output::Place};

/// What the file holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Saved {
    room: RoomId,
    #[serde(flatten)]
    pub(super) at: Position,
    /// Where the output ended then, when it went to a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    out: Option<Place>,
}

/// A state file.
#[derive(Debug)]
pub(super) struct State {
    path: PathBuf,
    saved: Option<Saved>,
}

impl State {
    /// Reads a state file; one that is not there yet says nothing.
    pub(super) fn open(path: &Path) -> Result<Self, CliError> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(why) if why.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { path: path.to_owned(), saved: None });
            }
            Err(why) => return Err(CliError::io(format!("cannot read {}", path.display()))(why)),
        };
        let saved = serde_json::from_slice(&text).map_err(|why| {
            CliError::usage(format!("{} is no state of `mshub chat tail`: {why}", path.display()))
                .hint("name another file, or remove this one to begin anew")
        })?;
        Ok(Self { path: path.to_owned(), saved: Some(saved) })
    }

    /// Where to go on.
    pub(super) fn at(&self) -> Option<&Position> {
        self.saved.as_ref().map(|saved| &saved.at)
    }

    /// Refuses a file that is about another room.
    pub(super) fn check(&self, room: RoomId) -> Result<(), CliError> {
        match &self.saved {
            Some(saved) if saved.room != room => {
                let what = format!("{} is about another room, {}", self.path.display(), saved.room);
                Err(CliError::usage(what).hint("use a file of its own for each room"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a line of this length, the first one after the saved position, stands in the output already.
    pub(super) fn was_printed(&self, line: usize, out: Option<&Place>) -> bool {
        let before = self.saved.as_ref().and_then(|saved| saved.out.as_ref());
        before.zip(out).is_some_and(|(before, now)| now.is_just_beyond(before, line as u64))
    }

    /// Saves a position, whole or not at all.
    pub(super) fn save(&mut self, room: RoomId, at: Position, out: Option<Place>) -> Result<(), CliError> {
        let saved = Saved { room, at, out };
        if self.saved.as_ref() == Some(&saved) {
            return Ok(());
        }
        self.write(&saved).map_err(CliError::io(format!("cannot write {}", self.path.display())))?;
        self.saved = Some(saved);
        Ok(())
    }

    fn write(&self, saved: &Saved) -> io::Result<()> {
        let dir = self.path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut beside = tempfile::NamedTempFile::new_in(dir)?;
        beside.write_all(&serde_json::to_vec(saved)?)?;
        beside.persist(&self.path).map_err(|why| why.error)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_found_again_for_its_room_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let (room, at) = (RoomId::new(), Position { ep: "e".into(), pos: 7 });

        let mut state = State::open(&path).unwrap();
        assert!(state.at().is_none());
        state.save(room, at.clone(), None).unwrap();

        let again = State::open(&path).unwrap();
        assert_eq!(again.at(), Some(&at));
        assert!(again.check(room).is_ok() && again.check(RoomId::new()).is_err());
        fs::write(&path, "{").unwrap();
        assert!(State::open(&path).is_err());
    }

    #[test]
    fn a_line_that_is_exactly_what_the_output_gained_was_printed() {
        let dir = tempfile::tempdir().unwrap();
        let mut state = State::open(&dir.path().join("state")).unwrap();
        let at = Position { ep: "e".into(), pos: 7 };
        state.save(RoomId::new(), at, Some(Place { device: 1, file: 2, length: 100 })).unwrap();
        let place = |file, length| Place { device: 1, file, length };

        assert!(state.was_printed(40, Some(&place(2, 140))));
        assert!(!state.was_printed(40, Some(&place(2, 100))));
        assert!(!state.was_printed(40, Some(&place(2, 150))), "somebody else wrote there");
        assert!(!state.was_printed(40, Some(&place(3, 140))), "it is another file");
        assert!(!state.was_printed(40, None));
    }
}
