//! Making a client: its limits, and the checks of provider and registration.
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand;

use super::strength::{Profile, Strength};
use super::{Client, Inner};
use crate::authenticator::Authenticator;
use crate::dpop::Binding;
use crate::endpoint::check_redirect_uri;
use crate::error::Error;
use crate::provider::Provider;
use crate::provider::live::{Live, LiveOptions, MAX_CLOCK_SKEW};
use crate::registration::Registration;
use crate::shared::{Owner, Together};
use crate::transport::Http;

/// A client that is being made. [`Client::new`] is the short form.
///
/// ```no_run
/// # #[cfg(feature = "transport")]
/// # fn f(registration: vouchsafe::Registration) -> Result<(), vouchsafe::Error> {
/// use std::time::Duration;
/// use vouchsafe::{Client, Http, providers};
///
/// let client = Client::builder(providers::google(), registration)
///     .login_limit(Duration::from_secs(5 * 60))
///     .call_timeout(Duration::from_secs(10))
///     .build(&Http::new()?)?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a client is made by build"]
pub struct ClientBuilder {
    provider: Provider,
    registration: Registration,
    login_limit: Duration,
    call_timeout: Option<Duration>,
    live: LiveOptions,
    strength: Strength,
}

impl ClientBuilder {
    pub(crate) fn new(provider: Provider, registration: Registration) -> Self {
        Self {
            provider,
            registration,
            login_limit: LOGIN_LIMIT,
            call_timeout: None,
            live: LiveOptions::default(),
            strength: Strength::default(),
        }
    }

    /// How long a login may take, for the logins that this client starts; 10 minutes unless it is set, and never more than a
    /// year. [`PendingLogin::expires_at`](crate::PendingLogin::expires_at) says when one ends.
    pub fn login_limit(mut self, limit: Duration) -> Self {
        self.login_limit = limit.min(MAX_LOGIN_LIMIT);
        self
    }

    /// The tolerance for the provider's clock in the times of an ID token; 30 seconds unless it is set, and never more than
    /// 5 minutes.
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.live.clock_skew = skew.min(MAX_CLOCK_SKEW);
        self
    }

    /// How long metadata is used before it is fetched again; 1 hour unless it is set.
    pub fn metadata_age(mut self, age: Duration) -> Self {
        self.live.metadata.max_age = age;
        self
    }

    /// How long keys are used before they are fetched again; 10 minutes unless it is set. A key that the provider has
    /// withdrawn stays trusted for up to this long. If newer keys cannot be fetched, the known keys are used for 24 hours
    /// after they were fetched, or for the time set here if that is longer, and not after that.
    pub fn keys_age(mut self, age: Duration) -> Self {
        self.live.set_keys_age(age);
        self
    }

    /// The minimum time between two fetches of the keys that are caused by an unknown key ID, and after a fetch that failed;
    /// 30 seconds unless it is set. With a shorter time, senders of forged tokens can make this client ask the provider more
    /// often.
    pub fn cool_down(mut self, pause: Duration) -> Self {
        self.live.set_cool_down(pause);
        self
    }

    /// The maximum number of keys that are read from the provider's key set; 50 unless it is set.
    pub fn max_keys(mut self, keys: usize) -> Self {
        self.live.max_keys = keys;
        self
    }

    /// A limit on the time of each call: see [`Client::call_timeout`].
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = Some(timeout);
        self
    }

    /// Pushes authorization requests: the parameters go from this program to the provider, and the browser brings only a reference (RFC
    /// 9126). A provider that requires this gets it without being asked.
    pub fn pushed_requests(mut self) -> Self {
        self.strength.pushes = true;
        self
    }

    /// Signs authorization requests (RFC 9101) with the key of
    /// [`Registration::request_key`](crate::Registration::request_key), or with the one by which the client authenticates. A provider
    /// that requires this gets it without being asked.
    pub fn signed_requests(mut self) -> Self {
        self.strength.object.get_or_insert_default();
        self
    }

    /// Serves signed authorization requests (`request_uri`, RFC 9101 section 5.2) instead of sending them with the browser. `base` is an
    /// `https` URL of the application. [`StartedLogin::request_object`](crate::StartedLogin) has the URL below it and the text to
    /// serve there. Where requests are pushed, nothing is served.
    pub fn serve_requests_at(mut self, base: impl Into<String>) -> Self {
        self.strength.object.get_or_insert_default().served_at = Some(base.into());
        self
    }

    /// Leaves out the signature of the authorization requests that the application serves (`none`), for providers where the client is
    /// registered so. They are protected only by TLS.
    pub fn unsigned_requests(mut self) -> Self {
        self.strength.object.get_or_insert_default().is_unsigned = true;
        self
    }

    /// Encrypts authorization requests for the provider, after they are signed as [`ClientBuilder::signed_requests`] does (RFC 9101
    /// section 6.1): nobody who sees the URL can read them. The algorithms are those of
    /// [`Registration::request_object_encryption`](crate::Registration::request_object_encryption). Without this setting, the
    /// provider's metadata (`request_object_encryption_alg_values_supported` and `…_enc_values_supported`) and its keys decide.
    pub fn encrypted_requests(mut self) -> Self {
        self.strength.object.get_or_insert_default();
        self.strength.encrypts = true;
        self
    }

    /// Requires signed authorization responses (JARM). A response without a signature is refused.
    pub fn signed_responses(mut self) -> Self {
        self.strength.signed_responses = true;
        self
    }

    /// Turns on all that a security profile requires, and refuses all that it forbids.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.strength.profile = Some(profile);
        self.live.is_fapi = true;
        self
    }

    /// Makes the client.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) says what is missing or wrong in the provider or the registration.
    pub fn build(self, http: &Http) -> Result<Client, Error> {
        let Self { provider, registration, login_limit, call_timeout, live, strength } = self;
        registration.check()?;
        let registration = if strength.profile.is_some() { registration.for_fapi() } else { registration };
        let provider = provider.reached_by(http);
        let template = provider.server(&registration.client_id)?;
        registration.check_for(&template.definition)?;
        registration.redirect_uri.as_deref().map(check_redirect_uri).transpose()?;
        let authenticator = Authenticator::new(&registration, template.definition.issuer.as_deref())?;
        let strength = strength.complete(&registration, &authenticator)?;
        let binding = registration.dpop_key.clone().map(Binding::new);
        let registration = Arc::new(registration);
        let live = Live::new(template, &registration, provider.metadata, http, live)?;
        // The first use of the random generator seeds it, which takes milliseconds: here and not in a login. If it fails, the
        // login returns the error.
        let _ = rand::fill(&mut [0]);
        Ok(Client {
            inner: Arc::new(Inner {
                live,
                authenticator,
                binding,
                strength,
                refreshes: Together::new(Owner::Callers),
                login_limit,
            }),
            call_timeout,
        })
    }
}

/// How long a login may take, from its start to its end: longer than people need, shorter than a browser is left open.
const LOGIN_LIMIT: Duration = Duration::from_secs(10 * 60);
/// Longer than any browser keeps a cookie.
const MAX_LOGIN_LIMIT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::live::{CLOCK_SKEW, COOL_DOWN, KEYS_AGE, KEYS_END, METADATA_AGE};

    #[test]
    fn limits_that_are_not_set_are_as_the_documentation_says() {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        assert_eq!((METADATA_AGE, KEYS_AGE, LOGIN_LIMIT), (minutes(60), minutes(10), minutes(10)));
        assert_eq!((CLOCK_SKEW, COOL_DOWN), (Duration::from_secs(30), Duration::from_secs(30)));
    }

    #[test]
    fn keys_end_after_a_day_and_metadata_does_not() {
        let hours = |n: u64| Duration::from_secs(3600 * n);
        let live = |age: Duration| {
            ClientBuilder::new(crate::providers::github(), Registration::new("me")).keys_age(age).live
        };
        let end = |age: Duration| live(age).keys.end;
        assert_eq!((end(Duration::ZERO), end(hours(1)), end(hours(24))), (KEYS_END, KEYS_END, KEYS_END));
        assert_eq!(end(hours(48)), hours(48), "who wants to use them for longer may");
        assert_eq!(live(hours(1)).metadata.end, Duration::MAX);
        assert_eq!(KEYS_END, hours(24));
    }
}
