//! Times as text (RFC 3339), which a few providers use for the expiry of a token.

/// Seconds since 1970 of a time such as `2026-11-23T10:00:00Z`, without fractions. `None` if the text is not such a time.
pub(crate) fn seconds(text: &str) -> Option<f64> {
    let digits = |from: usize, to: usize| -> Option<i64> {
        let part = text.get(from..to)?;
        part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok()).flatten()
    };
    let at = |index: usize, among: &[u8]| text.as_bytes().get(index).is_some_and(|b| among.contains(b));
    let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
    let (hour, minute, second) = (digits(11, 13)?, digits(14, 16)?, digits(17, 19)?);
    let separated = at(4, b"-") && at(7, b"-") && at(10, b"Tt ") && at(13, b":") && at(16, b":");
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let real = (1..=12).contains(&month) && (1..=days_in_month).contains(&day);
    // A leap second counts as the next second.
    if !separated || !real || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut rest = text.get(19..)?;
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
        if rest.len() == fraction.len() {
            return None;
        }
    }
    let offset = match rest.as_bytes() {
        b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let two = |a: &u8, b: &u8| {
                (a.is_ascii_digit() && b.is_ascii_digit()).then(|| i64::from((a - b'0') * 10 + (b - b'0')))
            };
            let (hours, minutes) = (two(h1, h2)?, two(m1, m2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 60 + minutes) * if *sign == b'-' { -60 } else { 60 }
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
