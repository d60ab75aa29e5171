//! The access token in requests to an API (RFC 6750), with the proof of its key (RFC 9449), and one repetition if the API refuses it.
use std::fmt;
use std::sync::Arc;

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use url::{Origin, Url};

use super::source::{TokenSource, ValidToken};
use crate::dpop::{Binding, PROOF};
use crate::endpoint::{Endpoint, PlainHosts};
use crate::error::{ConfigProblem, Error, Operation};
use crate::tokens::Tokens;

/// Puts the access token of a source into requests to named origins, and into no others. A token that is bound to a key (DPoP) goes
/// with a proof that is made for each request; for one that is bound to a certificate, your HTTP client has to present the certificate.
/// Cheap to clone.
///
/// ```no_run
/// # async fn f(source: vouchsafe::TokenSource, mut request: http::Request<Vec<u8>>) -> Result<(), vouchsafe::Error> {
/// use vouchsafe::vault::Bearer;
///
/// let github = Bearer::new(source, ["https://api.github.com"])?;
/// let sent = github.authorize(&mut request).await?;
/// # let send = |_: &http::Request<Vec<u8>>| http::Response::new(());
/// let response = send(&request);
/// if sent.is_some_and(|sent| github.is_refused(&sent, response.status(), response.headers())) {
///     github.authorize(&mut request).await?; // with another token or proof; then send the request once more
/// }
/// # Ok(()) }
/// ```
///
/// With the feature `tower`, [`BearerLayer`](super::BearerLayer) does this for hyper, tonic and other clients of tower.
///
/// # Security
/// A token is worth as much as a password: an API must not see the token of another. If your HTTP client follows redirects, it
/// must not send the header to another origin.
#[derive(Clone)]
pub struct Bearer {
    source: TokenSource,
    origins: Arc<[Origin]>,
}

impl Bearer {
    /// The token of this source, for APIs at these origins, such as `https://api.github.com`.
    ///
    /// # Errors
    /// [`Error::Config`] if a text is not an origin: scheme, host and, if it is not the usual one, port. `http` is for loopback hosts
    /// only.
    pub fn new<S: AsRef<str>>(
        source: TokenSource,
        origins: impl IntoIterator<Item = S>,
    ) -> Result<Self, Error> {
        let origins = origins.into_iter().map(|text| origin(text.as_ref())).collect::<Result<_, _>>()?;
        Ok(Self { source, origins })
    }

    /// Puts the token into the header `Authorization`, and where it is bound to a key, a new proof into the header `DPoP` (RFC 9449 section
    /// 7.1). `None`: the request goes to another origin, and is left as it is.
    ///
    /// # Errors
    /// As [`TokenSource::token`]. [`Error::Config`] if the token is bound to a key that the client of this source does not have.
    pub async fn authorize<B>(&self, request: &mut Request<B>) -> Result<Option<Authorized>, Error> {
        let found = self.headers(request.method(), &request.uri().to_string()).await?;
        Ok(found.map(|(headers, authorized)| {
            headers.iter().for_each(|(name, value)| drop(request.headers_mut().insert(name, value.clone())));
            authorized
        }))
    }

    /// The headers for one request with this method to this URL, for HTTP clients with requests of their own: `Authorization`, and `DPoP`
    /// for a token that is bound to a key. `None`: the URL is of another origin, which must not get the token.
    ///
    /// # Errors
    /// As [`Bearer::authorize`].
    pub async fn headers(
        &self,
        method: &Method,
        url: &str,
    ) -> Result<Option<(HeaderMap, Authorized)>, Error> {
        let is_named = Url::parse(url).is_ok_and(|url| self.origins.contains(&url.origin()));
        let Some(uri) = url.parse::<Uri>().ok().filter(|_| is_named) else { return Ok(None) };
        let token = self.source.token().await?;
        let mut headers = HeaderMap::with_capacity(2);
        let mut scheme = "Bearer";
        if let Some(tokens) = token.tokens().filter(|tokens| tokens.is_bound()) {
            let Some(binding) = self.binding() else {
                let detail = "the access token is bound to a key (DPoP), and the client of this source has none: set Registration::dpop with \
                              the key that the client had at the login";
                return Err(Error::config(ConfigProblem::SigningKey, detail));
            };
            let proof = binding.proof((method, &uri), Some(tokens.bearer()), Operation::Resource).await?;
            headers.insert(PROOF, proof);
            scheme = "DPoP";
        }
        let problem = |_| {
            Error::config(
                ConfigProblem::ImportedToken,
                "the access token must be visible ASCII, and it contains other characters: correct the function that gives it",
            )
        };
        let mut value = HeaderValue::try_from(format!("{scheme} {}", token.expose())).map_err(problem)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
        Ok(Some((headers, Authorized { token, uri })))
    }

    /// Whether the API refused the request, and another try can help: authorize the request again and send it once more.
    ///
    /// The API refused the token if the status is 401, with the error `invalid_token` or without an error (RFC 6750 section 3.1): then the
    /// token is dropped. Or it wants a proof with its nonce (`use_dpop_nonce`, RFC 9449 section 9): then the next proof has it. The nonce
    /// of every response is kept for this server, so pass each response here.
    pub fn is_refused(&self, sent: &Authorized, status: StatusCode, headers: &HeaderMap) -> bool {
        self.refused(sent, status, headers).is_some()
    }

    pub(super) fn refused(
        &self,
        sent: &Authorized,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Option<Refused> {
        let is_bound = sent.token.tokens().is_some_and(Tokens::is_bound);
        let binding = self.binding().filter(|_| is_bound);
        if binding.is_some_and(|binding| binding.wants_another_by(&sent.uri, (status, headers))) {
            return Some(Refused::Proof);
        }
        let challenges = headers.get_all(WWW_AUTHENTICATE).into_iter();
        let challenges: Vec<_> = challenges.filter_map(|value| value.to_str().ok()).collect();
        let names_another =
            challenges.iter().any(|text| text.contains("error=") && !text.contains("invalid_token"));
        if status != StatusCode::UNAUTHORIZED || names_another {
            return None;
        }
        self.source.reject(&sent.token);
        Some(Refused::Token)
    }

    fn binding(&self) -> Option<&Binding> {
        self.source.client()?.inner.binding.as_ref()
    }
}

/// What an API refused.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Refused {
    Token,
    /// The proof lacks the nonce of the API.
    Proof,
}

/// The token of one request, and where the request goes: for [`Bearer::is_refused`].
pub struct Authorized {
    token: ValidToken,
    uri: Uri,
}

impl Authorized {
    /// The token that the request has.
    pub fn token(&self) -> &ValidToken {
        &self.token
    }
}

crate::secret::opaque!(Authorized);

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origins: Vec<_> = self.origins.iter().map(Origin::ascii_serialization).collect();
        f.debug_struct("Bearer").field("origins", &origins).finish_non_exhaustive()
    }
}

fn origin(text: &str) -> Result<Origin, Error> {
    let endpoint = Endpoint::parse_for(text, &PlainHosts::default()).ok();
    let url = endpoint.and_then(|_| Url::parse(text).ok());
    let url = url.filter(|url| url.path() == "/" && url.query().is_none() && url.fragment().is_none());
    let detail = || {
        format!(
            "{text:?} is not an origin: expected https, a host and at most a port, such as https://api.example.com"
        )
    };
    url.map(|url| url.origin()).ok_or_else(|| Error::config(ConfigProblem::InvalidUrl, detail()))
}
