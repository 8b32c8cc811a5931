//! One run: the crew signs on, the load begins, the faults happen, everybody comes to rest, and the history is read.

use std::{
    path::{Path, PathBuf},
    sync::PoisonError,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use tokio::{
    sync::{Mutex, watch},
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    check::{Epoch, Evidence, Promise},
    client::Role,
    converter::Converter,
    faults::{self, Victims},
    foreign::Foreign,
    history,
    journal::{self, Journal, Observed},
    people::{Crew, Signing, Status},
    schedule::{Choice, Fault, Schedule, Step},
    site::Site,
    topology::{self, Parts, Topology},
};

/// How much longer than they should clients may need to come to rest: whoever needs longer is seen and not waited for.
const LATE: Duration = Duration::from_secs(10);
/// Under load after the log was deleted.
const NEW_LIFE: Duration = Duration::from_secs(2);
/// How long the hub may need between two faults for what it is to acknowledge.
const IDLE: Duration = Duration::from_secs(300);
/// A run of this length shows something of every promise.
const LONG: Duration = Duration::from_secs(10);
const GLANCE: Duration = Duration::from_millis(100);
/// So many signs of life later a client has written down everything that had reached it.
const HEARD_OUT: u64 = 5;
const SIGNS: Duration = Duration::from_secs(60);

/// What the hub is granted between two faults, at least.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peace {
    /// So long.
    pub(crate) breath: Duration,
    /// And until it has acknowledged so much.
    pub(crate) acks: u64,
}

impl Default for Peace {
    fn default() -> Self {
        Self { breath: Duration::from_millis(800), acks: 0 }
    }
}

/// What a run is made of.
#[derive(Clone)]
pub(crate) struct Plan {
    /// The program, unless somebody else's hub is tortured.
    pub(crate) mshub: PathBuf,
    pub(crate) server: Option<Foreign>,
    pub(crate) tokens: Vec<String>,
    pub(crate) topology: Topology,
    /// Options of `mshub up`, or of a gateway.
    pub(crate) options: Vec<String>,
    pub(crate) gateways: usize,
    pub(crate) seed: u64,
    pub(crate) span: Duration,
    /// How long everybody may need to come to rest after the last fault.
    pub(crate) rest: Duration,
    pub(crate) clients: usize,
    pub(crate) raws: usize,
    pub(crate) rooms: usize,
    pub(crate) rate: u32,
    pub(crate) peace: Peace,
    /// A minute.
    pub(crate) conversions: u32,
    pub(crate) faults: Vec<Fault>,
}

impl Plan {
    /// What this run puts to the test: of each of these promises, something has to be seen.
    fn meant(&self) -> Vec<Promise> {
        let is_long = self.span >= LONG;
        let meant = [
            (Promise::I1, true),
            (Promise::I8, is_long),
            (Promise::I10, self.faults.contains(&Fault::LogDeleted)),
            (Promise::I11, is_long),
            (Promise::I14, is_long && self.conversions > 0),
        ];
        meant.into_iter().filter_map(|(promise, is_meant)| is_meant.then_some(promise)).collect()
    }

    pub(crate) fn schedule(&self) -> Schedule {
        let choice =
            Choice { faults: &self.faults, span: self.span, clients: self.clients, gateways: self.gateways };
        Schedule::new(self.seed, &choice)
    }
}

/// Runs a plan in a folder and gives back what there is to judge.
pub(crate) async fn run(plan: &Plan, folder: &Path) -> anyhow::Result<Evidence> {
    let Parts { gateways, workers, ground } = topology::start(plan, folder).await?;
    let hubs = match &plan.server {
        Some(foreign) => vec![watch::channel(Some(foreign.find().await?)).1],
        None => gateways.iter().map(Site::address).collect(),
    };
    let Plan { clients, raws, rooms, rate, seed, .. } = *plan;
    let (foreign, tokens) = (plan.server.as_ref(), &plan.tokens[..]);
    let signing = Signing { folder, hubs, foreign, clients, raws, rooms, rate, seed, tokens };
    let crew = Crew::sign(&signing).await.context("the accounts and rooms cannot be made")?;
    let journal = Journal::open(&folder.join("conductor.jsonl"), "conductor")?;
    let locked = |sites: Vec<Site>| sites.into_iter().map(Mutex::new).collect();
    let victims = Victims {
        sites: locked(gateways),
        workers: locked(workers),
        ground: ground.map(Mutex::new),
        crew,
        journal: std::sync::Mutex::new(journal),
    };
    let converter = (plan.conversions > 0)
        .then(|| Converter::start(victims.crew.historian.clone(), folder, plan.conversions))
        .transpose()?;
    note(&victims, Observed::Meant { promises: plan.meant() })?;
    let epochs = play(&victims, plan).await?;
    if let Some(converter) = converter {
        converter.end(plan.rest + LATE).await?;
    }
    history::write(&folder.join("history.jsonl"), &epochs)?;
    evidence(folder)
}

/// Reads what a run left in its folder.
pub(crate) fn evidence(folder: &Path) -> anyhow::Result<Evidence> {
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let path = entry?.path();
        let is_journal =
            path.extension().is_some_and(|end| end == "jsonl") && !path.ends_with("history.jsonl");
        if is_journal {
            lines.extend(journal::read(&path)?);
        }
    }
    Ok(Evidence { lines, epochs: history::read(&folder.join("history.jsonl"))? })
}

async fn play(victims: &Victims, plan: &Plan) -> anyhow::Result<Vec<Epoch>> {
    let (crew, schedule, patience) = (&victims.crew, &plan.schedule(), plan.rest);
    crew.begin().await?;
    crew.tell("go").await?;
    let began = Instant::now();
    let deletes = schedule.hub.iter().find(|step| step.fault == Fault::LogDeleted);
    tokio::try_join!(
        lane(victims, began, &schedule.hub, Some(plan.peace)),
        lane(victims, began, &schedule.links, None)
    )?;
    sleep_until(began + schedule.span).await;
    faults::mend_all(crew);
    let mut epochs = Vec::new();
    if deletes.is_some() {
        rest(victims, patience).await?;
        faults::all_is_announced(&*victims.site(0)?.lock().await).await?;
        epochs.push(history::dump(&crew.historian, &crew.rooms).await?);
        delete(victims).await?;
        crew.tell("go").await?;
        sleep(NEW_LIFE).await;
    }
    crew.tell("pause").await?;
    note(victims, Observed::Quiet)?;
    rest(victims, patience).await?;
    crew.end().await?;
    epochs.push(history::dump(&crew.historian, &crew.rooms).await?);
    Ok(epochs)
}

/// Faults one after the other. A machine on which a start takes its time comes late to the next one: people are served
/// in between all the same.
async fn lane(victims: &Victims, began: Instant, steps: &[Step], peace: Option<Peace>) -> anyhow::Result<()> {
    for step in steps.iter().filter(|step| step.fault != Fault::LogDeleted) {
        sleep_until(began + step.at).await;
        faults::inflict(victims, step).await?;
        if let Some(Peace { breath, acks }) = peace {
            let (healed, enough) = (Instant::now(), victims.crew.acked() + acks);
            let reached = timeout(IDLE, acknowledged(&victims.crew, enough)).await;
            reached.with_context(|| {
                format!("{} of {acks} messages were not acknowledged", enough - victims.crew.acked())
            })?;
            sleep_until(healed + breath).await;
        }
    }
    Ok(())
}

async fn acknowledged(crew: &Crew, enough: u64) {
    while crew.acked() < enough {
        sleep(GLANCE).await;
    }
}

/// The log is deleted while nobody waits for an answer, so that it is certain what belongs to which generation.
async fn delete(victims: &Victims) -> anyhow::Result<()> {
    let fault = Fault::LogDeleted.name();
    note(victims, Observed::Fault { fault: fault.clone(), whom: None })?;
    let mut site = victims.site(0)?.lock().await;
    site.kill().await?;
    heard_out(&victims.crew).await?;
    note(victims, Observed::Deleted)?;
    faults::delete_log(&mut site).await?;
    note(victims, Observed::Healed { fault, whom: None })
}

/// Waits until everybody has written down what was on its way to them when the hub was killed.
async fn heard_out(crew: &Crew) -> anyhow::Result<()> {
    let before = crew.beats();
    let beats = async {
        while crew.beats().iter().zip(&before).any(|(now, then)| *now < then + HEARD_OUT) {
            sleep(GLANCE).await;
        }
    };
    timeout(SIGNS, beats).await.context("a client says nothing any more")
}

/// Waits until everybody who sends has an answer to everything and shows what the history shows.
async fn rest(victims: &Victims, patience: Duration) -> anyhow::Result<()> {
    let crew = &victims.crew;
    crew.tell("pause").await?;
    let all = async {
        loop {
            if crew.statuses().all(|(_, status)| status.is_calm())
                // A hub that does not answer is not at rest.
                && let Ok(heads) = history::heads(&crew.historian, &crew.rooms).await
            {
                // A glance later, so that what was on its way when the heads were read has been told.
                sleep(2 * GLANCE).await;
                let still = history::heads(&crew.historian, &crew.rooms).await.is_ok_and(|now| now == heads);
                let sees = |(role, status): (Role, Status)| role == Role::Raw || status.heads == heads;
                if still && crew.statuses().all(sees) {
                    return;
                }
            }
            sleep(GLANCE).await;
        }
    };
    // The judge says who was late.
    let _ = timeout(patience + LATE, all).await;
    Ok(())
}

fn note(victims: &Victims, what: Observed) -> anyhow::Result<()> {
    victims.journal.lock().unwrap_or_else(PoisonError::into_inner).note(what)
}

/// Whether there is anything to do at all.
pub(crate) fn check(plan: &Plan) -> anyhow::Result<()> {
    ensure!(plan.clients >= 2 && plan.rooms >= 1, "it takes two clients and a room");
    let shared = |flag: &str| plan.options.iter().any(|option| option == flag);
    ensure!(
        plan.topology == Topology::Real
            || plan.gateways < 2
            || shared("--bus-url") && shared("--database-url"),
        "several gateways need a log and databases that they share: --bus-url and --database-url"
    );
    Ok(())
}
