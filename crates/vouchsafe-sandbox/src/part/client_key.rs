//! The key that a client signs its secrets with.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::wire::{ensure, pem};

/// A key that a client signs its secrets with, as Apple gives one to each team of developers. From
/// [`ActedProvider::client_key`](crate::ActedProvider::client_key).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// let sandbox = vouchsafe_sandbox::Sandbox::start().await?;
/// let apple = sandbox.provider("apple").expect("it is in the catalogue");
/// let key = apple.client_key().expect("Apple accepts signed secrets only");
/// assert!(key.pem().starts_with("-----BEGIN PRIVATE KEY-----"));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct ClientKey {
    pem: String,
    public: Vec<u8>,
}

impl ClientKey {
    pub(super) fn generate() -> Self {
        // AWS-LC ends the process if the system has no randomness, and nothing else can fail.
        let pair =
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("the system has randomness");
        let document = pair.to_pkcs8v1().expect("a key that was just made can be written");
        let public = pair.public_key().as_ref().to_vec();
        Self { pem: pem("PRIVATE KEY", document.as_ref()), public }
    }

    /// The private key: PKCS#8 in PEM, as in a `.p8` file of Apple's.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The id of the key.
    pub fn key_id(&self) -> &str {
        KEY_ID
    }

    /// The id of the developer team that the key belongs to.
    pub fn team_id(&self) -> &str {
        TEAM_ID
    }

    /// Checks that a client secret was signed with this key by this client for this issuer, and has not expired.
    pub(crate) fn verify(
        &self,
        secret: &str,
        client_id: &str,
        issuer: &str,
        now: u64,
    ) -> Result<(), &'static str> {
        let parts: Vec<_> = secret.split('.').collect();
        let [header, claims, signature] = parts[..] else {
            return Err("the client secret is not a JWT: this provider accepts no other");
        };
        let (Some(header), Some(claims), Ok(signature)) =
            (object(header), object(claims), URL_SAFE_NO_PAD.decode(signature))
        else {
            return Err("the client secret is a damaged JWT");
        };
        ensure(header["alg"] == "ES256", "the client secret is not signed with ES256")?;
        ensure(header["kid"] == KEY_ID, "the client secret does not name the key id in kid")?;
        let signed = secret.rsplit_once('.').map_or("", |(signed, _)| signed);
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.public)
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| "the client secret is not signed with the registered key")?;
        ensure(claims["iss"] == TEAM_ID, "iss of the client secret is not the team id")?;
        ensure(claims["sub"] == client_id, "sub of the client secret is not the client id")?;
        ensure(claims["aud"] == issuer, "aud of the client secret is not the issuer")?;
        let issued = claims["iat"].as_u64().ok_or("the client secret has no iat")?;
        ensure(issued <= now.saturating_add(SKEW), "the client secret was signed in the future")?;
        let expires = claims["exp"].as_u64().ok_or("the client secret has no exp")?;
        ensure(expires > now, "the client secret has expired")?;
        let latest = now.saturating_add(SIX_MONTHS);
        ensure(expires <= latest, "the client secret is valid for more than six months")
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientKey").field("key_id", &KEY_ID).finish_non_exhaustive()
    }
}

fn object(part: &str) -> Option<Value> {
    let value: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()?;
    value.is_object().then_some(value)
}

/// As long as Apple's.
const TEAM_ID: &str = "SANDBOXTM1";
const KEY_ID: &str = "SANDBOXKY1";
/// In seconds, as Apple documents it.
const SIX_MONTHS: u64 = 15_777_000;
const SKEW: u64 = 60;
