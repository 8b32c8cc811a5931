//! Workers of one kind: each gives the same answers, so whoever does not answer is passed over for a while.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use url::Url;

/// How long a worker that did not answer is asked only after all others.
const PASSED_OVER: Duration = Duration::from_secs(10);

/// The workers of one kind.
pub(super) struct Workers {
    urls: Vec<Url>,
    /// Whose turn it is.
    turn: AtomicUsize,
    /// When each was last found away.
    away: Mutex<Vec<Option<Instant>>>,
}

impl Workers {
    pub(super) fn at(urls: Vec<Url>) -> Self {
        let away = Mutex::new(vec![None; urls.len()]);
        Self { urls, turn: AtomicUsize::new(0), away }
    }

    /// A path at one of them; without any, at nobody's.
    pub(super) fn any(&self, path: &str) -> Url {
        let mut url = self.urls.first().cloned().unwrap_or_else(nowhere);
        url.set_path(path);
        url
    }

    /// Each once: the next one first, and at the end those that were away a moment ago.
    pub(super) fn in_turn(&self) -> Vec<usize> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let count = self.urls.len();
        let mut order: Vec<usize> = (0..count).map(|step| first.wrapping_add(step) % count).collect();
        let away = self.away();
        order.sort_by_key(|worker| away[*worker].is_some_and(|since| since.elapsed() < PASSED_OVER));
        order
    }

    /// Points a request at one of them.
    pub(super) fn aim(&self, worker: usize, url: &mut Url) {
        let mut aimed = self.urls[worker].clone();
        aimed.set_path(url.path());
        aimed.set_query(url.query());
        *url = aimed;
    }

    /// One was found away.
    pub(super) fn avoid(&self, worker: usize) {
        self.away()[worker] = Some(Instant::now());
    }

    fn away(&self) -> MutexGuard<'_, Vec<Option<Instant>>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn nowhere() -> Url {
    Url::parse("http://localhost").expect("this is a URL")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_turn_and_who_was_away_comes_last() {
        let url = |port: u16| format!("http://worker:{port}").parse().unwrap();
        let workers = Workers::at(vec![url(1), url(2), url(3)]);

        assert_eq!([workers.in_turn(), workers.in_turn()], [vec![0, 1, 2], vec![1, 2, 0]]);
        workers.avoid(2);
        assert_eq!([workers.in_turn(), workers.in_turn()], [vec![0, 1, 2], vec![0, 1, 2]]);
    }

    #[test]
    fn a_request_keeps_its_path_and_query_wherever_it_goes() {
        let workers = Workers::at(vec!["http://a:1".parse().unwrap(), "http://b:2".parse().unwrap()]);
        let mut url = workers.any("/internal/x");
        url.set_query(Some("y=1"));

        workers.aim(1, &mut url);

        assert_eq!(url.as_str(), "http://b:2/internal/x?y=1");
    }
}
