use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::text::printable;

/// Markup in which every text is escaped: raw markup can only come from the source code.
#[derive(Clone, Default)]
pub(super) struct Html(String);

impl Html {
    pub(super) fn new(markup: &'static str) -> Self {
        Self(markup.to_owned())
    }

    pub(super) fn raw(mut self, markup: &'static str) -> Self {
        self.0.push_str(markup);
        self
    }

    /// Text, also fit for an attribute in double quotes.
    pub(super) fn text(mut self, text: impl AsRef<str>) -> Self {
        // Lines and tabs stay: messages and JSON are shown as they are laid out.
        for part in text.as_ref().split_inclusive(['\n', '\t']) {
            let line = part.trim_end_matches(['\n', '\t']);
            for c in printable(line).chars() {
                match c {
                    '&' => self.0.push_str("&amp;"),
                    '<' => self.0.push_str("&lt;"),
                    '>' => self.0.push_str("&gt;"),
                    '"' => self.0.push_str("&quot;"),
                    '\'' => self.0.push_str("&#39;"),
                    c => self.0.push(c),
                }
            }
            self.0.push_str(&part[line.len()..]);
        }
        self
    }

    pub(super) fn number(mut self, number: u64) -> Self {
        self.0.push_str(&number.to_string());
        self
    }

    pub(super) fn html(mut self, html: Self) -> Self {
        self.0.push_str(&html.0);
        self
    }

    pub(super) fn each<T>(
        self,
        items: impl IntoIterator<Item = T>,
        one: impl FnMut(Self, T) -> Self,
    ) -> Self {
        items.into_iter().fold(self, one)
    }
}

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A duration as people say it.
pub(super) fn for_people(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A moment in UTC, to the second.
pub(super) fn utc(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (day, second) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant's `civil_from_days`: years that begin in March, in eras of 400 years.
    let shifted = day + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let (year, month) =
        if month < 10 { (year + era * 400, month + 3) } else { (year + era * 400 + 1, month - 9) };
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{date:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn text_cannot_leave_its_element_or_attribute() {
        let html = Html::new("<p title=\"").text("\"><script>'&\u{202e}\0|\t\n\n\r|").raw("\">");
        assert_eq!(html.to_string(), "<p title=\"&quot;&gt;&lt;script&gt;&#39;&amp;  |\t\n\n |\">");
    }

    #[test]
    fn moments_are_told_in_utc() {
        let at = |seconds| utc(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(at(951_782_399), "2000-02-28 23:59:59 UTC");
        assert_eq!(at(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(at(1_767_225_599), "2025-12-31 23:59:59 UTC");
    }

    #[test]
    fn durations_are_told_as_people_do() {
        assert_eq!(for_people(59), "59 s");
        assert_eq!(for_people(300), "5 min 0 s");
        assert_eq!(for_people(3660), "1 h 1 min");
    }
}
