//! Who is slow or silent is closed with a code that says: resume.

use std::time::Duration;

use serde_json::json;
use tokio::{io::AsyncReadExt as _, time::timeout};
use tokio_tungstenite::MaybeTlsStream;

use super::socket::{Person, Socket, events};
use crate::fixture::{Server, eventually};

/// Long enough for every machine.
const LONG: Duration = Duration::from_secs(60);
/// Sockets of an account.
const SOCKETS: usize = 64;
/// Close code 4008 in a frame of its own: opcode, length, and after the code a sentence.
const SLOW: [u8; 2] = 4008_u16.to_be_bytes();

#[tokio::test]
async fn a_socket_without_a_sign_of_life_is_closed_as_one_that_can_resume() {
    let short = Duration::from_millis(100);
    let server = Server::start_with(|config| {
        (config.patience.heartbeat, config.patience.silence) = (short, 3 * short);
    })
    .await;
    let ann = Person::new(&server, "ann").await;
    let mut silent = Socket::connect(&server).await;
    silent.say(json!({ "t": "hello", "v": 1, "tok": ann.token })).await;

    // Below the WebSocket, so that nobody answers the pings.
    let MaybeTlsStream::Plain(stream) = silent.stream() else { unreachable!("there is no TLS") };
    let mut heard = Vec::new();
    timeout(LONG, stream.read_to_end(&mut heard)).await.expect("it is not closed").unwrap();

    let text = b"no sign of life";
    let end = heard.len() - text.len();
    assert_eq!(&heard[end..], text);
    assert_eq!(&heard[end - 4..end - 2], [0x88, 2 + text.len() as u8]);
    assert_eq!(heard[end - 2..end], SLOW);
}

#[tokio::test]
async fn a_socket_that_takes_nothing_is_closed_and_the_next_one_resumes_without_a_hole() {
    let server = Server::start_with(|config| {
        config.sends_per_second = 100_000.try_into().unwrap();
        // The last word waits for whoever begins to read in the end, and nobody answers pings until then.
        (config.patience.stalled, config.patience.last_word) = (Duration::from_millis(200), LONG);
        config.patience.silence = 10 * LONG;
    })
    .await;
    let (ann, bob) = (Person::new(&server, "ann").await, Person::new(&server, "bob").await);
    let room = ann.room(&server, "general").await;
    bob.join(&server, &room).await;
    let mut here = Socket::open(&server, &ann.token).await;
    let mut stalled = Socket::open(&server, &bob.token).await;
    let subbed = stalled.follow(&room, None).await;
    let mut others = Vec::new();
    // With these the account has as many as it may.
    for _ in 1..SOCKETS {
        others.push(Socket::open(&server, &bob.token).await);
    }

    // More than the kernel's buffers hold, while `stalled` reads nothing.
    let (body, mut last) = ("x".repeat(16 * 1024), 0);
    for _ in 0..60 {
        let mut cids = Vec::new();
        for _ in 0..16 {
            cids.push(here.send(&room, &body).await);
        }
        for cid in cids {
            last = here.answer(&cid).await["pos"].as_u64().unwrap();
        }
    }
    // Nobody else gets in before it goes: its place becomes free.
    eventually("the socket that takes nothing is given up", async || {
        let mut next = Socket::connect(&server).await;
        next.say(json!({ "t": "hello", "v": 1, "tok": bob.token })).await;
        next.is_welcome().await.then_some(())
    })
    .await;

    let (frames, code) = stalled.closed().await;
    assert_eq!(code, 4008);
    let heard = frames.iter().flat_map(events).filter_map(|event| event["pos"].as_u64());
    let from = heard.max().unwrap_or_else(|| subbed["head"].as_u64().unwrap());
    assert!(from < last, "it was never behind");
    // At a gateway that is patient: whoever reads all of this in a test may be slow, too.
    let patient = server.beside().await;
    let mut next = Socket::open(&patient, &bob.token).await;
    next.subscribe(&room, Some(json!({ "ep": subbed["ep"], "pos": from })), 0).await;
    let (mut newest, mut live) = (from, false);
    while newest < last || !live {
        let frame = next.next().await;
        if frame["t"] == "gap" {
            assert_eq!(frame["from"], newest);
            newest = frame["to"].as_u64().unwrap() - 1;
        }
        for event in events(&frame) {
            assert!(event["prev"].as_u64().unwrap() <= newest, "{event} follows {newest}");
            newest = event["pos"].as_u64().unwrap();
        }
        live |= frame["t"] == "live";
    }
    assert_eq!(newest, last);
}
