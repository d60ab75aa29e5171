//! Client authentication, RFC 6749 section 2.3, by the method that the definition names.

use std::collections::BTreeMap;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use vouchsafe_providers::ClientAuth;

use super::Part;
use crate::config::ClientConfig;
use crate::wire::{Incoming, OAuthError, basic, hex};

/// The client id and the client secret among the parameters of a request, and whether they must be there.
#[derive(Clone, Copy)]
pub(crate) struct ClientParams<'a> {
    pub(crate) id: Option<&'a str>,
    pub(crate) secret: Option<&'a str>,
    pub(crate) needs_id: bool,
    pub(crate) needs_secret: bool,
}

impl Part {
    /// The client, which must authenticate by this method and by no other. Without a method, Basic and the body will do.
    pub(crate) fn authenticate(
        &self,
        incoming: &Incoming,
        method: Option<ClientAuth>,
        given: ClientParams<'_>,
        marks: &BTreeMap<String, String>,
        now: u64,
    ) -> Result<&ClientConfig, OAuthError> {
        let invalid = OAuthError::invalid_client::<&str>;
        // Where the definition has a value of its own for this header field, it was checked already.
        let own = self.definition.token.headers.keys().any(|name| name.eq_ignore_ascii_case("authorization"));
        let is_bearer = incoming.header("authorization").is_some_and(|value| value.starts_with("Bearer "));
        let basic = if own || is_bearer { None } else { basic(&incoming.headers)? };
        if let Some((id, secret)) = basic {
            if !matches!(method, None | Some(ClientAuth::ClientSecretBasic)) {
                return Err(invalid("this provider does not take HTTP Basic authentication"));
            }
            // RFC 6749 section 2.3: one method in a request.
            if given.secret.is_some() {
                let twice = "the client authenticates twice, in the header and in the body";
                return Err(OAuthError::invalid_request(twice));
            }
            if given.id.is_some_and(|other| other != id) {
                let differs = "client_id differs from the one in the header";
                return Err(OAuthError::invalid_request(differs));
            }
            return check_secret(self.registered(&id)?, Some(&secret));
        }
        let client = match given.id {
            Some(id) => self.registered(id)?,
            None if !given.needs_id => self.registered(self.client_id())?,
            None => return Err(invalid("the request does not say which client sends it")),
        };
        if let (Some(key), Some(secret)) = (&self.client_key, given.secret) {
            let issuer = self.filled_issuer(marks).unwrap_or_default();
            return key.verify(secret, &client.id, &issuer, now).map(|()| client).map_err(invalid);
        }
        match (method, given.secret) {
            (Some(ClientAuth::ClientSecretBasic), _) if !own => {
                Err(invalid("this provider takes HTTP Basic authentication only"))
            }
            (Some(ClientAuth::None), Some(_)) => Err(invalid("this provider takes no client secret")),
            (Some(ClientAuth::None), None) => Ok(client),
            (_, None) if !given.needs_secret || own => Ok(client),
            (_, secret) => check_secret(client, secret),
        }
    }

    fn registered(&self, id: &str) -> Result<&ClientConfig, OAuthError> {
        self.client(id).ok_or_else(|| OAuthError::invalid_client("this client is not registered"))
    }

    /// The hexadecimal HMAC-SHA-256 under the client secret.
    pub(crate) fn hmac(&self, text: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret().as_bytes());
        hex(hmac::sign(&key, text.as_bytes()).as_ref())
    }
}

fn check_secret<'a>(client: &'a ClientConfig, given: Option<&str>) -> Result<&'a ClientConfig, OAuthError> {
    let invalid = OAuthError::invalid_client::<&str>;
    match (&client.secret, given) {
        (None, None) => Ok(client),
        (None, Some(_)) => Err(invalid("this client is public and has no secret")),
        (Some(_), None) => Err(invalid("this client has a secret and must authenticate with it")),
        (Some(known), Some(given)) => verify_slices_are_equal(known.as_bytes(), given.as_bytes())
            .map(|()| client)
            .map_err(|_| invalid("the client secret is wrong")),
    }
}
