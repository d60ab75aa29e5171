//! Finding the provider of a person by an identifier (OpenID Connect Discovery 1.0 section 2).
use crate::call::Sender;
use crate::error::{Error, Operation};
use crate::protocol::web_finger::{Resource, WebFingerRequest};
use crate::provider::Provider;
use crate::secret::Noted;
use crate::transport::Http;

impl Provider {
    /// Finds the provider of a person by an identifier that the person typed: `joe@example.com`, `acct:joe@example.com` or
    /// `https://example.com/joe`. The host of the identifier is asked by WebFinger (RFC 7033) for the issuer, whose metadata is then
    /// fetched as by [`Provider::discover`].
    ///
    /// ```no_run
    /// # async fn f(http: vouchsafe::Http) -> Result<(), vouchsafe::Error> {
    /// let provider = vouchsafe::Provider::webfinger("joe@example.com", &http).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Security
    /// Whoever types the identifier chooses a host that this program asks, and a provider that says who they are. Connect to public
    /// addresses only ([`HttpBuilder::public_addresses_only`](crate::http::HttpBuilder::public_addresses_only)), and know accounts by
    /// [`Identity::key`](crate::Identity::key), which has the issuer in it.
    ///
    /// # Errors
    /// [`Error::Config`] if the text is no identifier; [`Error::Http`] or [`Error::Response`] if the host names no provider;
    /// [`Error::Validation`] if the issuer is not `https`; and every error of [`Provider::discover`].
    pub async fn webfinger(identifier: &str, http: &Http) -> Result<Self, Error> {
        let resource = Resource::of(identifier, &http.plain)?;
        let noted = Noted::default();
        let sender = Sender::plain(http, &noted);
        let request = WebFingerRequest { resource: &resource, plain: &http.plain };
        let found = sender.send(&resource.endpoint, None, &request).await;
        let issuer = found.map_err(|error| match error.status() {
            Some(404) if error.operation() == Operation::WebFinger => error.adding(
                ": the host knows nothing of this identifier, or has no WebFinger; ask for the issuer",
            ),
            _ => error,
        })?;
        Self::discover(issuer, http).await
    }
}
