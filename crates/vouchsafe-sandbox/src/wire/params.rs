//! The parameters of a request, from a query or a form.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Uri};
use url::form_urlencoded;

/// The parameters of a request, RFC 6749 appendix B.
#[derive(Clone)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn from_query(uri: &Uri) -> Self {
        Self::parse(uri.query().unwrap_or_default().as_bytes())
    }

    /// The form in a body, or `None` if the body is something else.
    pub(crate) fn from_body(headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let content_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded").then(|| Self::parse(body))
    }

    /// RFC 6749 section 3.1: a parameter without a value counts as omitted.
    pub(crate) fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }

    pub(crate) fn with(mut self, other: &Self) -> Self {
        self.0.extend_from_slice(&other.0);
        self
    }

    fn parse(form: &[u8]) -> Self {
        Self::from_pairs(form_urlencoded::parse(form).into_owned())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(known, _)| known == name)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, value)| value.as_str())
    }

    /// A parameter that was sent more than once, RFC 6749 section 3.1. RFC 8707 section 2 allows just that to `resource`.
    pub(crate) fn duplicate(&self) -> Option<&str> {
        let names = || self.0.iter().map(|(name, _)| name.as_str());
        names()
            .enumerate()
            .find(|(i, name)| *name != "resource" && names().take(*i).any(|earlier| earlier == *name))
            .map(|(_, name)| name)
    }

    pub(crate) fn is_duplicate(&self, name: &str) -> bool {
        self.0.iter().filter(|(known, _)| known == name).count() > 1
    }
}
