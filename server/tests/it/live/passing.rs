//! What passes: who writes, and who is here. Only members of the room see it.

use std::time::Duration;

use serde_json::{Value, json};
use wire::{conversions::JobState, events::Hint, messages::UnderWay, paths::SUBJECT_HINTS};

use super::socket::{Person, Socket};
use crate::fixture::{Server, eventually};

/// The presence of somebody in a frame, if it tells of them.
fn told<'a>(frame: &'a Value, person: &Person) -> Option<&'a Value> {
    let who = frame["who"].as_array()?;
    who.iter().find(|here| here["user"] == person.id).map(|here| &here["is"])
}

/// Waits until a socket hears that somebody is so.
async fn hears(socket: &mut Socket, person: &Person, is: &str) -> Value {
    socket.passing(|frame| told(frame, person).is_some_and(|told| told == is)).await
}

/// Nothing of a room came before the answer to something else.
async fn hears_nothing(socket: &mut Socket) {
    socket.say(json!({ "t": "ping", "n": 7 })).await;
    assert_eq!(socket.next().await, json!({ "t": "pong", "n": 7 }));
    assert_eq!(socket.passed(), &[] as &[Value]);
}

#[tokio::test]
async fn whoever_follows_the_room_sees_who_writes_and_an_outsider_sees_nothing() {
    let server = Server::start().await;
    let (ann, bob) = (Person::new(&server, "ann").await, Person::new(&server, "bob").await);
    let carol = Person::new(&server, "carol").await;
    let room = ann.room(&server, "general").await;
    bob.join(&server, &room).await;
    let (mut here, mut there) =
        (Socket::open(&server, &ann.token).await, Socket::open(&server, &bob.token).await);
    let mut outside = Socket::open(&server, &carol.token).await;
    here.follow(&room, None).await;
    there.follow(&room, None).await;
    assert_eq!(outside.subscribe(&room, None, 0).await["code"], "MSH-4040");

    outside.say(json!({ "t": "typing", "room": room, "on": true })).await;
    hears_nothing(&mut outside).await;
    here.say(json!({ "t": "typing", "room": room, "on": true })).await;
    here.say(json!({ "t": "typing", "room": room, "on": false })).await;

    for on in [true, false] {
        let typing = there.passing(|frame| frame["k"] == "typing").await;
        let wanted = json!({
            "t": "eph", "room": room, "k": "typing", "user": ann.id, "name": "ann", "on": on,
        });
        assert_eq!(typing, wanted, "what carol said reaches nobody");
    }
    hears_nothing(&mut outside).await;
}

#[tokio::test]
async fn how_far_a_card_is_reaches_those_who_follow_its_room() {
    let server = Server::start().await;
    let (ann, bob) = (Person::new(&server, "ann").await, Person::new(&server, "bob").await);
    let room = ann.room(&server, "general").await;
    let mut there = Socket::open(&server, &ann.token).await;
    let mut outside = Socket::open(&server, &bob.token).await;
    there.follow(&room, None).await;
    let at = UnderWay { position: Some(2), ..UnderWay::of(JobState::Queued) };

    let hint = Hint::Card { room: room.parse().unwrap(), pos: 7, at };
    server.fanout.publish(SUBJECT_HINTS, serde_json::to_string(&hint).unwrap()).await;

    let card = there.passing(|frame| frame["k"] == "card").await;
    let at = json!({ "state": "queued", "position": 2 });
    assert_eq!(card, json!({ "t": "eph", "room": room, "k": "card", "pos": 7, "at": at }));
    hears_nothing(&mut outside).await;
}

#[tokio::test]
async fn members_hear_who_comes_falls_silent_and_goes() {
    let server = Server::start().await;
    let (ann, bob) = (Person::new(&server, "ann").await, Person::new(&server, "bob").await);
    let carol = Person::new(&server, "carol").await;
    let room = ann.room(&server, "general").await;
    bob.join(&server, &room).await;
    let (mut there, mut outside) =
        (Socket::open(&server, &bob.token).await, Socket::open(&server, &carol.token).await);
    there.follow(&room, None).await;
    // A change, such as that he is here himself, may be told a moment before everybody.
    let everybody = there.passing(|frame| frame["k"] == "presence" && frame["all"] == true).await;
    assert_eq!(told(&everybody, &ann), None, "{everybody}");

    let here = Socket::open(&server, &ann.token).await;
    hears(&mut there, &ann, "online").await;
    server.clock.advance(5 * 60);
    hears(&mut there, &ann, "away").await;
    drop(here);
    eventually("the socket's end is noticed", async || {
        // The grace is soon over whenever it began; the token lives for ten minutes, which are many looks.
        tokio::time::sleep(Duration::from_millis(20)).await;
        server.clock.advance(1);
        let path = format!("/api/v1/rooms/{room}/members");
        let members = server.get(&path, &bob.token).await.good();
        let offline = |member: &Value| member["id"] == ann.id && member["presence"] == "offline";
        members["items"].as_array().unwrap().iter().any(offline).then_some(())
    })
    .await;

    hears(&mut there, &ann, "offline").await;
    hears_nothing(&mut outside).await;
}

#[tokio::test]
async fn who_is_at_another_gateway_is_seen_as_well() {
    let one = Server::start().await;
    let two = one.beside().await;
    let (ann, bob) = (Person::new(&one, "ann").await, Person::new(&one, "bob").await);
    let room = ann.room(&one, "general").await;
    bob.join(&two, &room).await;
    let mut there = Socket::open(&two, &bob.token).await;
    there.follow(&room, None).await;

    let mut here = Socket::open(&one, &ann.token).await;
    here.follow(&room, None).await;
    here.say(json!({ "t": "typing", "room": room, "on": true })).await;

    assert_eq!(there.passing(|frame| frame["k"] == "typing").await["user"], ann.id);
    hears(&mut there, &ann, "online").await;
    drop((here, there));
    two.leave().await;
    one.end().await;
}

#[tokio::test]
async fn who_has_left_sees_nothing_that_passes() {
    let server = Server::start().await;
    let (ann, bob) = (Person::new(&server, "ann").await, Person::new(&server, "bob").await);
    let room = ann.room(&server, "general").await;
    bob.join(&server, &room).await;
    let (mut here, mut there) =
        (Socket::open(&server, &ann.token).await, Socket::open(&server, &bob.token).await);
    here.follow(&room, None).await;
    there.follow(&room, None).await;
    hears(&mut there, &ann, "online").await;

    bob.leave(&server, &room).await;
    there.until("unsubbed").await;
    there.forget_passed();
    here.say(json!({ "t": "typing", "room": room, "on": true })).await;
    here.passing(|frame| frame["k"] == "typing").await;

    hears_nothing(&mut there).await;
}
