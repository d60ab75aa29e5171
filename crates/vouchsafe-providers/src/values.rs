//! The form of the values that a provider gives to an application, so that one is not mistaken for another.
use serde::{Deserialize, Serialize};

use crate::mistake::{self, ensure, has};

/// The form of a value that the provider gives, or of another one that people mistake for it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ValueFacts {
    /// The value: `client_id`, `client_secret`, `team_id` or `key_id`.
    pub of: String,
    /// The form: text as it is, `*` for any text, and in braces the characters of a kind, with their number if it is fixed:
    /// `{digit}`, `{hex 32}`, `{upper 10}` (capital letters and digits), `{alnum}`, `{word}` (letters, digits, `-` and `_`),
    /// `{uuid}`.
    pub like: String,
    /// What has this form, and is not the value.
    pub mistaken: Option<String>,
}

/// Why a value is probably not what `of` names.
pub(crate) fn doubt(values: &[ValueFacts], of: &str, value: &str) -> Option<String> {
    let known = values.iter().filter(|known| known.of == of);
    let (wrong, right): (Vec<_>, Vec<_>) = known.partition(|known| known.mistaken.is_some());
    let fits = |known: &&&ValueFacts| has_form(&known.like, value);
    if right.iter().any(|known| fits(&known)) {
        return None;
    }
    if let Some(other) = wrong.iter().find(fits).and_then(|known| known.mistaken.as_deref()) {
        return Some(format!("looks like {other}"));
    }
    let forms: Vec<_> = right.iter().map(|known| described(&known.like)).collect();
    (!forms.is_empty()).then(|| format!("should look like {}", forms.join(" or ")))
}

/// Checks the table `values`.
pub(crate) fn check(values: &[ValueFacts]) -> mistake::Result {
    for value in values {
        let known = "client_id client_secret team_id key_id";
        ensure(has(known, &value.of), "values", format_args!("{:?} is none of {known}", value.of))?;
        let mut marks = expanded(&value.like);
        while let Some((_, rest)) = marks.split_once('{') {
            // Without its other brace, it is none.
            let (mark, rest) = rest.split_once('}').unwrap_or_default();
            let (name, count) = mark.split_once(' ').unwrap_or((mark, "1"));
            let good = kind(name).is_some() && count.parse::<usize>().is_ok();
            ensure(good, "values", format_args!("{{{mark}}} is no kind of characters"))?;
            marks = rest.to_owned();
        }
        ensure(!value.like.is_empty(), "values", "a form is empty")?;
    }
    Ok(())
}

fn has_form(form: &str, value: &str) -> bool {
    fits(&expanded(form), value)
}

fn expanded(form: &str) -> String {
    form.replace("{uuid}", "{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}")
}

fn fits(form: &str, value: &str) -> bool {
    let Some(first) = form.chars().next() else { return value.is_empty() };
    let ends = || value.char_indices().map(|(at, c)| at + c.len_utf8());
    if first == '*' {
        return fits(&form[1..], value) || ends().any(|end| fits(&form[1..], &value[end..]));
    }
    let Some((mark, rest)) = form.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
        return value.strip_prefix(first).is_some_and(|value| fits(&form[first.len_utf8()..], value));
    };
    let (name, count) = mark.split_once(' ').map_or((mark, None), |(name, count)| (name, count.parse().ok()));
    let Some(kind) = kind(name) else { return false };
    let run = value.chars().take_while(|c| kind(*c)).count();
    let counts = count.map_or(1..=run, |count: usize| count..=count.min(run));
    // The characters of every kind are ASCII.
    counts.rev().any(|count| count <= run && fits(rest, &value[count..]))
}

fn kind(name: &str) -> Option<fn(char) -> bool> {
    Some(match name {
        "digit" => |c| c.is_ascii_digit(),
        "hex" => |c| c.is_ascii_hexdigit(),
        "upper" => |c| c.is_ascii_digit() || c.is_ascii_uppercase(),
        "alnum" => |c| c.is_ascii_alphanumeric(),
        "word" => |c| c.is_ascii_alphanumeric() || c == '-' || c == '_',
        _ => return None,
    })
}

/// A form for people: `{digit}-{alnum 32}.apps` is `123-XXXX….apps`.
fn described(form: &str) -> String {
    if form == "{uuid}" {
        return "a UUID such as 00001111-aaaa-2222-bbbb-3333cccc4444".to_owned();
    }
    let Some((mark, "")) = form.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
        let mut shown = String::new();
        let mut rest = form;
        while let Some((text, more)) = rest.split_once(['{', '*']) {
            shown += text;
            shown.push('…');
            let is_mark = rest[text.len()..].starts_with('{');
            rest = if is_mark { more.split_once('}').map_or("", |(_, rest)| rest) } else { more };
        }
        return shown + rest;
    };
    let (name, count) = mark.split_once(' ').unwrap_or((mark, ""));
    let count = if count.is_empty() { String::new() } else { format!("{count} ") };
    let characters = match name {
        "digit" => "digits",
        "hex" => "hexadecimal digits",
        "upper" => "capital letters and digits",
        "alnum" => "letters and digits",
        _ => "letters, digits, - and _",
    };
    count + characters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_fits_whole_values() {
        for (form, good, bad) in [
            ("{digit}-{word 3}.apps", "12-a_b.apps", "12-a_bc.apps"),
            ("{uuid}", "00001111-aaaa-2222-bbbb-3333cccc4444", "00001111-aaaa-2222-bbbb-3333cccc44445"),
            ("GOCSPX-*", "GOCSPX-é", "gocspx-a"),
            ("{digit}.{digit}", "1.2", "1.2.3"),
            ("{hex 4}", "aB09", "aB0"),
            ("*.*", "com.example", "example"),
            ("{digit 3}", "123", "12é"),
            ("a", "a", ""),
        ] {
            assert!(has_form(form, good) && !has_form(form, bad), "{form}");
        }
        assert!(!has_form("{digit 4}", "123") && !has_form("{hex 2}", "abc"));
    }

    #[test]
    fn a_form_is_described_for_people() {
        for (form, words) in [
            ("{hex 40}", "40 hexadecimal digits"),
            ("{digit}", "digits"),
            ("{digit}-{alnum 32}.apps.example", "…-….apps.example"),
            ("*.*", "….…"),
            ("{uuid}", "a UUID such as 00001111-aaaa-2222-bbbb-3333cccc4444"),
        ] {
            assert_eq!(described(form), words);
        }
    }
}
