//! Times: as text (RFC 3339), which a few providers use for the expiry of a token, and in stored forms.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A time of a stored form, in milliseconds since 1970. It is written in seconds, with a fraction only if there is one.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Seconds(u64);

impl Seconds {
    pub(crate) fn of(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn time(self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::from_millis(self.0))
    }

    pub(crate) fn milliseconds(self) -> u64 {
        self.0
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 % 1000 {
            0 => serializer.serialize_u64(self.0 / 1000),
            _ => serializer.serialize_f64(self.0 as f64 / 1000.0),
        }
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Negative numbers become 0, and numbers beyond all times the last one.
        f64::deserialize(deserializer).map(|seconds| Self((seconds * 1000.0).round() as u64))
    }
}

/// Seconds since 1970 of a time such as `2026-11-23T10:00:00Z`, without fractions. `None` if the text is not such a time.
pub(crate) fn seconds(text: &str) -> Option<f64> {
    let [year, month, day] = numbers(text.get(..10)?, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(text.get(11..19)?, ':', [2, 2, 2])?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let real = (1..=12).contains(&month) && (1..=days_in_month).contains(&day);
    // A leap second counts as the next second.
    if !real || hour > 23 || minute > 59 || second > 60 || !text[10..].starts_with(['T', 't', ' ']) {
        return None;
    }
    let mut zone = &text[19..];
    if let Some(fraction) = zone.strip_prefix('.') {
        zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
        if zone.len() == fraction.len() {
            return None;
        }
    }
    let offset = match zone.split_at_checked(1)? {
        ("Z" | "z", "") => 0,
        (sign @ ("+" | "-"), zone) => {
            let [hours, minutes] = numbers(zone, ':', [2, 2]).filter(|[h, m]| *h < 24 && *m < 60)?;
            (hours * 60 + minutes) * if sign == "-" { -60 } else { 60 }
        }
        _ => return None,
    };
    // Days since 1970 in the proleptic Gregorian calendar, years beginning in March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days =
        365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (153 * m + 2) / 5 + day - 1;
    let days = days - 719_468;
    Some((days * 86_400 + hour * 3600 + minute * 60 + second - offset) as f64)
}

/// Numbers of so many digits each, with that separator between them.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split(separator);
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next()?;
        let fits = part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
        *number = part.parse().ok().filter(|_| fits)?;
    }
    parts.next().is_none().then_some(numbers)
}

/// The end of the year 9999, in seconds since 1970. A later time is an error in whatever names it.
pub(crate) const LATEST: f64 = 253_402_300_799.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_rfc_3339_are_read() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0.0),
            ("2006-03-16T23:18:38Z", 1_142_551_118.0),
            ("2026-11-23T10:00:00.123Z", 1_795_428_000.0),
            ("2026-11-23T12:30:00+02:30", 1_795_428_000.0),
            ("2026-11-23t04:00:00-06:00", 1_795_428_000.0),
            ("2024-02-29T00:00:00Z", 1_709_164_800.0),
            ("2000-02-29T00:00:00Z", 951_782_400.0),
            ("2100-03-01T00:00:00Z", 4_107_542_400.0),
            ("1900-02-28T23:59:59Z", -2_203_891_201.0),
            ("1999-12-31T23:59:60z", 946_684_800.0),
            ("2026-04-30 00:00:00Z", 1_777_507_200.0),
            ("2026-08-31T12:00:00+23:59", 1_788_091_260.0),
            ("2026-12-31T00:00:00.5-23:59", 1_798_761_540.0),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_month_begins_where_the_one_before_it_ends() {
        let days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        // The beginning of 2023.
        let mut begin = 1_672_531_200.0;
        for (month, days) in (1..).zip(days) {
            assert_eq!(seconds(&format!("2023-{month:02}-01T00:00:00Z")), Some(begin), "{month}");
            begin += f64::from(days) * 86_400.0;
            let last = seconds(&format!("2023-{month:02}-{days}T23:59:59Z"));
            assert_eq!(last, Some(begin - 1.0), "{month}");
            assert_eq!(seconds(&format!("2023-{month:02}-{}T00:00:00Z", days + 1)), None, "{month}");
        }
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            "soon",
            "2026-11-23",
            "2026-11-23T10:00:00",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026/11-23T10:00:00Z",
            "2026-11/23T10:00:00Z",
            "2026-11-23_10:00:00Z",
            "2026-11-23T10.00:00Z",
            "2026-11-23T10:00.00Z",
            "2026-11-23T10:60:00Z",
            "2026-11-23T10:00:61Z",
            "2026-11-23T10:00:00+24:00",
            "2026-11-23T10:00:00+0a:00",
            "2026-11-23T10:00:00+a0:00",
            "2026-11-23T10:00:00+00:/0",
            "2026-11-23T10:00:00 02:00",
            "2026-11-23T24:00:00Z",
            "2026-11-23T10:00:00.Z",
            "2026-11-23T10:00:00+0200",
            "2026-11-23T10:00:00Zx",
            "é026-11-23T10:00:00Z",
            "2026-11-23T10:00:00+02:60",
            "+026-11-23T10:00:00Z",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
