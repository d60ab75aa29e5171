//! The access token in requests to an API (RFC 6750), and one repetition if the API refuses it.
use std::fmt;
use std::sync::Arc;

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use url::{Origin, Url};

use super::source::{TokenSource, ValidToken};
use crate::endpoint::{Endpoint, PlainHosts};
use crate::error::{ConfigProblem, Error};
use crate::tokens::Tokens;

/// Puts the access token of a source into requests to named origins, and into no others. Cheap to clone.
///
/// ```no_run
/// # async fn f(source: vouchsafe::TokenSource, mut request: http::Request<Vec<u8>>) -> Result<(), vouchsafe::Error> {
/// use vouchsafe::vault::Bearer;
///
/// let github = Bearer::new(source, ["https://api.github.com"])?;
/// let token = github.authorize(&mut request).await?;
/// # let send = |_: &http::Request<Vec<u8>>| http::Response::new(());
/// let response = send(&request);
/// if token.is_some_and(|token| github.is_refused(&token, response.status(), response.headers())) {
///     github.authorize(&mut request).await?; // with another token; then send the request once more
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

    /// Puts the token into the header `Authorization`. `None`: the request goes to another origin, and is left as it is.
    ///
    /// # Errors
    /// As [`TokenSource::token`].
    pub async fn authorize<B>(&self, request: &mut Request<B>) -> Result<Option<ValidToken>, Error> {
        let Some((value, token)) = self.header(&request.uri().to_string()).await? else { return Ok(None) };
        request.headers_mut().insert(AUTHORIZATION, value);
        Ok(Some(token))
    }

    /// The value of the header `Authorization` for a request to this URL, for HTTP clients with requests of their own. `None`: the
    /// URL is of another origin, which must not get the token.
    ///
    /// # Errors
    /// As [`TokenSource::token`].
    pub async fn header(&self, url: &str) -> Result<Option<(HeaderValue, ValidToken)>, Error> {
        let is_named = Url::parse(url).is_ok_and(|url| self.origins.contains(&url.origin()));
        if !is_named {
            return Ok(None);
        }
        let token = self.source.token().await?;
        if token.tokens().is_some_and(Tokens::is_bound) {
            // RFC 9449 §7.1: each request needs a proof that is made for it.
            let detail = "the access token is bound to a key (DPoP), so a header alone is not enough: send the request by Client::call_api";
            return Err(Error::config(ConfigProblem::SigningKey, detail));
        }
        let problem = |_| {
            Error::config(
                ConfigProblem::ImportedToken,
                "the access token must be visible ASCII, and it contains other characters: correct the function that gives it",
            )
        };
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose())).map_err(problem)?;
        value.set_sensitive(true);
        Ok(Some((value, token)))
    }

    /// Whether the API refused the token: status 401, with the error `invalid_token` or without an error (RFC 6750 section 3.1).
    /// Then the token is dropped: authorize the request again and send it once more.
    pub fn is_refused(&self, token: &ValidToken, status: StatusCode, headers: &HeaderMap) -> bool {
        let challenges = headers.get_all(WWW_AUTHENTICATE).into_iter();
        let challenges: Vec<_> = challenges.filter_map(|value| value.to_str().ok()).collect();
        let names_another =
            challenges.iter().any(|text| text.contains("error=") && !text.contains("invalid_token"));
        let refused = status == StatusCode::UNAUTHORIZED && !names_another;
        if refused {
            self.source.reject(token);
        }
        refused
    }
}

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
