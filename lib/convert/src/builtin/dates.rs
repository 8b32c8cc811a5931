//! Excel's day numbers as calendar dates (ECMA-376 Part 1, 18.17.4), with its leap day of 1900.

/// English month names; formats cut them.
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// English day names from Sunday.
pub(super) const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const DAY_MILLIS: i64 = 86_400_000;

/// A point in time of no particular zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DateTime {
    pub(super) year: i64,
    /// 1 to 12.
    pub(super) month: u8,
    pub(super) day: u8,
    /// 0 is Sunday.
    pub(super) weekday: u8,
    pub(super) hour: u8,
    pub(super) minute: u8,
    pub(super) second: u8,
    pub(super) millisecond: u16,
    /// Milliseconds since day 0, for elapsed times.
    total: i64,
}

impl DateTime {
    /// Reads a day number, rounded to `decimals` (0 to 3) decimals of a second. `None` before day 0 and after 9999.
    pub(super) fn from_serial(serial: f64, epoch_1904: bool, decimals: u32) -> Option<DateTime> {
        if !(0.0..2_958_466.0).contains(&serial) {
            return None;
        }
        let unit = 10_i64.pow(3 - decimals.min(3));
        let total = ((serial * DAY_MILLIS as f64) / unit as f64).round() as i64 * unit;
        let (days, millis) = (total.div_euclid(DAY_MILLIS), total.rem_euclid(DAY_MILLIS));
        let days = if epoch_1904 { days + 1462 } else { days };
        // Excel believes in 29 February 1900 (day 60); every day before it is one later than it says.
        let (year, month, day) = match days {
            0 => (1900, 1, 0),
            1..=59 => civil(days - 25_568),
            60 => (1900, 2, 29),
            _ => civil(days - 25_569),
        };
        Some(DateTime {
            year,
            month,
            day,
            weekday: ((days + 6) % 7) as u8,
            hour: (millis / 3_600_000) as u8,
            minute: (millis / 60_000 % 60) as u8,
            second: (millis / 1000 % 60) as u8,
            millisecond: (millis % 1000) as u16,
            total,
        })
    }

    /// All hours (`h`), minutes (`m`) or seconds since day 0.
    pub(super) fn elapsed(&self, unit: char) -> u64 {
        let millis = match unit {
            'h' => 3_600_000,
            'm' => 60_000,
            _ => 1000,
        };
        (self.total / millis).unsigned_abs()
    }

    /// Hours, minutes and seconds of an elapsed time; the hours may be more than a day.
    pub(super) fn duration(&self) -> String {
        format!("{:02}:{:02}:{:02}", self.elapsed('h'), self.minute, self.second)
    }

    /// The hours, minutes and seconds of an ISO 8601 duration below a day's own units, such as `PT10H30M5S`.
    pub(super) fn clock(iso: &str) -> Option<String> {
        let (mut rest, mut parts) = (iso.strip_prefix("PT")?, [0_u64; 3]);
        for (part, unit) in parts.iter_mut().zip(['H', 'M', 'S']) {
            if let Some((number, after)) = rest.split_once(unit) {
                *part = number.split(['.', ',']).next()?.parse().ok()?;
                rest = after;
            }
        }
        let [hours, minutes, seconds] = parts;
        rest.is_empty().then(|| format!("{hours}:{minutes:02}:{seconds:02}"))
    }

    /// ISO 8601: the date alone at midnight, the time alone on day 0, both otherwise.
    pub(super) fn iso(&self) -> String {
        let time = format!("{:02}:{:02}:{:02}", self.hour, self.minute, self.second);
        let date = format!("{:04}-{:02}-{:02}", self.year, self.month, self.day);
        match (self.total < DAY_MILLIS, time.as_str()) {
            (true, _) => time,
            (false, "00:00:00") => date,
            _ => format!("{date}T{time}"),
        }
    }
}

/// Days since 1970-01-01 as a date of the Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: i64) -> (i64, u8, u8) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u8;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month as u8, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_become_clock_times() {
        assert_eq!(DateTime::clock("PT10H10M10S").as_deref(), Some("10:10:10"));
        assert_eq!(DateTime::clock("PT160H10M10.123456S").as_deref(), Some("160:10:10"));
        assert_eq!(DateTime::clock("PT5M").as_deref(), Some("0:05:00"));
        assert_eq!(DateTime::clock("P1Y"), None);
        assert_eq!(DateTime::clock("PT5X"), None);
    }

    #[test]
    fn days_become_dates() {
        let iso = |serial| DateTime::from_serial(serial, false, 0).unwrap().iso();
        assert_eq!(iso(45_413.0), "2024-05-01");
        assert_eq!(iso(45_413.75), "2024-05-01T18:00:00");
        assert_eq!(iso(0.25), "06:00:00");
        assert_eq!(iso(61.0), "1900-03-01");
        assert_eq!(DateTime::from_serial(45_413.0, false, 0).unwrap().weekday, 3);
        assert_eq!(DateTime::from_serial(-1.0, false, 0), None);
    }
}
