//! A large upload: it streams through the gateway and the worker, and nobody holds it.

use std::fs;

use bytes::Bytes;
use client::{Upload, UploadBody};
use futures_util::stream;
use wire::conversions::NewConversion;

use crate::hub::Hub;

const MIB: u64 = 1024 * 1024;
const SIZE: u64 = 192 * MIB;
/// What the hub may need for it: buffers of some connections.
const ROOM: u64 = 48 * MIB;

/// The most memory that a process had since it was last forgotten, in bytes.
fn peak(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Text of so many bytes, made while it is read.
fn text(size: u64) -> UploadBody {
    let piece = Bytes::from("All work and no play makes Jack a dull boy.....\n".repeat(4096));
    let pieces = size / piece.len() as u64;
    let chunks = stream::iter((0..pieces).map(move |_| Ok(piece.clone())));
    UploadBody::Stream(Box::pin(chunks), None)
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_hub_never_holds_a_large_upload() {
    let hub = Hub::start_with(&["--max-upload-bytes", &(2 * SIZE).to_string()]);
    hub.person("Ann");
    let ann = hub.client("Ann").await;
    let query = NewConversion { to: "pdf".into(), name: "large.txt".into(), ..NewConversion::default() };
    // Hashing passwords took memory, too. Where this is not allowed, the peak before stands, which is less strict.
    let _ = fs::write(format!("/proc/{}/clear_refs", hub.process()), "5");
    let before = peak(hub.process());

    let job = ann.convert(Upload { query, bytes: text(SIZE) }, |_, _| {}).await.unwrap();

    let grown = peak(hub.process()).saturating_sub(before);
    assert_eq!(job.bytes_in, SIZE);
    assert!(grown < ROOM, "an upload of {SIZE} bytes took {grown} bytes of memory");
}

#[tokio::test]
async fn an_upload_above_the_limit_is_refused_while_it_is_sent() {
    let hub = Hub::start_with(&["--max-upload-bytes", &MIB.to_string()]);
    hub.person("Ann");
    let query = NewConversion { to: "pdf".into(), name: "large.txt".into(), ..NewConversion::default() };

    let refused = hub.client("Ann").await.convert(Upload { query, bytes: text(4 * MIB) }, |_, _| {}).await;

    assert_eq!(refused.unwrap_err().problem().unwrap().code, "MSH-4130");
}
