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
    /// The old refresh token may be spent now. So the new tokens count even if their ID token fails a check, or cannot be checked:
    /// then the old ID token stays, and [`Tokens::warnings`] says why. An ID token about another user is an error.
    ///
    /// Callers of this client and its clones that present the same refresh token at the same time share one request and its
    /// outcome, even an error. If one of them gives up, the request continues for the others. Afterwards nothing is kept: store the
    /// new tokens before you use them ([`guide::when_a_call_fails`](crate::guide::when_a_call_fails)).
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the provider does not refresh tokens, or gave no refresh token; [`Error::Server`] with
    /// `invalid_grant` if the user has to sign in again ([`Error::needs_login`]).
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
        let fresh = self.refreshed(&server, spent, expected).await?;

        // OpenID Connect Core §12.2: a refreshed ID token is about the same user of the same issuer. If a provider has many
        // issuers, the issuer of the first ID token stays.
        if let (Some(old), Some(new)) = (old, fresh.id_token()) {
            if old.subject() != new.subject() {
                let detail = "the refreshed ID token is about another user than the first: discard the tokens and sign in again";
                return Err(Error::validation(Operation::Refresh, Check::SubjectMismatch, detail));
            }
            if server.issuer_template.is_some() && old.issuer() != new.issuer() {
                let detail = format!(
                    "the refreshed ID token must be from issuer {}, as the first, but its iss is {}: discard the tokens and sign in again",
                    legible(old.issuer()),
                    legible(new.issuer())
                );
                return Err(Error::validation(Operation::Refresh, Check::IssuerMismatch, detail));
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
