//! The token request of a refresh, which callers that present the same token share.
use std::sync::Arc;

use vouchsafe_providers::{ClientAuth, Definition, EndpointName};

use super::Client;
use super::ongoing::Ongoing;
use crate::call::{Deadline, Sender};
use crate::error::{Error, Operation};
use crate::jose::id_token::Expected;
use crate::protocol::token::request::{Grant, TokenRequest};
use crate::protocol::token::response::TokenResponse;
use crate::provider::Server;
use crate::secret::{Noted, Secret, fingerprint};
use crate::shared;
use crate::tokens::Tokens;
use crate::transport::BoxFuture;

impl Ongoing<'_> {
    /// The tokens for a refresh token. Callers of one client that present it at the same time share one request: the token may
    /// be spent by the first.
    pub(crate) async fn refreshed(
        &self,
        server: &Arc<Server>,
        spent: Spent,
        expected: Expected<'_>,
    ) -> Result<Tokens, Error> {
        let operation = Operation::Refresh;
        let endpoint = server.endpoint(EndpointName::Refresh)?;
        let method = self.client.token_auth(server, operation)?;
        self.deadline.check(operation, endpoint.uri())?;
        let http = &self.client.inner.live.http;
        // Nobody else may suffer from the deadline of this caller. Without a clock, only the request itself can keep to it.
        let deadline = if http.has_runtime() { Deadline::after(None) } else { self.deadline };
        let key = spent.key();
        let request = || -> BoxFuture<'static, _> {
            Box::pin(spent.send(self.client.clone(), server.clone(), method, deadline))
        };
        let (background, refreshes) = (http.background(), &self.client.inner.refreshes);
        let (shared, _) = refreshes.join(key, background.as_deref(), request, shared::client_panicked);
        let place = (operation, || endpoint.uri().clone());
        let response = self.deadline.wait(http, place, shared).await?;
        let responded = (response, None, Ok(()));
        self.complete(server, endpoint, (operation, method), responded, (&expected, false)).await
    }
}

/// A token that a refresh spends, and the parameters that go with it.
pub(crate) struct Spent {
    pub(crate) token: Secret,
    pub(crate) scope: Option<String>,
    pub(crate) forwarded: Vec<(String, String)>,
    /// The parameters that make the new access token narrower.
    pub(crate) narrowed: Vec<(String, String)>,
}

impl Spent {
    /// The callers of equal requests share one. Another scope makes another request.
    fn key(&self) -> [u8; 32] {
        if self.narrowed.is_empty() {
            return fingerprint(&self.token);
        }
        let mut text = self.token.expose().to_owned();
        for (name, value) in &self.narrowed {
            // No token has a line end.
            text.push_str(&format!("\n{}:{name}={value}", value.len()));
        }
        fingerprint(&Secret::new(text))
    }

    /// Sends the refresh. It depends on no caller, and its error shows no secret.
    async fn send(
        self,
        client: Client,
        server: Arc<Server>,
        method: ClientAuth,
        deadline: Deadline,
    ) -> Result<TokenResponse, Error> {
        let Definition { token: quirks, refreshing, .. } = &*server.definition;
        let grant =
            Grant::refresh(refreshing, self.token.expose(), self.scope.as_deref(), client.redirect_uri());
        let sent: Vec<_> = self.forwarded.iter().chain(&self.narrowed).cloned().collect();
        let grant = Grant { forwarded: &sent, ..grant };
        let request = TokenRequest { quirks, headers: &server.token_headers, grant };
        let endpoint = server.endpoint(EndpointName::Refresh)?;
        let noted = Noted::knowing(client.inner.authenticator.credentials.secrets());
        let (http, binding) = (&client.inner.live.http, client.inner.binding.as_ref());
        let certificate = client.inner.live.registration.certificate.as_ref();
        let sender = Sender { http, deadline, noted: &noted, binding, certificate };
        let sent = sender.send(endpoint, Some(client.auth(&server, method)), &request).await;
        sent.map_err(|error| noted.hidden(|secrets| error.without(secrets)))
    }
}
