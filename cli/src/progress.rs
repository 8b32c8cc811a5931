//! Bars on stderr while files are on their way, for people only.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use wire::{
    conversions::{Job, JobProgress, JobState},
    messages::UnderWay,
};

use crate::{
    output::Output,
    text::{harmless, size},
};

/// The bars of one command; nothing at all where nobody would see them.
#[derive(Clone, Debug)]
pub struct Progress {
    bars: MultiProgress,
    shown: bool,
}

/// One file's bar.
#[derive(Clone, Debug)]
pub struct Bar(ProgressBar);

impl Progress {
    /// Bars where a person sees them.
    pub fn new(out: &Output) -> Self {
        let shown = out.shows_progress();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { bars: MultiProgress::with_draw_target(target), shown }
    }

    /// A bar for something of this name.
    pub fn bar(&self, name: &str) -> Bar {
        if !self.shown {
            return Bar(ProgressBar::hidden());
        }
        let bar = self.bars.add(ProgressBar::no_length().with_prefix(harmless(name).into_owned()));
        bar.set_style(waiting());
        bar.enable_steady_tick(Duration::from_millis(120));
        Bar(bar)
    }

    /// Prints something while the bars are out of the way.
    pub fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bars.suspend(print)
    }
}

impl Bar {
    /// So many bytes of the file have left.
    pub fn sent(&self, bytes: u64, total: Option<u64>) {
        match total {
            Some(total) if self.0.length() != Some(total) => {
                self.0.set_length(total);
                self.0.set_style(moving());
            }
            Some(_) => {}
            None => self.0.set_message(format!("sent {}", size(bytes))),
        }
        self.0.set_position(bytes);
    }

    /// The conversion is here now.
    pub fn state(&self, job: &Job) {
        self.0.set_style(waiting());
        self.0.set_message(harmless(&describe(job)).into_owned());
    }

    /// The conversion of a card is here now.
    pub fn under_way(&self, at: &UnderWay) {
        self.say(&words(at.state, at.progress.as_ref(), at.position));
    }

    /// Whether nobody sees it.
    pub fn is_hidden(&self) -> bool {
        self.0.is_hidden()
    }

    /// Anything else.
    pub fn say(&self, text: &str) {
        self.0.set_style(waiting());
        self.0.set_message(harmless(text).into_owned());
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}

/// Where a conversion is, in a few words.
pub fn describe(job: &Job) -> String {
    if job.held {
        return "waits for what it is made of".to_owned();
    }
    let eta = job.eta.as_ref().filter(|_| job.state == JobState::Queued && job.position.is_some());
    let eta = eta.map(|eta| format!(", about {:.0} s", eta.seconds.ceil())).unwrap_or_default();
    words(job.state, job.progress.as_ref(), job.position) + &eta
}

fn words(state: JobState, progress: Option<&JobProgress>, position: Option<u32>) -> String {
    match (state, progress, position) {
        (JobState::Queued, _, Some(0)) => "queued, next".to_owned(),
        (JobState::Queued, _, Some(before)) => format!("queued, {before} before it"),
        (JobState::InProgress, Some(progress), _) => match progress.percent {
            Some(percent) => format!("{} {percent} %", progress.stage),
            None => progress.stage.clone(),
        },
        (JobState::InProgress, None, _) => "in progress".to_owned(),
        (state, _, _) => state.name().to_owned(),
    }
}

const MOVING: &str = "{prefix:24!} {bar:24} {bytes}/{total_bytes} {bytes_per_sec} {msg}";
const WAITING: &str = "{prefix:24!} {spinner} {msg} {elapsed}";

fn moving() -> ProgressStyle {
    style(MOVING)
}

fn waiting() -> ProgressStyle {
    style(WAITING)
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_well_formed() {
        for template in [MOVING, WAITING] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
