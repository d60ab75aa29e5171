//! Providers of the catalogue that have a function of their own. All others are had by [`Provider::named`].
use crate::provider::Provider;

/// Any OpenID Provider, by its issuer: the same as [`Provider::openid`].
#[doc(alias = "OpenID")]
pub fn openid(issuer: impl Into<String>) -> Provider {
    Provider::openid(issuer)
}

/// Apple, by OpenID Connect. [`Registration::apple_key`](crate::Registration::apple_key) takes the key that Apple gives,
/// and signs the client secret with it.
///
/// The response comes by POST: hand the posted form to [`Client::finish`](crate::Client::finish) in place of the query.
/// Cookies go along with it only if they are `SameSite=None; Secure`. The name comes at a person's first login alone, and
/// is in the [`Identity`](crate::Identity) of that login: keep it then.
pub fn apple() -> Provider {
    catalogued("apple")
}

/// Discord. The e-mail is vouched for where Discord says that it is verified.
#[doc(alias = "DiscordOAuth2")]
pub fn discord() -> Provider {
    catalogued("discord")
}

/// Facebook, by the version of the Graph API that the catalogue knows; `.param("version", "v25.0")` asks for another.
///
/// There is no refresh: [`Client::long_lived_token`](crate::Client::long_lived_token) gives a token of about 60 days.
/// Nobody vouches for the e-mail.
#[doc(alias = "FacebookOAuth2")]
pub fn facebook() -> Provider {
    catalogued("facebook")
}

/// FranceConnect, version 2, by OpenID Connect. UserInfo comes signed. Nobody vouches for the e-mail.
#[doc(alias = "FranceConnectOAuth2")]
pub fn franceconnect() -> Provider {
    catalogued("franceconnect")
}

/// FranceConnect's integration environment, where the users are invented.
#[doc(alias = "FranceConnectOAuth2")]
pub fn franceconnect_integration() -> Provider {
    catalogued("franceconnect-integration")
}

/// GitHub: OAuth apps and GitHub Apps. The e-mail is the primary one, if it is verified.
#[doc(alias = "GitHubOAuth2")]
pub fn github() -> Provider {
    catalogued("github")
}

/// Google, by OpenID Connect. A refresh token comes with `.extra("access_type", "offline")` alone.
#[doc(alias = "GoogleOAuth2")]
pub fn google() -> Provider {
    catalogued("google")
}

/// Kakao, by OAuth 2. The e-mail is vouched for where it is both valid and verified. Revoking signs the user out of your
/// application.
#[doc(alias = "KakaoOAuth2")]
pub fn kakao() -> Provider {
    catalogued("kakao")
}

/// LinkedIn: the product Sign In with LinkedIn using OpenID Connect.
#[doc(alias = "LinkedInOAuth2")]
pub fn linkedin() -> Provider {
    catalogued("linkedin")
}

/// Microsoft, by OpenID Connect: `common`, `organizations`, `consumers`, or a tenant's identifier or domain.
///
/// The e-mail is vouched for by the optional claim `xms_edov` alone: the administrator of any tenant can write any
/// address into its users' e-mail.
///
/// # Security
/// With `common` and `organizations` the users of any tenant sign in. Check the claim `tid` where only some may.
#[doc(alias = "MicrosoftGraphOAuth2")]
pub fn microsoft(tenant: impl Into<String>) -> Provider {
    catalogued("microsoft").param("tenant", tenant)
}

/// Naver. Nobody vouches for the e-mail: it is a contact address.
#[doc(alias = "NaverOAuth2")]
pub fn naver() -> Provider {
    catalogued("naver")
}

/// Okta: an authorization server of an organization's own, such as `default`.
#[doc(alias = "OktaOAuth2")]
pub fn okta(domain: impl Into<String>, server: impl Into<String>) -> Provider {
    catalogued("okta").param("domain", domain).param("server", server)
}

/// Okta: the organization's authorization server, which every organization has.
#[doc(alias = "OktaOAuth2")]
pub fn okta_org(domain: impl Into<String>) -> Provider {
    catalogued("okta-org").param("domain", domain)
}

/// Reddit. It gives no e-mail, and a refresh token for as long as `duration` is not set to `temporary`.
#[doc(alias = "RedditOAuth2")]
pub fn reddit() -> Provider {
    catalogued("reddit")
}

/// Shopify: the shop that is `{shop}.myshopify.com`. It is the shop that signs in, and nobody vouches for its e-mail.
///
/// The response is checked by its signature under the client secret, and must come from the shop that was asked.
#[doc(alias = "ShopifyOAuth2")]
pub fn shopify(shop: impl Into<String>) -> Provider {
    catalogued("shopify").param("shop", shop)
}

/// A test walks all functions here, so that each has its file. What has none would be told by `Client::new`.
fn catalogued(slug: &str) -> Provider {
    Provider::named(slug).unwrap_or_else(|_| Provider::oauth2(slug))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_has_its_file_in_the_catalogue() {
        for provider in [
            openid("https://id.example.com"),
            apple(),
            discord(),
            facebook(),
            franceconnect(),
            franceconnect_integration(),
            github(),
            google(),
            kakao(),
            linkedin(),
            microsoft("common"),
            naver(),
            okta("acme.okta.com", "default"),
            okta_org("acme.okta.com"),
            reddit(),
            shopify("acme-toys"),
        ] {
            assert!(provider.blueprint("me").is_ok(), "{}", provider.slug());
        }
    }

    #[test]
    fn a_shop_is_one_part_of_a_host_name() {
        for shop in [
            "evil.example/#",
            "-shop",
            "shop.evil",
            "shop/",
            "shop@evil.example",
            "shop:8080",
            "a b",
            "shop\n",
            "",
        ] {
            assert_eq!(shopify(shop).blueprint("me").unwrap_err().code(), "invalid_param", "{shop}");
        }
    }

    #[test]
    fn every_provider_of_the_catalogue_is_ready_once_its_parameters_are_given() {
        for definition in vouchsafe_providers::all() {
            let mut provider = Provider::from(definition.clone());
            for (name, param) in &definition.params {
                if let Some(example) = &param.example {
                    provider = provider.param(name, example);
                }
            }
            if let Err(error) = provider.blueprint("me") {
                assert_eq!(definition.slug, "oauth2", "{}: {error}", definition.slug);
            }
        }
    }
}
