//! Refreshing tokens (RFC 6749 section 6).
use vouchsafe_providers::{Definition, EndpointName, RefreshQuirks};

use crate::client::Client;
use crate::client::ongoing::Ongoing;
use crate::client::refresh_request::Spent;
use crate::error::{Check, ConfigProblem, Error, Feature, LeftOut, Operation, Warning};
use crate::jose::id_token::{Expected, Nonce};
use crate::protocol::token::request::check_resource;
use crate::secret::Secret;
use crate::text::legible::legible;
use crate::text::redact::printable;
use crate::tokens::{IdToken, Tokens};
use crate::transport::BoxFuture;

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
        call.end(call.refresh(tokens, &Narrowing::default()).await)
    }

    /// Requests an access token that may do less than the user has granted (RFC 6749 section 6): for some of the scopes, or for one API
    /// (RFC 8707). Await it to get the tokens. The grant stays as it is, and so does its refresh token: the next
    /// [`Client::refresh`] with the old [`Tokens::scopes`] can bring all scopes again.
    ///
    /// ```no_run
    /// # async fn f(client: vouchsafe::Client, tokens: vouchsafe::Tokens) -> Result<(), vouchsafe::Error> {
    /// let narrow = client.narrow(&tokens).scopes(["calendar:read"]).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// The old refresh token may be spent, as with [`Client::refresh`]: store the new one. So a provider that grants more than was
    /// requested is no error, but a warning ([`LeftOut::Scope`]) in [`Tokens::warnings`]. Read [`Tokens::scopes`] before you hand the
    /// token to somebody else.
    ///
    /// # Errors
    /// As [`Client::refresh`]; [`Error::Config`] if a scope is not among those of the tokens.
    pub fn narrow<'c>(&'c self, tokens: &'c Tokens) -> Narrow<'c> {
        Narrow { client: self, tokens, narrowing: Narrowing::default() }
    }
}

/// A refresh for a narrower access token. Await it to get the [`Tokens`].
#[derive(Clone, Debug)]
#[must_use = "the request is sent by .await"]
pub struct Narrow<'c> {
    client: &'c Client,
    tokens: &'c Tokens,
    narrowing: Narrowing,
}

/// What the new access token is limited to.
#[derive(Clone, Debug, Default)]
struct Narrowing {
    scopes: Vec<String>,
    resources: Vec<String>,
}

impl<'c> Narrow<'c> {
    /// The scopes of the new access token: some of those that the user has granted.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.narrowing.scopes.extend(scopes.into_iter().map(Into::into));
        self
    }

    /// The URI of the API that the new access token is for (RFC 8707 section 2.2). Repeat it for more than one.
    pub fn resource(mut self, uri: impl Into<String>) -> Self {
        self.narrowing.resources.push(uri.into());
        self
    }

    async fn request(self) -> Result<Tokens, Error> {
        let call = self.client.begin_for(self.tokens);
        call.end(call.refresh(self.tokens, &self.narrowing).await)
    }
}

impl<'c> IntoFuture for Narrow<'c> {
    type Output = Result<Tokens, Error>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.request())
    }
}

impl Ongoing<'_> {
    async fn refresh(&self, tokens: &Tokens, narrowing: &Narrowing) -> Result<Tokens, Error> {
        narrowing.check(tokens)?;
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
        // The provider requires the scopes again, unless others are requested.
        let wants_scopes = refreshing.scope && narrowing.scopes.is_empty();
        let scopes: Vec<_> = tokens.scopes().filter(|_| wants_scopes).collect();
        let scope = (!scopes.is_empty()).then(|| scopes.join(scope_separator));
        let old = tokens.id_token();
        let nonce = Nonce::Remembered(old.and_then(IdToken::nonce));
        let expected = Expected { nonce, ..self.client.inner.live.expected(&server) };
        let brought = |name: &String| Some((name.clone(), tokens.callback_value(name)?.as_str()?.to_owned()));
        let forwarded: Vec<_> = refreshing.forward.iter().filter_map(brought).collect();
        let narrowed = narrowing.params(scope_separator);
        let spent = Spent { token: Secret::new(token), scope, forwarded, narrowed };
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
        let fresh = fresh.with_requested_scope(&narrowing.scopes, scope_separator);
        let fresh = self.kept(fresh, tokens);
        if !narrowing.scopes.is_empty() {
            let is_more = |scope: &&str| narrowing.scopes.iter().all(|asked| asked != scope);
            let more: Vec<_> = fresh.scopes().filter(is_more).collect();
            if more.is_empty() {
                return Ok(fresh);
            }
            let why = format!(
                "the provider granted more scopes than were requested, also {}",
                legible(&more.join(" "))
            );
            return Ok(fresh.with_warnings(vec![Warning::new(LeftOut::Scope, why)]));
        }
        let missing: Vec<_> = tokens.scopes().filter(|old| fresh.scopes().all(|new| new != *old)).collect();
        if missing.is_empty() {
            return Ok(fresh);
        }
        let why = format!("the provider granted fewer scopes than before, without {}", missing.join(" "));
        Ok(fresh.with_warnings(vec![Warning::new(LeftOut::Scope, why)]))
    }
}

impl Narrowing {
    /// RFC 6749 §6: the scopes must not include any that the user has not granted.
    fn check(&self, tokens: &Tokens) -> Result<(), Error> {
        let granted: Vec<_> = tokens.scopes().collect();
        let is_more = |scope: &&String| !granted.is_empty() && !granted.contains(&scope.as_str());
        if let Some(more) = self.scopes.iter().find(is_more) {
            let detail = format!(
                "the scope {} is not among the scopes of the tokens, {}: a refresh cannot add one, so let the user sign in again",
                printable(more, 60),
                printable(&granted.join(" "), 200)
            );
            return Err(Error::config(ConfigProblem::InvalidOption, detail));
        }
        self.resources.iter().try_for_each(|uri| check_resource(uri))
    }

    fn params(&self, separator: &str) -> Vec<(String, String)> {
        let scope = (!self.scopes.is_empty()).then(|| ("scope".to_owned(), self.scopes.join(separator)));
        let resources = self.resources.iter().map(|uri| ("resource".to_owned(), uri.clone()));
        scope.into_iter().chain(resources).collect()
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
