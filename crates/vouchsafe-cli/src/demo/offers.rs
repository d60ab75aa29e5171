//! The ways to sign in: at the sandbox itself, and at every provider that it imitates.
use vouchsafe::{Credential, Provider, Registration};
use vouchsafe_providers::NEUTRAL_MARK;
use vouchsafe_sandbox::Sandbox;

use super::session::Offer;

/// All of them, the sandbox itself first.
pub(super) fn offers(sandbox: &Sandbox, origin: &str) -> Vec<Offer> {
    let registration = |slug: &str| {
        Registration::new(sandbox.client_id())
            .secret(sandbox.client_secret())
            .redirect_uri(redirect_uri(origin, slug))
    };
    let issuer = sandbox.issuer();
    let plain = Provider::oauth2("sandbox")
        .authorization_endpoint(format!("{issuer}/authorize"))
        .token_endpoint(format!("{issuer}/token"))
        .revocation_endpoint(format!("{issuer}/revoke"))
        .userinfo_endpoint(format!("{issuer}/userinfo"))
        .issuer(issuer)
        .scopes(["profile", "email"]);
    let mut offers = vec![
        Offer {
            slug: "openid".to_owned(),
            label: "Sandbox (OpenID Connect)".to_owned(),
            hint: Some("An ID token says who you are, and the app verifies it."),
            mark: mark("openid"),
            provider: Provider::openid(issuer),
            registration: registration("openid"),
        },
        Offer {
            slug: "oauth2".to_owned(),
            label: "Sandbox (plain OAuth 2)".to_owned(),
            hint: Some("There is no ID token: the profile says who you are."),
            mark: NEUTRAL_MARK,
            provider: plain,
            registration: registration("oauth2"),
        },
    ];
    let known = |slug: &&str| offers.iter().any(|offer| offer.slug == **slug);
    let others: Vec<_> = vouchsafe_providers::slugs().filter(|slug| !known(slug)).collect();
    offers.extend(others.into_iter().filter_map(|slug| acted(slug, sandbox, origin)));
    offers
}

fn acted(slug: &str, sandbox: &Sandbox, origin: &str) -> Option<Offer> {
    let acted = sandbox.provider(slug)?;
    let definition = acted.definition();
    let label = definition.display_name.clone();
    let provider = Provider::from(definition);
    let provider = acted.params().into_iter().fold(provider, |p, (name, value)| p.param(name, value));
    let credential = match acted.client_key() {
        Some(key) => Credential::apple_key(key.team_id(), key.key_id(), key.pem()),
        None => Credential::secret(acted.client_secret()),
    };
    let registration = Registration::new(acted.client_id()).credential(credential);
    let registration = registration.redirect_uri(redirect_uri(origin, slug));
    Some(Offer { slug: slug.to_owned(), label, hint: None, mark: mark(slug), provider, registration })
}

/// Each provider has its own redirect URI, so that no response can pass as another provider's (RFC 9700 section 4.4.2.2).
fn redirect_uri(origin: &str, slug: &str) -> String {
    format!("{origin}/callback/{slug}")
}

fn mark(slug: &str) -> &'static str {
    vouchsafe_providers::mark(slug).unwrap_or(NEUTRAL_MARK)
}
