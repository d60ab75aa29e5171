//! Signing a user in on a device without a browser (RFC 8628).
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vouchsafe_providers::EndpointName;

use crate::client::Client;
use crate::client::ongoing::Ongoing;
use crate::client::polling::{Asking, KeptWaiting, Waiting};
use crate::error::Error;
use crate::protocol::device::{DeviceCodes, DeviceRequest};
use crate::protocol::token::request::{Grant, check_params};
use crate::secret::opaque;
use crate::tokens::Tokens;
use crate::transport::BoxFuture;

impl Client {
    /// Starts a login on a device that has no browser, or no keyboard (RFC 8628). Await it to get the code to show to the user.
    ///
    /// ```no_run
    /// # async fn f(client: vouchsafe::Client) -> Result<(), vouchsafe::Error> {
    /// let mut device = client.device().await?;
    /// println!("Open {} and enter {}", device.verification_uri(), device.user_code());
    /// let tokens = client.finish_device(&mut device).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Security
    /// Whoever has the code can be talked into confirming the login of somebody else (RFC 10027). Use it only where a redirect
    /// back to the program is impossible: [`guide::signing_in_on_a_device`](crate::guide::signing_in_on_a_device).
    pub fn device(&self) -> DeviceLogin<'_> {
        DeviceLogin { client: self, scopes: Vec::new(), params: Vec::new() }
    }

    /// Waits until the user has decided, and returns the tokens.
    ///
    /// The token endpoint is asked in the interval that the provider sets. The interval grows when the provider asks for that, and
    /// when no response came (RFC 8628 section 3.5). [`Client::call_timeout`] limits each of these requests. The wait ends when the
    /// code expires; to end it earlier, drop the future. The value stays usable: the wait can begin again.
    ///
    /// # Errors
    /// [`Error::Server`] with `access_denied` if the user declined ([`Error::is_denied`]), or with `expired_token`;
    /// [`Error::Validation`] with [`Check::Expired`](crate::error::Check::Expired) if the code has expired by this machine's clock, or
    /// as [`Client::finish`] if the ID token fails a check; [`Error::Config`] if the transport has no clock.
    pub async fn finish_device(&self, device: &mut PendingDevice) -> Result<Tokens, Error> {
        self.ask_on(&mut device.waiting, ASKING).await
    }

    /// Asks once whether the user has decided, for a loop of your own. `None` means not yet: ask again after
    /// [`PendingDevice::wait`]. If that time is not over, nothing is sent, and the result is `None`.
    ///
    /// # Errors
    /// As [`Client::finish_device`]. After an [`Error::Http`] that is retryable, ask again after [`PendingDevice::wait`], which has
    /// doubled. After any other error, the login has ended.
    pub async fn poll_device(&self, device: &mut PendingDevice) -> Result<Option<Tokens>, Error> {
        self.ask(&mut device.waiting, ASKING).await
    }
}

/// A login on a device that is about to start. Await it to get the [`PendingDevice`].
#[derive(Clone)]
#[must_use = "the login starts when it is awaited"]
pub struct DeviceLogin<'c> {
    client: &'c Client,
    scopes: Vec<String>,
    params: Vec<(String, String)>,
}

impl<'c> DeviceLogin<'c> {
    /// Requests a scope. Without any, the scopes of the provider's definition are requested.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// Requests several scopes.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes.extend(scopes.into_iter().map(Into::into));
        self
    }

    /// The URI of an API that the token is for (RFC 8707). Repeat it for more than one.
    pub fn resource(self, uri: impl Into<String>) -> Self {
        self.extra("resource", uri)
    }

    /// Any other parameter that the provider knows, such as Auth0's `audience`.
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params.push((name.into(), value.into()));
        self
    }

    async fn start(self) -> Result<PendingDevice, Error> {
        let call = self.client.begin();
        call.end(call.device(self.scopes, &self.params).await)
    }
}

impl<'c> IntoFuture for DeviceLogin<'c> {
    type Output = Result<PendingDevice, Error>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}

impl Ongoing<'_> {
    async fn device(&self, scopes: Vec<String>, params: &[(String, String)]) -> Result<PendingDevice, Error> {
        check_params(params, &[])?;
        let server = self.server().await?;
        let endpoint = server.endpoint(EndpointName::DeviceAuthorization)?;
        let scopes = if scopes.is_empty() { server.scopes.clone() } else { scopes };
        let scope = (!scopes.is_empty()).then(|| scopes.join(&server.definition.scope_separator));
        let plain = &self.client.inner.live.http.plain;
        let request =
            DeviceRequest { quirks: &server.definition.token, scope: scope.as_deref(), params, plain };
        let asked_at = SystemTime::now();
        let codes: DeviceCodes = self.ask(&server, endpoint, &request).await?;
        let waiting = Waiting {
            provenance: server.provenance.clone(),
            code: codes.device_code,
            wants_id_token: server.openid.is_some() && scopes.iter().any(|scope| scope == "openid"),
            scopes,
            expires_at: asked_at.checked_add(codes.expires_in).unwrap_or(asked_at),
            interval: codes.interval,
            pause: codes.interval,
            since: SystemTime::now(),
        };
        Ok(PendingDevice {
            waiting,
            user_code: codes.user_code,
            verification_uri: codes.verification_uri,
            verification_uri_complete: codes.verification_uri_complete,
        })
    }
}

/// A login on a device, between its start and its end. It serialises, so that another process can finish it.
///
/// # Security
/// It holds the device code, by which whoever has the client's credentials gets the tokens. Keep the stored form secret.
#[must_use = "dropping it gives the login up"]
pub struct PendingDevice {
    waiting: Waiting,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
}

// The codes are secrets.
opaque!(PendingDevice);
// The parameters may hold personal data.
opaque!(DeviceLogin<'_>);

impl PendingDevice {
    /// The code that the user enters. It has no invisible characters.
    pub fn user_code(&self) -> &str {
        &self.user_code
    }

    /// The URL that the user opens on another device, to enter the code there. It is `https`, unless the host is this machine or was
    /// named by [`Http::danger_allow_http`](crate::Http::danger_allow_http).
    pub fn verification_uri(&self) -> &str {
        &self.verification_uri
    }

    /// The same URL with the code in it, if the provider has one: for a link or a QR code. Show the code beside it: the user
    /// compares it with the one on the page (RFC 8628 section 3.3.1).
    pub fn verification_uri_complete(&self) -> Option<&str> {
        self.verification_uri_complete.as_deref()
    }

    /// When the code expires. It is at most a day after the start.
    pub fn expires_at(&self) -> SystemTime {
        self.waiting.expires_at
    }

    /// The time until [`Client::poll_device`] may ask again.
    pub fn wait(&self) -> Duration {
        let waited = SystemTime::now().duration_since(self.waiting.since).unwrap_or_default();
        self.waiting.pause.saturating_sub(waited)
    }

    /// The slug of the provider. A client of this provider has to finish the login.
    pub fn provider_slug(&self) -> &str {
        &self.waiting.provenance.provider
    }
}

#[derive(Deserialize, Serialize)]
struct Kept {
    login: KeptWaiting,
    user_code: String,
    uri: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    complete: Option<String>,
}

impl Serialize for PendingDevice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Kept {
            login: KeptWaiting::from(&self.waiting),
            user_code: self.user_code.clone(),
            uri: self.verification_uri.clone(),
            complete: self.verification_uri_complete.clone(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PendingDevice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let kept = Kept::deserialize(deserializer)?;
        let damaged = || D::Error::custom("the stored login of a device is damaged: start a new login");
        Ok(Self {
            waiting: kept.login.read().ok_or_else(damaged)?,
            user_code: kept.user_code,
            verification_uri: kept.uri,
            verification_uri_complete: kept.complete,
        })
    }
}

const ASKING: Asking = Asking { grant: |code| Grant::device_code(code), what: "the device code" };
