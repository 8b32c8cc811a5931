//! The end of the log's file: torn, or all of it gone.

use std::{
    fs,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
    time::Duration,
};

use anyhow::Context as _;
use rand::RngCore as _;
use tokio::time::sleep;

use crate::torture::site::Site;

/// Kills the hub and leaves half a record right behind the last whole one of the write-ahead log, as a write that was
/// going on would. What was flushed stays: no crash takes that back.
pub(super) async fn tear(site: &mut Site, away: Duration) -> anyhow::Result<()> {
    site.kill().await?;
    let file = site.log_file().with_extension("db-wal");
    tear_file(&file).with_context(|| format!("{} cannot be torn", file.display()))?;
    sleep(away).await;
    site.start().await
}

fn tear_file(file: &Path) -> anyhow::Result<()> {
    let mut torn = fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(file)?;
    let mut kept = Vec::new();
    torn.read_to_end(&mut kept)?;
    let (end, half) = match Wal::of(&kept) {
        Some(wal) => {
            let mut frame = wal.next(&kept);
            frame.truncate(FRAME_HEADER + wal.page / 2);
            (wal.end(&kept).0, frame)
        }
        // Nothing was written since it was emptied: half of its header.
        None => (0, 0x377f_0682_u32.to_be_bytes().repeat(4)),
    };
    torn.seek(SeekFrom::Start(u64::try_from(end)?))?;
    Ok(torn.write_all(&half)?)
}

/// The beginning of a write-ahead log of SQLite, <https://sqlite.org/fileformat2.html#the_write_ahead_log>.
struct Wal {
    page: usize,
    /// Whether its sums are over big-endian words.
    big_endian: bool,
    /// What each frame of this generation repeats: older ones lie behind the newest.
    salt: [u8; 8],
    /// The sum over the header, which those of the frames go on from.
    sum: [u32; 2],
}

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

impl Wal {
    fn of(file: &[u8]) -> Option<Self> {
        let header = file.get(..HEADER)?;
        let word = |at: usize| Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?));
        let big_endian = match word(0)? {
            0x377f_0682 => false,
            0x377f_0683 => true,
            _ => return None,
        };
        let wal = Self {
            page: usize::try_from(word(8)?).ok()?,
            big_endian,
            salt: header[16..24].try_into().ok()?,
            sum: [word(24)?, word(28)?],
        };
        (wal.sum_of([0; 2], &header[..24]) == wal.sum).then_some(wal)
    }

    fn sum_of(&self, mut sum: [u32; 2], bytes: &[u8]) -> [u32; 2] {
        let words = bytes.chunks_exact(4).map(|word| {
            let word = [word[0], word[1], word[2], word[3]];
            if self.big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
        });
        for (n, word) in words.enumerate() {
            sum[n % 2] = sum[n % 2].wrapping_add(word).wrapping_add(sum[1 - n % 2]);
        }
        sum
    }

    /// The sum over a frame, if it is whole and of this generation.
    fn whole(&self, before: [u32; 2], frame: &[u8]) -> Option<[u32; 2]> {
        let (header, page) = frame.split_at(FRAME_HEADER);
        let sum = self.sum_of(self.sum_of(before, &header[..8]), page);
        let told = sum.map(u32::to_be_bytes).concat();
        (header[8..16] == self.salt && header[16..] == told[..]).then_some(sum)
    }

    /// The place behind the last frame that SQLite would read, and the sum over all of them.
    fn end(&self, file: &[u8]) -> (usize, [u32; 2]) {
        let (mut end, mut sum) = (HEADER, self.sum);
        for frame in file[HEADER..].chunks_exact(FRAME_HEADER + self.page) {
            let Some(next) = self.whole(sum, frame) else { break };
            (end, sum) = (end + frame.len(), next);
        }
        (end, sum)
    }

    /// A frame that could follow what is whole, its sum right: it would commit nonsense as the database's first page.
    fn next(&self, file: &[u8]) -> Vec<u8> {
        let mut page = vec![0; self.page];
        rand::rng().fill_bytes(&mut page);
        let mut frame = [1_u32, 1].map(u32::to_be_bytes).concat();
        let sum = self.sum_of(self.sum_of(self.end(file).1, &frame), &page);
        frame.extend(self.salt);
        frame.extend(sum.map(u32::to_be_bytes).concat());
        frame.extend(page);
        frame
    }
}

/// Deletes the log while the hub is down, and the history that was made from it.
pub(crate) async fn delete_log(site: &mut Site) -> anyhow::Result<()> {
    site.kill().await?;
    for file in [site.log_file(), site.database("chat")] {
        for end in ["db", "db-wal", "db-shm"] {
            remove(&file.with_extension(end))?;
        }
    }
    site.start().await
}

fn remove(file: &Path) -> anyhow::Result<()> {
    match fs::remove_file(file) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
            Err(why).with_context(|| format!("{} cannot be deleted", file.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use platform::sqlx::{
        Connection as _, SqliteConnection, query, query_scalar, sqlite::SqliteConnectOptions,
    };

    use super::*;

    async fn open(file: &Path) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
        SqliteConnection::connect_with(&options.pragma("journal_mode", "WAL")).await.unwrap()
    }

    /// The database as a crash leaves it, in a folder of its own.
    fn crashed(from: &Path, into: &Path) -> std::path::PathBuf {
        fs::create_dir(into).unwrap();
        for end in ["db", "db-wal"] {
            fs::copy(from.with_extension(end), into.join("log").with_extension(end)).unwrap();
        }
        into.join("log.db")
    }

    async fn rows(file: &Path) -> Result<i64, platform::sqlx::Error> {
        let mut database =
            SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file)).await?;
        query_scalar("SELECT count(*) FROM rows").fetch_one(&mut database).await
    }

    async fn add(database: &mut SqliteConnection, count: usize) {
        for _ in 0..count {
            query("INSERT INTO rows VALUES (randomblob(3000))").execute(&mut *database).await.unwrap();
        }
    }

    /// A log with older records behind its newest, and 22 rows.
    async fn log(folder: &Path) -> (std::path::PathBuf, SqliteConnection) {
        let file = folder.join("log.db");
        let mut database = open(&file).await;
        query("CREATE TABLE rows (bytes BLOB)").execute(&mut database).await.unwrap();
        add(&mut database, 20).await;
        // What follows is written over the first records.
        query("PRAGMA wal_checkpoint(RESTART)").execute(&mut database).await.unwrap();
        add(&mut database, 2).await;
        (file, database)
    }

    #[tokio::test]
    async fn a_tail_is_torn_right_behind_what_is_whole_also_where_older_records_follow() {
        let folder = tempfile::tempdir().unwrap();
        let (file, _writer) = log(folder.path()).await;
        let torn = crashed(&file, &folder.path().join("torn"));
        let wal = torn.with_extension("db-wal");
        let before = fs::read(&wal).unwrap();

        tear_file(&wal).unwrap();

        let (after, end) = (fs::read(&wal).unwrap(), Wal::of(&before).unwrap().end(&before).0);
        assert!(HEADER < end && end < before.len(), "{end} of {}", before.len());
        assert_eq!((&after[..end], after.len()), (&before[..end], before.len()));
        assert_ne!(after[end..end + FRAME_HEADER], before[end..end + FRAME_HEADER]);
        assert_eq!(rows(&torn).await.unwrap(), 22);
    }

    #[tokio::test]
    async fn what_is_torn_would_ruin_the_database_if_it_were_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (file, _writer) = log(folder.path()).await;
        let ruined = crashed(&file, &folder.path().join("ruined"));
        let wal = ruined.with_extension("db-wal");
        let mut bytes = fs::read(&wal).unwrap();
        let parsed = Wal::of(&bytes).unwrap();

        let (end, frame) = (parsed.end(&bytes).0, parsed.next(&bytes));
        bytes.splice(end..end + frame.len(), frame);
        fs::write(&wal, bytes).unwrap();

        assert!(rows(&ruined).await.is_err());
    }
}
