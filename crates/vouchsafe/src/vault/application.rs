//! Tokens for the application itself: a source of them, and how stored ones are renewed.
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::source::{Issued, Renew, TokenSource};
use crate::client::Client;
use crate::error::Error;
use crate::tokens::{AccessToken, Tokens};
use crate::transport::BoxFuture;

/// What the application requests for itself (RFC 6749 section 4.4).
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Application {
    scopes: Vec<String>,
    params: Vec<(String, String)>,
}

impl Application {
    pub(super) fn new<S: Into<String>>(
        scopes: impl IntoIterator<Item = S>,
        params: impl IntoIterator<Item = (S, S)>,
    ) -> Self {
        let scopes = scopes.into_iter().map(Into::into).collect();
        let params = params.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { scopes, params }
    }

    pub(super) async fn request(&self, client: &Client) -> Result<Tokens, Error> {
        let request = client.client_credentials().scopes(&self.scopes);
        self.params.iter().fold(request, |request, (name, value)| request.param(name, value)).await
    }
}

impl TokenSource {
    /// A source of tokens for the application itself (RFC 6749 section 4.4), with the scopes and parameters of
    /// [`Client::client_credentials`]. Each process requests its own; [`Connect::application`](super::Connect::application) is for
    /// tokens that several processes share.
    pub fn application<S: Into<String>>(
        client: &Client,
        scopes: impl IntoIterator<Item = S>,
        params: impl IntoIterator<Item = (S, S)>,
    ) -> Self {
        let runtime = client.inner.live.http.background();
        Self::with(Arc::new((client.clone(), Application::new(scopes, params))), runtime)
    }
}

impl Renew for (Client, Application) {
    fn renew(self: Arc<Self>, _: Option<AccessToken>) -> BoxFuture<'static, Result<Issued, Error>> {
        Box::pin(async move { Ok(self.1.request(&self.0).await?.into()) })
    }

    fn client(&self) -> Option<&Client> {
        Some(&self.0)
    }
}
