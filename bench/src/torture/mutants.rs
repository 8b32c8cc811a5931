//! Checks the checker: hubs with one bug each, which the judge must catch, and one without, which must pass.

use std::{path::Path, time::Duration};

use anyhow::ensure;
use platform::mutants::Mutant;

use super::{
    check::{self, Promise},
    conductor::{self, Peace, Plan},
    schedule::Fault,
    topology::Topology,
    verdict,
};
use crate::report;

/// What brings a bug to light.
fn faults(mutant: Mutant) -> Vec<Fault> {
    match mutant {
        Mutant::M1 | Mutant::M3 | Mutant::M4 | Mutant::M6 => vec![Fault::Cut],
        Mutant::M2 => vec![Fault::AckLost, Fault::Cut],
        Mutant::M5 | Mutant::M8 => vec![Fault::Kill],
        Mutant::M7 => vec![Fault::LogDeleted],
    }
}

/// How often a mutant is tried, each time with another seed. A machine that is busy with something else can hide a bug that
/// needs two things at one moment.
const TRIES: u64 = 3;
/// How long clients of a hub with a bug are waited for: some never come to rest, which is what shows the bug.
const REST: Duration = Duration::from_secs(5);

/// Tortures each mutant for a short while, several at a time; fails unless each is caught, and unless the hub without one
/// passes. `rest` is how long that one may need to come to rest.
pub(crate) async fn run(
    mshub: &Path,
    wanted: &[Mutant],
    seed: u64,
    at_once: usize,
    rest: Duration,
) -> anyhow::Result<bool> {
    let limit = std::sync::Arc::new(tokio::sync::Semaphore::new(at_once.max(1)));
    let mut runs = tokio::task::JoinSet::new();
    for mutant in wanted.iter().copied().map(Some).chain([None]) {
        let (mshub, limit) = (mshub.to_owned(), limit.clone());
        runs.spawn(async move {
            let _turn = limit.acquire().await?;
            let mut outcome = once(&plan(&mshub, mutant, seed, rest)).await;
            for again in 1..TRIES {
                let missed = |verdict: &_| mutant.is_some_and(|mutant| !caught_by(mutant, verdict));
                if !outcome.as_ref().map_or(mutant.is_some(), missed) {
                    break;
                }
                report::line(&again_because(mutant, &outcome));
                outcome = once(&plan(&mshub, mutant, seed + again, rest)).await;
            }
            anyhow::Ok((mutant, outcome?))
        });
    }
    let (mut all_caught, mut count) = (true, 0);
    while let Some(run) = runs.join_next().await {
        let (mutant, verdict) = run??;
        count += 1;
        let (name, as_it_should) = match mutant {
            Some(mutant) => (mutant.to_string(), caught_by(mutant, &verdict)),
            None => ("no mutant".to_owned(), verdict.is_clean()),
        };
        all_caught &= as_it_should;
        let broken = verdict.broken();
        report::line(&format!(
            "{name}: {} {broken:?}",
            if as_it_should { "as it should be" } else { "WRONG" }
        ));
        match verdict.violations.first() {
            _ if !as_it_should => verdict::tell(&name, &verdict),
            Some(first) => report::line(&format!("  {first}")),
            None => {}
        }
    }
    ensure!(count == wanted.len() + 1, "some mutants did not run");
    Ok(all_caught)
}

/// Why a mutant is tried once more.
fn again_because(mutant: Option<Mutant>, outcome: &anyhow::Result<check::Verdict>) -> String {
    let name = mutant.map_or_else(String::new, |mutant| mutant.to_string());
    match outcome {
        Ok(verdict) => format!("{name}: not seen, only {:?}; once more", verdict.broken()),
        Err(error) => format!("{name}: {error:#}; once more"),
    }
}

/// A mutant is caught by what it does, not by a run that merely came to no end.
fn caught_by(mutant: Mutant, verdict: &check::Verdict) -> bool {
    use Promise::{I1, I2, I3, I4, I5, I6, I8, I10};
    let by: &[Promise] = match mutant {
        Mutant::M1 => &[I2],
        Mutant::M2 => &[I5],
        Mutant::M3 | Mutant::M4 => &[I4, I3],
        // The gateway's memory still has what the database lost: the rows of the database betray it, and their count.
        Mutant::M5 => &[I1, I8],
        Mutant::M6 => &[I3, I4, I6],
        Mutant::M7 => &[I10],
        Mutant::M8 => &[I1],
    };
    verdict.broken().iter().any(|promise| by.contains(promise))
}

async fn once(plan: &Plan) -> anyhow::Result<check::Verdict> {
    let folder = tempfile::tempdir()?;
    Ok(check::judge(&conductor::run(plan, folder.path()).await?, plan.rest))
}

fn plan(mshub: &Path, mutant: Option<Mutant>, seed: u64, rest: Duration) -> Plan {
    let options = mutant.map(|mutant| vec!["--mutant".to_owned(), mutant.to_string()]);
    let control = || vec![Fault::Cut, Fault::AckLost, Fault::Kill, Fault::LogDeleted];
    Plan {
        mshub: mshub.to_owned(),
        server: None,
        tokens: Vec::new(),
        topology: Topology::Embedded,
        options: options.unwrap_or_default(),
        gateways: 1,
        seed,
        // The bare wire shows M3, when it happens to a connection that is still there for the next event.
        span: Duration::from_secs(if mutant == Some(Mutant::M3) { 10 } else { 6 }),
        rest: if mutant.is_some() { REST.min(rest) } else { rest },
        clients: 4,
        raws: 3,
        rooms: 2,
        rate: 90,
        peace: Peace::default(),
        conversions: 0,
        faults: mutant.map_or_else(control, faults),
    }
}
