//! The names and headers that a definition changes.
use std::collections::BTreeMap;

use http::header::{HeaderMap, HeaderName, HeaderValue};

/// The name of a parameter at this provider.
pub(crate) fn called<'n>(names: [&'n BTreeMap<String, String>; 2], name: &'n str) -> &'n str {
    names.into_iter().filter(|names| !names.is_empty()).find_map(|names| names.get(name)).map_or(name, |n| n)
}

/// The headers that a definition requires. The error is the name of an invalid one.
pub(crate) fn headers(wanted: &BTreeMap<String, String>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::with_capacity(wanted.len());
    for (name, value) in wanted {
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => headers.insert(name, value),
            _ => return Err(name.clone()),
        };
    }
    Ok(headers)
}

/// For requests whose parameters have the names of the RFCs.
pub(crate) static UNCHANGED: BTreeMap<String, String> = BTreeMap::new();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_is_none_is_told() {
        let wanted = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        assert_eq!(headers(&wanted("Client-Id", "me")).unwrap()["client-id"], "me");
        assert_eq!(headers(&wanted("a b", "c")).unwrap_err(), "a b");
        assert_eq!(headers(&wanted("a", "me\r\nb: c")).unwrap_err(), "a");
    }
}
