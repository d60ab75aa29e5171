//! Removes secrets from text that a provider sent back.
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::percent_decode_str;

use super::legible::legible;

/// Makes text from outside printable and limits its length.
pub(crate) fn printable(text: &str, max: usize) -> String {
    shown(text, &[], legible, max)
}

/// The first `max` characters of a provider's text without the secrets. A secret is found in plain text and when it is escaped
/// for a form, JSON or HTML, or encoded in base64 or hexadecimal.
///
/// `clean` makes a text printable. It runs first: characters that it removes could hide a secret.
///
/// The work grows with `max`, not with the length of the text or of the secrets, because a provider chooses both.
pub(crate) fn shown(said: &str, secrets: &[&str], clean: fn(&str) -> String, max: usize) -> String {
    let longest = max.saturating_mul(SWALLOWED).saturating_add(UNSURE);
    let (said, is_cut) = beginning(said, longest);
    let secrets = secrets.iter().filter(|secret| secret.len() >= SHORTEST);
    // A secret that is longer than the text cannot be in it as a whole, but its beginning can.
    let secrets = secrets.map(|secret| beginning(secret, (said.len() + 1).max(TELLING + 1)).0);
    // Characters of a secret that `clean` removes are still there if the secret was escaped.
    let mut shapes: Vec<String> = secrets.flat_map(shapes).flat_map(|s| [clean(&s), s]).collect();
    shapes.retain(|shape| shape.len() >= SHORTEST);
    // One shape may be part of another: the longest comes first.
    shapes.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    shapes.dedup();

    let said = Said::new(clean(said));
    // A secret could begin before the cut and end behind it.
    let end = if is_cut { beginning_of_last(&said.text, UNSURE) } else { said.text.len() };
    let (mut shown, mut at) = (String::new(), 0);
    for _ in 0..max {
        let Some(next) = said.char_at(at).filter(|_| at < end) else { break };
        let first = [Some(next), said.unescaped(at).map(|(c, _)| c)];
        let mut likely = shapes.iter().filter(|shape| first.contains(&shape.chars().next()));
        match likely.find_map(|shape| said.behind(shape, at)) {
            Some(after) => {
                shown.push('…');
                at = after;
            }
            None => {
                shown.push(next);
                at += next.len_utf8();
            }
        }
    }
    if at < said.text.len() || is_cut {
        shown.push('…');
    }
    shown
}

/// The first characters of a text, at most `chars`, and whether there are more.
fn beginning(text: &str, chars: usize) -> (&str, bool) {
    match text.char_indices().nth(chars) {
        Some((at, _)) => (&text[..at], true),
        None => (text, false),
    }
}

/// Where the last `chars` characters of a text begin.
fn beginning_of_last(text: &str, chars: usize) -> usize {
    text.char_indices().rev().take(chars).last().map_or(text.len(), |(at, _)| at)
}

/// A secret in plain text, in hexadecimal, and in base64 at each of the three alignments.
fn shapes(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut shapes = vec![secret.to_owned(), hex.to_uppercase(), hex];
    for before in 0..3 {
        let encoded = [&[0; 2][..before], secret.as_bytes()].concat();
        // Four characters are three bytes. Characters that hold bits of a neighbour are left out.
        let own = (before * 4).div_ceil(3)..encoded.len() / 3 * 4;
        shapes.push(STANDARD_NO_PAD.encode(&encoded)[own.clone()].to_owned());
        shapes.push(URL_SAFE_NO_PAD.encode(&encoded)[own].to_owned());
    }
    shapes
}

/// A text and the characters that its escapes stand for. Each escape is read once, for any number of secrets.
struct Said {
    text: String,
    /// By position: the character, and where the escape ends.
    escapes: Vec<Option<(char, usize)>>,
}

impl Said {
    fn new(text: String) -> Self {
        let escape = |at: usize| {
            let (c, after) = unescaped(text.get(at..)?)?;
            Some((c, text.len() - after.len()))
        };
        let escapes = (0..text.len()).map(escape).collect();
        Self { text, escapes }
    }

    fn char_at(&self, at: usize) -> Option<char> {
        self.text[at..].chars().next()
    }

    fn unescaped(&self, at: usize) -> Option<(char, usize)> {
        *self.escapes.get(at)?
    }

    /// Where a secret ends that begins at this position.
    fn behind(&self, secret: &str, at: usize) -> Option<usize> {
        let plain = |at: usize, c: char| self.text[at..].starts_with(c).then(|| at + c.len_utf8());
        strip(secret, at, plain).or_else(|| {
            strip(secret, at, |at, c| match self.unescaped(at) {
                Some((one, after)) if one == c => Some(after),
                _ => plain(at, c),
            })
        })
    }
}

/// Where a secret ends, with one way to read characters. The beginning of a long secret is enough to recognise it.
fn strip(secret: &str, mut at: usize, read: impl Fn(usize, char) -> Option<usize>) -> Option<usize> {
    for (i, c) in secret.chars().enumerate() {
        match read(at, c) {
            Some(after) => at = after,
            None => return (i >= TELLING).then_some(at),
        }
    }
    Some(at)
}

/// The character of an escape at the beginning of a text, and the rest.
fn unescaped(text: &str) -> Option<(char, &str)> {
    let rest = text.get(1..)?;
    match text.as_bytes()[0] {
        b'+' => Some((' ', rest)),
        b'%' => (1..=4).find_map(|bytes| {
            let (escape, after) = text.split_at_checked(3 * bytes)?;
            let decoded = percent_decode_str(escape).decode_utf8().ok();
            Some((decoded.filter(|decoded| decoded.len() == bytes)?.parse().ok()?, after))
        }),
        b'\\' => {
            // RFC 8259 §7: a character beyond 16 bits is written as two escapes of six characters.
            let of_json = [12, 6, 2].into_iter().find_map(|len| {
                let (escape, after) = text.split_at_checked(len)?;
                Some((serde_json::from_str(&format!("\"{escape}\"")).ok()?, after))
            });
            // Other languages put a backslash before other characters, too.
            of_json.or_else(|| rest.chars().next().map(|c| (c, &rest[c.len_utf8()..])))
        }
        b'&' => {
            // The longest known escape is `&#x10FFFF;`: the rest of the text is not searched for each `&`.
            let end = rest.bytes().take(9).position(|b| b == b';')?;
            let (name, after) = (&rest[..end], &rest[end + 1..]);
            let c = match name.strip_prefix('#') {
                None => HTML.iter().find(|(known, _)| *known == name)?.1,
                Some(code) => char::from_u32(match code.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => code.parse().ok()?,
                })?,
            };
            Some((c, after))
        }
        _ => None,
    }
}

const HTML: [(&str, char); 5] = [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\'')];
/// Shorter texts are not secrets, and would be found everywhere.
const SHORTEST: usize = 6;
/// This many characters of a secret count as the whole secret.
const TELLING: usize = 64;
/// How many characters are read for each character that is shown: a secret is longer than the mark that replaces it.
const SWALLOWED: usize = 16;
/// This many characters show whether a secret begins before them, in the longest escape (`\ud83d\ude00`).
const UNSURE: usize = TELLING * 12;

/// The longest text from outside that is shown, in characters.
pub(crate) const MAX_TEXT: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_is_made_fit_to_be_shown() {
        assert_eq!(printable("a\u{1b}[31mb\r\nc\u{202e}d", 100), "a [31mb  c d");
        assert_eq!(printable("abcdef", 3), "abc…");
    }

    const SECRET: &str = "hüsh/+1 \"%2B&";

    fn hidden(said: &str) -> String {
        shown(said, &[SECRET], str::to_owned, 400)
    }

    #[test]
    fn a_secret_is_found_in_each_of_its_shapes() {
        for shape in [
            SECRET,
            "h%C3%BCsh%2F%2B1+%22%252B%26",
            "h%c3%bcsh%2f%2b1%20%22%252B%26",
            "%68%C3%BC%73%68%2F%2B%31%20%22%25%32%42%26",
            r#"h\u00fcsh\/+1 \"%2B&"#,
            "h&#252;sh/+1 &quot;%2B&amp;",
            "h&#xFC;sh&#x2f;+1 &quot;%2B&amp;",
            "68c3bc73682f2b31202225324226",
            "68C3BC73682F2B31202225324226",
        ] {
            assert_eq!(hidden(&format!("no {shape}, sorry")), "no …, sorry", "{shape}");
        }
        // Of what was encoded together with more, the neighbours and less than three bytes are left.
        for (before, left, right) in [
            ("", "", "B& and more"),
            ("a", "YW", " and more"),
            ("ab", "YWJ", "& and more"),
            ("abc", "YWJj", "B& and more"),
        ] {
            for alphabet in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                let encoded = alphabet.encode(format!("{before}{SECRET} and more"));
                assert_eq!(hidden(&encoded), format!("{left}…{}", alphabet.encode(right)), "{encoded}");
            }
        }
        assert_eq!(hidden("hüsh/+1 alone"), "hüsh/+1 alone");
    }

    #[test]
    fn a_secret_has_six_characters_or_more() {
        assert_eq!(shown("no 12345", &["12345"], str::to_owned, 400), "no 12345");
        assert_eq!(shown("no 123456", &["123456"], str::to_owned, 400), "no …");
    }

    #[test]
    fn a_secret_is_found_whatever_of_it_is_escaped() {
        let secret = "a\u{8}\u{c}\n\r\t<>'\"\u{20ac}\u{1f600}";
        for shape in [
            "a\\b\\f\\n\\r\\t<>'\\\"\\u20ac\u{1f600}",
            "a\\b\\f\\n\\r\\t<>'\\\"\\u20ac\\ud83d\\ude00",
            "a\u{8}\u{c}\n\r\t&lt;&gt;&apos;&quot;&#8364;&#x1F600;",
            "a%08%0C%0A%0D%09%3C%3E%27%22%E2%82%AC%F0%9F%98%80",
        ] {
            let shown = shown(&format!("no {shape}!"), &[secret], str::to_owned, 400);
            assert_eq!(shown, "no …!", "{shape}");
        }
    }

    #[test]
    fn a_secret_that_is_a_part_of_another_does_not_save_it() {
        assert_eq!(shown("no xx-secret-yy", &["secret", "xx-secret-yy"], str::to_owned, 400), "no …");
    }

    #[test]
    fn the_beginning_of_a_long_secret_gives_it_away() {
        let long = "0123456789".repeat(100);
        assert_eq!(shown(&long[..500], &[&long], str::to_owned, 400), "…");
        assert_eq!(shown(&long[..64], &[&long], str::to_owned, 400), "…");
        assert_eq!(shown(&long[..63], &[&long], str::to_owned, 400), &long[..63]);
    }

    #[test]
    fn a_secret_at_the_end_of_what_is_shown_is_not_cut_in_two() {
        let said = format!("{}secret-secret", "x".repeat(395));
        assert_eq!(shown(&said, &["secret-secret"], str::to_owned, 400), format!("{}…", "x".repeat(395)));
        assert_eq!(shown("abcdef", &[], str::to_owned, 3), "abc…");
    }

    #[test]
    fn a_secret_across_the_cut_of_a_long_text_is_not_half_shown() {
        let (other, secret) = ("0123456789".repeat(10), "hush-".repeat(20));
        let escaped: String = secret.bytes().map(|b| format!("%{b:02x}")).collect();
        // 16 times 20 characters are read and what makes sure; of the second secret, 29 characters stand before that.
        let said = format!("{}{escaped}", other.repeat(10));
        let shown = shown(&said, &[&other, &secret], str::to_owned, 20);
        assert_eq!(shown.replace('…', ""), "");
    }

    #[test]
    fn what_cannot_be_shown_is_not_read() {
        let said = "%73%65%63%72%65%74".repeat(100_000);
        let shown = shown(&said, &["secret"], str::to_owned, 400);
        assert!(shown.chars().all(|c| c == '…') && shown.chars().count() < 400, "{shown}");
    }

    #[test]
    fn what_is_made_fit_to_be_shown_does_not_become_a_secret() {
        let drops = |text: &str| text.replace('\u{1}', "");
        assert_eq!(shown("sec\u{1}ret!", &["secret"], drops, 400), "…!");
        assert_eq!(shown("secret%01 secret", &["secret\u{1}"], drops, 400), "… …");
    }
}
