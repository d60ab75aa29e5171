//! How an authorization response gets to the application.

use url::form_urlencoded::Serializer;

/// How the authorization response gets to the application, OAuth 2.0 Multiple Response Type Encoding Practices section 2.1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum ResponseMode {
    /// In the query of the redirect URI.
    #[default]
    Query,
    /// As a form that the browser posts there, OAuth 2.0 Form Post Response Mode.
    FormPost,
}

impl ResponseMode {
    /// `None` for an unknown mode.
    pub(crate) fn read(given: Option<&str>) -> Option<Self> {
        match given {
            Some("query") | None => Some(Self::Query),
            Some("form_post") => Some(Self::FormPost),
            Some(_) => None,
        }
    }
}

/// RFC 6749 section 3.1.2 lets a redirect URI have a query of its own.
pub(crate) fn with_query(redirect_uri: &str, params: &[(String, String)]) -> String {
    let query = Serializer::new(String::new()).extend_pairs(params).finish();
    let separator = match redirect_uri.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    format!("{redirect_uri}{separator}{query}")
}
