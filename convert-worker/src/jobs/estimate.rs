//! About when a job that waits will have its result: how long its pair took lately, and how many are before it.

use platform::service::Outcome;
use wire::conversions::{Estimate, Job};

use super::sql;
use crate::state::State;

/// How many conversions of the same pair are looked at.
const RECENT: usize = 21;

/// An estimate for a job that waits at its position; nothing where nothing is known.
pub(super) async fn of(state: &State, job: &Job) -> Outcome<Option<Estimate>> {
    let Some(before) = job.position else { return Ok(None) };
    let seconds = sql::recent(&state.db, &job.from, &job.to, RECENT).await?;
    let pair = format!("{} to {}", job.from, job.to);
    Ok(reckon(before, state.config.runners, seconds, &pair))
}

/// Every runner takes the median again and again until it is this job's turn, and then this job takes it.
fn reckon(before: u32, runners: usize, mut seconds: Vec<f64>, pair: &str) -> Option<Estimate> {
    seconds.sort_by(f64::total_cmp);
    let median = *seconds.get(seconds.len() / 2)?;
    let runners = u32::try_from(runners).ok().filter(|runners| *runners > 0)?;
    let rounds = before.saturating_add(1).div_ceil(runners);
    let basis = format!(
        "the median of the last {} from {pair} ({median:.1} s), {before} before it, runners of a worker: {runners}",
        seconds.len()
    );
    Some(Estimate { seconds: median * f64::from(rounds), basis })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_not_estimated() {
        let seconds = |before, runners, seconds: &[f64]| {
            reckon(before, runners, seconds.to_vec(), "md to pdf").map(|estimate| estimate.seconds)
        };

        assert_eq!(seconds(0, 2, &[]), None);
        assert_eq!(seconds(0, 0, &[1.0]), None);
        // One that took for ever does not count for all.
        assert_eq!(seconds(0, 2, &[2.0, 900.0, 1.0]), Some(2.0));
        assert_eq!((seconds(1, 2, &[2.0]), seconds(2, 2, &[2.0])), (Some(2.0), Some(4.0)));
        assert_eq!(seconds(u32::MAX, 1, &[1.0]), Some(f64::from(u32::MAX)));
        let said = reckon(3, 2, vec![0.25], "md to pdf").unwrap().basis;
        assert_eq!(
            said,
            "the median of the last 1 from md to pdf (0.2 s), 3 before it, runners of a worker: 2"
        );
    }
}
