//! A source of valid access tokens: the token that is held, and its renewal.
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;

use super::clock::now;
use super::timing::Times;
use crate::client::Client;
use crate::error::{ConfigProblem, Error};
use crate::secret::Secret;
use crate::shared::{Owner, Together};
use crate::tokens::{AccessToken, Tokens};
use crate::transport::{BoxFuture, Runtime};

/// Gives a valid access token at any moment. Cheap to clone; all clones share the token.
///
/// A valid token is given at once. Near the end of its life it is refreshed in the background, and it stays in use meanwhile.
/// When it has expired, one refresh runs for all callers, and all of them get its outcome, even if it is an error. If a
/// caller gives up, the refresh continues for the others.
///
/// ```no_run
/// # async fn f(client: vouchsafe::Client, tokens: vouchsafe::Tokens) -> Result<(), vouchsafe::Error> {
/// let source = vouchsafe::TokenSource::new(&client, tokens).await?;
/// let token = source.token().await?;
/// println!("Authorization: Bearer {}", token.expose());
/// # Ok(()) }
/// ```
///
/// [`Vault::source`](crate::vault::Vault::source) makes a source whose tokens are stored.
#[derive(Clone)]
pub struct TokenSource {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    held: ArcSwap<Held>,
    renewer: Arc<dyn Renew>,
    runtime: Option<Arc<dyn Runtime>>,
    flight: Together<(), Arc<Held>>,
    /// The last failure, and when it was.
    failure: Mutex<Option<(Instant, Error)>>,
}

/// Gets a valid token that is not the rejected one.
pub(super) trait Renew: Send + Sync {
    fn renew(self: Arc<Self>, rejected: Option<AccessToken>) -> BoxFuture<'static, Result<Issued, Error>>;

    /// The client that the tokens are issued to, if there is one here.
    fn client(&self) -> Option<&Client> {
        None
    }
}

/// A token that a renewal gave.
pub(super) struct Issued {
    pub(super) token: AccessToken,
    pub(super) received_at: SystemTime,
    pub(super) expires_at: Option<SystemTime>,
    pub(super) tokens: Option<Tokens>,
}

impl From<Tokens> for Issued {
    fn from(tokens: Tokens) -> Self {
        let token = tokens.access_token().clone();
        Self {
            token,
            received_at: tokens.received_at(),
            expires_at: tokens.expires_at(),
            tokens: Some(tokens),
        }
    }
}

struct Held {
    token: Option<AccessToken>,
    expires_at: Option<SystemTime>,
    tokens: Option<Tokens>,
    times: Times,
    is_rejected: bool,
    source: Weak<Inner>,
    /// The source holds something else now.
    is_replaced: AtomicBool,
}

/// A valid access token. Keep it no longer than for the next requests: ask the source again.
///
/// A thread keeps the last token that was dropped on it until the next one, so that the same token is given again at once. So
/// it may be wiped from memory later than you drop it.
pub struct ValidToken(Option<Arc<Held>>);

thread_local! {
    /// The last token that was dropped on this thread. It is given again without an atomic operation, which costs more than
    /// all the rest.
    static LAST: Cell<Option<Arc<Held>>> = const { Cell::new(None) };
}

impl ValidToken {
    /// The token itself. Keep it out of logs and URLs.
    pub fn expose(&self) -> &str {
        self.access_token().map_or("", AccessToken::expose)
    }

    fn held(&self) -> Option<&Held> {
        self.0.as_deref()
    }

    fn access_token(&self) -> Option<&AccessToken> {
        self.held()?.token.as_ref()
    }

    /// When it expires, if the provider says so.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.held()?.expires_at
    }

    /// The tokens that it came with; `None` if a function of the application gave the token.
    pub fn tokens(&self) -> Option<&Tokens> {
        self.held()?.tokens.as_ref()
    }
}

impl Drop for ValidToken {
    fn drop(&mut self) {
        let held = self.0.take().filter(|held| !held.is_replaced.load(Ordering::Relaxed));
        // At the end of a thread there is nothing to keep it in.
        let _ = held.map(|held| LAST.try_with(|last| last.replace(Some(held))));
    }
}

crate::secret::opaque!(ValidToken);

/// A token that a function of the application gives: see [`TokenSource::from_fn`].
#[derive(Clone, Debug)]
pub struct GivenToken {
    token: Secret,
    expires_at: Option<SystemTime>,
}

impl GivenToken {
    /// A token with an unknown end.
    pub fn new(token: impl Into<Secret>) -> Self {
        Self { token: token.into(), expires_at: None }
    }

    /// When it expires.
    #[must_use]
    pub fn expires_at(self, time: SystemTime) -> Self {
        Self { expires_at: Some(time), ..self }
    }
}

struct Given<F>(F);

impl<F, T> Renew for Given<F>
where
    F: Fn() -> T + Send + Sync + 'static,
    T: Future<Output = Result<GivenToken, Error>> + Send + 'static,
{
    fn renew(self: Arc<Self>, _: Option<AccessToken>) -> BoxFuture<'static, Result<Issued, Error>> {
        let given = (self.0)();
        Box::pin(async move {
            let GivenToken { token, expires_at } = given.await?;
            let token = AccessToken::new(token);
            Ok(Issued { token, received_at: SystemTime::now(), expires_at, tokens: None })
        })
    }
}

impl TokenSource {
    pub(super) fn with(renewer: Arc<dyn Renew>, runtime: Option<Arc<dyn Runtime>>) -> Self {
        let held = ArcSwap::from_pointee(Held::none());
        let flight = Together::new(Owner::Table);
        let inner = Inner { held, renewer, runtime, flight, failure: Mutex::default() };
        Self { inner: Arc::new(inner) }
    }

    /// A source of tokens that a function of the application gives, such as a cloud platform's identity. The function is called
    /// when there is no token yet, near the end of the token, and after [`TokenSource::reject`]; once for all callers. The
    /// runtime drives it in the background, so it continues even if all callers give up.
    pub fn from_fn<F, T>(runtime: Arc<dyn Runtime>, function: F) -> Self
    where
        F: Fn() -> T + Send + Sync + 'static,
        T: Future<Output = Result<GivenToken, Error>> + Send + 'static,
    {
        Self::with(Arc::new(Given(function)), Some(runtime))
    }

    /// A valid access token.
    ///
    /// # Errors
    /// There is no valid token. [`Error::needs_login`]: the user has to sign in again. [`Error::is_retryable`]: try again later,
    /// after [`Error::retry_after`]. Other errors concern the configuration or the store. For a second, or for the time of
    /// [`Error::retry_after`], all callers get the same error, and nothing is sent.
    #[inline]
    pub fn token(&self) -> impl Future<Output = Result<ValidToken, Error>> + Send + use<'_> {
        Asking { source: self, renewed: None }
    }

    /// Says that an API refused this token with 401. The token is dropped, and the next call of [`TokenSource::token`] gets another
    /// one, once for all callers. If a newer token is held already, nothing happens.
    pub fn reject(&self, token: &ValidToken) {
        let held = self.inner.held.load();
        if held.token.is_none() || held.token.as_ref() != token.access_token() {
            return;
        }
        let (token, tokens) = (held.token.clone(), held.tokens.clone());
        let rejected = Held { token, tokens, expires_at: held.expires_at, is_rejected: true, ..Held::none() };
        self.inner.held.compare_and_swap(&*held, Arc::new(rejected));
        // If it was not this call, another one has replaced it.
        held.is_replaced.store(true, Ordering::Release);
    }

    pub(super) fn client(&self) -> Option<&Client> {
        self.inner.renewer.client()
    }

    /// Forgets the token that is held, and the last failure: the next call looks into the store again.
    pub(super) fn forget(&self) {
        self.inner.hold(Arc::new(Held::none()));
        *self.inner.failure() = None;
    }

    /// The next call gets another token than this one.
    pub(super) fn replace(&self, token: AccessToken) {
        self.inner.hold(Arc::new(Held { token: Some(token), is_rejected: true, ..Held::none() }));
    }
}

/// The future of [`TokenSource::token`]. It is written by hand so that the caller's code contains it: an `async fn` stays a call
/// into this crate, and moving its future cost more than to look at the token.
struct Asking<'s> {
    source: &'s TokenSource,
    renewed: Option<BoxFuture<'static, Result<ValidToken, Error>>>,
}

impl Future for Asking<'_> {
    type Output = Result<ValidToken, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.renewed.is_none()
            && let Some(token) = self.source.inner.fresh()
        {
            return Poll::Ready(Ok(token));
        }
        let inner = &self.source.inner;
        self.renewed.get_or_insert_with(|| Inner::renewed(inner)).as_mut().poll(context)
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource")
            .field("expires_at", &self.inner.held.load().expires_at)
            .finish_non_exhaustive()
    }
}

impl Held {
    fn none() -> Self {
        Self {
            token: None,
            expires_at: None,
            tokens: None,
            times: Times::OVER,
            is_rejected: false,
            source: Weak::new(),
            is_replaced: AtomicBool::new(false),
        }
    }

    fn new(issued: Issued, source: Weak<Inner>) -> Self {
        let Issued { token, received_at, expires_at, tokens } = issued;
        let mut times = Times::new(&token, received_at, expires_at);
        let now = now();
        // It was to be refreshed, and that failed: not with the next call, but soon.
        if !times.is_fresh(now) && times.is_valid(now) {
            times.refresh_at = now + (EARLY_PAUSE.as_millis() as u64).min((times.over_at - now) / 2);
        }
        Self { token: Some(token), expires_at, tokens, times, source, ..Self::none() }
    }
}

impl Inner {
    /// The token that is held, if it does not have to be renewed now or soon.
    fn fresh(&self) -> Option<ValidToken> {
        let last = LAST.try_with(Cell::take).ok().flatten();
        let is_held = |held: &Arc<Held>| {
            ptr::eq(held.source.as_ptr(), self) && !held.is_replaced.load(Ordering::Acquire)
        };
        let held = last.filter(is_held).unwrap_or_else(|| self.held.load_full());
        held.times.is_fresh(now()).then(|| ValidToken(Some(held)))
    }

    fn hold(&self, held: Arc<Held>) {
        self.held.swap(held).is_replaced.store(true, Ordering::Release);
    }

    /// The way of a token that has to be renewed now or soon. Boxed, because it is rare.
    #[cold]
    fn renewed(this: &Arc<Self>) -> BoxFuture<'static, Result<ValidToken, Error>> {
        let held = this.held.load_full();
        let now = now();
        let is_valid = held.times.is_valid(now);
        // It may have been renewed meanwhile.
        if held.times.is_fresh(now) || is_valid && this.failed_lately().is_some() {
            return Box::pin(std::future::ready(Ok(ValidToken(Some(held)))));
        }
        let this = this.clone();
        Box::pin(async move {
            if let Some(error) = this.failed_lately().filter(|_| !held.is_rejected) {
                return Err(error);
            }
            let (outcome, is_driven) = Self::join(&this, &held);
            // Nobody waits for the refresh of a token that is still valid, unless nothing else drives it.
            if is_valid && is_driven {
                return Ok(ValidToken(Some(held)));
            }
            match outcome.await {
                Ok(held) => Ok(ValidToken(Some(held))),
                Err(_) if is_valid => Ok(ValidToken(Some(held))),
                Err(error) => Err(error),
            }
        })
    }

    /// Joins the renewal under way, or begins one. Returns whether a task in the background drives it.
    fn join(this: &Arc<Self>, held: &Held) -> (BoxFuture<'static, Result<Arc<Held>, Error>>, bool) {
        let begin = || -> BoxFuture<'static, _> {
            let rejected = held.token.clone().filter(|_| held.is_rejected);
            let (renewer, source) = (this.renewer.clone(), Arc::downgrade(this));
            Box::pin(async move { Self::renew(renewer, source, rejected).await })
        };
        this.flight.join((), this.runtime.as_deref(), begin, panicked)
    }

    async fn renew(
        renewer: Arc<dyn Renew>,
        source: Weak<Self>,
        rejected: Option<AccessToken>,
    ) -> Result<Arc<Held>, Error> {
        let outcome = renewer.renew(rejected).await.map(|issued| Arc::new(Held::new(issued, source.clone())));
        if let Some(source) = source.upgrade() {
            match &outcome {
                Ok(held) => {
                    source.hold(held.clone());
                    *source.failure() = None;
                }
                Err(error) => *source.failure() = Some((Instant::now(), error.clone())),
            }
        }
        outcome
    }

    /// The failure, if it is so new that another try is not worth a request.
    fn failed_lately(&self) -> Option<Error> {
        let failure = self.failure();
        let (at, error) = failure.as_ref()?;
        let pause = error.retry_after().unwrap_or(FAILURE_PAUSE).clamp(FAILURE_PAUSE, LONGEST_PAUSE);
        (at.elapsed() < pause).then(|| error.clone())
    }

    fn failure(&self) -> std::sync::MutexGuard<'_, Option<(Instant, Error)>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn panicked() -> Error {
    Error::config(
        ConfigProblem::Panicked,
        "the renewal of the token panicked: see the panic message, and correct the function, the store or the HTTP client that it names",
    )
}

/// How long a failure is given to all who ask without another request.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);
/// The longest such time, whatever the provider asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long an early refresh that failed is not tried again.
const EARLY_PAUSE: Duration = Duration::from_secs(5);
