//! A list of a user's e-mails, from a second call or in the profile, where no single one is vouched for.
use std::slice;

use serde_json::Value;
use vouchsafe_providers::EmailList;

use super::response::Exchange;
use crate::error::{Error, Malformed};
use crate::text::json;
use crate::transport::Response;

/// The address to take from the answer of a second call, and whether the provider vouches for it.
pub(crate) fn read(
    exchange: &Exchange<'_>,
    list: &EmailList,
    response: &Response,
) -> Result<Option<(String, Option<bool>)>, Error> {
    if list.absent_on.contains(&response.status().as_u16()) {
        return Ok(None);
    }
    let answer = json::parse(exchange.json(response)?).map_err(|e| exchange.not_json(&e))?;
    match entries(list, answer.value()) {
        Some(entries) => Ok(pick(list, entries)),
        None if list.single => {
            Err(exchange.fault(Malformed::InvalidField, "is not an object with an e-mail"))
        }
        None => Err(exchange.fault(Malformed::InvalidField, "is not a list of e-mails")),
    }
}

/// The same from a list in the profile; none where there is no list.
pub(crate) fn in_profile(list: &EmailList, profile: &Value) -> Option<(String, Option<bool>)> {
    pick(list, entries(list, profile)?)
}

/// The list, or the one entry that is there in its place.
fn entries<'d>(list: &EmailList, document: &'d Value) -> Option<&'d [Value]> {
    match document.pointer(&list.list)? {
        Value::Array(entries) if !list.single => Some(entries),
        entry @ Value::Object(_) if list.single => Some(slice::from_ref(entry)),
        _ => None,
    }
}

/// The primary address, the first where none is marked so. Where addresses are marked as verified, no other will do.
fn pick(list: &EmailList, entries: &[Value]) -> Option<(String, Option<bool>)> {
    let mark = |entry: &Value, pointer: &Option<String>, is: fn(&Value) -> bool| {
        pointer.as_ref().is_none_or(|pointer| entry.pointer(pointer).is_some_and(is))
    };
    let entry = entries
        .iter()
        .find(|entry| mark(entry, &list.primary, is_primary) && mark(entry, &list.verified, is_verified))?;
    let email = entry.pointer(&list.email)?.as_str().filter(|email| !email.is_empty())?;
    Some((email.to_owned(), list.verified.as_ref().map(|_| true)))
}

fn is_primary(mark: &Value) -> bool {
    match mark {
        Value::Bool(primary) => *primary,
        Value::Array(marks) => marks.iter().any(|mark| mark == "primary"),
        _ => false,
    }
}

fn is_verified(mark: &Value) -> bool {
    *mark == true || mark == "true" || mark == "confirmed"
}
