//! A profile that has its values where the definition's pointers look for them.

use serde_json::{Value, json};
use vouchsafe_providers::{EmailList, Kind};

use super::{Part, template};
use crate::config::User;
use crate::wire::{Scopes, sha256_base64url, text};

/// The JSON document in which the definition's pointers find the user.
///
/// At OpenID Providers the scopes decide which claims it has (OpenID Connect Core section 5.4). Other providers do not
/// document that.
pub(crate) fn document(part: &Part, user: &User, scopes: &Scopes, email_verified: bool) -> Value {
    if part.is_own {
        return user.claims(scopes, email_verified).into();
    }
    let identity = &part.definition.identity;
    let is_openid = part.definition.kind == Kind::Openid;
    let shows = |words| !is_openid || part.shows(words, scopes);
    let mut document = json!({});
    for (pointer, value) in subject_parts(part, user) {
        put(&mut document, pointer, value);
    }
    if shows(NAMES) {
        put_names(&mut document, part, user, scopes);
    }
    // A provider that gives out verified addresses only has none for this user.
    let shown = user.email().filter(|_| shows(EMAILS) && (email_verified || !identity.email_always_verified));
    if let Some(email) = shown
        && identity.emails.is_none()
        && put_first(&mut document, &identity.email, email.into())
    {
        let as_text = Value::from(email_verified.to_string());
        let mark = if identity.email_verified_text { as_text } else { email_verified.into() };
        for pointer in &identity.email_verified {
            put(&mut document, pointer, mark.clone());
        }
        // A provider that vouches for the addresses that it hosts alone hosts all verified ones of the sandbox.
        let domain = email.split_once('@').map_or("", |(_, domain)| domain);
        if let (true, Some(authority)) = (email_verified, &identity.email_authority)
            && !authority.domains.iter().any(|own| own.eq_ignore_ascii_case(domain))
        {
            put_first(&mut document, &authority.members, domain.into());
        }
    }
    if let Some(list) = identity.emails.as_ref().filter(|list| list.endpoint.is_none()) {
        put_emails(&mut document, list, user, email_verified);
    }
    if let Some(template) = &identity.picture_template {
        // The pointers of the template must find something. If the subject is one of them, it is there already.
        for pointer in template::marks(template).into_iter().filter(|name| name.starts_with('/')) {
            put(&mut document, pointer, "sandbox-picture".into());
        }
    } else if shows(NAMES) {
        let and = if identity.picture_is_html { "&amp;" } else { "&" };
        let picture = format!("https://pictures.example/{}.png?size=64{and}v=1", user.username());
        put_first(&mut document, &identity.picture, picture.into());
    }
    if is_openid && document.get("sub").is_none() {
        document["sub"] = claim_sub(part, user).into();
    }
    document
}

/// The profile in the authorization response, if the provider sends one there and the scopes ask for a name.
pub(crate) fn introduction(part: &Part, user: &User, scopes: &Scopes) -> Option<Value> {
    let (given, family) = user.names().filter(|_| part.shows(NAMES, scopes))?;
    let mut document = json!({});
    if let [whole] = part.definition.callback.profile_name.as_slice() {
        put(&mut document, whole, user.display_name().into());
    } else {
        for (pointer, name) in part.definition.callback.profile_name.iter().zip([given, family]) {
            put(&mut document, pointer, name.into());
        }
    }
    if let Some(email) = user.email().filter(|_| part.shows(EMAILS, scopes)) {
        put_first(&mut document, &part.definition.identity.email, email.into());
    }
    Some(document)
}

/// Words in the scopes for names.
pub(crate) const NAMES: &[&str] = &["name", "profile"];
/// Words in the scopes for e-mail addresses.
pub(crate) const EMAILS: &[&str] = &["email"];

/// The subject as the definition's pointers find it, as text.
pub(crate) fn subject_text(part: &Part, user: &User) -> String {
    let parts = subject_parts(part, user);
    if parts.len() > 1 {
        return parts.iter().map(|(_, value)| escaped(&text(value))).collect::<Vec<_>>().join("/");
    }
    let whole = text(&subject(part, user));
    let is_last_segment = part.definition.identity.subject_is_last_segment;
    let segment = whole.rsplit('/').next().filter(|_| is_last_segment);
    segment.map(str::to_owned).unwrap_or(whole)
}

/// The claim `sub`.
pub(crate) fn claim_sub(part: &Part, user: &User) -> String {
    match part.definition.identity.subject.first().map(String::as_str) {
        Some("/sub") => subject_text(part, user),
        _ => user.subject().to_owned(),
    }
}

/// The subject at its first pointer. The parts of a composed subject: the user's own identifier at `/sub`, or else at the
/// last pointer; at the others, the group that it is unique within.
fn subject_parts<'a>(part: &'a Part, user: &User) -> Vec<(&'a str, Value)> {
    let Some(place) = part.definition.identity.subject.first() else { return Vec::new() };
    let pointers = if place.starts_with('{') { template::marks(place) } else { vec![place.as_str()] };
    let last = pointers.len().saturating_sub(1);
    let own = pointers.iter().position(|pointer| *pointer == "/sub").unwrap_or(last);
    let value = |at| if at == own { subject(part, user) } else { "sandbox/1".into() };
    pointers.into_iter().enumerate().map(|(at, pointer)| (pointer, value(at))).collect()
}

fn subject(part: &Part, user: &User) -> Value {
    let identity = &part.definition.identity;
    if identity.subject_is_last_segment {
        return format!("https://api.example/users/{}", user.subject()).into();
    }
    let last = identity.subject.first().and_then(|pointer| pointer.rsplit('/').next()).unwrap_or_default();
    if part.definition.kind == Kind::Oauth2 && NUMBERED.contains(&last.trim_end_matches('}')) {
        return number_of(user.subject()).into();
    }
    user.subject().into()
}

/// RFC 3986 section 2.3.
fn escaped(text: &str) -> String {
    let kept = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if kept(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// Puts a value where the pointer (RFC 6901) looks, and makes the containers on the way. Existing values stay.
pub(crate) fn put(document: &mut Value, pointer: &str, value: Value) -> bool {
    let mut at = document;
    for part in pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")) {
        let index = part.parse::<usize>().ok().filter(|index| *index < 100);
        if let (true, Some(_)) = (at.is_null(), index) {
            *at = json!([]);
        } else if at.is_null() {
            *at = json!({});
        }
        at = match (at, index) {
            (Value::Array(list), Some(index)) => {
                if list.len() <= index {
                    list.resize(index + 1, Value::Null);
                }
                &mut list[index]
            }
            (Value::Object(members), _) => members.entry(part).or_insert(Value::Null),
            _ => return false,
        };
    }
    let free = at.is_null() || at.as_object().is_some_and(serde_json::Map::is_empty);
    if free {
        *at = value;
    }
    free
}

/// A code for success or failure: a number or a boolean if it is written as one.
pub(crate) fn plain(text: &str) -> Value {
    match text {
        "true" => true.into(),
        "false" => false.into(),
        "null" => Value::Null,
        text => match text.parse::<i64>() {
            Ok(number) if number.to_string() == text => number.into(),
            _ => text.into(),
        },
    }
}

/// A number that stays the same for a user, for providers that count their users.
fn number_of(text: &str) -> u64 {
    sha256_base64url(text).bytes().take(8).fold(0, |sum, b| sum * 31 + u64::from(b)) % 900_000_000
        + 100_000_000
}

/// Names of members whose value is usually a number.
const NUMBERED: [&str; 6] = ["id", "uid", "user_id", "userid", "account_id", "ID"];

fn put_names(document: &mut Value, part: &Part, user: &User, scopes: &Scopes) {
    let has_scope = |name: &str| part.definition.scopes.iter().any(|scope| scope == name);
    if !has_scope("given_name") && !has_scope("family_name") {
        put_first(document, &part.definition.identity.name, user.display_name().into());
        return;
    }
    // A provider with a scope for each part of the name sends each part by itself.
    let (given, family) = user.names().unwrap_or((user.username(), ""));
    for (name, value) in [("given_name", given), ("family_name", family)] {
        if scopes.contains(name) && !value.is_empty() {
            put(document, &format!("/{name}"), value.into());
        }
    }
}

/// Puts a value at the first of alternative pointers that is free.
fn put_first(document: &mut Value, pointers: &[String], value: Value) -> bool {
    pointers.iter().any(|pointer| put(document, pointer, value.clone()))
}

/// Puts the user's address into its list and, if entries mark the primary one, another address that is not primary. Where
/// there is no list, the address stands alone.
pub(crate) fn put_emails(document: &mut Value, list: &EmailList, user: &User, email_verified: bool) {
    let entry = |email: String, is_primary: bool, is_verified: bool| {
        let mut entry = Value::Null;
        put(&mut entry, &list.email, email.into());
        let is_one_of = |pointer: &str, names: &[&str]| names.iter().any(|name| pointer.ends_with(name));
        if let Some(pointer) = &list.verified {
            let word = if is_verified { "confirmed" } else { "unconfirmed" };
            let is_word = is_one_of(pointer, &["state", "status"]);
            put(&mut entry, pointer, if is_word { word.into() } else { is_verified.into() });
        }
        if let Some(pointer) = &list.primary {
            let marks = if is_primary { json!(["primary"]) } else { json!([]) };
            let is_list = is_one_of(pointer, &["type", "types", "attributes", "usage", "scope"]);
            put(&mut entry, pointer, if is_list { marks } else { is_primary.into() });
        }
        entry
    };
    let own = user.email().map(|email| entry(email.to_owned(), true, email_verified));
    let other = user.email().filter(|_| list.primary.is_some());
    let other = other.map(|email| entry(format!("other.{email}"), false, true));
    let entries = match list.single {
        true => own.unwrap_or_else(|| json!({})),
        false => other.into_iter().chain(own).collect(),
    };
    put(document, &list.list, entries);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_where_pointers_look() {
        let mut document = json!({});
        assert!(put(&mut document, "/data/0/id", 7.into()));
        assert!(put(&mut document, "/data/0/a~1b", "x".into()));
        assert!(!put(&mut document, "/data/0/id", 8.into()));
        assert!(!put(&mut document, "/data/0/id/deeper", 8.into()));
        assert_eq!(document, json!({ "data": [{ "id": 7, "a/b": "x" }] }));
        let mut whole = Value::Null;
        assert!(put(&mut whole, "", json!([1])));
        assert_eq!(whole, json!([1]));
    }

    #[test]
    fn marks_keep_how_they_are_written() {
        assert_eq!(plain("0"), json!(0));
        assert_eq!(plain("00"), json!("00"));
        assert_eq!(plain("true"), json!(true));
        assert_eq!(plain("success"), json!("success"));
    }
}
