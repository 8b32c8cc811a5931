//! The only part that talks to the hub and the disk: each effect runs in a task owned here and answers with a message.

mod files;
mod hub;
mod live;

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use client::Hub;
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
};

use crate::{
    Clock, Options,
    msg::{Effect, Msg},
};

/// What every effect may need.
#[derive(Clone)]
struct World {
    hub: Hub,
    out: mpsc::Sender<Msg>,
    clock: Clock,
    device: Option<String>,
    paths: Arc<Paths>,
    /// Where outboxes are kept; without a place they end with the client.
    outboxes: Option<PathBuf>,
    /// Where is kept what was verified of rooms.
    verified: Option<PathBuf>,
}

/// How typed paths are read.
struct Paths {
    folder: PathBuf,
    home: Option<PathBuf>,
}

/// Effects under way. Dropping it stops them all.
pub(crate) struct Runner {
    world: World,
    tasks: JoinSet<()>,
    uploads: HashMap<u64, AbortHandle>,
    live: Option<live::Line>,
}

impl Runner {
    /// Nothing is under way yet; answers go to `out`.
    pub(crate) fn new(hub: Hub, options: &Options, out: mpsc::Sender<Msg>) -> Self {
        let paths = Arc::new(Paths { folder: options.folder.clone(), home: options.home.clone() });
        let (clock, device) = (options.clock.clone(), options.device.clone());
        let (outboxes, verified) = (options.outboxes.clone(), options.verified.clone());
        let world = World { hub, out, clock, device, paths, outboxes, verified };
        Self { world, tasks: JoinSet::new(), uploads: HashMap::new(), live: None }
    }

    /// Starts an effect; never waits.
    pub(crate) fn run(&mut self, effect: Effect) {
        match effect {
            Effect::GoLive => {
                // The one before, if there is one, closes by being dropped.
                self.live = Some(live::Line::open(&self.world, &mut self.tasks));
            }
            Effect::Subscribe(room) => self.order(live::Order::Subscribe(room)),
            Effect::Unsubscribe(room) => self.order(live::Order::Unsubscribe(room)),
            Effect::Read(room, pos) => self.order(live::Order::Read(room, pos)),
            Effect::Typing(room, on) => self.order(live::Order::Typing(room, on)),
            Effect::Say { room, draft, cid, said } => self.order(live::Order::Say { room, draft, cid, said }),
            Effect::Withdraw(cid) => self.order(live::Order::Withdraw(cid)),
            Effect::StopUpload(upload) => {
                if let Some(task) = self.uploads.remove(&upload) {
                    task.abort();
                }
            }
            Effect::Upload { upload, path, to } => {
                self.uploads.retain(|_, task| !task.is_finished());
                let task = self.tasks.spawn(files::upload(self.world.clone(), upload, path, to));
                self.uploads.insert(upload, task);
            }
            Effect::SignOut => {
                self.live = None;
                self.tasks.spawn(hub::run(self.world.clone(), Effect::SignOut));
            }
            other => {
                self.tasks.spawn(hub::run(self.world.clone(), other));
            }
        }
    }

    fn order(&self, order: live::Order) {
        if let Some(line) = &self.live {
            line.order(order);
        }
    }

    /// Ends: what was read last is told to the hub, all else is stopped.
    pub(crate) async fn close(mut self) {
        if let Some(line) = self.live.take() {
            line.close().await;
        }
    }

    /// Comes back when a task has failed in a way that it could not answer for; else never.
    pub(crate) async fn failed(&mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            if ended.is_err_and(|why| why.is_panic()) {
                return;
            }
        }
        std::future::pending::<()>().await;
    }
}
