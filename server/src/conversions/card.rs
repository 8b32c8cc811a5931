//! What follows a conversion that was asked for in a room, until the log says what came of it.
//!
//! Everything here may be done twice, by this gateway or by another: the upload has a key, the result its own name, and
//! the fact that settles the card an id that is made of the wish. So it is told once, whatever dies when.

use std::time::Duration;

use aws_lc_rs::hmac;
use axum::body::Body;
use platform::{
    objects,
    service::{ApiError, Outcome, upload::REQUEST_KEY},
};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use wire::{
    ClientId, Code, FileId, MessageId, Problem, RoomId, Timestamp, UserId,
    conversions::{Job, JobState, NewConversion, StoredResult},
    events::{RoomFact, What},
    files::File,
    paths::{fill, internal},
};

use super::{progress::Told, upload};
use crate::{
    accounts, files, rooms,
    state::{App, State as Hub},
    upstream::{call, send, stream},
};

/// Between two looks at the job. Hints tell of it sooner, and may be lost.
const LOOK: Duration = Duration::from_secs(1);

/// How long a worker is waited for with the question whether it would take the file: one that is away refuses at once.
const SOON: Duration = Duration::from_secs(10);
/// The first pause after an attempt that failed, and the longest: each is twice the one before.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long a part that is away is waited for, and one that fails otherwise, before the card says that it failed.
const OUTAGE_SECONDS: i64 = 24 * 3600;
const FAULT_SECONDS: i64 = 600;

/// Somebody wants a file of a room to be something else, for everybody there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wish {
    pub(super) room: RoomId,
    pub(super) by: UserId,
    /// What that person was called then.
    pub(super) name: String,
    pub(super) cid: ClientId,
    pub(super) file: File,
    pub(super) to: String,
}

impl Wish {
    /// The one task of it.
    pub(super) fn task(&self) -> Uuid {
        self.derived("task")
    }

    /// The id of the fact that settles it.
    fn settled(&self) -> ClientId {
        files::settled_by(self.room, self.by, self.cid)
    }

    /// What its result is called, between files of the same age.
    fn result(&self) -> FileId {
        FileId(self.derived("result"))
    }

    /// Names its upload to the worker, where everybody has names of their own choice: nobody can make this one, and put
    /// another document in its place beforehand.
    fn request_key(&self, secret: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let label = format!("mshub upload of a card v1 {}", self.task());
        format!("room-{}", hex::encode(hmac::sign(&key, label.as_bytes())))
    }

    /// An id that is the same each time, and of the age of the wish.
    fn derived(&self, what: &str) -> Uuid {
        let made = self.cid.0.get_timestamp().map_or((0, 0), |at| at.to_unix());
        let millis = made.0.saturating_mul(1_000).saturating_add(u64::from(made.1) / 1_000_000);
        let mut hash = Sha256::new();
        for part in [what.as_bytes(), self.room.0.as_bytes(), self.by.0.as_bytes(), self.cid.0.as_bytes()] {
            hash.update(part);
        }
        let mut rest = [0; 10];
        rest.copy_from_slice(&hash.finalize()[..10]);
        uuid::Builder::from_unix_timestamp_millis(millis, &rest).into_uuid()
    }
}

/// How far a wish is.
pub(crate) enum Followed {
    /// Nothing is left to do.
    Done,
    /// Somebody works on it.
    UnderWay,
    /// The log does not say that anybody wants it: whoever asked was refused, or is about to be heard.
    NotAsked,
}

/// Sees to it that somebody works on a wish, which came to be at `since`.
pub(crate) async fn follow(state: &App, wish: &Wish, since: Timestamp) -> Outcome<Followed> {
    if state.cards.is_under_way(wish) {
        return Ok(Followed::UnderWay);
    }
    let pos = match look(state, wish).await? {
        Found::Open(pos) => pos,
        Found::Done => return Ok(Followed::Done),
        Found::Nothing => return Ok(Followed::NotAsked),
    };
    if let Some(turn) = state.cards.begin(wish) {
        let (state, wish) = (state.clone(), wish.clone());
        state.clone().tasks.spawn("card", async move {
            see_through(&state, &wish, pos, since).await;
            drop(turn);
        });
    }
    Ok(Followed::UnderWay)
}

/// What the log says of a wish.
enum Found {
    Nothing,
    /// A card at this position that nothing has settled.
    Open(u64),
    /// A card that is settled, or was removed.
    Done,
}

async fn look(state: &App, wish: &Wish) -> Outcome<Found> {
    let Wish { room, by, cid, .. } = *wish;
    if rooms::place_of(state, room, by, wish.settled()).await?.is_some() {
        return Ok(Found::Done);
    }
    let Some(pos) = rooms::place_of(state, room, by, cid).await? else { return Ok(Found::Nothing) };
    let removed = rooms::is_removed(state, by, room, pos).await?;
    Ok(if removed { Found::Done } else { Found::Open(pos) })
}

/// Works on a wish until it is settled, after each failure with a longer pause.
async fn see_through(state: &App, wish: &Wish, pos: u64, since: Timestamp) {
    let stop = state.tasks.stop_signal();
    let mut pause = PAUSE;
    while let Err(error) = work(state, wish, pos, since).await {
        tracing::warn!(problem = %error.problem(), room = %wish.room, "a conversion of a room is tried again");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
        pause = LONGEST_PAUSE.min(2 * pause);
        // Removed meanwhile, or settled by another gateway.
        if matches!(look(state, wish).await, Ok(Found::Done)) {
            return;
        }
    }
}

async fn work(state: &App, wish: &Wish, pos: u64, since: Timestamp) -> Outcome<()> {
    let stop = state.tasks.stop_signal();
    let settled = tokio::select! {
        settled = settle(state, wish, pos, since) => settled?,
        () = stop.cancelled() => return Ok(()),
    };
    let Wish { room, by, ref name, .. } = *wish;
    let fact =
        RoomFact { id: MessageId::new(), room, by, name: name.clone(), cid: wish.settled(), what: settled };
    rooms::announce(state, fact).await?;
    // Removed while it was made: what came of it goes the same way.
    if rooms::is_removed(state, by, room, pos).await? {
        files::remove(state, room, wish.result()).await?;
    }
    Ok(())
}

/// What is to be told of it in the end. An error may pass.
async fn settle(state: &App, wish: &Wish, tgt: u64, since: Timestamp) -> Outcome<What> {
    let age = state.clock.now().seconds().saturating_sub(since.seconds());
    match made(state, wish, tgt).await {
        Err(error) if may_pass(error.problem(), age) => Err(error),
        Err(refused) => {
            let problem = refused.into_problem();
            Ok(What::ConvertFailed { tgt, body: problem.detail, error: problem.code })
        }
        told => told,
    }
}

/// Whether a wish of so many seconds is tried again after this.
fn may_pass(problem: &Problem, age: i64) -> bool {
    let patience = match problem.status {
        _ if problem.retryable => OUTAGE_SECONDS,
        500.. => FAULT_SECONDS,
        _ => 0,
    };
    age < patience
}

async fn made(state: &App, wish: &Wish, tgt: u64) -> Outcome<What> {
    let job = job(state, wish).await?;
    let job = ended(state, wish, tgt, job).await?;
    if job.state == JobState::Completed {
        let file = keep(state, wish, &job).await?;
        let (body, lost) = (file.name.clone(), job.lost);
        return Ok(What::ConvertCompleted { tgt, body, file: Some(Box::new(file)), lost, removed: None });
    }
    let (error, body) = match job.error {
        Some(error) => (error.kind, error.detail),
        None => ("cancelled".to_owned(), "the conversion was cancelled".to_owned()),
    };
    Ok(What::ConvertFailed { tgt, body, error })
}

/// The job of a wish: there is one, however often this is asked.
async fn job(state: &App, wish: &Wish) -> Outcome<Job> {
    let Wish { by, ref file, ref to, .. } = *wish;
    let query = NewConversion { to: to.clone(), name: file.name.clone(), ..NewConversion::default() };
    let object = files::content(state, wish.room, file.id).await?;
    let key = wish.request_key(&state.config.secret.0);
    let allowed = consent(state, file.id).await?;
    let upload = upload::passed_on(state, by, &query, allowed)
        .with(|request| request.header(REQUEST_KEY, key).header("content-length", file.bytes));
    stream(upload, Body::from_stream(object.body), upload::UPLOAD).await
}

/// Whether services of somebody else may have a file of a room: it is whoever's who put it there.
async fn consent(state: &Hub, file: FileId) -> Outcome<bool> {
    match files::owner(state, file).await? {
        Some(owner) => Ok(accounts::allows_third_party(&state.db, owner).await?),
        None => Ok(false),
    }
}

/// Refuses what a worker would refuse of a file of this name, before everybody in the room sees it fail. When no worker
/// answers soon, it is asked for all the same, and waits.
pub(super) async fn check(state: &Hub, by: UserId, file: &File, to: &str) -> Outcome<()> {
    let query = NewConversion { to: to.to_owned(), name: file.name.clone(), ..NewConversion::default() };
    let asked = state.upstream.convert(Method::GET, internal::UPLOAD_CHECK, by).query(&query);
    let asked = send(upload::consented(asked, consent(state, file.id).await?));
    match tokio::time::timeout(SOON, asked).await {
        Ok(Err(refused)) if is_about_the_wish(refused.problem()) => Err(refused),
        _ => Ok(()),
    }
}

/// Whether a worker's answer is about what is wanted. One that does not know the question says nothing about it.
fn is_about_the_wish(problem: &Problem) -> bool {
    let known = problem.known();
    known.is_some_and(|code| {
        matches!(code, Code::UnsupportedPair | Code::ConsentNeeded | Code::InvalidField | Code::BadRequest)
    })
}

/// The job when nothing changes any more. Until then those in the room are told how far it is.
async fn ended(state: &App, wish: &Wish, tgt: u64, mut job: Job) -> Outcome<Job> {
    let mut told = Told::nothing(wish.room, tgt);
    let mut hints = state.cards.watch(job.id);
    let path = fill(internal::JOB, job.id);
    while !job.state.is_final() {
        told.tell(state, &job).await;
        let hint = tokio::time::timeout(LOOK, hints.next()).await.ok();
        job = match hint {
            Some(newer) if newer.seq >= job.seq && !newer.state.is_final() => newer,
            // The end is asked for: a hint is nothing to build a fact on.
            _ => call(state.upstream.convert(Method::GET, &path, wish.by)).await?,
        };
    }
    Ok(job)
}

/// Makes the result a file of the room: it outlives the job, and the membership of whoever asked.
async fn keep(state: &App, wish: &Wish, job: &Job) -> Outcome<File> {
    let path = fill(internal::JOB_RESULT, job.id);
    let gone = || ApiError::new(Code::UpstreamDown, "the result is not there any more");
    let found: Outcome<StoredResult> = call(state.upstream.convert(Method::GET, &path, wish.by)).await;
    // A job that somebody removed is made again.
    let found = found.map_err(|error| if error.problem().status == 404 { gone() } else { error })?;
    let StoredResult { key, name, bytes, sha256, media_type } = found;
    let file = File { id: wish.result(), name, bytes, sha256, media_type };
    let object = state.objects.get(&key, 0).await.map_err(|error| match error {
        objects::Error::NotFound(_) => gone(),
        error => anyhow::Error::from(error).into(),
    })?;
    files::keep_result(state, wish.room, wish.by, wish.settled(), &file, object.body).await?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish() -> Wish {
        let file = File {
            id: FileId::new(),
            name: "a.md".into(),
            bytes: 1,
            sha256: String::new(),
            media_type: "text/plain".into(),
        };
        let (room, by, cid) = (RoomId::new(), UserId::new(), ClientId::new());
        Wish { room, by, name: "Ann".into(), cid, file, to: "pdf".into() }
    }

    #[test]
    fn an_outage_is_waited_for_longer_than_a_fault_and_a_refusal_not_at_all() {
        let passes = |code, age| may_pass(&Problem::new(code, ""), age);

        assert!(
            passes(Code::UpstreamDown, OUTAGE_SECONDS - 1) && !passes(Code::UpstreamDown, OUTAGE_SECONDS)
        );
        assert!(passes(Code::Internal, FAULT_SECONDS - 1) && !passes(Code::Internal, FAULT_SECONDS));
        assert!(!passes(Code::UnsupportedPair, 0));
    }

    #[test]
    fn nobody_takes_the_turn_of_another_wish_by_its_cid() {
        let (cards, wish) = (crate::conversions::Cards::default(), wish());
        let theirs = Wish { room: RoomId::new(), by: UserId::new(), ..wish.clone() };

        let turn = cards.begin(&theirs);

        assert!(turn.is_some() && cards.is_under_way(&theirs) && !cards.is_under_way(&wish));
        let own = cards.begin(&wish);
        assert!(own.is_some() && cards.begin(&wish).is_none());
        drop(turn);
        assert!(cards.is_under_way(&wish) && !cards.is_under_way(&theirs));
    }

    #[test]
    fn only_who_has_the_hubs_secret_can_name_the_upload_of_a_wish() {
        let wish = wish();
        let key = wish.request_key(b"one");

        assert_eq!(key, wish.clone().request_key(b"one"));
        assert_ne!(key, wish.request_key(b"other"));
        assert!(key.len() <= 128, "the worker takes no longer ones: {key}");
    }

    #[test]
    fn a_wish_has_the_same_ids_each_time_and_of_its_own_age() {
        let wish = wish();
        let other = Wish { cid: ClientId::new(), ..wish.clone() };

        assert_eq!((wish.result(), wish.settled()), (wish.clone().result(), wish.clone().settled()));
        assert!(wish.result() != other.result() && wish.settled() != other.settled());
        assert_ne!(wish.task(), wish.result().0);
        let millis = |id: Uuid| id.get_timestamp().map(|at| at.to_unix().0);
        assert_eq!(millis(wish.result().0), millis(wish.cid.0));
    }
}
