//! The end: I12, everybody has everything and nothing waits; how long each fault was felt, and what was done between them.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Found, Promise,
    index::{Client, Seen},
};
use crate::torture::journal::{Line, Observed, span};

pub(super) fn judge(seen: &Seen<'_>, rest: Duration, found: &mut Found) {
    let Some(quiet) = seen.quiet else {
        found.broken_end("conductor", "the run did not come to its end".to_owned());
        return;
    };
    for (who, client) in &seen.clients {
        let speaks = client.lines.iter().any(|line| matches!(line.what, Observed::Invoke { .. }));
        if speaks {
            settled(seen, (who, client), quiet, rest, found);
        }
    }
    recovery(seen, found);
    peace(seen, quiet, found);
}

/// How much was acknowledged while nothing was done to the hub, from its first fault to the end.
fn peace(seen: &Seen<'_>, quiet: u64, found: &mut Found) {
    let mut acked: Vec<u64> = Vec::new();
    for client in seen.clients.values() {
        let lines = client.lines.iter().filter(|line| matches!(line.what, Observed::Ok { .. }));
        acked.extend(lines.map(|line| line.t));
    }
    acked.sort_unstable();
    let (mut peace, mut count) = (Duration::ZERO, 0);
    let mut free = None;
    let mut hub: Vec<_> = seen.faults.iter().filter(|(_, whom, ..)| whom.is_none()).collect();
    hub.sort_unstable_by_key(|(_, _, from, _)| *from);
    let ends = hub.iter().map(|(_, _, from, to)| (*from, *to)).chain([(quiet, quiet)]);
    for (from, to) in ends {
        if let Some(free) = free.filter(|free| *free < from) {
            peace += span(free, from);
            count += acked.partition_point(|t| *t <= from) - acked.partition_point(|t| *t <= free);
        }
        free = Some(free.unwrap_or(0).max(to));
    }
    found.figures.peace_ms = u64::try_from(peace.as_millis()).unwrap_or(u64::MAX);
    found.figures.peace_acked = count;
}

fn settled(
    seen: &Seen<'_>,
    (who, client): (&str, &Client<'_>),
    quiet: u64,
    rest: Duration,
    found: &mut Found,
) {
    let last = client.lines.last().map(|line| (line.t, &line.what));
    let Some((_, Observed::Settled { outbox, heads })) = last else {
        return found.broken_end(who, "never settled".to_owned());
    };
    if *outbox > 0 {
        found.broken_end(who, format!("{outbox} messages still wait for an answer"));
    }
    let history = seen.epochs.last().map(|history| &history.rooms);
    for (room, events) in history.into_iter().flatten() {
        let (newest, shown) = (events.keys().next_back().copied(), heads.get(room).copied());
        if newest != shown {
            let what = format!("shows the room up to {shown:?}, the history ends at {newest:?}");
            found.broken_in(Promise::I12, who, *room, newest, what);
        }
    }
    let late = client.lines.iter().rev().find(|line| is_service(line)).map_or(0, |line| line.t);
    let millis = u64::try_from(span(quiet, late).as_millis()).unwrap_or(u64::MAX);
    found.figures.rest_ms = found.figures.rest_ms.max(millis);
    if span(quiet, late) > rest {
        let what = format!("caught up only {:.1} s after the last fault", span(quiet, late).as_secs_f64());
        found.broken_end(who, what);
    }
}

/// What a client is there for.
fn is_service(line: &Line) -> bool {
    matches!(line.what, Observed::Ok { .. } | Observed::Ev(_) | Observed::Live { .. })
}

fn recovery(seen: &Seen<'_>, found: &mut Found) {
    let mut spans = Vec::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (fault, whom, _, healed) in &seen.faults {
        *counts.entry((*fault).to_owned()).or_default() += 1;
        let concerned = seen.clients.iter().filter(|(who, _)| whom.is_none_or(|whom| whom == **who));
        let served = concerned.filter_map(|(_, client)| {
            let after = client.lines.iter().find(|line| line.t > *healed && is_service(line));
            after.map(|line| span(*healed, line.t).as_millis())
        });
        spans.extend(served.max());
    }
    spans.sort_unstable();
    let at = |at: usize| spans.get(at).map_or(0, |span| u64::try_from(*span).unwrap_or(u64::MAX));
    found.figures.recovery_p50_ms = at(spans.len() / 2);
    found.figures.recovery_max_ms = at(spans.len().saturating_sub(1));
    found.figures.faults = counts;
}

impl Found {
    fn broken_end(&mut self, who: &str, what: String) {
        self.broken(Promise::I12, who, None, what);
    }
}
