//! A crash at every flush and write of the log: at the n-th such call the hub is killed, and what it acknowledged
//! before must be there after. A kind of call that no crash was reached at fails the run: it would show nothing.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::{Context as _, ensure};
use clap::Args;
use client::{Hub, Live, LiveEvent};
use platform::testing::Proxy;
use tokio::time::{Instant, timeout, timeout_at};
use wire::{ClientId, RoomId, rooms::NewRoom};

use super::{
    faults::{Inject, traced},
    history,
    schedule::Fault,
    site::Site,
};
use crate::{hub::person, report};

/// The calls by which the log reaches the disk, and whether they are reached under this load: the log grows, and is cut
/// short only when it was emptied.
const CALLS: [(&str, bool); 3] = [("pwrite64", true), ("fsync,fdatasync", true), ("ftruncate", false)];
/// How long a sender talks until the crash that it waits for, and how much.
const CRASH: Duration = Duration::from_secs(60);
const TALK: usize = 400;
const AGAIN: Duration = Duration::from_secs(60);

#[derive(Args)]
pub(crate) struct Options {
    /// The last call of each kind to crash at.
    #[arg(long, default_value_t = 40)]
    upto: u32,
    /// Crash at every call, at every second, …
    #[arg(long, default_value_t = 1)]
    step: u32,
    /// Passes, and says so, where strace is missing or may not trace.
    #[arg(long)]
    optional: bool,
}

/// Whether nothing was lost or doubled at any of them.
pub(crate) async fn run(mshub: &Path, options: Options) -> anyhow::Result<bool> {
    if let Some(why) = super::faults::missing(Fault::FsyncError) {
        ensure!(options.optional, "{why}; --optional does without");
        report::line(&format!("skipped: {why}"));
        return Ok(true);
    }
    let folder = tempfile::tempdir()?;
    let mut site = Site::hub(mshub, folder.path(), "hub", Vec::new());
    site.start().await?;
    let proxy = Proxy::start(vec![site.address()]).await?;
    let server = format!("http://{}", proxy.address).parse()?;
    let hub = person(server, "crash", client::SessionStore::Memory).await?;
    let room = hub.new_room(&NewRoom { name: "crash".into(), private: false, topic: String::new() }).await?;
    let mut sender = Sender { live: hub.live(), room: room.id, waiting: Vec::new(), acked: Vec::new() };
    sender.live.subscribe(room.id, None, 0);
    let (mut crashes, mut unreached) = (0, Vec::new());
    for (call, is_due) in CALLS {
        let mut last = 0;
        for n in (1..=options.upto).step_by(options.step.max(1) as usize) {
            let wrapper = traced(&Inject::kill_at(call, n), &site.log_file());
            // A hub that dies while it starts has crashed as well.
            let started = site.restart_under(&wrapper).await.is_ok();
            if started {
                sender.talk_until_crash(&mut site).await?;
            }
            let reached = !started || has_ended(&site);
            site.kill().await?;
            site.start().await.with_context(|| format!("after a crash at {call} {n}"))?;
            sender.settle().await.with_context(|| format!("after a crash at {call} {n}"))?;
            let wrong = sender.wrong(&hub, &room).await?;
            if let Some(wrong) = wrong {
                report::line(&format!("crash at {call} {n}: {wrong}"));
                return Ok(false);
            }
            if !reached {
                // The load does not come to so many: neither will it to more.
                break;
            }
            (crashes, last) = (crashes + 1, n);
        }
        match last {
            0 => report::line(&format!("{call}: never reached")),
            last => report::line(&format!("{call}: up to the {last}th")),
        }
        if is_due && last == 0 {
            unreached.push(call);
        }
    }
    report::line(&format!(
        "{crashes} crashes, {} messages acknowledged: 0 lost, 0 duplicated",
        sender.acked.len()
    ));
    ensure!(unreached.is_empty(), "no crash was reached at {}", unreached.join(" and "));
    Ok(true)
}

struct Sender {
    live: Live,
    room: RoomId,
    waiting: Vec<ClientId>,
    acked: Vec<(ClientId, u64)>,
}

impl Sender {
    /// Sends one message after the other until the hub is gone, or is there all the same after a while.
    async fn talk_until_crash(&mut self, site: &mut Site) -> anyhow::Result<()> {
        let (until, before) = (Instant::now() + CRASH, self.acked.len());
        while Instant::now() < until && !has_ended(site) {
            if self.waiting.is_empty() {
                self.waiting.push(self.live.say(self.room, format!("message {}", self.acked.len())));
            }
            if let Ok(event) = timeout(Duration::from_millis(200), self.live.next()).await {
                self.take(event.context("the live socket ended")?);
            }
            if self.waiting.is_empty() && self.acked.len() >= before + TALK {
                break;
            }
        }
        Ok(())
    }

    fn take(&mut self, event: LiveEvent) {
        if let LiveEvent::Sent { cid, pos, .. } = event {
            self.waiting.retain(|waiting| *waiting != cid);
            self.acked.push((cid, pos));
        }
    }

    /// Waits until the hub that is there again has answered everything.
    async fn settle(&mut self) -> anyhow::Result<()> {
        let until = Instant::now() + AGAIN;
        while !self.waiting.is_empty() {
            let event = timeout_at(until, self.live.next()).await.context("a message stays unanswered")?;
            self.take(event.context("the live socket ended")?);
        }
        Ok(())
    }

    /// What is not as it was acknowledged.
    async fn wrong(&self, hub: &Hub, room: &wire::rooms::Room) -> anyhow::Result<Option<String>> {
        let epoch = history::dump(hub, std::slice::from_ref(room)).await?;
        let mut told: Vec<_> = self.acked.iter().map(|(cid, pos)| (*pos, *cid)).collect();
        told.sort_unstable();
        for (whose, rooms) in [("the history", Some(&epoch.rooms)), ("the database", epoch.stored.as_ref())] {
            let said = rooms.into_iter().flat_map(BTreeMap::values).flatten();
            let said = said.filter(|event| event.kind == "said");
            let mut kept: Vec<_> = said.map(|event| (event.pos, event.cid)).collect();
            kept.sort_unstable();
            if kept != told {
                let lost = told.iter().filter(|told| !kept.contains(told)).count();
                let (acked, there) = (told.len(), kept.len());
                return Ok(Some(format!("{lost} of {acked} acknowledged messages lost, {there} in {whose}")));
            }
        }
        Ok(None)
    }
}

fn has_ended(site: &Site) -> bool {
    let alive = site.id().ok().map(|pid| std::fs::read_to_string(format!("/proc/{pid}/stat")));
    // A zombie has ended: its state is the letter after its name.
    !matches!(alive, Some(Ok(stat)) if !stat.contains(") Z "))
}
