//! The file of an outbox: lines that are only ever added, each with a hash, and now and then written anew.
//!
//! A line is eight hex digits of the SHA-256 of what follows the space after them. The first line names the
//! generation of the file, so that a reader notices when another process has written it anew. Whoever calls this
//! holds the outbox' lock; see [`super::desk`].

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::entries::Note;
use crate::disk;

const TITLE: &str = "mshub-outbox 1 ";
/// A file that is larger than this, and mostly about what is over, is written anew.
const LARGE: u64 = 256 * 1024;

/// An outbox' file and how much of it was read.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    /// Its first line, without the line break.
    title: String,
    /// Bytes that were read, whole lines only.
    read: u64,
    /// Bytes it had when it was last written anew.
    fresh: u64,
    /// Whether damage is still in it: then every look begins anew. What is added behind a line that is not whole would
    /// become a part of it.
    damaged: bool,
}

/// What is new in the file.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) notes: Vec<Note>,
    /// Whether `notes` are all there are, and not only those since the last look.
    pub(super) anew: bool,
    /// Lines that are not whole or not right.
    pub(super) damaged: Vec<u8>,
}

impl Journal {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path, title: String::new(), read: 0, fresh: 0, damaged: false }
    }

    /// Whether another process may have written since the last look. Needs no lock.
    pub(super) fn has_changed(&self) -> bool {
        match File::open(&self.path) {
            Ok(mut file) => {
                let mut title = vec![0; self.title.len()];
                let same = file.read_exact(&mut title).is_ok() && title == self.title.as_bytes();
                self.damaged || !same || file.metadata().is_ok_and(|about| about.len() != self.read)
            }
            Err(_) => self.read > 0,
        }
    }

    /// Reads what is new. A line that another process could not finish is damage: the lock says that nobody is still
    /// at it.
    pub(super) fn look(&mut self) -> io::Result<News> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(why) if why.kind() == io::ErrorKind::NotFound => {
                self.rewrite(&[])?;
                return Ok(News { anew: true, ..News::default() });
            }
            Err(why) => return Err(why),
        };
        let length = file.metadata()?.len();
        let mut title = vec![0; self.title.len()];
        let known =
            !self.damaged && self.read > 0 && length >= self.read && file.read_exact(&mut title).is_ok();
        if known && title == self.title.as_bytes() {
            file.seek(SeekFrom::Start(self.read))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            self.read += bytes.len() as u64;
            return Ok(parse(&bytes, false));
        }
        file.seek(SeekFrom::Start(0))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(self.look_at_all(bytes))
    }

    fn look_at_all(&mut self, bytes: Vec<u8>) -> News {
        self.read = bytes.len() as u64;
        self.fresh = self.read;
        let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let whole = first.len() < bytes.len();
        match std::str::from_utf8(first) {
            Ok(title) if whole && title.starts_with(TITLE) => {
                title.clone_into(&mut self.title);
                parse(&bytes[first.len() + 1..], true)
            }
            // Without its title a file may still have lines that are right.
            _ => {
                self.title.clear();
                parse(&bytes, true)
            }
        }
    }

    /// Adds notes; with `durable` they are on disk when this returns. After an error they are not there.
    pub(super) fn append(&mut self, notes: &[Note], durable: bool) -> io::Result<()> {
        let mut bytes = Vec::new();
        for note in notes {
            line(note, &mut bytes)?;
        }
        let mut file = disk::private().append(true).open(&self.path)?;
        let written = file.write_all(&bytes).and_then(|()| if durable { file.sync_data() } else { Ok(()) });
        if let Err(why) = written {
            // What is half there would be damage for the next reader.
            file.set_len(self.read)?;
            return Err(why);
        }
        self.read += bytes.len() as u64;
        Ok(())
    }

    /// Whether most of the file may be about what is over.
    pub(super) fn is_worth_rewriting(&self) -> bool {
        self.read > LARGE && self.read > self.fresh.saturating_mul(2)
    }

    /// Writes the file anew with these notes only: after a crash there is the old file or the new one.
    pub(super) fn rewrite(&mut self, notes: &[Note]) -> io::Result<()> {
        let title = format!("{TITLE}{}", Uuid::now_v7());
        let mut bytes = title.clone().into_bytes();
        bytes.push(b'\n');
        for note in notes {
            line(note, &mut bytes)?;
        }
        disk::replace(&self.path, &bytes)?;
        self.title = title;
        self.read = bytes.len() as u64;
        self.fresh = self.read;
        self.damaged = false;
        Ok(())
    }

    /// Puts damaged lines beside the file, where a person can look at them, and writes it anew with these notes. Where that
    /// fails, the next look finds the damage again.
    pub(super) fn mend(&mut self, damaged: &[u8], notes: &[Note]) -> io::Result<PathBuf> {
        self.damaged = true;
        let aside = self.path.with_extension(format!("damaged-{}", Uuid::now_v7()));
        disk::replace(&aside, damaged)?;
        self.rewrite(notes).inspect_err(|_| {
            // They are in the file as before, and one copy is enough.
            let _ = fs::remove_file(&aside);
        })?;
        Ok(aside)
    }

    #[cfg(test)]
    pub(super) fn length(&self) -> u64 {
        self.read
    }
}

/// Removes what a process that died while it wrote the file anew has left.
pub(super) fn tidy(path: &Path) {
    let Some(dir) = path.parent() else { return };
    let Ok(names) = fs::read_dir(dir) else { return };
    for entry in names.flatten() {
        if entry.path().extension().is_some_and(|ending| ending == "new") {
            // Somebody else may have been faster.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn line(note: &Note, out: &mut Vec<u8>) -> io::Result<()> {
    let text = serde_json::to_vec(note)?;
    out.extend_from_slice(seal(&text).as_bytes());
    out.push(b' ');
    out.extend_from_slice(&text);
    out.push(b'\n');
    Ok(())
}

fn seal(text: &[u8]) -> String {
    hex::encode(&Sha256::digest(text)[..4])
}

fn parse(bytes: &[u8], anew: bool) -> News {
    let mut news = News { anew, ..News::default() };
    for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
        match piece.strip_suffix(b"\n").and_then(note) {
            Some(note) => news.notes.push(note),
            None => news.damaged.extend_from_slice(piece),
        }
    }
    news
}

fn note(line: &[u8]) -> Option<Note> {
    let (sealed, text) = line.split_at_checked(8)?;
    let text = text.strip_prefix(b" ")?;
    if sealed != seal(text).as_bytes() {
        return None;
    }
    serde_json::from_slice(text).ok()
}

#[cfg(test)]
mod tests {
    use wire::{RoomId, Timestamp};

    use super::*;
    use crate::outbox::entries::Draft;

    fn put(body: &str) -> Note {
        let draft = Draft::new(RoomId::new(), body.into());
        Note::Put { draft, at: Timestamp::from_micros(7), by: Uuid::nil() }
    }

    #[test]
    fn a_second_reader_hears_only_what_is_new_until_the_file_is_written_anew() {
        let dir = tempfile::tempdir().unwrap();
        let [mut writer, mut reader] = [0, 1].map(|_| Journal::at(dir.path().join("journal")));
        let (one, two, three) = (put("one"), put("two\nlines"), put("three"));
        writer.look().unwrap();

        writer.append(std::slice::from_ref(&one), true).unwrap();
        assert_eq!(reader.look().unwrap().notes, [one]);
        writer.append(std::slice::from_ref(&two), false).unwrap();
        assert!(reader.has_changed());
        let news = reader.look().unwrap();
        assert_eq!((news.notes, news.anew), (vec![two], false));
        assert!(!reader.has_changed());

        writer.rewrite(std::slice::from_ref(&three)).unwrap();
        assert!(reader.has_changed());
        let news = reader.look().unwrap();
        assert_eq!((news.notes, news.anew), (vec![three], true));
    }

    #[test]
    fn damage_takes_nothing_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let mut journal = Journal::at(path.clone());
        journal.look().unwrap();
        let (one, two, three) = (put("one"), put("two"), put("three"));
        journal.append(&[one.clone(), two, three.clone()], true).unwrap();
        let text = fs::read_to_string(&path).unwrap().replace("two", "tow");
        fs::write(&path, format!("{text}0123abcd {{\"half")).unwrap();

        let news = Journal::at(path).look().unwrap();

        assert_eq!(news.notes, [one, three]);
        let damaged = String::from_utf8(news.damaged).unwrap();
        assert!(damaged.contains("tow") && damaged.ends_with("{\"half"), "{damaged}");
    }

    #[test]
    fn damage_that_cannot_be_put_aside_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let (place, elsewhere) = (dir.path().join("outbox"), dir.path().join("elsewhere"));
        fs::create_dir(&place).unwrap();
        let (mut journal, one) = (Journal::at(place.join("journal")), put("one"));
        journal.rewrite(std::slice::from_ref(&one)).unwrap();
        let mut text = fs::read(place.join("journal")).unwrap();
        text.extend_from_slice(b"0123abcd {\"half");
        fs::write(place.join("journal"), text).unwrap();
        let damaged = journal.look().unwrap().damaged;
        // A file where its folder was: nothing can be written there.
        fs::rename(&place, &elsewhere).unwrap();
        fs::write(&place, "").unwrap();
        assert!(journal.mend(&damaged, std::slice::from_ref(&one)).is_err());
        fs::remove_file(&place).unwrap();
        fs::rename(&elsewhere, &place).unwrap();

        assert!(journal.has_changed());
        let news = journal.look().unwrap();

        assert_eq!((&news.notes[..], news.anew), (&[one.clone()][..], true));
        assert_eq!(news.damaged, damaged);
        journal.mend(&news.damaged, &news.notes).unwrap();
        let two = put("two");
        journal.append(std::slice::from_ref(&two), true).unwrap();
        let whole = Journal::at(place.join("journal")).look().unwrap();
        assert_eq!((whole.notes, whole.damaged), (vec![one, two], Vec::new()));
    }

    #[test]
    fn a_file_without_its_title_still_has_its_lines() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let mut journal = Journal::at(path.clone());
        let one = put("one");
        journal.rewrite(std::slice::from_ref(&one)).unwrap();
        let text = fs::read(&path).unwrap();
        fs::write(&path, &text[3..]).unwrap();

        let news = journal.look().unwrap();

        assert!(news.anew);
        assert_eq!(news.notes, [one]);
        assert!(!news.damaged.is_empty());
    }
}
