//! Device authorization (RFC 8628 sections 3.1 and 3.2).
use std::time::Duration;

use serde_json::Value;
use vouchsafe_providers::{Encoding, TokenQuirks};

use super::call::{Call, Outgoing};
use super::quirks::UNCHANGED;
use super::response::{Dialect, Incoming};
use crate::endpoint::Endpoint;
use crate::endpoint::{NotAnEndpoint, PlainHosts, foreign};
use crate::error::{Check, Error, Malformed, Operation};
use crate::protocol::token::response::is_token;
use crate::secret::Secret;
use crate::text::form::read_form;
use crate::text::legible::legible;

/// A device authorization request (section 3.1).
pub(crate) struct DeviceRequest<'a> {
    pub(crate) quirks: &'a TokenQuirks,
    pub(crate) scope: Option<&'a str>,
    pub(crate) params: &'a [(String, String)],
    /// The hosts that `http` may be used for.
    pub(crate) plain: &'a PlainHosts,
}

/// A device authorization response (section 3.2).
#[derive(Debug)]
pub(crate) struct DeviceCodes {
    pub(crate) device_code: Secret,
    pub(crate) user_code: String,
    pub(crate) verification_uri: String,
    pub(crate) verification_uri_complete: Option<String>,
    pub(crate) expires_in: Duration,
    pub(crate) interval: Duration,
}

impl Call for DeviceRequest<'_> {
    type Output = DeviceCodes;

    fn operation(&self) -> Operation {
        Operation::DeviceAuthorization
    }

    fn dialect(&self) -> Dialect<'_> {
        Dialect::of_tokens(self.quirks)
    }

    fn write<'a>(&'a self, to: &mut Outgoing<'a>) -> Result<(), Error> {
        to.encode(Encoding::Form, [&self.quirks.names, &UNCHANGED]);
        if let Some(scope) = self.scope {
            to.push("scope", scope);
        }
        for (name, value) in self.params {
            to.add(name, value);
        }
        to.authenticate();
        Ok(())
    }

    fn read(&self, from: Incoming<'_>) -> Result<DeviceCodes, Error> {
        let members = if from.is_form() && from.response.status().is_success() {
            read_form(from.response.body()).map(Value::Object).unwrap_or_default()
        } else {
            from.object()?
        };
        if let Some(error) = from.error_in(&members) {
            return Err(error);
        }
        let device_code = required(&from, &members, "device_code")?;
        from.noted.note(device_code);
        if !is_token(device_code) {
            return Err(from.malformed(
                Malformed::InvalidField,
                "has a device_code with characters that no code may have",
            ));
        }
        let user_code = required(&from, &members, "user_code")?;
        // People read it aloud and type it: a character that nobody sees would make it another code.
        if legible(user_code) != user_code || user_code.trim() != user_code || user_code.len() > MAX_USER_CODE
        {
            return Err(from.malformed(
                Malformed::InvalidField,
                "has a user_code that cannot be shown: it must be short, and have no invisible characters",
            ));
        }
        // Google's endpoint has the name of an early draft.
        let name =
            if members.get("verification_uri").is_some() { "verification_uri" } else { "verification_url" };
        let verification_uri = page(&from, name, required(&from, &members, name)?, self.plain)?;
        let verification_uri_complete = match members.get("verification_uri_complete") {
            None | Some(Value::Null) => None,
            Some(Value::String(uri)) => Some(page(&from, "verification_uri_complete", uri, self.plain)?),
            Some(_) => return Err(invalid(&from, "verification_uri_complete", "is not text")),
        };
        let Some(expires_in) = seconds(&from, &members, "expires_in")? else {
            return Err(from.malformed(
                Malformed::MissingField,
                "has no expires_in (RFC 8628 section 3.2): the provider has to add it",
            ));
        };
        // Section 3.2: if there is no interval, clients must use 5 seconds. With 0, they would not pause at all.
        let interval =
            seconds(&from, &members, "interval")?.map_or(INTERVAL, |interval| interval.max(SHORTEST));
        Ok(DeviceCodes {
            user_code: user_code.to_owned(),
            verification_uri,
            verification_uri_complete,
            expires_in: expires_in.min(LONGEST),
            interval,
            device_code: Secret::new(device_code),
        })
    }
}

fn required<'m>(from: &Incoming<'_>, members: &'m Value, name: &str) -> Result<&'m str, Error> {
    match members.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        None | Some(Value::Null) => {
            let what = format!("has no {name}: check that this is the URL of the endpoint");
            Err(from.malformed(Malformed::MissingField, &what))
        }
        Some(_) => Err(invalid(from, name, "is not a text, or it is empty")),
    }
}

fn invalid(from: &Incoming<'_>, name: &str, why: &str) -> Error {
    from.malformed(Malformed::InvalidField, &format!("has no usable {name}: it {why}"))
}

/// A URL that a person opens. The secret of the user code is sent there, so it is `https`.
fn page(from: &Incoming<'_>, name: &str, uri: &str, plain: &PlainHosts) -> Result<String, Error> {
    let (before, fragment) = uri.split_once('#').map_or((uri, None), |(before, after)| (before, Some(after)));
    if fragment.is_some_and(|fragment| foreign(fragment).is_some() || !fragment.is_ascii()) {
        return Err(invalid(from, name, "has characters that must be percent-encoded"));
    }
    match Endpoint::parse_for(before, plain) {
        Ok(page) => {
            let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
            Ok(format!("{}{fragment}", page.as_str()))
        }
        Err(NotAnEndpoint::Invalid(why)) => {
            Err(invalid(from, name, &format!("is no URL that may be shown: {why}")))
        }
        Err(NotAnEndpoint::Insecure) => {
            let detail = format!(
                "the {name} must be https, so that nobody else can show the user a page in its place: the provider has to correct it"
            );
            Err(Error::validation(from.operation, Check::InsecureUrl, detail))
        }
    }
}

/// A number of seconds; a few providers send it as text.
pub(crate) fn seconds(from: &Incoming<'_>, members: &Value, name: &str) -> Result<Option<Duration>, Error> {
    let number = match members.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit())),
        Some(_) => None,
    };
    let duration =
        number.filter(|seconds| (0.0..=MOST_SECONDS).contains(seconds)).map(Duration::from_secs_f64);
    duration.map(Some).ok_or_else(|| invalid(from, name, "is not a number of seconds"))
}

/// Longer than any person types.
const MAX_USER_CODE: usize = 64;
pub(crate) const INTERVAL: Duration = Duration::from_secs(5);
pub(crate) const SHORTEST: Duration = Duration::from_secs(1);
/// Nobody signs in for longer than a day.
pub(crate) const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// Thirty years; more is a mistake.
const MOST_SECONDS: f64 = 1e9;
