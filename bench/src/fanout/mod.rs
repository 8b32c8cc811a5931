//! One message to many screens: deliveries a second, what each costs the hub, and what a socket that waits costs.

mod cost;
mod link;
mod load;

use std::{path::Path, time::Duration};

use anyhow::Context as _;
use clap::Args;
use client::Hub;
use wire::{RoomId, rooms::NewRoom};

use crate::{hub::Running, report};
use cost::Cost;
use load::{Load, Room};

/// Sockets of one person; the hub takes twenty.
const SOCKETS: u32 = 16;

#[derive(Args)]
pub(crate) struct Options {
    /// Rooms.
    #[arg(long, default_value_t = 1)]
    rooms: u32,
    /// Sockets in each room; the first one writes.
    #[arg(long, default_value_t = 100)]
    members: u32,
    /// Messages of a room on their way at once: the next one is sent when one has reached everybody.
    #[arg(long, default_value_t = 8)]
    window: u32,
    /// Instead of a window: messages a second over all rooms, sent at their time whatever happens.
    #[arg(long)]
    rate: Option<u32>,
    /// How long it is measured, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Before that, in seconds.
    #[arg(long, default_value_t = 2)]
    warm_up: u32,
    /// Only wait: memory of a socket.
    #[arg(long)]
    idle: bool,
}

pub(crate) async fn run(mshub: &Path, options: Options) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Running::start(mshub, folder.path()).await?;
    let people = people(&hub, options.members.max(options.rooms * options.members)).await?;
    let before = Cost::of(hub.pid()?)?;
    let rooms = rooms(&people, &options).await?;
    if options.idle {
        return idle(&hub, &options, before, rooms).await;
    }
    let load = Load {
        window: options.window,
        pace: options.rate.map(|rate| Duration::from_secs_f64(f64::from(options.rooms) / f64::from(rate))),
        warm_up: Duration::from_secs(options.warm_up.into()),
        measured: Duration::from_secs(options.seconds.into()),
        pid: hub.pid()?,
    };
    // A thread of its own: counting must not be shared out among the workers of a runtime.
    let counted = tokio::task::spawn_blocking(move || load::run(&load, rooms)).await??;
    report::line(&format!(
        "| {} rooms × {} | {} | {:.0} deliveries/s | {:.2} µs CPU of the hub a delivery | hub {:.2} cores, load {:.2} | lost {} | out of order {} |",
        options.rooms,
        options.members,
        options.rate.map_or(format!("window {}", options.window), |rate| format!("{rate} msg/s")),
        counted.deliveries as f64 / counted.span.as_secs_f64(),
        counted.hub.as_secs_f64() * 1e6 / counted.deliveries.max(1) as f64,
        counted.hub.as_secs_f64() / counted.span.as_secs_f64(),
        counted.own.as_secs_f64() / counted.span.as_secs_f64(),
        counted.lost,
        counted.disorder,
    ));
    report::row("send → other screen", counted.latencies);
    hub.kill().await
}

async fn idle(hub: &Running, options: &Options, before: Cost, rooms: Vec<Room>) -> anyhow::Result<()> {
    tokio::time::sleep(Duration::from_secs(options.seconds.into())).await;
    let after = Cost::of(hub.pid()?)?;
    let sockets: usize = rooms.iter().map(|room| room.links.len()).sum();
    report::line(&format!(
        "| idle | {sockets} sockets in {} rooms | {:.2} KiB RSS a socket | hub {:.1} MiB |",
        options.rooms,
        (after.rss - before.rss) / 1024.0 / sockets as f64,
        after.rss / 1024.0 / 1024.0,
    ));
    Ok(())
}

async fn people(hub: &Running, sockets: u32) -> anyhow::Result<Vec<Hub>> {
    let mut people = Vec::new();
    for n in 0..sockets.div_ceil(SOCKETS) {
        people.push(hub.person(&format!("person{n}")).await?);
    }
    Ok(people)
}

/// Rooms with their sockets open and live; the socket numbered `n` is person `n / SOCKETS`'s.
async fn rooms(people: &[Hub], options: &Options) -> anyhow::Result<Vec<Room>> {
    let owner = people.first().context("a load needs people")?;
    let mut rooms = Vec::new();
    for n in 0..options.rooms {
        let name = format!("load{n}");
        let room =
            owner.new_room(&NewRoom { name: name.clone(), private: false, topic: String::new() }).await?;
        let mut links = Vec::new();
        for member in 0..options.members {
            let number = n * options.members + member;
            let person = &people[(number / SOCKETS) as usize];
            if member == 0 || number.is_multiple_of(SOCKETS) {
                person.join(&name).await?;
            }
            links.push(open(person, room.id).await?);
        }
        rooms.push(Room::new(room.id, links));
    }
    Ok(rooms)
}

async fn open(person: &Hub, room: RoomId) -> anyhow::Result<std::net::TcpStream> {
    link::open(person.server(), &person.access_token().await?, room).await
}
