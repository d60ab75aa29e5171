//! Signing a user in who is reached by the provider, and not by a browser (OpenID Connect CIBA Core 1.0).
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vouchsafe_providers::EndpointName;

use crate::client::Client;
use crate::client::ongoing::Ongoing;
use crate::client::polling::{Asking, KeptWaiting, Waiting};
use crate::error::{ConfigProblem, Error};
use crate::protocol::backchannel::{BackchannelRequest, check_notification};
use crate::protocol::token::request::{Grant, check_params};
use crate::secret::{Secret, opaque};
use crate::text::random::Random;
use crate::tokens::Tokens;
use crate::transport::BoxFuture;

impl Client {
    /// Starts a login without the user's browser (OpenID Connect CIBA Core 1.0): the provider asks the user on a device that it knows.
    /// Say who is to sign in by exactly one hint, and await it. More is in
    /// [`guide::signing_in_without_a_browser`](crate::guide::signing_in_without_a_browser).
    ///
    /// ```no_run
    /// # async fn f(client: vouchsafe::Client) -> Result<(), vouchsafe::Error> {
    /// let mut pending = client.backchannel().login_hint("alice@example.com").binding_message("W4SCT").await?;
    /// let tokens = client.finish_backchannel(&mut pending).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Security
    /// Whoever knows a hint can make the provider ask that user. Show the binding message on the device where the login began, so that
    /// the user can compare it (CIBA Core section 13).
    #[doc(alias = "ciba")]
    pub fn backchannel(&self) -> BackchannelLogin<'_> {
        BackchannelLogin {
            client: self,
            hints: Vec::new(),
            scopes: Vec::new(),
            user_code: None,
            pings: false,
            params: Vec::new(),
        }
    }

    /// Waits until the user has decided, and returns the tokens. It asks, waits and ends as [`Client::finish_device`] does.
    ///
    /// # Errors
    /// As [`Client::finish_device`].
    pub async fn finish_backchannel(&self, pending: &mut PendingBackchannel) -> Result<Tokens, Error> {
        self.ask_on(&mut pending.waiting, ASKING).await
    }

    /// Asks once whether the user has decided: for a loop of your own, or after [`PendingBackchannel::notified`]. It is as
    /// [`Client::poll_device`].
    ///
    /// # Errors
    /// As [`Client::poll_device`].
    pub async fn poll_backchannel(&self, pending: &mut PendingBackchannel) -> Result<Option<Tokens>, Error> {
        self.ask(&mut pending.waiting, ASKING).await
    }
}

/// A login without a browser that is about to start. Await it to get the [`PendingBackchannel`].
#[derive(Clone)]
#[must_use = "the login starts when it is awaited"]
pub struct BackchannelLogin<'c> {
    client: &'c Client,
    hints: Vec<(&'static str, Secret)>,
    scopes: Vec<String>,
    user_code: Option<Secret>,
    pings: bool,
    params: Vec<(String, String)>,
}

// The hints are personal data.
opaque!(BackchannelLogin<'_>);

impl<'c> BackchannelLogin<'c> {
    /// The user, by a name that the provider knows, such as an e-mail address.
    pub fn login_hint(self, hint: impl Into<Secret>) -> Self {
        self.hint("login_hint", hint)
    }

    /// The user, by an ID token of the provider.
    pub fn id_token_hint(self, id_token: impl Into<Secret>) -> Self {
        self.hint("id_token_hint", id_token)
    }

    /// The user, by a token that the provider understands.
    pub fn login_hint_token(self, token: impl Into<Secret>) -> Self {
        self.hint("login_hint_token", token)
    }

    fn hint(mut self, name: &'static str, value: impl Into<Secret>) -> Self {
        self.hints.push((name, value.into()));
        self
    }

    /// Requests scopes; `openid` is always among them (CIBA Core section 7.1). Without any, the scopes of the provider's definition are
    /// requested.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes.extend(scopes.into_iter().map(Into::into));
        self
    }

    /// A short text that both devices show, so that the user recognises this login.
    pub fn binding_message(self, message: impl Into<String>) -> Self {
        self.extra("binding_message", message)
    }

    /// A secret of the user that keeps strangers from making the provider ask.
    pub fn user_code(mut self, code: impl Into<Secret>) -> Self {
        self.user_code = Some(code.into());
        self
    }

    /// How long the login may take, in whole seconds. The provider decides.
    pub fn requested_expiry(self, time: Duration) -> Self {
        self.extra("requested_expiry", time.as_secs().max(1).to_string())
    }

    /// Lets the provider notify the application when the user has decided (ping mode), at the endpoint that is registered for the
    /// client. [`PendingBackchannel::notified`] checks the notification.
    pub fn ping(mut self) -> Self {
        self.pings = true;
        self
    }

    /// Any other parameter that the provider knows.
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params.push((name.into(), value.into()));
        self
    }

    async fn start(self) -> Result<PendingBackchannel, Error> {
        let call = self.client.begin();
        call.end(call.backchannel(self).await)
    }
}

impl<'c> IntoFuture for BackchannelLogin<'c> {
    type Output = Result<PendingBackchannel, Error>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}

impl Ongoing<'_> {
    async fn backchannel(&self, login: BackchannelLogin<'_>) -> Result<PendingBackchannel, Error> {
        const OWN: [&str; 5] =
            ["login_hint", "id_token_hint", "login_hint_token", "user_code", "client_notification_token"];
        check_params(&login.params, &OWN)?;
        // CIBA Core §7.1: exactly one of the hints.
        let [(name, hint)] = &login.hints[..] else {
            let detail = "a backchannel login needs exactly one hint about the user: set login_hint, id_token_hint or login_hint_token";
            return Err(Error::config(ConfigProblem::InvalidOption, detail));
        };
        let server = self.server().await?;
        let endpoint = server.endpoint(EndpointName::BackchannelAuthentication)?;
        let mut scopes = if login.scopes.is_empty() { server.scopes.clone() } else { login.scopes };
        if !scopes.iter().any(|scope| scope == "openid") {
            scopes.insert(0, "openid".to_owned());
        }
        let notification_token = login.pings.then(random).transpose()?;
        let request = BackchannelRequest {
            quirks: &server.definition.token,
            scope: &scopes.join(&server.definition.scope_separator),
            hint: (name, hint),
            user_code: login.user_code.as_ref(),
            notification_token: notification_token.as_ref(),
            params: &login.params,
        };
        let asked_at = SystemTime::now();
        let response = self.ask(&server, endpoint, &request).await?;
        let waiting = Waiting {
            provenance: server.provenance.clone(),
            code: response.auth_req_id,
            wants_id_token: server.openid.is_some(),
            scopes,
            expires_at: asked_at.checked_add(response.expires_in).unwrap_or(asked_at),
            interval: response.interval,
            pause: response.interval,
            since: SystemTime::now(),
        };
        Ok(PendingBackchannel { waiting, notification_token })
    }
}

/// A token with 256 random bits (CIBA Core section 7.1: at least 128).
fn random() -> Result<Secret, Error> {
    let mut bits = [0; 32];
    aws_lc_rs::rand::fill(&mut bits).map_err(|_| Error::no_random())?;
    Ok(Secret::new(Random::new(&bits).as_str()))
}

/// A login without a browser, between its start and its end. It serialises, so that another process can finish it.
///
/// # Security
/// It holds the `auth_req_id`, by which whoever has the client's credentials gets the tokens. Keep the stored form secret.
#[must_use = "dropping it gives the login up"]
pub struct PendingBackchannel {
    waiting: Waiting,
    notification_token: Option<Secret>,
}

// The id and the token are secrets.
opaque!(PendingBackchannel);

impl PendingBackchannel {
    /// The id of the login (`auth_req_id`), by which the application finds it again when a notification comes. Keep it secret.
    pub fn auth_req_id(&self) -> &str {
        self.waiting.code.expose()
    }

    /// When the login expires.
    pub fn expires_at(&self) -> SystemTime {
        self.waiting.expires_at
    }

    /// The time until [`Client::poll_backchannel`] may ask again.
    pub fn wait(&self) -> Duration {
        let waited = SystemTime::now().duration_since(self.waiting.since).unwrap_or_default();
        self.waiting.pause.saturating_sub(waited)
    }

    /// Checks a notification of the provider (ping mode, CIBA Core section 10.2), by the value of its `Authorization` header and its body.
    /// The bearer token is compared in constant time. After that, [`Client::poll_backchannel`] may ask at once. Respond with the status
    /// 204, or with 401 after an error.
    ///
    /// # Errors
    /// [`Error::Validation`] if the notification is not from the provider, or about another login; [`Error::Config`] if the login was
    /// started without [`BackchannelLogin::ping`].
    pub fn notified(&mut self, authorization: &str, body: &[u8]) -> Result<(), Error> {
        let Some(token) = &self.notification_token else {
            let detail = "this login is not notified of: start it with BackchannelLogin::ping";
            return Err(Error::config(ConfigProblem::InvalidOption, detail));
        };
        check_notification(authorization, body, (token.expose(), self.waiting.code.expose()))?;
        self.waiting.pause = Duration::ZERO;
        Ok(())
    }
}

#[derive(Deserialize, Serialize)]
struct Kept {
    login: KeptWaiting,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    notification: Option<String>,
}

impl Serialize for PendingBackchannel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let notification = self.notification_token.as_ref().map(|token| token.expose().to_owned());
        Kept { login: KeptWaiting::from(&self.waiting), notification }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PendingBackchannel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let kept = Kept::deserialize(deserializer)?;
        let damaged = || D::Error::custom("the stored backchannel login is damaged: start a new login");
        let waiting = kept.login.read().ok_or_else(damaged)?;
        // An empty token would be that of everybody.
        let notification_token = kept.notification.filter(|token| !token.is_empty()).map(Secret::new);
        Ok(Self { waiting, notification_token })
    }
}

const ASKING: Asking = Asking { grant: |id| Grant::ciba(id), what: "the backchannel login" };
