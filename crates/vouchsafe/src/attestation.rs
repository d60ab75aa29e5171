//! Client authentication by an attestation: an attester vouches for a key of this instance of the client
//! (draft-ietf-oauth-attestation-based-client-auth).
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use http::StatusCode;
use http::header::{HeaderMap, HeaderName};
use serde_json::{Map, json};

use crate::credential::Attestation;
use crate::error::{ConfigProblem, Error, Operation};
use crate::jose::jwk::thumbprint;
use crate::jose::jws::decode_text;
use crate::secret::Secret;
use crate::signing::identifier;
use crate::text::json::{self, Value};
use crate::transport::{Response, has_error, only};

/// The attestation of a client, and the latest challenge of its server.
pub(crate) struct Attested {
    own: Attestation,
    challenge: Mutex<Option<String>>,
}

impl Attested {
    pub(crate) fn new(own: Attestation) -> Self {
        Self { own, challenge: Mutex::default() }
    }

    /// The attestation of now. A mistake that can be seen here is named before anything is sent.
    pub(crate) async fn attestation(&self, client_id: &str) -> Result<Secret, Error> {
        let attestation = self.own.source.0.assertion().await?;
        let wrong = |detail: &'static str| Err(Error::config(ConfigProblem::Assertion, detail));
        let claims = attestation.expose().split('.').nth(1).and_then(|claims| decode_text(claims).ok());
        let Some(claims) = claims.and_then(|claims| json::parse(claims.as_bytes()).ok()) else {
            return wrong("the attestation of the client is not a JWT: give it as the attester issued it");
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        if claims.get("exp").and_then(Value::as_f64).is_some_and(|exp| exp <= now.as_secs_f64()) {
            return wrong("the attestation of the client has expired (exp): get a new one from the attester");
        }
        if claims.get("sub").and_then(Value::as_str).is_some_and(|sub| sub != client_id) {
            return wrong(
                "the attestation is for another client (sub): give the one that the attester issued for this client id",
            );
        }
        let key = claims.get("cnf").and_then(|cnf| cnf.get("jwk")).and_then(thumbprint);
        if key.is_some_and(|key| key != self.own.key.thumbprint()) {
            return wrong(
                "the attestation is for another key than the one that was given with it (cnf): give the key of this instance of the client, \
                 or get an attestation for it",
            );
        }
        Ok(attestation)
    }

    /// A new proof of the key (section 5.1).
    pub(crate) async fn proof(
        &self,
        audience: &str,
        accepted: Option<&[String]>,
        operation: Operation,
    ) -> Result<Secret, Error> {
        let issued = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut claims = json!({"aud": audience, "jti": identifier()?, "iat": issued.as_secs()});
        if let (Some(challenge), Some(members)) = (self.challenge(), claims.as_object_mut()) {
            members.insert("challenge".to_owned(), challenge.into());
        }
        let algorithm = self.own.key.algorithm_among(accepted)?;
        let header = Map::from_iter([("typ".to_owned(), PROOF_TYPE.into())]);
        self.own.key.sign(algorithm, header, &claims, operation).await
    }

    fn challenge(&self) -> Option<String> {
        self.challenge.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn has_challenge(&self) -> bool {
        self.challenge().is_some()
    }

    pub(crate) fn keep(&self, challenge: String) {
        *self.challenge.lock().unwrap_or_else(PoisonError::into_inner) = Some(challenge);
    }

    /// Keeps the challenge of a response (section 6.2). Returns whether the server refused the request because it wants a proof with
    /// this challenge.
    pub(crate) fn wants_another(&self, response: &Response) -> bool {
        let Some(challenge) = one_challenge(response.headers()) else { return false };
        self.keep(challenge);
        let is_refused = matches!(response.status(), StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED);
        is_refused && has_error(response, USE_CHALLENGE)
    }
}

fn one_challenge(headers: &HeaderMap) -> Option<String> {
    let challenge = only(headers, &CHALLENGE)?.to_str().ok()?;
    is_challenge(challenge).then(|| challenge.to_owned())
}

/// Whether the text can be a challenge: visible ASCII, and not so long that the proof would not fit beside the other headers.
pub(crate) fn is_challenge(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_CHALLENGE && text.bytes().all(|b| b.is_ascii_graphic())
}

/// The headers of a request (sections 4 and 5.1).
pub(crate) const ATTESTATION: HeaderName = HeaderName::from_static("oauth-client-attestation");
pub(crate) const PROOF: HeaderName = HeaderName::from_static("oauth-client-attestation-pop");
const CHALLENGE: HeaderName = HeaderName::from_static("oauth-client-attestation-challenge");
const PROOF_TYPE: &str = "oauth-client-attestation-pop+jwt";
const USE_CHALLENGE: &str = "use_attestation_challenge";
/// Longer than any challenge that servers give.
const MAX_CHALLENGE: usize = 1024;
