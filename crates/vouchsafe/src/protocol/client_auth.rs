//! Client authentication (RFC 6749 section 2.3).
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::HeaderValue;
use url::form_urlencoded::byte_serialize;
use vouchsafe_providers::ClientAuth;

use crate::error::{Error, Feature, Operation};
use crate::secret::Secret;
use crate::text::legible::legible;

/// The client id and secret, ready to be written into requests.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) client_id: String,
    secret: Option<Secret>,
    pub(crate) basic: Option<HeaderValue>,
    /// The signed JWT of one request (RFC 7523 section 2.2).
    pub(crate) assertion: Option<Secret>,
    /// The attestation, and the proof of one request.
    pub(crate) attestation: Option<[Secret; 2]>,
    /// The methods beside those of a secret.
    pub(crate) means: Means,
}

/// The means beside a secret by which a client can authenticate.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Means {
    /// A private key, or assertions of its platform.
    pub(crate) signs: bool,
    /// A TLS client certificate.
    pub(crate) has_certificate: bool,
    /// An attestation of a key of this instance.
    pub(crate) is_attested: bool,
}

impl Credentials {
    pub(crate) fn new(client_id: String, secret: Option<Secret>) -> Self {
        let basic = secret.as_ref().map(|secret| basic(&client_id, secret));
        Self { client_id, secret, basic, assertion: None, attestation: None, means: Means::default() }
    }

    /// The credentials of one request, with its assertion.
    pub(crate) fn asserting(&self, assertion: Secret) -> Self {
        Self { assertion: Some(assertion), ..self.without_secret() }
    }

    /// The credentials of one request, with the attestation and the proof for it.
    pub(crate) fn attested(&self, attestation: [Secret; 2]) -> Self {
        Self { attestation: Some(attestation), ..self.without_secret() }
    }

    fn without_secret(&self) -> Self {
        Self { means: self.means, ..Self::new(self.client_id.clone(), None) }
    }

    pub(crate) fn secret(&self) -> Option<&Secret> {
        self.secret.as_ref()
    }

    /// The methods that the client can use, the best first.
    fn usable(&self) -> Vec<ClientAuth> {
        let mut usable = Vec::new();
        if self.means.signs {
            usable.push(ClientAuth::PrivateKeyJwt);
        }
        if self.means.is_attested {
            usable.push(ClientAuth::AttestJwtClientAuth);
        }
        if let Some(secret) = &self.secret {
            usable.extend([ClientAuth::ClientSecretBasic, ClientAuth::ClientSecretPost]);
            if secret.expose().len() >= MIN_HMAC_KEY {
                usable.push(ClientAuth::ClientSecretJwt);
            }
        }
        if self.means.has_certificate {
            usable.extend([ClientAuth::TlsClientAuth, ClientAuth::SelfSignedTlsClientAuth]);
        }
        // Without any means, the client is a public one, which providers accept without announcing it.
        if usable.is_empty() {
            usable.extend([ClientAuth::ClientSecretBasic, ClientAuth::ClientSecretPost, ClientAuth::None]);
        }
        usable
    }

    /// The values that must not be shown: the secret, and its form in HTTP Basic.
    pub(crate) fn secrets(&self) -> [&str; 2] {
        let basic = self.basic.as_ref().and_then(|basic| std::str::from_utf8(basic.as_bytes()).ok());
        let basic = basic.and_then(|basic| basic.strip_prefix(BASIC));
        [self.secret.as_ref().map_or("", Secret::expose), basic.unwrap_or_default()]
    }

    /// Chooses from the methods that the provider supports. Basic comes first because it keeps the secret out of the body; it is
    /// also the method if the provider announces no list (RFC 8414 section 2, OpenID Connect Discovery section 3).
    pub(crate) fn choose(
        &self,
        operation: Operation,
        supported: Option<&[String]>,
    ) -> Result<ClientAuth, Error> {
        let usable = self.usable();
        let is_public = usable.contains(&ClientAuth::None);
        let is_offered = |method: &&ClientAuth| {
            supported.is_none_or(|list| list.iter().any(|name| name == method.as_str()))
        };
        // A server that authenticates nobody gets no secret.
        if supported.is_some_and(|list| list == [ClientAuth::None.as_str()]) {
            return Ok(ClientAuth::None);
        }
        match usable.iter().find(is_offered) {
            // A public client sends only its id; many providers accept that without announcing `none`.
            Some(_) if is_public => Ok(ClientAuth::None),
            Some(method) => Ok(*method),
            None => {
                let detail = format!(
                    "the client can authenticate by {}, and the provider accepts only {}: if the provider accepts another method as well, \
                     choose it with Registration::client_auth",
                    usable.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(" or "),
                    legible(&supported.unwrap_or_default().join(", "))
                );
                Err(Error::unsupported(operation, Feature::ClientAuth, detail))
            }
        }
    }
}

/// RFC 6749 §2.3.1: id and secret are form-encoded, then joined, then encoded in base64. Several servers do not decode them, so
/// only characters that the WHATWG rules escape are escaped.
fn basic(client_id: &str, secret: &Secret) -> HeaderValue {
    let mut pair = String::with_capacity(client_id.len() + secret.expose().len() + 1);
    pair.extend(byte_serialize(client_id.as_bytes()));
    pair.push(':');
    pair.extend(byte_serialize(secret.expose().as_bytes()));
    let pair = Secret::new(pair);
    let mut text = String::from(BASIC);
    STANDARD.encode_string(pair.expose(), &mut text);
    let text = Secret::new(text);
    // Base64 is visible ASCII, so this is always a header value.
    let mut value = HeaderValue::from_str(text.expose()).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

const BASIC: &str = "Basic ";
/// The length of the hash of HS256 in bytes. RFC 7518 §3.2: a shorter secret must not be used with it.
pub(crate) const MIN_HMAC_KEY: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn header(id: &str, secret: &str) -> String {
        basic(id, &Secret::new(secret)).to_str().unwrap().to_owned()
    }

    #[test]
    fn basic_is_form_encoded_before_base64() {
        // RFC 6749 §2.3.1: web%3Aodd%2Fid:p%25ss%2Bw+rd%3A%26%3D%2F%7E
        assert_eq!(
            header("web:odd/id", "p%ss+w rd:&=/~"),
            "Basic d2ViJTNBb2RkJTJGaWQ6cCUyNXNzJTJCdytyZCUzQSUyNiUzRCUyRiU3RQ=="
        );
    }

    #[test]
    fn basic_leaves_alone_what_needs_no_escape() {
        assert_eq!(header("a-b.c_d", "e-f.g_h*"), format!("Basic {}", STANDARD.encode("a-b.c_d:e-f.g_h*")));
    }

    #[test]
    fn the_method_is_chosen_from_what_both_have() {
        let list = |methods: &[&str]| methods.iter().map(|m| (*m).to_owned()).collect::<Vec<_>>();
        let confidential = Credentials::new("id".into(), Some(Secret::new("s")));
        let public = Credentials::new("id".into(), None);
        let choose = |c: &Credentials, l: Option<Vec<String>>| c.choose(Operation::Refresh, l.as_deref());

        assert_eq!(choose(&confidential, None).unwrap(), ClientAuth::ClientSecretBasic);
        let both = list(&["private_key_jwt", "client_secret_post", "client_secret_basic"]);
        assert_eq!(choose(&confidential, Some(both)).unwrap(), ClientAuth::ClientSecretBasic);
        let post = Some(list(&["client_secret_post"]));
        assert_eq!(choose(&confidential, post).unwrap(), ClientAuth::ClientSecretPost);
        let error = choose(&confidential, Some(list(&["private_key_jwt", "none"]))).unwrap_err();
        assert_eq!(error.code(), "client_auth_not_supported");
        assert_eq!(choose(&confidential, Some(list(&["none"]))).unwrap(), ClientAuth::None);
        assert_eq!(choose(&public, None).unwrap(), ClientAuth::None);
        assert_eq!(choose(&public, Some(list(&["client_secret_basic"]))).unwrap(), ClientAuth::None);
        assert!(choose(&public, Some(list(&["private_key_jwt"]))).is_err());
    }
}
