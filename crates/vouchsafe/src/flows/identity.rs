//! The profile, and the identity that is made of it and the ID token.
use std::borrow::Cow;
use std::time::SystemTime;

use vouchsafe_providers::{Definition, EmailList, ProfileSource};

use crate::client::Client;
use crate::endpoint::Endpoint;
use crate::error::{Error, Feature, Malformed, Operation};
use crate::identity::{Identity, put_together};
use crate::jose::id_token::Audience;
use crate::jose::jws::{self};
use crate::protocol::emails;
use crate::protocol::response::{Dialect, Exchange};
use crate::protocol::userinfo::{self, UserInfo};
use crate::provenance::Provenance;
use crate::provider::Server;
use crate::secret::Secret;
use crate::shared::Asker;
use crate::text::json::Json;
use crate::tokens::{IdToken, Tokens};

impl Client {
    /// The provider's profile of the user, as it came; at an OpenID Provider, UserInfo. Where a provider has none, the
    /// claims of the ID token or what came with the access token take its place, as its definition says.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the provider has none, [`Error::Validation`] if it is about another user than the ID
    /// token.
    #[doc(alias = "get_profile")]
    pub async fn profile(&self, tokens: &Tokens) -> Result<Json, Error> {
        let call = self.begin_call();
        call.server_of(tokens, Operation::Profile).await?;
        let outcome = call.profile_of(tokens.bearer(), Some(tokens)).await;
        outcome.map_err(|e| self.without_secrets(e, tokens))
    }

    /// Who signed in: from the claims of the ID token and the profile together, the ID token's first.
    ///
    /// Where there is an ID token and the profile cannot be had (a network fault, a status of 429 or 5xx), the ID token does
    /// alone, and [`Identity::profile_error`] says why. Where a provider tells the name in the authorization response
    /// alone, as Apple does at the first login, [`Client::finish`] keeps that among the tokens, and the name comes from
    /// there: from the browser, that is, as what people call themselves.
    ///
    /// # Errors
    /// As [`Client::profile`], and [`Error::Response`] if the profile does not say who the user is.
    #[doc(alias = "get_id_email")]
    pub async fn identity(&self, tokens: &Tokens) -> Result<Identity, Error> {
        let call = self.begin_call();
        let server = call.server_of(tokens, Operation::Identity).await?;
        let identity = call.identity_by_provider(&server, tokens).await;
        let identity = identity.map_err(|e| self.without_secrets(e, tokens))?;
        let callback = &self.inner.blueprint.definition.callback;
        let brought = callback.profile.as_deref().and_then(|name| tokens.brought(name));
        Ok(match brought {
            Some(profile) => identity.or_name(&callback.profile_name, &profile),
            None => identity,
        })
    }

    /// The same without what the browser brought.
    async fn identity_by_provider(&self, server: &Server, tokens: &Tokens) -> Result<Identity, Error> {
        let Definition { identity: quirks, userinfo, .. } = &self.inner.blueprint.definition;
        let from = &*provenance_of(server, tokens)?;
        if self.inner.blueprint.profile_is_elsewhere && tokens.id_token().is_none() {
            let detail = "the profile is told at another host than the issuer's, so the ID token has to say who the user is, and \
                          there is none: ask for the scope openid";
            return Err(Error::unsupported(Operation::Identity, Feature::IdToken, detail));
        }
        // Where the profile is made of the ID token or of the token answer, there are no two that could differ.
        let claims =
            tokens.id_token().filter(|_| userinfo.source == ProfileSource::Userinfo).map(IdToken::claims);
        let identity = match (self.profile(tokens).await, claims) {
            (Ok(profile), Some(claims)) => Identity::read_both(from, quirks, claims, profile)?,
            (Ok(profile), None) => Identity::read(from, quirks, profile)?,
            (Err(error), Some(claims)) if can_do_without(&error) => {
                let identity = Identity::read(from, quirks, claims)?;
                match error {
                    Error::Unsupported(_) => identity,
                    error => return Ok(identity.without_profile(error)),
                }
            }
            (Err(error), _) => return Err(error),
        };
        let Some(list) = &quirks.emails else {
            return Ok(identity);
        };
        let listed = match &self.inner.blueprint.emails {
            Some(endpoint) => self.listed_email(endpoint, list, tokens, identity.profile()).await?,
            None => emails::in_profile(list, identity.profile().value()),
        };
        Ok(identity.with_listed(quirks, listed))
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
                return Err(
                    exchange.fault(Malformed::ContentType, "is not signed, as this provider's always is")
                );
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
            (UserInfo::Jwt(_), None) => {
                return Err(exchange.fault(Malformed::ContentType, "is a JWT, not JSON"));
            }
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

    fn userinfo_dialect(&self) -> Dialect<'_> {
        let definition = &self.inner.blueprint.definition;
        Dialect {
            content_types: &definition.userinfo.content_types,
            form: false,
            failure: definition.userinfo.failure.as_ref(),
            error_codes: &definition.token.error_codes,
        }
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
            Error::response(operation, Malformed::MissingField, detail)
        })?;
        let asking = self.inner.blueprint.profile.elsewhere();
        let request = asking.request(endpoint, token, self.inner.credentials.secret(), None)?;
        let response = self.send(operation, request).await?;
        let uri = endpoint.uri();
        let (secrets, dialect) = ([token.expose()], Dialect { failure: None, ..self.userinfo_dialect() });
        let exchange = Exchange { operation, uri: &uri, secrets: &secrets, dialect };
        emails::read(&exchange, list, &response)
    }
}

/// Where an identity comes from: where one provider has many issuers, the one that the ID token names.
///
/// # Errors
/// There is no ID token: without the issuer, one user would be two, and two could be one.
fn provenance_of<'s>(server: &'s Server, tokens: &Tokens) -> Result<Cow<'s, Provenance>, Error> {
    if server.issuer_template.is_none() {
        return Ok(Cow::Borrowed(&server.provenance));
    }
    let own = tokens.id_token().and_then(|token| token.claim("iss"));
    let Some(issuer) = own.as_ref().and_then(Json::as_str) else {
        let detail = "which of its issuers a user belongs to is said by the ID token, and there is none: ask for the scope openid";
        return Err(Error::unsupported(Operation::Identity, Feature::IdToken, detail));
    };
    Ok(Cow::Owned(Provenance { issuer: issuer.to_owned(), ..Provenance::clone(&server.provenance) }))
}

/// Whether an ID token can do without the profile that could not be had: nothing came that was refused. A provider that
/// is busy (429) or broken says nothing of the user.
fn can_do_without(error: &Error) -> bool {
    let in_trouble = |status: u16| status == 429 || status >= 500;
    match error {
        Error::Unsupported(_) => true,
        Error::Http(e) => e.status().is_none_or(in_trouble),
        Error::Server(e) => e.status().is_some_and(in_trouble),
        _ => false,
    }
}
