//! What this machine has verified of rooms: their counts and chain hashes, kept by everything that compares a history with
//! the hub's database, so that a history which was changed since is found out.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use wire::{RoomId, events::Head};

use crate::{
    disk::{self, Lock},
    error::Error,
};

/// Heads that are remembered of a room.
const REMEMBERED: usize = 256;
/// To read and write it takes milliseconds.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// The heads of a room that this machine has verified, in one generation of the log.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Verified {
    ep: String,
    heads: Vec<Head>,
}

impl Verified {
    /// Reads what is kept of a room in a folder; one that nothing is kept of has no heads.
    pub fn read(dir: &Path, room: RoomId) -> Result<Self, Error> {
        let path = file(dir, room);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(why) => return Err(Error::io(format!("cannot read {}", path.display()))(why)),
        };
        serde_json::from_slice(&text).map_err(|why| {
            let what = format!("cannot read {} (without it, what was verified is forgotten)", path.display());
            Error::io(what)(io::Error::new(io::ErrorKind::InvalidData, why))
        })
    }

    /// Adds heads of one room to what is kept in a folder, by this process and by others.
    pub async fn keep(dir: &Path, room: RoomId, ep: &str, heads: &[Head]) -> Result<(), Error> {
        let path = file(dir, room);
        let _lock = Lock::take(&dir.join("lock"), LOCK_PATIENCE).await?;
        let mut kept = Self::read(dir, room)?;
        kept.forget_unless(ep);
        heads.iter().for_each(|head| kept.remember(ep, head));
        let failed = || format!("cannot write {}", path.display());
        let text = serde_json::to_vec(&kept).map_err(|why| Error::io(failed())(why.into()))?;
        disk::replace(&path, &text).map_err(Error::io(failed()))
    }

    /// Whether heads of another log were forgotten.
    pub fn forget_unless(&mut self, ep: &str) -> bool {
        let other = !self.heads.is_empty() && self.ep != ep;
        if other {
            self.heads.clear();
        }
        other
    }

    /// What was verified at a position.
    pub fn at(&self, pos: u64) -> Option<&Head> {
        self.heads.iter().find(|head| head.pos == pos)
    }

    /// A position that was verified, and should lie between these two.
    pub fn skipped(&self, after: u64, before: u64) -> Option<u64> {
        self.heads.iter().map(|head| head.pos).find(|pos| (after + 1..before).contains(pos))
    }

    /// Adds a head. What is known of its position stays: whoever verified it first was nearer to what happened.
    pub fn remember(&mut self, ep: &str, head: &Head) {
        ep.clone_into(&mut self.ep);
        if head.n == 0 || self.at(head.pos).is_some() {
            return;
        }
        self.heads.push(head.clone());
        if self.heads.len() > REMEMBERED {
            // Every second one of the older half, the first of all among them: the older, the fewer. Each says what all
            // before it were; those between tell more exactly where a change is.
            let half = self.heads.len() / 2;
            let mut index = 0;
            self.heads.retain(|_| {
                index += 1;
                index > half || index % 2 == 1
            });
        }
    }
}

fn file(dir: &Path, room: RoomId) -> PathBuf {
    dir.join(format!("{room}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(room: RoomId, n: u64) -> Head {
        Head { room, pos: n * 10, n, h: format!("{n:032x}") }
    }

    #[tokio::test]
    async fn heads_of_several_who_look_at_a_room_are_kept_together_and_of_one_log_only() {
        let (dir, room) = (tempfile::tempdir().unwrap(), RoomId::new());
        let keep = async |ep: &str, n| Verified::keep(dir.path(), room, ep, &[head(room, n)]).await.unwrap();

        tokio::join!(keep("e", 1), keep("e", 2), keep("e", 3));
        let together = Verified::read(dir.path(), room).unwrap();
        Verified::keep(dir.path(), room, "e", &[Head { h: "other".into(), ..head(room, 2) }]).await.unwrap();
        let first_stays = Verified::read(dir.path(), room).unwrap();
        keep("another log", 4).await;
        let anew = Verified::read(dir.path(), room).unwrap();

        assert!([1, 2, 3].iter().all(|n| together.at(n * 10) == Some(&head(room, *n))), "{together:?}");
        assert_eq!((together.skipped(10, 20), together.skipped(10, 21)), (None, Some(20)));
        assert_eq!(first_stays.at(20), Some(&head(room, 2)));
        assert_eq!((anew.at(10), anew.at(40)), (None, Some(&head(room, 4))));
    }

    #[test]
    fn of_very_many_heads_some_of_every_time_stay() {
        let (mut verified, room) = (Verified::default(), RoomId::new());

        for n in 1..=2_000 {
            verified.remember("e", &head(room, n));
        }

        assert!(verified.heads.len() <= REMEMBERED);
        assert!([1, 1_990, 2_000].iter().all(|n| verified.at(n * 10).is_some()), "{verified:?}");
        assert!(verified.skipped(10, 19_000).is_some(), "{verified:?}");
    }
}
