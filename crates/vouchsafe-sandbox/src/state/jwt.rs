//! JSON Web Tokens, before and after they are signed.

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::state::keys::{Keys, SigningAlg};
use crate::wire::Recipient;

/// Makes the signature of the first two parts.
pub(crate) type Seal = fn(&Jwt<'_>, &str) -> Result<Vec<u8>, Unspecified>;

/// An ID token before it is signed.
pub(crate) struct Jwt<'a> {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
    pub(crate) keys: &'a Keys,
    /// By this sandbox's clock, in seconds since the epoch.
    pub(crate) now: u64,
    /// The URL of the sandbox.
    pub(crate) origin: &'a str,
    alg: SigningAlg,
    /// Encodes a part.
    pub(crate) spell: fn(&[u8]) -> String,
    pub(crate) seal: Seal,
    /// The secret of the client, for an HMAC.
    pub(crate) secret: Option<String>,
    /// For whom it is encrypted.
    pub(crate) recipient: Option<Recipient>,
}

impl<'a> Jwt<'a> {
    /// A token without claims. Its signature will be right.
    pub(crate) fn new(keys: &'a Keys, alg: SigningAlg, now: u64, origin: &'a str) -> Self {
        let spell: fn(&[u8]) -> String = |bytes| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwt = Self {
            header: Map::new(),
            claims: Map::new(),
            keys,
            now,
            origin,
            alg,
            spell,
            seal: signature,
            secret: None,
            recipient: None,
        };
        jwt.sign_by(alg, signature);
        jwt.header.insert("typ".into(), "JWT".into());
        jwt
    }

    /// Signs with this algorithm, and names it in the header.
    pub(crate) fn sign_by(&mut self, alg: SigningAlg, seal: Seal) {
        (self.alg, self.seal) = (alg, seal);
        self.header.insert("alg".into(), alg.name().into());
        match alg.hmac() {
            Some(_) => drop(self.header.remove("kid")),
            None => drop(self.header.insert("kid".into(), self.keys.jwk(alg)["kid"].clone())),
        }
    }

    /// Sets a claim.
    pub(crate) fn claim(&mut self, name: &str, value: impl Into<Value>) {
        self.claims.insert(name.to_owned(), value.into());
    }

    /// The compact serialisation of RFC 7515 section 7.1.
    pub(crate) fn sign(&self) -> Result<String, Unspecified> {
        let part = |members: &Map<String, Value>| {
            (self.spell)(Value::Object(members.clone()).to_string().as_bytes())
        };
        let input = format!("{}.{}", part(&self.header), part(&self.claims));
        let signature = (self.seal)(self, &input)?;
        Ok(format!("{input}.{}", (self.spell)(&signature)))
    }

    /// The signed token as it is sent: encrypted, if it is for a client that wants this.
    pub(crate) fn encrypted(&self, signed: String) -> Result<String, Unspecified> {
        self.recipient.as_ref().map_or(Ok(signed.clone()), |recipient| recipient.encrypt(&signed))
    }
}

/// The right signature of the first two parts.
pub(crate) fn signature(jwt: &Jwt<'_>, input: &str) -> Result<Vec<u8>, Unspecified> {
    match jwt.alg.hmac() {
        Some(algorithm) => {
            let secret = jwt.secret.as_ref().ok_or(Unspecified)?;
            let key = hmac::Key::new(algorithm, secret.as_bytes());
            Ok(hmac::sign(&key, input.as_bytes()).as_ref().to_vec())
        }
        None => jwt.keys.sign(jwt.alg, input.as_bytes()),
    }
}
