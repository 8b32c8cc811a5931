//! mshub-metrics(7): what a hub tells whoever watches it.

use platform::service::catalogue::{BUCKETS, Kind, METRICS, Metric};

use super::Page;

const ABOUT: &str = "\
Each process tells its metrics at /metrics of its admin listener (--admin-listen), in the text format of Prometheus. A \
hub in one process has all of them; on many machines each service has its own. A metric is there once there was \
something to count.

deploy/alerts.yml has rules for what somebody should look at.";

/// The page.
pub(super) fn page() -> Page {
    let mut page = Page::new("mshub-metrics", 7, "what a hub tells whoever watches it");
    page.heading("DESCRIPTION").paragraphs(ABOUT).heading("METRICS");
    METRICS.iter().for_each(|metric| describe(&mut page, metric));
    let bounds: Vec<_> = BUCKETS.iter().map(ToString::to_string).collect();
    page.heading("BUCKETS").paragraphs(&format!("The histograms count up to {} seconds.", bounds.join(", ")));
    page.heading("SEE ALSO").paragraphs("mshub-up(1), mshub.toml(5)");
    page
}

fn describe(page: &mut Page, metric: &Metric) {
    let Metric { name, kind, labels, help } = metric;
    let kind = match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    let labels = if labels.is_empty() { String::new() } else { format!(" by {}", labels.join(", ")) };
    page.item(name, &format!("{help} ({kind}{labels})."));
}
