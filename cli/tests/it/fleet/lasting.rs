//! What takes a while: an upload in pieces, the events of a conversion, a large download. Each is under way when services
//! are replaced, and is finished there or goes on elsewhere.

use std::{sync::Arc, time::Duration};

use reqwest::{Method, RequestBuilder, Response, header};
use serde_json::Value;
use wire::{
    ClientId, JobId,
    paths::{self, fill},
};

use super::load::Caller;

/// Of an upload: note.md, to txt.
const METADATA: &str = "filename bm90ZS5tZA==,to dHh0";
/// Bytes of a file that is fetched slowly.
const LARGE: usize = 8 << 20;
/// Between two reads of it.
const BREATH: Duration = Duration::from_millis(10);

/// Uploads something in pieces, follows its conversion by events, and fetches the result, again and again.
pub(super) async fn convert(caller: Arc<Caller>) {
    while !caller.is_over() {
        let word = ClientId::new().to_string();
        let text = format!("# A note\n\nwith the word {word} and others\n");
        if let Some(job) = upload(&caller, &text).await
            && follow(&caller, job).await
        {
            fetch(&caller, job, &word).await;
        }
    }
}

/// Fetches a large file through a gateway, slowly, again and again.
pub(super) async fn download(caller: Arc<Caller>) {
    let sent: Vec<u8> = (0..LARGE).map(|at| (at % 251) as u8).collect();
    let place = format!("{}?name=large.bin", fill(paths::ROOM_FILES, caller.room));
    let Some(file) = caller.ask("a large file", caller.post(&place).body(sent.clone())).await else { return };
    let path = fill(paths::FILE, file["id"].as_str().unwrap());
    while !caller.is_over() {
        let Some(mut answer) = caller.answer("download", caller.get(&path)).await else { continue };
        let mut got = Vec::with_capacity(LARGE);
        loop {
            match answer.chunk().await {
                Ok(Some(chunk)) => got.extend_from_slice(&chunk),
                Ok(None) if got == sent => break,
                Ok(None) => break caller.fails(format!("a download: {} bytes are other ones", got.len())),
                Err(error) => break caller.fails(format!("a download after {} bytes: {error:?}", got.len())),
            }
            tokio::time::sleep(BREATH).await;
        }
    }
}

/// The job of an upload by tus 1.0, of which each piece goes to whoever is there.
async fn upload(caller: &Caller, text: &str) -> Option<JobId> {
    let request = |method: &str, path: &str| -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).expect("it is one");
        caller.request(method, path).header("Tus-Resumable", "1.0.0")
    };
    let begin = request("POST", paths::UPLOADS).header("Upload-Length", text.len());
    let begun = caller.answer("tus", begin.header("Upload-Metadata", METADATA)).await?;
    let place = begun.headers()[header::LOCATION].to_str().unwrap().to_owned();

    let (mut at, mut job) = (0, None);
    for piece in text.as_bytes().chunks(text.len() / 3 + 1) {
        let append = request("PATCH", &place).header("Upload-Offset", at).body(piece.to_vec());
        let append = append.header(header::CONTENT_TYPE, "application/offset+octet-stream");
        let taken = caller.answer("a piece", append).await?;
        at += piece.len();
        job = taken.headers().get("mshub-job").map(|job| job.to_str().unwrap().parse().unwrap());
    }
    if job.is_none() {
        caller.fails("an upload that is whole has no job".to_owned());
    }
    job
}

/// Hears of every change of a conversion once and in order. A gateway that leaves ends its answer, and another goes on.
async fn follow(caller: &Caller, job: JobId) -> bool {
    let mut seen = 0;
    loop {
        let request =
            caller.get(&fill(paths::CONVERSION_EVENTS, job)).header(header::ACCEPT, "text/event-stream");
        let Some(answer) = caller.answer("events", request.header("Last-Event-ID", seen)).await else {
            return false;
        };
        match heard(answer, &mut seen).await {
            Ok(Some(state)) if state == "completed" => return true,
            // It ended before the conversion did: its gateway leaves.
            Ok(None) => {}
            wrong => {
                caller.fails(format!("events of {job} after {seen}: {wrong:?}"));
                return false;
            }
        }
    }
}

/// Reads events to the end of an answer; the state that a conversion has ended in, if it has.
async fn heard(mut answer: Response, seen: &mut u64) -> Result<Option<String>, String> {
    let (mut text, mut ended) = (String::new(), None);
    while let Some(chunk) = answer.chunk().await.map_err(|error| format!("{error:?}"))? {
        text.push_str(std::str::from_utf8(&chunk).map_err(|error| error.to_string())?);
    }
    // What has no number is how far it is.
    let changes = text.split("\n\n").filter_map(|event| event.strip_prefix("id: ")?.split_once("\ndata: "));
    for (seq, data) in changes {
        if seq.parse() != Ok(*seen + 1) {
            return Err(format!("{seq} came after {seen}"));
        }
        *seen += 1;
        let data: Value = serde_json::from_str(data).map_err(|error| error.to_string())?;
        ended = data["state"]
            .as_str()
            .filter(|state| !["queued", "in_progress"].contains(state))
            .map(str::to_owned);
    }
    Ok(ended)
}

/// Fetches a result by its link, which leads past the gateways.
async fn fetch(caller: &Caller, job: JobId, word: &str) {
    let asked = caller.ask("link", caller.get(&fill(paths::CONVERSION_RESULT, job))).await;
    let Some(url) = asked.and_then(|link| link["url"].as_str().map(str::to_owned)) else { return };
    match caller.http.get(url).send().await {
        Ok(answer) if answer.status().is_success() => match answer.text().await {
            Ok(text) if text.contains(word) => {}
            wrong => caller.fails(format!("a result: {wrong:?}")),
        },
        wrong => caller.fails(format!("a result: {wrong:?}")),
    }
}
