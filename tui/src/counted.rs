//! What is unread in a room: as the hub counted it, and what was said since. So it is the same on every device.

use wire::{UserId, rooms::Room};

use crate::room::Timeline;

/// The hub's last count, and how far the person has read since.
#[derive(Clone, Debug, Default)]
pub struct Counted {
    /// Absent until the hub has counted.
    told: Option<Told>,
    /// Everything up to here is read, here or on another device.
    read: u64,
}

#[derive(Clone, Debug)]
struct Told {
    /// It counted after this position,
    mark: u64,
    /// and up to this one.
    upto: u64,
    unread: u64,
    mentions: u64,
}

impl Counted {
    /// The hub has counted. What was read here since it did stays read.
    pub fn told(&mut self, room: &Room) {
        let (Some(unread), Some(upto)) = (room.unread, room.upto) else { return };
        let mark = room.mark.unwrap_or(0);
        if self.told.as_ref().is_none_or(|told| told.mark <= mark) {
            let mentions = room.mentions.unwrap_or(0);
            self.told = Some(Told { mark, upto, unread, mentions });
        }
        self.read = self.read.max(mark);
    }

    /// A hub that did not count: nothing up to here is unread.
    pub fn begin_at(&mut self, pos: u64) {
        if self.told.is_none() {
            self.read = self.read.max(pos);
        }
    }

    /// Everything up to a position is read; whether that is news.
    pub fn read(&mut self, pos: u64) -> bool {
        let news = pos > self.read;
        self.read = self.read.max(pos);
        news
    }

    /// Everything up to here is read.
    pub fn mark(&self) -> u64 {
        self.read
    }

    /// The log began anew: its positions say nothing of the old one.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Whether only the hub can count: more was read than it knew, and less than what is loaded here.
    pub fn is_doubtful(&self, timeline: &Timeline) -> bool {
        self.told.as_ref().is_some_and(|told| self.read > told.mark && !timeline.reaches(self.read))
    }

    /// Unread messages of others, and how many of them name the reader.
    pub fn unread(&self, timeline: &Timeline, me: UserId) -> (u64, u64) {
        match &self.told {
            Some(told) if self.read <= told.mark || !timeline.reaches(self.read) => {
                let (unread, mentions) = timeline.said_after(told.upto.max(self.read), me);
                (told.unread + unread, told.mentions + mentions)
            }
            _ => timeline.said_after(self.read, me),
        }
    }
}
