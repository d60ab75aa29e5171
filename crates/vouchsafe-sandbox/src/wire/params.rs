//! The parameters of a request, from a query or a form.

use url::form_urlencoded::{self, Serializer};

use super::error::{OAuthError, invalid_request};

/// The parameters of a request, RFC 6749 appendix B.
#[derive(Clone, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// A query, or a form.
    pub(crate) fn parse(form: impl AsRef<[u8]>) -> Self {
        Self::from_pairs(form_urlencoded::parse(form.as_ref()).into_owned())
    }

    /// RFC 6749 section 3.1: a parameter without a value counts as omitted.
    pub(crate) fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }

    pub(crate) fn with(mut self, other: &Self) -> Self {
        self.0.extend_from_slice(&other.0);
        self
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All values of this name.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The parameters without those of these names.
    pub(crate) fn without(mut self, names: &[&str]) -> Self {
        self.0.retain(|(name, _)| !names.contains(&name.as_str()));
        self
    }

    /// The parameters, and this one unless it is there.
    pub(crate) fn with_default(mut self, name: &str, value: &str) -> Self {
        if self.get(name).is_none() {
            self.0.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(known, _)| known == name)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, value)| value.as_str())
    }

    /// RFC 6749 section 3.1: no parameter is sent more than once. The exception is `resource`, RFC 8707 section 2.
    pub(crate) fn check_duplicates(&self) -> Result<(), OAuthError> {
        let mut names = self.0.iter().map(|(name, _)| name.as_str());
        match names.find(|name| *name != "resource" && self.is_duplicate(name)) {
            Some(name) => Err(invalid_request(format!("parameter {name} occurs more than once"))),
            None => Ok(()),
        }
    }

    pub(crate) fn is_duplicate(&self, name: &str) -> bool {
        self.0.iter().filter(|(known, _)| known == name).count() > 1
    }
}

/// RFC 6749 section 3.1.2 lets a redirect URI have a query of its own.
pub(crate) fn with_query(redirect_uri: &str, params: &[(String, String)]) -> String {
    let query = Serializer::new(String::new()).extend_pairs(params).finish();
    let separator = if redirect_uri.contains('?') { "&" } else { "?" };
    format!("{redirect_uri}{separator}{query}")
}
