use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use aws_lc_rs::digest;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_FRAME_OPTIONS};
use http::{HeaderName, HeaderValue, StatusCode};
use vouchsafe::error::{Check, Operation};
use vouchsafe::{Error, ErrorCode};

use crate::cookie::MAX_COOKIE;
use crate::logins::Logins;

/// Why nobody signed in. As a response it is a page that tells people what to do.
///
/// The page says nothing of the reason. What the library says, its `Display`, is for the operator: it may name hosts of your
/// network, and quote the provider. It goes to the log, as one event of the crate [tracing] with the target
/// `vouchsafe_axum` for each rejection: a warning where [`LoginFault::Provider`] or [`LoginFault::Setup`] kept somebody from
/// signing in, for information else. No event holds a secret. A program that shows no events loses the reason; with the
/// crate `tracing-subscriber`, one line at the start of `main` shows them:
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
    retry_at: Option<String>,
    is_told: bool,
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
    /// What was posted to the redirect URI is no form, or is too large: no provider sent it. Status 400.
    Malformed,
    /// The path to return to is not one of this site, or is too long. Status 400.
    ReturnTo,
    /// Nobody opened the page: the request was a `HEAD`, was for an image or a frame, or looked ahead (a prefetch).
    /// Nothing was started and nothing was spent. Status 403.
    NoVisit,
    /// There is no client of that name. Status 404.
    UnknownClient,
    /// The provider gave no usable answer, or one that is not to be trusted. Status 502.
    Provider,
    /// The application is not set up right. Its operator has to act. Status 500.
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
            // What else is wrong with a response came from the provider, or from somebody who passes for it.
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
            Self::ReturnTo => "This link leads somewhere else",
            Self::NoVisit => "Please open this page yourself",
            Self::UnknownClient => "There is no such way to sign in",
            Self::Provider => "The provider could not sign you in",
            Self::Setup => "Sign-in is not set up right",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Denied => {
                "The provider was told not to share your account, and nothing was shared. If you did not mean to cancel, \
                 you can try again."
            }
            Self::Stale => {
                "It took too long, was used already, or was started in another browser. Nothing was lost: \
                 please start again."
            }
            Self::Malformed => "What arrived here is not what a provider sends. Please start again.",
            Self::ReturnTo => {
                "After signing in it would have taken you to another site, so it was stopped here. \
                 Please start from this site instead."
            }
            Self::NoVisit => {
                "Signing in starts when you open a page, not when another page or a program looks at it. \
                 Please start from this site."
            }
            Self::UnknownClient => "Please choose another one.",
            Self::Provider => {
                "It did not answer as it should. You did nothing wrong: please try again in a few minutes."
            }
            Self::Setup => {
                "You did nothing wrong, and trying again will not help. Whoever runs this site has to mend it."
            }
        }
    }
}

impl LoginRejection {
    /// What kept them from signing in.
    pub fn fault(&self) -> LoginFault {
        self.inner.fault
    }

    /// The library's error, where there is one. It is for the operator, and for no page.
    pub fn error(&self) -> Option<&Error> {
        self.inner.error.as_ref()
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        self.inner.fault.status()
    }

    fn new(fault: LoginFault, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            inner: Box::new(Inner {
                fault,
                detail: detail.into(),
                error: None,
                retry_at: None,
                is_told: false,
            }),
        }
    }

    pub(crate) fn stale() -> Self {
        let detail = "the response belongs to no login of this browser that returns to this redirect URI";
        Self::new(LoginFault::Stale, detail)
    }

    pub(crate) fn no_form() -> Self {
        let detail = "what was posted to the redirect URI is not a form (application/x-www-form-urlencoded)";
        Self::new(LoginFault::Malformed, detail)
    }

    pub(crate) fn no_whole_form() -> Self {
        let detail = "what was posted to the redirect URI is too large, or did not come to its end";
        Self::new(LoginFault::Malformed, detail)
    }

    pub(crate) fn return_to() -> Self {
        let detail = "the path to return to is not a path of this site, or is longer than the login cookie has room for";
        Self::new(LoginFault::ReturnTo, detail)
    }

    pub(crate) fn no_visit() -> Self {
        let detail = "nobody opened the page: a login starts and ends with a GET or a POST, and not with a prefetch; \
                      it starts only in a window (Sec-Fetch-Dest), if the browser says so";
        Self::new(LoginFault::NoVisit, detail)
    }

    pub(crate) fn unknown_client() -> Self {
        Self::new(LoginFault::UnknownClient, "there is no client of that name")
    }

    pub(crate) fn no_layer() -> Self {
        Self::new(LoginFault::Setup, "the route is not inside the layer: add .layer(logins) to the router")
    }

    pub(crate) fn shared_redirect_uri(name: &str, other: &str) -> Self {
        let detail = format!(
            "the login at {name:?} returns to a redirect URI that responses to other logins, at {other:?}, may come to \
             as well: give each provider a redirect URI of its own, with a path of its own"
        );
        Self::new(LoginFault::Setup, detail)
    }

    pub(crate) fn unknown_redirect_uri(name: &str) -> Self {
        let detail = format!(
            "the login at {name:?} returns to another redirect URI than that of its registration: where there are \
             several providers, or it differs in the host alone, name it with Logins::redirect_uri, so that no other \
             login has it too"
        );
        Self::new(LoginFault::Setup, detail)
    }

    pub(crate) fn cookie_cannot_be_made() -> Self {
        Self::new(LoginFault::Setup, "the login cookie cannot be sealed")
    }

    pub(crate) fn too_large() -> Self {
        let detail = format!(
            "the login does not fit into a cookie of {MAX_COOKIE} bytes: ask for fewer scopes, or keep less data in it"
        );
        Self::new(LoginFault::Setup, detail)
    }

    /// Tells the operator, and completes the page with what these logins say of it.
    pub(crate) fn told(mut self, logins: Option<&Logins>) -> Self {
        self.tell();
        self.inner.retry_at = logins.and_then(Logins::retry_path).map(str::to_owned);
        self
    }

    /// Tells the operator, once.
    fn tell(&mut self) {
        if std::mem::replace(&mut self.inner.is_told, true) {
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
}

impl From<Error> for LoginRejection {
    fn from(error: Error) -> Self {
        let fault = LoginFault::of(&error);
        let detail = Cow::Borrowed("");
        Self { inner: Box::new(Inner { fault, detail, error: Some(error), retry_at: None, is_told: false }) }
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

impl IntoResponse for LoginRejection {
    fn into_response(mut self) -> Response {
        // An application's own handler may have made it of an error.
        self.tell();
        let fault = self.fault();
        let (link, label) = match (fault, self.inner.retry_at.as_deref()) {
            (LoginFault::Setup, _) | (_, None) => ("/", "Go to the start page"),
            (LoginFault::UnknownClient | LoginFault::ReturnTo | LoginFault::NoVisit, Some(path)) => {
                (path, "Go to sign-in")
            }
            (_, Some(path)) => (path, "Try again"),
        };
        let page = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"color-scheme\" content=\"light dark\"><style>{STYLE}</style></head>\
             <body><main><h1>{title}</h1><p>{advice}</p><p><a href=\"{link}\">{label}</a></p>\
             </main></body></html>\n",
            title = fault.title(),
            advice = fault.advice(),
            link = escaped(link),
        );
        let headers: [(HeaderName, HeaderValue); 5] = [
            (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (CONTENT_SECURITY_POLICY, POLICY.clone()),
            // The address of this page may hold a code.
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        ];
        (fault.status(), headers, page).into_response()
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

/// What the events of this crate go by.
const LOG: &str = "vouchsafe_axum";

/// Nothing from anywhere but this one style sheet.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    // Base64 is visible ASCII.
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

const STYLE: &str = include_str!("rejection.css");
