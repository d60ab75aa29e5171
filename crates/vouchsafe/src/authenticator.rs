//! How a client authenticates in one request: with the secret that it has, or with a JWT that is made for the request.
use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, json};
use vouchsafe_providers::ClientAuth;

use crate::attestation::Attested;
use crate::credential::{Assertions, Credential, Kind};
use crate::endpoint::Endpoint;
use crate::error::{ConfigProblem, Error, Operation};
use crate::protocol::client_auth::{Credentials, MIN_HMAC_KEY, Means};
use crate::registration::Registration;
use crate::secret::Secret;
use crate::signing::{SigningKey, identifier, unsigned};
use crate::text::json::Value;

/// What a client authenticates with.
pub(crate) struct Authenticator {
    pub(crate) credentials: Credentials,
    signs: Signs,
}

/// What is made anew for each request.
enum Signs {
    Nothing,
    /// Apple's client secret.
    Apple {
        team_id: String,
        issuer: String,
        key: SigningKey,
    },
    Key(SigningKey),
    Assertions(Assertions),
    Attested(Attested),
}

/// How the client authenticates in a call.
#[derive(Clone, Copy)]
pub(crate) struct Auth<'a> {
    pub(crate) client: &'a Authenticator,
    pub(crate) method: ClientAuth,
    /// The audience of an assertion: the issuer of the server, or its token endpoint if it has none.
    pub(crate) audience: &'a str,
    /// The algorithms that the server accepts for this method.
    pub(crate) algorithms: Option<&'a [String]>,
    /// Where challenges for attestations come from.
    pub(crate) challenges: Option<&'a Endpoint>,
}

impl Authenticator {
    /// # Errors
    /// The registration's key cannot be used, or the provider has no issuer for it.
    pub(crate) fn new(registration: &Registration, issuer: Option<&str>) -> Result<Self, Error> {
        let credential = registration.credential.as_ref();
        let secret = credential.and_then(Credential::lasting_secret).cloned();
        let mut credentials = Credentials::new(registration.client_id.clone(), secret);
        let signs = match credential.map(|credential| &credential.0) {
            None | Some(Kind::Secret(_)) => Signs::Nothing,
            Some(Kind::AppleKey { team_id, key_id, pem }) => apple(team_id, key_id, pem, issuer)?,
            Some(Kind::Key(key)) => Signs::Key(key.clone()),
            Some(Kind::Assertion(source)) => Signs::Assertions(source.clone()),
            Some(Kind::Attestation(own)) => Signs::Attested(Attested::new(own.clone())),
        };
        let signs_assertions = matches!(signs, Signs::Key(_) | Signs::Assertions(_));
        credentials.means = Means {
            signs: signs_assertions,
            has_certificate: registration.certificate.is_some(),
            is_attested: matches!(signs, Signs::Attested(_)),
        };
        Ok(Self { credentials, signs })
    }

    /// Whether the client secret is signed for each request.
    pub(crate) fn signs_secrets(&self) -> bool {
        matches!(self.signs, Signs::Apple { .. })
    }

    /// The key by which the client authenticates.
    pub(crate) fn key(&self) -> Option<&SigningKey> {
        match &self.signs {
            Signs::Key(key) => Some(key),
            _ => None,
        }
    }

    /// Whether the client can authenticate at all.
    pub(crate) fn is_confidential(&self) -> bool {
        self.credentials.secret().is_some()
            || !matches!(self.signs, Signs::Nothing)
            || self.credentials.means.has_certificate
    }
}

impl<'a> Auth<'a> {
    /// The attestation by which the client authenticates in this request, if it does.
    pub(crate) fn attested(&self) -> Option<&'a Attested> {
        match &self.client.signs {
            Signs::Attested(attested) if self.method == ClientAuth::AttestJwtClientAuth => Some(attested),
            _ => None,
        }
    }

    /// The credentials for a request that is sent now.
    pub(crate) async fn credentials(&self, operation: Operation) -> Result<Cow<'a, Credentials>, Error> {
        let own = &self.client.credentials;
        let assertion = match (&self.client.signs, self.method) {
            (Signs::Apple { team_id, issuer, key }, _) => {
                let claims = self.claims(team_id, issuer, APPLE_LIFETIME, None);
                let algorithm = key.algorithm_among(None)?;
                let secret = key.sign(algorithm, Map::new(), &claims, operation).await?;
                return Ok(Cow::Owned(Credentials::new(own.client_id.clone(), Some(secret))));
            }
            (Signs::Key(key), ClientAuth::PrivateKeyJwt) => {
                let claims = self.claims(&own.client_id, self.audience, LIFETIME, Some(identifier()?));
                let algorithm = key.algorithm_among(self.algorithms)?;
                key.sign(algorithm, jwt_header(), &claims, operation).await?
            }
            (Signs::Assertions(source), ClientAuth::PrivateKeyJwt) => source.0.assertion().await?,
            (Signs::Attested(attested), ClientAuth::AttestJwtClientAuth) => {
                let attestation = attested.attestation(&own.client_id).await?;
                let proof = attested.proof(self.audience, self.algorithms, operation).await?;
                return Ok(Cow::Owned(own.attested([attestation, proof])));
            }
            (_, ClientAuth::ClientSecretJwt) => {
                let claims = self.claims(&own.client_id, self.audience, LIFETIME, Some(identifier()?));
                sign_by_secret(own.secret(), self.algorithms, &claims)?
            }
            _ => return Ok(Cow::Borrowed(own)),
        };
        Ok(Cow::Owned(own.asserting(assertion)))
    }

    /// The claims of a JWT about the client (RFC 7523 section 3).
    fn claims(&self, issuer: &str, audience: &str, lifetime: Duration, id: Option<String>) -> Value {
        let issued = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut claims = json!({
            "iss": issuer,
            "sub": self.client.credentials.client_id,
            "aud": audience,
            "iat": issued.as_secs(),
            "exp": (issued + lifetime).as_secs(),
        });
        if let (Some(id), Some(members)) = (id, claims.as_object_mut()) {
            members.insert("jti".to_owned(), id.into());
        }
        claims
    }
}

fn jwt_header() -> Map<String, Value> {
    Map::from_iter([("typ".to_owned(), "JWT".into())])
}

/// An assertion whose key is the client secret (OpenID Connect Core section 9).
fn sign_by_secret(
    secret: Option<&Secret>,
    accepted: Option<&[String]>,
    claims: &Value,
) -> Result<Secret, Error> {
    let long_enough = secret.filter(|secret| secret.expose().len() >= MIN_HMAC_KEY);
    let is_accepted = |name: &str| accepted.is_none_or(|list| list.iter().any(|other| other == name));
    // RFC 7518 §3.2: the key is at least as long as the hash.
    let fitting = HMAC.iter().find(|(name, _, length)| {
        is_accepted(name) && long_enough.is_some_and(|secret| secret.expose().len() >= *length)
    });
    let (Some((name, algorithm, _)), Some(secret)) = (fitting, long_enough) else {
        let detail = "client_secret_jwt needs a client secret of at least 32 bytes, and an HS algorithm that the provider accepts for this \
                      length: use a longer secret, or another method (Registration::client_auth)";
        return Err(Error::config(ConfigProblem::ClientSecret, detail));
    };
    let header = json!({"alg": name, "typ": "JWT"});
    let mut jwt = unsigned(&header, claims);
    let key = hmac::Key::new(*algorithm, secret.expose().as_bytes());
    let tag = hmac::sign(&key, jwt.as_bytes());
    jwt.push('.');
    URL_SAFE_NO_PAD.encode_string(tag, &mut jwt);
    Ok(Secret::new(jwt))
}

/// Apple's way: the client secret is a JWT.
fn apple(team_id: &str, key_id: &str, pem: &Secret, issuer: Option<&str>) -> Result<Signs, Error> {
    let wrong = |detail: &str| Error::config(ConfigProblem::AppleKey, detail.to_owned());
    let issuer = issuer.ok_or_else(|| {
        wrong(
            "Credential::apple_key works only with a provider that has an issuer, such as providers::apple(), and this \
             provider has none: use a client secret",
        )
    })?;
    if !pem.expose().contains("-----BEGIN PRIVATE KEY-----") {
        return Err(wrong(
            "the key is not a PKCS#8 key in PEM: give the whole text of the .p8 file with its line breaks, from -----BEGIN \
             PRIVATE KEY----- to -----END PRIVATE KEY-----",
        ));
    }
    let key = SigningKey::from_pem(pem.clone()).map_err(|error| match error {
        Error::Config(error) => wrong(&format!(
            "{}; Apple gives the key as a .p8 file for ES256, on the curve P-256",
            error.detail
        )),
        error => error,
    })?;
    let key = key.algorithm("ES256").map_err(|_| {
        wrong(
            "the key is not a private key on the curve P-256, which ES256 needs: give the .p8 file that was downloaded for \
             this key id",
        )
    })?;
    Ok(Signs::Apple { team_id: team_id.to_owned(), issuer: issuer.to_owned(), key: key.key_id(key_id) })
}

/// The algorithms of a secret, and the length of their hash in bytes.
static HMAC: [(&str, hmac::Algorithm, usize); 3] = [
    ("HS256", hmac::HMAC_SHA256, MIN_HMAC_KEY),
    ("HS384", hmac::HMAC_SHA384, 48),
    ("HS512", hmac::HMAC_SHA512, 64),
];
/// Long enough for clocks that differ a little and for a slow network, and too short to be useful to somebody who finds it in a log.
const LIFETIME: Duration = Duration::from_secs(60);
/// Apple's secret goes with more than one request elsewhere; here it is made for each.
const APPLE_LIFETIME: Duration = Duration::from_secs(5 * 60);
