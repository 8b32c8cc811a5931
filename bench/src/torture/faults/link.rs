//! The way of a client to the hub.

use std::time::Duration;

use platform::testing::Link;
use tokio::time::sleep;

use crate::torture::{people::Crew, schedule::Fault};

/// How long a cut link stays cut: the first attempts to come back fail.
const CUT: Duration = Duration::from_millis(150);
const SLOW: u32 = 4 * 1024;
const DELAY_MILLIS: u32 = 200;

/// Breaks one client's link, or all of them, and mends it.
pub(super) async fn break_it(crew: &Crew, fault: Fault, whom: usize, lasts: Duration) {
    let (link, lasts) = match fault {
        Fault::HalfOpen => (Link::HalfOpen, lasts),
        Fault::Slow => (Link::Slow(SLOW), lasts),
        Fault::Delay => (Link::Delay(DELAY_MILLIS), lasts),
        Fault::AckLost => (Link::AckLost, lasts),
        _ => (Link::Cut, CUT),
    };
    let proxies: Vec<_> = match fault {
        Fault::CutAll => crew.proxies().collect(),
        _ => crew.proxies().skip(whom % crew.len().max(1)).take(1).collect(),
    };
    proxies.iter().for_each(|proxy| proxy.set(link));
    sleep(lasts).await;
    proxies.iter().for_each(|proxy| proxy.set(Link::Open));
}

/// Mends every link.
pub(crate) fn mend_all(crew: &Crew) {
    crew.proxies().for_each(|proxy| proxy.set(Link::Open));
}
