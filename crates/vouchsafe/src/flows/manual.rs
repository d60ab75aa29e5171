//! The single steps of a login.
use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use vouchsafe_providers::{Definition, EndpointName, Pkce};

use crate::client::Client;
use crate::client::authorization::Protected;
use crate::client::refresh_request::Spent;
use crate::endpoint::check_redirect_uri;
use crate::error::{ConfigProblem, Error, Operation};
use crate::jose::id_token::{Expected as ExpectedToken, Nonce};
use crate::jose::jwt::Rules;
use crate::protocol::authorization::request::{PerLogin, check_extra};
use crate::protocol::authorization::response::{AuthorizationResponse, Callback};
use crate::protocol::pkce::CodeChallenge;
use crate::protocol::response::{Dialect, Incoming};
use crate::protocol::revocation::TokenTypeHint;
use crate::protocol::token::request::Grant;
use crate::protocol::token::response;
use crate::secret::{Noted, Secret, opaque};
use crate::shared::Asker;
use crate::text::json::Value;
use crate::tokens::{IdToken, Tokens};
use crate::transport::{BoxFuture, Response};

impl Client {
    /// The single steps of a login, for applications that keep state and code verifier themselves.
    pub fn manual(&self) -> Manual<'_> {
        Manual { client: self }
    }
}

/// The single steps of a login, for applications that keep state and code verifier themselves.
///
/// # Security
/// Here you do the work of [`Client::login`] and [`Client::finish`] yourself: make a state of at least 128 random
/// bits for each login, bind it to the browser, and check the response with it ([`Manual::authorization_response`]). Send a
/// code challenge, and pass its code verifier with the code. Send a nonce, and pass it with the code too.
///
/// ```no_run
/// # async fn f(client: vouchsafe::Client, state: String, verifier: String, arrived_at: &str) -> Result<(), vouchsafe::Error> {
/// use vouchsafe::manual::{CodeChallenge, TokenTypeHint};
///
/// let redirect_uri = "https://app.example.com/callback";
/// let authorization_url = client
///     .manual()
///     .authorization_url(redirect_uri)
///     .state(&state)
///     .scopes(["profile", "email"])
///     .code_challenge(CodeChallenge::s256(&verifier)?)
///     .await?;
/// // Send the browser there. When it has come back to the redirect URI, pass the URL at which it arrived:
/// let request = client.manual().authorization_response(arrived_at, redirect_uri, &state).await?;
/// let tokens = request.code_verifier(verifier).await?;
/// client.manual().revoke(tokens.access_token().expose(), Some(TokenTypeHint::AccessToken)).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Manual<'c> {
    client: &'c Client,
}

impl<'c> Manual<'c> {
    /// Makes the URL to send the browser to (RFC 6749 section 4.1.1). Await it.
    #[doc(alias = "get_authorization_url")]
    pub fn authorization_url(self, redirect_uri: impl Into<String>) -> AuthorizationUrl<'c> {
        AuthorizationUrl {
            client: self.client,
            redirect_uri: redirect_uri.into(),
            state: None,
            nonce: None,
            scopes: Vec::new(),
            challenge: None,
            params: Vec::new(),
        }
    }

    /// Checks the response that came to a redirect URI, as [`Client::finish`] does: where it came to, the issuer (RFC 9207)
    /// and `state`, and only then whether it is an error. Returns the token request for its code: add
    /// the code verifier and the nonce, then await it.
    ///
    /// You check how long the login has taken.
    ///
    /// # Errors
    /// As [`Client::finish`], before the code is sent.
    pub async fn authorization_response<'r>(
        self,
        response: impl Into<AuthorizationResponse<'r>>,
        redirect_uri: impl Into<String>,
        state: &str,
    ) -> Result<TokenRequest<'c>, Error> {
        let (call, redirect_uri) = (self.client.begin(), redirect_uri.into());
        call.noted.note(state);
        let server = call.server().await?;
        let secret = self.client.inner.authenticator.credentials.secret();
        let expected = server.expected_response(&redirect_uri, state, secret);
        let Callback { code, forwarded, .. } =
            call.end(response.into().check(&expected, &call.noted).map_err(|error| error.explained(None)))?;
        Ok(TokenRequest { forwarded, ..self.authorization_code(code, redirect_uri) })
    }

    /// Gets tokens for a code (RFC 6749 section 4.1.3). Await it. An ID token in the response is verified.
    ///
    /// # Security
    /// Use only a code from a response that you checked. [`Manual::authorization_response`] checks the response and gives this
    /// request.
    #[doc(alias = "get_access_token")]
    pub fn authorization_code(
        self,
        code: impl Into<String>,
        redirect_uri: impl Into<String>,
    ) -> TokenRequest<'c> {
        TokenRequest {
            client: self.client,
            code: Secret::new(code),
            redirect_uri: redirect_uri.into(),
            verifier: None,
            nonce: None,
            max_age: None,
            acr_values: Vec::new(),
            forwarded: Vec::new(),
        }
    }

    /// Gets fresh tokens for a refresh token (RFC 6749 section 6).
    ///
    /// # Security
    /// An ID token in the response is verified, but not compared with the first one: check that the subject is the same
    /// (OpenID Connect Core section 12.2).
    ///
    /// # Errors
    /// As [`Client::refresh`].
    #[doc(alias = "refresh_token")]
    pub async fn refresh(self, refresh_token: &str) -> Result<Tokens, Error> {
        let call = self.client.begin();
        let outcome = async {
            let server = call.server().await?;
            let expected = self.client.inner.live.expected(&server);
            let spent = Spent {
                token: Secret::new(refresh_token),
                scope: None,
                forwarded: Vec::new(),
                narrowed: Vec::new(),
            };
            call.refreshed(&server, spent, expected).await
        };
        call.end(outcome.await)
    }

    /// Revokes a token (RFC 7009 section 2.1).
    ///
    /// # Errors
    /// As [`Client::revoke`].
    #[doc(alias = "revoke_token")]
    pub async fn revoke(self, token: &str, hint: Option<TokenTypeHint>) -> Result<(), Error> {
        let call = self.client.begin();
        let outcome = async {
            let server = call.server().await?;
            call.revoke_token(&server, token, hint, &Secret::new(token)).await
        };
        call.end(outcome.await)
    }

    /// Fetches the profile for an access token. The subject is not compared with an ID token.
    ///
    /// # Errors
    /// As [`Client::profile`].
    #[doc(alias = "get_profile")]
    pub async fn profile(self, access_token: &str) -> Result<Value, Error> {
        let call = self.client.begin();
        call.end(call.profile_behind(&Secret::new(access_token), None).await.map_err(Error::from))
    }

    /// Reads a token response that you requested yourself. An ID token in it is not verified; use
    /// [`Manual::verify_id_token`] for that.
    ///
    /// # Errors
    /// [`Error::Server`] if it is an error response, [`Error::Response`] if it is not what RFC 6749 section 5.1 asks for.
    pub fn read_token_response(self, body: impl Into<Vec<u8>>) -> Result<Tokens, Error> {
        let quirks = &self.client.template().definition.token;
        // Nothing is sent, so there is no deadline.
        let noted = Noted::knowing(self.client.inner.authenticator.credentials.secrets());
        let from = Incoming {
            is_proved: self.client.inner.binding.is_some(),
            operation: Operation::AuthorizationCode,
            uri: &http::Uri::default(),
            noted: &noted,
            dialect: Dialect::of_tokens(quirks),
            response: Response::new(body.into()),
            now: SystemTime::now(),
        };
        Ok(self.client.tokens_of(response::read(from, quirks)?))
    }

    /// Verifies an ID token that you received yourself (OpenID Connect Core section 3.1.3.7). Give the nonce that you sent. If
    /// you sent none, the token must have none.
    ///
    /// # Errors
    /// [`Error::Validation`] with the check that failed.
    pub async fn verify_id_token(self, id_token: &str, nonce: Option<&str>) -> Result<IdToken, Error> {
        let call = self.client.begin();
        let server = call.server().await?;
        let openid = server.keys_of(Operation::Jwt)?;
        let nonce = nonce.map_or(Nonce::None, Nonce::Sent);
        let expected = ExpectedToken { nonce, ..self.client.inner.live.expected(&server) };
        let asking = (Operation::Jwt, Asker::Anybody, None);
        let verified = call.verified(openid, id_token, &expected, asking).await?;
        Ok(IdToken::new(Secret::new(id_token), verified))
    }

    /// Verifies any JWT of the provider, such as an access token with the roles of a user
    /// ([`guide::roles_and_groups`](crate::guide::roles_and_groups)): its signature, issuer and times, and its audience if one is
    /// given. Returns its claims.
    ///
    /// # Security
    /// Without an audience this shows only that the provider signed the JWT, not that it is meant for you.
    ///
    /// # Errors
    /// [`Error::Validation`] with the check that failed.
    #[doc(alias = "roles")]
    #[doc(alias = "groups")]
    #[doc(alias = "access_token_claims")]
    pub async fn verify_jwt(self, jwt: &str, audience: Option<&str>) -> Result<Value, Error> {
        let call = self.client.begin();
        let server = call.server().await?;
        let openid = server.keys_of(Operation::Jwt)?;
        let live = &self.client.inner.live;
        let rules = Rules::of_any(live.issuer_of(&server), audience, live.options.clock_skew);
        call.claims_of(openid, jwt, &rules, (Operation::Jwt, Asker::Anybody)).await
    }
}

/// An authorization request. Await it to get the URL.
#[derive(Clone)]
#[must_use = "there is no URL until it is awaited"]
pub struct AuthorizationUrl<'c> {
    client: &'c Client,
    redirect_uri: String,
    state: Option<String>,
    nonce: Option<String>,
    scopes: Vec<String>,
    challenge: Option<CodeChallenge>,
    params: Vec<(Cow<'static, str>, Cow<'static, str>)>,
}

impl AuthorizationUrl<'_> {
    /// The value that the provider sends back unchanged; it binds the response to this browser.
    pub fn state(mut self, state: impl Into<String>) -> Self {
        self.state = Some(state.into());
        self
    }

    /// The value that the ID token has to hold (OpenID Connect Core section 3.1.2.1).
    pub fn nonce(mut self, nonce: impl Into<String>) -> Self {
        self.nonce = Some(nonce.into());
        self
    }

    /// The scopes to request. Without any, the scopes of the provider's definition are requested.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes.extend(scopes.into_iter().map(Into::into));
        self
    }

    /// The code challenge (RFC 7636 section 4.3).
    pub fn code_challenge(mut self, challenge: CodeChallenge) -> Self {
        self.challenge = Some(challenge);
        self
    }

    /// Any other parameter that the provider knows.
    #[doc(alias = "extras_params")]
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.params.retain(|(known, _)| *known != name);
        self.params.push((name.into(), value.into().into()));
        self
    }

    async fn build(self) -> Result<String, Error> {
        let Definition { authorization, pkce, .. } = &*self.client.template().definition;
        for (name, value) in &self.params {
            check_extra(authorization, name, value)?;
        }
        check_redirect_uri(&self.redirect_uri)?;
        let server = self.client.begin().server().await?;
        let (login, prefix) = server.login_request(Some(&self.redirect_uri), self.scopes, &self.params)?;
        let sends_s256 =
            self.challenge.as_ref().is_some_and(|challenge| challenge.method == "S256" && *pkce != Pkce::Hex);
        let registration = &self.client.inner.live.registration;
        server.check_needs(registration, (sends_s256, login.wants_id_token))?;
        let login = PerLogin {
            state: self.state.as_deref(),
            nonce: self.nonce.as_deref(),
            challenge: self.challenge.as_ref().map(|c| match &c.hex {
                Some(hex) if *pkce == Pkce::Hex => (&**hex, c.method),
                _ => (c.value.expose(), c.method),
            }),
            are_plain: false,
        };
        let url = login.url(prefix, authorization);
        if !self.client.protects_requests(&server) {
            return Ok(url);
        }
        let call = self.client.begin();
        let Protected { url, served } = call.end(call.protected(&server, &url).await)?;
        if served.is_some() {
            let detail = "a client that serves its authorization requests (ClientBuilder::serve_requests_at) starts logins by Client::login alone";
            return Err(Error::config(ConfigProblem::ReservedParam, detail));
        }
        Ok(url)
    }
}

// State and nonce are secrets of one browser.
opaque!(AuthorizationUrl<'_>);

impl<'c> IntoFuture for AuthorizationUrl<'c> {
    type Output = Result<String, Error>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.build())
    }
}

/// A token request for a code. Await it to get the tokens.
#[derive(Clone)]
#[must_use = "the request is sent when it is awaited"]
pub struct TokenRequest<'c> {
    client: &'c Client,
    code: Secret,
    redirect_uri: String,
    verifier: Option<Secret>,
    nonce: Option<String>,
    max_age: Option<u64>,
    acr_values: Vec<String>,
    forwarded: Vec<(String, String)>,
}

impl TokenRequest<'_> {
    /// A parameter of the authorization response that the provider requires in the token request, such as `state` at Naver.
    /// Set `scope` too if the provider requires the scopes again and you changed them.
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.forwarded.push((name.into(), value.into()));
        self
    }

    /// The code verifier whose challenge was sent (RFC 7636 section 4.5).
    pub fn code_verifier(mut self, verifier: impl Into<String>) -> Self {
        self.verifier = Some(Secret::new(verifier));
        self
    }

    /// The nonce that was sent. Without one, an ID token that has one is refused.
    pub fn nonce(mut self, nonce: impl Into<String>) -> Self {
        self.nonce = Some(nonce.into());
        self
    }

    /// The `max_age` that was sent. If the provider sends no ID tokens, the code is not sent: [`Error::Unsupported`].
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age.as_secs());
        self
    }

    /// The `acr_values` that were sent; as with [`TokenRequest::max_age`].
    pub fn acr_values<S: Into<String>>(mut self, values: impl IntoIterator<Item = S>) -> Self {
        self.acr_values.extend(values.into_iter().map(Into::into));
        self
    }

    async fn send(self) -> Result<Tokens, Error> {
        let secrets =
            [self.nonce.as_deref(), self.verifier.as_ref().map(Secret::expose), Some(self.code.expose())];
        let call = self.client.begin_with(secrets.into_iter().flatten());
        let outcome = async {
            let server = call.server().await?;
            let expected = ExpectedToken {
                nonce: self.nonce.as_deref().map_or(Nonce::None, Nonce::Sent),
                max_age: self.max_age,
                acr_values: &self.acr_values,
                code: Some(self.code.expose()),
                ..self.client.inner.live.expected(&server)
            };
            // Scopes other than the provider's own are among the extras.
            let is_given = self.forwarded.iter().any(|(name, _)| name == "scope");
            let scope = self.client.scope_with_code(&server.scopes).filter(|_| !is_given);
            let (code, verifier) = (self.code.expose(), self.verifier.as_ref().map(Secret::expose));
            let grant = Grant::authorization_code(code, &self.redirect_uri, verifier, scope.as_deref());
            let grant = Grant { forwarded: &self.forwarded, ..grant };
            let endpoint = server.endpoint(EndpointName::Token)?;
            call.token_request(&server, endpoint, grant, (&expected, self.nonce.is_some())).await
        };
        call.end(outcome.await)
    }
}

opaque!(TokenRequest<'_>);

impl<'c> IntoFuture for TokenRequest<'c> {
    type Output = Result<Tokens, Error>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::tests::Idle;

    #[test]
    fn a_token_request_is_cheap_to_move() {
        let registration = crate::Registration::new("me");
        let client = Client::new(crate::providers::github(), registration, &crate::Http::from(Idle)).unwrap();
        let sending = client.manual().authorization_code("code", "https://app.example/cb").send();
        // It is moved once into its box. A branch that awaits the same future again would double it.
        assert!(size_of_val(&sending) <= 5000, "{} bytes", size_of_val(&sending));
    }
}
