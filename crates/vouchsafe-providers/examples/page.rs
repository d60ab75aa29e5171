//! Prints the page that lists all providers:
//!
//! ```text
//! cargo run -p vouchsafe-providers --example page > docs/providers.md
//! ```
use std::fmt::Write as _;

use vouchsafe_providers::{Definition, Kind, Pkce, ProfileSource, all, mark};

#[expect(clippy::print_stdout, reason = "it is what the example is for")]
#[allow(dead_code, reason = "the test that finds a stale page takes the functions alone")]
fn main() {
    print!("{}", page());
}

/// The page, made from the definitions alone.
pub(crate) fn page() -> String {
    let definitions: Vec<_> = all().collect();
    let mut page = format!(
        "# Providers\n\n\
         The catalogue has {} providers. This page is made from their definitions \
         (`crates/vouchsafe-providers/providers/`) by\n\
         `cargo run -p vouchsafe-providers --example page > docs/providers.md`; a test says when it is stale. \
         `vouchsafe providers SLUG` shows all of one.\n\n\
         - **Protocol**: OpenID Connect, where an ID token says who signed in, or OAuth 2, where the profile does.\n\
         - **PKCE**: required by the provider, sent, or not sent because the provider refuses it.\n\
         - **E-mail**: *told* if the provider says for each address whether it is verified, *verified* if it documents that \
         it gives out verified addresses alone, *unknown* if it does not say, and a dash if it gives none.\n\n\
         | provider | slug | protocol | PKCE | refresh | revoke | profile | e-mail | parameters | mark | checked |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        definitions.len()
    );
    for d in &definitions {
        let _ = writeln!(
            page,
            "| [{}]({}) | `{}` | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            d.display_name.replace('|', "\\|"),
            d.documentation,
            d.slug,
            match d.kind {
                Kind::Openid => "OpenID Connect",
                Kind::Oauth2 => "OAuth 2",
            },
            match d.pkce {
                Pkce::Required => "required",
                Pkce::Supported => "sent",
                Pkce::Hex => "sent, in hexadecimal",
                Pkce::Unsupported => "not sent",
            },
            yes(d.refresh),
            match (&d.revocation_endpoint, d.kind) {
                (Some(_), _) => "yes",
                (None, Kind::Openid) => "by discovery",
                (None, Kind::Oauth2) => "–",
            },
            match (d.userinfo.source, &d.userinfo_endpoint, d.kind) {
                (ProfileSource::IdToken, ..) => "ID token",
                (ProfileSource::Token, ..) => "token answer",
                (ProfileSource::AccessToken, ..) => "access token",
                (_, Some(_), _) | (_, _, Kind::Openid) => "yes",
                _ => "–",
            },
            email(d),
            d.params.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
            yes(mark(&d.slug).is_some()),
            d.checked,
        );
    }
    page
}

fn yes(yes: bool) -> &'static str {
    if yes { "yes" } else { "–" }
}

fn email(d: &Definition) -> &'static str {
    let identity = &d.identity;
    if let Some(list) = &identity.emails {
        return if list.verified.is_some() { "told" } else { "unknown" };
    }
    match (identity.email.is_empty(), identity.email_always_verified, identity.email_verified.is_empty()) {
        (true, ..) => "–",
        (_, true, _) => "verified",
        (_, _, true) => "unknown",
        _ => "told",
    }
}
