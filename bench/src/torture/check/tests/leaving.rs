//! Bad histories of somebody who comes and goes: I11.

use super::{
    bad::good,
    story::{Story, assert_broken, room, shown},
};
use crate::torture::{
    check::Promise::I11,
    journal::{Observed, Shown},
};

#[test]
fn i11_somebody_who_left_hears_on() {
    let left = |hears: bool| {
        let mut story = Story::begin(2);
        story.said(0, 0, 3, 2).tell(1, Observed::Live { room: room(0), pos: 3 });
        story.tell(1, Observed::Leave { room: room(0) });
        let departure = Shown { kind: "left".into(), ..shown(4, 1, 8) };
        story.keep(departure.clone()).tell(0, Observed::Ev(departure));
        story.invoke(0, 1).keep(shown(5, 0, 1)).ok(0, 1, 5).tell(0, Observed::Ev(shown(5, 0, 1)));
        if hears {
            story.tell(1, Observed::Ev(shown(5, 0, 1)));
        }
        story.tell(1, Observed::Left { room: room(0) });
        story.tell(1, Observed::Join { room: room(0) });
        story.tell(1, Observed::Subscribed { room: room(0) });
        story.tell(1, Observed::Ev(shown(5, 0, 1)));
        story.said(0, 2, 6, 2);
        story.end(2)
    };

    assert_broken(&left(false), &[]);
    let verdict = left(true);
    // The hole at the departure is seen as well.
    assert!(verdict.broken().contains(&I11), "{:?}", verdict.violations);
}

/// Somebody leaves and comes back as often as is said, each time by asking; what follows happens while they are away.
fn away(departures: u64) -> (Story, u64) {
    let mut story = Story::begin(2);
    let mut pos = 0;
    for n in 1..=departures {
        let departure = Shown { kind: "left".into(), ..shown(pos + 1, 1, 100 + n as usize) };
        story.tell(1, Observed::Leave { room: room(0) });
        story
            .keep(departure.clone())
            .tell(0, Observed::Ev(departure.clone()))
            .tell(1, Observed::Ev(departure));
        story.tell(1, Observed::Departed { room: room(0) }).tell(1, Observed::Left { room: room(0) });
        pos += 2;
        story.invoke(0, pos as usize).keep(shown(pos, 0, pos as usize)).ok(0, pos as usize, pos);
        story.tell(0, Observed::Ev(shown(pos, 0, pos as usize)));
        if n < departures {
            story.tell(1, Observed::Join { room: room(0) }).tell(1, Observed::Subscribed { room: room(0) });
            story.tell(1, Observed::Ev(shown(pos, 0, pos as usize)));
        }
    }
    (story, pos)
}

#[test]
fn i11_every_departure_is_judged_however_often_somebody_comes_and_goes() {
    let (story, _) = away(3);
    let verdict = story.end(1);
    assert_eq!((verdict.figures.departures, verdict.broken().contains(&I11)), (3, false));

    // The room is opened again, but nobody asked to be let in.
    let (mut story, pos) = away(3);
    story.tell(1, Observed::Subscribed { room: room(0) });
    story.tell(1, Observed::Ev(shown(pos, 0, pos as usize)));
    assert!(story.end(1).broken().contains(&I11));
}

#[test]
fn i11_a_room_that_is_live_is_not_pushed_past_a_departure_whoever_asked_for_it() {
    let pushed = |goes_on: bool| {
        let mut story = good();
        story.tell(1, Observed::Leave { room: room(0) }).tell(1, Observed::Live { room: room(0), pos: 6 });
        // Two attempts to leave, and one to come back between them: the log has them in another order than the client.
        for (pos, kind) in [(7, "left"), (8, "joined")] {
            let event = Shown { kind: kind.into(), ..shown(pos, 1, pos as usize) };
            story.keep(event.clone()).tell(0, Observed::Ev(event.clone()));
            if goes_on || pos == 7 {
                story.tell(1, Observed::Ev(event));
            }
        }
        story.end(1)
    };

    assert!(!pushed(false).broken().contains(&I11));
    assert!(pushed(true).broken().contains(&I11));
}

#[test]
fn i11_what_is_caught_up_by_somebody_who_was_let_in_again_may_be_from_before() {
    let (mut story, pos) = away(1);
    story.tell(1, Observed::Join { room: room(0) }).tell(1, Observed::Subscribed { room: room(0) });
    // An earlier request to leave that came late, and the same request to come in, asked again.
    for (n, kind) in [(1, "joined"), (2, "left"), (3, "joined")] {
        let event = Shown { kind: kind.into(), ..shown(pos + n, 1, 300 + n as usize) };
        story.keep(event.clone()).tell(0, Observed::Ev(event.clone())).tell(1, Observed::Ev(event));
    }
    story.tell(1, Observed::Live { room: room(0), pos: pos + 3 });

    assert!(!story.end(1).broken().contains(&I11));
}

#[test]
fn i11_the_log_never_says_what_somebody_was_told() {
    let (mut story, _) = away(1);
    story.tell(1, Observed::Departed { room: room(0) });

    assert!(story.end(1).broken().contains(&I11));
}
