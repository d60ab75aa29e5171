//! The token request: a grant, the client's authentication, and the parameters that the provider adds.
use http::HeaderMap;
use vouchsafe_providers::{Encoding, LongLived, RefreshQuirks, TokenQuirks};

use super::response::{self, TokenResponse};
use crate::error::{Error, Operation};
use crate::protocol::call::{Call, Outgoing};
use crate::protocol::quirks::UNCHANGED;
use crate::protocol::response::{Dialect, Incoming};

/// A grant that tokens are requested with.
pub(crate) struct Grant<'a> {
    pub(crate) operation: Operation,
    /// The value of `grant_type`.
    pub(crate) grant_type: &'a str,
    /// The code or the token that is spent, by the name of its parameter.
    pub(crate) spent: (&'a str, &'a str),
    /// The other parameters, if they are set.
    pub(crate) params: [(&'static str, Option<&'a str>); 3],
    /// Parameters of the authorization response that the provider requires in the token request.
    pub(crate) forwarded: &'a [(String, String)],
    /// How the parameters are sent, if not as in the other token requests of the provider.
    pub(crate) encoding: Option<Encoding>,
    /// How a refresh differs from the other token requests of the provider.
    pub(crate) refreshing: Option<&'a RefreshQuirks>,
}

impl<'a> Grant<'a> {
    fn new(operation: Operation, grant_type: &'a str, spent: (&'a str, &'a str)) -> Self {
        let params = [("", None); 3];
        Self { operation, grant_type, spent, params, forwarded: &[], encoding: None, refreshing: None }
    }

    /// The authorization code grant (RFC 6749 section 4.1.3, RFC 7636 section 4.5). A few providers require the scopes again.
    pub(crate) fn authorization_code(
        code: &'a str,
        redirect_uri: &'a str,
        verifier: Option<&'a str>,
        scope: Option<&'a str>,
    ) -> Self {
        let params = [("redirect_uri", Some(redirect_uri)), ("code_verifier", verifier), ("scope", scope)];
        Self { params, ..Self::new(Operation::AuthorizationCode, "authorization_code", ("code", code)) }
    }

    /// The refresh token grant (RFC 6749 section 6). A few providers require the redirect URI again.
    pub(crate) fn refresh(
        quirks: &'a RefreshQuirks,
        token: &'a str,
        scope: Option<&'a str>,
        redirect_uri: Option<&'a str>,
    ) -> Self {
        let redirect_uri = redirect_uri.filter(|_| quirks.redirect_uri);
        let params = [("scope", scope), ("redirect_uri", redirect_uri), ("", None)];
        let grant = Self::new(Operation::Refresh, "refresh_token", ("refresh_token", token));
        Self { params, encoding: quirks.encoding, refreshing: Some(quirks), ..grant }
    }

    /// The request for a long-lived token in place of a short-lived one. Some providers have it, and no RFC describes it.
    pub(crate) fn long_lived(quirks: &'a LongLived, token: &'a str) -> Self {
        let spent = (&*quirks.token_name, token);
        let grant = Self::new(Operation::LongLivedToken, &quirks.grant_type, spent);
        Self { encoding: Some(quirks.encoding), ..grant }
    }
}

/// A token request (RFC 6749 sections 4.1.3 and 6).
pub(crate) struct TokenRequest<'a> {
    pub(crate) quirks: &'a TokenQuirks,
    /// The headers that the definition requires.
    pub(crate) headers: &'a HeaderMap,
    pub(crate) grant: Grant<'a>,
}

impl Call for TokenRequest<'_> {
    type Output = TokenResponse;

    fn operation(&self) -> Operation {
        self.grant.operation
    }

    fn dialect(&self) -> Dialect<'_> {
        let spent = self.grant.refreshing.map(|own| &own.spent).filter(|spent| !spent.is_empty());
        Dialect { spent, ..Dialect::of_tokens(self.quirks) }
    }

    fn write<'a>(&'a self, to: &mut Outgoing<'a>) -> Result<(), Error> {
        let Grant { grant_type, spent: (name, spent), refreshing, .. } = self.grant;
        let encoding = self.grant.encoding.unwrap_or(self.quirks.encoding);
        to.encode(encoding, [refreshing.map_or(&UNCHANGED, |own| &own.names), &self.quirks.names]);
        to.headers(self.headers);
        to.push("grant_type", self.quirks.grant_types.get(grant_type).map_or(grant_type, String::as_str));
        match self.grant.operation {
            // The definition gives the name as it is sent.
            Operation::LongLivedToken => to.add_secret(name, spent),
            _ => to.push_secret(name, spent),
        }
        for (name, value) in self.grant.params {
            match (name, value) {
                ("code_verifier", Some(verifier)) => to.push_secret(name, verifier),
                (_, Some(value)) => to.push(name, value),
                (_, None) => {}
            }
        }
        for (name, value) in self.grant.forwarded {
            to.add(name, value);
        }
        to.authenticate();
        to.add_all(&self.quirks.params);
        if let Some(own) = refreshing {
            to.add_all(&own.params);
        }
        Ok(())
    }

    fn read(&self, from: Incoming<'_>) -> Result<TokenResponse, Error> {
        response::read(from, self.quirks)
    }
}
