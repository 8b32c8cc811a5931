//! Who is in a room and what each may do there.

use client::{Error, LiveEvent};
use serde_json::Value;
use wire::{
    Code,
    events::What,
    rooms::{EditRoom, MemberRole, NewRoom, Say},
};

use crate::{command::Person, hub::Hub};

fn named(name: &str, private: bool) -> NewRoom {
    NewRoom { name: name.into(), private, topic: String::new() }
}

fn say(body: &str) -> Say {
    Say { cid: wire::ClientId::new(), body: body.into(), re: None, att: Vec::new() }
}

fn code(refused: Result<impl std::fmt::Debug, Error>) -> Option<Code> {
    refused.unwrap_err().problem().and_then(wire::Problem::known)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_made_to_leave_hears_that_and_nothing_after_it() {
    let hub = Hub::start();
    for name in ["Ann", "Bob"] {
        hub.person(name);
    }
    let (ann, bob) = (hub.client("Ann").await, hub.client("Bob").await);
    let room = ann.new_room(&named("general", false)).await.unwrap();
    bob.join("general").await.unwrap();
    let mut live = bob.live();
    live.subscribe(room.id, None, 50);
    while !matches!(live.next().await, Some(LiveEvent::Live { .. })) {}

    assert_eq!(code(bob.kick("general", "ann@example.org").await), Some(Code::Forbidden));
    ann.kick("general", "bob").await.unwrap();
    let kicked = ann.members("general").await.unwrap();
    ann.say("general", &say("now that he is gone")).await.unwrap();

    assert_eq!(kicked.len(), 1);
    let mut heard = Vec::new();
    loop {
        match live.next().await.unwrap() {
            LiveEvent::Event(event) => heard.push(event.what),
            LiveEvent::Left { room: left } => {
                assert_eq!(left, room.id);
                break;
            }
            _ => {}
        }
    }
    assert!(matches!(heard.last(), Some(What::Kicked { body, .. }) if body == "Bob"), "{heard:?}");
    assert_eq!(code(bob.say("general", &say("hello?")).await), Some(Code::NotFound));
    assert_eq!(code(bob.events("general", Default::default()).await), Some(Code::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_made_to_leave_a_public_room_comes_back_by_invitation_of_a_moderator_only() {
    let hub = Hub::start();
    for name in ["Ann", "Bob", "Carol"] {
        hub.person(name);
    }
    let (ann, bob, carol) = (hub.client("Ann").await, hub.client("Bob").await, hub.client("Carol").await);
    ann.new_room(&named("general", false)).await.unwrap();
    bob.join("general").await.unwrap();
    carol.join("general").await.unwrap();

    ann.kick("general", "bob").await.unwrap();

    assert_eq!(code(bob.join("general").await), Some(Code::Forbidden));
    assert_eq!(code(carol.invite("general", "bob@example.org").await), Some(Code::Forbidden));
    ann.invite("general", "bob@example.org").await.unwrap();
    assert!(bob.room("general").await.unwrap().joined);
    bob.leave("general").await.unwrap();
    bob.join("general").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_given_by_owners_and_a_room_keeps_one() {
    let hub = Hub::start();
    for name in ["Ann", "Bob", "Carol"] {
        hub.person(name);
    }
    let (ann, bob, carol) = (hub.client("Ann").await, hub.client("Bob").await, hub.client("Carol").await);
    ann.new_room(&named("secret", true)).await.unwrap();
    for guest in ["bob@example.org", "carol@example.org"] {
        ann.invite("secret", guest).await.unwrap();
    }
    let topic = EditRoom { topic: Some("ours".into()), name: None };

    assert_eq!(code(bob.edit_room("secret", &topic).await), Some(Code::Forbidden));
    assert_eq!(code(bob.set_role("secret", "bob", MemberRole::Owner).await), Some(Code::Forbidden));
    ann.set_role("secret", "bob@example.org", MemberRole::Moderator).await.unwrap();
    assert_eq!(bob.edit_room("secret", &topic).await.unwrap().topic, "ours");
    assert_eq!(code(bob.kick("secret", "Ann").await), Some(Code::Forbidden));
    bob.kick("secret", "Carol").await.unwrap();
    assert_eq!(code(carol.room("secret").await), Some(Code::NotFound));

    assert_eq!(code(ann.leave("secret").await), Some(Code::Conflict));
    assert_eq!(code(ann.set_role("secret", "ann", MemberRole::Member).await), Some(Code::Conflict));
    ann.set_role("secret", "bob", MemberRole::Owner).await.unwrap();
    ann.leave("secret").await.unwrap();
    let renamed = EditRoom { name: Some("ours".into()), topic: None };
    assert_eq!(bob.edit_room("secret", &renamed).await.unwrap().role, Some(MemberRole::Owner));

    let told: Vec<String> = loop {
        let events = bob.events("ours", Default::default()).await.unwrap().events;
        if events.iter().any(|event| event.what.kind() == "renamed") {
            break events.iter().filter_map(|event| event.sentence(false)).collect();
        }
    };
    let wanted = [
        "Ann made the room",
        "Ann invited Bob",
        "Ann invited Carol",
        "Ann made Bob moderator",
        "Bob set the topic: ours",
        "Bob made Carol leave",
        "Ann made Bob owner",
        "Ann left",
        "Bob renamed the room: #ours",
    ];
    assert_eq!(told, wanted);
    bob.delete_room("ours").await.unwrap();
    assert_eq!(code(bob.room("ours").await), Some(Code::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_have_one_conversation_whoever_opens_it() {
    let hub = Hub::start();
    for name in ["Ann", "Bob", "Carol"] {
        hub.person(name);
    }
    let (ann, bob, carol) = (hub.client("Ann").await, hub.client("Bob").await, hub.client("Carol").await);

    let (mine, theirs) = tokio::join!(ann.direct("bob@example.org"), bob.direct("ann@example.org"));
    let (mine, theirs) = (mine.unwrap(), theirs.unwrap());

    assert_eq!(mine.id, theirs.id);
    assert_eq!((mine.name.as_str(), theirs.name.as_str()), ("Bob", "Ann"));
    assert!(mine.direct && mine.private && mine.members == 2);
    assert_eq!(ann.direct("bob@example.org").await.unwrap().id, mine.id);
    ann.say("@bob@example.org", &say("psst")).await.unwrap();
    let heard = bob.events(&theirs.id.to_string(), Default::default()).await.unwrap().events;
    assert_eq!(heard.last().unwrap().what, What::said("psst"), "it comes after what made the room");

    let id = mine.id.to_string();
    assert_eq!(code(carol.room(&id).await), Some(Code::NotFound));
    assert_eq!(code(ann.invite(&id, "carol@example.org").await), Some(Code::Forbidden));
    assert_eq!(code(ann.leave(&id).await), Some(Code::Forbidden));
    assert_eq!(code(ann.direct("ann@example.org").await), Some(Code::InvalidField));
    assert_eq!(code(ann.direct("nobody@example.org").await), Some(Code::NotFound));
}

#[test]
fn the_commands_say_what_they_did() {
    let hub = Hub::start();
    let (ann, bob) = (hub.person("Ann"), hub.person("Bob"));
    ann.json(&["room", "new", "general", "--json"]);
    bob.json(&["room", "join", "general", "--json"]);

    assert_eq!(ann.json(&["room", "topic", "general", "all", "of it", "--json"])["topic"], "all of it");
    assert_eq!(ann.json(&["room", "role", "general", "Bob", "moderator", "--json"])["role"], "moderator");
    assert_eq!(ann.run(&["room", "role", "general", "Bob", "king"]).code, 2);
    assert_eq!(ann.run(&["room", "rename", "general", "main"]).text(), "#main  all of it\n");
    assert_eq!(ann.run(&["room", "kick", "main", "bob@example.org"]).code, 0);
    assert_eq!(bob.run(&["room", "kick", "main", "Ann"]).code, 3);
    assert_eq!(ann.json(&["room", "dm", "bob@example.org", "--json"])["name"], "Bob");
    let begun = bob.run(&["chat", "history", "@Ann"]);
    assert!(begun.text().contains("-- only Ann and Bob are in it"), "{}", begun.text());
    assert_eq!(ann.run(&["room", "list"]).text(), "@Bob\t2\n#main\t1\t\t\tall of it\n");
    assert_eq!(ann.run(&["room", "rm", "main", "--confirm", "other"]).code, 2);
    assert_eq!(ann.json(&["room", "rm", "main", "--confirm", "main", "--json"])["deleted"], true);
    assert_eq!(ann.run(&["room", "show", "main"]).code, 3);
    // Another room of the same name takes it from nobody who is in the public one, or was in theirs first.
    let id = |room: &Value| room["id"].as_str().unwrap().to_owned();
    let talk = id(&ann.json(&["room", "new", "talk", "--json"]));
    let trap = id(&bob.json(&["room", "new", "talk", "--private", "--json"]));
    let invited = bob.run(&["room", "invite", &trap, "ann@example.org", "nonsense", "carol@example.org"]);
    assert_eq!((invited.code, invited.text().lines().count()), (9, 2), "{}", invited.stderr);
    let said_in = |who: &Person, named: &str| {
        who.json(&["chat", "send", named, "hi", "--json"])["room"].as_str().unwrap().to_owned()
    };
    assert_eq!((said_in(&ann, "talk"), said_in(&bob, "talk")), (talk.clone(), trap.clone()));
    assert_eq!(id(&bob.json(&["room", "join", "talk", "--json"])), talk);
    assert_eq!(said_in(&bob, "#talk"), talk);
    let list = ann.run(&["room", "list"]);
    assert!(list.text().contains(&talk) && list.text().contains(&trap), "{}", list.text());
    let made = ann.run(&["room", "new", "talk", "--private"]);
    let next = made.text().split_once("mshub chat send ").unwrap().1.split_once(' ').unwrap().0;
    assert!(![talk, trap].contains(&said_in(&ann, next)), "what is printed names the room that was made");

    // A conversation is answered by what the list shows.
    let dm = id(&ann.json(&["room", "dm", "@Bob", "--json"]));
    assert_eq!((said_in(&ann, "@Bob"), said_in(&bob, "@ann")), (dm.clone(), dm));
    let (stranger, unknown) = (ann.run(&["chat", "send", "@Carol", "hi"]), ann.run(&["room", "dm", "Carol"]));
    assert_eq!((stranger.code, unknown.code), (3, 3));
    assert!(stranger.stderr.contains("`@Carol`"), "{}", stranger.stderr);
}
