//! A definition whose URLs lead to the sandbox, and these URLs as patterns that requests match.

use std::collections::BTreeMap;
use std::iter;

use url::form_urlencoded;
use vouchsafe_providers::{Definition, EndpointName, Param, Rule};

use crate::wire::Params;

/// A copy of the definition in which every URL leads to the sandbox. A URL that begins with a mark stays: the
/// value of the mark leads there.
pub(super) fn moved(definition: &Definition, base: &str) -> Definition {
    let mut moved = definition.clone();
    let move_url = |url: &mut String| *url = moved_url(url, base);
    for name in EndpointName::ALL {
        moved.endpoint_mut(*name).iter_mut().for_each(move_url);
    }
    let long_lived = moved.long_lived.iter_mut().filter_map(|quirks| quirks.endpoint.as_mut());
    let emails = moved.identity.emails.iter_mut().filter_map(|emails| emails.endpoint.as_mut());
    let issuers = [&mut moved.issuer, &mut moved.discovery, &mut moved.issuer_template];
    let issuers = issuers.into_iter().flatten().chain(&mut moved.issuer_aliases);
    issuers.chain(long_lived).chain(emails).for_each(move_url);
    // All acted providers share one origin. Their original origins tell them apart.
    let issuer = definition.identity.issuer.as_deref().or(definition.token_endpoint.as_deref().map(origin));
    moved.identity.issuer = issuer.filter(|_| definition.issuer.is_none()).map(|url| moved_url(url, base));
    moved
}

/// A URL up to its path.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find(['/', '?']).map_or(url, |path| &url[..host + path])
}

/// The value for each parameter of the definition: its example, its default, or a value that its rule allows.
pub(super) fn values(definition: &Definition, base: &str) -> BTreeMap<String, String> {
    let value =
        |name: &str, param: &Param| match (param.rule, param.example.as_ref().or(param.default.as_ref())) {
            (Rule::Url, _) => format!("{base}/{name}"),
            (_, Some(value)) => value.clone(),
            (Rule::Host | Rule::HostPath, None) => format!("{name}.example.com").replace('_', "-"),
            _ => "example".to_owned(),
        };
    definition.params.iter().map(|(name, param)| (name.clone(), value(name, param))).collect()
}

/// Replaces the marks `{name}` by values. `None` if one has no value.
pub(crate) fn fill(text: &str, value: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let Some((before, name, after)) = next_mark(text) else { return Some(text.to_owned()) };
    Some(format!("{before}{}{}", value(name)?, fill(after, value)?))
}

/// The names of the marks in a text.
pub(super) fn marks(text: &str) -> Vec<&str> {
    let mut rest = text;
    let next = || {
        let (_, name, after) = next_mark(rest)?;
        rest = after;
        Some(name)
    };
    iter::from_fn(next).collect()
}

/// A URL of a moved definition, as a pattern for requests.
pub(crate) struct Template {
    path: String,
    query: Vec<(String, String)>,
}

impl Template {
    /// Of a URL below `origin`; marks that stand for a whole URL have been filled in.
    pub(crate) fn new(url: &str, origin: &str) -> Option<Self> {
        let rest = url.strip_prefix(origin)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Some(Self { path: path.to_owned(), query })
    }

    /// The value of each mark in the path, if the path matches.
    pub(crate) fn capture(&self, path: &str) -> Option<BTreeMap<String, String>> {
        let mut marks = BTreeMap::new();
        capture(&self.path, path, &mut marks).then_some(marks)
    }

    /// The first parameter of the endpoint's own query that the request lacks.
    pub(crate) fn missing(&self, query: &Params) -> Option<&str> {
        let there = |name: &str, value: &str| {
            value.is_empty()
                || query.get(name).is_some_and(|given| next_mark(value).is_some() || given == value)
        };
        self.query.iter().find(|(name, value)| !there(name, value)).map(|(name, _)| name.as_str())
    }
}

fn moved_url(url: &str, base: &str) -> String {
    match url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) {
        Some(rest) => format!("{base}/{rest}"),
        None => url.to_owned(),
    }
}

/// The text before the first mark, its name, and the text after it. Braces of JSON and GraphQL are not
/// marks.
fn next_mark(text: &str) -> Option<(&str, &str, &str)> {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-:/.~".contains(&b))
    };
    text.match_indices('{').find_map(|(start, _)| {
        let (name, after) = text[start + 1..].split_once('}')?;
        is_name(name).then_some((&text[..start], name, after))
    })
}

fn capture(pattern: &str, path: &str, marks: &mut BTreeMap<String, String>) -> bool {
    let Some((before, name, after)) = next_mark(pattern) else { return pattern == path };
    let Some(rest) = path.strip_prefix(before) else { return false };
    let segment = rest.find('/').unwrap_or(rest.len());
    let fits = (1..=segment).find(|end| rest.is_char_boundary(*end) && capture(after, &rest[*end..], marks));
    if let Some(end) = fits {
        marks.insert(name.to_owned(), rest[..end].to_owned());
    }
    fits.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_captured_within_their_segment() {
        let template = Template::new("o/act/x/{shop}.example.com/{id}/token?a=b", "o").unwrap();
        let marks = template.capture("/act/x/my.shop.example.com/7/token").unwrap();
        assert_eq!(marks["shop"], "my.shop");
        assert_eq!(marks["id"], "7");
        assert!(template.capture("/act/x/my/shop.example.com/7/token").is_none());
        assert!(template.capture("/act/x/.example.com/7/token").is_none());
        assert_eq!(template.missing(&Params::from_pairs(vec![])), Some("a"));
        assert_eq!(template.missing(&Params::from_pairs(vec![("a".into(), "b".into())])), None);
    }

    #[test]
    fn only_marks_are_filled() {
        let value = |name: &str| (name == "client_id").then(|| "me".to_owned());
        assert_eq!(fill("{ viewer { id } } {client_id}", &value).unwrap(), "{ viewer { id } } me");
        assert!(fill("{other}", &value).is_none());
    }
}
