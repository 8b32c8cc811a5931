//! Words and figures for people: sizes, times, and text of others made harmless.

use std::{borrow::Cow, time::Duration};

use wire::{Timestamp, signs::is_deceptive};

/// The text without anything that a terminal would obey: control characters other than line breaks and tabs, and
/// marks that turn the direction of writing. Each becomes `U+FFFD`.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_dangerous) {
        Cow::Owned(
            text.chars().map(|c| if is_dangerous(c) { char::REPLACEMENT_CHARACTER } else { c }).collect(),
        )
    } else {
        Cow::Borrowed(text)
    }
}

fn is_dangerous(c: char) -> bool {
    !matches!(c, '\n' | '\t') && is_deceptive(c)
}

/// A size as people read it, such as `1.2 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A moment in local time, to the minute.
pub(crate) fn moment(at: Timestamp) -> String {
    local(at).strftime("%Y-%m-%d %H:%M").to_string()
}

/// A moment in local time as a chat line begins: only the time when it is of today.
pub(crate) fn clock(at: Timestamp, now: Timestamp) -> String {
    let (at, now) = (local(at), local(now));
    let format = if at.date() == now.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    at.strftime(format).to_string()
}

/// The present.
pub(crate) fn now() -> Timestamp {
    jiff::Timestamp::now().into()
}

fn local(at: Timestamp) -> jiff::Zoned {
    at.to_jiff().to_zoned(jiff::tz::TimeZone::system())
}

/// `10m`, `90s`, `1h30m` or a number of seconds.
pub(crate) fn parse_span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a span of time such as 90s, 10m or 1h30m");
    let seconds = match text.parse::<f64>() {
        Ok(seconds) => seconds,
        Err(_) => text.parse::<jiff::SignedDuration>().map_err(|_| wrong())?.as_secs_f64(),
    };
    if seconds <= 0.0 {
        return Err(wrong());
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_replaced_and_the_rest_is_kept() {
        assert_eq!(harmless("a\u{1b}]52;c;x\u{7}b"), "a\u{fffd}]52;c;x\u{fffd}b");
        assert_eq!(harmless("in\u{202e}verted\u{9b}1m"), "in\u{fffd}verted\u{fffd}1m");
        assert_eq!(harmless("two\nlines\tand 日本 🙏"), "two\nlines\tand 日本 🙏");
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!(size(17), "17 B");
        assert_eq!(size(184 * 1024), "184.0 KiB");
        assert_eq!(size(1024 * 1024 - 1), "1.0 MiB");
    }

    #[test]
    fn spans_are_read_with_and_without_units() {
        assert_eq!(parse_span("90"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_span("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_span("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_span("250ms"), Ok(Duration::from_millis(250)));
        for wrong in ["", "soon", "-5s", "0", "NaN"] {
            assert!(parse_span(wrong).is_err(), "{wrong}");
        }
    }
}
