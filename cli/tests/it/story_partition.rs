//! A machine that loses the way to all engines, without a word from anybody, is replaced by the other one and comes back.

use platform::testing::Link;
use wire::conversions::JobState;

use crate::{
    command::{Person, finish},
    fleet::{Crowd, Fleet, completions, eventually, states, uploaded},
};

/// Events that a chat-worker has written.
const WRITTEN: &str = "mshub_events_persisted_total";

#[test]
fn a_machine_that_is_cut_off_is_replaced_and_comes_back() {
    let Some(mut fleet) = Fleet::start() else { return };
    if !fleet.can_lose_packets() {
        return;
    }
    let (room, people) = fleet.gather();
    let runtime = fleet.runtime.handle().clone();
    let _within = runtime.enter();
    let token = runtime.block_on(people[0].access_token()).unwrap();
    let crowd = Crowd::of(people.clone(), room);
    let lost = leader(&fleet, &crowd);
    let other = 1 - lost;

    // Both convert-workers are at work when every packet between one machine and its engines is lost.
    let mut jobs = runtime.block_on(uploaded(&people[0], 4));
    eventually("both are at work", || {
        let states = runtime.block_on(states(&people[0], &jobs)).unwrap();
        (states.iter().filter(|state| **state != JobState::Queued).count() >= 2).then_some(())
    });
    let written = fleet.chat_workers[other].counted(WRITTEN);
    fleet.part(lost, Link::Lost);

    // deploy/README.md: their socket comes back at another gateway
    fleet.wait_until_noticed(lost);
    crowd.everybody_goes_on(10);
    // deploy/README.md: another chat-worker takes over
    eventually("the other one writes", || {
        (fleet.chat_workers[other].counted(WRITTEN) > written).then_some(())
    });
    let all_are_completed = |jobs: &[_]| {
        eventually("every conversion is completed", || {
            // Who asks the machine that is cut off may be told that it cannot say.
            let states = runtime.block_on(states(&people[0], jobs)).ok()?;
            states.iter().all(|state| *state == JobState::Completed).then_some(())
        });
    };
    // deploy/README.md: conversions of that machine begin again
    all_are_completed(&jobs);

    // What it had open stays silent for good. Then it has to do everything alone.
    // deploy/README.md: it works again by itself, whatever became of its old connections
    fleet.part(lost, Link::Open);
    for service in [&fleet.chat_workers[lost], &fleet.convert_workers[lost], &fleet.gateways[lost]] {
        service.wait_until_ready();
    }
    fleet.wait_until_used(lost);
    fleet.chat_workers[other].kill();
    fleet.convert_workers[other].kill();
    fleet.gateways[other].kill();
    crowd.everybody_goes_on(10);
    jobs.extend(runtime.block_on(uploaded(&people[0], 2)));
    all_are_completed(&jobs);

    runtime.block_on(crowd.has_lost_nothing());
    // deploy/README.md: what the machine still had in hand is refused when it is back
    assert_eq!(
        runtime.block_on(completions(fleet.database())),
        vec![1; jobs.len()],
        "each was completed once"
    );
    let somebody = Person::at(&fleet.url());
    let mut verify = somebody.command(&["room", "verify", "general", "--json"]);
    verify.env("MSHUB_TOKEN", token);
    let verified = finish(verify, b"");
    assert_eq!(verified.code, 0, "{}", verified.stderr);
}

/// The machine whose chat-worker writes, while people talk.
fn leader(fleet: &Fleet, crowd: &Crowd) -> usize {
    let written = || fleet.chat_workers.each_ref().map(|worker| worker.counted(WRITTEN));
    eventually("one of them writes", || {
        let before = written();
        crowd.goes_on(10);
        let now = written();
        let grown: Vec<usize> = (0..2).filter(|worker| now[*worker] > before[*worker]).collect();
        <[usize; 1]>::try_from(grown).ok().map(|[only]| only)
    })
}
