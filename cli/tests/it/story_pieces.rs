//! A large file on a bad line: the upload goes on where it was cut off, by tus 1.0, for any client and for ours.

use std::sync::{Arc, Mutex, mpsc};

use client::{Upload, UploadBody};
use platform::service::http_client;
use reqwest::{Method, RequestBuilder, StatusCode};
use wire::{
    conversions::{Job, NewConversion},
    paths::{UPLOADS, fill},
};

use crate::hub::{Hub, eventually};

const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn any_client_of_tus_uploads_in_pieces() {
    let hub = Hub::start();
    let ann = hub.person("Ann");
    let token = ann.run(&["auth", "token"]).text().trim().to_owned();
    let http = http_client();
    let request = |method: &str, path: &str| -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = http.request(method, format!("{}{path}", hub.server)).bearer_auth(&token);
        request.header("Tus-Resumable", "1.0.0")
    };
    let append = |path: &str, at: usize, text: &'static str| {
        let request = request("PATCH", path).header("Upload-Offset", at).body(text);
        request.header("Content-Type", "application/offset+octet-stream")
    };

    let offer = http.request(Method::OPTIONS, format!("{}{UPLOADS}", hub.server)).send().await.unwrap();
    assert_eq!(offer.status(), StatusCode::NO_CONTENT);
    assert_eq!(offer.headers()["tus-version"], "1.0.0");
    assert!(offer.headers()["tus-extension"].to_str().unwrap().contains("termination"));
    assert_eq!(offer.headers()["tus-max-size"], (100 * MIB).to_string().as_str());

    // note.md, html, text/markdown
    let metadata = "filename bm90ZS5tZA==,to aHRtbA==,filetype dGV4dC9tYXJrZG93bg==";
    let begin = request("POST", UPLOADS)
        .header("Upload-Length", 13)
        .header("Upload-Metadata", metadata)
        .header("Content-Type", "application/offset+octet-stream")
        .body("# A n")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (begin.status(), begin.headers()["upload-offset"].to_str().unwrap()),
        (StatusCode::CREATED, "5")
    );
    assert_eq!(begin.headers()["tus-resumable"], "1.0.0");
    let at = begin.headers()["location"].to_str().unwrap().to_owned();

    let head = request("HEAD", &at).send().await.unwrap();
    let said = |name: &str| head.headers()[name].to_str().unwrap();
    assert_eq!(
        (said("upload-offset"), said("upload-length"), said("cache-control")),
        ("5", "13", "no-store")
    );
    assert_eq!(said("upload-metadata"), metadata);
    assert!(said("upload-expires").ends_with(" GMT"));

    for (refused, status) in [
        (append(&at, 4, "ote, "), 409),
        (append(&at, 5, "ote, ").header("Upload-Checksum", "sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA="), 460),
        (append(&at, 5, "ote, far too long"), 413),
        (request("PATCH", &at).header("Upload-Offset", 5).body("x"), 415),
        (request("POST", UPLOADS).header("Upload-Length", 1_000_000_000), 413),
        (request("POST", UPLOADS).header("Upload-Length", 5).query(&[("to", "exe")]), 415),
        (request("HEAD", &fill(wire::paths::UPLOAD, wire::UploadId::new())), 404),
        (http.head(format!("{}{at}", hub.server)).bearer_auth(&token), 412),
        (http.head(format!("{}{at}", hub.server)).header("Tus-Resumable", "1.0.0"), 401),
    ] {
        let refused = refused.send().await.unwrap();
        assert_eq!(refused.status().as_u16(), status, "{:?}", refused.headers());
        assert_eq!(refused.headers()["tus-resumable"], "1.0.0");
    }

    let overridden = append(&at, 5, "ote, ").header("X-HTTP-Method-Override", "PATCH").build().unwrap();
    let post = http.post(overridden.url().clone()).headers(overridden.headers().clone()).body("ote, ");
    assert_eq!(post.send().await.unwrap().headers()["upload-offset"], "10");
    let last = append(&at, 10, "end").send().await.unwrap();
    assert_eq!(last.status(), StatusCode::NO_CONTENT);
    let job = last.headers()["mshub-job"].to_str().unwrap().to_owned();
    assert_eq!(request("HEAD", &at).send().await.unwrap().headers()["mshub-job"], job.as_str());
    eventually("the conversion is done", || {
        (ann.json(&["job", "show", &job, "--json"])["state"] == "completed").then_some(())
    });
    let gone = request("DELETE", &at).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    assert_eq!(request("HEAD", &at).send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

/// A sender that stands still half way, until it is told to go on.
struct Slow {
    half: mpsc::Receiver<()>,
    go: mpsc::Sender<()>,
    /// How far it said that it was, each time.
    seen: Arc<Mutex<Vec<u64>>>,
}

impl Slow {
    fn new(size: u64) -> (Self, impl Fn(u64, Option<u64>) + Send + Sync + 'static) {
        let ((tell, half), (go, wait)) = (mpsc::channel(), mpsc::channel::<()>());
        let (tell, wait, seen) =
            (Mutex::new(Some(tell)), Mutex::new(wait), Arc::<Mutex<Vec<u64>>>::default());
        let slow = Self { half, go, seen: seen.clone() };
        let progress = move |sent: u64, total: Option<u64>| {
            assert_eq!(total, Some(size));
            seen.lock().unwrap().push(sent);
            if sent < size / 2 {
                return;
            }
            let first = tell.lock().unwrap().take();
            if let Some(tell) = first {
                tell.send(()).unwrap();
                // Whoever is not told to go on has been forgotten.
                let _ = wait.lock().unwrap().recv();
            }
        };
        (slow, progress)
    }
}

#[test]
fn a_large_upload_goes_on_after_a_power_cut_and_in_another_run() {
    let mut hub = Hub::start();
    let ann = hub.person("Ann");
    let size = 24 * MIB as u64;
    let text = "All work and no play makes Jack a dull boy.....\n".repeat(24 * MIB / 48);
    let objects = std::path::PathBuf::from(hub.data_dir()).join("objects").join("up");
    // Two objects: the first of them counts.
    let arrived = || eventually("some of it has arrived", || (files(&objects) >= 2).then_some(()));
    let all_gone = || eventually("its bytes are a job's", || (files(&objects) == 0).then_some(()));
    let upload = |name: &str| {
        let query = NewConversion { to: "pdf".into(), name: name.into(), ..NewConversion::default() };
        Upload { query, bytes: UploadBody::File(ann.folder().join(name)) }
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();

    ann.file("one.txt", &text);
    let (client, (slow, progress)) = (runtime.block_on(hub.client("Ann")), Slow::new(size));
    let one = upload("one.txt");
    let sending = runtime.spawn(async move { client.convert(one, progress).await });
    slow.half.recv().unwrap();
    arrived();
    hub.kill();
    hub.start_again();
    let before = slow.seen.lock().unwrap().len();
    slow.go.send(()).unwrap();

    let job: Job = runtime.block_on(sending).unwrap().unwrap();
    assert_eq!(job.bytes_in, size);
    let seen = slow.seen.lock().unwrap();
    let resumed = seen.windows(2).position(|pair| pair[1] <= pair[0]).expect("it went back once") + 1;
    assert!(resumed >= before - 1 && seen[resumed] > 4 * MIB as u64, "it began again: {}", seen[resumed]);
    assert_eq!(seen.last(), Some(&size));
    all_gone();

    // A run that ends half way, and another one of the same command.
    ann.file("two.txt", &text);
    let (client, (slow, progress)) = (runtime.block_on(hub.client("Ann")), Slow::new(size));
    let two = upload("two.txt");
    let sending = runtime.spawn(async move { client.convert(two, progress).await });
    slow.half.recv().unwrap();
    arrived();
    sending.abort();
    drop(slow);
    let (client, seen) = (runtime.block_on(hub.client("Ann")), Arc::<Mutex<Vec<u64>>>::default());
    let (heard, two) = (seen.clone(), upload("two.txt"));
    let further = move |sent, _| heard.lock().unwrap().push(sent);
    let job = runtime.block_on(client.convert(two, further)).unwrap();
    assert_eq!(job.bytes_in, size);
    assert!(seen.lock().unwrap()[0] > 4 * MIB as u64, "it began again: {:?}", seen.lock().unwrap().first());
    all_gone();
}

/// How many files are below a folder.
fn files(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}
