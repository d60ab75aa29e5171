//! Lines that fit into a terminal: broken between words.
use terminal_size::{Height, Width};

/// The size of a terminal, if there is one.
pub(super) type Size = Option<(Width, Height)>;

/// The text with its lines broken where the terminal ends. The second part of a line is indented by that many columns. A
/// word that is wider than the terminal stays whole.
pub(super) fn fit(text: &str, indent: usize, size: Size) -> String {
    let Some((Width(columns), _)) = size else { return text.to_owned() };
    let columns = usize::from(columns);
    let indent = indent.min(columns / 3);
    text.split('\n').map(|line| broken(line, indent, columns)).collect::<Vec<_>>().join("\n")
}

fn broken(line: &str, indent: usize, columns: usize) -> String {
    let (mut shown, mut used, mut has_words) = (String::with_capacity(line.len()), 0, false);
    for word in line.split_inclusive(' ') {
        let own = width(word.trim_end_matches(' '));
        if has_words && own > 0 && used + own > columns && indent + own <= columns {
            shown.truncate(shown.trim_end_matches(' ').len());
            shown.push('\n');
            shown.push_str(&" ".repeat(indent));
            used = indent;
        }
        has_words |= own > 0;
        used += width(word);
        shown.push_str(word);
    }
    shown
}

/// The columns of a text. A style takes none: it is written as `ESC [ … m`.
fn width(text: &str) -> usize {
    let mut parts = text.split('\u{1b}');
    let plain = parts.next().map_or(0, |part| part.chars().count());
    plain + parts.map(|part| part.split_once('m').map_or(0, |(_, rest)| rest.chars().count())).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::style::{STRONG, paint};

    fn at(columns: u16, indent: usize, text: &str) -> String {
        fit(text, indent, Some((Width(columns), Height(24))))
    }

    #[test]
    fn lines_break_between_words_and_the_rest_is_indented() {
        assert_eq!(at(12, 2, "one two three four"), "one two\n  three four");
        assert_eq!(at(12, 2, "one\n\ntwo three four"), "one\n\ntwo three\n  four");
        assert_eq!(at(13, 2, "one two three"), "one two three");
        assert_eq!(fit("one two three", 2, None), "one two three");
    }

    #[test]
    fn a_word_that_is_wider_than_the_terminal_stays_whole() {
        let url = "http://127.0.0.1:1234/callback";
        assert_eq!(at(12, 2, &format!("  {url}")), format!("  {url}"));
        assert_eq!(at(12, 2, &format!("open {url} now")), format!("open {url}\n  now"));
    }

    #[test]
    fn a_style_has_no_width() {
        let line = format!("{} two", paint("one", STRONG));
        assert_eq!(at(7, 0, &line), line);
        assert_eq!(at(6, 0, &line), line.replace(' ', "\n"));
    }

    #[test]
    fn a_narrow_terminal_keeps_two_thirds_for_the_text() {
        assert_eq!(at(12, 17, "label one two three"), "label one\n    two\n    three");
    }
}
