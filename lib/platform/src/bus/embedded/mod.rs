//! The embedded log: one SQLite file, one writer with group commit, readers from a ring in memory.
//!
//! Every append that arrives while a commit is on its way to the disk joins the next one, so the rate is not bound
//! to one flush a record. An answer is given only after `COMMIT` returned under `synchronous=FULL`; with
//! [`Durability::Os`] under `synchronous=NORMAL`, and the flush comes behind it.

mod flusher;
mod generations;
mod tail;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    path::Path,
    sync::{
        Arc, LazyLock, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::{Connection, Row, SqliteConnection, SqlitePool, raw_sql, sqlite::SqlitePoolOptions};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, timeout_at},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use wire::Timestamp;

use super::{AppendError, Appended, Durability, OpenError, ReadError, Record};
use crate::{
    Clock,
    db::{Rows, sqlite_options},
    disk,
    mutants::{self, Mutant},
    traces::Context,
};
use generations::Generations;
pub(super) use tail::Tail;

/// Appends that may wait for the writer; past this, appending waits.
const QUEUE: usize = 16_384;
/// Records of one commit.
const BATCH: usize = 2_048;
/// Newest records kept in memory for readers that follow closely.
const RING: usize = 8_192;
/// How long a commit waits for as many records as the last one had.
const GATHER: Duration = Duration::from_millis(1);
/// How long a record may be in the page cache only. Each flush holds up whatever is written meanwhile.
const FLUSH: Duration = Duration::from_secs(1);

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS records (
        topic TEXT NOT NULL, pos INTEGER NOT NULL, at INTEGER NOT NULL, key TEXT NOT NULL, payload TEXT NOT NULL,
        PRIMARY KEY (topic, pos)
    ) STRICT, WITHOUT ROWID;
    DROP INDEX IF EXISTS records_at;";

/// A handle on the log. Cheap to clone; the last one dropped stops the writer.
#[derive(Clone)]
pub struct Log(Arc<Shared>);

struct Shared {
    durability: Durability,
    generations: Generations,
    /// Ends with the log.
    flusher: tokio::sync::Mutex<Option<(DropGuard, tokio::task::JoinHandle<()>)>>,
    queue: RwLock<Option<mpsc::Sender<Append>>>,
    writer: tokio::sync::Mutex<Option<tokio::task::JoinHandle<()>>>,
    state: Arc<State>,
}

/// What the writer publishes and readers see.
struct State {
    read: SqlitePool,
    topics: RwLock<HashMap<&'static str, Arc<Topic>>>,
    /// Set when the disk refused a flush: what is in the page cache can no longer be trusted to reach it.
    broken: AtomicBool,
    flushes: AtomicU64,
}

struct Topic {
    ring: RwLock<VecDeque<Arc<Record>>>,
    head: watch::Sender<u64>,
    /// Up to where the loss of power takes nothing.
    flushed: watch::Sender<u64>,
}

struct Append {
    topic: &'static str,
    key: String,
    payload: String,
    trace: Option<Context>,
    answer: oneshot::Sender<Result<Appended, AppendError>>,
}

impl Log {
    /// Opens or makes `FOLDER/log.db`.
    pub(super) async fn open(folder: &str, clock: Clock, durability: Durability) -> Result<Self, OpenError> {
        Self::open_flushing(folder, clock, durability, FLUSH).await
    }

    async fn open_flushing(
        folder: &str,
        clock: Clock,
        durability: Durability,
        every: Duration,
    ) -> Result<Self, OpenError> {
        let file = Path::new(folder).join("log.db");
        let failed = |why: String| OpenError::Failed { url: format!("embedded:{}", file.display()), why };
        std::fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;

        let mut connection = SqliteConnection::connect_with(&sqlite_options(&file))
            .await
            .map_err(|error| failed(error.to_string()))?;
        let generations =
            prepare(&mut connection, durability).await.map_err(|error| failed(error.to_string()))?;
        let heads = heads(&mut connection).await.map_err(|error| failed(error.to_string()))?;
        let read = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_lazy_with(sqlite_options(&file).read_only(true));

        let (broken, flushes) = (AtomicBool::new(false), AtomicU64::new(0));
        let state = Arc::new(State { read, topics: RwLock::default(), broken, flushes });
        let (queue, appends) = mpsc::channel(QUEUE);
        let writer =
            Writer { connection, appends, clock, durability, heads: heads.clone(), state: state.clone() };
        for (topic, (pos, _)) in heads {
            state.preset(topic, pos);
        }
        let writer = tokio::spawn(writer.run());
        let flusher = (durability == Durability::Os).then(|| {
            let stop = CancellationToken::new();
            let flusher = tokio::spawn(flusher::run(state.clone(), file, every, stop.clone()));
            (stop.drop_guard(), flusher)
        });
        Ok(Self(Arc::new(Shared {
            durability,
            generations,
            flusher: tokio::sync::Mutex::new(flusher),
            queue: RwLock::new(Some(queue)),
            writer: tokio::sync::Mutex::new(Some(writer)),
            state,
        })))
    }

    pub(super) async fn enqueue(
        &self,
        topic: &'static str,
        key: &str,
        payload: String,
        trace: Option<Context>,
    ) -> Result<Pending, AppendError> {
        let queue = self.queue()?;
        let (answer, answered) = oneshot::channel();
        queue
            .send(Append { topic, key: key.to_owned(), payload, trace, answer })
            .await
            .map_err(|_| AppendError::Unavailable("the writer has stopped".into()))?;
        Ok(Pending(answered))
    }

    pub(super) fn tail(&self, topic: &'static str, after: u64) -> Tail {
        let head = self.0.state.topic(topic).head.subscribe();
        Tail { topic, after, head, state: self.0.state.clone() }
    }

    /// The same, and nothing that is in the page cache only.
    pub(super) fn tail_flushed(&self, topic: &'static str, after: u64) -> Tail {
        let head = self.0.state.topic(topic).flushed.subscribe();
        Tail { topic, after, head, state: self.0.state.clone() }
    }

    pub(super) fn head(&self, topic: &'static str) -> u64 {
        *self.0.state.topic(topic).head.borrow()
    }

    pub(super) async fn position_before(&self, topic: &'static str, at: Timestamp) -> Result<u64, ReadError> {
        // Time never decreases with the position: halving what is left needs no index, which every append would pay for.
        let (mut before, mut rest) = (0, self.head(topic));
        while before < rest {
            let middle = before + (rest - before).div_ceil(2);
            let row: Option<(i64, i64)> = sqlx::query_as(
                "SELECT pos, at FROM records WHERE topic = $1 AND pos >= $2 ORDER BY pos LIMIT 1",
            )
            .bind(topic)
            .bind(middle.cast_signed())
            .fetch_optional(&self.0.state.read)
            .await
            .map_err(|error| ReadError::Failed(error.to_string()))?;
            match row {
                Some((pos, taken)) if taken < at.micros() => before = pos.unsigned_abs(),
                _ => rest = middle - 1,
            }
        }
        Ok(before)
    }

    pub(super) fn generation(&self) -> &str {
        &self.0.generations.newest
    }

    /// Up to where an earlier generation is the same.
    pub(super) fn same_upto(&self, generation: &str) -> Option<u64> {
        let earlier = &self.0.generations.earlier;
        earlier.iter().find(|(earlier, _)| earlier == generation).map(|(_, upto)| *upto)
    }

    pub(super) fn durability(&self) -> Durability {
        self.0.durability
    }

    pub(super) fn ping(&self) -> Result<(), AppendError> {
        self.queue()?;
        let file = self.0.state.read.connect_options();
        disk::takes_more(file.get_filename()).map_err(|full| AppendError::Unavailable(full.to_string()))
    }

    /// Where appends go, as long as they are taken.
    fn queue(&self) -> Result<mpsc::Sender<Append>, AppendError> {
        if self.0.state.broken.load(Ordering::Acquire) {
            return Err(AppendError::Unavailable("the disk refused a flush; restart the hub".into()));
        }
        let queue = self.0.queue.read().unwrap_or_else(PoisonError::into_inner).clone();
        queue.ok_or_else(|| AppendError::Unavailable("the log is closed".into()))
    }

    pub(super) async fn close(&self) {
        self.0.queue.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, flusher)) = self.0.flusher.lock().await.take() {
            drop(stop);
            // What it leaves the writer flushes at its end.
            if let Err(error) = flusher.await {
                tracing::error!(%error, "the log's flusher did not stop cleanly");
            }
        }
        if let Some(writer) = self.0.writer.lock().await.take()
            && let Err(error) = writer.await
        {
            tracing::error!(%error, "the log's writer did not stop cleanly");
        }
        self.0.state.read.close().await;
    }
}

async fn prepare(connection: &mut SqliteConnection, durability: Durability) -> sqlx::Result<Generations> {
    raw_sql(SCHEMA).execute(&mut *connection).await?;
    add_trace(connection).await?;
    let generations = generations::begin(connection, durability).await?;
    if durability == Durability::Os {
        raw_sql("PRAGMA synchronous = NORMAL").execute(&mut *connection).await?;
    }
    Ok(generations)
}

/// Logs of before there were traces have no column for them.
async fn add_trace(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let there = "SELECT count(*) FROM pragma_table_info('records') WHERE name = 'trace'";
    let there: i64 = sqlx::query_scalar(there).fetch_one(&mut *connection).await?;
    if there == 0 {
        raw_sql("ALTER TABLE records ADD COLUMN trace TEXT").execute(connection).await?;
    }
    Ok(())
}

/// The newest position and time of each topic. Topics are few and named by the program, so their names are kept for good.
async fn heads(connection: &mut SqliteConnection) -> sqlx::Result<HashMap<&'static str, (u64, i64)>> {
    let mut heads = HashMap::new();
    for topic in [wire::paths::TOPIC_CHAT] {
        let newest = "SELECT pos, at FROM records WHERE topic = $1 ORDER BY pos DESC LIMIT 1";
        if let Some(row) = sqlx::query(newest).bind(topic).fetch_optional(&mut *connection).await? {
            heads.insert(topic, (row.get::<i64, _>(0).unsigned_abs(), row.get::<i64, _>(1)));
        }
    }
    Ok(heads)
}

impl State {
    fn topic(&self, name: &'static str) -> Arc<Topic> {
        if let Some(topic) = self.topics.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return topic.clone();
        }
        self.preset(name, 0)
    }

    fn preset(&self, name: &'static str, head: u64) -> Arc<Topic> {
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        let topic = topics.entry(name).or_insert_with(|| Arc::new(Topic::beginning_after(head)));
        topic.clone()
    }

    /// Topics with records that are in the page cache only, and up to where they are written.
    fn unflushed(&self) -> Vec<(Arc<Topic>, u64)> {
        let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
        let written = topics.values().map(|topic| (topic.clone(), *topic.head.borrow()));
        written.filter(|(topic, head)| *topic.flushed.borrow() < *head).collect()
    }

    /// Everything up to these positions is on the disk.
    fn flushed(&self, written: Vec<(Arc<Topic>, u64)>) {
        self.flushes.fetch_add(1, Ordering::AcqRel);
        metrics::counter!("mshub_log_flushes_total").increment(1);
        for (topic, upto) in written {
            topic.flushed.send_replace(upto);
        }
    }
}

impl Topic {
    fn beginning_after(head: u64) -> Self {
        let [head, flushed] = [head, head].map(watch::Sender::new);
        Self { ring: RwLock::default(), head, flushed }
    }

    /// Shows durable records to readers: first the ring, then the head, so that a reader who sees the head finds them.
    fn publish(&self, records: Vec<Arc<Record>>) {
        let Some(newest) = records.last().map(|record| record.pos) else { return };
        {
            let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
            ring.extend(records);
            let surplus = ring.len().saturating_sub(RING);
            ring.drain(..surplus);
        }
        self.head.send_replace(newest);
    }

    /// Everything after a position, if the ring still reaches back that far.
    fn after(&self, pos: u64) -> Option<Vec<Arc<Record>>> {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        let oldest = ring.front()?.pos;
        let skip = usize::try_from((pos + 1).checked_sub(oldest)?).ok()?;
        Some(ring.iter().skip(skip).take(BATCH).cloned().collect())
    }
}

/// The only one who writes.
struct Writer {
    connection: SqliteConnection,
    appends: mpsc::Receiver<Append>,
    clock: Clock,
    durability: Durability,
    /// Newest position and time of each topic.
    heads: HashMap<&'static str, (u64, i64)>,
    state: Arc<State>,
}

impl Writer {
    async fn run(mut self) {
        let (mut batch, mut expected) = (Vec::new(), 0);
        while self.gather(&mut batch, expected).await {
            expected = batch.len();
            self.write(std::mem::take(&mut batch)).await;
        }
        let flushed = match self.durability {
            Durability::Fsync => Ok(()),
            Durability::Os => generations::end(&mut self.connection).await,
        };
        if flushed.is_ok() {
            self.state.flushed(self.state.unflushed());
        }
        if let Err(error) = flushed.and(self.connection.close().await) {
            tracing::error!(%error, "the log did not close cleanly");
        }
    }

    /// Takes what came for the next commit; `false` when nothing will come any more.
    ///
    /// Whoever was answered by the last commit is about to send again. The first of them would have a flush for
    /// himself, and all others would wait for it; so it waits a moment for as many as came the last time. Who is alone
    /// waits for nobody.
    async fn gather(&mut self, batch: &mut Vec<Append>, expected: usize) -> bool {
        if self.appends.recv_many(batch, BATCH).await == 0 {
            return false;
        }
        let until = Instant::now() + GATHER;
        while self.durability == Durability::Fsync && batch.len() < expected {
            let more = self.appends.recv_many(batch, BATCH - batch.len());
            if !matches!(timeout_at(until, more).await, Ok(more) if more > 0) {
                break;
            }
        }
        true
    }

    async fn write(&mut self, batch: Vec<Append>) {
        if self.state.broken.load(Ordering::Acquire) {
            for append in batch {
                let refused = AppendError::Unavailable("the disk refused a flush; restart the hub".into());
                let _ = append.answer.send(Err(refused));
            }
            return;
        }
        let before = self.heads.clone();
        let (records, mut answers) = self.place(batch);
        if mutants::is(Mutant::M8) {
            self.acknowledge(records.clone(), std::mem::take(&mut answers));
            // The moment in which the power goes.
            tokio::time::sleep(mutants::MOMENT).await;
        }
        match self.commit(&records).await {
            Ok(()) if mutants::is(Mutant::M8) => self.state.flushed(self.state.unflushed()),
            Ok(()) => self.acknowledge(records, answers),
            Err(error) => {
                // The batch may be on disk or not: nobody is told "ok". Only a log that certainly lacks it goes on.
                tracing::error!(%error, records = records.len(), "the log could not be written");
                self.heads = before;
                if !self.rolled_back().await {
                    self.state.broken.store(true, Ordering::Release);
                }
                for (answer, _) in answers {
                    let _ = answer.send(Err(AppendError::Unknown(error.to_string())));
                }
            }
        }
    }

    /// Gives every append its position and time.
    #[expect(clippy::type_complexity, reason = "two lists that are made in one pass and used at once")]
    fn place(
        &mut self,
        batch: Vec<Append>,
    ) -> (Vec<(&'static str, Arc<Record>)>, Vec<(oneshot::Sender<Result<Appended, AppendError>>, Appended)>)
    {
        let now = self.clock.now().micros();
        batch
            .into_iter()
            .map(|Append { topic, key, payload, trace, answer }| {
                let head = self.heads.entry(topic).or_insert((0, 0));
                *head = (head.0 + 1, head.1.max(now));
                let (pos, at) = (head.0, Timestamp::from_micros(head.1));
                let record = Arc::new(Record { partition: 0, pos, key, payload, at, trace });
                ((topic, record), (answer, Appended { partition: 0, pos, at }))
            })
            .unzip()
    }

    /// One flush for the whole batch.
    async fn commit(&mut self, records: &[(&'static str, Arc<Record>)]) -> sqlx::Result<()> {
        let committed = self.insert(records).await;
        if committed.is_err() {
            // This fails where it was taken back already.
            let _ = raw_sql("ROLLBACK").execute(&mut self.connection).await;
        }
        committed
    }

    /// A transaction by hand: where SQLite itself takes one back, as it does on a full disk, the library goes on counting
    /// it, and no other could ever begin on this connection.
    async fn insert(&mut self, records: &[(&'static str, Arc<Record>)]) -> sqlx::Result<()> {
        let last = records.len().div_ceil(Rows::MOST).saturating_sub(1);
        for (nth, part) in records.chunks(Rows::MOST).enumerate() {
            let mut insert = sqlx::query(text_of(part.len(), nth == 0, nth == last));
            for (topic, record) in part {
                insert = insert.bind(topic).bind(record.pos.cast_signed()).bind(record.at.micros());
                insert = insert.bind(&record.key).bind(&record.payload);
                insert = insert.bind(record.trace.map(|trace| trace.to_string()));
            }
            insert.execute(&mut self.connection).await?;
        }
        Ok(())
    }

    fn acknowledge(
        &self,
        records: Vec<(&'static str, Arc<Record>)>,
        answers: Vec<(oneshot::Sender<Result<Appended, AppendError>>, Appended)>,
    ) {
        let mut by_topic: HashMap<&'static str, Vec<Arc<Record>>> = HashMap::new();
        for (topic, record) in records {
            by_topic.entry(topic).or_default().push(record);
        }
        for (topic, records) in by_topic {
            self.state.topic(topic).publish(records);
        }
        // A history that is ahead of its log would not start any more: that is not what this bug is to show.
        if self.durability == Durability::Fsync && !mutants::is(Mutant::M8) {
            self.state.flushed(self.state.unflushed());
        }
        for (answer, appended) in answers {
            // Whoever hung up will send again with the same id.
            let _ = answer.send(Ok(appended));
        }
    }

    /// Whether the file is as it was before the failed batch, so that writing can go on (a full disk, a lock).
    async fn rolled_back(&mut self) -> bool {
        match heads(&mut self.connection).await {
            Ok(heads) => heads == self.heads,
            Err(_) => false,
        }
    }
}

/// The statement for so many records, with the beginning and the end of their transaction if these are its first and its
/// last ones: all in one text, so that the library's thread is woken once. Few texts, because each keeps what was bound to
/// it last.
fn text_of(records: usize, is_first: bool, is_last: bool) -> &'static str {
    static TEXTS: LazyLock<[String; 8]> = LazyLock::new(|| {
        let rows = Rows::of("records (topic, pos, at, key, payload, trace)", 6, "");
        std::array::from_fn(|at| {
            let insert = rows.text(if at & 4 == 0 { Rows::MOST } else { 1 });
            let begin = if at & 1 == 0 { "" } else { "BEGIN IMMEDIATE;" };
            let end = if at & 2 == 0 { "" } else { ";COMMIT" };
            format!("{begin}{insert}{end}")
        })
    });
    let at = usize::from(is_first) + 2 * usize::from(is_last) + 4 * usize::from(Rows::are_few(records));
    &TEXTS[at]
}

/// An append that waits for its commit.
pub(in crate::bus) struct Pending(oneshot::Receiver<Result<Appended, AppendError>>);

impl Pending {
    pub(super) async fn durable(self) -> Result<Appended, AppendError> {
        self.0.await.unwrap_or_else(|_| Err(AppendError::Unknown("the writer stopped half way".into())))
    }
}
