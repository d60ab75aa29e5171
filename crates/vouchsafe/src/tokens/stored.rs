//! The form in which tokens are stored.
use std::borrow::Cow;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{BEARER, DPOP, IdToken, Parts, RefreshToken, Tokens, separators};
use crate::protocol::token::response::is_token;
use crate::provenance::Provenance;
use crate::secret::Secret;
use crate::text::json::{LazyObject, Stored};
use crate::text::moment::Seconds;
use crate::text::version::Version;
use crate::tokens::AccessToken;

/// A change of this form needs another version.
#[derive(Deserialize, Serialize)]
struct StoredTokens<'a> {
    v: Version<2>,
    provider: Cow<'a, str>,
    issuer: Cow<'a, str>,
    client_id: Cow<'a, str>,
    token_type: Cow<'a, str>,
    /// Like all times here, in seconds since 1970.
    received_at: Seconds,
    access_token: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_token: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id_token: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unverified_id_token: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<Cow<'a, str>>,
    /// Absent if it is a space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope_separators: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Seconds>,
    /// Members of the token response without an accessor of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    extra: Option<Stored<'a>>,
    /// Values that the browser brought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    callback: Option<Stored<'a>>,
}

impl Serialize for Tokens {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Parts { provenance, access_token, scope, scope_separators, .. } = &*self.parts;
        StoredTokens {
            v: Version,
            provider: (&*provenance.provider).into(),
            issuer: (&*provenance.issuer).into(),
            client_id: (&*provenance.client_id).into(),
            token_type: if self.parts.is_bound { DPOP } else { BEARER }.into(),
            received_at: Seconds::of(self.parts.received_at),
            access_token: access_token.expose().into(),
            refresh_token: self.parts.refresh_token.as_ref().map(|token| token.expose().into()),
            id_token: self.parts.id_token.as_ref().map(|token| token.expose().into()),
            unverified_id_token: self.parts.unverified_id_token.as_ref().map(|token| token.expose().into()),
            scope: scope.as_deref().map(Cow::Borrowed),
            scope_separators: (scope_separators != " ").then(|| (&**scope_separators).into()),
            expires_at: self.parts.expires_at.map(Seconds::of),
            extra: self.parts.extra.as_ref().map(|extra| Stored(Cow::Borrowed(extra.value()))),
            callback: self.parts.callback.as_ref().map(|values| Stored(Cow::Borrowed(values.value()))),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Tokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = StoredTokens::deserialize(deserializer)?;
        let is_bound = stored.token_type.eq_ignore_ascii_case(DPOP);
        if !is_bound && !stored.token_type.eq_ignore_ascii_case(BEARER) {
            return Err(D::Error::custom(
                "the stored tokens have a token type other than Bearer and DPoP: sign in again",
            ));
        }
        let tokens = [Some(&stored.access_token), stored.refresh_token.as_ref()].into_iter().flatten();
        if !tokens.into_iter().all(|token| is_token(token)) {
            return Err(D::Error::custom(
                "a stored token has characters that no token may have: sign in again",
            ));
        }
        let secret = |text: Cow<'_, str>| Secret::new(text);
        let unreadable = || D::Error::custom("the stored ID token could not be parsed: sign in again");
        let id_token =
            stored.id_token.map(|raw| IdToken::from_stored(raw.into_owned()).ok_or_else(unreadable));
        let parts = Parts {
            provenance: Arc::new(Provenance {
                provider: stored.provider.into_owned(),
                issuer: stored.issuer.into_owned(),
                client_id: stored.client_id.into_owned(),
            }),
            received_at: stored.received_at.time().unwrap_or(UNIX_EPOCH),
            access_token: AccessToken(secret(stored.access_token)),
            is_bound,
            refresh_token: stored.refresh_token.map(|token| RefreshToken(secret(token))),
            id_token: id_token.transpose()?,
            unverified_id_token: stored.unverified_id_token.map(secret),
            scope: stored.scope.map(|scope| scope.into()),
            scope_separators: stored.scope_separators.as_deref().map_or(Cow::Borrowed(" "), separators),
            expires_at: stored.expires_at.and_then(Seconds::time),
            extra: stored.extra.map(|Stored(extra)| LazyObject::from(extra.into_owned())),
            callback: stored.callback.map(|Stored(values)| LazyObject::from(values.into_owned())),
            warnings: Vec::new(),
        };
        Ok(Self { parts: Arc::new(parts) })
    }
}
