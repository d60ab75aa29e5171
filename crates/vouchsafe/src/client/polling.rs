//! Waiting for a user who decides elsewhere: the token endpoint is asked again and again (RFC 8628 section 3.5, CIBA Core section 7.3).
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use vouchsafe_providers::EndpointName;

use super::Client;
use crate::error::{Check, ConfigProblem, Error, ErrorCode};
use crate::jose::id_token::{Expected, Nonce};
use crate::protocol::token::request::Grant;
use crate::provenance::Provenance;
use crate::secret::Secret;
use crate::text::version::Version;
use crate::tokens::Tokens;

/// A login that waits for its user elsewhere.
pub(crate) struct Waiting {
    pub(crate) provenance: Arc<Provenance>,
    /// The secret by which the client asks.
    pub(crate) code: Secret,
    pub(crate) scopes: Vec<String>,
    pub(crate) wants_id_token: bool,
    pub(crate) expires_at: SystemTime,
    pub(crate) interval: Duration,
    /// The client pauses for this time,
    pub(crate) pause: Duration,
    /// from this time on.
    pub(crate) since: SystemTime,
}

/// How the client asks for the tokens of such a login.
#[derive(Clone, Copy)]
pub(crate) struct Asking {
    pub(crate) grant: for<'a> fn(&'a str) -> Grant<'a>,
    /// The name of the login in errors.
    pub(crate) what: &'static str,
}

impl Waiting {
    /// The time until the client may ask again.
    pub(crate) fn pause_left(&mut self, now: SystemTime) -> Duration {
        match now.duration_since(self.since) {
            Ok(waited) => self.pause.saturating_sub(waited),
            // The clock was set back. Without this, the pause would last until the clock is where it was.
            Err(_) => {
                self.since = now;
                self.pause
            }
        }
    }

    /// Notes the outcome of a request, and sets the next pause. `None` if the user has not decided yet.
    fn note(&mut self, outcome: Result<Tokens, Error>, now: SystemTime) -> Result<Option<Tokens>, Error> {
        self.since = now;
        self.pause = self.interval;
        match outcome {
            Ok(tokens) => Ok(Some(tokens)),
            Err(Error::Server(error)) if error.code() == ErrorCode::AUTHORIZATION_PENDING => Ok(None),
            Err(Error::Server(error)) if error.code() == ErrorCode::SLOW_DOWN => {
                // For this and all later requests.
                self.interval = self.interval.saturating_add(SLOWER);
                self.pause = self.interval;
                Ok(None)
            }
            Err(error) => {
                if may_pass(&error) {
                    self.interval = self.interval.saturating_mul(2).min(SLOWEST.max(self.interval));
                    self.pause = self.interval.max(error.retry_after().unwrap_or_default());
                }
                Err(error)
            }
        }
    }
}

/// Whether no response of the token endpoint came. RFC 8628 §3.5: then the client asks less often, and goes on. After an error
/// that the provider sent, other than those two, it must stop.
fn may_pass(error: &Error) -> bool {
    matches!(error, Error::Http(_)) && error.is_retryable()
}

impl Client {
    /// Asks for the tokens now, unless the pause is not over: then nothing is sent.
    pub(crate) async fn ask(&self, waiting: &mut Waiting, asking: Asking) -> Result<Option<Tokens>, Error> {
        if !waiting.pause_left(SystemTime::now()).is_zero() {
            return Ok(None);
        }
        self.ask_now(waiting, asking).await
    }

    /// Asks in these pauses until the user has decided.
    pub(crate) async fn ask_on(&self, waiting: &mut Waiting, asking: Asking) -> Result<Tokens, Error> {
        loop {
            let pause = waiting.pause_left(SystemTime::now());
            if !pause.is_zero() {
                let Some(timer) = self.inner.live.http.wait(pause) else {
                    let detail = "to wait for the user, the transport needs a clock: set it with Http::runtime, or ask again yourself";
                    return Err(Error::config(ConfigProblem::HttpClient, detail));
                };
                timer.await;
            }
            match self.ask_now(waiting, asking).await {
                Ok(Some(tokens)) => return Ok(tokens),
                Ok(None) => {}
                Err(error) if may_pass(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn ask_now(&self, waiting: &mut Waiting, asking: Asking) -> Result<Option<Tokens>, Error> {
        let call = self.begin_with([waiting.code.expose()]);
        let outcome = call.end(call.tokens_for(waiting, asking).await);
        drop(call);
        waiting.note(outcome, SystemTime::now())
    }
}

impl super::ongoing::Ongoing<'_> {
    async fn tokens_for(&self, waiting: &Waiting, asking: Asking) -> Result<Tokens, Error> {
        let grant = (asking.grant)(waiting.code.expose());
        let operation = grant.operation;
        if SystemTime::now() >= waiting.expires_at {
            let detail =
                format!("{} has expired, and the user has not decided in time: start again", asking.what);
            return Err(Error::validation(operation, Check::Expired, detail));
        }
        let server = self.server().await?;
        if *waiting.provenance != *server.provenance
            && *waiting.provenance != *self.client.template().provenance
        {
            server.provenance.check(asking.what, &waiting.provenance, operation)?;
        }
        let endpoint = server.endpoint(EndpointName::Token)?;
        // No nonce was sent.
        let expected = Expected { nonce: Nonce::None, ..self.client.inner.live.expected(&server) };
        let tokens =
            self.token_request(&server, endpoint, grant, (&expected, waiting.wants_id_token)).await?;
        Ok(tokens.with_requested_scope(&waiting.scopes, &server.definition.scope_separator))
    }
}

/// The stored form of such a login. A change of this form needs another version.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeptWaiting {
    v: Version<1>,
    provider: String,
    issuer: String,
    client: String,
    code: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    id_token: bool,
    /// Times in seconds since 1970, durations in seconds.
    expires: u64,
    interval: u64,
    pause: u64,
    since: u64,
}

impl From<&Waiting> for KeptWaiting {
    fn from(waiting: &Waiting) -> Self {
        let since_1970 = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default();
        // Rounded up, so that no pause becomes shorter.
        let seconds = |time: Duration| time.as_secs() + u64::from(time.subsec_nanos() > 0);
        Self {
            v: Version,
            provider: waiting.provenance.provider.clone(),
            issuer: waiting.provenance.issuer.clone(),
            client: waiting.provenance.client_id.clone(),
            code: waiting.code.expose().to_owned(),
            scopes: waiting.scopes.clone(),
            id_token: waiting.wants_id_token,
            expires: seconds(since_1970(waiting.expires_at)),
            interval: seconds(waiting.interval),
            pause: seconds(waiting.pause),
            since: seconds(since_1970(waiting.since)),
        }
    }
}

impl KeptWaiting {
    /// The login; `None` if it is damaged.
    pub(crate) fn read(self) -> Option<Waiting> {
        let time = |seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        let code = Secret::new(self.code);
        Some(Waiting {
            provenance: Arc::new(Provenance {
                provider: self.provider,
                issuer: self.issuer,
                client_id: self.client,
            }),
            code,
            scopes: self.scopes,
            wants_id_token: self.id_token,
            expires_at: time(self.expires)?,
            interval: Duration::from_secs(self.interval.max(1)),
            pause: Duration::from_secs(self.pause),
            since: time(self.since)?,
        })
    }
}

/// RFC 8628 §3.5: the interval grows by this with each `slow_down`.
const SLOWER: Duration = Duration::from_secs(5);
/// An interval does not grow beyond this by failed connections.
const SLOWEST: Duration = Duration::from_secs(5 * 60);
