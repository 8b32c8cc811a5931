//! What so many sockets need.

use std::fmt;

use super::world::World;

const MICRO: f64 = 1e-6;
const GB: f64 = 1e9;
const HOURS_A_MONTH: f64 = 730.0;

/// All of the cells together, except where it says each.
#[derive(Debug)]
pub(super) struct Need {
    sockets: f64,
    cells: f64,
    /// At the peak.
    messages: f64,
    deliveries: f64,
    /// None when a gateway has nothing left to give: reading the log takes all of it.
    gateways: Option<f64>,
    bound_by: &'static str,
    /// Share of the CPU that a gateway may use, for reading a log of which it needs little.
    reading: f64,
    workers: f64,
    partitions: f64,
    brokers: f64,
    /// Bytes a second that gateways and workers read from the brokers.
    log_reads: f64,
    /// Bytes a second to people, at the peak.
    to_people: f64,
    machines: Option<f64>,
    dollars: Option<f64>,
}

impl Need {
    /// For sockets that are spread evenly over the cells.
    pub(super) fn of(world: &World, sockets: f64, cells: f64) -> Self {
        let mean = sockets * world.messages_an_hour / 3_600.0;
        let messages = mean * world.peak;
        let deliveries = messages * world.listeners;
        let cpu = world.cores * world.used;
        let network = world.network_gbit * GB / 8.0 * world.used;
        let memory = world.memory_gib * 1_048_576.0 * world.used;

        let read_cpu = messages / cells * world.read_us * MICRO;
        let read_bytes = messages / cells * world.record_bytes;
        let work = (deliveries * world.delivery_us + messages * world.send_us) * MICRO;
        let to_people = deliveries * world.frame_bytes;
        let bounds = [
            ("memory", Some(sockets * (world.socket_kib + world.kernel_kib) / memory)),
            ("CPU", share(work, cpu - read_cpu)),
            ("network", share(to_people, network - read_bytes)),
        ];
        let (bound_by, gateways) =
            bounds.into_iter().fold(("", Some(0.0)), |most, bound| match (most.1, bound.1) {
                (None, _) => most,
                (_, None) => ("reading the log", None),
                (Some(high), Some(this)) if this > high => bound,
                _ => most,
            });
        let gateways = gateways.map(|gateways| (gateways / cells).ceil().max(2.0) * cells);

        let workers = (messages / cells / (world.rows * world.used)).ceil().max(2.0) * cells;
        let partitions = (messages / cells / (world.partition * world.used)).ceil().max(12.0) * cells;
        let readers = gateways.unwrap_or(0.0) / cells + 1.0;
        let log_reads = messages * world.record_bytes * readers;
        let written = messages * world.record_bytes * world.copies;
        let brokers = ((log_reads + written) / cells / network).ceil().max(world.copies) * cells;
        let machines = gateways.map(|gateways| gateways + workers + brokers);
        let traffic = to_people / world.peak * 3_600.0 * HOURS_A_MONTH / GB * world.dollars_a_gb;
        let dollars = machines.map(|all| all * world.dollars_an_hour * HOURS_A_MONTH + traffic);
        Self {
            sockets,
            cells,
            messages,
            deliveries,
            gateways,
            bound_by,
            reading: read_cpu / cpu,
            workers,
            partitions,
            brokers,
            log_reads,
            to_people,
            machines,
            dollars,
        }
    }

    /// Sockets at which reading the one log takes half of what a gateway may use.
    pub(super) fn reach(world: &World) -> f64 {
        let messages = world.cores * world.used / 2.0 / (world.read_us * MICRO);
        messages / world.peak * 3_600.0 / world.messages_an_hour
    }
}

/// How many have room for the work; none when there is no room at all.
fn share(work: f64, room: f64) -> Option<f64> {
    (room > 0.0).then(|| work / room)
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |number: Option<f64>| number.map_or_else(|| "none would do".to_owned(), count);
        write!(
            f,
            "| {} | {} | {} | {} | {} | {} | {:.1} % of CPU | {} | {} | {} | {}B/s | {}B/s | {} | {} |",
            count(self.sockets),
            count(self.cells),
            count(self.messages),
            count(self.deliveries),
            or_none(self.gateways),
            self.bound_by,
            self.reading * 100.0,
            count(self.workers),
            count(self.partitions),
            count(self.brokers),
            count(self.log_reads),
            count(self.to_people),
            or_none(self.machines),
            self.dollars.map_or_else(|| "-".to_owned(), |dollars| format!("${}", count(dollars))),
        )
    }
}

/// With three digits: 12, 3.46 k, 1.00 M, 2.1 G.
pub(super) fn count(number: f64) -> String {
    let (scaled, unit) = match number {
        _ if number >= 1e9 => (number / 1e9, " G"),
        _ if number >= 1e6 => (number / 1e6, " M"),
        _ if number >= 1e4 => (number / 1e3, " k"),
        _ => (number, ""),
    };
    let digits = if unit.is_empty() || scaled >= 100.0 { 0 } else { 1 };
    format!("{scaled:.digits$}{unit}")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Defaults {
        #[command(flatten)]
        world: World,
    }

    fn world() -> World {
        Defaults::parse_from(["scale"]).world
    }

    #[test]
    fn twice_the_people_need_twice_the_work_and_more_than_twice_the_reading() {
        let world = world();
        let (one, two) = (Need::of(&world, 1e7, 1.0), Need::of(&world, 2e7, 1.0));
        assert!((two.messages / one.messages - 2.0).abs() < 1e-9);
        assert!((one.messages - 100_000.0).abs() < 1e-9, "12 an hour, three times at the peak: {one:?}");
        assert!((one.deliveries - 5_000_000.0).abs() < 1e-6);
        assert!(two.log_reads > 2.0 * one.log_reads, "each of more gateways reads all of more");
    }

    #[test]
    fn a_log_that_leaves_a_gateway_nothing_is_too_large_and_cells_make_it_small() {
        let world = world();
        let reach = Need::reach(&world);
        assert!((Need::of(&world, reach, 1.0).reading - 0.5).abs() < 1e-9);
        let beyond = Need::of(&world, reach * 2.5, 1.0);
        assert_eq!((beyond.gateways, beyond.bound_by), (None, "reading the log"));
        assert!(Need::of(&world, reach * 2.5, 10.0).gateways.is_some());
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(count(2.0), "2");
        assert_eq!(count(9_999.0), "9999");
        assert_eq!(count(12_345.0), "12.3 k");
        assert_eq!(count(100e6), "100 M");
        assert_eq!(count(2.14e9), "2.1 G");
    }
}
