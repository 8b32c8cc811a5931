//! Everybody comes back at once, and wants what was missed.

use std::time::Instant;

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use wire::{ClientId, RoomId, frames::Position, rooms::Say};

use super::{
    Site,
    link::{self, Wish},
};
use crate::report;

pub(super) async fn run(site: &Site, messages: u32) -> anyhow::Result<()> {
    let (options, mut places) = (&site.options, Vec::new());
    for number in 0..options.rooms {
        // The sockets are closed here.
        let opened = site.open(number).await?;
        for _ in 0..messages {
            say(site, opened.id).await?;
        }
        places.push(opened.at);
    }
    let (before, began) = (site.cost()?, Instant::now());
    let sockets = 0..options.rooms * options.members;
    let back = stream::iter(sockets.map(|number| back(site, &places, number)));
    let heard: Vec<usize> = back.buffer_unordered(options.at_once).try_collect().await?;
    let (took, after) = (began.elapsed(), site.cost()?);
    let complete = heard.iter().filter(|heard| **heard == messages as usize).count();
    let each = 1e6 / heard.len().max(1) as f64;
    report::line(&format!(
        "| resume | {} sockets, {messages} messages missed by each, {} at once | {:.2} s until all are live | {:.0} µs CPU of the hub a socket, {:.1} of them in SQLite | {complete} heard exactly what they missed |",
        heard.len(),
        options.at_once,
        took.as_secs_f64(),
        (after.cpu - before.cpu).as_secs_f64() * each,
        (after.stores - before.stores).as_secs_f64() * each,
    ));
    Ok(())
}

async fn say(site: &Site, room: RoomId) -> anyhow::Result<()> {
    let say = Say { cid: ClientId::new(), body: "x".repeat(128), re: None, att: Vec::new() };
    site.people.first().context("a load needs people")?.say(&room.to_string(), &say).await?;
    Ok(())
}

/// One socket comes back; answers with how many events it heard before it was live.
async fn back(site: &Site, places: &[Position], number: u32) -> anyhow::Result<usize> {
    let at = places.get((number / site.options.members) as usize).cloned();
    let opened = link::open(Wish { after: at, ..site.wish(number).await? }).await?;
    // It stays open: a hub that everybody leaves again has less to do.
    std::mem::forget(opened.stream);
    Ok(opened.heard)
}
