//! Following the log: every record once, in the order of its partition.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use platform::{
    bus::{Positions, ReadError, Record, Tail},
    traces::{Kind, Span},
};
use wire::{
    Timestamp,
    events::{RoomEvent, What},
    paths::TOPIC_CHAT,
    record,
};

use super::attempts::WINDOW_SECONDS;
use crate::{
    SERVICE, rooms,
    state::{App, State},
};

/// Records of a partition that are read at the start at most: of messages before them the database is asked.
const WARM_UP: u64 = 50_000;
/// Between two looks whether a hole of the log is closed.
const HOLE: Duration = Duration::from_secs(5);
/// Between two tries to read a log that failed.
const AGAIN: Duration = Duration::from_millis(250);

/// Begins early enough to know every attempt of the window, and answers when this gateway has reached the log's end
/// as it was.
pub(super) async fn start(state: &App) -> anyhow::Result<()> {
    let heads = state.bus.heads(TOPIC_CHAT).await?;
    state.live.follows(&heads);
    let window = state.clock.now().plus_seconds(-WINDOW_SECONDS);
    let before = state.bus.positions_before(TOPIC_CHAT, window).await?;
    for partition in state.live.partitions() {
        let (head, before) = (at(&heads, partition.number), at(&before, partition.number));
        let warm = head.saturating_sub(WARM_UP);
        partition.begin_after(before.max(warm), reach(before, warm, window));
    }
    let tail = open(state).await?;
    state.tasks.spawn("tail", follow(state.clone(), tail));
    for partition in state.live.partitions() {
        let head = at(&heads, partition.number);
        partition.follow().wait_for(|tailed| *tailed >= head).await?;
    }
    Ok(())
}

/// From which moment on everything will be known; with more in the window than is read, from the first that is.
fn reach(before: u64, warm: u64, window: Timestamp) -> Option<Timestamp> {
    match before {
        _ if warm > before => None,
        0 => Some(Timestamp::from_micros(0)),
        _ => Some(window),
    }
}

fn at(positions: &Positions, partition: i32) -> u64 {
    positions.get(&partition).copied().unwrap_or(0)
}

/// A reader of every partition, after what this gateway has followed.
async fn open(state: &State) -> Result<Tail, ReadError> {
    let after = state.live.partitions().iter().map(|partition| (partition.number, partition.tailed()));
    state.bus.tail(TOPIC_CHAT, after.collect()).await
}

async fn follow(state: App, mut tail: Tail) {
    let since = state.clock.now();
    loop {
        let read = tokio::select! {
            () = state.tasks.stopping() => return,
            read = tail.next() => read,
        };
        let error = match read {
            Ok(records) => {
                measure(&records, since, state.clock.now());
                take(&state, &records);
                // Other tasks of this thread get their turn, however much there is to read.
                tokio::task::yield_now().await;
                continue;
            }
            Err(error) => error,
        };
        if matches!(error, ReadError::Hole { .. }) {
            // Going on behind it would hide a loss. Readiness fails, because the tail stands still, until somebody has
            // put back what is missing.
            metrics::counter!("mshub_log_holes_total").increment(1);
            tracing::error!(%error, "this gateway follows the log no further; it looks again and again");
            tokio::time::sleep(HOLE).await;
        } else {
            tracing::warn!(%error, "the log cannot be read; trying again");
            tokio::time::sleep(AGAIN).await;
        }
        match open(&state).await {
            Ok(opened) => tail = opened,
            Err(error) => tracing::warn!(%error, "the log cannot be opened; trying again"),
        }
    }
}

/// Tells how old the oldest of them is. What was written before this gateway began to follow says nothing about its tail.
fn measure(records: &[Arc<Record>], since: Timestamp, now: Timestamp) {
    if let Some(oldest) = records.iter().map(|record| record.at).filter(|at| *at >= since).min() {
        // Clocks of other machines may be ahead.
        let micros = now.micros().saturating_sub(oldest.micros()).max(0);
        metrics::histogram!("mshub_tail_seconds").record(micros as f64 / 1e6);
    }
}

fn take(state: &State, records: &[Arc<Record>]) {
    let mut parts: BTreeMap<i32, (Vec<RoomEvent>, u64)> = BTreeMap::new();
    for record in records {
        let (events, upto) = parts.entry(record.partition).or_default();
        events.extend(event(record));
        *upto = record.pos;
    }
    let _spans: Vec<_> = records.iter().filter_map(|record| fans_out(record)).collect();
    for (number, (events, upto)) in parts {
        match state.live.partition(number) {
            Some(partition) => state.live.take(partition, events, upto),
            None => tracing::error!(number, "the log has more partitions than at the start; restart the hub"),
        }
    }
}

/// What a record that somebody watches is here: on its way to sockets.
fn fans_out(record: &Record) -> Option<Span> {
    let mut span = Span::follow(SERVICE, "fan out", Kind::Consumer, Some(record.trace?));
    span.note("mshub.pos", record.pos);
    Some(span)
}

/// The event of a record; a record that cannot be read is the chat-worker's to keep aside.
fn event(record: &Arc<Record>) -> Option<RoomEvent> {
    let fact = record::read(&record.payload).ok()?;
    Some(RoomEvent::placed(fact, record.pos, None, record.at))
}

/// A reader for one answer. To close one may block, on Kafka until the brokers know it: not on a thread that others need.
struct Reader(Option<Tail>);

impl Drop for Reader {
    fn drop(&mut self) {
        let tail = self.0.take();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn_blocking(move || drop(tail));
        }
    }
}

/// Events of one room from the log itself, after a position, up to where this gateway follows.
pub(super) async fn read(state: &State, room: wire::RoomId, after: u64) -> Result<Vec<RoomEvent>, ReadError> {
    let Some(own) = state.live.partition_of(room) else { return Ok(Vec::new()) };
    let upto = own.tailed();
    // The others from their end on: nothing of them is wanted.
    let places = state.live.partitions().iter().map(|partition| match partition.number == own.number {
        true => (own.number, after),
        false => (partition.number, partition.tailed()),
    });
    let mut reader = Reader(Some(state.bus.tail(TOPIC_CHAT, places.collect()).await?));
    let (mut events, mut seen) = (Vec::<RoomEvent>::new(), after);
    while seen < upto
        && let Some(tail) = &mut reader.0
    {
        for record in tail.next().await?.iter().filter(|record| record.partition == own.number) {
            seen = record.pos;
            if record.pos > upto {
                break;
            }
            if let Some(mut event) = event(record)
                && event.room == room
                && state.live.is_first(&event)
            {
                event.prev = events.last().map(|event| event.pos);
                if let What::Redacted { tgt } = event.what {
                    rooms::blank(&mut events, tgt);
                }
                events.push(event);
            }
        }
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use clap::Parser as _;
    use platform::{
        Clock,
        engines::{Opener, Urls},
        service::{ApiError, Wedge},
        sqlx::{self, Connection as _},
    };
    use wire::{ClientId, MessageId, RoomId, UserId, events::RoomFact, rooms::Sent};

    use super::*;
    use crate::{
        Engines, Flags,
        accounts::Caller,
        live::{self, Begun, Waiter},
    };

    #[test]
    fn the_reach_is_the_window_unless_the_whole_log_or_less_than_the_window_is_read() {
        let window = Timestamp::from_micros(9);

        assert_eq!(reach(7, 3, window), Some(window));
        assert_eq!(reach(0, 0, window), Some(Timestamp::from_micros(0)));
        assert_eq!(reach(7, 8, window), None);
    }

    /// A gateway that does not follow its log yet, with one fact in it.
    async fn not_following() -> (tempfile::TempDir, State, RoomFact) {
        let folder = tempfile::tempdir().unwrap();
        let state = opened(&folder).await;
        let (id, cid, what) = (MessageId::new(), ClientId::new(), What::said("hi"));
        let fact = RoomFact { id, room: RoomId::new(), by: UserId::new(), name: "Ann".into(), cid, what };
        rooms::announce(&state, fact.clone()).await.unwrap();
        (folder, state, fact)
    }

    /// A gateway on the engines of a folder that knows where its log ends.
    async fn opened(folder: &tempfile::TempDir) -> State {
        let urls = Urls::default().or_embedded_in(folder.path());
        let engines = Engines::open(&Opener::new(urls, &[7; 32], Clock::System)).await.unwrap();
        let config =
            Flags::parse_from(["mshub-server", "--public-url", "http://hub.test"]).config(vec![7; 32]);
        let state = State::open(config, engines).unwrap();
        state.live.follows(&state.bus.heads(TOPIC_CHAT).await.unwrap());
        state
    }

    #[tokio::test]
    async fn a_gateway_that_does_not_follow_its_log_is_not_ready_until_it_does() {
        let (_folder, mut state, _) = not_following().await;
        state.wedge = Wedge::after(Duration::from_millis(50));
        let state = Arc::new(state);

        let at_first = live::ping(&state).await;
        let mut hangs = live::ping(&state).await;
        let deadline = Instant::now() + Duration::from_secs(60);
        while hangs.is_ok() && Instant::now() < deadline {
            tokio::task::yield_now().await;
            hangs = live::ping(&state).await;
        }
        state.tasks.spawn("tail", follow(state.clone(), open(&state).await.unwrap()));
        state.live.partition(0).unwrap().follow().wait_for(|tailed| *tailed == 1).await.unwrap();

        assert_eq!(at_first, Ok(()));
        // deploy/README.md: nothing new, until the balancer sends them elsewhere
        // deploy/README.md: readiness fails and says which partition stands where
        let said = hangs.unwrap_err();
        assert!(said.starts_with("the tail hangs: partition 0 stands at 0 for "), "{said}");
        assert!(said.ends_with(" s, and the log at 1"), "{said}");
        // deploy/README.md: it is well again by itself as soon as that moves
        assert_eq!(live::ping(&state).await, Ok(()));
        assert!(state.tasks.finish(AGAIN).await);
    }

    #[tokio::test]
    async fn nothing_behind_a_hole_of_the_log_is_shown_before_it_is_closed() {
        let (folder, state, mut fact) = not_following().await;
        for _ in 0..2 {
            fact.cid = ClientId::new();
            rooms::announce(&state, fact.clone()).await.unwrap();
        }
        state.bus.close().await;
        let file = format!("sqlite:{}", folder.path().join("log/log.db").display());
        let mut file = sqlx::SqliteConnection::connect(&file).await.unwrap();
        let take =
            "CREATE TABLE aside AS SELECT * FROM records WHERE pos = 2; DELETE FROM records WHERE pos = 2";
        sqlx::raw_sql(take).execute(&mut file).await.unwrap();
        let mut state = opened(&folder).await;
        state.wedge = Wedge::after(Duration::from_millis(50));
        let (state, room) = (Arc::new(state), fact.room);
        let own = state.live.partition(0).unwrap();
        own.begin_after(0, reach(0, 0, Timestamp::from_micros(0)));

        state.tasks.spawn("tail", follow(state.clone(), open(&state).await.unwrap()));
        own.follow().wait_for(|tailed| *tailed >= 1).await.unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut stands = live::ping(&state).await;
        while stands.is_ok() && Instant::now() < deadline {
            tokio::task::yield_now().await;
            stands = live::ping(&state).await;
        }
        let shown = state.live.after(room, 0).unwrap().len();
        sqlx::raw_sql("INSERT INTO records SELECT * FROM aside").execute(&mut file).await.unwrap();
        own.follow().wait_for(|tailed| *tailed == 3).await.unwrap();

        let said = stands.unwrap_err();
        assert!(said.starts_with("the tail hangs: partition 0 stands at 1 for "), "{said}");
        assert_eq!((shown, state.live.after(room, 0).unwrap().len()), (1, 3));
        assert_eq!(live::ping(&state).await, Ok(()));
        assert!(state.tasks.finish(HOLE).await);
    }

    #[tokio::test]
    async fn a_log_is_not_gone_through_from_far_behind() {
        let (_folder, state, fact) = not_following().await;
        state.live.partitions().iter().for_each(|own| own.begin_after(60_000, None));

        for refused in [live::after(&state, fact.room, 0).await, live::remembered(&state, fact.room, 59_999)]
        {
            let refused = refused.unwrap_err();
            assert_eq!(refused.problem().known(), Some(wire::Code::Unavailable));
        }
        assert!(live::remembered(&state, fact.room, 60_000).unwrap().is_empty());
    }

    #[tokio::test]
    async fn whether_a_fact_is_there_is_not_judged_before_the_log_was_read() {
        let (_folder, state, fact) = not_following().await;
        let state = Arc::new(state);

        // As a start does it: what will be remembered is known before any of it is.
        state
            .live
            .partitions()
            .iter()
            .for_each(|own| own.begin_after(0, reach(0, 0, Timestamp::from_micros(0))));
        let mut again = std::pin::pin!(rooms::announce_again(&state, fact, state.clock.now()));
        let early = tokio::time::timeout(Duration::from_millis(100), &mut again).await;
        assert!(early.is_err(), "nothing of the log was read yet");
        state.tasks.spawn("tail", follow(state.clone(), open(&state).await.unwrap()));
        again.await.unwrap();

        assert_eq!(state.bus.heads(TOPIC_CHAT).await.unwrap()[&0], 1, "it is told once");
        assert!(state.tasks.finish(AGAIN).await);
    }

    #[tokio::test]
    async fn what_is_refused_is_first_looked_for_in_the_log_to_its_end() {
        let (_folder, state, fact) = not_following().await;
        let state = Arc::new(state);
        let RoomFact { room, by: user, cid, name, .. } = fact;
        let (session, role, expires_at) =
            (uuid::Uuid::now_v7(), wire::accounts::Role::User, state.clock.now());
        let caller = Caller { user, session, name, role, allows_third_party: false, expires_at };
        let refuse = async |cid| {
            let refusal = Err(ApiError::not_found("room"));
            let (tell, _told) = tokio::sync::oneshot::channel();
            rooms::say::begin(&state, &caller, room, cid, async { refusal }, Waiter::Call(tell)).await
        };
        state
            .live
            .partitions()
            .iter()
            .for_each(|own| own.begin_after(0, reach(0, 0, Timestamp::from_micros(0))));

        // Its author left after it was said, and it was said at another gateway.
        state.tasks.spawn("tail", follow(state.clone(), open(&state).await.unwrap()));
        let said = refuse(cid).await;
        let other = refuse(ClientId::new()).await;

        assert!(matches!(said, Ok(Begun::Known(Sent { pos: 1, .. }))));
        assert_eq!(other.err().map(|refusal| refusal.problem().status), Some(404));
        assert!(state.tasks.finish(AGAIN).await);
    }
}
