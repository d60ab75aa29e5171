//! A user who clicks through the pages, for tests without a browser.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Mutex;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use axum::response::Response;
use tower::ServiceExt as _;
use url::form_urlencoded::Serializer;

use crate::pages::Shown;
use crate::wire::{ensure, lock};

/// A user who clicks through the pages of the sandbox, for tests without a browser. From
/// [`Sandbox::person`](crate::Sandbox::person).
///
/// A person uses the same routes as a browser, without the network, and keeps cookies: at the second visit the user is
/// signed in already, and is not asked again for a consent that was given.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use vouchsafe_sandbox::Sandbox;
///
/// let sandbox = Sandbox::start().await?;
/// let url = format!(
///     "{}/authorize?response_type=code&client_id={}&redirect_uri=http://127.0.0.1:3000/cb&scope=openid&state=xyz",
///     sandbox.issuer(),
///     sandbox.client_id(),
/// );
/// let callback = sandbox.person("alice").allow(&url).await?;
/// assert!(callback.starts_with("http://127.0.0.1:3000/cb?code="));
/// # Ok(()) }
/// ```
pub struct Person {
    username: String,
    issuer: String,
    router: Router,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl Person {
    pub(crate) fn new(username: String, issuer: String, router: Router) -> Self {
        Self { username, issuer, router, cookies: Mutex::default() }
    }

    /// Follows an authorization URL, signs in and allows the request.
    ///
    /// Returns the URL that the browser would open next: the redirect URI with `code`, `state` and `iss`, or with `error`
    /// if the sandbox refuses the request.
    ///
    /// If the response is a form (`response_mode=form_post`), a browser would post it. Here the form is returned as the
    /// query of the redirect URI.
    ///
    /// # Errors
    /// [`PersonError`] if the sandbox does not redirect.
    pub async fn allow(&self, authorization_url: &str) -> Result<String, PersonError> {
        self.walk(authorization_url, "allow").await
    }

    /// Follows an authorization URL, signs in and denies the request.
    ///
    /// # Errors
    /// [`PersonError`] if the sandbox does not redirect; [`PersonError::NotAsked`] if it asked for no decision.
    pub async fn deny(&self, authorization_url: &str) -> Result<String, PersonError> {
        self.walk(authorization_url, "deny").await
    }

    /// Opens the `verification_uri_complete` of a device, confirms its code, signs in and allows the request.
    ///
    /// # Errors
    /// [`PersonError`] if the code is missing, unknown, used or expired.
    pub async fn allow_device(&self, verification_uri_complete: &str) -> Result<(), PersonError> {
        self.walk(verification_uri_complete, "allow").await.map(drop)
    }

    /// Does the same, and denies the request.
    ///
    /// # Errors
    /// [`PersonError`] if the code is missing, unknown, used or expired.
    pub async fn deny_device(&self, verification_uri_complete: &str) -> Result<(), PersonError> {
        self.walk(verification_uri_complete, "deny").await.map(drop)
    }

    /// Opens a URL of the sandbox, such as one of the logout endpoint, with this person's cookies, and signs out if a page
    /// asks. Returns the URL outside the sandbox that it leads to, or `None` if it ends on a page.
    ///
    /// # Errors
    /// [`PersonError::Foreign`] or [`PersonError::Refused`].
    pub async fn sign_out(&self, end_session_url: &str) -> Result<Option<String>, PersonError> {
        match self.walk(end_session_url, "").await {
            Ok(url) => Ok(Some(url)),
            Err(PersonError::NotAsked) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn walk(&self, url: &str, decision: &str) -> Result<String, PersonError> {
        let path = self.path_of(url).ok_or_else(|| PersonError::Foreign(url.to_owned()))?;
        let mut asked = false;
        let mut response = self.send(path, &[]).await?;
        // Login, consent and their redirects are five steps. More would be a loop.
        for _ in 0..MAX_STEPS {
            if let Some(location) = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()) {
                let location = location.to_owned();
                match self.path_of(&location) {
                    Some(path) => response = self.send(path, &[]).await?,
                    None => return self.leave(location, asked, decision),
                }
                continue;
            }
            match response.extensions().get::<Shown>().cloned() {
                Some(Shown::Form(path, field, value)) => {
                    asked |= path == "/consent";
                    // A form ignores the fields that it does not have.
                    let form = [(field, value.as_str()), ("user", &self.username), ("decision", decision)];
                    response = self.send(path, &form).await?;
                }
                Some(Shown::Leave(url)) => return self.leave(url, asked, decision),
                Some(Shown::Problem(message)) => {
                    return Err(PersonError::Refused { status: response.status().as_u16(), message });
                }
                None => return Err(PersonError::NotAsked),
            }
        }
        Err(PersonError::NotAsked)
    }

    /// The end of a walk. A person who wanted to deny must have been asked.
    fn leave(&self, url: String, asked: bool, decision: &str) -> Result<String, PersonError> {
        ensure(asked || decision != "deny" || !url.contains("code="), PersonError::NotAsked)?;
        Ok(url)
    }

    /// Opens a page, or posts a form that has fields.
    async fn send(&self, path: &str, form: &[(&str, &str)]) -> Result<Response, PersonError> {
        let body = Serializer::new(String::new()).extend_pairs(form).finish();
        let host = self.issuer.trim_start_matches("http://");
        let mut request = Request::builder().uri(path).header(HOST, host);
        if !form.is_empty() {
            request = request.method("POST").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let cookies = self.cookie_header();
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies);
        }
        let request = request.body(Body::from(body)).map_err(|_| PersonError::Foreign(path.to_owned()))?;
        let Ok(response) = self.router.clone().oneshot(request).await;
        self.keep_cookies(&response);
        Ok(response)
    }

    /// The path and query, if the URL is one of the sandbox.
    fn path_of<'a>(&self, url: &'a str) -> Option<&'a str> {
        let path = if url.starts_with('/') { url } else { url.strip_prefix(&self.issuer)? };
        path.starts_with('/').then_some(path)
    }

    fn cookie_header(&self) -> String {
        lock(&self.cookies)
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("; ")
    }

    fn keep_cookies(&self, response: &Response) {
        let mut cookies = lock(&self.cookies);
        for cookie in response.headers().get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let Some((name, value)) = pair.split_once('=') else { continue };
            if attributes.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person").field("username", &self.username).finish_non_exhaustive()
    }
}

/// The reason why a [`Person`] did not return to the application.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PersonError {
    /// The URL is not one of this sandbox.
    Foreign(String),
    /// The sandbox showed an error page instead of a redirect.
    Refused {
        /// The HTTP status of the page.
        status: u16,
        /// The message on the page.
        message: String,
    },
    /// The sandbox asked for no decision: it was made before, or the URL is not an authorization request.
    NotAsked,
}

impl fmt::Display for PersonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(url) => write!(f, "not a URL of this sandbox: {url}"),
            Self::Refused { status, message } => {
                write!(f, "the sandbox showed an error page ({status}): {message}")
            }
            Self::NotAsked => f.write_str("the sandbox asked for no decision"),
        }
    }
}

impl Error for PersonError {}

const MAX_STEPS: usize = 8;
