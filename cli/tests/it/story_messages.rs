//! What is done to messages, what is read of them, and how they are found.

use std::time::Duration;

use client::{Error, Hub as Client, LiveEvent, SearchQuery};
use serde_json::Value;
use wire::{
    ClientId, Code,
    messages::{Act, Message, Op},
    rooms::{MemberRole, NewRoom, Room, Say, Sent},
};

use crate::hub::{Hub, eventually};

struct Two {
    hub: Hub,
    ann: Client,
    bob: Client,
    room: Room,
}

/// Ann, who owns a room, and Bob, who is in it.
async fn two() -> Two {
    let hub = Hub::start();
    for name in ["Ann", "Bob"] {
        hub.person(name);
    }
    let (ann, bob) = (hub.client("Ann").await, hub.client("Bob").await);
    let general = NewRoom { name: "general".into(), private: false, topic: String::new() };
    let room = ann.new_room(&general).await.unwrap();
    bob.join("general").await.unwrap();
    Two { hub, ann, bob, room }
}

async fn say(who: &Client, body: &str) -> Sent {
    who.say("general", &Say { cid: ClientId::new(), body: body.into(), re: None, att: Vec::new() })
        .await
        .unwrap()
}

async fn act(who: &Client, tgt: u64, op: Op) -> Result<Sent, Error> {
    who.act("general", &Act { cid: ClientId::new(), tgt, op }).await
}

async fn now(who: &Client, pos: u64) -> Message {
    let page = who.messages("general", Default::default()).await.unwrap();
    page.messages.into_iter().find(|message| message.pos == pos).unwrap()
}

fn code(refused: Result<impl std::fmt::Debug, Error>) -> Option<Code> {
    refused.unwrap_err().problem().and_then(wire::Problem::known)
}

fn edit(body: &str) -> Op {
    Op::Edit { body: body.into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn authors_edit_and_remove_their_own_and_moderators_remove_any() {
    let Two { hub: _hub, ann, bob, .. } = two().await;
    let (first, second) = (say(&bob, "teh first").await, say(&bob, "the second").await);

    assert_eq!(code(act(&ann, first.pos, edit("mine now")).await), Some(Code::Forbidden));
    let edited = act(&bob, first.pos, edit("the first")).await.unwrap();
    let message = now(&ann, first.pos).await;
    assert_eq!((message.body.as_str(), message.edits.as_slice()), ("the first", &[edited.pos][..]));

    let mine = say(&ann, "Ann's").await;
    assert_eq!(code(act(&bob, mine.pos, Op::Redact).await), Some(Code::Forbidden));
    act(&ann, second.pos, Op::Redact).await.unwrap();
    let gone = now(&bob, second.pos).await;
    assert_eq!((gone.body.as_str(), gone.removed.is_some()), ("", true));
    assert_eq!(code(act(&bob, second.pos, edit("back")).await), Some(Code::Conflict));
    assert_eq!(code(act(&bob, 9_999, Op::Redact).await), Some(Code::NotFound));

    let raw = ann.events("general", Default::default()).await.unwrap().events;
    let said = raw.iter().find(|event| event.pos == second.pos).unwrap();
    assert_eq!((said.what.body(), said.what.removed().map(str::len)), ("", Some(64)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_that_is_sent_twice_is_done_once_even_when_it_could_not_be_done_again() {
    let Two { hub: _hub, ann, bob, .. } = two().await;
    let sent = say(&bob, "one").await;
    let change = Act { cid: ClientId::new(), tgt: sent.pos, op: edit("two") };

    let once = bob.act("general", &change).await.unwrap();
    act(&ann, sent.pos, Op::Redact).await.unwrap();
    let twice = bob.act("general", &change).await.unwrap();

    assert_eq!((once.pos, once.id), (twice.pos, twice.id));
    assert!(twice.dup);
    assert_eq!(now(&bob, sent.pos).await.edits, [once.pos]);
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_signs_and_pins_are_facts_of_the_room() {
    let Two { hub: _hub, ann, bob, .. } = two().await;
    let asked = say(&ann, "green?").await;
    let answer = Say { cid: ClientId::new(), body: "yes".into(), re: Some(asked.pos), att: Vec::new() };
    let answered = bob.say("general", &answer).await.unwrap();
    let astray = Say { cid: ClientId::new(), body: "yes".into(), re: Some(9_999), att: Vec::new() };

    assert_eq!(code(bob.say("general", &astray).await), Some(Code::NotFound));
    assert_eq!(now(&ann, answered.pos).await.re, Some(asked.pos));
    for (who, sign) in [(&ann, "🎉"), (&bob, "🎉"), (&bob, "👀")] {
        act(who, asked.pos, Op::React { body: sign.into() }).await.unwrap();
    }
    act(&bob, asked.pos, Op::Unreact { body: "👀".into() }).await.unwrap();
    assert_eq!(
        code(act(&bob, asked.pos, Op::React { body: "two words".into() }).await),
        Some(Code::InvalidField)
    );
    let reactions = now(&ann, asked.pos).await.reactions;
    assert_eq!(
        reactions.iter().map(|one| (one.body.as_str(), one.by.len())).collect::<Vec<_>>(),
        [("🎉", 2)]
    );

    assert_eq!(code(act(&bob, asked.pos, Op::Pin).await), Some(Code::Forbidden));
    ann.set_role("general", "Bob", MemberRole::Moderator).await.unwrap();
    act(&bob, asked.pos, Op::Pin).await.unwrap();
    let pins = ann.pins("general").await.unwrap();
    assert_eq!(pins.iter().map(|pin| pin.body.as_str()).collect::<Vec<_>>(), ["green?"]);
    act(&ann, asked.pos, Op::Unpin).await.unwrap();
    assert!(ann.pins("general").await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_carries_fifty_kinds_of_signs_and_no_more() {
    let Two { hub: _hub, ann, .. } = two().await;
    let sent = say(&ann, "popular").await;

    for nth in 0..50 {
        act(&ann, sent.pos, Op::React { body: format!("s{nth}") }).await.unwrap();
    }

    assert_eq!(code(act(&ann, sent.pos, Op::React { body: "one-more".into() }).await), Some(Code::Conflict));
    act(&ann, sent.pos, Op::React { body: "s7".into() }).await.unwrap();
    assert_eq!(now(&ann, sent.pos).await.reactions.len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unread_is_the_same_on_every_device() {
    let Two { hub, ann, bob, room } = two().await;
    let other_device = hub.client("Bob").await;
    let unread = async |who: &Client| {
        let rooms = who.rooms(false).await.unwrap();
        (rooms[0].unread.unwrap(), rooms[0].mentions.unwrap())
    };
    assert_eq!(unread(&bob).await, (0, 0));

    let first = say(&ann, "one").await;
    let named = say(&ann, "two, @bob").await;
    say(&bob, "my own").await;
    assert_eq!(unread(&bob).await, (2, 1));
    assert_eq!(unread(&other_device).await, (2, 1));
    assert_eq!(unread(&ann).await, (1, 0));

    let mut live = other_device.live();
    live.subscribe(room.id, None, 0);
    while !matches!(live.next().await.unwrap(), LiveEvent::Live { .. }) {}
    let left = bob.read("general", Some(first.pos)).await.unwrap();
    assert_eq!((left.mark, left.unread, left.mentions), (first.pos, 1, 1));
    assert_eq!(bob.read("general", Some(1)).await.unwrap().mark, first.pos, "a mark never moves back");
    let told = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            if let LiveEvent::Read { room, pos } = live.next().await.unwrap() {
                return (room, pos);
            }
        }
    });
    assert_eq!(told.await.unwrap(), (room.id, first.pos));
    assert_eq!(unread(&other_device).await, (1, 1));

    act(&ann, named.pos, Op::Redact).await.unwrap();
    assert_eq!(unread(&bob).await, (0, 0));
    say(&ann, "three").await;
    assert_eq!(bob.read("general", None).await.unwrap().unread, 0);
    assert_eq!(unread(&other_device).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_later_has_nothing_unread() {
    let Two { hub, ann, .. } = two().await;
    hub.person("Carol");
    let carol = hub.client("Carol").await;
    say(&ann, "before").await;

    carol.join("general").await.unwrap();
    assert_eq!(carol.room("general").await.unwrap().unread, Some(0));
    say(&ann, "after").await;

    assert_eq!(carol.room("general").await.unwrap().unread, Some(1));
}

#[test]
fn the_commands_say_what_became_of_it() {
    let hub = Hub::start();
    let (ann, bob) = (hub.person("Ann"), hub.person("Bob"));
    ann.json(&["room", "new", "general", "--json"]);
    bob.json(&["room", "join", "general", "--json"]);
    let pos = |sent: &Value| sent["pos"].to_string();
    let first = pos(&ann.json(&["chat", "send", "general", "teh build", "--json"]));
    let reply = bob.json(&["chat", "send", "general", "which @Ann?", "--reply", &first, "--json"]);

    assert_eq!(ann.run(&["room", "list"]).text(), "#general\t2\t1 @1\n");
    assert_eq!(ann.json(&["chat", "read", "general", "--json"])["unread"], 0);
    ann.json(&["chat", "edit", "general", &first, "some", "words", "--json"]);
    assert_eq!(ann.run_with(&["chat", "edit", "general", &first, "-"], b"the build\n").code, 0);
    ann.json(&["chat", "pin", "general", &first, "--json"]);
    let sign = ["chat", "react", "general", &first, "👍"];
    assert_eq!(bob.run(&sign).text(), format!("👍 is on {first} in general\n"));
    let back = bob.run(&[&sign[..], &["--remove"]].concat());
    assert_eq!(back.text(), format!("👍 is taken back from {first} in general\n"));
    bob.json(&["chat", "react", "general", &first, "👍", "--json"]);
    assert_eq!(bob.run(&["chat", "edit", "general", &first, "mine"]).code, 4);

    let shown = ann.run(&["chat", "messages", "general"]);
    let messages = shown.text();
    let lines: Vec<&str> = messages.lines().collect();
    assert!(
        lines[0].starts_with(&format!("{first} ")),
        "a line begins with what others call it by: {messages}"
    );
    assert!(lines[0].ends_with(" Ann  the build (edited) (pinned)  👍 1"), "{messages}");
    let shown = ann.lines(&["chat", "messages", "general", "--json"]);
    assert_eq!(shown[1]["re"].to_string(), first);
    assert_eq!(ann.lines(&["chat", "pin", "general", "--json"]).len(), 1);
    let removed = bob.run(&["chat", "rm", "general", "99999999", &pos(&reply), "--json"]);
    assert_eq!((removed.code, removed.lines().len()), (9, 1), "{}", removed.stderr);
    assert!(ann.run(&["chat", "messages", "general"]).text().ends_with(" Bob  (removed)\n"));

    let hits = |args: &[&str]| {
        let line: Vec<&str> =
            ["chat", "search"].iter().chain(args).chain(&["--json=body"]).copied().collect();
        ann.lines(&line).into_iter().map(|hit| hit["body"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    eventually("the edit is found", || (hits(&["build"]) == ["the build"]).then_some(()));
    let found = ann.run(&["chat", "search", "build"]);
    assert!(found.text().starts_with(&format!("#general {first} ")), "{}", found.text());
    assert!(hits(&["teh"]).is_empty());
    eventually("what was removed is not found", || hits(&["which"]).is_empty().then_some(()));
    assert_eq!(hits(&["buil*", "--room", "general", "--by", "ann@example.org", "--best"]), ["the build"]);
    assert!(hits(&["build", "--until", "2020-01-01"]).is_empty());
    assert_eq!(ann.run(&["chat", "search", "***"]).code, 11);
    assert_eq!(ann.run(&["chat", "search", "build", "--since", "soon"]).code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_sees_the_rooms_of_the_caller_only() {
    let Two { hub, ann, bob, .. } = two().await;
    hub.person("Carol");
    let carol = hub.client("Carol").await;
    say(&ann, "the walrus is here").await;
    let walrus = SearchQuery { text: "walrus".into(), ..SearchQuery::default() };
    let found = async |who: &Client| who.search(&walrus).await.unwrap().items.len();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while found(&bob).await == 0 {
        assert!(tokio::time::Instant::now() < deadline, "it is never found");
    }

    assert_eq!(found(&carol).await, 0);
    let there = SearchQuery { room: Some("general".into()), ..walrus.clone() };
    assert_eq!(code(carol.search(&there).await), Some(Code::NotFound));
    ann.kick("general", "Bob").await.unwrap();
    assert_eq!(found(&bob).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_follows_a_room_and_goes_on_where_it_stopped() {
    let Two { hub, ann, bob, room } = two().await;
    let first = say(&ann, "one").await;
    let url = format!("{}/api/v1/rooms/{}/tail", hub.server, room.id);
    let token = bob.access_token().await.unwrap();
    let get =
        |url: String| reqwest::Client::builder().no_proxy().build().unwrap().get(url).bearer_auth(&token);

    let mut lines = get(format!("{url}?after={}", first.pos - 1)).send().await.unwrap();
    assert_eq!(lines.headers()["content-type"], "application/x-ndjson");
    let one: Value = serde_json::from_str(&line(&mut lines).await).unwrap();
    assert_eq!((&one["body"], &one["pos"]), (&"one".into(), &first.pos.into()));
    let second = say(&ann, "two").await;
    let two: Value = serde_json::from_str(&line(&mut lines).await).unwrap();
    assert_eq!(two["pos"], second.pos);

    let again = get(url.clone()).header("accept", "text/event-stream").header("last-event-id", first.pos);
    let mut events = again.send().await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    let piece = line(&mut events).await;
    assert!(piece.starts_with(&format!("id: {}\ndata: {{", second.pos)), "{piece}");

    ann.kick("general", "Bob").await.unwrap();
    say(&ann, "without him").await;
    let rest = lines.text().await.unwrap();
    let last: Value = serde_json::from_str(rest.lines().last().unwrap()).unwrap();
    assert_eq!(last["kind"], "kicked");
    let refused = get(url).send().await.unwrap();
    assert_eq!(refused.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_ends_when_the_hub_stops() {
    let Two { hub, ann, room, .. } = two().await;
    let url = format!("{}/api/v1/rooms/{}/tail?after=0", hub.server, room.id);
    let token = ann.access_token().await.unwrap();
    let mut lines = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .get(url)
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    assert!(line(&mut lines).await.contains("created"));

    let stopped = tokio::task::spawn_blocking(move || hub.stop());
    let rest = tokio::time::timeout(Duration::from_secs(60), async {
        while let Ok(Some(_)) = lines.chunk().await {}
    });

    rest.await.expect("the answer ends");
    assert_eq!(stopped.await.unwrap(), Some(0));
}

/// The next piece that is no sign of life.
async fn line(answer: &mut reqwest::Response) -> String {
    loop {
        let piece = tokio::time::timeout(Duration::from_secs(60), answer.chunk()).await.unwrap().unwrap();
        let piece = String::from_utf8(piece.expect("the answer goes on").to_vec()).unwrap();
        if !piece.trim().is_empty() && !piece.starts_with(':') {
            return piece;
        }
    }
}
