//! Each exchange with the provider: build the request, send it, read the answer.
use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::rand::SystemRandom;
use vouchsafe_providers::{EmailList, ProfileSource};

use super::Client;
use crate::discovery::fetch_keys;
use crate::endpoint::Endpoint;
use crate::error::{Check, Error, Fault, Feature, Operation};
use crate::http::BoxFuture;
use crate::identity::put_together;
use crate::jose::id_token::{self, Audience, Expected, Nonce, Verified};
use crate::jose::jwk::{KeySet, Reading};
use crate::jose::jws::{self, Refusal};
use crate::json::Json;
use crate::login::unchecked;
use crate::protocol::answer::{Dialect, Exchange};
use crate::protocol::client_auth::Credentials;
use crate::protocol::revocation::{self, Revocation};
use crate::protocol::token::{self, Grant};
use crate::protocol::userinfo::{self, UserInfo};
use crate::protocol::{emails, long_lived};
use crate::provenance::Provenance;
use crate::provider::{OpenId, Server};
use crate::secret::Secret;
use crate::shared::Asker;
use crate::tokens::{IdToken, Tokens};
use vouchsafe_providers::ClientAuth;

impl Client {
    pub(crate) fn read_token_answer(&self, body: Vec<u8>) -> Result<Tokens, Error> {
        let uri = http::Uri::default();
        let exchange = Exchange {
            operation: Operation::AuthorizationCode,
            uri: &uri,
            secrets: &[],
            dialect: self.token_dialect(),
        };
        let quirks = &self.inner.blueprint.definition.token;
        let answer = token::read_body(&exchange, quirks, body, SystemTime::now())?;
        let known = self.known_server().map(|server| server.provenance.clone());
        let provenance = known.unwrap_or_else(|| Arc::new(self.asked_for()));
        Ok(Tokens::new(&provenance, answer, &quirks.scope_separators, None))
    }

    /// What this client's server is known by before its metadata is there: the issuer that it is asked for by.
    pub(super) fn asked_for(&self) -> Provenance {
        let blueprint = &self.inner.blueprint;
        let issuer = blueprint.discovery.as_ref().and_then(|found| found.issuers.first());
        let issuer = issuer.or(blueprint.definition.issuer.as_ref()).map(String::as_str);
        blueprint.provenance(issuer, self.client_id())
    }

    fn token_dialect(&self) -> Dialect<'_> {
        let quirks = &self.inner.blueprint.definition.token;
        Dialect {
            content_types: &quirks.content_types,
            form: quirks.form_answer,
            failure: quirks.failure.as_ref(),
            error_codes: &quirks.error_codes,
        }
    }

    fn userinfo_dialect(&self) -> Dialect<'_> {
        let definition = &self.inner.blueprint.definition;
        Dialect {
            content_types: &definition.userinfo.content_types,
            form: false,
            failure: definition.userinfo.failure.as_ref(),
            error_codes: &definition.token.error_codes,
        }
    }

    /// Asks for a token and checks what comes, the ID token included.
    pub(crate) async fn redeem(
        &self,
        server: &Server,
        grant: Grant<'_>,
        expectations: &Expectations<'_>,
        wants_id_token: bool,
    ) -> Result<Tokens, Error> {
        let (operation, endpoint) = match grant {
            Grant::AuthorizationCode { .. } => (Operation::AuthorizationCode, &server.token),
            Grant::RefreshToken { .. } => (Operation::Refresh, server.refresh_endpoint()?),
        };
        // The code would be spent, and nothing could be checked.
        if expectations.are_demands() && server.openid.is_none() {
            return Err(unchecked(operation));
        }
        let wants_id_token = wants_id_token || expectations.are_demands();
        let auth = self.token_auth(server, operation)?;
        let blueprint = &self.inner.blueprint;
        let quirks = &blueprint.definition.token;
        let both = (quirks, &blueprint.definition.refreshing);
        let headers = blueprint.token_headers.clone();
        let credentials = self.credentials()?;
        let request = token::request(endpoint, &credentials, auth, both, headers, grant);
        let response = self.send(operation, request).await?;

        let uri = endpoint.uri();
        let secrets = secrets(&credentials, grant);
        let exchange = Exchange { operation, uri: &uri, secrets: &secrets, dialect: self.token_dialect() };
        let answer = token::read(&exchange, quirks, response, SystemTime::now())?;

        let id_token = match (&server.openid, &answer.id_token) {
            (Some(openid), Some(raw)) => {
                let access_token = Some(answer.access_token.expose());
                let expected = self.expected(server, openid, expectations, access_token);
                let verified =
                    self.verify(openid, raw.expose(), &expected, (operation, Asker::Provider)).await;
                let refresh_token = answer.refresh_token.as_ref().map_or("", Secret::expose);
                let received = [raw.expose(), answer.access_token.expose(), refresh_token];
                let verified = verified.map_err(|e| e.without(&secrets).without(&received))?;
                Some(IdToken::new(raw.clone(), verified))
            }
            (Some(_), None) if wants_id_token => {
                let detail = "the scope openid was asked for, and no ID token came";
                return Err(Error::validation(operation, Check::MissingIdToken, detail));
            }
            _ => None,
        };
        Ok(Tokens::new(&server.provenance, answer, &quirks.scope_separators, id_token))
    }

    /// Fresh tokens with what stays of the old ones: what the profile is had by, where that came with the token.
    pub(crate) fn kept(&self, fresh: Tokens, old: &Tokens) -> Tokens {
        let blueprint = &self.inner.blueprint;
        let fresh = fresh.or_kept(old);
        let source = blueprint.definition.userinfo.source;
        if source == ProfileSource::Token || blueprint.profile.needs_answer() {
            return fresh.or_beside(old);
        }
        fresh
    }

    /// Asks for a long-lived token.
    pub(crate) async fn prolong(&self, server: &Server, tokens: &Tokens) -> Result<Tokens, Error> {
        let operation = Operation::LongLivedToken;
        let blueprint = &self.inner.blueprint;
        let Some(long_lived) = &blueprint.definition.long_lived else {
            let detail = "the provider has no long-lived tokens for short-lived ones";
            return Err(Error::unsupported(operation, Feature::LongLivedToken, detail));
        };
        let endpoint = blueprint.long_lived.as_ref().unwrap_or(&server.token);
        let auth = self.token_auth(server, operation)?;
        let (quirks, headers) = (&blueprint.definition.token, blueprint.token_headers.clone());
        let (credentials, token) = (self.credentials()?, tokens.bearer());
        let request = long_lived::request(endpoint, &credentials, auth, (long_lived, quirks), headers, token);
        let response = self.send(operation, request).await?;

        let uri = endpoint.uri();
        let [secret, basic] = credentials.secrets();
        let secrets = [secret, basic, token.expose()];
        let exchange = Exchange { operation, uri: &uri, secrets: &secrets, dialect: self.token_dialect() };
        let answer = token::read(&exchange, quirks, response, SystemTime::now())?;
        Ok(Tokens::new(&server.provenance, answer, &quirks.scope_separators, None))
    }

    /// `access_token` is what authenticates the request where the provider asks for that.
    pub(crate) async fn revoke_token(
        &self,
        token: &str,
        hint: Option<&str>,
        access_token: &Secret,
    ) -> Result<(), Error> {
        let operation = Operation::Revocation;
        let server = self.server().await?;
        let endpoint = server.revocation_endpoint()?;
        let definition = &self.inner.blueprint.definition;
        let quirks = &definition.revocation;
        if let (Some(only), Some(hint)) = (quirks.only.as_deref(), hint)
            && only != hint
        {
            let detail = format!("the provider revokes tokens of the kind {only} alone");
            return Err(Error::unsupported(operation, Feature::Revocation, detail));
        }
        let bearer = quirks.bearer.then_some(access_token);
        let auth = match bearer {
            // The token alone authenticates, unless the client is said to do so as well.
            Some(_) => {
                let own = self.inner.registration.revocation_auth.or(self.own_revocation_auth());
                own.filter(|method| *method != ClientAuth::None)
            }
            None => Some(self.revocation_auth(&server)?),
        };
        let revocation = Revocation { quirks, token, hint, bearer, auth };
        let credentials = self.credentials()?;
        let request = revocation.request(endpoint, &credentials);
        let response = self.send(operation, request).await?;
        let uri = endpoint.uri();
        let [secret, basic] = credentials.secrets();
        let secrets = [token, secret, basic, access_token.expose()];
        let failure = quirks.failure.as_ref();
        let dialect = Dialect { failure, error_codes: &definition.token.error_codes, ..Dialect::PLAIN };
        revocation::read(&Exchange { operation, uri: &uri, secrets: &secrets, dialect }, &response)
    }

    /// The profile behind an access token; with what came with it, where that is known.
    pub(crate) async fn profile_of(&self, token: &Secret, tokens: Option<&Tokens>) -> Result<Json, Error> {
        let operation = Operation::Profile;
        let blueprint = &self.inner.blueprint;
        let id_token = tokens.and_then(Tokens::id_token);
        let absent = |detail: &'static str| Error::unsupported(operation, Feature::Profile, detail);
        match blueprint.definition.userinfo.source {
            ProfileSource::IdToken => {
                let claims = id_token.map(IdToken::claims);
                return claims.ok_or_else(|| absent("the profile is the ID token, and there is none"));
            }
            ProfileSource::Token => {
                let answer = tokens.map(Tokens::answer);
                return answer
                    .ok_or_else(|| absent("the profile comes with the access token, and is not here"));
            }
            ProfileSource::AccessToken => {
                // Without the rest of the token response, anybody may have handed it in.
                let asker = tokens.map_or(Asker::Anybody, |_| Asker::Provider);
                return self.claims_of(token, Audience::Client(self.client_id()), (operation, asker)).await;
            }
            _ => {}
        }
        let server = self.server().await?;
        let endpoint = server.userinfo_endpoint()?;
        let answer = tokens.filter(|_| blueprint.profile.needs_answer()).map(Tokens::answer);
        let request =
            blueprint.profile.request(endpoint, token, self.inner.credentials.secret(), answer.as_ref())?;
        let response = self.send(operation, request).await?;
        let uri = endpoint.uri();
        let [secret, basic] = self.inner.credentials.secrets();
        let refresh_token = tokens.and_then(Tokens::refresh_token).map_or("", |token| token.expose());
        let secrets = [token.expose(), secret, basic, refresh_token];
        let exchange = Exchange { operation, uri: &uri, secrets: &secrets, dialect: self.userinfo_dialect() };
        let claims = match (userinfo::read(&exchange, &response)?, &server.openid) {
            // Who signs it always signed this one, too, before somebody took that off.
            (UserInfo::Claims(_), _) if blueprint.definition.userinfo.signed => {
                return Err(exchange.fault(Fault::ContentType, "is not signed, as this provider's always is"));
            }
            (UserInfo::Claims(claims), _) => claims,
            (UserInfo::Jwt(jwt), Some(openid)) => {
                let (allowed, now) =
                    (openid.userinfo_algorithms.as_deref(), (SystemTime::now(), self.times.skew));
                let asker = (operation, Asker::Provider);
                let claims = self.with_keys(openid, asker, |keys| jws::claims(jwt, keys, allowed, now)).await;
                let claims = claims.map_err(|e| e.without(&secrets))?;
                userinfo::check_signed(&claims, self.client_id())?;
                claims
            }
            (UserInfo::Jwt(_), None) => return Err(exchange.fault(Fault::ContentType, "is a JWT, not JSON")),
        };
        if server.openid.is_some() {
            let aliases = &blueprint.definition.issuer_aliases;
            userinfo::check_issuer(&claims, |iss| server.is_issuer(iss) || aliases.iter().any(|a| a == iss))?;
        }
        if let Some(id_token) = id_token {
            userinfo::check_subject(&exchange, &claims, id_token.subject())?;
        }
        Ok(claims)
    }

    /// The e-mail from a list that has an endpoint of its own.
    pub(crate) async fn listed_email(
        &self,
        template: &str,
        list: &EmailList,
        tokens: &Tokens,
        profile: &Json,
    ) -> Result<Option<(String, Option<bool>)>, Error> {
        let (operation, token) = (Operation::Identity, tokens.bearer());
        let url =
            if template.contains('{') { put_together(template, profile) } else { Some(template.to_owned()) };
        let endpoint = &url.and_then(|url| Endpoint::parse(&url).ok()).ok_or_else(|| {
            let detail = "the profile lacks what the e-mail is asked for with";
            Error::response(operation, Fault::MissingField, detail)
        })?;
        let asking = self.inner.blueprint.profile.elsewhere();
        let request = asking.request(endpoint, token, self.inner.credentials.secret(), None)?;
        let response = self.send(operation, request).await?;
        let uri = endpoint.uri();
        let (secrets, dialect) = ([token.expose()], Dialect { failure: None, ..self.userinfo_dialect() });
        let exchange = Exchange { operation, uri: &uri, secrets: &secrets, dialect };
        emails::read(&exchange, list, &response)
    }

    /// The claims of a JWT of the provider, verified.
    pub(crate) async fn claims_of(
        &self,
        jwt: &Secret,
        audience: Audience<'_>,
        (operation, asker): (Operation, Asker),
    ) -> Result<Json, Error> {
        let server = self.server().await?;
        let openid = server.keys_of(operation)?;
        let expectations = Expectations { nonce: Nonce::Any, max_age: None, acr_values: &[], code: None };
        let expected = Expected {
            audience,
            // What is announced is for ID tokens; an access token may be signed otherwise (RFC 9068 section 2.1).
            algorithms: None,
            ..self.expected(&server, openid, &expectations, None)
        };
        let verified = self.verify(openid, jwt.expose(), &expected, (operation, asker)).await?;
        Ok(IdToken::new(jwt.clone(), verified).claims())
    }

    pub(crate) async fn verify(
        &self,
        openid: &OpenId,
        token: &str,
        expected: &Expected<'_>,
        asker: (Operation, Asker),
    ) -> Result<Verified, Error> {
        self.with_keys(openid, asker, |keys| id_token::verify(token, keys, expected)).await
    }

    /// Verifies with the provider's keys, and where those do not fit, once more with newer ones.
    async fn with_keys<T>(
        &self,
        openid: &OpenId,
        (operation, asker): (Operation, Asker),
        verify: impl Fn(&KeySet) -> Result<T, Refusal>,
    ) -> Result<T, Error> {
        let refused = |refusal| match refusal {
            Refusal::Check(check, detail) => Error::validation(operation, check, detail),
            Refusal::Fault(fault, detail) => Error::response(operation, fault, detail),
        };
        let inner = &self.inner;
        let fetch = || -> BoxFuture<'static, _> {
            let (jwks_uri, http) = (openid.jwks_uri.clone(), inner.http.clone());
            let reading = Reading {
                most: self.max_keys,
                heeds_issuer: inner.blueprint.definition.issuer_template.is_some(),
            };
            Box::pin(async move { fetch_keys(&jwks_uri, reading, &http).await })
        };
        let place = || openid.jwks_uri.uri();
        let (freshness, mut asked) = (self.keys_freshness(), None);
        let mut keys = self.in_time(Operation::KeySet, place, inner.keys.get(freshness, fetch)).await??;
        loop {
            match verify(&keys) {
                Err(refusal) if refusal.is_about_keys() => {
                    let newer = inner.keys.newer(&keys, asker, &mut asked, freshness, fetch);
                    match self.in_time(Operation::KeySet, place, newer).await? {
                        Some(newer) => keys = newer,
                        None => return Err(refused(refusal)),
                    }
                }
                outcome => return outcome.map_err(refused),
            }
        }
    }

    pub(crate) fn expected<'a>(
        &'a self,
        server: &'a Server,
        openid: &'a OpenId,
        expectations: &Expectations<'a>,
        access_token: Option<&'a str>,
    ) -> Expected<'a> {
        Expected {
            issuer: server.issuer.as_deref().unwrap_or_default(),
            issuer_aliases: &self.inner.blueprint.definition.issuer_aliases,
            issuer_template: server.issuer_template.as_deref(),
            audience: Audience::Client(self.client_id()),
            nonce: expectations.nonce,
            max_age: expectations.max_age,
            acr_values: expectations.acr_values,
            access_token,
            code: expectations.code,
            algorithms: openid.algorithms.as_deref(),
            now: SystemTime::now(),
            skew: self.times.skew,
        }
    }

    /// What the registration says, else what the definition says, else what the metadata offers.
    fn token_auth(&self, server: &Server, operation: Operation) -> Result<ClientAuth, Error> {
        if let Some(method) = self.inner.registration.client_auth {
            return Ok(method);
        }
        match self.inner.blueprint.definition.client_auth {
            Some(method) if self.inner.credentials.secret().is_some() => Ok(method),
            _ => self.inner.credentials.choose(operation, server.token_auth_methods.as_deref()),
        }
    }

    /// What the definition says of revocation alone.
    fn own_revocation_auth(&self) -> Option<ClientAuth> {
        self.inner.blueprint.definition.revocation_auth
    }

    fn revocation_auth(&self, server: &Server) -> Result<ClientAuth, Error> {
        if let Some(method) = self.inner.registration.revocation_auth.or(self.own_revocation_auth()) {
            return Ok(method);
        }
        match &server.revocation_auth_methods {
            Some(methods) if self.inner.registration.client_auth.is_none() => {
                self.inner.credentials.choose(Operation::Revocation, Some(methods))
            }
            _ => self.token_auth(server, Operation::Revocation),
        }
    }

    /// Who the client is in one request: where its secret is a JWT, with one that is signed now.
    fn credentials(&self) -> Result<Cow<'_, Credentials>, Error> {
        let Some(signer) = &self.inner.signer else {
            return Ok(Cow::Borrowed(&self.inner.credentials));
        };
        let secret = signer.sign(SystemTime::now(), &SystemRandom::new())?;
        Ok(Cow::Owned(Credentials::new(signer.client_id.clone(), Some(secret))))
    }
}

/// What of a request must not come back in an error.
fn secrets<'a>(credentials: &'a Credentials, grant: Grant<'a>) -> [&'a str; 4] {
    let [secret, basic] = credentials.secrets();
    match grant {
        Grant::AuthorizationCode { code, verifier, .. } => {
            [secret, basic, code, verifier.unwrap_or_default()]
        }
        Grant::RefreshToken { token, .. } => [secret, basic, token, ""],
    }
}

/// What the answer to one request must show, besides being the provider's.
pub(crate) struct Expectations<'a> {
    pub(crate) nonce: Nonce<'a>,
    pub(crate) max_age: Option<u64>,
    pub(crate) acr_values: &'a [String],
    pub(crate) code: Option<&'a str>,
}

impl Expectations<'_> {
    /// Whether the ID token has to show something that was asked of the user's authentication.
    fn are_demands(&self) -> bool {
        self.max_age.is_some() || !self.acr_values.is_empty()
    }
}
