//! Why nobody signed in: the reason, the log and the page.
use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_FRAME_OPTIONS};
use http::{HeaderValue, Response, StatusCode};
use vouchsafe::error::{Check, Operation};
use vouchsafe::{Error, ErrorCode, Tokens};

use crate::web::cookie::MAX_COOKIE;

/// Why nobody signed in. As a response it is a page that tells people what to do.
///
/// The page does not show the reason. The reason, which is the `Display` of the rejection, is for the operator: it may name
/// hosts of your network and quote the provider. It goes to the log, as one event of the crate [tracing] for each rejection,
/// with the target `vouchsafe_axum`: a warning for [`LoginFault::Provider`] and [`LoginFault::Setup`], otherwise for
/// information. No event holds a secret. If the program shows no events, the reason is lost; with the crate
/// `tracing-subscriber`, one line at the start of `main` shows them:
///
/// ```text
/// tracing_subscriber::fmt::init();
/// ```
///
/// [tracing]: https://docs.rs/tracing
#[derive(Clone)]
pub struct LoginRejection {
    inner: Box<Inner>,
}

#[derive(Clone)]
struct Inner {
    fault: LoginFault,
    detail: Cow<'static, str>,
    error: Option<Error>,
    tokens: Option<Tokens>,
    retry_at: Option<String>,
    is_reported: bool,
}

/// What kept somebody from signing in, sorted by who has to act.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum LoginFault {
    /// The person, or the provider on their behalf, declined. Status 403.
    Denied,
    /// The response belongs to no login of this browser: it was forged, comes from another browser, took too long, or
    /// was used already. The person has to start again. Status 400.
    Stale,
    /// The body posted to the redirect URI is not a form, or is too large: no provider sent it. Status 400.
    Malformed,
    /// The path to return to is not a path of this site, or is too long. Status 400.
    ReturnTo,
    /// Nobody opened the page: the request was a `HEAD`, for an image or a frame, or a prefetch. No login was started,
    /// and no code was spent. Status 403.
    NoVisit,
    /// There is no client of that name. Status 404.
    UnknownClient,
    /// The provider sent no usable response, or one that cannot be trusted. Status 502.
    Provider,
    /// The application is not set up correctly. Its operator has to act. Status 500.
    Setup,
}

impl LoginFault {
    fn of(error: &Error) -> Self {
        match error {
            Error::Server(_) if error.is_denied() => Self::Denied,
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

    fn status(self) -> StatusCode {
        match self {
            Self::Denied | Self::NoVisit => StatusCode::FORBIDDEN,
            Self::Stale | Self::Malformed | Self::ReturnTo => StatusCode::BAD_REQUEST,
            Self::UnknownClient => StatusCode::NOT_FOUND,
            Self::Provider => StatusCode::BAD_GATEWAY,
            Self::Setup => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Denied => "You were not signed in",
            Self::Stale => "This sign-in is no longer valid",
            Self::Malformed => "This sign-in could not be read",
            Self::ReturnTo => "This link leads to another site",
            Self::NoVisit => "Please open this page yourself",
            Self::UnknownClient => "This way to sign in does not exist",
            Self::Provider => "The provider could not sign you in",
            Self::Setup => "Sign-in is not set up correctly",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Denied => {
                "You or the provider declined, and your account was not shared. If you did not mean to cancel, you can \
                 try again."
            }
            Self::Stale => {
                "It took too long, was used already, or was started in another browser. Nothing was lost: \
                 please start again."
            }
            Self::Malformed => {
                "The data that arrived here does not come from a provider. Please start again."
            }
            Self::ReturnTo => {
                "After signing in, this link would take you to another site, so it was stopped here. \
                 Please start from this site instead."
            }
            Self::NoVisit => {
                "Sign-in starts when you open its page, not when another page or a program loads it. \
                 Please start from this site."
            }
            Self::UnknownClient => "Please choose another way.",
            Self::Provider => {
                "It sent no usable response. You did nothing wrong: please try again in a few minutes."
            }
            Self::Setup => {
                "You did nothing wrong, and trying again will not help. The operator of this site has to fix it."
            }
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

    /// The tokens, if the provider gave some and only the identity could not be found out. The code is spent: ask for the
    /// identity again with [`Client::identity`](vouchsafe::Client::identity), or revoke them.
    pub fn tokens(&self) -> Option<&Tokens> {
        self.inner.tokens.as_ref()
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        self.inner.fault.status()
    }

    fn new(fault: LoginFault, detail: impl Into<Cow<'static, str>>) -> Self {
        let (detail, error, tokens, retry_at) = (detail.into(), None, None, None);
        Self { inner: Box::new(Inner { fault, detail, error, tokens, retry_at, is_reported: false }) }
    }

    pub(crate) fn stale() -> Self {
        let detail = "the response belongs to no login of this browser that returns to this redirect URI";
        Self::new(LoginFault::Stale, detail)
    }

    pub(crate) fn no_form() -> Self {
        let detail = "the body posted to the redirect URI is not a form (application/x-www-form-urlencoded)";
        Self::new(LoginFault::Malformed, detail)
    }

    pub(crate) fn no_whole_form() -> Self {
        let detail = "the form posted to the redirect URI is too large, or did not come to its end";
        Self::new(LoginFault::Malformed, detail)
    }

    pub(crate) fn return_to() -> Self {
        let detail = "the path to return to is not a path of this site, or is longer than the login cookie has room for";
        Self::new(LoginFault::ReturnTo, detail)
    }

    pub(crate) fn no_visit() -> Self {
        let detail = "nobody opened the page: a login starts and ends with a GET or POST request that is not a prefetch, \
                      and starts only in a window (Sec-Fetch-Dest), if the browser says so";
        Self::new(LoginFault::NoVisit, detail)
    }

    pub(crate) fn unknown_client() -> Self {
        Self::new(LoginFault::UnknownClient, "there is no client of that name: add it with Logins::with")
    }

    pub(crate) fn no_layer() -> Self {
        Self::new(LoginFault::Setup, "the route is not inside the layer: add .layer(logins) to the router")
    }

    pub(crate) fn shared_redirect_uri(name: &str, other: &str) -> Self {
        let detail = format!(
            "responses to logins at {other:?} may arrive at the redirect URI of the login at {name:?} as well: give each \
             provider a redirect URI of its own, with a path of its own"
        );
        Self::new(LoginFault::Setup, detail)
    }

    pub(crate) fn unknown_redirect_uri(name: &str) -> Self {
        let detail = format!(
            "the redirect URI of the login at {name:?} is not the one of its registration: if there are several \
             providers, or if it differs in the host alone, name it with Logins::redirect_uri, so that no other login \
             uses it"
        );
        Self::new(LoginFault::Setup, detail)
    }

    pub(crate) fn no_cookie() -> Self {
        let detail = "the login cookie could not be sealed: does this machine have random numbers?";
        Self::new(LoginFault::Setup, detail)
    }

    pub(crate) fn too_large() -> Self {
        let detail = format!(
            "the login does not fit into a cookie of {MAX_COOKIE} bytes: ask for fewer scopes, or keep less data in it"
        );
        Self::new(LoginFault::Setup, detail)
    }

    pub(crate) fn without_identity(error: Error, tokens: Tokens) -> Self {
        let mut rejection = Self::from(error);
        rejection.inner.tokens = Some(tokens);
        rejection
    }

    /// Reports the rejection in the log, and adds the path that the page links to.
    pub(crate) fn reported(mut self, retry_at: Option<&str>) -> Self {
        self.report();
        self.inner.retry_at = retry_at.map(str::to_owned);
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

    /// The page.
    pub(crate) fn page(mut self) -> Response<String> {
        // An application's own handler may have made the rejection from an error.
        self.report();
        let fault = self.fault();
        let (link, label) = match (fault, self.inner.retry_at.as_deref()) {
            (LoginFault::Setup, _) | (_, None) => ("/", "Go to the start page"),
            (LoginFault::UnknownClient | LoginFault::ReturnTo | LoginFault::NoVisit, Some(path)) => {
                (path, "Go to sign-in")
            }
            (_, Some(path)) => (path, "Try again"),
        };
        let mut response = Response::new(format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"color-scheme\" content=\"light dark\"><style>{STYLE}</style></head>\
             <body><main><h1>{title}</h1><p>{advice}</p><p><a href=\"{link}\">{label}</a></p>\
             </main></body></html>\n",
            title = fault.title(),
            advice = fault.advice(),
            link = escaped(link),
        ));
        *response.status_mut() = fault.status();
        response.headers_mut().extend([
            (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (CONTENT_SECURITY_POLICY, POLICY.clone()),
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

impl fmt::Debug for LoginRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { fault, detail, error, .. } = &*self.inner;
        let mut debug = f.debug_struct("LoginRejection");
        debug.field("fault", fault).field("detail", detail).field("error", error).finish_non_exhaustive()
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The target of this crate's events.
const LOG: &str = "vouchsafe_axum";

/// Allows nothing but this one style sheet.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    // Base64 is visible ASCII.
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

const STYLE: &str = include_str!("rejection.css");
