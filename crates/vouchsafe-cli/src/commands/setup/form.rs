//! The form of what a person enters: slips that are certain, and doubts.
use vouchsafe_providers::RegistrationFacts;

use crate::text;

/// Why a value cannot be right.
pub(super) fn slip(value: &str) -> Option<&'static str> {
    if value.is_empty() {
        return Some("is empty");
    }
    if value.contains(char::is_control) {
        return Some("has a line break or another control character in it: copy it again");
    }
    None
}

/// Why a value is probably not the right one. `of` is the field of the facts; `other` is the client ID beside a secret.
pub(super) fn doubt(facts: &RegistrationFacts, of: &str, value: &str, other: Option<&str>) -> Option<String> {
    let lower = value.to_ascii_lowercase();
    let is_secret = of == "client_secret";
    let quotes = [('"', '"'), ('\'', '\''), ('<', '>'), ('`', '`')];
    let is_quoted = quotes.iter().any(|(first, last)| value.starts_with(*first) && value.ends_with(*last));
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let parts = value.split('.').count();
    let common = [
        (is_quoted, "has quotation marks or brackets around it: copy it without them"),
        (value.starts_with('{'), "looks like a whole JSON document: copy the value alone"),
        (
            lower.starts_with("your") || lower.contains("your_") || lower.contains("your-"),
            "looks like a placeholder of a guide",
        ),
        (
            value.split_once('=').is_some_and(|(name, _)| is_name(name)),
            "looks like a whole line NAME=VALUE: copy the value alone",
        ),
        (lower.starts_with("http://") || lower.starts_with("https://"), "looks like a URL"),
        (!is_secret && value.contains('@') && lower.ends_with(".com"), "looks like an e-mail address"),
        (
            is_secret && value.starts_with("-----BEGIN"),
            "looks like a key: give the file of a key with --client-key",
        ),
        (
            is_secret && value.starts_with("eyJ") && parts == 3,
            "looks like a token (JWT): copy the client secret",
        ),
        (is_secret && other == Some(value), "is the same as the client ID"),
        (value.contains(char::is_whitespace), "has a space in it: copy it again"),
    ];
    let common = common.into_iter().find(|(is, _)| *is).map(|(_, why)| why.to_owned());
    common.or_else(|| facts.doubt(of, value).map(|why| text::paragraph(&why)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_copying_are_told() {
        let none = RegistrationFacts::default();
        for (of, value, words) in [
            ("client_id", "\"abc\"", "quotation marks"),
            ("client_id", "<client-id>", "brackets"),
            ("client_id", "abc def", "a space"),
            ("client_id", "{\"web\":{}}", "JSON"),
            ("client_id", "YOUR_CLIENT_ID", "placeholder"),
            ("client_id", "CLIENT_ID=abc", "the value alone"),
            ("client_id", "https://id.example.com", "a URL"),
            ("client_id", "jane@example.com", "an e-mail"),
            ("client_secret", "-----BEGIN PRIVATE KEY-----", "--client-key"),
            ("client_secret", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln", "JWT"),
            ("client_secret", "abc", "the same as the client ID"),
        ] {
            let told = doubt(&none, of, value, Some("abc")).unwrap_or_default();
            assert!(told.contains(words), "{value}: {told}");
        }
        for value in ["abc", "1-a.apps.googleusercontent.com", "q~8Q~a=b", "com.example.web", "a@b"] {
            assert_eq!(doubt(&none, "client_id", value, None), None, "{value}");
        }
        assert!(slip("").is_some() && slip("a\nb").is_some() && slip("a b").is_none());
    }
}
