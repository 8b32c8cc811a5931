//! One bad history for each promise.

use std::collections::BTreeMap;

use uuid::Uuid;
use wire::{JobId, conversions::JobState};

use super::story::{REST, Story, assert_broken, cid, room, shown, user};
use crate::torture::{
    check::{Epoch, Promise::*, judge},
    journal::{Observed, Shown},
};

/// Two clients, three messages, nothing wrong.
pub(super) fn good() -> Story {
    let mut story = Story::begin(2);
    story.said(0, 0, 3, 2).said(1, 1, 5, 2).said(0, 2, 6, 2);
    story
}

#[test]
fn a_story_without_a_fault_is_clean_and_counted() {
    let verdict = good().end(2);

    assert_broken(&verdict, &[]);
    let figures = verdict.figures;
    assert_eq!((figures.sent, figures.acked, figures.unknown, figures.deliveries), (3, 3, 0, 6));
    assert_eq!((figures.lost, figures.duplicated, figures.reordered), (0, 0, 0));
}

#[test]
fn i1_an_acknowledged_message_is_missing() {
    let mut story = good();
    story.invoke(1, 3).ok(1, 3, 7);

    let verdict = story.end(2);

    assert_broken(&verdict, &[I1]);
    assert_eq!(verdict.figures.lost, 1);
}

#[test]
fn i1_an_acknowledged_message_is_elsewhere() {
    let mut story = good();
    story.invoke(1, 3).keep(shown(8, 1, 3)).ok(1, 3, 7);
    for who in 0..2 {
        story.tell(who, Observed::Ev(shown(8, 1, 3)));
    }

    assert_broken(&story.end(2), &[I1]);
}

/// Somebody edits the message at position 3, is told that it is done, and the history has that.
fn edited(there: &dyn Fn(Shown) -> Shown) -> Story {
    let mut story = good();
    let event = Shown { kind: "edited".into(), tgt: Some(3), ..shown(7, 0, 3) };
    let Shown { room, cid, kind, hash, .. } = event.clone();
    story.tell(0, Observed::Act { room, cid, kind, tgt: 3, hash }).keep(there(event.clone()));
    story.ok(0, 3, 7);
    for who in 0..2 {
        story.tell(who, Observed::Ev(there(event.clone())));
    }
    story
}

#[test]
fn i1_what_was_done_to_a_message_is_there_as_it_was_acknowledged() {
    let done = edited(&|event| event).end(2);
    assert_broken(&done, &[]);
    assert_eq!((done.figures.acked, done.figures.done), (4, 1));

    assert_broken(&edited(&|event| Shown { hash: "another text".into(), ..event }).end(2), &[I1]);
    assert_broken(&edited(&|event| Shown { tgt: Some(5), ..event }).end(2), &[I1]);
    assert_broken(&edited(&|event| Shown { kind: "pinned".into(), ..event }).end(2), &[I1]);
}

#[test]
fn i1_the_database_has_what_the_hub_tells_and_nothing_else() {
    let stored = |change: &dyn Fn(&mut Vec<Shown>)| {
        let mut story = good();
        let epoch = &mut story.evidence.epochs[0];
        let mut rows = epoch.rooms.clone();
        rows.values_mut().for_each(change);
        epoch.stored = Some(rows);
        story.end(2)
    };

    let whole = stored(&|_| ());
    assert_broken(&whole, &[]);
    assert_eq!(whole.figures.stored, 3);
    assert_broken(&stored(&|rows| drop(rows.remove(1))), &[I1]);
    assert_broken(&stored(&|rows| rows.clear()), &[I1]);
    assert_broken(&stored(&|rows| rows[2].hash = "another text".into()), &[I1]);
    assert_broken(&stored(&|rows| rows.push(shown(9, 0, 9))), &[I1]);
}

#[test]
fn i1_a_message_answers_another_one_in_the_history() {
    let answers = |tgt| {
        let mut story = good();
        let event = Shown { tgt, ..shown(7, 0, 3) };
        let Shown { room, cid, hash, .. } = event.clone();
        story.tell(0, Observed::Invoke { room, cid, hash, re: Some(5) }).keep(event.clone()).ok(0, 3, 7);
        for who in 0..2 {
            story.tell(who, Observed::Ev(event.clone()));
        }
        story.end(2)
    };

    assert_broken(&answers(Some(5)), &[]);
    assert_broken(&answers(Some(3)), &[I1]);
    assert_broken(&answers(None), &[I1]);
}

#[test]
fn i2_somebody_saw_that_something_was_done_to_another_message() {
    let mut story = edited(&|event| event);
    let seen = story.evidence.lines.iter_mut().find_map(|line| match &mut line.what {
        Observed::Ev(shown) if shown.pos == 7 => Some(shown),
        _ => None,
    });
    seen.unwrap().tgt = Some(6);

    assert_broken(&story.end(2), &[I2]);
}

#[test]
fn i2_somebody_saw_what_never_happened() {
    let mut story = good();
    story.tell(1, Observed::Ev(shown(9, 0, 9)));

    assert_broken(&story.end(2), &[I2]);
}

#[test]
fn i2_somebody_saw_another_text() {
    let mut story = good();
    story.invoke(0, 3).keep(shown(7, 0, 3)).ok(0, 3, 7);
    story.tell(0, Observed::Ev(shown(7, 0, 3)));
    story.tell(1, Observed::Ev(Shown { hash: "another".into(), ..shown(7, 0, 3) }));

    assert_broken(&story.end(2), &[I2]);
}

#[test]
fn i3_a_screen_has_a_hole() {
    let mut story = good();
    story.invoke(0, 3).keep(shown(7, 0, 3)).ok(0, 3, 7).tell(0, Observed::Ev(shown(7, 0, 3)));
    story.said(0, 4, 8, 2);

    let verdict = story.end(2);

    assert_broken(&verdict, &[I3]);
    assert_eq!((verdict.violations[0].who.as_str(), verdict.violations[0].pos), ("c1", Some(8)));
}

#[test]
fn i3_an_open_gap_is_no_hole_once_it_is_filled() {
    let gap = |filled| {
        let mut story = good();
        story.invoke(0, 3).keep(shown(7, 0, 3)).ok(0, 3, 7).tell(0, Observed::Ev(shown(7, 0, 3)));
        story.tell(1, Observed::Gap { room: room(0), from: 6, to: 8 });
        story.said(0, 4, 8, 2);
        if filled {
            story.tell(1, Observed::Filled(shown(7, 0, 3)));
        }
        story.end(2)
    };

    assert_broken(&gap(true), &[]);
    assert_broken(&gap(false), &[I3]);
}

#[test]
fn i3_a_screen_goes_back() {
    let mut story = Story::begin(1);
    story.said(0, 0, 1, 1);
    story.invoke(0, 1).keep(shown(2, 0, 1)).ok(0, 1, 2).invoke(0, 2).keep(shown(3, 0, 2)).ok(0, 2, 3);
    for (pos, n) in [(3, 2), (2, 1)] {
        story.tell(0, Observed::Ev(shown(pos, 0, n)));
    }

    assert_broken(&story.end(1), &[I3]);
}

#[test]
fn i4_the_bare_wire_has_a_hole_or_goes_back_but_may_repeat() {
    let heard = |positions: &[u64]| {
        let mut story = good();
        story.tell_by("raw", Observed::Hello { user: user(9) });
        story.tell_by("raw", Observed::Subscribed { room: room(0) });
        for pos in positions {
            let n = [(3, 0), (5, 1), (6, 2)].into_iter().find(|(at, _)| at == pos).map_or(9, |(_, n)| n);
            story.tell_by("raw", Observed::Heard(shown(*pos, n % 2, n)));
        }
        story.end(2)
    };

    assert_broken(&heard(&[3, 5, 6]), &[]);
    assert_broken(&heard(&[3, 5, 5, 6]), &[]);
    assert_eq!(heard(&[3, 5, 5, 6]).figures.redelivered, 1);
    assert_broken(&heard(&[3, 6]), &[I4]);
    assert_broken(&heard(&[5, 3, 6]), &[I4]);
}

#[test]
fn i4_what_is_taken_up_again_may_be_repeated_but_not_what_was_never_seen() {
    let resumed = |first: &[u64], again: &[u64]| {
        let mut story = good();
        story.tell_by("raw", Observed::Hello { user: user(9) });
        story.tell_by("raw", Observed::Subscribed { room: room(0) });
        for (positions, from) in [(first, None), (again, Some(5))] {
            if let Some(pos) = from {
                story.tell_by("raw", Observed::Resumed { room: room(0), pos });
            }
            for pos in positions {
                let n = [(3, 0), (5, 1), (6, 2)].into_iter().find(|(at, _)| at == pos).map_or(9, |(_, n)| n);
                story.tell_by("raw", Observed::Heard(shown(*pos, n % 2, n)));
            }
        }
        story.end(2)
    };

    assert_broken(&resumed(&[3, 5], &[5, 6]), &[]);
    assert_broken(&resumed(&[5], &[3, 6]), &[I4]);
}

#[test]
fn i5_a_message_is_there_twice() {
    let mut story = good();
    story.keep(shown(7, 0, 2));
    for who in 0..2 {
        story.tell(who, Observed::Ev(shown(7, 0, 2)));
    }

    let verdict = story.end(2);

    assert_broken(&verdict, &[I5]);
    // On both screens and in the history.
    assert_eq!(verdict.figures.duplicated, 3);
}

#[test]
fn i6_what_was_sent_after_an_acknowledgement_comes_before_it() {
    let mut story = Story::begin(2);
    story.keep(shown(3, 1, 1)).keep(shown(4, 0, 0));
    story.invoke(0, 0).ok(0, 0, 4).invoke(1, 1).ok(1, 1, 3);
    for (pos, by, n) in [(3, 1, 1), (4, 0, 0)] {
        for who in 0..2 {
            story.tell(who, Observed::Ev(shown(pos, by, n)));
        }
    }

    let verdict = story.end(2);

    assert_broken(&verdict, &[I6]);
    assert_eq!(verdict.figures.reordered, 1);
}

/// Two messages of which the second comes first, and what is told between; the first is put off before or after the
/// second is answered, or never.
fn overtaken(before: Option<Observed>, after: Option<Observed>) -> crate::torture::check::Verdict {
    let mut story = Story::begin(1);
    let fault = || "lock-log".to_owned();
    story.tell_by("conductor", Observed::Fault { fault: fault(), whom: None });
    story.invoke(0, 0).invoke(0, 1).keep(shown(3, 0, 1)).keep(shown(4, 0, 0));
    before.into_iter().for_each(|what| _ = story.tell(0, what));
    story.ok(0, 1, 3);
    after.into_iter().for_each(|what| _ = story.tell(0, what));
    story.ok(0, 0, 4);
    story.tell_by("conductor", Observed::Healed { fault: fault(), whom: None });
    for (pos, n) in [(3, 1), (4, 0)] {
        story.tell(0, Observed::Ev(shown(pos, 0, n)));
    }
    story.end(1)
}

#[test]
fn i7_a_sender_is_overtaken_by_itself_unless_it_was_put_off_before() {
    let put_off = |n| Some(Observed::PutOff { room: room(0), cid: cid(n) });

    // A fault alone excuses nothing.
    assert_broken(&overtaken(None, None), &[I7]);
    assert_broken(&overtaken(put_off(0), None), &[]);
    assert_broken(&overtaken(None, put_off(0)), &[I7]);
    assert_broken(&overtaken(put_off(1), None), &[I7]);
    // A connection that is lost meanwhile may take an answer with it.
    let lost = || Some(Observed::Link { up: false, why: String::new() });
    assert_broken(&overtaken(lost(), None), &[]);
    assert_broken(&overtaken(None, lost()), &[I7]);
}

#[test]
fn i7_knows_that_what_stands_behind_a_message_that_is_put_off_goes_with_it() {
    let third_first = |is_behind: bool| {
        let mut story = Story::begin(1);
        let [first, second] = if is_behind { [0, 1] } else { [1, 0] };
        story.invoke(0, first).invoke(0, second).invoke(0, 2);
        story.tell(0, Observed::PutOff { room: room(0), cid: cid(0) }).keep(shown(3, 0, 2)).ok(0, 2, 3);
        for (pos, n) in [(4, first), (5, second)] {
            story.keep(shown(pos, 0, n)).ok(0, n, pos);
        }
        for (pos, n) in [(3, 2), (4, first), (5, second)] {
            story.tell(0, Observed::Ev(shown(pos, 0, n)));
        }
        story.end(1)
    };

    assert_broken(&third_first(true), &[]);
    assert_broken(&third_first(false), &[I7]);
}

#[test]
fn i7_knows_that_a_room_refuses_whoever_is_out_of_it() {
    let live = Observed::Live { room: room(0), pos: 0 };
    // The first of two messages is refused, that is lost, and it is sent again when its sender is a member again.
    let overtaken = |before: Vec<Observed>| {
        let mut story = Story::begin(1);
        for what in before {
            story.tell(0, what);
        }
        story.invoke(0, 1).invoke(0, 2).keep(shown(3, 0, 2)).keep(shown(5, 0, 1));
        story.ok(0, 2, 3).ok(0, 1, 5);
        story.end(1)
    };
    let (leave, join) = (Observed::Leave { room: room(0) }, Observed::Join { room: room(0) });

    assert_broken(&overtaken(vec![leave.clone(), join.clone()]), &[]);
    assert_broken(&overtaken(vec![leave.clone(), live.clone()]), &[]);
    assert_broken(&overtaken(vec![leave.clone(), join.clone(), live.clone()]), &[I7]);
    assert_broken(&overtaken(Vec::new()), &[I7]);

    // Nor has one its place that waits for its answer when its sender leaves.
    let left_behind = |is_answered: bool| {
        let mut story = Story::begin(1);
        story.invoke(0, 1).keep(shown(3, 0, 2)).keep(shown(5, 0, 1));
        if is_answered {
            story.ok(0, 1, 5);
        }
        for what in [&leave, &join, &live] {
            story.tell(0, what.clone());
        }
        story.invoke(0, 2).ok(0, 2, 3).ok(0, 1, 5);
        story.end(1)
    };
    assert_broken(&left_behind(false), &[]);
    assert_eq!(left_behind(true).broken().into_iter().next_back(), Some(I7));
}

#[test]
fn i8_a_watermark_is_wrong_or_goes_back() {
    type Mark = (u64, u64, String);
    let marks = |marks: &dyn Fn(&Story) -> Vec<Mark>| {
        let mut story = good();
        for (pos, n, h) in marks(&story) {
            story.tell(1, Observed::Wm { room: room(0), pos, n, h });
        }
        story.end(2)
    };
    let right = |story: &Story| (6, story.head().0, story.head().1);

    assert_broken(&marks(&|story| vec![right(story), right(story)]), &[]);
    assert_broken(&marks(&|story| vec![(6, 4, right(story).2)]), &[I8]);
    assert_broken(&marks(&|_| vec![(6, 3, "00".repeat(16))]), &[I8]);
    let mut first = Story::begin(2);
    first.said(0, 0, 3, 2);
    let (n, h) = first.head();
    assert_broken(&marks(&|story| vec![right(story), (3, n, h.clone())]), &[I8]);
}

#[test]
fn i8_a_watermark_counts_what_was_not_sent_yet() {
    let at = |early: bool| {
        let mut story = good();
        let (n, h) = story.head();
        if early {
            let first = story.evidence.lines.iter().position(|line| line.who == "c1").unwrap();
            let wm = Observed::Wm { room: room(0), pos: 6, n, h };
            let line = crate::torture::journal::Line { t: 1, who: "c1".into(), what: wm };
            story.evidence.lines.insert(first, line);
        } else {
            story.tell(1, Observed::Wm { room: room(0), pos: 6, n, h });
        }
        story.end(2)
    };

    let clean = at(false);
    assert_broken(&clean, &[]);
    assert_eq!(clean.figures.watermarks, 1);
    assert_broken(&at(true), &[I8]);
}

#[test]
fn a_run_that_showed_nothing_of_a_promise_it_was_to_test_is_not_clean() {
    let meant = |promises: &[crate::torture::check::Promise], story: Story| {
        let mut story = story;
        story.tell_by("conductor", Observed::Meant { promises: promises.to_vec() });
        story.end(2)
    };

    let nothing = meant(&[I1, I8, I10, I11, I14], good());
    assert_broken(&nothing, &[]);
    assert_eq!(nothing.unseen, [I1, I8, I10, I11, I14].into());
    assert!(!nothing.is_clean());

    // Messages alone are not all that can be acknowledged, and what the hub tells is not all that it keeps.
    let mut kept = edited(&|event| event);
    assert_eq!(meant(&[I1], kept.clone()).unseen, [I1].into());
    let epoch = &mut kept.evidence.epochs[0];
    epoch.stored = Some(epoch.rooms.clone());
    assert!(meant(&[I1], kept).is_clean());
    let mut marked = good();
    let (n, h) = marked.head();
    marked.tell(1, Observed::Wm { room: room(0), pos: 6, n, h });
    assert!(meant(&[I8], marked).is_clean());
    let mut left = good();
    let departure = Shown { kind: "left".into(), ..shown(7, 1, 8) };
    left.tell(1, Observed::Leave { room: room(0) }).keep(departure.clone());
    for who in 0..2 {
        left.tell(who, Observed::Ev(departure.clone()));
    }
    assert!(meant(&[I11], left).is_clean());
}

#[test]
fn i9_the_history_does_not_have_what_was_acknowledged_before() {
    let page = |asked: u64, seen: Vec<Shown>| {
        let mut story = good();
        story.tell(0, Observed::Page { room: room(0), asked, after: 3, more: false, seen });
        story.end(2)
    };
    let late = u64::MAX - 1;

    assert_broken(&page(late, vec![shown(5, 1, 1), shown(6, 0, 2)]), &[]);
    assert_broken(&page(late, vec![shown(5, 1, 1)]), &[I9]);
    // Asked before the acknowledgement, it may be missing.
    assert_broken(&page(1, vec![shown(5, 1, 1)]), &[]);
}

/// A log of its own for the second half.
fn reborn(told: &[usize]) -> Story {
    let mut story = good();
    story.tell_by("conductor", Observed::Deleted);
    story.evidence.epochs.push(Epoch::default());
    for who in told {
        story.tell(*who, Observed::Reset { room: room(0) });
    }
    story
}

#[test]
fn i10_a_new_generation_is_told_and_not_mixed_with_the_old() {
    let mut both = reborn(&[0, 1]);
    both.said(0, 3, 1, 2).said(1, 4, 2, 2);
    assert_broken(&both.end(2), &[]);

    let mut one = reborn(&[0]);
    one.said(0, 3, 1, 1);
    assert_broken(&one.end(2), &[I10]);

    let mut mixed = reborn(&[0, 1]);
    mixed.tell(0, Observed::Ev(shown(3, 0, 0)));
    mixed.said(1, 4, 4, 2);
    assert_broken(&mixed.end(2), &[I10]);

    let mut for_nothing = good();
    for_nothing.tell(0, Observed::Reset { room: room(0) });
    assert_broken(&for_nothing.end(2), &[I10]);
}

#[test]
fn i14_a_document_is_taken_twice_or_lost_or_not_converted_or_converted_again() {
    let job = |n: u128| JobId(Uuid::from_u128(n));
    let taken = |job| Observed::Taken { name: "a.md".into(), job };
    let ended = |job, state, seq| {
        let sha256 = Some("00".to_owned());
        Observed::Ended { name: "a.md".into(), job, state, seq, sha256 }
    };
    let told = |lines: Vec<Observed>| {
        let mut story = good();
        for line in lines {
            story.tell_by("converter", line);
        }
        story.end(2)
    };
    let once =
        || vec![taken(job(1)), ended(job(1), JobState::Completed, 3), ended(job(1), JobState::Completed, 3)];

    let clean = told(once());
    assert_broken(&clean, &[]);
    assert_eq!(clean.figures.converted, 1);
    assert_broken(&told(once()[1..].to_vec()), &[]);
    assert_broken(&told(vec![taken(job(1))]), &[I14]);
    assert_broken(&told(vec![taken(job(1)), ended(job(1), JobState::Failed, 3)]), &[I14]);
    assert_broken(&told([once(), vec![ended(job(1), JobState::Completed, 5)]].concat()), &[I14]);
    assert_broken(&told([once(), vec![ended(job(2), JobState::Completed, 3)]].concat()), &[I14]);
}

#[test]
fn i12_somebody_does_not_come_to_rest() {
    let ends = |outbox: usize, head: u64| {
        let mut story = good();
        story.tell_by("conductor", Observed::Quiet);
        for who in 0..2 {
            story.tell(who, Observed::Settled { outbox, heads: BTreeMap::from([(room(0), head)]) });
        }
        judge(&story.evidence, REST)
    };

    assert_broken(&ends(0, 6), &[]);
    assert_broken(&ends(1, 6), &[I12]);
    assert_broken(&ends(0, 5), &[I12]);
    let mut unfinished = good();
    unfinished.tell(0, Observed::Link { up: false, why: String::new() });
    assert_broken(&judge(&unfinished.evidence, REST), &[I12]);
}

#[test]
fn i12_rest_has_a_limit() {
    let after = |micros: u64| {
        let mut story = good();
        story.tell_by("conductor", Observed::Quiet);
        story.now += micros;
        story.tell(0, Observed::Live { room: room(0), pos: 6 });
        for who in 0..2 {
            story.tell(who, Observed::Settled { outbox: 0, heads: BTreeMap::from([(room(0), 6)]) });
        }
        judge(&story.evidence, REST)
    };

    let in_time = after(9_500_000);
    assert_broken(&in_time, &[]);
    assert!((9_400..9_600).contains(&in_time.figures.rest_ms), "{}", in_time.figures.rest_ms);
    assert_broken(&after(10_500_000), &[I12]);
}

#[test]
fn what_is_acknowledged_between_faults_of_the_hub_is_counted() {
    let mut story = Story::begin(1);
    let fault = |whom: Option<&str>| ("kill".to_owned(), whom.map(str::to_owned));
    let (mut pos, mut said) = (0, 0);
    let mut say = |story: &mut Story, count: usize| {
        for _ in 0..count {
            (pos, said) = (pos + 1, said + 1);
            story.said(0, said, pos, 1);
        }
    };

    say(&mut story, 3);
    for whom in [None, Some("c0"), None] {
        let (fault, whom) = fault(whom);
        story.tell_by("conductor", Observed::Fault { fault: fault.clone(), whom: whom.clone() });
        say(&mut story, 1);
        story.tell_by("conductor", Observed::Healed { fault, whom });
        say(&mut story, 2);
    }

    // After the first fault of the hub: two, the three around the client's fault, and two behind the last one.
    assert_eq!(story.end(1).figures.peace_acked, 2 + 3 + 2);
}

#[test]
fn i13_a_refused_message_happened() {
    let mut story = good();
    story.invoke(0, 3);
    story.tell(0, Observed::Err { room: room(0), cid: cid(3), code: "MSH-4130".into() });
    story.keep(shown(7, 0, 3));
    for who in 0..2 {
        story.tell(who, Observed::Ev(shown(7, 0, 3)));
    }

    assert_broken(&story.end(2), &[I13]);
}
