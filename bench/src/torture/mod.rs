//! `mshub-bench torture`: real clients, real faults, and a judge who believes only what was written down.

mod check;
mod client;
mod conductor;
mod converter;
mod crashpoints;
mod faults;
mod foreign;
mod ground;
mod history;
mod journal;
mod mutants;
mod people;
mod schedule;
mod site;
mod topology;
mod verdict;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand, ValueEnum as _};
use platform::mutants::Mutant;
use schedule::Fault;
use topology::Topology;

use crate::report;
use conductor::{Peace, Plan};
use foreign::Foreign;
pub(crate) use {
    ground::Ground,
    site::Site,
    topology::{Parts, real},
};

/// Tortures a hub and judges what its clients saw.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct TortureArgs {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    run: Run,
}

#[derive(Subcommand)]
enum What {
    /// Hubs with one known bug each, from a build with the feature `mutants`: each must be caught.
    Mutants {
        /// Only these.
        #[arg(long, value_delimiter = ',')]
        only: Vec<Mutant>,
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many run beside each other.
        #[arg(long, default_value_t = 3)]
        at_once: usize,
        /// For how long the hub without a bug may need to come to rest (I12).
        #[arg(long, default_value_t = 10, value_name = "SECONDS")]
        rest: u64,
    },
    /// A crash at every flush and write of the log, one after the other (needs strace).
    Crashpoints(crashpoints::Options),
    /// Judges the folder of an earlier run again.
    Check {
        /// As given to `--keep`, and in it the folder of the seed.
        folder: PathBuf,
        /// As given to the run.
        #[arg(long, default_value_t = 10, value_name = "SECONDS")]
        rest: u64,
    },
    /// One client; started by a run.
    #[command(hide = true)]
    Client(client::ClientArgs),
}

#[derive(Args)]
struct Run {
    /// Seeds of the schedules, one run each, beside each other.
    #[arg(long = "seed", value_delimiter = ',', default_value = "1")]
    seeds: Vec<u64>,
    /// For how long there is load, at least: it takes as long as each fault needs to happen once.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// For how long after the last fault somebody may still catch up (I12).
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    rest: u64,
    /// Clients that talk, each a process.
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// Clients that only listen, to the bare wire.
    #[arg(long, default_value_t = 2)]
    raws: usize,
    #[arg(long, default_value_t = 4)]
    rooms: usize,
    /// Messages a second of all clients together.
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// For how long the hub is left in peace between two faults, at least.
    #[arg(long, default_value_t = 0.8, value_name = "SECONDS")]
    breath: f64,
    /// How many messages the hub acknowledges between two faults, at least.
    #[arg(long, default_value_t = 0, value_name = "N")]
    acks: u64,
    /// Documents that somebody converts a minute [default: 60 on real engines, none otherwise]
    #[arg(long, value_name = "N")]
    conversions: Option<u32>,
    /// Only these faults.
    #[arg(long, value_delimiter = ',')]
    faults: Vec<Fault>,
    /// Faults that must not be left out because this machine lacks a tool.
    #[arg(long, value_delimiter = ',')]
    require: Vec<Fault>,
    /// Tortures the hub at this address instead of one of its own, such as `https://chat.example.org`: only clients and
    /// their links can be broken.
    #[arg(long, value_name = "URL", requires = "tokens")]
    server: Option<Foreign>,
    /// A file with tokens for that hub, one account a line: as many as clients of both kinds, and one more. Personal
    /// tokens, unless the run is over before access tokens expire, after ten minutes.
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,
    /// What the hub is made of.
    #[arg(long, value_enum, default_value_t = Topology::Embedded)]
    topology: Topology,
    /// Gateways that share everything; of the topology `real` there are two at least.
    #[arg(long, default_value_t = 1)]
    gateways: usize,
    /// Handed on to `mshub up`, or to each gateway, such as `--bus-url=kafka://…`.
    #[arg(long = "up", value_name = "OPTION", allow_hyphen_values = true)]
    options: Vec<String>,
    /// Keeps journals, history, verdict and the hub's log in this folder.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Prints the verdict as JSON, a line for each seed.
    #[arg(long)]
    json: bool,
}

/// Whether everything held. Without `mshub` on the command line the one beside this program is tortured.
pub(crate) async fn run(mshub: &Path, args: TortureArgs) -> anyhow::Result<bool> {
    match args.what {
        None => args.run.run(mshub).await,
        Some(What::Mutants { only, seed, at_once, rest }) => {
            let wanted = if only.is_empty() { &Mutant::ALL[..] } else { &only };
            mutants::run(mshub, wanted, seed, at_once, Duration::from_secs(rest)).await
        }
        Some(What::Crashpoints(options)) => crashpoints::run(mshub, options).await,
        Some(What::Check { folder, rest }) => {
            let verdict = check::judge(&conductor::evidence(&folder)?, Duration::from_secs(rest));
            verdict::tell(&folder.display().to_string(), &verdict);
            Ok(verdict.is_clean())
        }
        Some(What::Client(args)) => client::run(args).await.map(|()| true),
    }
}

impl Run {
    async fn run(self, mshub: &Path) -> anyhow::Result<bool> {
        let faults = self.faults()?;
        let mut runs = tokio::task::JoinSet::new();
        for seed in &self.seeds {
            let plan = self.plan(mshub, *seed, faults.clone())?;
            conductor::check(&plan)?;
            report::line(&plan.schedule().to_string());
            // Services that run somewhere else are told of files in it.
            let folder =
                self.keep.as_ref().map(|folder| std::path::absolute(folder.join(format!("seed-{seed}"))));
            let folder = folder.transpose()?;
            runs.spawn(once(plan, folder));
        }
        let mut clean = true;
        while let Some(run) = runs.join_next().await {
            let (seed, verdict) = run??;
            clean &= verdict.is_clean();
            match self.json {
                true => report::line(&serde_json::to_string(&verdict)?),
                false => verdict::tell(&format!("seed {seed}"), &verdict),
            }
        }
        Ok(clean)
    }

    /// What can be done here, and what cannot, said aloud.
    fn faults(&self) -> anyhow::Result<Vec<Fault>> {
        let here = Fault::value_variants().iter().copied().filter(|fault| fault.is_of(self.topology));
        let wanted = if self.faults.is_empty() { here.collect() } else { self.faults.clone() };
        let mut faults = Vec::new();
        for fault in &wanted {
            let (name, topology) = (fault.name(), self.topology.name());
            ensure!(fault.is_of(self.topology), "{name} cannot be done to the topology {topology}");
            let foreign = self.server.is_some() && !fault.is_of_clients();
            let missing = foreign.then_some("it is not our hub").or_else(|| faults::missing(*fault));
            match missing {
                None => faults.push(*fault),
                Some(why) => {
                    ensure!(!self.require.contains(fault), "{} is required: {why}", fault.name());
                    report::line(&format!("skipped: {}: {why}", fault.name()));
                }
            }
        }
        Ok(faults)
    }

    fn plan(&self, mshub: &Path, seed: u64, faults: Vec<Fault>) -> anyhow::Result<Plan> {
        let tokens = match &self.tokens {
            None => Vec::new(),
            Some(file) => {
                let text = std::fs::read_to_string(file)
                    .with_context(|| format!("the tokens {} cannot be read", file.display()))?;
                text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
            }
        };
        Ok(Plan {
            mshub: mshub.to_owned(),
            server: self.server.clone(),
            tokens,
            topology: self.topology,
            options: self.options.clone(),
            gateways: self.topology.gateways(self.gateways),
            seed,
            span: Duration::from_secs(self.seconds),
            rest: Duration::from_secs(self.rest),
            clients: self.clients,
            raws: self.raws,
            rooms: self.rooms,
            rate: self.rate,
            peace: Peace {
                breath: Duration::try_from_secs_f64(self.breath).context("--breath is no time")?,
                acks: self.acks,
            },
            conversions: self.conversions.unwrap_or(match self.topology {
                Topology::Real => 60,
                Topology::Embedded => 0,
            }),
            faults,
        })
    }
}

async fn once(plan: Plan, keep: Option<PathBuf>) -> anyhow::Result<(u64, check::Verdict)> {
    let temporary = tempfile::tempdir()?;
    let folder = keep.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder)?;
    let evidence =
        conductor::run(&plan, &folder).await.with_context(|| format!("the run of seed {}", plan.seed))?;
    let verdict = check::judge(&evidence, plan.rest);
    if keep.is_some() {
        verdict::write(&folder.join("verdict.json"), &verdict)?;
    }
    Ok((plan.seed, verdict))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        run: Run,
    }

    fn plan(words: &[&str]) -> Plan {
        let words = ["torture"].iter().chain(words);
        let run = Line::parse_from(words).run;
        let faults = run.faults().unwrap();
        run.plan(Path::new("mshub"), 1, faults).unwrap()
    }

    #[test]
    fn of_a_hub_in_parts_every_gateway_that_runs_is_a_victim() {
        let faults = ["--topology", "real", "--faults", "kill,freeze"];
        let whom = |more: &[&str]| {
            let plan = plan(&[&faults, more].concat());
            let hit: std::collections::BTreeSet<_> =
                plan.schedule().hub.into_iter().map(|step| step.whom).collect();
            (plan.gateways, hit)
        };

        assert_eq!(whom(&[]), (2, [0, 1].into()));
        assert_eq!(whom(&["--gateways", "3"]), (3, [0, 1, 2].into()));
    }
}
