//! Authentication that starts without the user's browser (OpenID Connect CIBA Core 1.0 sections 7.1, 7.3 and 10.2).
use std::time::Duration;

use serde_json::Value;
use vouchsafe_providers::{Encoding, TokenQuirks};

use super::call::{Call, Outgoing};
use super::device::{INTERVAL, LONGEST, SHORTEST, seconds};
use super::quirks::UNCHANGED;
use super::response::{Dialect, Incoming};
use crate::error::{Check, Error, Malformed, Operation};
use crate::protocol::token::response::is_token;
use crate::secret::{Secret, same};
use crate::text::json;

/// A backchannel authentication request (section 7.1).
pub(crate) struct BackchannelRequest<'a> {
    pub(crate) quirks: &'a TokenQuirks,
    pub(crate) scope: &'a str,
    /// Who is to sign in: the name of the parameter, and its value.
    pub(crate) hint: (&'static str, &'a Secret),
    pub(crate) user_code: Option<&'a Secret>,
    /// The token of the notification, in ping mode.
    pub(crate) notification_token: Option<&'a Secret>,
    pub(crate) params: &'a [(String, String)],
}

/// The response to one (section 7.3).
#[derive(Debug)]
pub(crate) struct BackchannelResponse {
    pub(crate) auth_req_id: Secret,
    pub(crate) expires_in: Duration,
    pub(crate) interval: Duration,
}

impl Call for BackchannelRequest<'_> {
    type Output = BackchannelResponse;

    fn operation(&self) -> Operation {
        Operation::BackchannelAuthentication
    }

    fn dialect(&self) -> Dialect<'_> {
        Dialect::of_tokens(self.quirks)
    }

    fn write<'a>(&'a self, to: &mut Outgoing<'a>) -> Result<(), Error> {
        to.encode(Encoding::Form, [&self.quirks.names, &UNCHANGED]);
        to.push("scope", self.scope);
        to.push_secret(self.hint.0, self.hint.1.expose());
        for (name, secret) in
            [("user_code", self.user_code), ("client_notification_token", self.notification_token)]
        {
            if let Some(secret) = secret {
                to.push_secret(name, secret.expose());
            }
        }
        for (name, value) in self.params {
            to.add(name, value);
        }
        to.authenticate();
        Ok(())
    }

    fn read(&self, from: Incoming<'_>) -> Result<BackchannelResponse, Error> {
        let members = from.object()?;
        if let Some(error) = from.error_in(&members) {
            return Err(error);
        }
        let id = match members.get("auth_req_id") {
            Some(Value::String(id)) if is_token(id) => id,
            None | Some(Value::Null) => {
                let what = "has no auth_req_id: check that this is the URL of the backchannel authentication endpoint";
                return Err(from.malformed(Malformed::MissingField, what));
            }
            Some(_) => {
                let what =
                    "has no usable auth_req_id: it is empty, or not a text of visible ASCII characters";
                return Err(from.malformed(Malformed::InvalidField, what));
            }
        };
        from.noted.note(id);
        let Some(expires_in) = seconds(&from, &members, "expires_in")? else {
            let what = "has no expires_in (CIBA Core section 7.3): the provider has to add it";
            return Err(from.malformed(Malformed::MissingField, what));
        };
        // Section 7.3: without an interval, clients must use 5 seconds.
        let interval =
            seconds(&from, &members, "interval")?.map_or(INTERVAL, |interval| interval.max(SHORTEST));
        Ok(BackchannelResponse {
            auth_req_id: Secret::new(id.as_str()),
            expires_in: expires_in.min(LONGEST),
            interval,
        })
    }
}

/// Checks a notification (section 10.2): its bearer token in constant time, and which login it is about.
pub(crate) fn check_notification(
    authorization: &str,
    body: &[u8],
    (token, auth_req_id): (&str, &str),
) -> Result<(), Error> {
    let operation = Operation::BackchannelNotification;
    let (scheme, given) = authorization.split_once(' ').unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("bearer") || !same(given.trim(), token) {
        let detail =
            "the notification does not have the bearer token of this login, so anybody may have sent it";
        return Err(Error::validation(operation, Check::StateMismatch, detail));
    }
    let named = json::parse(body).ok().and_then(|mut body| body.get_mut("auth_req_id").map(Value::take));
    match named {
        Some(Value::String(named)) if same(&named, auth_req_id) => Ok(()),
        Some(Value::String(_)) => {
            let detail = "the notification is about another login (auth_req_id)";
            Err(Error::validation(operation, Check::StateMismatch, detail))
        }
        _ => {
            let detail = "the notification must be a JSON object with the auth_req_id of a login";
            Err(Error::response(operation, Malformed::MissingField, detail))
        }
    }
}
