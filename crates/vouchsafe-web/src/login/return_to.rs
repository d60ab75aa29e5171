//! Paths to return to: paths of this site, and nothing else.

/// Whether a browser that is sent there stays on this site, whatever it makes of slashes, dots and white space; and
/// whether a script or a proxy that takes the path from there stays, too.
pub(crate) fn is_own_path(path: &str) -> bool {
    path.len() <= MAX_PATH
        && path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
        && !path.split(['?', '#']).next().unwrap_or_default().split('/').any(is_dots)
}

/// Whether URL parsers remove this segment, alone or with the one before it (URL Standard, "single-dot path segment").
fn is_dots(segment: &str) -> bool {
    matches!(&*segment.to_ascii_lowercase().replace("%2e", "."), "." | "..")
}

/// The longest path to return to, in bytes.
const MAX_PATH: usize = 384;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;

    #[test]
    fn only_paths_of_this_site_are_returned_to() {
        for good in [
            "/",
            "/inbox?page=2#top",
            "/a//b",
            "/%2F%2Fevil.example",
            "/@evil.example",
            "/...",
            "/.well-known/a..b/%2e%2e%2e/%252e",
            "/a?b=/../c",
            "/a#/../c",
        ] {
            assert!(is_own_path(good), "{good}");
        }
        let long = format!("/{}", "a".repeat(MAX_PATH));
        for bad in [
            "",
            "inbox",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/a\\b",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n/evil.example",
            " /evil.example",
            "/a b",
            "/\u{0}",
            "/\u{7f}",
            "/ü",
            "/.",
            "/./",
            "/.//evil.example",
            "/..//evil.example",
            "/a/../b",
            "/a/..",
            "/a/..?b",
            "/a/..#b",
            "/%2e//evil.example",
            "/%2E%2e//evil.example",
            "/.%2E//evil.example",
            "/%2e.//evil.example",
            &long,
        ] {
            assert!(!is_own_path(bad), "{bad:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 4096, ..ProptestConfig::default() })]

        #[test]
        fn a_path_that_is_returned_to_is_the_same_for_a_browser(path in "/([./a?#]|\\\\|%2[eEfF]|\t){0,10}") {
            let url = Url::parse("https://site.example/login").unwrap().join(&path);
            let stays = url.is_ok_and(|url| {
                url.host_str() == Some("site.example") && url.path() == path.split(['?', '#']).next().unwrap()
            });
            prop_assert!(stays || !is_own_path(&path), "{}", path);
        }
    }
}
