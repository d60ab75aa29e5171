//! A second call that lists a user's e-mails, where the profile has none or does not vouch for it.
use serde_json::Value;
use vouchsafe_providers::EmailList;

use super::answer::Exchange;
use crate::error::{Error, Fault};
use crate::http::Response;
use crate::json;

/// The address that is primary, if it is verified.
pub(crate) fn read(
    exchange: &Exchange<'_>,
    list: &EmailList,
    response: &Response,
) -> Result<Option<String>, Error> {
    if list.absent_on.contains(&response.status().as_u16()) {
        return Ok(None);
    }
    let entries = json::parse(exchange.json(response)?).map_err(|e| exchange.not_json(&e))?;
    let Some(entries) = entries.value().as_array() else {
        return Err(exchange.fault(Fault::InvalidField, "is not a list of e-mails"));
    };
    let is = |entry: &Value, mark: &Option<String>| {
        mark.as_ref().is_some_and(|pointer| entry.pointer(pointer) == Some(&Value::Bool(true)))
    };
    let primary = entries.iter().find(|e| is(e, &list.primary) && is(e, &list.verified));
    Ok(primary.and_then(|e| e.pointer(&list.email)?.as_str()).map(str::to_owned))
}
