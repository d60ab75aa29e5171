//! The resource server: an API that validates the access tokens of other people's clients. It needs no client of its own.
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, Method};
use url::Url;

use crate::call::Deadline;
use crate::certificate::PeerCertificate;
use crate::error::{Check, ConfigProblem, Error, Operation};
use crate::jose::dpop_proof::{self, Expected};
use crate::jose::jws::named_issuer_of;
use crate::protocol::protected_resource::challenge;
use crate::secret::same;
use crate::text::legible::legible;
use crate::text::redact::printable;

mod builder;
mod cache;
mod claims;
mod issuer;
mod nonces;
mod once;
mod refusal;
mod request;

pub use builder::ResourceServerBuilder;
pub use claims::AccessTokenClaims;
pub use issuer::AccessTokenIssuer;
use issuer::Live;
use nonces::Nonces;
use once::{Once, Use};
use refusal::Kind;
pub use refusal::Refusal;
use request::Presented;

/// An API that accepts access tokens. It validates them by the keys of their issuers (RFC 9068) or by introspection (RFC 7662),
/// requires scopes, checks DPoP proofs (RFC 9449) and certificates (RFC 8705), and says in its challenges and its metadata where tokens come from (RFC 6750,
/// RFC 9728).
///
/// Cheap to clone; make one when your program starts, and share it.
///
/// ```no_run
/// # #[cfg(feature = "transport")]
/// # async fn f(request: http::Request<()>) -> Result<(), Box<dyn std::error::Error>> {
/// use vouchsafe::{AccessTokenIssuer, Http, ResourceServer};
///
/// let api = ResourceServer::builder("https://api.example.com")
///     .issuer(AccessTokenIssuer::jwt("https://id.example.com"))
///     .build(&Http::new()?)?;
///
/// let path = request.uri().path();
/// match api.check(request.method(), path, request.headers(), &["orders:read"]).await {
///     Ok(claims) => println!("{:?} with {:?}", claims.subject(), claims.client_id()),
///     Err(refusal) => println!("{} {:?}", refusal.status(), refusal.www_authenticate().collect::<Vec<_>>()),
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct ResourceServer {
    inner: Arc<Inner>,
    /// The certificate of the client of one request.
    certificate: Option<PeerCertificate>,
}

struct Inner {
    resource: String,
    /// The path of a request is appended to it.
    public_url: String,
    metadata_url: Url,
    document: String,
    issuers: Vec<Live>,
    audiences: Vec<String>,
    requires_dpop: bool,
    nonces: Option<Nonces>,
    certificate_header: Option<HeaderName>,
    /// The algorithms of proofs, for challenges.
    algorithms: String,
    used_proofs: Once,
    skew: Duration,
    call_timeout: Option<Duration>,
}

impl ResourceServer {
    /// Describes an API by its resource identifier (RFC 9728 section 1.2): the `https` URL by which clients know it. Access tokens
    /// must be for this audience.
    pub fn builder(resource: impl Into<String>) -> ResourceServerBuilder {
        ResourceServerBuilder::new(resource.into())
    }

    /// Validates the access token of a request, and requires all these scopes.
    ///
    /// `url` is the path of the request, with or without its query, or its whole URL. A DPoP proof must be for this URL. A path is
    /// appended to the public URL of the API, whatever `Host` the request names.
    ///
    /// # Errors
    /// [`Refusal`] says how to respond.
    pub async fn check(
        &self,
        method: &Method,
        url: &str,
        headers: &HeaderMap,
        scopes: &[&str],
    ) -> Result<AccessTokenClaims, Refusal> {
        let refuse = |kind: Kind, error: Option<Error>| self.refusal(kind, scopes, error);
        let presented = Presented::read(headers).map_err(|unreadable| refuse(unreadable.into(), None))?;
        let presented = presented.ok_or_else(|| refuse(Kind::Missing, None))?;
        let failed = |error: Error| {
            let secrets = [Some(presented.token), presented.proof];
            let error = error.without(&secrets.into_iter().flatten().collect::<Vec<_>>());
            refuse(Kind::of(&error), Some(error))
        };
        let certificate = self.certificate(headers).map_err(|why| refuse(Kind::Request(why), None))?;
        let claims = self.claims(presented.token).await.map_err(failed)?;
        let bound = self.check_certificate(&claims, certificate.as_ref());
        let checked = bound.and_then(|_| self.check_binding(&claims, presented, method, url));
        checked.map_err(failed)?;
        if let Some(lacking) = scopes.iter().find(|scope| !claims.has_scope(scope)) {
            let detail = format!("the access token lacks the scope {}", printable(lacking, 60));
            let error = Error::validation(Operation::AccessToken, Check::Scope, detail);
            return Err(refuse(Kind::Scope, Some(error)));
        }
        Ok(claims)
    }

    /// The same API for one request whose client presented this certificate to the server of this process. Access tokens that are bound to
    /// a certificate are accepted with it alone (RFC 8705 section 3). Behind a proxy, set
    /// [`ResourceServerBuilder::certificate_header`] instead.
    #[must_use]
    pub fn with_certificate(&self, certificate: PeerCertificate) -> Self {
        Self { inner: self.inner.clone(), certificate: Some(certificate) }
    }

    /// The value of the header `DPoP-Nonce` for each response, if the API demands nonces
    /// ([`ResourceServerBuilder::require_dpop_nonces`], RFC 9449 section 8.2).
    pub fn dpop_nonce(&self) -> Option<String> {
        self.inner.nonces.as_ref().map(|nonces| nonces.current(SystemTime::now()))
    }

    /// The metadata of the API as JSON (RFC 9728 section 2). Serve it at [`metadata_path`](Self::metadata_path), to everybody, as
    /// `application/json`.
    pub fn metadata(&self) -> &str {
        &self.inner.document
    }

    /// The path of the metadata at the host of the resource identifier: `/.well-known/oauth-protected-resource`, followed by the path
    /// of the identifier if it has one (RFC 9728 section 3.1).
    pub fn metadata_path(&self) -> &str {
        self.inner.metadata_url.path()
    }

    /// The URL of the metadata, which challenges name (`resource_metadata`).
    pub fn metadata_url(&self) -> &str {
        self.inner.metadata_url.as_str()
    }

    /// The resource identifier.
    pub fn resource(&self) -> &str {
        &self.inner.resource
    }

    async fn claims(&self, token: &str) -> Result<AccessTokenClaims, Error> {
        let Inner { issuers, audiences, skew, call_timeout, .. } = &*self.inner;
        let named = named_issuer_of(token);
        // No issuer sees the tokens of another. A token that names no issuer can only belong to the one that is asked.
        let issuer = match &named {
            Some(named) => issuers.iter().find(|issuer| issuer.name == *named),
            None => issuers.iter().find(|issuer| issuer.introspects()),
        };
        let issuer = issuer.ok_or_else(|| {
            let detail = match &named {
                Some(named) => format!(
                    "the access token is from the issuer {}, which is not among those of this API \
                     (ResourceServerBuilder::issuer)",
                    legible(named)
                ),
                None => "the access token is not a JWT that names its issuer, and this API asks no issuer about tokens: use \
                         AccessTokenIssuer::introspection for an issuer whose tokens are opaque"
                    .to_owned(),
            };
            Error::validation(Operation::AccessToken, Check::IssuerMismatch, detail)
        })?;
        let claims = issuer.claims(token, audiences, *skew, Deadline::after(*call_timeout)).await?;
        Ok(AccessTokenClaims::new(&issuer.name, claims))
    }

    /// The certificate of the client of this request.
    fn certificate(&self, headers: &HeaderMap) -> Result<Option<PeerCertificate>, &'static str> {
        let Some(name) = self.inner.certificate_header.as_ref().filter(|_| self.certificate.is_none()) else {
            return Ok(self.certificate.clone());
        };
        let mut fields = headers.get_all(name).iter();
        let (field, another) = (fields.next(), fields.next());
        if another.is_some() {
            return Err("the request has several headers with the certificate of the client");
        }
        let Some(field) = field.filter(|field| !field.is_empty()) else { return Ok(None) };
        let certificate = field.to_str().ok().and_then(PeerCertificate::from_header);
        certificate.map(Some).ok_or("the header with the certificate of the client cannot be read")
    }

    /// RFC 8705 section 3: a token that is bound to a certificate comes over a connection with this certificate.
    fn check_certificate(
        &self,
        claims: &AccessTokenClaims,
        certificate: Option<&PeerCertificate>,
    ) -> Result<(), Error> {
        let Some(bound) = claims.claim("cnf").and_then(|cnf| cnf.get("x5t#S256")) else { return Ok(()) };
        let detail = match (bound.as_str(), certificate) {
            (Some(bound), Some(own)) if same(own.thumbprint(), bound) => return Ok(()),
            (_, Some(_)) => {
                "the access token is bound to another certificate than the one of the client (cnf.x5t#S256)"
            }
            (_, None) => {
                "the access token is bound to a certificate, and the request came without one: give it to this API with \
                 ResourceServer::with_certificate, or set ResourceServerBuilder::certificate_header"
            }
        };
        Err(Error::validation(Operation::AccessToken, Check::TokenBinding, detail))
    }

    /// RFC 9449 section 7.1: a bound token comes with a proof of its key, and a proof with a bound token.
    fn check_binding(
        &self,
        claims: &AccessTokenClaims,
        presented: Presented<'_>,
        method: &Method,
        url: &str,
    ) -> Result<(), Error> {
        let unbound = |detail: &'static str| {
            Err(Error::validation(Operation::AccessToken, Check::TokenBinding, detail))
        };
        let (proof, bound) = match (presented.proof, claims.key_thumbprint()) {
            (Some(proof), Some(bound)) => (proof, bound),
            (Some(_), None) => {
                return unbound(
                    "the access token came with a DPoP proof and is not bound to a key: its scheme is Bearer",
                );
            }
            (None, Some(_)) => {
                return unbound(
                    "the access token is bound to a key, and came without a DPoP proof of this key",
                );
            }
            // A token that is bound to a certificate has been compared with it.
            (None, None) if claims.claim("cnf").is_some() && claims.certificate_thumbprint().is_none() => {
                return unbound("the access token is bound in a way that this library cannot check (cnf)");
            }
            (None, None) if self.inner.requires_dpop => {
                return unbound(
                    "this API accepts only access tokens that are bound to a key (ResourceServerBuilder::require_dpop)",
                );
            }
            (None, None) => return Ok(()),
        };
        let (url, now, skew) = (self.url_of(url)?, SystemTime::now(), self.inner.skew);
        let expected = Expected { method: method.as_str(), url: &url, access_token: presented.token, skew };
        let proof = dpop_proof::verify(proof, &expected, now).map_err(|e| e.of(Operation::DpopProof))?;
        if !same(&proof.thumbprint, bound) {
            return unbound(
                "the access token is bound to another key than the one of the DPoP proof (cnf.jkt)",
            );
        }
        if let Some(nonces) = &self.inner.nonces
            && !proof.nonce.as_ref().is_some_and(|nonce| nonces.accepts(nonce, now))
        {
            let detail = "the proof lacks a nonce of this API that counts now (nonce): the client sends the request again with the one of the \
                          response";
            return Err(Error::validation(Operation::DpopProof, Check::NonceMismatch, detail));
        }
        match self.inner.used_proofs.note(&proof, now) {
            Use::First => Ok(()),
            Use::Again => {
                let detail = "the proof was used before (jti): a client makes a new one for each request";
                Err(Error::validation(Operation::DpopProof, Check::Replay, detail))
            }
            Use::Full => {
                let detail = "there is no room to remember another DPoP proof: raise ResourceServerBuilder::most_proofs";
                Err(Error::config(ConfigProblem::Proofs, detail))
            }
        }
    }

    fn url_of(&self, url: &str) -> Result<Url, Error> {
        let is_path = url.starts_with('/');
        let whole = if is_path { self.inner.public_url.clone() + url } else { url.to_owned() };
        Url::parse(&whole).map_err(|_| {
            let detail =
                "the URL for ResourceServer::check must be a path that begins with /, or a whole URL";
            Error::config(ConfigProblem::InvalidUrl, detail)
        })
    }

    fn refusal(&self, kind: Kind, scopes: &[&str], reason: Option<Error>) -> Refusal {
        let nonce = self.dpop_nonce();
        if kind == Kind::Unavailable {
            return Refusal::new(kind, Vec::new(), reason);
        }
        let scope = scopes.join(" ");
        let mut params = Vec::new();
        // RFC 6750 §3.1: without an access token, there is no error.
        if let Some(code) = kind.code() {
            params.extend([("error", code), ("error_description", kind.description())]);
        }
        if !scope.is_empty() && matches!(kind, Kind::Missing | Kind::Scope) {
            params.push(("scope", &scope));
        }
        params.push(("resource_metadata", self.metadata_url()));
        let bearer = challenge("Bearer", &params);
        // RFC 9449 §7.1.
        params.push(("algs", &self.inner.algorithms));
        let dpop = challenge("DPoP", &params);
        let needs_proof = self.inner.requires_dpop || matches!(kind, Kind::Proof(_) | Kind::Nonce);
        Refusal::new(kind, if needs_proof { vec![dpop] } else { vec![bearer, dpop] }, reason).giving(nonce)
    }
}

impl fmt::Debug for ResourceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let issuers: Vec<_> = self.inner.issuers.iter().map(|issuer| &issuer.name).collect();
        let mut shown = f.debug_struct("ResourceServer");
        shown.field("resource", &self.inner.resource).field("issuers", &issuers).finish_non_exhaustive()
    }
}
