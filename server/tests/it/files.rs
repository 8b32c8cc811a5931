//! Files in rooms over HTTP.

use std::io::Cursor;

use futures_util::StreamExt as _;
use image::{DynamicImage, ImageFormat};
use platform::{each, sqlx};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Answer, Server, access, eventually};

const FILES: &str = "/api/v1/rooms/general/files";

/// Ann and Bob in a room, and Carol outside; the tokens of the three.
async fn people(server: &Server) -> [String; 3] {
    let mut tokens = Vec::new();
    for name in ["Ann", "Bob", "Carol"] {
        let email = format!("{}@example.com", name.to_lowercase());
        tokens.push(access(&server.account(&email, name).await).to_owned());
    }
    let [ann, bob, carol] = tokens.try_into().unwrap();
    server.post("/api/v1/rooms", &ann, json!({ "name": "general" })).await.good();
    server.post("/api/v1/rooms/general/join", &bob, json!({})).await.good();
    [ann, bob, carol]
}

async fn upload(server: &Server, token: &str, name: &str, bytes: Vec<u8>) -> Answer {
    let request = server.request(Method::POST, FILES).query(&[("name", name)]);
    server.send(request.bearer_auth(token).body(bytes)).await
}

async fn say(server: &Server, token: &str, att: &[&Value]) -> Answer {
    let message = json!({ "cid": Uuid::now_v7(), "body": "", "att": att });
    server.post("/api/v1/rooms/general/messages", token, message).await
}

fn path(file: &Value) -> String {
    format!("/api/v1/files/{}", file["id"].as_str().unwrap())
}

async fn kept(server: &Server) -> usize {
    let keys = server.objects.keys().await.unwrap();
    keys.iter().filter(|key| key.starts_with("files/") || key.starts_with("thumbnails/")).count()
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    DynamicImage::new_rgb8(width, height).write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
    bytes
}

#[tokio::test]
async fn a_file_is_its_owners_until_it_is_sent_and_the_rooms_afterwards() {
    let server = Server::start().await;
    let [ann, bob, carol] = people(&server).await;

    let file = upload(&server, &ann, "../a \"page\".html", b"<b>hello</b>".to_vec()).await.good();
    assert_eq!(file["name"], "a \"page\".html");
    assert_eq!((&file["bytes"], &file["media_type"]), (&json!(12), &json!("text/plain; charset=utf-8")));
    assert_eq!(server.get(&path(&file), &ann).await.status, 200);
    for somebody in [&bob, &carol] {
        assert_eq!(server.get(&path(&file), somebody).await.code(), "MSH-4040");
    }
    assert_eq!(say(&server, &bob, &[&file["id"]]).await.code(), "MSH-4040", "it is not his to send");

    let sent = say(&server, &ann, &[&file["id"]]).await.good();

    let events = server.get("/api/v1/rooms/general/events", &bob).await.good();
    let last = events["events"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["pos"], &last["att"]), (&sent["pos"], &json!([file])));
    let fetched = server.get(&path(&file), &bob).await;
    assert_eq!((fetched.status, fetched.text().as_str()), (200, "<b>hello</b>"));
    assert_eq!(fetched.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(fetched.header("content-disposition").split(';').next(), Some("attachment"));
    assert_eq!(fetched.header("x-content-type-options"), "nosniff");
    assert_eq!(fetched.header("content-security-policy"), "sandbox; default-src 'none'");
    for suffix in ["", "/info", "/thumbnail"] {
        let path = format!("{}{suffix}", path(&file));
        assert_eq!(server.get(&path, &carol).await.code(), "MSH-4040", "{suffix}");
        assert_eq!(server.send(server.request(Method::GET, &path)).await.status, 401, "{suffix}");
    }
    assert_eq!(server.get(&format!("{}/info", path(&file)), &bob).await.good(), file);

    let ask =
        |name, value: &str| server.request(Method::GET, &path(&file)).bearer_auth(&bob).header(name, value);
    let part = server.send(ask("range", "bytes=3-7")).await;
    assert_eq!((part.status, part.text().as_str()), (206, "hello"));
    assert_eq!(part.header("content-range"), "bytes 3-7/12");
    assert_eq!(server.send(ask("range", "bytes=12-")).await.code(), "MSH-4160");
    let unchanged = server.send(ask("if-none-match", fetched.header("etag"))).await;
    assert_eq!((unchanged.status, unchanged.bytes.len()), (304, 0));

    assert_eq!(say(&server, &ann, &[&file["id"]]).await.code(), "MSH-4040", "it went with its message");
    server.post("/api/v1/rooms/general/leave", &bob, json!({})).await;
    assert_eq!(server.get(&path(&file), &bob).await.code(), "MSH-4040", "he is not in the room any more");
}

#[tokio::test]
async fn a_hundred_uploads_of_a_person_may_wait_for_their_message() {
    let server = Server::start().await;
    let [ann, bob, _] = people(&server).await;

    let mut last = Value::Null;
    for number in 0..100 {
        last = upload(&server, &ann, &number.to_string(), vec![7]).await.good();
    }
    let refused = upload(&server, &ann, "one more", vec![7]).await;

    assert_eq!((refused.status, refused.code()), (429, "MSH-4290".to_owned()), "{}", refused.text());
    assert!(refused.text().contains("100 of your uploads"), "{}", refused.text());
    upload(&server, &bob, "of another", vec![7]).await.good();
    say(&server, &ann, &[&last["id"]]).await.good();
    upload(&server, &ann, "one more", vec![7]).await.good();
}

#[tokio::test]
async fn what_is_not_taken_is_refused_clearly_and_leaves_nothing() {
    let server = Server::start().await;
    let [ann, _, carol] = people(&server).await;

    assert_eq!(upload(&server, &ann, "large", vec![7; 1024 * 1024 + 1]).await.code(), "MSH-4130");
    let unannounced =
        futures_util::stream::iter((0..17).map(|_| Ok::<_, std::io::Error>(vec![7; 64 * 1024])));
    let request = server.request(Method::POST, FILES).bearer_auth(&ann);
    let request = request.body(reqwest::Body::wrap_stream(unannounced));
    assert_eq!(server.send(request).await.code(), "MSH-4130", "the length was not announced");
    assert_eq!(upload(&server, &ann, "empty", Vec::new()).await.code(), "MSH-4220");
    assert_eq!(upload(&server, &carol, "a", b"a".to_vec()).await.code(), "MSH-4040");
    assert_eq!(kept(&server).await, 0);
    assert_eq!(server.get(&format!("/api/v1/files/{}", Uuid::now_v7()), &ann).await.code(), "MSH-4040");

    for name in ["one", "two"] {
        upload(&server, &ann, name, vec![7; 1024 * 1024 - 1]).await.good();
    }
    let full = upload(&server, &ann, "three", vec![7; 1024]).await;
    assert_eq!(full.code(), "MSH-4130");
    assert!(full.text().contains("together"), "{}", full.text());

    let nothing = json!({ "cid": Uuid::now_v7(), "body": "" });
    assert_eq!(server.post("/api/v1/rooms/general/messages", &ann, nothing).await.code(), "MSH-4001");
    let unknown = json!(Uuid::now_v7());
    assert_eq!(say(&server, &ann, &[&unknown]).await.code(), "MSH-4040");
    assert_eq!(say(&server, &ann, &[&unknown; 11]).await.code(), "MSH-4001");
}

#[tokio::test]
async fn what_is_left_of_an_upload_that_broke_off_does_not_count_for_long() {
    let server = Server::start().await;
    let [ann, ..] = people(&server).await;
    let begun = async || -> i64 {
        each!(server.db.reader(), pool => sqlx::query_scalar("SELECT count(*) FROM files WHERE sha256 IS NULL")
            .fetch_one(pool).await.unwrap())
    };
    let stuck = futures_util::stream::once(async { Ok::<_, std::io::Error>(vec![7; 1024]) });
    let stuck = reqwest::Body::wrap_stream(stuck.chain(futures_util::stream::pending()));
    let sender = tokio::spawn(server.request(Method::POST, FILES).bearer_auth(&ann).body(stuck).send());
    eventually("it begins", async || (begun().await == 1).then_some(())).await;

    sender.abort();

    eventually("nothing is left of it", async || (begun().await == 0).then_some(())).await;

    // The hub died in the middle of this one.
    let died = "INSERT INTO files (id, room, owner, name, bytes, media_type, created_at)
        SELECT $1, rooms.id, users.id, 'half', 2097152, '', $2 FROM rooms, users WHERE users.name = 'Ann'";
    let now = server.clock.now().micros();
    each!(server.db.writer(), pool => sqlx::query(died).bind(Uuid::now_v7()).bind(now).execute(pool).await.map(drop))
        .unwrap();
    assert_eq!(upload(&server, &ann, "a", b"a".to_vec()).await.code(), "MSH-4130");
    server.clock.advance(3_601);
    let ann = server.login("ann@example.com", crate::fixture::PASSWORD).await.good();
    upload(&server, access(&ann), "a", b"a".to_vec()).await.good();
}

#[tokio::test]
async fn an_upload_that_is_sent_again_is_one_file() {
    let server = Server::start().await;
    let [ann, bob, _] = people(&server).await;
    let again = async |token: &str, key: &str| {
        let request = server.request(Method::POST, FILES).query(&[("name", "a.txt")]).bearer_auth(token);
        server.send(request.header("idempotency-key", key).body("hello")).await.good()["id"].clone()
    };

    let first = again(&ann, "one").await;
    let (second, third) = tokio::join!(again(&ann, "two"), again(&ann, "two"));

    assert_eq!(again(&ann, "one").await, first);
    assert_eq!(second, third, "also at the same moment");
    assert!(second != first && again(&bob, "one").await != first);
    assert_eq!(kept(&server).await, 3);
}

#[tokio::test]
async fn an_upload_that_nobody_sent_is_swept_out_after_a_day() {
    let server = Server::start().await;
    let [ann, ..] = people(&server).await;
    let lost = upload(&server, &ann, "lost.txt", b"lost".to_vec()).await.good();
    let sent = upload(&server, &ann, "sent.txt", b"sent".to_vec()).await.good();
    say(&server, &ann, &[&sent["id"]]).await.good();
    assert_eq!(kept(&server).await, 2);

    server.clock.advance(24 * 3600 + 60);
    let ann = server.login("ann@example.com", crate::fixture::PASSWORD).await.good();
    let late = say(&server, access(&ann), &[&lost["id"]]).await;
    assert_eq!(late.code(), "MSH-4040", "it has to be uploaded again");
    server.clock.advance(2 * 3600);

    eventually("it is swept out", async || (kept(&server).await == 1).then_some(())).await;
    server.clock.advance(3 * 24 * 3600);
    let fresh = server.login("ann@example.com", crate::fixture::PASSWORD).await.good();
    // Another upload is swept out after it, so that there was a look.
    upload(&server, access(&fresh), "later.txt", b"later".to_vec()).await.good();
    server.clock.advance(26 * 3600);
    eventually("the next one is swept out", async || (kept(&server).await == 1).then_some(())).await;
    let ann = server.login("ann@example.com", crate::fixture::PASSWORD).await.good();
    assert_eq!(server.get(&path(&sent), access(&ann)).await.text(), "sent", "what was sent stays");
}

#[tokio::test]
async fn pictures_have_a_small_one_and_other_files_none() {
    let server = Server::start().await;
    let [ann, ..] = people(&server).await;
    let picture = upload(&server, &ann, "picture.txt", png(900, 600)).await.good();
    let text = upload(&server, &ann, "text.png", b"no picture".to_vec()).await.good();
    let mut half = png(500, 500);
    half.truncate(half.len() / 2);
    let half = upload(&server, &ann, "half.png", half).await.good();
    let small = async |file: &Value| server.get(&format!("{}/thumbnail", path(file)), &ann).await;

    for _ in 0..2 {
        let seen = small(&picture).await;
        assert_eq!((seen.status, seen.header("content-type")), (200, "image/jpeg"));
        assert_eq!(seen.header("x-content-type-options"), "nosniff");
        let seen = image::load_from_memory(&seen.bytes).unwrap();
        assert_eq!((seen.width(), seen.height()), (320, 213));
    }
    for file in [&text, &half] {
        assert_eq!(small(file).await.code(), "MSH-4040");
    }
    assert_eq!(picture["media_type"], "image/png", "whatever the name says");
    assert_eq!(kept(&server).await, 4);
}

#[tokio::test]
async fn the_files_of_a_room_go_with_it() {
    let server = Server::start().await;
    let [ann, ..] = people(&server).await;
    let sent = upload(&server, &ann, "sent.txt", b"sent".to_vec()).await.good();
    upload(&server, &ann, "unsent.txt", b"unsent".to_vec()).await.good();
    say(&server, &ann, &[&sent["id"]]).await.good();

    assert_eq!(server.delete("/api/v1/rooms/general", &ann).await.status, 204);

    assert_eq!(server.get(&path(&sent), &ann).await.code(), "MSH-4040");
    eventually("the files are gone", async || (kept(&server).await == 0).then_some(())).await;
}
