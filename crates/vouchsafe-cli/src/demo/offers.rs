//! The ways to sign in: at the sandbox itself, and at every provider that it imitates.
use std::sync::Arc;

use vouchsafe::{Credential, Provider, Registration};
use vouchsafe_providers::{NEUTRAL_MARK, mark};
use vouchsafe_sandbox::Sandbox;

/// A way to sign in: one button.
#[derive(Clone)]
pub(super) struct Offer {
    /// The last part of the paths of its login and of its redirect URI. Each provider has its own redirect URI, so that no
    /// response can pass as another provider's (RFC 9700 section 4.4.2.2).
    pub(super) slug: &'static str,
    pub(super) label: String,
    /// Its special feature. The offers without a hint are in the long list.
    pub(super) hint: Option<&'static str>,
    pub(super) provider: Provider,
    /// Without the redirect URI.
    pub(super) registration: Registration,
    /// The client secret, empty if the client signs its secrets.
    pub(super) secret: String,
    /// The client signs its secrets with a key.
    pub(super) has_key: bool,
}

impl Offer {
    /// The picture on the button, as SVG.
    pub(super) fn mark(&self) -> &'static str {
        mark(self.slug).unwrap_or(NEUTRAL_MARK)
    }
}

/// A real provider that the visitor has put in.
pub(super) fn own(issuer: &str, client_id: &str, secret: &str, scopes: &str) -> Offer {
    let provider = Provider::openid(issuer);
    let scopes: Vec<_> = scopes.split_whitespace().collect();
    let registration = Registration::new(client_id);
    Offer {
        slug: OWN,
        label: issuer.to_owned(),
        hint: None,
        provider: if scopes.is_empty() { provider } else { provider.scopes(scopes) },
        registration: if secret.is_empty() { registration } else { registration.secret(secret) },
        secret: secret.to_owned(),
        has_key: false,
    }
}

/// All of them, the sandbox itself first.
pub(super) fn offers(sandbox: &Sandbox) -> Vec<Arc<Offer>> {
    let issuer = sandbox.issuer();
    let registration = Registration::new(sandbox.client_id()).secret(sandbox.client_secret());
    let plain = Provider::oauth2("sandbox")
        .authorization_endpoint(format!("{issuer}/authorize"))
        .token_endpoint(format!("{issuer}/token"))
        .revocation_endpoint(format!("{issuer}/revoke"))
        .userinfo_endpoint(format!("{issuer}/userinfo"))
        .issuer(issuer)
        .email_verified("/email_verified")
        .scopes(["profile", "email"]);
    let openid = Offer {
        slug: "openid",
        label: "Sandbox (OpenID Connect)".to_owned(),
        hint: Some("An ID token says who you are, and the app verifies it."),
        provider: Provider::openid(issuer),
        registration: registration.clone(),
        secret: sandbox.client_secret().to_owned(),
        has_key: false,
    };
    let oauth2 = Offer {
        slug: "oauth2",
        label: "Sandbox (plain OAuth 2)".to_owned(),
        hint: Some("There is no ID token: the profile says who you are."),
        provider: plain,
        registration,
        secret: sandbox.client_secret().to_owned(),
        has_key: false,
    };
    let others = vouchsafe_providers::slugs().filter(|slug| !["openid", "oauth2"].contains(slug));
    [openid, oauth2].into_iter().chain(others.filter_map(|slug| acted(slug, sandbox))).map(Arc::new).collect()
}

fn acted(slug: &'static str, sandbox: &Sandbox) -> Option<Offer> {
    let acted = sandbox.provider(slug)?;
    let provider = Provider::from(acted.definition());
    let provider = acted.params().into_iter().fold(provider, |p, (name, value)| p.param(name, value));
    let registration = Registration::new(acted.client_id());
    let registration = match (acted.client_key(), acted.client_secret()) {
        (Some(key), _) => {
            registration.credential(Credential::apple_key(key.team_id(), key.key_id(), key.pem()))
        }
        (None, "") => registration,
        (None, secret) => registration.secret(secret),
    };
    let (label, secret) = (provider.display_name().to_owned(), acted.client_secret().to_owned());
    let has_key = acted.client_key().is_some();
    Some(Offer { slug, label, hint: None, provider, registration, secret, has_key })
}

/// The slug of the provider that the visitor has put in. The catalogue has no such slug.
pub(super) const OWN: &str = "own";
