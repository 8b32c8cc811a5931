//! Reading one's own writes: I9, history that was asked for after an acknowledgement has the message.

use std::collections::HashMap;

use wire::RoomId;

use super::{Found, Promise, index::Seen};
use crate::torture::journal::Observed;

pub(super) fn judge(seen: &Seen<'_>, found: &mut Found) {
    for (who, client) in &seen.clients {
        let mut acked: HashMap<RoomId, Vec<(u64, u64)>> = HashMap::new();
        for line in &client.lines {
            match &line.what {
                Observed::Ok { room, pos, .. } => acked.entry(*room).or_default().push((line.t, *pos)),
                Observed::Page { room, asked, after, more, seen: page } => {
                    let upto = if *more { page.last().map_or(0, |shown| shown.pos) } else { u64::MAX };
                    let epoch = seen.epoch_at(*asked);
                    let due = acked.get(room).into_iter().flatten();
                    let due = due.filter(|(t, _)| t < asked && seen.epoch_at(*t) == epoch);
                    let due = due.map(|(_, pos)| *pos).filter(|pos| pos > after && *pos <= upto);
                    for pos in due.filter(|pos| page.iter().all(|shown| shown.pos != *pos)) {
                        let what = "read the history after the acknowledgement, and it was not there".into();
                        found.broken_in(Promise::I9, who, *room, Some(pos), what);
                    }
                }
                _ => {}
            }
        }
    }
}
