//! Client authentication, RFC 6749 section 2.3: by a secret, an assertion, an attestation or a certificate.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use vouchsafe_providers::ClientAuth;

use super::request::Form;
use super::{Call, attestation, client_assertion, fapi};
use crate::config::ClientConfig;
use crate::wire::{OAuthError, attributes, basic, ensure, invalid_client, invalid_request, subject};

/// Client authentication, RFC 6749 section 2.3, by the method that the definition names.
impl Call<'_> {
    /// The client, which must authenticate by this method and by no other. Without a method, every one that the client can use will
    /// do. The pair says whether the parameters must have the client id, and the secret.
    pub(super) fn authenticate(
        &self,
        method: Option<ClientAuth>,
        form: &Form<'_>,
        needs: (bool, bool),
    ) -> Result<&ClientConfig, OAuthError> {
        if !self.part.is_own {
            return self.by_secret(method, form, needs).map(|(client, _)| client);
        }
        let strong = match client_assertion::authenticate(self, form)? {
            Some(found) => Some(found),
            None => match attestation::authenticate(self, form)? {
                Some(found) => Some(found),
                None => self.by_certificate(form)?,
            },
        };
        let (client, used) = strong.map_or_else(|| self.by_secret(method, form, needs), Ok)?;
        let registered = client.strong.auth_method.as_deref().unwrap_or(used);
        let other = format!("the client is registered for {registered}, and authenticates by {used}");
        ensure(registered == used, invalid_client(other))?;
        fapi::method(self, used)?;
        Ok(client)
    }

    /// The client whose certificate is on the connection, RFC 8705 section 2, and the method.
    fn by_certificate(&self, form: &Form<'_>) -> Result<Option<(&ClientConfig, &'static str)>, OAuthError> {
        let by_secret =
            self.incoming.header("authorization").is_some() || form.get("client_secret").is_some();
        let client = form.get("client_id").and_then(|id| self.part.client(id)).filter(|_| !by_secret);
        let Some(client) = client else { return Ok(None) };
        let wrong = |what: &str| invalid_client(format!("the certificate on the connection {what}"));
        if let Some(known) = client.strong.certificate() {
            let found = self.certificate();
            ensure(found.is_some(), invalid_client("there is no certificate on the connection"))?;
            ensure(
                found.as_deref() == Some(known),
                wrong("is not the registered one (RFC 8705 section 2.2)"),
            )?;
            return Ok(Some((client, "self_signed_tls_client_auth")));
        }
        if let Some(known) = &client.strong.subject_dn {
            let found = self.incoming.tls.as_ref().and_then(|tls| tls.certificate.as_deref());
            let found = found.ok_or_else(|| invalid_client("there is no certificate on the connection"))?;
            let other = wrong("has another subject than the registered one (RFC 8705 section 2.1)");
            ensure(subject(found) == Some(attributes(known)), other)?;
            return Ok(Some((client, "tls_client_auth")));
        }
        Ok(None)
    }

    /// The client by its secret, or without one, and the method.
    fn by_secret(
        &self,
        method: Option<ClientAuth>,
        form: &Form<'_>,
        (needs_id, needs_secret): (bool, bool),
    ) -> Result<(&ClientConfig, &'static str), OAuthError> {
        let (part, incoming) = (self.part, &self.incoming);
        let (given_id, given_secret) = (form.get("client_id"), form.get("client_secret"));
        // Where the definition has a value of its own for this header field, it was checked already.
        let own = part.definition.token.headers.keys().any(|name| name.eq_ignore_ascii_case("authorization"));
        let is_bearer = incoming.header("authorization").is_some_and(|value| value.starts_with("Bearer "));
        let basic = if own || is_bearer { None } else { basic(&incoming.headers)? };
        if let Some((id, secret)) = basic {
            let no_basic = invalid_client("this provider does not take HTTP Basic authentication");
            ensure(matches!(method, None | Some(ClientAuth::ClientSecretBasic)), no_basic)?;
            // RFC 6749 section 2.3: one method in a request.
            let twice = invalid_request("the client authenticates twice, in the header and in the body");
            ensure(given_secret.is_none(), twice)?;
            let differs = invalid_request("client_id differs from the one in the header");
            ensure(given_id.is_none_or(|other| other == id), differs)?;
            return Ok((check_secret(self.registered(&id)?, Some(&secret))?, "client_secret_basic"));
        }
        let id = given_id.or_else(|| (!needs_id).then(|| part.client_id()));
        let nobody = || invalid_client("the request does not say which client sends it");
        let client = self.registered(id.ok_or_else(nobody)?)?;
        if let (Some(key), Some(secret)) = (&part.client_key, given_secret) {
            let issuer = part.filled_issuer(&self.marks).unwrap_or_default();
            return key
                .verify(secret, &client.id, &issuer, self.shared.now())
                .map(|()| (client, "client_secret_post"))
                .map_err(invalid_client);
        }
        match (method, given_secret) {
            (Some(ClientAuth::ClientSecretBasic), _) if !own => {
                Err(invalid_client("this provider takes HTTP Basic authentication only"))
            }
            (Some(ClientAuth::None), Some(_)) => Err(invalid_client("this provider takes no client secret")),
            (Some(ClientAuth::None), None) => Ok((client, "none")),
            (_, None) if !needs_secret || own => Ok((client, "none")),
            (_, None) => Ok((check_secret(client, None)?, "none")),
            (_, secret) => Ok((check_secret(client, secret)?, "client_secret_post")),
        }
    }

    fn registered(&self, id: &str) -> Result<&ClientConfig, OAuthError> {
        self.part.client(id).ok_or_else(|| invalid_client("this client is not registered"))
    }
}

fn check_secret<'a>(client: &'a ClientConfig, given: Option<&str>) -> Result<&'a ClientConfig, OAuthError> {
    let wrong = match (&client.secret, given) {
        (None, None) if client.is_public() => return Ok(client),
        (None, None) => {
            "this client must authenticate by a client assertion, an attestation or its certificate"
        }
        (None, Some(_)) if !client.is_public() => "this client has no secret, but a key or a certificate",
        (None, Some(_)) => "this client is public and has no secret",
        (Some(_), None) => "this client has a secret and must authenticate with it",
        (Some(known), Some(given)) => match verify_slices_are_equal(known.as_bytes(), given.as_bytes()) {
            Ok(()) => return Ok(client),
            Err(_) => "the client secret is wrong",
        },
    };
    Err(invalid_client(wrong))
}
