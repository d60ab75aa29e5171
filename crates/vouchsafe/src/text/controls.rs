//! Raw control characters in JSON texts, which a few providers send in names that their users chose.
use std::borrow::Cow;

/// Escapes the raw control characters in the text values of those members of a JSON object. RFC 8259 section 7 forbids them,
/// and they stay forbidden everywhere else: the result is then parsed strictly.
pub(crate) fn escaped<'j>(json: &'j str, members: &[String]) -> Cow<'j, str> {
    if members.is_empty() || !json.contains(is_control) {
        return Cow::Borrowed(json);
    }
    let (mut fixed, mut rest, mut depth, mut name) =
        (String::with_capacity(json.len() + 16), json, 0_u32, "");
    while let Some(at) = rest.find(['"', '{', '}', '[', ']']) {
        let (before, found) = rest.split_at(at);
        fixed.push_str(before);
        let Some(inside) = found.strip_prefix('"') else {
            depth = if found.starts_with(['{', '[']) { depth + 1 } else { depth.saturating_sub(1) };
            fixed.push_str(&found[..1]);
            rest = &found[1..];
            continue;
        };
        let (text, after) = inside.split_at(end_of_text(inside));
        let is_name = after.trim_start_matches(['"', ' ', '\t', '\r', '\n']).starts_with(':');
        fixed.push('"');
        if !is_name && depth == 1 && members.iter().any(|member| member == name) {
            for c in text.chars() {
                if is_control(c) {
                    fixed.push_str(&format!("\\u{:04x}", u32::from(c)));
                } else {
                    fixed.push(c);
                }
            }
        } else {
            fixed.push_str(text);
        }
        if is_name && depth == 1 {
            name = text;
        }
        let closed = after.starts_with('"');
        fixed.push_str(if closed { "\"" } else { "" });
        rest = &after[usize::from(closed)..];
    }
    fixed.push_str(rest);
    Cow::Owned(fixed)
}

/// The length of a text up to its closing quotation mark.
fn end_of_text(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().position(|b| {
        let ends = b == b'"' && !is_escaped;
        is_escaped = b == b'\\' && !is_escaped;
        ends
    });
    end.unwrap_or(text.len())
}

fn is_control(c: char) -> bool {
    c < ' '
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::json::parse;

    fn members() -> Vec<String> {
        vec!["nickname".to_owned()]
    }

    #[test]
    fn a_control_character_is_escaped_in_that_member_alone() {
        let json = "{\n\"openid\": \"o\", \"nickname\":\t\"a\u{1}b\\\"\u{1f}\", \"n\": {\"nickname\": 1}}";
        let fixed = escaped(json, &members());
        let value = parse(fixed.as_bytes()).unwrap();
        assert_eq!(value["nickname"].as_str(), Some("a\u{1}b\"\u{1f}"));
        assert_eq!(value["openid"].as_str(), Some("o"));
        for other in [
            "{\"openid\": \"a\u{1}b\"}",
            "{\"nick\u{1}name\": \"a\"}",
            "{\"n\": {\"nickname\": \"a\u{1}b\"}}",
            "{\"n\": [\"nickname\", \"a\u{1}b\"]}",
            "{\"nickname\": [\"a\u{1}b\"]}",
            "{\"nickname\": \"x\", \"openid\": \"a\u{1}b\"}",
            "[\"nickname\", \"a\u{1}b\"]",
        ] {
            assert!(parse(escaped(other, &members()).as_bytes()).is_err(), "{other:?}");
        }
    }

    #[test]
    fn what_needs_nothing_is_untouched() {
        for json in ["", "{", "{\"nickname\": \"a", "{\"nickname\": \"a\\", "}}}", "\"", "{\"a\": \"b\"}\n"] {
            assert_eq!(escaped(json, &members()), json);
        }
    }
}
