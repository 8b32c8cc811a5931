//! What a socket that waits costs: the memory of the later ones, so that what the first ones brought in does not count.

use std::time::Duration;

use super::{Cost, Site};
use crate::report;

pub(super) async fn run(site: &Site) -> anyhow::Result<()> {
    let options = &site.options;
    let few = options.rooms / 4;
    let (mut rooms, mut before) = (Vec::new(), site.cost()?);
    for number in 0..options.rooms {
        if number == few {
            before = settled(site).await?;
        }
        rooms.push(site.open(number).await?);
    }
    let after = settled(site).await?;
    let (first, all) = (few * options.members, options.rooms * options.members);
    report::line(&format!(
        "| idle | from {first} to {all} sockets, {} in a room | {:.2} KiB RSS a socket | hub {:.1} MiB |",
        options.members,
        (after.rss - before.rss) / 1024.0 / f64::from(all - first),
        after.rss / 1024.0 / 1024.0,
    ));
    Ok(())
}

async fn settled(site: &Site) -> anyhow::Result<Cost> {
    tokio::time::sleep(Duration::from_secs(site.options.seconds.into())).await;
    site.cost()
}
