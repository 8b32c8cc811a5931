//! Two gateways, two chat-workers and two convert-workers are one hub, whoever of them dies or is replaced meanwhile.

use client::Hub as Client;
use platform::testing::Collector;
use serde_json::{Value, json};
use wire::{JobId, conversions::JobState};

use crate::{
    command::{Person, finish},
    fleet::{Crowd, Fleet, Load, begun_again, completions, eventually, in_hand, states, uploaded},
    story_traces::{one_conversion_is_followed, one_message_is_followed_over_gateways},
};

#[test]
fn two_of_each_are_one_hub() {
    let telling = tokio::runtime::Runtime::new().unwrap();
    let collector = telling.block_on(Collector::start(false)).unwrap();
    let tells = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url().to_owned())];
    let Some(fleet) = Fleet::start_with(&tells) else { return };
    let (ann, bob) = (fleet.person("Ann", 0), fleet.person("Bob", 1));

    // They are at different gateways, and talk.
    ann.json(&["room", "new", "general", "--json"]);
    bob.json(&["room", "join", "general", "--json"]);
    for number in 0..5 {
        ann.json(&["chat", "send", "general", &format!("apples {number}"), "--json"]);
        bob.json(&["chat", "send", "general", &format!("oranges {number}"), "--json"]);
    }
    let history = |person: &Person| person.lines(&["chat", "history", "general", "--json=pos,by,kind,body"]);
    let (here, there) = (history(&ann), history(&bob));
    assert_eq!(here, there);
    let said: Vec<_> =
        here.iter().filter(|line| line["kind"] == "said").map(|line| line["body"].clone()).collect();
    let expected: Vec<Value> =
        (0..5).flat_map(|n| [json!(format!("apples {n}")), json!(format!("oranges {n}"))]).collect();
    assert_eq!(said, expected);

    // Both find what the other wrote, once a worker has stored it, and both count and hash the same.
    let found = |person: &Person, word: &str| person.lines(&["chat", "search", word, "--json=body"]).len();
    eventually("everything is found", || {
        (found(&ann, "oranges") == 5 && found(&bob, "apples") == 5).then_some(())
    });
    let verified = |person: &Person| person.json(&["room", "verify", "general", "--json=messages,hash"]);
    assert_eq!(verified(&ann), verified(&bob));

    // deploy/README.md: some answers come five seconds later
    // deploy/README.md: the gateways ask another one
    fleet.chat_workers[0].freeze(true);
    assert_eq!((0..4).map(|_| found(&ann, "oranges")).collect::<Vec<_>>(), [5; 4]);
    fleet.chat_workers[0].freeze(false);

    // A token of one gateway is good at the other; so is a job, and the link to its result.
    ann.file("note.md", "# A note\n\nwith *some* words in it\n");
    ann.json(&["convert", "note.md", "--to", "docx", "--json"]);
    let done = ann.json(&["convert", "note.docx", "--to", "pdf", "--json"]);
    let token = ann.run(&["auth", "token"]).text().trim().to_owned();
    let gateway = fleet.gateways[0].url();
    telling.block_on(one_message_is_followed_over_gateways(2, &collector, &gateway, &token));
    telling.block_on(one_conversion_is_followed(&collector, &gateway, &token));
    let elsewhere = Person::at(&fleet.gateways[1].url());
    let mut get =
        elsewhere.command(&["job", "get", done["job"].as_str().unwrap(), "-o", "note.pdf", "--json"]);
    get.env("MSHUB_TOKEN", token);
    let got = finish(get, b"");
    assert_eq!(got.code, 0, "{}", got.stderr);
    let read = |person: &Person| std::fs::read(person.folder().join("note.pdf")).unwrap();
    assert!(read(&ann).starts_with(b"%PDF") && read(&ann) == read(&elsewhere));
}

#[test]
fn one_of_each_is_killed_and_everything_goes_on() {
    let Some(mut fleet) = Fleet::start() else { return };
    let (room, people) = fleet.gather();
    let runtime = fleet.runtime.handle().clone();
    let _within = runtime.enter();
    let crowd = Crowd::of(people.clone(), room);
    crowd.goes_on(30);

    // A convert-worker that has a conversion in hand, a gateway that people are at, and a chat-worker.
    let mut jobs = runtime.block_on(uploaded(&people[0], 4));
    let held = held_still_at_work(&fleet, &people[0], &mut jobs);
    fleet.convert_workers[0].kill();
    fleet.convert_workers[1].freeze(false);
    fleet.gateways[0].kill();
    fleet.chat_workers[0].kill();
    crowd.goes_on(60);
    jobs.extend(runtime.block_on(uploaded(&people[0], 2)));
    for services in [&mut fleet.chat_workers, &mut fleet.convert_workers, &mut fleet.gateways] {
        services[0].start();
        services[0].wait_until_ready();
    }
    fleet.wait_until_used(0);
    // Now the others, so that the first ones have to take over.
    fleet.convert_workers[1].kill();
    fleet.gateways[1].kill();
    fleet.chat_workers[1].kill();
    crowd.goes_on(60);

    // deploy/README.md: their socket comes back at another one, without a hole
    // deploy/README.md: what was acknowledged is there once
    // deploy/README.md: what was not is sent again by the client
    let said = runtime.block_on(crowd.has_lost_nothing());
    assert!(said > 150, "{said}");
    eventually("every conversion is completed", || {
        let states = runtime.block_on(states(&people[0], &jobs)).unwrap();
        states.iter().all(|state| *state == JobState::Completed).then_some(())
    });
    assert_eq!(
        runtime.block_on(completions(fleet.database())),
        vec![1; jobs.len()],
        "each was completed once"
    );
    // deploy/README.md: one result, however often it was tried
    let again = runtime.block_on(begun_again(fleet.database()));
    assert!(held.iter().any(|job| again.contains(job)), "{held:?} were in hand, {again:?} begun again");
}

/// Holds both convert-workers still while each has a conversion in hand, and answers which these are. Only then is it sure
/// that who is killed next had one: each has one runner, and what it does not do any more cannot end it.
fn held_still_at_work(fleet: &Fleet, person: &Client, jobs: &mut Vec<JobId>) -> Vec<JobId> {
    let freeze = |frozen| fleet.convert_workers.iter().for_each(|worker| worker.freeze(frozen));
    eventually("both are at work", || {
        let states = fleet.runtime.block_on(states(person, jobs)).unwrap();
        if states.iter().filter(|state| !state.is_final()).count() < 2 {
            jobs.extend(fleet.runtime.block_on(uploaded(person, 2)));
        }
        freeze(true);
        let held = fleet.runtime.block_on(in_hand(fleet.database()));
        if held.len() < 2 {
            freeze(false);
            return None;
        }
        Some(held)
    })
}

#[test]
fn every_service_is_replaced_and_no_request_fails() {
    let Some(mut fleet) = Fleet::start() else { return };
    let (room, people) = fleet.gather();
    let runtime = fleet.runtime.handle().clone();
    let _within = runtime.enter();
    let token = runtime.block_on(people[0].access_token()).unwrap();
    let crowd = Crowd::of(people, room);
    let load = Load::on(fleet.url(), token, room);
    load.goes_on(20);

    for number in 0..2 {
        for workers in [&mut fleet.chat_workers, &mut fleet.convert_workers] {
            workers[number].ask_to_stop();
            assert_eq!(workers[number].wait(), Some(0));
            load.goes_on(20);
            workers[number].start();
            workers[number].wait_until_ready();
        }
        fleet.gateways[number].ask_to_stop();
        fleet.wait_until_noticed(number);
        load.goes_on(5);
        assert_eq!(fleet.gateways[number].wait(), Some(0));
        load.goes_on(20);
        fleet.gateways[number].start();
        fleet.wait_until_used(number);
    }
    crowd.goes_on(20);

    // deploy/README.md: no request fails
    let (answered, failed) = runtime.block_on(load.end());
    assert!(failed.is_empty(), "of {answered} requests failed {failed:#?}");
    runtime.block_on(crowd.has_lost_nothing());
}
