//! The user's profile, and the identity that is read from the profile and the ID token.
use std::borrow::Cow;

use vouchsafe_providers::{Definition, EmailList, EndpointName, ProfileSource};

use crate::client::Client;
use crate::client::ongoing::Ongoing;
use crate::endpoint::Endpoint;
use crate::error::{Error, Feature, LeftOut, Malformed, Operation, Warning};
use crate::identity::{Identity, put_together};
use crate::jose::algorithm::Allowed;
use crate::jose::id_token::Expected;
use crate::jose::jwe::Encrypted;
use crate::jose::jwt::Rules;
use crate::protocol::emails::{self, EmailsCall};
use crate::protocol::response::Dialect;
use crate::protocol::userinfo::{self, ProfileCall, ProfileRequest, UserInfo};
use crate::provenance::Provenance;
use crate::provider::Server;
use crate::secret::Secret;
use crate::shared::Asker;
use crate::text::json::Value;
use crate::tokens::{IdToken, Tokens};

impl Client {
    /// Fetches the user's profile, unchanged; at an OpenID Provider, this is UserInfo. For a provider without one, the
    /// definition says what takes its place: the claims of the ID token, or the rest of the token response.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the provider has no profile, [`Error::Validation`] if the profile is about another user than
    /// the ID token.
    #[doc(alias = "get_profile")]
    pub async fn profile(&self, tokens: &Tokens) -> Result<Value, Error> {
        let call = self.begin_for(tokens);
        call.end(call.profile_of(tokens).await.map_err(Error::from))
    }

    /// Returns the user, from the ID token and the profile. If they differ, the ID token counts.
    ///
    /// If the profile cannot be fetched (a network error, an error status, a body that cannot be read) but there is an ID token,
    /// the identity is made from the ID token alone, and [`Identity::warnings`] says why. A profile that fails a check is an
    /// error.
    ///
    /// Some providers send the name only in the authorization response, as Apple does at the first login. [`Client::finish`]
    /// keeps it with the tokens, and the identity has the name from there. It comes through the browser, so users can change it.
    ///
    /// # Errors
    /// As [`Client::profile`], [`Error::Response`] if the profile does not say who the user is, and [`Error::Unsupported`] if the
    /// provider gives no permanent identifier, or only an ID token could say who the user is and there is none.
    #[doc(alias = "get_id_email")]
    pub async fn identity(&self, tokens: &Tokens) -> Result<Identity, Error> {
        let call = self.begin_for(tokens);
        let identity = call.end(call.identity(tokens).await)?;
        let callback = &self.template().definition.callback;
        let brought = callback.profile.as_deref().and_then(|name| tokens.callback_value(name));
        Ok(match brought {
            Some(profile) => identity.or_name(&callback.profile_name, profile),
            None => identity,
        })
    }
}

impl Ongoing<'_> {
    /// The identity according to the provider, without values from the browser.
    async fn identity(&self, tokens: &Tokens) -> Result<Identity, Error> {
        let server = self.server_of(tokens, Operation::Identity).await?;
        let Definition { identity: quirks, userinfo, .. } = &*server.definition;
        let from = &*provenance_of(&server, tokens)?;
        if server.profile_is_elsewhere && tokens.id_token().is_none() {
            let detail = "the profile is at another host than the issuer, so only an ID token can say who the user is, and there is \
                          none: request the scope openid";
            return Err(Error::unsupported(Operation::Identity, Feature::IdToken, detail));
        }
        // A profile that is made from the ID token or the token response cannot differ from it.
        let id_token = tokens.id_token().filter(|_| userinfo.source == ProfileSource::Userinfo);
        let claims = id_token.map(IdToken::shared_claims);
        let identity = match (claims, self.profile_of(tokens).await) {
            (Some(claims), Ok(profile)) => Identity::read_both(from, quirks, claims, profile)?,
            (None, Ok(profile)) => Identity::read(from, quirks, profile)?,
            (Some(claims), Err(Unprofiled::Absent(Error::Unsupported(_)))) => {
                Identity::read(from, quirks, claims.clone())?
            }
            (Some(claims), Err(Unprofiled::Absent(error))) => {
                let warning = Warning::caused_by(LeftOut::Profile, self.hidden(error));
                return Ok(Identity::read(from, quirks, claims.clone())?.with_warning(warning));
            }
            (_, Err(error)) => return Err(error.into()),
        };
        let Some(list) = &quirks.emails else {
            return Ok(identity);
        };
        let listed = match &list.endpoint {
            Some(endpoint) => self.listed_email(endpoint, list, tokens, identity.profile()).await?,
            None => emails::in_profile(list, identity.profile()),
        };
        Ok(identity.with_listed(quirks, listed))
    }

    async fn profile_of(&self, tokens: &Tokens) -> Result<Value, Unprofiled> {
        self.server_of(tokens, Operation::Profile).await?;
        self.profile_behind(tokens.bearer(), Some(tokens)).await
    }

    /// The profile that belongs to an access token. `tokens` are the tokens that it came with, if they are known.
    pub(crate) async fn profile_behind(
        &self,
        token: &Secret,
        tokens: Option<&Tokens>,
    ) -> Result<Value, Unprofiled> {
        let operation = Operation::Profile;
        let template = self.client.template();
        let Definition { userinfo: quirks, issuer_aliases, .. } = &*template.definition;
        let id_token = tokens.and_then(Tokens::id_token);
        let absent = |detail: &'static str| {
            Unprofiled::Absent(Error::unsupported(operation, Feature::Profile, detail))
        };
        match quirks.source {
            ProfileSource::IdToken => {
                let claims = id_token.map(|token| token.claims().clone());
                return claims.ok_or_else(|| {
                    absent("the profile of this provider is the ID token, and there is none: request the scope openid")
                });
            }
            ProfileSource::Token => {
                let extras = tokens.map(|tokens| tokens.extras().clone());
                return extras
                    .ok_or_else(|| absent("the profile of this provider comes with the access token, and the rest \
                                           of the token response is missing: call Client::profile with the tokens \
                                           of the login"));
            }
            ProfileSource::AccessToken => {
                let server = self.server().await?;
                let openid = server.keys_of(operation)?;
                // A bare access token may come from anybody.
                let asker = tokens.map_or(Asker::Anybody, |_| Asker::Provider);
                // The provider announces its algorithms for ID tokens, not for access tokens.
                let expected = self.client.inner.live.expected(&server);
                let expected = Expected { algorithms: Allowed::All, encrypted: Encrypted::NEVER, ..expected };
                let asking = (operation, asker, None);
                let verified = self.verified(openid, token.expose(), &expected, asking).await?;
                return Ok(IdToken::new(token.clone(), verified).claims().clone());
            }
            _ => {}
        }
        if let Some(tokens) = tokens {
            self.client.check_key_of(tokens)?;
        }
        let server = self.server().await?;
        let response = tokens.filter(|_| template.profile.needs_response()).map(Tokens::extras);
        let call = self.profile_call(&template.profile, token, (tokens, response));
        let malformed = |detail: &'static str| {
            Unprofiled::Wrong(Error::response(operation, Malformed::ContentType, detail))
        };
        let endpoint = server.endpoint(EndpointName::Userinfo).map_err(Unprofiled::Absent)?;
        let fetched = self.sender().send(endpoint, None, &call).await.map_err(|error| match error {
            Error::Server(_) | Error::Response(_) => Unprofiled::Absent(error),
            error => error.into(),
        })?;
        let encrypted = self.client.inner.live.registration.encrypted_userinfo();
        let claims = match (fetched.opened(encrypted)?, &server.openid) {
            // The provider signs its UserInfo, so somebody has removed the signature.
            (UserInfo::Claims(_), _) if quirks.signed => {
                return Err(malformed(
                    "the UserInfo must be a signed JWT, as this provider always signs it, and is plain JSON: check \
                     what lies between this machine and the provider",
                ));
            }
            (UserInfo::Claims(claims), _) => claims,
            (UserInfo::Jwt(jwt), Some(openid)) => {
                let skew = self.client.inner.live.options.clock_skew;
                let algorithms = openid.userinfo_algorithms.as_deref();
                let rules = Rules::of_userinfo(self.client.client_id(), algorithms, skew);
                let claims = self.claims_of(openid, &jwt, &rules, (operation, Asker::Provider)).await;
                // Nobody can read it here, so it is as good as absent.
                let claims = claims.map_err(|error| match &error {
                    Error::Response(e) if e.malformed() == Malformed::Encrypted => Unprofiled::Absent(error),
                    _ => error.into(),
                })?;
                // OpenID Connect Core §5.3.2 asks for an issuer in signed UserInfo alone.
                let is_known = |iss: &str| server.known_issuer().is_some_and(|known| known.is(iss));
                userinfo::check_issuer(&claims, |iss| {
                    is_known(iss) || issuer_aliases.iter().any(|a| a == iss)
                })?;
                claims
            }
            (UserInfo::Jwt(_), None) => {
                return Err(malformed(
                    "the UserInfo is a JWT, and this provider publishes no keys that verify it: if it is an OpenID \
                     Provider, use Provider::openid",
                ));
            }
        };
        if let Some(id_token) = id_token {
            userinfo::check_subject(&claims, id_token.subject())?;
        }
        Ok(claims)
    }

    fn profile_call<'a>(
        &'a self,
        request: &'a ProfileRequest,
        access_token: &'a Secret,
        (tokens, response): (Option<&Tokens>, Option<&'a Value>),
    ) -> ProfileCall<'a> {
        let Definition { userinfo, token, .. } = &*self.client.template().definition;
        let secret = self.client.inner.authenticator.credentials.secret();
        ProfileCall {
            request,
            dialect: Dialect::of_profiles(userinfo, token),
            access_token,
            is_bound: tokens.map_or(self.client.inner.binding.is_some(), Tokens::is_bound),
            secret,
            response,
        }
    }

    /// The e-mail from a list that has an endpoint of its own.
    async fn listed_email(
        &self,
        template: &str,
        list: &EmailList,
        tokens: &Tokens,
        profile: &Value,
    ) -> Result<Option<(String, Option<bool>)>, Error> {
        let url =
            if template.contains('{') { put_together(template, profile) } else { Some(template.to_owned()) };
        let endpoint = url
            .and_then(|url| Endpoint::parse_for(&url, &self.sender().http.plain).ok())
            .ok_or_else(|| {
                let detail = "the profile has no value for the placeholder in the e-mail endpoint: correct \
                              identity.emails in the definition";
                Error::response(Operation::Identity, Malformed::MissingField, detail)
            })?;
        let request = self.client.template().profile.elsewhere();
        let call =
            EmailsCall { like: self.profile_call(&request, tokens.bearer(), (Some(tokens), None)), list };
        self.sender().send(&endpoint, None, &call).await
    }
}

/// The origin of an identity. If a provider has many issuers, the ID token names the issuer.
///
/// # Errors
/// There is no ID token. Without its issuer, two users could get the same key, and one user two keys.
fn provenance_of<'s>(server: &'s Server, tokens: &Tokens) -> Result<Cow<'s, Provenance>, Error> {
    if server.issuer_template.is_none() {
        return Ok(Cow::Borrowed(&server.provenance));
    }
    let Some(issuer) = tokens.id_token().map(IdToken::issuer) else {
        let detail = "only an ID token says to which of the provider's issuers a user belongs, and there is none: request the scope openid";
        return Err(Error::unsupported(Operation::Identity, Feature::IdToken, detail));
    };
    Ok(Cow::Owned(Provenance { issuer: issuer.to_owned(), ..Provenance::clone(&server.provenance) }))
}

/// Why there is no profile.
pub(crate) enum Unprofiled {
    /// It could not be fetched. This says nothing about the user, so an ID token is enough.
    Absent(Error),
    /// It failed a check, or could not be requested.
    Wrong(Error),
}

impl From<Error> for Unprofiled {
    fn from(error: Error) -> Self {
        match error {
            Error::Http(_) => Self::Absent(error),
            error => Self::Wrong(error),
        }
    }
}

impl From<Unprofiled> for Error {
    fn from(why: Unprofiled) -> Self {
        match why {
            Unprofiled::Absent(error) | Unprofiled::Wrong(error) => error,
        }
    }
}
