//! Each exchange with the provider: build the request, send it, read the answer.
use std::time::SystemTime;

use crate::client::Client;
use crate::error::{Check, Error, Operation};
use crate::jose::id_token::Nonce;
use crate::protocol::authorization::request::unchecked;
use crate::protocol::client_auth::Credentials;
use crate::protocol::response::{Dialect, Exchange};
use crate::protocol::token::{self, Grant};
use crate::provider::Server;
use crate::secret::Secret;
use crate::shared::Asker;
use crate::tokens::{IdToken, Tokens};

impl Client {
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

    pub(crate) fn token_dialect(&self) -> Dialect<'_> {
        let quirks = &self.inner.blueprint.definition.token;
        Dialect {
            content_types: &quirks.content_types,
            form: quirks.form_answer,
            failure: quirks.failure.as_ref(),
            error_codes: &quirks.error_codes,
        }
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
    pub(crate) fn are_demands(&self) -> bool {
        self.max_age.is_some() || !self.acr_values.is_empty()
    }
}
