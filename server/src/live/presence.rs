//! Who is here: told by open sockets, shared between gateways over the fan-out, and shown to those who share a room.
//!
//! Latest value only, and only what changed. A gateway that falls silent is forgotten, its people with it.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Mutex,
    time::Duration,
};

use tokio::time::interval;
use uuid::Uuid;
use wire::{
    RoomId, Timestamp, UserId,
    events::Hint,
    frames::{Here, Passing, Presence, ToClient},
    paths::SUBJECT_HINTS,
};

use super::{encoded, line::Line, locked, registry::Registry};
use crate::state::{App, State};

/// How often it is looked at who has changed.
const LOOK: Duration = Duration::from_secs(1);
/// Somebody who has done nothing for this long is away.
const IDLE_SECONDS: i64 = 5 * 60;
/// A socket that is back within this was never gone.
const GRACE_SECONDS: i64 = 20;
/// Everybody of a gateway is told to the others again this often,
const RENEW_SECONDS: i64 = 30;
/// and is forgotten there when that fails so often.
const FORGET_SECONDS: i64 = 3 * RENEW_SECONDS;
/// People whose change is told at one look; the others follow at the next.
const AT_ONCE: usize = 500;
/// People of one hint.
const BATCH: usize = 200;

/// Everybody who is here, on this gateway and on others.
pub(super) struct Crowd {
    /// This gateway, as long as it runs.
    gateway: Uuid,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    own: HashMap<UserId, Own>,
    /// What other gateways say of a person, and until when that counts.
    others: HashMap<UserId, HashMap<Uuid, (Presence, Timestamp)>>,
    /// What was told last of everybody who is not offline.
    told: HashMap<UserId, Presence>,
    /// People who may have changed.
    open: HashSet<UserId>,
    /// Whose sockets closed, and when: they may have changed [`GRACE_SECONDS`] later. Until then nobody looks at them, so
    /// that very many of them hold up nobody who comes.
    closed: VecDeque<(Timestamp, UserId)>,
    renewed: Timestamp,
}

/// Somebody with sockets on this gateway, now or a moment ago.
struct Own {
    sockets: u32,
    /// When they last did something.
    active: Timestamp,
    /// When the last socket closed.
    left: Timestamp,
    /// What other gateways were told.
    shared: Presence,
}

/// What a look brought.
#[derive(Debug, Default, PartialEq)]
pub(super) struct News {
    /// For other gateways: how this one's people are.
    share: Vec<Here>,
    /// For rooms: who is something else than before.
    tell: Vec<Here>,
}

impl Own {
    fn is(&self, now: Timestamp) -> Presence {
        if self.sockets == 0 && self.left.plus_seconds(GRACE_SECONDS) <= now {
            Presence::Offline
        } else if self.active.plus_seconds(IDLE_SECONDS) <= now {
            Presence::Away
        } else {
            Presence::Online
        }
    }
}

impl Default for Crowd {
    fn default() -> Self {
        Self { gateway: Uuid::new_v4(), known: Mutex::default() }
    }
}

impl Crowd {
    /// Somebody has opened a socket.
    pub(super) fn came(&self, user: UserId, now: Timestamp) {
        let mut known = locked(&self.known);
        let fresh = Own { sockets: 0, active: now, left: now, shared: Presence::Offline };
        let own = known.own.entry(user).or_insert(fresh);
        own.sockets += 1;
        own.active = now;
        known.open.insert(user);
    }

    /// A socket of somebody has closed.
    pub(super) fn went(&self, user: UserId, now: Timestamp) {
        let mut known = locked(&self.known);
        if let Some(own) = known.own.get_mut(&user) {
            own.sockets = own.sockets.saturating_sub(1);
            own.left = now;
            known.closed.push_back((now, user));
        }
    }

    /// Somebody has done something.
    pub(super) fn acted(&self, user: UserId, now: Timestamp) {
        let mut known = locked(&self.known);
        let Some(own) = known.own.get_mut(&user) else { return };
        let was = own.is(now);
        own.active = now;
        if was != Presence::Online {
            known.open.insert(user);
        }
    }

    /// Another gateway tells of its people.
    pub(super) fn heard(&self, gateway: Uuid, who: &[Here], now: Timestamp) {
        if gateway == self.gateway {
            return;
        }
        let mut known = locked(&self.known);
        for Here { user, is } in who {
            let said = known.others.entry(*user).or_default();
            match is {
                Presence::Offline => drop(said.remove(&gateway)),
                is => drop(said.insert(gateway, (*is, now.plus_seconds(FORGET_SECONDS)))),
            }
            known.open.insert(*user);
        }
    }

    /// How somebody is.
    pub(super) fn is(&self, user: UserId, now: Timestamp) -> Presence {
        locked(&self.known).is(user, now)
    }

    /// Looks who has changed since the last look.
    pub(super) fn look(&self, now: Timestamp) -> News {
        let mut known = locked(&self.known);
        let renews = known.renewed.plus_seconds(RENEW_SECONDS) <= now;
        if renews {
            known.renewed = now;
            known.forget_silent(now);
            let everybody: Vec<UserId> = known.own.keys().chain(known.told.keys()).copied().collect();
            known.open.extend(everybody);
        }
        known.open_closed(now);
        let mut news = News::default();
        let open: Vec<UserId> =
            known.open.iter().copied().take(if renews { usize::MAX } else { AT_ONCE }).collect();
        for user in open {
            known.look_at(user, now, renews, &mut news);
        }
        news
    }
}

impl Known {
    fn is(&self, user: UserId, now: Timestamp) -> Presence {
        let own = self.own.get(&user).map(|own| own.is(now));
        let others = self.others.get(&user).into_iter().flat_map(HashMap::values);
        let others = others.filter(|(_, until)| *until > now).map(|(is, _)| *is);
        own.into_iter().chain(others).max().unwrap_or(Presence::Offline)
    }

    /// Those whose grace is over may have changed.
    fn open_closed(&mut self, now: Timestamp) {
        while let Some((at, user)) = self.closed.front().copied()
            && at.plus_seconds(GRACE_SECONDS) <= now
        {
            self.closed.pop_front();
            self.open.insert(user);
        }
    }

    fn look_at(&mut self, user: UserId, now: Timestamp, renews: bool, news: &mut News) {
        self.open.remove(&user);
        if let Some(own) = self.own.get_mut(&user) {
            let is = own.is(now);
            if is != own.shared || renews {
                own.shared = is;
                news.share.push(Here { user, is });
            }
            if is == Presence::Offline {
                self.own.remove(&user);
            }
        }
        let is = self.is(user, now);
        if self.told.get(&user).copied().unwrap_or(Presence::Offline) != is {
            match is {
                Presence::Offline => drop(self.told.remove(&user)),
                is => drop(self.told.insert(user, is)),
            }
            news.tell.push(Here { user, is });
        }
    }

    fn forget_silent(&mut self, now: Timestamp) {
        self.others.retain(|_, said| {
            said.retain(|_, (_, until)| *until > now);
            !said.is_empty()
        });
    }
}

impl Registry {
    /// Tells a socket who is in a room and here, once it follows the room. Rooms that are too large go without.
    pub(super) fn tell_crowd(&self, room: RoomId, line: &Line) {
        let Some(members) = self.few_members(room) else { return };
        // What changes from here on is told after this: whoever tells of a change has to wait for this lock.
        let known = locked(&self.crowd.known);
        let is = |user: UserId| known.told.get(&user).map(|is| Here { user, is: *is });
        let who = members.into_iter().filter_map(is).collect();
        line.hint(encoded(&ToClient::Eph { room, what: Passing::Presence { all: true, who } }));
    }

    /// Tells rooms who of their members has changed.
    pub(super) fn tell_changes(&self, changed: &[Here]) {
        if changed.is_empty() {
            return;
        }
        self.each_small_room(|room, members| {
            let here = changed.iter().filter(|here| members.contains(&here.user));
            let who: Vec<Here> = here.copied().collect();
            let some = !who.is_empty();
            some.then_some(ToClient::Eph { room, what: Passing::Presence { all: false, who } })
        });
    }
}

/// Looks every second who came and went, and tells.
pub(super) async fn watch(state: App) {
    let mut look = interval(LOOK);
    loop {
        tokio::select! {
            () = state.tasks.stopping() => return,
            _ = look.tick() => tell(&state).await,
        }
    }
}

async fn tell(state: &State) {
    let News { share, tell } = state.live.crowd.look(state.clock.now());
    for batch in share.chunks(BATCH) {
        let hint = Hint::Presence { gateway: state.live.crowd.gateway, who: batch.to_vec() };
        let hint = serde_json::to_string(&hint).expect("a hint is plain data");
        state.fanout.publish(SUBJECT_HINTS, hint).await;
    }
    state.live.tell_changes(&tell);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(0).plus_seconds(1_800_000_000 + seconds)
    }

    fn told(crowd: &Crowd, seconds: i64) -> Vec<Presence> {
        crowd.look(at(seconds)).tell.into_iter().map(|here| here.is).collect()
    }

    #[test]
    fn a_person_comes_falls_silent_does_something_and_goes() {
        let (crowd, ann) = (Crowd::default(), UserId::new());

        crowd.came(ann, at(0));
        assert_eq!(told(&crowd, 0), [Presence::Online]);
        assert_eq!(told(&crowd, 60), []);
        assert_eq!(told(&crowd, IDLE_SECONDS), [Presence::Away]);
        crowd.acted(ann, at(400));
        assert_eq!(told(&crowd, 401), [Presence::Online]);
        crowd.went(ann, at(410));
        assert_eq!(told(&crowd, 411), [], "she may be back in a moment");
        assert_eq!(told(&crowd, 410 + GRACE_SECONDS), [Presence::Offline]);
        assert!(crowd.known.lock().unwrap().own.is_empty() && crowd.known.lock().unwrap().told.is_empty());
    }

    #[test]
    fn who_is_back_in_time_was_never_gone_and_one_socket_of_two_is_enough() {
        let (crowd, ann) = (Crowd::default(), UserId::new());
        crowd.came(ann, at(0));
        crowd.came(ann, at(0));
        told(&crowd, 0);

        crowd.went(ann, at(1));
        assert_eq!(told(&crowd, 1 + 2 * GRACE_SECONDS), []);
        crowd.went(ann, at(100));
        told(&crowd, 101);
        crowd.came(ann, at(102));

        assert_eq!(told(&crowd, 102 + 2 * GRACE_SECONDS), []);
    }

    #[test]
    fn who_comes_is_told_at_once_however_many_leave() {
        let (crowd, ann) = (Crowd::default(), UserId::new());
        let others: Vec<_> = (0..4 * AT_ONCE).map(|_| UserId::new()).collect();
        others.iter().for_each(|user| crowd.came(*user, at(0)));
        assert_eq!(told(&crowd, 0).len(), others.len());

        others.iter().for_each(|user| crowd.went(*user, at(1)));
        told(&crowd, 2);
        crowd.came(ann, at(3));

        assert_eq!(told(&crowd, 3), [Presence::Online]);
        let gone: usize = (0..4).map(|look| told(&crowd, 1 + GRACE_SECONDS + look).len()).sum();
        assert_eq!(gone, others.len());
    }

    #[test]
    fn gateways_tell_each_other_and_one_that_falls_silent_is_forgotten() {
        let (here, there, ann) = (Crowd::default(), Crowd::default(), UserId::new());
        there.came(ann, at(0));
        let share = there.look(at(0)).share;
        assert_eq!(share, [Here { user: ann, is: Presence::Online }]);

        here.heard(there.gateway, &share, at(0));
        assert_eq!(told(&here, 1), [Presence::Online]);
        assert_eq!(there.look(at(5)).share, [], "only what changed");
        let renewed = there.look(at(RENEW_SECONDS)).share;
        assert_eq!(renewed, share, "and everybody now and then");
        here.heard(there.gateway, &renewed, at(RENEW_SECONDS));

        assert_eq!(told(&here, FORGET_SECONDS), []);
        assert_eq!(told(&here, RENEW_SECONDS + FORGET_SECONDS), [Presence::Offline]);
    }

    #[test]
    fn what_a_gateway_says_of_itself_comes_back_to_it_and_counts_for_nothing() {
        let (crowd, ann) = (Crowd::default(), UserId::new());

        crowd.heard(crowd.gateway, &[Here { user: ann, is: Presence::Online }], at(0));

        assert_eq!(crowd.is(ann, at(0)), Presence::Offline);
    }
}
