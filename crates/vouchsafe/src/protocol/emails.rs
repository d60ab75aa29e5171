//! The list of a user's e-mails, from a second request or in the profile, for providers whose profile has no single e-mail.
use std::slice;

use serde_json::Value;
use vouchsafe_providers::EmailList;

use super::call::{Call, Outgoing};
use super::response::{Dialect, Incoming};
use super::userinfo::ProfileCall;
use crate::error::{Error, Malformed, Operation};
use crate::text::json;

/// A request for the list.
pub(crate) struct EmailsCall<'a> {
    /// The request for a profile that this one is like.
    pub(crate) like: ProfileCall<'a>,
    pub(crate) list: &'a EmailList,
}

impl Call for EmailsCall<'_> {
    /// The address, and whether the provider has verified it.
    type Output = Option<(String, Option<bool>)>;

    fn operation(&self) -> Operation {
        Operation::Identity
    }

    fn dialect(&self) -> Dialect<'_> {
        Dialect { failure: None, ..self.like.dialect }
    }

    fn write<'a>(&'a self, to: &mut Outgoing<'a>) -> Result<(), Error> {
        self.like.write(to)
    }

    fn read(&self, from: Incoming<'_>) -> Result<Self::Output, Error> {
        if self.list.absent_on.contains(&from.response.status().as_u16()) {
            return Ok(None);
        }
        from.check()?;
        let document = json::parse(from.response.body()).map_err(|e| from.not_json(&e))?;
        match entries(self.list, &document) {
            Some(entries) => Ok(pick(self.list, entries)),
            None if self.list.single => {
                Err(from.malformed(Malformed::InvalidField, "must be an object with an e-mail address, and is not: correct identity.emails in the definition"))
            }
            None => Err(from.malformed(Malformed::InvalidField, "must have a list of e-mail addresses, and has none: correct identity.emails in the definition")),
        }
    }
}

/// The same from a list in the profile; `None` if there is no list.
pub(crate) fn in_profile(list: &EmailList, profile: &Value) -> Option<(String, Option<bool>)> {
    pick(list, entries(list, profile)?)
}

/// The list, or the single entry that replaces it.
fn entries<'d>(list: &EmailList, document: &'d Value) -> Option<&'d [Value]> {
    match document.pointer(&list.list)? {
        Value::Array(entries) if !list.single => Some(entries),
        entry @ Value::Object(_) if list.single => Some(slice::from_ref(entry)),
        _ => None,
    }
}

/// The primary address, or the first if none is marked as primary. If addresses are marked as verified, only those count.
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
