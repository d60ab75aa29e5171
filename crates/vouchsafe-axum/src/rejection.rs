use std::fmt;
use std::sync::LazyLock;

use aws_lc_rs::digest;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_FRAME_OPTIONS};
use http::{HeaderName, HeaderValue, StatusCode};
use vouchsafe::{Error, ErrorCode, Operation};

use crate::logins::Logins;

/// Why nobody signed in. As a response it is a page that tells people what to do.
#[derive(Clone, Debug)]
pub struct LoginRejection {
    inner: Box<Inner>,
}

#[derive(Clone, Debug)]
struct Inner {
    fault: LoginFault,
    detail: Option<&'static str>,
    error: Option<Error>,
    retry_at: Option<String>,
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
    /// The path to return to is not one of this site. Status 400.
    ReturnTo,
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
            Error::Validation(_) if error.operation() == Operation::Authorization => Self::Stale,
            Error::Config(_) | Error::Unsupported(_) => Self::Setup,
            _ => Self::Provider,
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Denied => StatusCode::FORBIDDEN,
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

    /// What the library says, where it was asked.
    pub fn error(&self) -> Option<&Error> {
        self.inner.error.as_ref()
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        self.inner.fault.status()
    }

    fn new(fault: LoginFault, detail: &'static str) -> Self {
        Self { inner: Box::new(Inner { fault, detail: Some(detail), error: None, retry_at: None }) }
    }

    pub(crate) fn stale() -> Self {
        Self::new(LoginFault::Stale, "the response belongs to no login of this browser")
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
        Self::new(LoginFault::ReturnTo, "the path to return to is not a path of this site")
    }

    pub(crate) fn unknown_client() -> Self {
        Self::new(LoginFault::UnknownClient, "there is no client of that name")
    }

    pub(crate) fn no_layer() -> Self {
        Self::new(LoginFault::Setup, "the route is not inside the layer: add .layer(logins) to the router")
    }

    pub(crate) fn cookie_cannot_be_made() -> Self {
        let detail = "the login does not fit into a cookie: ask for fewer scopes, or keep less data in it";
        Self::new(LoginFault::Setup, detail)
    }

    pub(crate) fn retry_at(mut self, logins: &Logins) -> Self {
        self.inner.retry_at = logins.retry_path().map(str::to_owned);
        self
    }
}

impl From<Error> for LoginRejection {
    fn from(error: Error) -> Self {
        let fault = LoginFault::of(&error);
        Self { inner: Box::new(Inner { fault, detail: None, error: Some(error), retry_at: None }) }
    }
}

impl fmt::Display for LoginRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.inner.error, self.inner.detail) {
            (Some(error), _) => error.fmt(f),
            (None, detail) => f.write_str(detail.unwrap_or_default()),
        }
    }
}

impl std::error::Error for LoginRejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.error.as_ref().and_then(std::error::Error::source)
    }
}

impl IntoResponse for LoginRejection {
    fn into_response(self) -> Response {
        let fault = self.fault();
        let (link, label) = match (fault, self.inner.retry_at.as_deref()) {
            (LoginFault::Setup, _) | (_, None) => ("/", "Go to the start page"),
            (LoginFault::UnknownClient | LoginFault::ReturnTo, Some(path)) => (path, "Go to sign-in"),
            (_, Some(path)) => (path, "Try again"),
        };
        let page = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"color-scheme\" content=\"light dark\"><style>{STYLE}</style></head>\
             <body><main><h1>{title}</h1><p>{advice}</p><p><a href=\"{link}\">{label}</a></p>\
             <p class=\"detail\">For whoever runs this site: {detail}</p></main></body></html>\n",
            title = fault.title(),
            advice = fault.advice(),
            link = escaped(link),
            detail = escaped(&self.to_string()),
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
