//! The outbox while its lock is held: one process at a time reads what is new, notes what it did, and lets go.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use uuid::Uuid;
use wire::{ClientId, FileId, Problem, Timestamp};

use super::{
    View,
    entries::{Draft, Entries, Note, Receipt},
    journal::{self, Journal},
};
use crate::disk::Lock;

/// More than a machine that is cut off for days has to say.
pub(crate) const MOST: usize = 10_000;

/// One process' place at an outbox.
#[derive(Debug)]
pub(super) struct Desk {
    /// This process, as far as this outbox is concerned.
    me: Uuid,
    entries: Entries,
    /// Absent for an outbox in memory.
    place: Option<Place>,
    warning: Option<String>,
}

#[derive(Debug)]
struct Place {
    journal: Journal,
    dir: PathBuf,
    /// Held from the first message on: as long as it is, nobody else sends what this process has to send.
    alive: Option<Lock>,
}

impl Desk {
    pub(super) fn in_memory(me: Uuid) -> Self {
        Self { me, entries: Entries::default(), place: None, warning: None }
    }

    pub(super) fn at(me: Uuid, dir: &Path) -> Self {
        let journal = Journal::at(dir.join("journal"));
        let place = Place { journal, dir: dir.to_owned(), alive: None };
        Self { me, entries: Entries::default(), place: Some(place), warning: None }
    }

    /// Whether another process may have noted something. Needs no lock.
    pub(super) fn is_behind(&self) -> bool {
        self.place.as_ref().is_some_and(|place| place.journal.has_changed())
    }

    /// Reads what others noted. Damaged lines are put aside, and what is left is written anew.
    pub(super) fn look(&mut self) -> io::Result<()> {
        let Some(place) = &mut self.place else { return Ok(()) };
        let news = place.journal.look()?;
        if news.anew {
            self.entries = Entries::default();
        }
        news.notes.into_iter().for_each(|note| self.entries.take(note));
        if !news.damaged.is_empty() {
            let path = place.journal.mend(&news.damaged, &self.entries.notes())?;
            journal::tidy(&place.dir.join("journal"));
            let lines = news.damaged.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
            self.warning = Some(format!(
                "{lines} damaged {} of the outbox cannot be sent; what is left of it is in {}",
                if lines == 1 { "line" } else { "lines" },
                path.display()
            ));
        }
        Ok(())
    }

    /// Puts messages into the outbox, durably, and gives back those for which there is no room.
    pub(super) fn put(&mut self, drafts: Vec<Draft>, at: Timestamp) -> io::Result<Vec<Draft>> {
        let room = MOST.saturating_sub(self.entries.waiting().len());
        let (mut fitting, by) = (drafts, self.me);
        let surplus = fitting.split_off(room.min(fitting.len()));
        self.come_alive()?;
        self.note(fitting.into_iter().map(|draft| Note::Put { draft, at, by }).collect(), true)?;
        Ok(surplus)
    }

    /// The hub keeps a message.
    pub(super) fn sent(&mut self, receipt: Receipt) -> io::Result<()> {
        // Lost by a power cut, it is sent again and answered with the same place.
        self.note(vec![Note::Sent(receipt)], false)
    }

    /// The files of a message are at the hub.
    pub(super) fn uploaded(&mut self, cid: ClientId, att: Vec<FileId>) -> io::Result<()> {
        // Lost by a power cut, they are uploaded again, which makes no second ones.
        self.note(vec![Note::Uploaded { cid, att }], false)
    }

    /// The hub refused a message for good.
    pub(super) fn failed(&mut self, cid: ClientId, problem: Problem) -> io::Result<()> {
        self.note(vec![Note::Failed { cid, problem: Box::new(problem) }], true)
    }

    /// Gives a message another id, at its place.
    pub(super) fn renew(&mut self, cid: ClientId, fresh: ClientId) -> io::Result<()> {
        self.note(vec![Note::Renewed { cid, fresh }], true)
    }

    /// Takes a message out; whether it was there.
    pub(super) fn withdraw(&mut self, cid: ClientId) -> io::Result<bool> {
        let there = self.entries.get(cid).is_some();
        if there {
            self.note(vec![Note::Dropped { cid }], true)?;
        }
        Ok(there)
    }

    /// Makes messages this process' own, refused ones as well: all of them, or one. Those it has now.
    pub(super) fn again(&mut self, only: Option<ClientId>) -> io::Result<Vec<ClientId>> {
        let all = self.entries.waiting().iter().map(|waiting| waiting.draft.cid);
        let cids: Vec<ClientId> = all.filter(|cid| only.is_none_or(|only| only == *cid)).collect();
        self.come_alive()?;
        self.note(cids.iter().map(|cid| Note::Again { cid: *cid, by: self.me }).collect(), true)?;
        Ok(cids)
    }

    /// Takes over what processes have left that are gone.
    pub(super) fn inherit(&mut self) -> io::Result<()> {
        let Some(place) = &self.place else { return Ok(()) };
        let waiting = || self.entries.waiting().iter().filter(|waiting| waiting.failed.is_none());
        let others: HashSet<Uuid> =
            waiting().map(|waiting| waiting.owner).filter(|owner| *owner != self.me).collect();
        let gone: HashSet<Uuid> = others.into_iter().filter(|owner| place.is_gone(*owner)).collect();
        if gone.is_empty() {
            return Ok(());
        }
        let cids = waiting().filter(|waiting| gone.contains(&waiting.owner)).map(|waiting| waiting.draft.cid);
        let taken = Note::Taken { by: self.me, cids: cids.collect() };
        self.come_alive()?;
        self.note(vec![taken], false)
    }

    fn come_alive(&mut self) -> io::Result<()> {
        match &mut self.place {
            Some(place) if place.alive.is_none() => {
                place.alive = Lock::try_take(&place.owner(self.me))?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn note(&mut self, notes: Vec<Note>, durable: bool) -> io::Result<()> {
        if notes.is_empty() {
            return Ok(());
        }
        if let Some(place) = &mut self.place {
            place.journal.append(&notes, durable)?;
        }
        notes.into_iter().for_each(|note| self.entries.take(note));
        if let Some(place) = &mut self.place
            && place.journal.is_worth_rewriting()
        {
            place.journal.rewrite(&self.entries.notes())?;
        }
        Ok(())
    }

    pub(super) fn view(&self) -> View {
        View {
            waiting: self.entries.waiting().to_vec(),
            receipts: self.entries.receipts().map(Arc::clone).collect(),
        }
    }

    pub(super) fn take_warning(&mut self) -> Option<String> {
        self.warning.take()
    }
}

impl Place {
    fn owner(&self, owner: Uuid) -> PathBuf {
        self.dir.join("owners").join(owner.to_string())
    }

    fn is_gone(&self, owner: Uuid) -> bool {
        let path = self.owner(owner);
        match Lock::try_existing(&path) {
            Ok(None) => false,
            Ok(Some(_lock)) => {
                // Held while the file goes, so that nobody takes it meanwhile.
                let _ = fs::remove_file(path);
                true
            }
            Err(why) => why.kind() == io::ErrorKind::NotFound,
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(place) = &self.place
            && place.alive.is_some()
        {
            // Whoever finds it later would remove it as well.
            let _ = fs::remove_file(place.owner(self.me));
        }
    }
}

#[cfg(test)]
mod tests;
