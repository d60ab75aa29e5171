//! The metadata of a protected resource (RFC 9728), and the challenges that lead to it.
use serde_json::{Map, Value, json};
use url::Url;

use crate::jose::algorithm::Algorithm;

/// An API, as its metadata describes it.
pub(crate) struct ProtectedResource<'a> {
    pub(crate) resource: &'a str,
    pub(crate) issuers: Vec<&'a str>,
    pub(crate) scopes: &'a [String],
    pub(crate) requires_dpop: bool,
    /// Other members, such as `resource_name`. They do not replace those above.
    pub(crate) others: &'a Map<String, Value>,
}

impl ProtectedResource<'_> {
    /// The document (RFC 9728 section 2).
    pub(crate) fn document(&self) -> String {
        let mut members = self.others.clone();
        let mut add = |name: &str, value: Value| members.insert(name.to_owned(), value);
        add("resource", self.resource.into());
        add("authorization_servers", json!(self.issuers));
        add("bearer_methods_supported", json!(["header"]));
        if !self.scopes.is_empty() {
            add("scopes_supported", json!(self.scopes));
        }
        add("dpop_signing_alg_values_supported", Algorithm::names().collect());
        add("dpop_bound_access_tokens_required", self.requires_dpop.into());
        members.sort_keys();
        Value::Object(members).to_string()
    }
}

/// The URL of the document (RFC 9728 section 3.1): the well-known part is between host and path.
pub(crate) fn metadata_url(resource: &Url) -> Url {
    let mut url = resource.clone();
    url.set_path(&format!("{WELL_KNOWN}{}", resource.path().trim_end_matches('/')));
    url
}

/// A challenge: a scheme with parameters (RFC 9110 section 11.6.1). The values come from the application and from this library,
/// never from the request.
pub(crate) fn challenge(scheme: &str, params: &[(&str, &str)]) -> String {
    // RFC 6750 §3: neither quotes nor backslashes, and nothing but visible ASCII and spaces.
    let is_plain = |c: char| c == ' ' || (c.is_ascii_graphic() && !matches!(c, '"' | '\\'));
    let mut text = scheme.to_owned();
    for (at, (name, value)) in params.iter().enumerate() {
        let value: String = value.chars().map(|c| if is_plain(c) { c } else { '?' }).collect();
        text.push_str(if at == 0 { " " } else { ", " });
        text.push_str(&format!("{name}=\"{value}\""));
    }
    text
}

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_part_is_between_host_and_path() {
        // RFC 9728 §3.1.
        for (resource, url) in [
            ("https://a.example", "https://a.example/.well-known/oauth-protected-resource"),
            ("https://a.example/", "https://a.example/.well-known/oauth-protected-resource"),
            ("https://a.example/v1/", "https://a.example/.well-known/oauth-protected-resource/v1"),
            ("https://a.example:8/v1?t=x", "https://a.example:8/.well-known/oauth-protected-resource/v1?t=x"),
        ] {
            assert_eq!(metadata_url(&Url::parse(resource).unwrap()).as_str(), url);
        }
    }

    #[test]
    fn no_value_ends_its_quotes() {
        assert_eq!(challenge("Bearer", &[]), "Bearer");
        let params = [("scope", "a\"\\\r\nb ü"), ("x", "y")];
        assert_eq!(challenge("Bearer", &params), "Bearer scope=\"a????b ?\", x=\"y\"");
    }
}
