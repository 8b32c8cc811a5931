//! What is done to a hub and to the links: one function a fault, chosen by the schedule.

mod clock;
mod disk;
mod engine;
mod link;
mod lock;
mod process;
mod sql;
mod tail;
mod tracer;

use anyhow::Context as _;
use platform::testing::Engine;
use tokio::sync::Mutex;

pub(crate) use link::mend_all;
pub(crate) use sql::all_is_announced;
pub(crate) use tail::delete_log;
pub(crate) use tracer::{Inject, traced};

use super::{
    ground::Ground,
    journal::{Journal, Observed},
    people::Crew,
    schedule::{Fault, Step},
    site::Site,
};

/// What faults act on.
pub(crate) struct Victims {
    /// Gateways of our own; none when somebody else's hub is tortured.
    pub(crate) sites: Vec<Mutex<Site>>,
    /// Processes beside them.
    pub(crate) workers: Vec<Mutex<Site>>,
    /// Real engines.
    pub(crate) ground: Option<Mutex<Ground>>,
    pub(crate) crew: Crew,
    pub(crate) journal: std::sync::Mutex<Journal>,
}

impl Victims {
    fn note(&self, what: Observed) -> anyhow::Result<()> {
        self.journal.lock().unwrap_or_else(std::sync::PoisonError::into_inner).note(what)
    }

    pub(crate) fn site(&self, whom: usize) -> anyhow::Result<&Mutex<Site>> {
        one(&self.sites, whom)
    }
}

fn one(sites: &[Mutex<Site>], whom: usize) -> anyhow::Result<&Mutex<Site>> {
    sites.get(whom % sites.len().max(1)).context("no process of our own to do that to")
}

/// Why a fault cannot be had on this machine, if it cannot.
pub(crate) fn missing(fault: Fault) -> Option<&'static str> {
    match fault {
        Fault::FsyncError | Fault::SlowDisk | Fault::NoSpace if !tracer::is_there() => {
            Some("strace is not installed or may not trace")
        }
        Fault::ClockStep if !clock::is_there() => Some("faketime is not installed"),
        _ => None,
    }
}

/// Does it, waits as long as it lasts, and undoes it.
pub(crate) async fn inflict(victims: &Victims, step: &Step) -> anyhow::Result<()> {
    let whom = match step.fault {
        Fault::CutAll => None,
        fault if fault.is_of_clients() => Some(victims.crew.name(step.whom)),
        _ => None,
    };
    let fault = step.fault.name();
    victims.note(Observed::Fault { fault: fault.clone(), whom: whom.clone() })?;
    let inflicted = done(victims, step).await.with_context(|| format!("the fault {fault}"));
    victims.note(Observed::Healed { fault, whom })?;
    inflicted
}

async fn done(victims: &Victims, step: &Step) -> anyhow::Result<()> {
    let Step { fault, whom, lasts, .. } = *step;
    if fault.is_of_links() {
        link::break_it(&victims.crew, fault, whom, lasts).await;
        return Ok(());
    }
    match fault {
        Fault::ClientKill => return victims.crew.kill_and_restart(whom, lasts).await,
        Fault::ClientFreeze => return victims.crew.freeze(whom, lasts).await,
        _ => {}
    }
    if let Some((engine, freeze)) = of_engine(fault) {
        let mut ground = victims.ground.as_ref().context("no engine of our own to do that to")?.lock().await;
        return match freeze {
            true => engine::freeze(&mut ground, engine, lasts).await,
            false => engine::crash(&mut ground, engine, lasts).await,
        };
    }
    let sites = match fault {
        Fault::WorkerKill | Fault::WorkerFreeze => &victims.workers,
        _ => &victims.sites,
    };
    let mut site = one(sites, whom)?.lock().await;
    match fault {
        Fault::Kill | Fault::WorkerKill => process::kill(&mut site, lasts).await,
        Fault::Freeze | Fault::WorkerFreeze => process::freeze(&site, lasts).await,
        Fault::LockChat => lock::hold(&site.database("chat"), lasts).await,
        Fault::LockServer => lock::hold(&site.database("server"), lasts).await,
        Fault::LockLog => lock::hold(&site.log_file(), lasts).await,
        Fault::DiskFull => disk::full(&mut site, lasts).await,
        Fault::NoSpace => tracer::during(&mut site, &Inject::no_space(), lasts).await,
        Fault::FsyncError => tracer::during(&mut site, &Inject::fsync_error(), lasts).await,
        Fault::SlowDisk => tracer::during(&mut site, &Inject::slow_disk(), lasts).await,
        Fault::TornTail => tail::tear(&mut site, lasts).await,
        Fault::ClockStep => clock::step(&mut site, lasts).await,
        // The generation changes only when nobody waits for an answer: the conductor does it. The rest is done above.
        _ => Ok(()),
    }
}

/// The engine that a fault is done to, and whether it is held still instead of ended.
fn of_engine(fault: Fault) -> Option<(Engine, bool)> {
    match fault {
        Fault::KafkaKill => Some((Engine::Kafka, false)),
        Fault::KafkaFreeze => Some((Engine::Kafka, true)),
        Fault::PostgresKill => Some((Engine::Postgres, false)),
        Fault::RedisKill => Some((Engine::Redis, false)),
        Fault::S3Kill => Some((Engine::S3, false)),
        _ => None,
    }
}
