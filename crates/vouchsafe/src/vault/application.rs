//! A source of tokens for the application itself.
use std::sync::Arc;

use super::source::{Issued, Renew, TokenSource};
use crate::client::Client;
use crate::error::Error;
use crate::tokens::AccessToken;
use crate::transport::BoxFuture;

/// The application, and the scopes that it requests.
struct Application {
    client: Client,
    scopes: Vec<String>,
    params: Vec<(String, String)>,
}

impl TokenSource {
    /// A source of tokens for the application itself (RFC 6749 section 4.4), with the scopes and parameters of
    /// [`Client::client_credentials`]. Each process requests its own.
    pub fn application<S: Into<String>>(
        client: &Client,
        scopes: impl IntoIterator<Item = S>,
        params: impl IntoIterator<Item = (S, S)>,
    ) -> Self {
        let scopes = scopes.into_iter().map(Into::into).collect();
        let params = params.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let runtime = client.inner.live.http.background();
        Self::with(Arc::new(Application { client: client.clone(), scopes, params }), runtime)
    }
}

impl Renew for Application {
    fn renew(self: Arc<Self>, _: Option<AccessToken>) -> BoxFuture<'static, Result<Issued, Error>> {
        Box::pin(async move {
            let request = self.client.client_credentials().scopes(self.scopes.clone());
            let request =
                self.params.iter().fold(request, |request, (name, value)| request.param(name, value));
            Ok(request.await?.into())
        })
    }
}
