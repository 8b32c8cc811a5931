//! A bar of eighths, and how far an engine is in words.

use wire::conversions::JobProgress;

use crate::text;

/// A bar of so many columns for `done` of `total`; empty when the total is 0.
pub fn bar(done: u64, total: u64, columns: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = columns as u64 * 8;
    let filled = if total == 0 {
        0
    } else {
        (u128::from(done.min(total)) * u128::from(eighths) / u128::from(total)) as usize
    };
    let part = PARTS.get(filled % 8).copied().unwrap_or("");
    let used = filled / 8 + usize::from(!part.is_empty());
    format!("{}{part}{}", "█".repeat(filled / 8), "░".repeat(columns.saturating_sub(used)))
}

/// Whole percent of `done` in `total`, never 100 before it is.
pub fn percent(done: u64, total: u64) -> u64 {
    if total == 0 { 0 } else { (u128::from(done.min(total)) * 100 / u128::from(total)) as u64 }
}

/// How far an engine is: a bar where something honest is known; otherwise what is being done and how much of it is.
pub fn words(at: &JobProgress, columns: usize) -> String {
    let stage = text::clean_line(&at.stage);
    match (at.percent, at.total) {
        (Some(percent), _) => {
            let percent = u64::from(percent.min(100));
            format!("{} {percent:>3} %  {stage}", bar(percent, 100, columns))
        }
        (None, Some(total)) => format!("{stage}  {} of {total} {}", at.done, at.unit),
        (None, None) if at.done > 0 => format!("{stage}  {} {}", at.done, at.unit),
        (None, None) => stage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_always_as_wide_as_asked() {
        for done in 0..=100 {
            assert_eq!(bar(done, 100, 10).chars().count(), 10, "{done}");
        }
        assert_eq!(bar(0, 0, 4), "░░░░");
        assert_eq!(bar(64, 100, 10), "██████▍░░░");
        assert_eq!(percent(999, 1000), 99);
        assert_eq!(percent(u64::MAX, u64::MAX), 100);
    }
}
