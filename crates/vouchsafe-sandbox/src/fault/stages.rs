//! Where faults meet the endpoints.

use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use tokio::time::sleep;
use url::form_urlencoded;

use super::{Endpoint, Strike};
use crate::config::User;
use crate::routes::authorize::AuthorizationRequest;
use crate::sandbox::Shared;
use crate::state::jwt::Jwt;
use crate::state::keys::SigningAlg;
use crate::state::store::Store;
use crate::wire::OAuthError;

/// What a client has asked with.
pub(crate) struct Asked<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

impl Asked<'_> {
    /// Everything in the request that may be a secret: credentials, and the values of the form.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let fields = self.headers.get_all(AUTHORIZATION).iter().filter_map(|value| value.to_str().ok());
        let mut secrets = Vec::new();
        for field in fields {
            let credentials = field.rsplit(' ').next().unwrap_or_default();
            secrets.push(credentials.to_owned());
            let plain = STANDARD.decode(credentials).ok().and_then(|plain| String::from_utf8(plain).ok());
            secrets.extend(plain);
        }
        secrets.extend(form_urlencoded::parse(self.body).map(|(_, value)| value.into_owned()));
        secrets
    }
}

/// An exchange at an endpoint, with what goes wrong on its way: an answer in place of the endpoint's own, or its own
/// answer, late or changed.
pub(crate) async fn exchange(
    shared: &Shared,
    at: Endpoint,
    username: Option<&str>,
    asked: &Asked<'_>,
    answer: impl Future<Output = Response>,
) -> Response {
    let delay = shared.faults.hit(username, |fault, strike| {
        matches!(strike, Strike::Delay).then_some(fault.delay).filter(|_| fault.at == at)
    });
    if let Some(delay) = delay {
        sleep(delay).await;
    }
    let instead = shared.faults.hit(username, |fault, strike| match strike {
        Strike::Answer(answer) | Strike::FirstAnswer(answer) if fault.at == at => Some(*answer),
        _ => None,
    });
    if let Some(instead) = instead {
        return instead(asked);
    }
    let mut response = answer.await;
    let labels = shared.faults.hits(username, |fault, strike| match strike {
        Strike::Label(label) if fault.at == at => Some(*label),
        _ => None,
    });
    for label in labels {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(label));
    }
    let changes = shared.faults.hits(username, |fault, strike| match strike {
        Strike::Body(change) if fault.at == at => Some(*change),
        _ => None,
    });
    if changes.is_empty() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut body = body.to_vec();
    changes.iter().for_each(|change| change(&mut body));
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(body))
}

impl Shared {
    /// Replaces the keys, if that is to happen now.
    pub(crate) async fn maybe_rotate(&self, username: Option<&str>) -> Result<(), OAuthError> {
        let rotation =
            self.faults.hit(username, |_, strike| matches!(strike, Strike::Rotation).then_some(()));
        if rotation.is_some() && self.rotate_keys().await.is_err() {
            return Err(OAuthError::new("server_error", "there are no new keys to be had"));
        }
        Ok(())
    }

    /// Whether the user denies, whatever they click.
    pub(crate) fn denies(&self, username: &str) -> bool {
        self.faults.hit(Some(username), |_, strike| matches!(strike, Strike::Denial).then_some(())).is_some()
    }

    /// Whether refreshing is refused.
    pub(crate) fn refuses_refresh(&self, username: &str) -> bool {
        self.faults
            .hit(Some(username), |_, strike| matches!(strike, Strike::NoRefresh).then_some(()))
            .is_some()
    }

    /// Changes the request that a code is made for.
    pub(crate) fn spoil_code(&self, request: &mut AuthorizationRequest, username: &str) {
        let hits = self.faults.hits(Some(username), |_, strike| match strike {
            Strike::Code(change) => Some(*change),
            _ => None,
        });
        hits.iter().for_each(|change| change(request));
    }

    /// Changes the parameters of an authorization response.
    pub(crate) fn spoil_callback(&self, params: &mut Vec<(String, String)>, username: Option<&str>) {
        let hits = self.faults.hits(username, |_, strike| match strike {
            Strike::Callback(change) => Some(*change),
            _ => None,
        });
        hits.iter().for_each(|change| change(params));
    }

    /// Changes the members of a token answer.
    pub(crate) fn spoil_members(&self, members: &mut Map<String, Value>, username: &str) {
        let hits = self.faults.hits(Some(username), |_, strike| match strike {
            Strike::Members(change) => Some(*change),
            _ => None,
        });
        hits.iter().for_each(|change| change(members));
    }

    /// Signs an ID token, wrong in the ways that are asked for.
    pub(crate) fn sign_id_token(
        &self,
        claims: Map<String, Value>,
        alg: SigningAlg,
        username: &str,
        is_refreshed: bool,
    ) -> Result<String, OAuthError> {
        let keys = self.keys();
        let mut jwt = Jwt::new((&keys, alg), claims, self.now(), &self.issuer);
        let hits = self.faults.hits(Some(username), |_, strike| match strike {
            Strike::IdToken(change) => Some(*change),
            Strike::Refreshed(change) if is_refreshed => Some(*change),
            _ => None,
        });
        hits.iter().for_each(|change| change(&mut jwt));
        self.faults.expect_keys(username);
        jwt.sign().map_err(|_| OAuthError::new("server_error", "the ID token cannot be signed"))
    }

    /// The key set, wrong in the ways that are asked for.
    pub(crate) fn key_set(&self) -> Value {
        let keys = self.keys();
        let mut set = keys.jwks();
        let hits = self.faults.hits(None, |_, strike| match strike {
            Strike::Keys(change) => Some(*change),
            _ => None,
        });
        hits.iter().for_each(|change| change(&mut set, &keys));
        set
    }

    /// Changes the metadata.
    pub(crate) fn spoil_metadata(&self, metadata: &mut Value) {
        let hits = self.faults.hits(None, |_, strike| match strike {
            Strike::Metadata(change) => Some(*change),
            _ => None,
        });
        hits.iter().for_each(|change| change(metadata));
    }

    /// Changes the claims of a UserInfo answer.
    pub(crate) fn spoil_userinfo(&self, claims: &mut Value, username: &str) {
        let hits = self.faults.hits(Some(username), |_, strike| match strike {
            Strike::UserInfo(change) => Some(*change),
            _ => None,
        });
        hits.iter().for_each(|change| change(claims));
    }

    /// Whether the sandbox vouches for a user's e-mail address, and is not asked to do otherwise.
    pub(crate) fn email_verified(&self, store: &mut Store, user: &User, grant: &str) -> bool {
        let Some(grant) = store.grants.get_mut(grant).filter(|_| user.email_verified()) else {
            return false;
        };
        // All answers of one login agree with each other: the fault is kept with the grant.
        let is = |strike: &Strike| matches!(strike, Strike::UnverifiedEmail).then_some(());
        grant.email_unverified |= self.faults.hit(Some(user.username()), |_, strike| is(strike)).is_some();
        !grant.email_unverified
    }
}
