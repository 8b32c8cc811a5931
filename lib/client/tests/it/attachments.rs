//! Files and conversions that wait in the outbox: uploaded when the hub is there, once, in their place, and as they were.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::Query,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use mshub_client::{Attachment, Draft, Hub, Live, LiveEvent, Outbox};
use sha2::{Digest as _, Sha256};
use wire::{
    Code, FileId, MessageId, RoomId, Timestamp,
    conversions::ConvertInRoom,
    files::{File, NewFile},
    frames::{ToClient, ToServer},
    paths,
    rooms::Sent,
};

use crate::{
    double::{refuse, serve, soon, with_token},
    live::{End, event, next, sockets},
};

/// What a hub was given beside its socket.
#[derive(Clone, Default)]
struct Given {
    /// Key and file of each upload.
    uploads: Arc<Mutex<Vec<(String, File)>>>,
    wishes: Arc<Mutex<Vec<ConvertInRoom>>>,
    /// What the clock says whose day the ids of wishes must be of.
    clock: Arc<Mutex<Option<Timestamp>>>,
    /// Uploads are refused for now.
    full: Arc<AtomicBool>,
}

impl Given {
    fn take(&self, key: &str, name: String, body: &Bytes) -> Response {
        if self.full.swap(false, Ordering::SeqCst) {
            return refuse(Code::Unavailable, "not now");
        }
        let mut uploads = self.uploads.lock().unwrap();
        let known = uploads.iter().find(|(known, _)| known == key).map(|(_, file)| file.clone());
        let file = known.unwrap_or_else(|| {
            let sha256 = hex::encode(Sha256::digest(body));
            let media_type = "text/plain".to_owned();
            let file = File { id: FileId::new(), name, bytes: body.len() as u64, sha256, media_type };
            uploads.push((key.to_owned(), file.clone()));
            file
        });
        (StatusCode::CREATED, Json(file)).into_response()
    }

    fn routes(&self, router: Router) -> Router {
        let (files, wishes) = (self.clone(), self.clone());
        let upload = move |Query(new): Query<NewFile>, headers: HeaderMap, body: Bytes| async move {
            files.take(headers["idempotency-key"].to_str().unwrap(), new.name, &body)
        };
        let convert = move |Json(wish): Json<ConvertInRoom>| async move {
            let (id, ts) = (MessageId::new(), Timestamp::from_micros(5));
            let made = wish.cid.0.get_timestamp().unwrap().to_unix().0.cast_signed();
            if wishes
                .clock
                .lock()
                .unwrap()
                .is_some_and(|now| (now.micros() / 1_000_000).abs_diff(made) > 3600)
            {
                return refuse(Code::StaleId, "of another day");
            }
            let sent = Sent { id, cid: wish.cid, room: RoomId::new(), pos: 9, ts, dup: false };
            wishes.wishes.lock().unwrap().push(wish);
            Json(sent).into_response()
        };
        router.route(paths::ROOM_FILES, post(upload)).route(paths::ROOM_CONVERSIONS, post(convert))
    }

    fn uploaded(&self) -> Vec<File> {
        self.uploads.lock().unwrap().iter().map(|(_, file)| file.clone()).collect()
    }
}

async fn hub() -> (Hub, Given, tokio::sync::mpsc::Receiver<End>) {
    let (router, sockets) = sockets();
    let given = Given::default();
    (with_token(&serve(given.routes(router)).await, "t"), given, sockets)
}

async fn file(dir: &Path, name: &str, content: &str) -> Attachment {
    let path = dir.join(name);
    std::fs::write(&path, content).unwrap();
    Attachment::of(&path).await.unwrap()
}

async fn opened(hub: &Hub, outbox: &Outbox, sockets: &mut tokio::sync::mpsc::Receiver<End>) -> (Live, End) {
    let live = hub.live_with(outbox.clone());
    let mut socket = next(sockets).await;
    socket.welcome(25_000).await;
    (live, socket)
}

/// Hears one message and keeps it at a place.
async fn keeps(socket: &mut End, pos: u64) -> (String, Vec<FileId>) {
    let ToServer::Send { cid, room, body, att, .. } = socket.hear().await else { panic!("not a message") };
    let (id, ts) = (MessageId::new(), Timestamp::from_micros(5));
    socket.say(ToClient::Ok { cid, room, pos, id, ts, dup: false }).await;
    (body, att)
}

/// The next event that is not about bytes on their way.
async fn settled(live: &mut Live) -> LiveEvent {
    loop {
        match event(live).await {
            LiveEvent::Uploading { .. } => {}
            other => return other,
        }
    }
}

#[tokio::test]
async fn files_wait_with_their_message_and_are_uploaded_once_and_in_its_place() {
    let (hub, given, mut sockets) = hub().await;
    let (dir, room) = (tempfile::tempdir().unwrap(), RoomId::new());
    let files = vec![file(dir.path(), "a.txt", "one").await, file(dir.path(), "b.txt", "two").await];
    let with_files = Draft { files, ..Draft::new(room, "look".into()) };
    let drafts = vec![Draft::new(room, "before".into()), with_files, Draft::new(room, "after".into())];
    // The program that took them is gone; its outbox on disk has them.
    let kept = dir.path().join("outbox");
    soon(Outbox::at(&kept).put(drafts)).await.unwrap();
    given.full.store(true, Ordering::SeqCst);

    let outbox = Outbox::at(&kept);
    let (mut live, mut socket) = opened(&hub, &outbox, &mut sockets).await;
    let mut heard = Vec::new();
    for pos in 1..=3 {
        heard.push(keeps(&mut socket, pos).await);
        assert!(matches!(settled(&mut live).await, LiveEvent::Sent { pos: at, .. } if at == pos));
    }

    let uploaded = given.uploaded();
    let names: Vec<&str> = uploaded.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["a.txt", "b.txt"]);
    let ids = uploaded.iter().map(|file| file.id).collect();
    assert_eq!(heard, [("before".into(), vec![]), ("look".into(), ids), ("after".into(), vec![])]);
    assert!(soon(outbox.list()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_file_that_changed_or_vanished_is_told_and_holds_nobody_back() {
    let (hub, given, mut sockets) = hub().await;
    let (dir, room) = (tempfile::tempdir().unwrap(), RoomId::new());
    let changed = file(dir.path(), "changed.txt", "as it was").await;
    let gone = file(dir.path(), "gone.txt", "was here").await;
    std::fs::write(&changed.path, "as it is").unwrap();
    std::fs::remove_file(&gone.path).unwrap();
    let drafts =
        [changed.clone(), gone].map(|file| Draft { files: vec![file], ..Draft::new(room, String::new()) });
    let outbox = Outbox::at(&dir.path().join("outbox"));
    let cid = drafts[0].cid;
    let [first, second] = drafts;
    soon(outbox.put(vec![first, second, Draft::new(room, "behind".into())])).await.unwrap();

    let (mut live, mut socket) = opened(&hub, &outbox, &mut sockets).await;
    let mut told = Vec::new();
    while told.len() < 2 {
        if let LiveEvent::Refused { problem, .. } = settled(&mut live).await {
            told.push(problem.detail);
        }
    }

    assert!(told[0].ends_with("changed.txt has changed since the message was written"), "{told:?}");
    assert!(told[1].ends_with("gone.txt is not there any more"), "{told:?}");
    assert_eq!(keeps(&mut socket, 1).await.0, "behind");
    assert!(given.uploaded().is_empty(), "the wrong content was sent");
    // Put back, it is what was meant.
    std::fs::write(&changed.path, "as it was").unwrap();
    soon(outbox.again(Some(cid))).await.unwrap();
    assert_eq!(keeps(&mut socket, 2).await.1, [given.uploaded()[0].id]);
}

#[tokio::test]
async fn a_conversion_waits_like_a_message_and_does_not_overtake_one() {
    let (hub, given, mut sockets) = hub().await;
    let (dir, room) = (tempfile::tempdir().unwrap(), RoomId::new());
    let files = vec![file(dir.path(), "notes.md", "# Notes").await];
    let wish = Draft { files, convert: Some("pdf".into()), ..Draft::new(room, "notes.md".into()) };
    let cid = wish.cid;
    let outbox = Outbox::at(&dir.path().join("outbox"));
    let drafts = vec![Draft::new(room, "before".into()), wish, Draft::new(room, "after".into())];
    soon(outbox.put(drafts)).await.unwrap();

    let (mut live, mut socket) = opened(&hub, &outbox, &mut sockets).await;
    let ToServer::Send { cid: first, .. } = socket.hear().await else { panic!("not a message") };
    while !matches!(soon(live.next()).await.unwrap(), LiveEvent::Uploading { sent: 7, total: 7, .. }) {}
    assert!(given.wishes.lock().unwrap().is_empty(), "what was said before has no place yet");
    let (id, ts) = (MessageId::new(), Timestamp::from_micros(5));
    socket.say(ToClient::Ok { cid: first, room, pos: 8, id, ts, dup: false }).await;

    assert!(matches!(settled(&mut live).await, LiveEvent::Sent { pos: 8, .. }));
    assert!(matches!(settled(&mut live).await, LiveEvent::Sent { cid: sent, pos: 9, .. } if sent == cid));
    assert_eq!(keeps(&mut socket, 10).await.0, "after");
    let wanted = ConvertInRoom { cid, file: given.uploaded()[0].id, to: "pdf".into() };
    assert_eq!(*given.wishes.lock().unwrap(), [wanted]);
}

#[tokio::test]
async fn a_conversion_gets_its_new_id_by_the_clock_of_the_hub() {
    let (hub, given, mut sockets) = hub().await;
    let (dir, room) = (tempfile::tempdir().unwrap(), RoomId::new());
    let files = vec![file(dir.path(), "notes.md", "# Notes").await];
    let wish = Draft { files, convert: Some("pdf".into()), ..Draft::new(room, "notes.md".into()) };
    let old = wish.cid;
    let outbox = Outbox::at(&dir.path().join("outbox"));
    soon(outbox.put(vec![wish])).await.unwrap();
    // For the hub it is a week later.
    let now = Timestamp::from(jiff::Timestamp::now()).plus_seconds(7 * 24 * 3600);
    *given.clock.lock().unwrap() = Some(now);

    let mut live = hub.live_with(outbox.clone());
    let mut socket = next(&mut sockets).await;
    socket.welcome_at(25_000, Some(now)).await;

    let LiveEvent::Renewed { cid, fresh, .. } = settled(&mut live).await else { panic!("not renewed") };
    assert_eq!(cid, old);
    assert!(matches!(settled(&mut live).await, LiveEvent::Sent { cid, pos: 9, .. } if cid == fresh));
    assert_eq!(given.uploads.lock().unwrap().len(), 2, "what was uploaded belongs to the old id");
}

#[tokio::test]
async fn what_cannot_be_read_is_no_attachment() {
    let dir = tempfile::tempdir().unwrap();

    for (path, why) in [(dir.path().join("none"), "No such file"), (dir.path().to_owned(), "directory")] {
        let error = Attachment::of(&path).await.unwrap_err().to_string();
        assert!(error.starts_with("cannot read ") && error.contains(why), "{error}");
    }
    let relative = Attachment::of(Path::new("Cargo.toml")).await.unwrap();
    assert!(relative.path.is_absolute() && relative.name == "Cargo.toml" && relative.bytes > 0);
}
