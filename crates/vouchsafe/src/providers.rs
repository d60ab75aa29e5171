//! Providers of the catalogue that have a function of their own. All others are had by [`Provider::named`].
use crate::provider::Provider;

/// Any OpenID Provider, by its issuer: the same as [`Provider::openid`].
pub fn openid(issuer: impl Into<String>) -> Provider {
    Provider::openid(issuer)
}

/// GitHub: OAuth apps and GitHub Apps. The e-mail is the primary one, if it is verified.
#[doc(alias = "GitHubOAuth2")]
pub fn github() -> Provider {
    catalogued("github")
}

/// Google, by OpenID Connect.
#[doc(alias = "GoogleOAuth2")]
pub fn google() -> Provider {
    catalogued("google")
}

/// A test walks all functions here, so that each has its file. What has none would be told by `Client::new`.
fn catalogued(slug: &str) -> Provider {
    Provider::named(slug).unwrap_or_else(|_| Provider::new(slug))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_has_its_file_in_the_catalogue() {
        for provider in [github(), google()] {
            assert!(provider.blueprint("me").is_ok(), "{}", provider.slug());
        }
    }
}
