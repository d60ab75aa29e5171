//! Text from outside, made safe to show; sentences, dates and durations for people.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use vouchsafe::EndpointName;
pub(crate) use vouchsafe::legible;

/// Legible text, cut to a number of characters.
pub(crate) fn short(text: &str, max: usize) -> String {
    let mut shown: String = legible(text).chars().take(max).collect();
    if text.chars().nth(max).is_some() {
        shown.push('…');
    }
    shown
}

/// The same for text in which line breaks and tabs stay, such as a whole page.
pub(crate) fn printable_lines(text: &str) -> String {
    let lines = text.split_inclusive(['\n', '\t']);
    lines.fold(String::with_capacity(text.len()), |shown, line| {
        let words = line.trim_end_matches(['\n', '\t']);
        shown + &legible(words) + &line[words.len()..]
    })
}

/// Text as one paragraph: lines joined, nothing unprintable.
pub(crate) fn paragraph(text: &str) -> String {
    legible(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Control characters, and characters that are invisible or change the direction of writing.
pub(crate) fn is_unfit(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_control() } else { !legible(c.encode_utf8(&mut [0; 4])).contains(c) }
}

/// A paragraph that begins with a capital letter and ends with a full stop.
pub(crate) fn sentence(text: &str) -> String {
    let text = paragraph(text);
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return String::new() };
    let mut sentence: String = first.to_uppercase().chain(chars).collect();
    if !sentence.ends_with(['.', '!', '?', '…']) {
        sentence.push('.');
    }
    sentence
}

/// The text for a key in a table with a row `key: text` each.
pub(crate) fn row(table: &'static str, key: &str) -> Option<&'static str> {
    table.lines().find_map(|row| row.strip_prefix(key)?.strip_prefix(": "))
}

/// A short label for an endpoint.
pub(crate) fn endpoint(name: EndpointName) -> &'static str {
    match name {
        EndpointName::DeviceAuthorization => "device",
        EndpointName::EndSession => "logout",
        EndpointName::Userinfo => "UserInfo",
        name => name.as_str().trim_end_matches("_endpoint"),
    }
}

/// The time that many seconds after the beginning of 1970.
pub(crate) fn at(seconds: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Seconds since the beginning of 1970.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A date and time in UTC: `2026-11-23 14:05:09 UTC`. `None` after the year 9999.
pub(crate) fn date(time: SystemTime) -> Option<String> {
    let at = OffsetDateTime::from_unix_timestamp(seconds(time).try_into().ok()?).ok()?;
    let (hour, minute, second) = at.to_hms();
    Some(format!("{} {hour:02}:{minute:02}:{second:02} UTC", at.date()))
}

/// The same as programs read it (RFC 3339): `2026-11-23T14:05:09Z`.
pub(crate) fn timestamp(time: SystemTime) -> Option<String> {
    Some(date(time)?.replacen(' ', "T", 1).replace(" UTC", "Z"))
}

/// The distance to a time: `in 59 minutes`, `2 days ago`.
pub(crate) fn relative(time: SystemTime, now: SystemTime) -> String {
    let distance = time.duration_since(now).unwrap_or_else(|behind| behind.duration());
    match duration(distance) {
        _ if distance.as_secs() == 0 => "now".to_owned(),
        distance if time > now => format!("in {distance}"),
        distance => format!("{distance} ago"),
    }
}

/// A duration in the largest unit that is still exact enough.
pub(crate) fn duration(span: Duration) -> String {
    // Half a second is added: a token that lives an hour must not become one of 59 minutes after a moment.
    let seconds = (span + Duration::from_millis(500)).as_secs();
    let (count, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7_200 => ((seconds + 30) / 60, "minute"),
        7_200..172_800 => ((seconds + 1_800) / 3_600, "hour"),
        _ => ((seconds + 43_200) / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// A duration to the second, as a clock that counts down shows it.
pub(crate) fn countdown(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_follow_the_calendar() {
        for (seconds, shown) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_609_459_199, "2020-12-31 23:59:59 UTC"),
            (1_767_225_599, "2025-12-31 23:59:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(date(at(seconds).unwrap()).as_deref(), Some(shown));
        }
        assert_eq!(timestamp(at(951_782_399).unwrap()).as_deref(), Some("2000-02-28T23:59:59Z"));
        assert_eq!(at(u64::MAX).and_then(date), None);
    }

    #[test]
    fn durations_have_a_fitting_unit() {
        for (seconds, shown) in [
            (1, "1 second"),
            (119, "119 seconds"),
            (3_599, "60 minutes"),
            (86_400, "24 hours"),
            (2_592_000, "30 days"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), shown);
        }
    }

    #[test]
    fn a_countdown_is_exact_to_the_second_or_the_minute() {
        assert_eq!(countdown(59), "59 s");
        assert_eq!(countdown(300), "5 min 0 s");
        assert_eq!(countdown(3660), "1 h 1 min");
    }

    #[test]
    fn a_sentence_is_one_printable_paragraph() {
        assert_eq!(sentence("no such\n  thing\u{1b}[31m"), "No such thing [31m.");
        assert_eq!(sentence("is this right?"), "Is this right?");
        assert_eq!(sentence(""), "");
    }
}
