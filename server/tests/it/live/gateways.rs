//! Two gateways on one log: nobody can tell which one they are at.

use std::time::Duration;

use serde_json::json;

use super::socket::{Person, Socket};
use crate::fixture::Server;

#[tokio::test]
async fn both_show_the_same_in_the_same_order() {
    let one = Server::start().await;
    let two = one.beside().await;
    let (ann, bob) = (Person::new(&one, "ann").await, Person::new(&one, "bob").await);
    let room = ann.room(&one, "general").await;
    bob.join(&two, &room).await;
    let (mut here, mut there) = (Socket::open(&one, &ann.token).await, Socket::open(&two, &bob.token).await);
    here.follow(&room, None).await;
    there.follow(&room, None).await;

    for n in 0..20 {
        here.send(&room, &format!("a{n}")).await;
        there.send(&room, &format!("b{n}")).await;
    }

    let (seen, also) = (here.bodies(40).await, there.bodies(40).await);
    assert_eq!(seen, also);
    drop((here, there));
    two.leave().await;
    one.end().await;
}

#[tokio::test]
async fn a_message_that_goes_through_both_is_one_message() {
    let one = Server::start().await;
    let two = one.beside().await;
    let ann = Person::new(&one, "ann").await;
    let room = ann.room(&one, "general").await;
    let (mut here, mut there) = (Socket::open(&one, &ann.token).await, Socket::open(&two, &ann.token).await);
    here.follow(&room, None).await;

    let mut seen = Vec::new();
    for n in 0..10 {
        let cid = here.send(&room, &n.to_string()).await;
        there.send_as(&cid, &room, &n.to_string()).await;
        let (first, second) = (here.answer(&cid).await, there.answer(&cid).await);
        assert_eq!((&first["pos"], &first["id"]), (&second["pos"], &second["id"]));
        seen.push(first["pos"].as_u64().unwrap());
    }
    here.sent(&room, "end").await;

    let heard: Vec<u64> = here.bodies(11).await.into_iter().map(|(pos, ..)| pos).collect();
    assert_eq!(heard[..10], seen);
    drop((here, there));
    two.leave().await;
    one.end().await;
}

#[tokio::test]
async fn membership_is_the_same_at_both_from_the_first_moment() {
    let one = Server::start().await;
    let two = one.beside().await;
    let (ann, bob) = (Person::new(&one, "ann").await, Person::new(&one, "bob").await);
    let room = ann.room(&one, "general").await;
    let (mut here, mut there) = (Socket::open(&two, &ann.token).await, Socket::open(&two, &bob.token).await);
    assert_eq!(here.sent(&room, "the members are in memory now").await["t"], "ok");
    assert_eq!(there.sent(&room, "not yet").await["code"], "MSH-4040");

    bob.join(&one, &room).await;
    assert_eq!(there.sent(&room, "at once").await["t"], "ok");
    there.follow(&room, None).await;

    bob.leave(&one, &room).await;
    there.until("unsubbed").await;
    assert_eq!(there.sent(&room, "too late").await["code"], "MSH-4040");
    here.sent(&room, "about bob").await;
    there.say(json!({ "t": "ping", "n": 1 })).await;
    let next = there.next().await;
    assert_eq!(next["t"], "pong", "{next}");
    drop((here, there));
    two.leave().await;
    one.end().await;
}

#[tokio::test]
async fn a_restart_moves_everybody_to_the_other_gateway_without_a_hole() {
    let one = Server::start().await;
    let two = one.beside().await;
    let ann = Person::new(&one, "ann").await;
    let room = ann.room(&one, "general").await;
    let (mut here, mut moving) = (Socket::open(&one, &ann.token).await, Socket::open(&two, &ann.token).await);
    let subbed = moving.follow(&room, None).await;
    here.sent(&room, "before").await;
    let (pos, ..) = moving.bodies(1).await[0];

    let leaving = tokio::spawn(two.leave());
    let drain = moving.until("drain").await;
    here.sent(&room, "meanwhile").await;
    let mut moved = Socket::open(&one, &ann.token).await;
    let resumed = moved.subscribe(&room, Some(json!({ "ep": subbed["ep"], "pos": pos })), 0).await;
    here.sent(&room, "after").await;

    // deploy/README.md: nothing: sockets move before it ends
    assert!(drain["spread_ms"].as_u64().unwrap() >= 200);
    assert_eq!(resumed["mode"], "resume");
    let seen = moved.bodies(2).await;
    assert_eq!(seen.iter().map(|(.., body)| body.as_str()).collect::<Vec<_>>(), ["meanwhile", "after"]);
    assert_eq!(seen[0].1, Some(pos));
    let (_, code) = moving.closed().await;
    assert_eq!(code, 1012, "who does not move is closed");
    leaving.await.unwrap();
    drop((here, moved));
    one.end().await;
}

#[tokio::test]
async fn the_old_gateway_serves_until_its_people_have_moved() {
    let one = Server::start().await;
    let two = one.beside_with(|config| config.patience.spread = Duration::from_secs(60)).await;
    let ann = Person::new(&one, "ann").await;
    let room = ann.room(&one, "general").await;
    let mut staying = Socket::open(&two, &ann.token).await;
    staying.follow(&room, None).await;

    let leaving = tokio::spawn(two.leave());
    staying.until("drain").await;
    let sent = staying.sent(&room, "still here").await;

    assert_eq!(sent["t"], "ok");
    drop(staying);
    leaving.await.unwrap();
    one.end().await;
}
