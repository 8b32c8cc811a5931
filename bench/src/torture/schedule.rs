//! When which fault happens, from a seed: the same seed gives the same schedule.

use std::{fmt, time::Duration};

use clap::ValueEnum;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

use super::topology::Topology;

/// Two chat-workers and two convert-workers.
pub(crate) const WORKERS: usize = 4;

/// Everything that can be done to a hub, or to the way there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Fault {
    /// SIGKILL, and a new start.
    Kill,
    /// SIGSTOP, and SIGCONT.
    Freeze,
    /// The chat-worker's database is locked by somebody else.
    LockChat,
    /// The gateway's database is locked by somebody else.
    LockServer,
    /// The log is locked by somebody else, for longer than the hub is patient.
    LockLog,
    /// No file may grow any more (RLIMIT_FSIZE).
    DiskFull,
    /// The device has no space left (ENOSPC for every write to the log).
    NoSpace,
    /// A flush fails (EIO from fsync).
    FsyncError,
    /// The disk takes its time for every flush.
    SlowDisk,
    /// SIGKILL, and half a record right behind the last whole one of the log's write-ahead log.
    TornTail,
    /// The running hub's clock goes an hour ahead, then back.
    ClockStep,
    /// The log is deleted, and the history that was made from it: a new generation.
    LogDeleted,
    /// SIGKILL for a worker, and a new start.
    WorkerKill,
    /// SIGSTOP for a worker, and SIGCONT.
    WorkerFreeze,
    /// Kafka's broker crashes, and starts again.
    KafkaKill,
    /// Kafka's broker is held still.
    KafkaFreeze,
    /// PostgreSQL crashes, and starts again.
    PostgresKill,
    /// Redis crashes, and starts again empty.
    RedisKill,
    /// The S3 store crashes, and starts again.
    S3Kill,
    /// SIGKILL for a client, which starts again with its outbox.
    ClientKill,
    /// SIGSTOP for a client, and SIGCONT.
    ClientFreeze,
    /// One client's connections are reset.
    Cut,
    /// Every client's connections are reset at once.
    CutAll,
    /// One client's bytes vanish without a word, both ways.
    HalfOpen,
    /// One client's link carries 4 KiB a second.
    Slow,
    /// One client's link takes 100 to 300 ms longer.
    Delay,
    /// The request arrives, its answer never does.
    AckLost,
}

impl Fault {
    /// Whether it happens on the way of a client, and not to the hub.
    pub(crate) fn is_of_links(self) -> bool {
        matches!(self, Self::Cut | Self::CutAll | Self::HalfOpen | Self::Slow | Self::Delay | Self::AckLost)
    }

    /// Whether it happens to a client or on its way, so that it can be done to anybody's hub.
    pub(crate) fn is_of_clients(self) -> bool {
        self.is_of_links() || matches!(self, Self::ClientKill | Self::ClientFreeze)
    }

    /// Whether it may happen while something else happens to the hub.
    fn is_beside(self) -> bool {
        self.is_of_links() || self == Self::ClientFreeze
    }

    /// Whether it can be done to a hub that is made like this.
    pub(crate) fn is_of(self, topology: Topology) -> bool {
        match self {
            Self::Kill | Self::Freeze => true,
            Self::WorkerKill
            | Self::WorkerFreeze
            | Self::KafkaKill
            | Self::KafkaFreeze
            | Self::PostgresKill
            | Self::RedisKill
            | Self::S3Kill => topology == Topology::Real,
            _ => self.is_of_clients() || topology == Topology::Embedded,
        }
    }

    /// Whether the log may refuse messages meanwhile. What stood behind a refused one in the log's queue may be taken all the
    /// same, and the refusal may never reach its sender: only then a sender's order may change without a word.
    pub(crate) fn refuses(self) -> bool {
        matches!(
            self,
            Self::LockLog
                | Self::DiskFull
                | Self::NoSpace
                | Self::FsyncError
                | Self::KafkaKill
                | Self::KafkaFreeze
        )
    }

    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// How long it lasts, in milliseconds.
    fn lasts(self) -> std::ops::Range<u64> {
        match self {
            Self::Kill | Self::TornTail | Self::ClientKill => 100..900,
            Self::Freeze | Self::WorkerFreeze | Self::ClientFreeze | Self::KafkaFreeze => 1_000..3_000,
            Self::WorkerKill | Self::KafkaKill | Self::PostgresKill | Self::RedisKill | Self::S3Kill => {
                500..2_500
            }
            Self::LockChat | Self::LockServer => 2_000..4_000,
            // Beyond the five seconds that the log waits for a lock.
            Self::LockLog => 5_500..6_500,
            Self::DiskFull | Self::NoSpace | Self::FsyncError | Self::SlowDisk => 2_500..4_000,
            // Right, ahead, right again: a process sees each of the three after a second.
            Self::ClockStep => 4_500..6_000,
            Self::LogDeleted | Self::Cut | Self::CutAll => 0..1,
            Self::HalfOpen | Self::Slow | Self::Delay => 1_000..3_000,
            Self::AckLost => 500..1_500,
        }
    }
}

/// One fault at its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Since the load began.
    pub(crate) at: Duration,
    pub(crate) fault: Fault,
    /// The client, or the gateway, by its number.
    pub(crate) whom: usize,
    pub(crate) lasts: Duration,
}

/// All of them. Those of the hub come one after the other; those of links and of clients that stop run beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    pub(crate) seed: u64,
    pub(crate) hub: Vec<Step>,
    pub(crate) links: Vec<Step>,
    pub(crate) span: Duration,
}

/// What there is to choose from.
pub(crate) struct Choice<'a> {
    pub(crate) faults: &'a [Fault],
    /// At least this long; longer when each fault could not happen once otherwise.
    pub(crate) span: Duration,
    pub(crate) clients: usize,
    pub(crate) gateways: usize,
}

impl Schedule {
    pub(crate) fn new(seed: u64, choice: &Choice<'_>) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let (links, mut hub): (Vec<_>, Vec<_>) = choice.faults.iter().partition(|fault| fault.is_beside());
        // A new generation begins with a quiet hub, so it comes last.
        let deleted = hub.iter().position(|fault| *fault == Fault::LogDeleted).map(|at| hub.swap_remove(at));
        let mut lane = Lane::new(&mut dice, choice, Duration::from_secs(1));
        lane.fill(&hub, 800..2_000, choice.span);
        lane.fill(deleted.as_slice(), 500..1_000, Duration::ZERO);
        let (hub, end) = (lane.steps, lane.at);
        let span = choice.span.max(end);
        let mut lane = Lane::new(&mut dice, choice, Duration::from_millis(500));
        lane.fill(&links, 200..900, span.saturating_sub(Duration::from_secs(3)));
        // The generation changes while no link is broken, so that who is told what is certain.
        let links = lane.steps;
        Self { seed, hub, links, span }
    }
}

struct Lane<'a, 'b> {
    dice: &'a mut StdRng,
    choice: &'a Choice<'b>,
    steps: Vec<Step>,
    at: Duration,
    /// Whose turn it is next among gateways and among workers: nobody is spared while another has it twice.
    turns: [usize; 2],
}

impl<'a, 'b> Lane<'a, 'b> {
    fn new(dice: &'a mut StdRng, choice: &'a Choice<'b>, at: Duration) -> Self {
        let turns = [dice.random_range(0..choice.gateways.max(1)), dice.random_range(0..WORKERS)];
        Self { dice, choice, steps: Vec::new(), at, turns }
    }

    /// Each fault once, in any order, and again until the time is up.
    fn fill(&mut self, faults: &[Fault], pause: std::ops::Range<u64>, until: Duration) {
        let mut first = true;
        while !faults.is_empty() && (first || self.at < until) {
            let mut round = faults.to_vec();
            round.sort();
            round.shuffle(self.dice);
            for fault in round {
                if !first && self.at >= until {
                    break;
                }
                let lasts = Duration::from_millis(self.dice.random_range(fault.lasts()));
                let whom = self.whom(fault);
                self.steps.push(Step { at: self.at, fault, whom, lasts });
                self.at += lasts + Duration::from_millis(self.dice.random_range(pause.clone()));
            }
            first = false;
        }
    }

    fn whom(&mut self, fault: Fault) -> usize {
        let (turn, among) = match fault {
            fault if fault.is_of_clients() => {
                return self.dice.random_range(0..self.choice.clients.max(1));
            }
            Fault::WorkerKill | Fault::WorkerFreeze => (&mut self.turns[1], WORKERS),
            _ => (&mut self.turns[0], self.choice.gateways.max(1)),
        };
        let whom = *turn;
        *turn = (whom + 1) % among;
        whom
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "seed {}, {:.1} s", self.seed, self.span.as_secs_f64())?;
        let mut steps: Vec<&Step> = self.hub.iter().chain(&self.links).collect();
        steps.sort_by_key(|step| step.at);
        for Step { at, fault, whom, lasts } in steps {
            let (at, lasts) = (at.as_secs_f64(), lasts.as_secs_f64());
            writeln!(out, "  {at:6.2} s  {:<12} {lasts:4.1} s  #{whom}", fault.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(seconds: u64) -> Choice<'static> {
        let span = Duration::from_secs(seconds);
        Choice { faults: Fault::value_variants(), span, clients: 7, gateways: 2 }
    }

    #[test]
    fn the_same_seed_gives_the_same_schedule_and_another_one_another() {
        let schedule = |seed| Schedule::new(seed, &choice(30));

        assert_eq!(schedule(7), schedule(7));
        assert_ne!(schedule(7).hub, schedule(8).hub);
    }

    #[test]
    fn every_fault_happens_however_short_the_run() {
        for seed in 0..50 {
            let schedule = Schedule::new(seed, &choice(1));

            let happens = |fault| schedule.hub.iter().chain(&schedule.links).any(|step| step.fault == fault);
            assert!(Fault::value_variants().iter().all(|fault| happens(*fault)), "{schedule}");
            assert_eq!(schedule.hub.last().map(|step| step.fault), Some(Fault::LogDeleted));
        }
    }

    #[test]
    fn one_round_of_faults_spares_no_gateway_and_two_spare_no_worker() {
        for seed in 0..50 {
            let faults = [Fault::Kill, Fault::Freeze, Fault::WorkerKill, Fault::WorkerFreeze];
            let choice = Choice { faults: &faults, span: Duration::ZERO, clients: 7, gateways: 2 };
            let twice = Choice { span: Duration::from_secs(25), ..choice };
            let hit = |choice: &Choice<'_>, fault: [Fault; 2]| {
                let steps = Schedule::new(seed, choice).hub.into_iter();
                let steps = steps.filter(|step| fault.contains(&step.fault));
                steps.map(|step| step.whom).collect::<std::collections::BTreeSet<_>>()
            };

            assert_eq!(hit(&choice, [Fault::Kill, Fault::Freeze]), [0, 1].into());
            assert_eq!(hit(&twice, [Fault::WorkerKill, Fault::WorkerFreeze]), [0, 1, 2, 3].into());
        }
    }

    #[test]
    fn faults_of_the_hub_never_overlap_and_name_somebody_who_is_there() {
        let schedule = Schedule::new(3, &choice(120));

        for pair in schedule.hub.windows(2) {
            assert!(pair[0].at + pair[0].lasts <= pair[1].at, "{pair:?}");
        }
        assert!(schedule.links.iter().all(|step| step.whom < 7));
        assert!(schedule.links.iter().any(|step| step.fault == Fault::ClientFreeze));
        assert!(schedule.hub.last().is_some_and(|step| step.at > Duration::from_secs(100)));
    }
}
