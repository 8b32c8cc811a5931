//! One message to many screens: deliveries a second, what each costs the hub, and what a socket that waits costs.

mod cost;
mod idle;
mod link;
mod load;
mod resume;

use std::{path::Path, time::Duration};

use anyhow::Context as _;
use clap::Args;
use client::{Hub, SessionStore, Url};
use wire::{RoomId, rooms::NewRoom};

use crate::{
    hub::{Running, SOCKETS, person},
    report,
};
use cost::Cost;
use link::Wish;
use load::{Load, Room};

#[derive(Args)]
pub(crate) struct Options {
    /// Rooms.
    #[arg(long, default_value_t = 1)]
    rooms: u32,
    /// Sockets in each room.
    #[arg(long, default_value_t = 100)]
    members: u32,
    /// Sockets of each room that write, in turn: the hub takes 16 unanswered messages of one.
    #[arg(long, default_value_t = 1)]
    senders: u32,
    /// Messages of a room on their way at once: the next one is sent when one has reached everybody.
    #[arg(long, default_value_t = 8)]
    window: u32,
    /// Instead of a window: messages a second over all rooms, sent at their time whatever happens.
    #[arg(long)]
    rate: Option<u32>,
    /// When the log acknowledges: fsync or os.
    #[arg(long, default_value = "fsync")]
    durability: String,
    /// How long it is measured, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Before that, in seconds.
    #[arg(long, default_value_t = 2)]
    warm_up: u32,
    /// Only wait: memory of a socket, from a quarter of the rooms to all of them.
    #[arg(long)]
    idle: bool,
    /// Only come back: every socket is closed, so many messages are said in each room, and all sockets resume.
    #[arg(long, value_name = "MESSAGES")]
    resume: Option<u32>,
    /// Sockets that come back at once.
    #[arg(long, default_value_t = 500)]
    at_once: usize,
}

pub(crate) async fn run(mshub: &Path, options: Options) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let hub = Running::start_as(mshub, folder.path(), &options.durability).await?;
    let people = people(&hub.api, "person", options.rooms * options.members).await?;
    let rooms = rooms(&people, "load", &options).await?;
    let hub = match options.idle {
        false => hub,
        // Hashing passwords leaves the process with memory that sockets would be given first.
        true => hub.again(mshub, folder.path()).await?,
    };
    let gateways = vec![(hub.api.clone(), hub.pid()?)];
    let site = Site { gateways, people, rooms, options };
    match site.options.resume {
        _ if site.options.idle => idle::run(&site).await?,
        Some(messages) => resume::run(&site, messages).await?,
        None => load(&site).await?,
    }
    hub.kill().await
}

impl Options {
    /// Windows of sockets in rooms, for so many seconds.
    pub(crate) fn of([rooms, members, window]: [u32; 3], seconds: u32) -> Self {
        let (durability, warm_up, at_once) = ("of Kafka".to_owned(), 2, 1);
        let (senders, rate, idle, resume) = (1, None, false, None);
        Self { rooms, members, senders, window, rate, durability, seconds, warm_up, idle, resume, at_once }
    }
}

/// A load on gateways with their process ids, on which sockets are spread evenly; what they cost together. `named` tells
/// its accounts and rooms from those of another load.
pub(crate) async fn measure(gateways: Vec<(Url, u32)>, named: &str, options: Options) -> anyhow::Result<()> {
    let (first, _) = gateways.first().context("a load needs a gateway")?;
    let people = people(first, named, options.rooms * options.members).await?;
    let rooms = rooms(&people, named, &options).await?;
    load(&Site { gateways, people, rooms, options }).await
}

/// A hub, and who is in which room of it.
struct Site {
    /// Where each gateway is, and its process.
    gateways: Vec<(Url, u32)>,
    people: Vec<Hub>,
    rooms: Vec<RoomId>,
    options: Options,
}

async fn load(site: &Site) -> anyhow::Result<()> {
    let (options, mut rooms) = (&site.options, Vec::new());
    for number in 0..options.rooms {
        rooms.push(site.open(number).await?);
    }
    let load = Load {
        senders: options.senders.min(options.members),
        window: options.window,
        pace: options.rate.map(|rate| Duration::from_secs_f64(f64::from(options.rooms) / f64::from(rate))),
        warm_up: Duration::from_secs(options.warm_up.into()),
        measured: Duration::from_secs(options.seconds.into()),
        pids: site.pids(),
    };
    // A thread of its own: counting must not be shared out among the workers of a runtime.
    let counted = tokio::task::spawn_blocking(move || load::run(&load, rooms)).await??;
    let (each, span) = (1e6 / counted.deliveries.max(1) as f64, counted.span.as_secs_f64());
    report::line(&format!(
        "| {} rooms × {}, {} write | {} | {:.0} deliveries/s, {:.0} messages/s | {:.2} µs CPU of the hub a delivery, {:.2} of them in SQLite | hub {:.2} cores, load {:.2} | lost {} | out of order {} |",
        options.rooms,
        options.members,
        options.senders,
        options.rate.map_or(format!("window {}", options.window), |rate| format!("{rate} msg/s")),
        counted.deliveries as f64 / span,
        counted.deliveries as f64 / span / f64::from(options.members),
        counted.hub.as_secs_f64() * each,
        counted.stores.as_secs_f64() * each,
        counted.hub.as_secs_f64() / span,
        counted.own.as_secs_f64() / span,
        counted.lost,
        counted.disorder,
    ));
    report::row("send → other screen", counted.latencies);
    Ok(())
}

async fn people(server: &Url, named: &str, sockets: u32) -> anyhow::Result<Vec<Hub>> {
    let mut people = Vec::new();
    for n in 0..sockets.div_ceil(SOCKETS) {
        people.push(person(server.clone(), &format!("{named}{n}"), SessionStore::Memory).await?);
    }
    Ok(people)
}

/// Rooms whose members have joined; the socket numbered `n` of all is person `n / SOCKETS`'s.
async fn rooms(people: &[Hub], named: &str, options: &Options) -> anyhow::Result<Vec<RoomId>> {
    let owner = people.first().context("a load needs people")?;
    let mut rooms = Vec::new();
    for number in 0..options.rooms {
        let name = format!("{named}{number}");
        let room = NewRoom { name: name.clone(), private: false, topic: String::new() };
        rooms.push(owner.new_room(&room).await?.id);
        let (first, last) = (number * options.members, (number + 1) * options.members - 1);
        for person in first / SOCKETS..=last / SOCKETS {
            people[person as usize].join(&name).await?;
        }
    }
    Ok(rooms)
}

impl Site {
    /// Opens the sockets of a room.
    async fn open(&self, number: u32) -> anyhow::Result<Room> {
        let (mut links, mut at) = (Vec::new(), None);
        for member in 0..self.options.members {
            let opened = link::open(self.wish(number * self.options.members + member).await?).await?;
            links.push(opened.stream);
            at = Some(opened.at);
        }
        Ok(Room::new(self.rooms[number as usize], links, at.context("a room without sockets")?))
    }

    /// What a socket wants that knows nothing yet.
    async fn wish(&self, number: u32) -> anyhow::Result<Wish<'_>> {
        let token = self.people[(number / SOCKETS) as usize].access_token().await?;
        let room = self.rooms[(number / self.options.members) as usize];
        let (server, _) = &self.gateways[number as usize % self.gateways.len()];
        Ok(Wish { server, token, room, after: None, number })
    }

    fn pids(&self) -> Vec<u32> {
        self.gateways.iter().map(|(_, pid)| *pid).collect()
    }

    /// What its gateways have used.
    fn cost(&self) -> anyhow::Result<Cost> {
        Cost::of(&self.pids())
    }
}
