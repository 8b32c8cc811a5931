//! The chain hash: anybody can compute it again from the history.

use sha2::{Digest, Sha256};
use wire::RoomId;

use crate::fixture::{Worker, said};

#[tokio::test]
async fn the_head_is_the_chain_over_the_events_as_the_manual_says() {
    let worker = Worker::start().await;
    let room = RoomId::new();
    let mut last = 0;
    for body in ["", "one", "two ünïcode"] {
        last = worker.append(said(room, body)).await;
    }
    let events = worker.page_at(room, last).await.events;

    let mut chain = [0_u8; 16];
    for event in &events {
        let mut hash = Sha256::new();
        hash.update(chain);
        hash.update(event.pos.to_be_bytes());
        hash.update(event.by.0.as_bytes());
        hash.update(event.cid.0.as_bytes());
        hash.update(b"said");
        hash.update(Sha256::digest(event.what.body()));
        chain.copy_from_slice(&hash.finalize()[..16]);
    }

    let head = worker.head(room).await;
    assert_eq!((head.n, head.pos), (3, last));
    assert_eq!(head.h, hex::encode(chain));
}
