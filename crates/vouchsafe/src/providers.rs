//! The best-known providers of the catalogue as functions. For all others there is [`Provider::named`].
use crate::provider::Provider;

/// Apple, by OpenID Connect. [`Credential::apple_key`](crate::Credential::apple_key) takes the key that Apple gives,
/// and signs the client secret with it.
///
/// The response comes by POST: add the posted form to the response ([`AuthorizationResponse::form`](crate::AuthorizationResponse::form)).
/// Browsers send cookies with it only if they are `SameSite=None; Secure`. Apple sends the name only at a person's first
/// login, and the [`Identity`](crate::Identity) of that login has it: store it then.
pub fn apple() -> Provider {
    catalogued("apple")
}

/// Discord. The e-mail counts as verified if Discord says so.
#[doc(alias = "DiscordOAuth2")]
pub fn discord() -> Provider {
    catalogued("discord")
}

/// Facebook, by the version of the Graph API that the catalogue knows; `.param("version", "v25.0")` asks for another.
///
/// Facebook does not refresh tokens: [`Client::long_lived_token`](crate::Client::long_lived_token) returns one for about 60
/// days. The e-mail counts as unverified.
#[doc(alias = "FacebookOAuth2")]
pub fn facebook() -> Provider {
    catalogued("facebook")
}

/// FranceConnect, version 2, by OpenID Connect. UserInfo is signed. The e-mail counts as unverified.
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

/// Google, by OpenID Connect. It returns a refresh token only with `.extra("access_type", "offline")`.
#[doc(alias = "GoogleOAuth2")]
pub fn google() -> Provider {
    catalogued("google")
}

/// Kakao, by OAuth 2. The e-mail counts as verified if Kakao says that it is both valid and verified. Revoking signs the
/// user out of your application.
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
/// The e-mail counts as verified only with the optional claim `xms_edov`: the administrator of any tenant can give its
/// users any e-mail.
///
/// # Security
/// With `common` and `organizations` the users of every tenant can sign in. If only some tenants may, check the claim `tid`.
#[doc(alias = "MicrosoftGraphOAuth2")]
pub fn microsoft(tenant: impl Into<String>) -> Provider {
    catalogued("microsoft").param("tenant", tenant)
}

/// Naver. The e-mail is a contact address, and counts as unverified.
#[doc(alias = "NaverOAuth2")]
pub fn naver() -> Provider {
    catalogued("naver")
}

/// Okta: a custom authorization server of an organization, such as `default`.
#[doc(alias = "OktaOAuth2")]
pub fn okta(domain: impl Into<String>, server: impl Into<String>) -> Provider {
    catalogued("okta").param("domain", domain).param("server", server)
}

/// Okta: the organization's authorization server, which every organization has.
#[doc(alias = "OktaOAuth2")]
pub fn okta_org(domain: impl Into<String>) -> Provider {
    catalogued("okta-org").param("domain", domain)
}

/// Reddit. There is no e-mail. There is a refresh token unless `duration` is set to `temporary`.
#[doc(alias = "RedditOAuth2")]
pub fn reddit() -> Provider {
    catalogued("reddit")
}

/// Shopify: the shop at `{shop}.myshopify.com`. The shop itself signs in, and its e-mail counts as unverified.
///
/// The response is checked by its signature under the client secret, and must come from the requested shop.
#[doc(alias = "ShopifyOAuth2")]
pub fn shopify(shop: impl Into<String>) -> Provider {
    catalogued("shopify").param("shop", shop)
}

/// A test calls all functions here, so each has its file. `Client::new` would report a missing one.
fn catalogued(slug: &str) -> Provider {
    Provider::named(slug).unwrap_or_else(|_| Provider::oauth2(slug))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_has_its_file_in_the_catalogue() {
        for provider in [
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
            assert!(provider.server("me").is_ok(), "{}", provider.slug());
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
            assert_eq!(shopify(shop).server("me").unwrap_err().code(), "invalid_param", "{shop}");
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
            let server = provider.server("me").and_then(|server| match server.discovery {
                Some(_) => Ok(server),
                None => server.discovered(None, &crate::registration::Registration::new("me")),
            });
            if let Err(error) = server {
                assert_eq!(definition.slug, "oauth2", "{}: {error}", definition.slug);
            }
        }
    }
}
