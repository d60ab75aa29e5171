//! Why nobody signed in: the reason, the log and the page.
use std::borrow::Cow;
use std::fmt;

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, X_FRAME_OPTIONS,
};
use http::{HeaderValue, Response, StatusCode};
use vouchsafe::error::{Check, Operation};
use vouchsafe::{Error, ErrorCode, Tokens};

use crate::page::escaped;
use crate::page::language::Language;

/// Why nobody signed in. As a response it is a page that tells people what to do, or a redirect if a silent sign-in failed
/// ([`LoginFault::InteractionRequired`]).
///
/// The page is in the language that the browser prefers, if it is one of [`Language::ALL`](crate::Language::ALL). It does not show
/// the reason. The reason, the `Display` of the rejection, is for the operator: it may name hosts of
/// your network and quote the provider. It goes to the log, as one event of the crate [tracing] for each rejection, with the
/// target `vouchsafe_web` and the level `WARN` for [`LoginFault::Provider`] and [`LoginFault::Setup`], otherwise `INFO`. No
/// event holds a secret. A program without a subscriber loses the reason. With the crate `tracing-subscriber`, one line at
/// the start of `main` shows the events:
///
/// ```text
/// tracing_subscriber::fmt::init();
/// ```
///
/// [tracing]: https://docs.rs/tracing
#[derive(Clone, Debug)]
pub struct LoginRejection {
    inner: Box<Inner>,
}

#[derive(Clone, Debug)]
struct Inner {
    fault: LoginFault,
    detail: Cow<'static, str>,
    error: Option<Error>,
    tokens: Option<Tokens>,
    /// The path that the page links to.
    link: Option<String>,
    /// The path that the browser would have been sent to.
    return_to: Option<String>,
    /// The language of the page.
    language: Language,
    is_silent: bool,
    /// Whether another request of this browser sent the code of the login.
    is_repetition: bool,
    is_reported: bool,
}

/// What kept somebody from signing in, sorted by who has to act.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum LoginFault {
    /// The person or the provider declined. Status 403.
    Denied,
    /// The provider has to show a page to the person, and the request forbade it with `prompt=none`: nobody is signed in there,
    /// or a consent is missing. This is the usual outcome of a [silent sign-in](LoginRejection::return_to). As a response, the
    /// rejection redirects to [`LoginRejection::return_to`], where the visitor goes on signed out. If the request did not forbid
    /// it, the response is a page with status 403.
    InteractionRequired,
    /// The response belongs to no login of this browser: it was forged, comes from another browser, took too long, or was used
    /// already. The person has to start again. Status 400.
    Stale,
    /// Another request with the same response is being handled: the browser sent it twice. This one sent nothing to the
    /// provider. The page leads to [`LoggedIn::return_to`](crate::LoggedIn::return_to). Status 409.
    Repeated,
    /// The body posted to the redirect URI is not a form, or is too large, or the query of a login names a parameter more than
    /// once. Status 400.
    Malformed,
    /// The path to return to is not a path of this site, or is too long. Status 400.
    ReturnTo,
    /// No person opened the page: the request was a `HEAD` request, a prefetch, or for an image or a frame. No login started,
    /// and no code was sent. Status 403.
    NoVisit,
    /// There is no client of that name. Status 404.
    UnknownClient,
    /// The provider sent no usable response, or one that cannot be trusted. Status 502.
    Provider,
    /// The application is not set up correctly. Its operator has to act. Status 500.
    Setup,
}

impl LoginFault {
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::Server(_) if error.is_denied() => Self::Denied,
            Error::Server(e)
                if error.operation() == Operation::Authorization
                    && INTERACTION_REQUIRED.contains(&e.code().as_str()) =>
            {
                Self::InteractionRequired
            }
            // RFC 6749 §5.2: the code is invalid, expired or used.
            Error::Server(e) if *e.code() == ErrorCode::INVALID_GRANT => Self::Stale,
            Error::Server(e)
                if [ErrorCode::INVALID_CLIENT, ErrorCode::UNAUTHORIZED_CLIENT].contains(e.code()) =>
            {
                Self::Setup
            }
            // The other faults of a response come from the provider, or from somebody who pretends to be it.
            Error::Validation(e)
                if error.operation() == Operation::Authorization
                    && [Check::StateMismatch, Check::Expired, Check::DuplicateParameter]
                        .contains(&e.check()) =>
            {
                Self::Stale
            }
            Error::Config(_) | Error::Unsupported(_) => Self::Setup,
            _ => Self::Provider,
        }
    }

    /// The status, the title and the advice of the page.
    fn words(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Denied => (
                StatusCode::FORBIDDEN,
                "You were not signed in",
                "The sign-in was cancelled or refused. Your account was not shared. You can try again.",
            ),
            Self::InteractionRequired => (
                StatusCode::FORBIDDEN,
                "The provider has a question for you",
                "It could not sign you in without showing you a page. Please try again.",
            ),
            Self::Stale => (
                StatusCode::BAD_REQUEST,
                "This sign-in is no longer valid",
                "It took too long, was used already, or started in another browser. \
                 If you are not signed in, please start again.",
            ),
            Self::Repeated => (
                StatusCode::CONFLICT,
                "You are being signed in",
                "This page was opened twice, and the first time is not over. Please wait, then continue.",
            ),
            Self::Malformed => (
                StatusCode::BAD_REQUEST,
                "This sign-in could not be read",
                "The data that arrived here is damaged or incomplete. Please start again.",
            ),
            Self::ReturnTo => (
                StatusCode::BAD_REQUEST,
                "This link leads to another site",
                "After the sign-in, you would come to another site. Please start from this site instead.",
            ),
            Self::NoVisit => (
                StatusCode::FORBIDDEN,
                "Please open this page yourself",
                "A program or another page loaded this page for you. Please start from this site.",
            ),
            Self::UnknownClient => (
                StatusCode::NOT_FOUND,
                "This way to sign in does not exist",
                "Please choose another way to sign in.",
            ),
            Self::Provider => (
                StatusCode::BAD_GATEWAY,
                "The provider could not sign you in",
                "It sent no usable response. You did nothing wrong. Please try again in a few minutes.",
            ),
            Self::Setup => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "Sign-in is not set up correctly",
                "You did nothing wrong. Trying again does not help. Please tell the operator of this site.",
            ),
        }
    }
}

impl LoginRejection {
    /// What kept the person from signing in.
    pub fn fault(&self) -> LoginFault {
        self.inner.fault
    }

    /// The library's error, if there is one. It is for the operator; do not show it on a page.
    pub fn error(&self) -> Option<&Error> {
        self.inner.error.as_ref()
    }

    /// The tokens, if the login failed only when the identity was requested. The code is spent: request the identity again with
    /// [`Client::identity`](vouchsafe::Client::identity), or revoke the tokens.
    pub fn tokens(&self) -> Option<&Tokens> {
        self.inner.tokens.as_ref()
    }

    /// The path to send the browser to, as [`LoggedIn::return_to`](crate::LoggedIn::return_to). `None` if the response belongs to
    /// no login of this browser.
    pub fn return_to(&self) -> Option<&str> {
        self.inner.return_to.as_deref()
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        if self.goes_on().is_some() { StatusCode::SEE_OTHER } else { self.inner.fault.words().0 }
    }

    /// The path at which the visitor goes on signed out, after a silent sign-in that failed.
    fn goes_on(&self) -> Option<&str> {
        let goes_on = self.inner.is_silent && self.fault() == LoginFault::InteractionRequired;
        self.return_to().filter(|_| goes_on)
    }

    fn new(fault: LoginFault, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = detail.into();
        let (error, tokens, link, return_to) = (None, None, None, None);
        let (language, is_silent, is_repetition, is_reported) = (Language::default(), false, false, false);
        Self {
            inner: Box::new(Inner {
                fault,
                detail,
                error,
                tokens,
                link,
                return_to,
                language,
                is_silent,
                is_repetition,
                is_reported,
            }),
        }
    }

    pub(crate) fn stale() -> Self {
        Self::new(
            LoginFault::Stale,
            "no login of this browser has this state and this redirect URI: its cookie expired, was used or is in \
             another browser",
        )
    }

    /// Whether another request of this browser sent the code of the login, or is about to.
    pub(crate) fn is_repetition(&self) -> bool {
        self.inner.is_repetition
    }

    fn of_repetition(mut self) -> Self {
        self.inner.is_repetition = true;
        self
    }

    pub(crate) fn spent() -> Self {
        Self::new(
            LoginFault::Stale,
            "another request sent the code of this login, and ended before this one: the browser has to start a new \
             login",
        )
        .of_repetition()
    }

    pub(crate) fn repeated() -> Self {
        let detail = "the browser sent the response twice: another request is finishing this login";
        Self::new(LoginFault::Repeated, detail).of_repetition()
    }

    /// Sets the language of the page.
    pub(crate) fn in_language(mut self, language: Language) -> Self {
        self.inner.language = language;
        self
    }

    /// Adds what is known of the login that ended: where it leads, and whether it was silent.
    pub(crate) fn of_login(mut self, return_to: &str, is_silent: bool) -> Self {
        self.inner.return_to = Some(return_to.to_owned());
        self.inner.is_silent = is_silent;
        self
    }

    /// A form or a query that cannot be read.
    pub(crate) fn malformed(detail: &'static str) -> Self {
        Self::new(LoginFault::Malformed, detail)
    }

    pub(crate) fn foreign_return_to() -> Self {
        let detail = "the path to return to is not a path of this site, or is longer than the login cookie has \
                      room for";
        Self::new(LoginFault::ReturnTo, detail)
    }

    pub(crate) fn no_visit() -> Self {
        let detail = "the request was not made by a person who opens the page: a login needs a GET or POST request \
                      that is not a prefetch, and starts only in a window (Sec-Fetch-Dest)";
        Self::new(LoginFault::NoVisit, detail)
    }

    pub(crate) fn unknown_client() -> Self {
        Self::new(LoginFault::UnknownClient, "there is no client of that name: add it with Logins::with")
    }

    pub(crate) fn setup(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(LoginFault::Setup, detail)
    }

    pub(crate) fn no_cookie() -> Self {
        Self::setup("the login cookie could not be sealed: check that this machine provides random numbers")
    }

    pub(crate) fn without_identity(error: Error, tokens: Tokens) -> Self {
        let mut rejection = Self::from(error);
        rejection.inner.tokens = Some(tokens);
        rejection
    }

    /// Reports the rejection in the log, and adds the path that the page links to.
    pub(crate) fn reported(mut self, retry_at: Option<&str>) -> Self {
        self.report();
        self.inner.link = self.inner.link.or_else(|| retry_at.map(str::to_owned));
        self
    }

    /// Reports the rejection in the log, once.
    fn report(&mut self) {
        if std::mem::replace(&mut self.inner.is_reported, true) {
            return;
        }
        let (fault, reason) = (self.inner.fault, self.to_string());
        match fault {
            LoginFault::Provider | LoginFault::Setup => {
                tracing::warn!(target: LOG, ?fault, reason, "nobody was signed in");
            }
            _ => tracing::info!(target: LOG, ?fault, reason, "nobody was signed in"),
        }
    }

    /// The page that tells people what to do. It reports the rejection in the log, if that was not done before.
    pub fn page(mut self) -> Response<String> {
        // An application's own handler may have made the rejection from an error.
        self.report();
        if let Some(Ok(path)) = self.goes_on().map(HeaderValue::from_str) {
            let mut response = Response::new(String::new());
            *response.status_mut() = StatusCode::SEE_OTHER;
            let no_store = HeaderValue::from_static("no-store");
            response.headers_mut().extend([(LOCATION, path), (CACHE_CONTROL, no_store)]);
            return response;
        }
        let fault = self.fault();
        let (link, label) = match (fault, self.inner.link.as_deref()) {
            (LoginFault::Repeated, _) => (self.return_to().unwrap_or("/"), "Continue"),
            (LoginFault::Setup, _) | (_, None) => ("/", "Go to the start page"),
            (LoginFault::UnknownClient | LoginFault::ReturnTo | LoginFault::NoVisit, Some(path)) => {
                (path, "Go to sign-in")
            }
            (_, Some(path)) => (path, "Try again"),
        };
        let (status, title, advice) = fault.words();
        let language = self.inner.language;
        let [title, advice, label] = [title, advice, label].map(|words| language.say(words));
        let page = PAGE.replace("{lang}", language.tag()).replace("{style}", STYLE);
        let page = page.replace("{title}", title).replace("{advice}", advice).replace("{label}", label);
        let mut response = Response::new(page.replace("{link}", &escaped(link)));
        *response.status_mut() = status;
        response.headers_mut().extend([
            (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
            // The address of this page may hold a code.
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        ]);
        response
    }
}

impl From<Error> for LoginRejection {
    fn from(error: Error) -> Self {
        let mut rejection = Self::new(LoginFault::of(&error), "");
        rejection.inner.error = Some(error);
        rejection
    }
}

impl fmt::Display for LoginRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.inner.error {
            Some(error) => error.fmt(f),
            None => f.write_str(&self.inner.detail),
        }
    }
}

impl std::error::Error for LoginRejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.error.as_ref().and_then(std::error::Error::source)
    }
}

/// The errors of a request that forbids the provider to show a page (OpenID Connect Core section 3.1.2.6).
const INTERACTION_REQUIRED: [&str; 4] =
    ["login_required", "interaction_required", "consent_required", "account_selection_required"];

/// The target of this crate's events.
const LOG: &str = "vouchsafe_web";

const PAGE: &str = include_str!("rejection.html");
const STYLE: &str = include_str!("rejection.css");

/// Allows this one style sheet, by its hash, and nothing else.
const POLICY: &str = "default-src 'none'; \
                      style-src 'sha256-P899ARDaIuF4F/+mXN3t44i8jGqKiu2xCzP+GwX0U/0='; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::LoginFault::*;
    use super::*;

    #[test]
    fn every_sentence_has_every_language() {
        let all = [
            Denied,
            InteractionRequired,
            Stale,
            Repeated,
            Malformed,
            ReturnTo,
            NoVisit,
            UnknownClient,
            Provider,
            Setup,
        ];
        for (_, title, advice) in all.map(LoginFault::words) {
            for text in [title, advice, "Continue", "Go to the start page", "Go to sign-in", "Try again"] {
                for language in Language::ALL.into_iter().skip(1) {
                    assert_ne!(language.say(text), text, "{language:?}");
                }
            }
        }
    }

    #[test]
    fn the_policy_allows_the_style_sheet() {
        let hash = STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()));
        assert!(POLICY.contains(&format!("style-src 'sha256-{hash}';")), "the hash is now {hash}");
    }
}
