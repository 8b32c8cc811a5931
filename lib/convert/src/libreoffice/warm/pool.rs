//! Those that are kept: handed out for one document at a time, started anew in time, and left alone after failures.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::{
    Keep,
    kept::{Kept, Trouble},
};
use crate::child::Child;
use crate::limits::MIB;
use crate::{Error, Progress, Request};

/// One that holds more memory than this is not given another document.
const MEMORY: u64 = 700 * MIB;
/// The longest time without a new one after failures, each of which makes it four times as long.
const REST: Duration = Duration::from_secs(300);
/// How long whoever has nothing to wait for waits.
const LONG: Duration = Duration::from_secs(3600);

/// Which part of the time for a document one may take to start: then there is time to convert it without one. By default
/// it is 40 s, on a machine where that takes one or two.
const START: u32 = 3;

/// What came of a document.
pub(crate) enum Trial {
    /// It is converted, as far as LibreOffice says.
    Made,
    /// It is not, and never will be.
    Failed(Error),
    /// Let a LibreOffice of its own try: no kept one can be had, or one died of it.
    Unable,
}

/// All that are kept. They end with it.
#[derive(Debug)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
    keeper: OnceLock<AbortOnDropHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    child: Child,
    program: PathBuf,
    keep: Keep,
    state: Mutex<State>,
    /// Told when something changed that the keeper has to look at.
    changed: Arc<Notify>,
}

#[derive(Default)]
struct State {
    /// The one that was used last is at the end, and is the next to be used.
    idle: Vec<(Kept, Instant)>,
    busy: usize,
    failures: u32,
    rests_until: Option<Instant>,
    why: String,
    network: Option<bool>,
}

impl Pool {
    /// Nobody yet. `child` ends up in [`crate::job_child_main`], with the limits of a document.
    pub(crate) fn new(child: Child, program: PathBuf, keep: Keep) -> Pool {
        let (state, changed) = (Mutex::default(), Arc::default());
        Pool { shared: Arc::new(Shared { child, program, keep, state, changed }), keeper: OnceLock::new() }
    }

    /// Looks after them from now on, and starts one where one shall always be there.
    pub(crate) fn attend(&self) {
        self.keeper.get_or_init(|| {
            let (shared, changed) = (Arc::downgrade(&self.shared), Arc::clone(&self.shared.changed));
            AbortOnDropHandle::new(tokio::spawn(attend(shared, changed)))
        });
    }

    /// Converts a document to the file `made`. At the deadline and on `cancel` its LibreOffice is killed.
    pub(crate) async fn convert(
        &self,
        req: &Request,
        made: &Path,
        mut progress: impl FnMut(Progress) + Send,
        cancel: &CancellationToken,
    ) -> Trial {
        self.attend();
        let wall = self.shared.child.limits.wall;
        tokio::select! {
            biased;
            () = cancel.cancelled() => Trial::Failed(Error::Cancelled),
            ended = timeout(wall, self.shared.convert(req, made, &mut progress)) => {
                ended.unwrap_or(Trial::Failed(Error::Timeout { seconds: wall.as_secs() }))
            }
        }
    }

    /// How they are, in a few words.
    pub(crate) fn told(&self) -> String {
        let state = self.shared.state();
        if let Some(rest) = state.rest() {
            return format!("cold for {} s, as a warm one failed ({})", rest.as_secs() + 1, state.why);
        }
        let network = match state.network {
            Some(true) => ", with a network",
            Some(false) => ", no network",
            None => "",
        };
        match (state.idle.len() + state.busy, state.busy) {
            (0, _) => format!("warm from the first document on{network}"),
            (all, busy) => format!("warm: {all} running, {busy} at work{network}"),
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // What a panic left behind is whole: nothing is half done under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn convert(
        self: &Arc<Shared>,
        req: &Request,
        made: &Path,
        progress: &mut (impl FnMut(Progress) + Send),
    ) -> Trial {
        let Some(mut at_work) = self.take().await else { return Trial::Unable };
        match at_work.kept.convert(req, made, progress).await {
            Ok(()) => {
                at_work.give_back();
                Trial::Made
            }
            // What a bad document leaves in it nobody knows: it goes with it.
            Err(Trouble::Document(error)) => Trial::Failed(error),
            Err(Trouble::Died(error)) => {
                self.state().failed(&error);
                match error {
                    error @ (Error::Timeout { .. } | Error::LimitExceeded { .. }) => Trial::Failed(error),
                    _ => Trial::Unable,
                }
            }
        }
    }

    /// One for a document: the one used last, or a new one; none while they rest.
    async fn take(self: &Arc<Shared>) -> Option<AtWork> {
        let place = Seat::take(self);
        while let Some((mut kept, _)) = self.idle() {
            if kept.lives() {
                return Some(AtWork { kept, seat: place });
            }
        }
        let kept = self.start().await?;
        Some(AtWork { kept, seat: place })
    }

    fn idle(&self) -> Option<(Kept, Instant)> {
        self.state().idle.pop()
    }

    async fn start(&self) -> Option<Kept> {
        if self.state().rest().is_some() {
            return None;
        }
        let Keep { documents, folder, .. } = &self.keep;
        let within = self.child.limits.wall / START;
        let starting = Kept::start(&self.child, &self.program, *documents, folder.as_deref());
        let late = Error::Timeout { seconds: within.as_secs() };
        match timeout(within, starting).await.unwrap_or(Err(late)) {
            Ok(kept) => {
                self.state().network = Some(kept.network);
                Some(kept)
            }
            Err(error) => {
                self.state().failed(&error);
                None
            }
        }
    }

    /// Ends those that waited long enough, starts one where one has to be; when to look again.
    async fn tend(&self) -> Instant {
        let spared = usize::from(self.keep.ready);
        let (late, wanted, next) = {
            let mut state = self.state();
            let now = Instant::now();
            let over = |since: &Instant| *since + self.keep.idle;
            let old = state.idle.iter().filter(|(_, since)| over(since) <= now).count();
            // Those that wait longest are first.
            let surplus = old.min(state.idle.len().saturating_sub(spared));
            let late: Vec<_> = state.idle.drain(..surplus).collect();
            let wanted = state.idle.len() + state.busy < spared;
            let resting = state.rests_until.filter(|until| wanted && *until > now);
            let next = state.idle.iter().map(|(_, since)| over(since)).find(|at| *at > now);
            (late, wanted && resting.is_none(), resting.or(next))
        };
        drop(late);
        let mut next = next.unwrap_or_else(|| Instant::now() + LONG);
        if wanted {
            match self.start().await {
                Some(kept) => self.state().idle.push((kept, Instant::now())),
                None => next = self.state().rests_until.map_or(next, |until| until.min(next)),
            }
        }
        next
    }
}

impl State {
    /// How long no new one is started, if it is so.
    fn rest(&self) -> Option<Duration> {
        let left = self.rests_until?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    fn failed(&mut self, error: &Error) {
        self.failures = self.failures.saturating_add(1);
        let rest = Duration::from_secs(4_u64.saturating_pow(self.failures - 1)).min(REST);
        self.rests_until = Some(Instant::now() + rest);
        self.why = error.to_string();
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("idle", &self.idle.len())
            .field("busy", &self.busy)
            .finish_non_exhaustive()
    }
}

/// One that has a document. Unless it is given back it is killed.
struct AtWork {
    kept: Kept,
    seat: Seat,
}

impl AtWork {
    fn give_back(self) {
        let AtWork { kept, seat } = self;
        let shared = &seat.0;
        let worn =
            kept.documents >= shared.keep.documents || kept.memory().is_some_and(|bytes| bytes > MEMORY);
        let mut state = shared.state();
        state.failures = 0;
        if !worn {
            state.idle.push((kept, Instant::now()));
        }
    }
}

/// Counted as being at work.
struct Seat(Arc<Shared>);

impl Seat {
    fn take(shared: &Arc<Shared>) -> Seat {
        shared.state().busy += 1;
        Seat(Arc::clone(shared))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.state().busy -= 1;
        self.0.changed.notify_one();
    }
}

async fn attend(shared: Weak<Shared>, changed: Arc<Notify>) {
    loop {
        let Some(shared) = shared.upgrade() else { return };
        let next = shared.tend().await;
        drop(shared);
        tokio::select! {
            () = changed.notified() => {}
            () = sleep_until(next) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, Limits};

    #[tokio::test]
    async fn one_that_does_not_start_in_time_leaves_the_document_to_another() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { wall: Duration::from_millis(300), ..Limits::default() };
        let silent = Child { program: "/bin/sleep".into(), args: vec!["600".into()], limits };
        let keep = Keep { folder: Some(folder.path().to_owned()), ..Keep::default() };
        let pool = Pool::new(silent, "/usr/bin/soffice".into(), keep);
        let path = |name| folder.path().join(name);
        let request = Request::new(path("a.doc"), Format::Doc, path("a.pdf"), Format::Pdf);

        let trial = pool.convert(&request, &path("made"), |_| (), &CancellationToken::new()).await;

        assert!(matches!(trial, Trial::Unable), "there is time for a cold run");
        assert_eq!(pool.shared.state().failures, 1);
    }
}
