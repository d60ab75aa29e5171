use std::io;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Map, Value, json};

use crate::config::User;
use crate::routes::json;
use crate::server::Shared;
use crate::store::Store;

/// Something that goes wrong at a provider, on demand: at the sandbox's own endpoints and at those of every act.
///
/// Switched on by [`Sandbox::fault`](crate::Sandbox::fault) until further notice, by
/// [`Sandbox::fault_once`](crate::Sandbox::fault_once) for the next request that it can happen to, and for one login by
/// signing in as a user who is named after it, such as `fault-slow`; the login page has a list.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// The token endpoint takes this long to answer.
    Slow(Duration),
    /// The token endpoint says 429 and, by `Retry-After`, to wait for a second. Nothing is redeemed.
    TooManyRequests,
    /// The token endpoint says 500. Nothing is redeemed.
    ServerError,
    /// The token endpoint refuses with this error code, in the shape that the provider's refusals have. Nothing is
    /// redeemed.
    Refused(String),
    /// The token endpoint says 200 and sends a page for people, as a proxy or a captive portal does.
    Html,
    /// The token endpoint announces a longer body than it sends, and closes the connection.
    CutBody,
    /// The authorization response has another provider's issuer in `iss` (RFC 9207).
    WrongIssuer,
    /// The ID token is from another issuer.
    WrongIdTokenIssuer,
    /// The ID token has the nonce of another login.
    WrongNonce,
    /// The ID token expired an hour ago.
    ExpiredIdToken,
    /// The signing keys are replaced when tokens are asked for: the ID token is signed by a key that nobody can have
    /// seen before.
    RotatedKey,
    /// A refresh token is refused as one that was used before.
    ReusedRefreshToken,
    /// The user denies, whatever they click.
    DeniedConsent,
    /// Nobody vouches for the user's e-mail address.
    UnverifiedEmail,
}

impl Fault {
    /// It happens to ID tokens alone.
    pub(crate) fn is_of_id_tokens(&self) -> bool {
        matches!(self, Self::WrongIdTokenIssuer | Self::WrongNonce | Self::ExpiredIdToken | Self::RotatedKey)
    }

    fn at_the_wire(&self) -> bool {
        matches!(self, Self::TooManyRequests | Self::ServerError | Self::Html | Self::CutBody)
    }
}

/// The faults that are switched on.
#[derive(Default)]
pub(crate) struct Faults(Mutex<Switched>);

#[derive(Default)]
struct Switched {
    standing: Vec<Fault>,
    once: Vec<Fault>,
}

impl Faults {
    pub(crate) fn stand(&self, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).standing.push(fault);
    }

    pub(crate) fn once(&self, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).once.push(fault);
    }

    pub(crate) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Switched::default();
    }

    /// The first fault of this kind that is switched on, or that the user is named after. One that is for once is
    /// used up by this.
    pub(crate) fn hit(&self, username: Option<&str>, is: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut switched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fault) = switched.standing.iter().find(|fault| is(fault)) {
            return Some(fault.clone());
        }
        if let Some(fault) = username.and_then(named_after).filter(|fault| is(fault)) {
            return Some(fault);
        }
        let at = switched.once.iter().position(is)?;
        Some(switched.once.remove(at))
    }
}

/// What goes wrong at the token endpoint before anything is read of the request: an answer in place of its own, or a
/// delay, or new keys.
pub(crate) async fn disturb(shared: &Shared, username: Option<&str>) -> Option<Response> {
    if let Some(Fault::Slow(delay)) = shared.faults.hit(username, |fault| matches!(fault, Fault::Slow(_))) {
        tokio::time::sleep(delay).await;
    }
    if shared.faults.hit(username, |fault| matches!(fault, Fault::RotatedKey)).is_some()
        && shared.rotate_keys().await.is_err()
    {
        return Some(StatusCode::INTERNAL_SERVER_ERROR.into_response());
    }
    Some(match shared.faults.hit(username, Fault::at_the_wire)? {
        Fault::TooManyRequests => {
            let body =
                json!({ "error": "temporarily_unavailable", "error_description": "too many requests" });
            let mut response = json(StatusCode::TOO_MANY_REQUESTS, &body);
            response.headers_mut().insert("retry-after", HeaderValue::from_static("1"));
            response
        }
        Fault::Html => {
            let page = "<!doctype html><title>Welcome</title><p>Please accept the terms of this network.";
            ([("content-type", "text/html; charset=utf-8")], page).into_response()
        }
        Fault::CutBody => cut_body(),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "something broke").into_response(),
    })
}

impl Shared {
    /// The error code that the token endpoint is to refuse with, whatever it is asked.
    pub(crate) fn refused_with(&self, username: Option<&str>) -> Option<String> {
        match self.faults.hit(username, |fault| matches!(fault, Fault::Refused(_)))? {
            Fault::Refused(code) => Some(code),
            _ => None,
        }
    }

    /// Makes the claims of an ID token wrong in the ways that are asked for.
    pub(crate) fn spoil(&self, claims: &mut Map<String, Value>, username: &str) {
        let user = Some(username);
        if self.faults.hit(user, |fault| matches!(fault, Fault::WrongIdTokenIssuer)).is_some() {
            claims.insert("iss".into(), WRONG_ISSUER.into());
        }
        if claims.contains_key("nonce")
            && self.faults.hit(user, |fault| matches!(fault, Fault::WrongNonce)).is_some()
        {
            claims.insert("nonce".into(), "the nonce of another login".into());
        }
        if self.faults.hit(user, |fault| matches!(fault, Fault::ExpiredIdToken)).is_some() {
            let now = self.now();
            claims.insert("iat".into(), now.saturating_sub(2 * 3600).into());
            claims.insert("exp".into(), now.saturating_sub(3600).into());
        }
    }

    /// Whether the sandbox vouches for a user's e-mail address, and is not asked to do otherwise.
    pub(crate) fn email_verified(&self, store: &mut Store, user: &User, grant: &str) -> bool {
        let Some(grant) = store.grants.get_mut(grant).filter(|_| user.email_verified()) else {
            return false;
        };
        // All answers of one login agree with each other: the fault is kept with the grant.
        let is = |fault: &Fault| matches!(fault, Fault::UnverifiedEmail);
        grant.email_unverified |= self.faults.hit(Some(user.username()), is).is_some();
        !grant.email_unverified
    }
}

/// An issuer that nobody asked for.
pub(crate) const WRONG_ISSUER: &str = "https://elsewhere.example";

/// The people who are named after a fault, what it is called on the login page, and what it is.
pub(crate) fn people() -> &'static [(User, &'static str, Fault)] {
    &PEOPLE
}

fn named_after(username: &str) -> Option<Fault> {
    let (.., fault) = PEOPLE.iter().find(|(user, ..)| user.username() == username)?;
    Some(fault.clone())
}

static PEOPLE: LazyLock<Vec<(User, &'static str, Fault)>> = LazyLock::new(|| {
    [
        ("slow", "the token endpoint takes five seconds", Fault::Slow(Duration::from_secs(5))),
        ("too-many-requests", "the token endpoint answers 429", Fault::TooManyRequests),
        ("server-error", "the token endpoint answers 500", Fault::ServerError),
        ("html", "the token endpoint sends a page", Fault::Html),
        ("cut-body", "the token endpoint’s answer breaks off", Fault::CutBody),
        ("wrong-issuer", "the response names another issuer", Fault::WrongIssuer),
        ("wrong-id-token-issuer", "the ID token names another issuer", Fault::WrongIdTokenIssuer),
        ("wrong-nonce", "the ID token has another login’s nonce", Fault::WrongNonce),
        ("expired-id-token", "the ID token has expired", Fault::ExpiredIdToken),
        ("rotated-key", "the ID token is signed by a brand-new key", Fault::RotatedKey),
        ("reused-refresh-token", "refreshing is refused", Fault::ReusedRefreshToken),
        ("denied-consent", "the user denies in any case", Fault::DeniedConsent),
        ("unverified-email", "nobody vouches for the e-mail", Fault::UnverifiedEmail),
    ]
    .into_iter()
    .map(|(name, what, fault)| {
        let username = format!("fault-{name}");
        let email = format!("{username}@example.com");
        (User::new(username).with_name("Fault", name).with_verified_email(email), what, fault)
    })
    .collect()
});

/// A good beginning, and then nothing.
fn cut_body() -> Response {
    let beginning = Bytes::from_static(b"{\"access_token\":\"sandbox-at-cut");
    let parts =
        stream::iter([Ok(beginning), Err(io::Error::other("the body is cut here"))]).then(async |part| {
            if part.is_err() {
                // What was said so far has to be on its way before the connection closes.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            part
        });
    let headers = [("content-type", "application/json"), ("content-length", "4096")];
    (headers, Body::from_stream(parts)).into_response()
}
