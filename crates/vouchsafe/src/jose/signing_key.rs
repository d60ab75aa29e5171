//! A private key that signs JWTs, and the client secrets that are such JWTs.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

// The caller passes the source of randomness.
use aws_lc_rs::rand as random;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::{Error as PemError, PemObject};
use serde_json::json;
use zeroize::Zeroizing;

use crate::error::{ConfigProblem, Error};
use crate::secret::Secret;

/// A private key on P-256.
pub(crate) struct SigningKey(EcdsaKeyPair);

impl SigningKey {
    /// Reads a PKCS#8 key in PEM (RFC 7468 section 10). No error contains anything of the key.
    pub(crate) fn from_pem(pem: &str) -> Result<Self, Error> {
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem.trim().as_bytes()).map_err(|error| match error {
            _ if pem.contains('\\') => {
                "the key contains backslashes, probably from line breaks that were escaped for a variable: give it \
                 with the line breaks of the .p8 file"
            }
            PemError::Base64Decode(_) => {
                "the key's PEM is damaged (it is not base64): give the .p8 file as it was downloaded"
            }
            _ => {
                "the key is not a PKCS#8 key in PEM: give the whole text of the .p8 file with its line breaks, from \
                 -----BEGIN PRIVATE KEY----- to -----END PRIVATE KEY-----"
            }
        });
        let read = key.map(Zeroizing::new).and_then(|key| {
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.secret_pkcs8_der()).map_err(|_| {
                "the key is not a private key on the curve P-256, which ES256 needs: give the .p8 file that was \
                 downloaded for this key id"
            })
        });
        read.map(Self).map_err(|detail| Error::config(ConfigProblem::AppleKey, detail))
    }
}

/// Signs client secrets: a new one for each request.
pub(crate) struct SecretSigner {
    pub(crate) team_id: String,
    pub(crate) key_id: String,
    pub(crate) client_id: String,
    /// The issuer of the provider.
    pub(crate) audience: String,
    pub(crate) key: SigningKey,
}

impl SecretSigner {
    /// A client secret for requests that are sent now: a JWT signed by ES256 (RFC 7515, RFC 7518 section 3.4).
    pub(crate) fn sign(&self, now: SystemTime, rng: &dyn random::SecureRandom) -> Result<Secret, Error> {
        let issued = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let header = json!({"alg": "ES256", "kid": self.key_id});
        let claims = json!({
            "iss": self.team_id,
            "iat": issued.as_secs(),
            "exp": (issued + LIFETIME).as_secs(),
            "aud": self.audience,
            "sub": self.client_id,
        });
        let mut jwt = String::with_capacity(512);
        URL_SAFE_NO_PAD.encode_string(header.to_string(), &mut jwt);
        jwt.push('.');
        URL_SAFE_NO_PAD.encode_string(claims.to_string(), &mut jwt);
        let signature = self.key.0.sign(rng, jwt.as_bytes()).map_err(|_| {
            Error::config(
                ConfigProblem::AppleKey,
                "the client secret could not be signed with the key: check the \
                                                    .p8 file, and that this machine provides random numbers",
            )
        })?;
        jwt.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut jwt);
        Ok(Secret::new(jwt))
    }
}

/// Long enough for clocks that differ a little, and too short to be useful to somebody who finds it in a log.
const LIFETIME: Duration = Duration::from_secs(5 * 60);
