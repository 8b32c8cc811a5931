//! How many machines so many people need, by calculation from measured constants; nothing is run.

mod need;
mod world;

use clap::Args;

use crate::report;
use need::Need;
use world::World;

#[derive(Args)]
pub(crate) struct Options {
    /// How many sockets are open at once.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000_000.0, 100_000_000.0])]
    sockets: Vec<f64>,
    /// Into how many hubs that share nothing but accounts the rooms are divided.
    #[arg(long, value_delimiter = ',', default_values_t = [1.0, 10.0])]
    cells: Vec<f64>,
    #[command(flatten)]
    world: World,
}

pub(crate) fn run(options: &Options) {
    report::line(&format!("{}\n", options.world));
    report::line(
        "| sockets | cells | messages/s | deliveries/s | gateways | bound by | each reads | workers | partitions | brokers | log reads | to people | machines | a month |",
    );
    report::line("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for sockets in &options.sockets {
        for cells in &options.cells {
            report::line(&Need::of(&options.world, *sockets, *cells).to_string());
        }
    }
    let reach = Need::reach(&options.world);
    report::line(&format!(
        "\nOne log carries {} sockets: there, reading it takes half of what a gateway may use, since each reads all of it.",
        need::count(reach)
    ));
}
