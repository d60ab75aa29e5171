//! Sender-constrained tokens: DPoP (RFC 9449) and certificates (RFC 8705).

use std::sync::OnceLock;

use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::Value;
use url::Url;

use super::{Call, fapi};
use crate::config::{ClientConfig, DpopNonces};
use crate::fault::Strike;
use crate::jose::{ASYMMETRIC, Compact, FAPI, PublicKey};
use crate::state::{Binding, Token};
use crate::wire::{OAuthError, base64url, ensure, error, printable, sha256, sha256_base64url};

/// The proofs of a request about its sender, and the nonce that the response gives.
#[derive(Default)]
pub(super) struct Proven {
    binding: OnceLock<Option<Binding>>,
    nonce: OnceLock<String>,
    /// The challenge for the next attestation.
    pub(super) challenge: OnceLock<String>,
}

impl Call<'_> {
    /// The key or the certificate to which the tokens of this request are bound. It is checked once in a request.
    pub(super) fn sender(&self, client: &ClientConfig) -> Result<Option<&Binding>, OAuthError> {
        if let Some(known) = self.proven.binding.get() {
            return Ok(known.as_ref());
        }
        let by_key = self.proof(None)?.map(Binding::Key);
        let missing = "the client is registered for DPoP-bound access tokens (RFC 9449 section 5.2), and there is no proof";
        ensure(by_key.is_some() || !client.strong.is_dpop_bound, invalid_proof(missing))?;
        let certificate = || self.certificate().filter(|_| client.strong.is_certificate_bound);
        let found = by_key.or_else(|| certificate().map(Binding::Certificate));
        let no_certificate = error(
            "invalid_request",
            "the client's tokens are bound to its certificate, and the connection has none",
        );
        ensure(found.is_some() || !client.strong.is_certificate_bound, no_certificate)?;
        if self.part.is_own {
            fapi::sender(self, found.as_ref())?;
        }
        Ok(self.proven.binding.get_or_init(|| found).as_ref())
    }

    /// The `x5t#S256` of the certificate on the connection.
    pub(super) fn certificate(&self) -> Option<String> {
        let certificate = self.incoming.tls.as_ref()?.certificate.as_ref()?;
        Some(base64url(&sha256(certificate)))
    }

    /// At a resource: the sender must prove to have the key or the certificate of the token.
    pub(super) fn check_binding(&self, token: &Token, text: &str, by_dpop: bool) -> Result<(), OAuthError> {
        let refused = |description: &str| Err(error("invalid_token", description));
        match &token.binding {
            Some(Binding::Key(_)) if !by_dpop => refused(
                "the token is bound to a key: it must be sent by the scheme DPoP with a proof (RFC 9449 section 7.1)",
            ),
            Some(Binding::Key(key)) => {
                let found = self.proof(Some(text)).map_err(unauthorized)?;
                let missing = || unauthorized(invalid_proof("there is no proof beside the token"));
                if found.ok_or_else(missing)? == *key {
                    return Ok(());
                }
                refused("the token is bound to another key than that of the proof (RFC 9449 section 7.1)")
            }
            _ if by_dpop => refused("the token is not bound to a key, and was sent by the scheme DPoP"),
            Some(Binding::Certificate(known)) if self.certificate().as_ref() != Some(known) => refused(
                "the token is bound to a certificate that the connection does not have (RFC 8705 section 3)",
            ),
            _ => Ok(()),
        }
    }

    /// The thumbprint of the key in the request's DPoP proof, which must be right, RFC 9449 section 4.3.
    pub(super) fn proof(&self, access_token: Option<&str>) -> Result<Option<String>, OAuthError> {
        let mut fields = self.incoming.headers.get_all("dpop").iter();
        let Some(field) = fields.next().filter(|_| self.part.is_own) else { return Ok(None) };
        let several = invalid_proof("the request has more than one DPoP header field");
        ensure(fields.next().is_none(), several)?;
        let text = field.to_str().map_err(|_| invalid_proof("the DPoP header field is not text"))?;
        let invalid = |why: String| invalid_proof(format!("the DPoP proof: {why}"));
        let (thumbprint, nonce) = self.check_proof(text, access_token).map_err(invalid)?;
        self.check_nonce(nonce.as_deref())?;
        Ok(Some(thumbprint))
    }

    fn check_proof(
        &self,
        text: &str,
        access_token: Option<&str>,
    ) -> Result<(String, Option<String>), String> {
        let proof = Compact::parse(text)?;
        ensure(proof.typ().as_deref() == Some("dpop+jwt"), "typ is not dpop+jwt".to_owned())?;
        let alg = proof.alg();
        ensure(
            ASYMMETRIC.contains(&alg),
            format!("alg {alg:?} is not one of dpop_signing_alg_values_supported"),
        )?;
        fapi::algorithm(self, alg)?;
        let jwk = proof.header.get("jwk").ok_or("its header has no jwk")?;
        let key = PublicKey::from_jwk(jwk).map_err(|why| format!("jwk: {why}"))?;
        // The key of the proof has no name beside itself.
        let unnamed = key.unnamed();
        proof.verify(std::slice::from_ref(&unnamed))?;

        let (method, url) = (self.incoming.method.as_str(), self.url());
        ensure(proof.text("htm") == Some(method), format!("htm is not the method {method}"))?;
        let target = proof.text("htu").ok_or("htu is missing, or no text")?;
        let plain = "htu has a query or a fragment (RFC 9449 section 4.2)";
        ensure(!target.contains(['?', '#']), plain.to_owned())?;
        let is_same = Url::parse(target).ok() == Url::parse(&url).ok();
        ensure(is_same, format!("htu is not the URL of this request, {url}"))?;
        let id = proof.text("jti").filter(|id| !id.is_empty()).ok_or("jti is missing, or no text")?;
        let issued = proof.time("iat")?.ok_or("iat is missing")?;
        let nonce = match proof.claims.get("nonce") {
            Some(Value::String(nonce)) => Some(nonce.clone()),
            Some(_) => return Err("nonce is no text".to_owned()),
            None => None,
        };
        let now = self.shared.machine_now();
        ensure(issued <= now + SKEW, "iat is in the future".to_owned())?;
        // RFC 9449 section 4.3: with a nonce, the server knows the time of the proof by itself.
        let is_recent = nonce.is_some() || issued + OLDEST >= now;
        ensure(is_recent, format!("iat is more than {OLDEST} seconds ago"))?;
        match (access_token, proof.text("ath")) {
            (Some(token), Some(hash)) => {
                ensure(
                    hash == sha256_base64url(token),
                    "ath is not the hash of the access token".to_owned(),
                )?;
            }
            (Some(_), None) => return Err("ath is missing beside an access token".to_owned()),
            (None, _) => {}
        }
        let thumbprint = unnamed.thumbprint();
        let used = "its jti was used before (RFC 9449 section 11.1)".to_owned();
        ensure(self.shared.proofs.is_new("proof", &format!("{thumbprint} {id}")), used)?;
        Ok((thumbprint, nonce))
    }

    /// RFC 9449 sections 8 and 9.
    fn check_nonce(&self, nonce: Option<&str>) -> Result<(), OAuthError> {
        let (proofs, now) = (&self.shared.proofs, self.shared.now());
        let endless = self.shared.faults.deals(Strike::EndlessNonce, self.username.as_deref());
        let (is_good, next) = match self.shared.settings.demands.nonces {
            _ if endless => (false, proofs.another("", now)),
            DpopNonces::Off => return Ok(()),
            DpopNonces::Required => {
                let server = self.server();
                (nonce.is_some_and(|nonce| proofs.accepts(nonce, server, now)), proofs.current(server, now))
            }
            DpopNonces::Changing => {
                let path = &self.incoming.path;
                let is_good = nonce.is_some_and(|nonce| proofs.accepts_once(nonce, path, now));
                (is_good, proofs.another(if is_good { "" } else { path }, now))
            }
        };
        let _ = self.proven.nonce.set(next);
        let demand = "the server asks for a nonce in the DPoP proof (RFC 9449 section 8)";
        ensure(is_good, error("use_dpop_nonce", demand))
    }

    /// The response, with the nonce and the challenge for the next proof.
    pub(super) fn with_nonce(&self, mut response: Response) -> Response {
        let nonce = self.proven.nonce.get().and_then(|nonce| HeaderValue::from_str(nonce).ok());
        if let Some(nonce) = nonce {
            response.headers_mut().insert("dpop-nonce", nonce);
        }
        let challenge =
            self.proven.challenge.get().and_then(|challenge| HeaderValue::from_str(challenge).ok());
        if let Some(challenge) = challenge {
            response.headers_mut().insert("oauth-client-attestation-challenge", challenge);
        }
        self.shared.faults.change_head(response.headers_mut(), self.username.as_deref());
        response
    }

    /// The challenge of a resource, RFC 9449 section 7.1; `None` if the refusal is about a bearer token.
    pub(super) fn dpop_challenge(&self, refused: &OAuthError) -> Option<String> {
        let scheme = self.incoming.header("authorization").and_then(|field| field.split(' ').next());
        let by_dpop = scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("dpop"));
        let is_bound = refused.description.contains("scheme DPoP");
        let (code, description) = (refused.code, printable(&refused.description));
        (by_dpop || is_bound).then(|| {
            format!(
                "DPoP error=\"{code}\", error_description=\"{description}\", algs=\"{}\"",
                self.proof_algs().join(" ")
            )
        })
    }

    pub(super) fn proof_algs(&self) -> &'static [&'static str] {
        if self.shared.settings.demands.is_fapi { &FAPI } else { &ASYMMETRIC }
    }

    /// The URL of this request.
    fn url(&self) -> String {
        let origin = match (&self.incoming.tls, &self.shared.mtls_origin) {
            (Some(_), Some(origin)) => origin,
            _ => &self.shared.issuer,
        };
        format!("{origin}{}", self.incoming.path)
    }

    /// The server whose nonces this endpoint takes.
    fn server(&self) -> &'static str {
        if matches!(self.incoming.path.as_str(), "/userinfo" | "/resource") {
            "resource"
        } else {
            "authorization"
        }
    }
}

fn invalid_proof(description: impl Into<String>) -> OAuthError {
    error("invalid_dpop_proof", description)
}

fn unauthorized(error: OAuthError) -> OAuthError {
    OAuthError { status: StatusCode::UNAUTHORIZED, ..error }
}

/// In seconds, as the next one.
const OLDEST: u64 = 300;
const SKEW: u64 = 30;
