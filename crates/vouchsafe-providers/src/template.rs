//! Texts and URLs with marks in them: `{name}`.

/// The marks in a text, without their braces.
pub(crate) fn marks(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(mark, _)| mark))
}

/// The mark, if the text is one mark and nothing else.
pub(crate) fn whole_mark(text: &str) -> Option<&str> {
    text.strip_prefix('{')?.strip_suffix('}')
}

/// Whether a mark names a parameter. Others are pointers and claims.
pub(crate) fn is_name(mark: &str) -> bool {
    mark.starts_with(|c: char| c.is_ascii_lowercase())
        && mark.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Whether a text is one segment of a path.
pub(crate) fn is_segment(text: &str) -> bool {
    !matches!(text, "" | "." | "..")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// The host of a URL, with its port; a URL that is one mark is that mark.
pub(crate) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Whether a URL is at the host of another, or at a host whose name is below it: `api.example.com` is below `example.com`.
/// Hosts are compared as they are written, with their ports; both may hold marks.
///
/// A server that says who the users of another are must be there: see [`Definition::check`](crate::Definition::check).
pub fn is_at_or_below(url: &str, other: &str) -> bool {
    let (host, above) = (host(url), host(other));
    let name = host.strip_suffix(above).filter(|_| !above.is_empty());
    name.is_some_and(|name| name.is_empty() || name.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_below_another_by_whole_labels() {
        for url in ["https://a.example/x", "https://b.a.example", "https://{shop}.a.example/?y"] {
            assert!(is_at_or_below(url, "https://a.example/z"), "{url}");
        }
        for url in
            ["https://ba.example", "https://a.example:8443/", "https://example", "https://a.example.b", ""]
        {
            assert!(!is_at_or_below(url, "https://a.example/z"), "{url}");
        }
        assert!(is_at_or_below("https://b.a.example:1", "https://a.example:1"));
        assert!(!is_at_or_below("https://a.example", "") && !is_at_or_below("", ""));
    }
}
