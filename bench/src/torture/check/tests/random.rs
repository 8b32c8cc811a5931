//! Any good story passes, and whatever is taken from it or put into it is noticed.

use proptest::prelude::*;

use super::story::{Story, room, shown};
use crate::torture::{
    check::Promise,
    journal::{Observed, Shown},
};

const CLIENTS: usize = 3;

/// Who speaks, how many positions of other rooms lie between, and who reconnects with an open gap before.
fn turns() -> impl Strategy<Value = Vec<(usize, u64, Option<usize>)>> {
    let turn = (0..CLIENTS, 1..4_u64, prop::option::weighted(0.2, 0..CLIENTS));
    prop::collection::vec(turn, 4..40)
}

fn story(turns: &[(usize, u64, Option<usize>)]) -> Story {
    let mut story = Story::begin(CLIENTS);
    let mut pos = 0;
    for (n, (by, step, again)) in turns.iter().enumerate() {
        if let Some(who) = again {
            story.tell(*who, Observed::Link { up: false, why: String::new() });
            story.tell(*who, Observed::Subscribed { room: room(0) });
        }
        pos += step;
        story.said(*by, n, pos, CLIENTS);
    }
    story
}

/// What is done to the n-th message.
#[derive(Clone, Copy, Debug)]
enum Harm {
    /// The history does not have it.
    Forgotten,
    /// The history has it twice.
    Doubled,
    /// The history has another text.
    Changed,
    /// One client never saw it, though it saw what follows.
    Unseen(usize),
    /// One client saw it before its predecessor.
    Early(usize),
}

impl Harm {
    fn done(self, story: &mut Story, n: usize) {
        let lines = &mut story.evidence.lines;
        let history = story.evidence.epochs[0].rooms.get_mut(&room(0)).unwrap();
        let event = history[n].clone();
        let at = |lines: &[crate::torture::journal::Line], who: usize, event: &Shown| {
            let wanted = Observed::Ev(event.clone());
            lines.iter().position(|line| line.who == format!("c{who}") && line.what == wanted).unwrap()
        };
        match self {
            Self::Forgotten => drop(history.remove(n)),
            Self::Doubled => {
                let pos = history.last().unwrap().pos + 1;
                history.push(Shown { pos, ..event });
            }
            Self::Changed => history[n].hash = "another".into(),
            Self::Unseen(who) => drop(lines.remove(at(lines, who, &event))),
            Self::Early(who) => {
                let before = history[n - 1].clone();
                let (first, second) = (at(lines, who, &before), at(lines, who, &event));
                let what = lines[first].what.clone();
                lines[first].what = lines[second].what.clone();
                lines[second].what = what;
            }
        }
    }

    fn breaks(self) -> Promise {
        match self {
            Self::Forgotten => Promise::I1,
            Self::Doubled => Promise::I5,
            Self::Changed => Promise::I2,
            Self::Unseen(_) | Self::Early(_) => Promise::I3,
        }
    }
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        Just(Harm::Forgotten),
        Just(Harm::Doubled),
        Just(Harm::Changed),
        (0..CLIENTS).prop_map(Harm::Unseen),
        (0..CLIENTS).prop_map(Harm::Early),
    ]
}

proptest! {
    #[test]
    fn a_good_story_passes(turns in turns()) {
        let verdict = story(&turns).end(CLIENTS);

        prop_assert!(verdict.is_clean(), "{:?}", verdict.violations);
        prop_assert_eq!(verdict.figures.acked, turns.len());
    }

    #[test]
    fn every_harm_is_noticed(mut turns in turns(), harm in harm(), at in any::<prop::sample::Index>()) {
        // Whoever begins anew in the middle may have missed what was before: that is no hole.
        turns.iter_mut().for_each(|turn| turn.2 = None);
        let n = 1 + at.index(turns.len() - 2);
        let mut story = story(&turns);

        harm.done(&mut story, n);

        let broken = story.end(CLIENTS).broken();
        prop_assert!(broken.contains(&harm.breaks()), "{harm:?} at {n}: {broken:?}");
    }

    #[test]
    fn lines_of_different_clients_may_be_written_down_in_any_order(turns in turns()) {
        let mut story = story(&turns);
        story.evidence.lines.sort_by_key(|line| line.who.clone());

        prop_assert!(story.end(CLIENTS).is_clean());
    }
}

#[test]
fn an_event_of_a_room_that_nobody_follows_is_noticed() {
    let mut story = Story::begin(1);
    story.said(0, 0, 1, 1);
    let elsewhere = Shown { room: room(1), ..shown(2, 0, 1) };
    story.keep(elsewhere.clone()).tell(0, Observed::Ev(elsewhere));

    assert!(story.end(1).broken().contains(&Promise::I11));
}
