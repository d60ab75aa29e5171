//! Refreshing tokens (RFC 6749 section 6).
use vouchsafe_providers::{Definition, EndpointName, RefreshQuirks};

use crate::client::Client;
use crate::client::ongoing::Ongoing;
use crate::client::refresh_request::Spent;
use crate::error::{Check, Error, Feature, LeftOut, Operation, Warning};
use crate::jose::id_token::{Expected, Nonce};
use crate::secret::Secret;
use crate::text::legible::legible;
use crate::tokens::{IdToken, Tokens};

impl Client {
    /// Requests new tokens with the refresh token. Values that the response does not have are copied from the old tokens.
    ///
    /// A new ID token is verified like the first one, and compared with it (OpenID Connect Core section 12.2). If it is about another
    /// user, from another issuer or for another client, the new tokens are somebody else's: the call fails, and none of them is
    /// used. If it fails another check, or cannot be checked, the new tokens count, because the old refresh token may be spent: the old ID
    /// token stays, and [`Tokens::warnings`] says why. So does the old one if the new one says that the user signed in at another time
    /// (`auth_time`).
    ///
    /// Callers of this client and its clones that present the same refresh token at the same time share one request and its
    /// outcome, even an error. If one of them gives up, the request continues for the others. Afterwards nothing is kept: store the
    /// new tokens before you use them ([`guide::when_a_call_fails`](crate::guide::when_a_call_fails)).
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the provider does not refresh tokens, or gave no refresh token; [`Error::Server`] with
    /// `invalid_grant` if the user has to sign in again ([`Error::needs_login`]); [`Error::Validation`] if the new tokens are
    /// somebody else's.
    #[doc(alias = "refresh_token")]
    pub async fn refresh(&self, tokens: &Tokens) -> Result<Tokens, Error> {
        let call = self.begin_for(tokens);
        call.end(call.refresh(tokens).await)
    }
}

impl Ongoing<'_> {
    async fn refresh(&self, tokens: &Tokens) -> Result<Tokens, Error> {
        let server = self.server_of(tokens, Operation::Refresh).await?;
        server.endpoint(EndpointName::Refresh)?;
        let Definition { refreshing, scope_separator, .. } = &*server.definition;
        let token = match tokens.refresh_token() {
            _ if refreshing.access_token => tokens.access_token().expose(),
            Some(refresh_token) => refresh_token.expose(),
            None => {
                let detail = format!(
                    "the provider issued no refresh token at this login: request one when the user signs in again, {}",
                    needed(refreshing)
                );
                return Err(Error::unsupported(Operation::Refresh, Feature::RefreshToken, detail));
            }
        };
        let scopes: Vec<_> = tokens.scopes().filter(|_| refreshing.scope).collect();
        let scope = (!scopes.is_empty()).then(|| scopes.join(scope_separator));
        let old = tokens.id_token();
        let nonce = Nonce::Remembered(old.and_then(IdToken::nonce));
        let expected = Expected { nonce, ..self.client.inner.live.expected(&server) };
        let brought = |name: &String| Some((name.clone(), tokens.callback_value(name)?.as_str()?.to_owned()));
        let forwarded: Vec<_> = refreshing.forward.iter().filter_map(brought).collect();
        let spent = Spent { token: Secret::new(token), scope, forwarded };
        let mut fresh = self.refreshed(&server, spent, expected).await?;

        // OpenID Connect Core §12.2: a refreshed ID token is about the same user of the same issuer. It has an audience and an azp for
        // this client, like the first one.
        if let (Some(old), Some(new)) = (old, fresh.id_token()) {
            if old.subject() != new.subject() {
                let detail = "the refreshed ID token is about another user than the first: discard the tokens and sign in again";
                return Err(Error::validation(Operation::Refresh, Check::SubjectMismatch, detail));
            }
            // The documented names of one issuer are one issuer. If a provider has many, the issuer of the first ID token stays.
            let names = &server.definition.issuer_aliases;
            let is_own = |iss: &str| {
                server.issuer_template.is_none()
                    && (server.issuer.as_deref() == Some(iss) || names.iter().any(|name| name == iss))
            };
            if old.issuer() != new.issuer() && !(is_own(old.issuer()) && is_own(new.issuer())) {
                let detail = format!(
                    "the refreshed ID token must be from issuer {}, as the first, but its iss is {}: discard the tokens and sign in again",
                    legible(old.issuer()),
                    legible(new.issuer())
                );
                return Err(Error::validation(Operation::Refresh, Check::IssuerMismatch, detail));
            }
            // The same section: auth_time is the time of the original sign-in.
            if old.auth_time().zip(new.auth_time()).is_some_and(|(old, new)| old != new) {
                let detail = "the refreshed ID token must have the auth_time of the first, because a refresh is no new sign-in, and has another: \
                              the provider has to correct it";
                let error = Error::validation(Operation::Refresh, Check::AuthTime, detail);
                fresh =
                    fresh.without_id_token().with_warnings(vec![Warning::caused_by(LeftOut::IdToken, error)]);
            }
        }
        let fresh = self.kept(fresh, tokens);
        let missing: Vec<_> = tokens.scopes().filter(|old| fresh.scopes().all(|new| new != *old)).collect();
        if missing.is_empty() {
            return Ok(fresh);
        }
        let why = format!("the provider granted fewer scopes than before, without {}", missing.join(" "));
        Ok(fresh.with_warnings(vec![Warning::new(LeftOut::Scope, why)]))
    }
}

/// What a login has to ask for, so that there is a refresh token.
fn needed(quirks: &RefreshQuirks) -> String {
    let scope = quirks.needs_scope.first().map(|scope| format!("the scope {scope}"));
    let params = quirks.needs_params.iter().map(|(name, value)| format!("the parameter {name}={value}"));
    let needed: Vec<_> = scope.into_iter().chain(params).collect();
    match needed.is_empty() {
        true => "often by the scope offline_access".to_owned(),
        false => format!("by {}", needed.join(" and ")),
    }
}
