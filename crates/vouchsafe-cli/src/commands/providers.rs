//! `vouchsafe providers`: the catalogue, and each of its definitions.
use serde_json::json;
use vouchsafe_providers::{Definition, EndpointName, Kind, Param, Pkce, ProfileSource};

use crate::failure::Failure;
use crate::terminal::{Event, LINK, Output, SOFT, STRONG, paint};
use crate::{setup, text};

pub(crate) fn run(slug: Option<&str>, output: &mut Output) -> Result<(), Failure> {
    match slug {
        Some(slug) => {
            let definition = setup::from_catalogue(slug)?;
            line(&definition, output);
            show(&definition, output);
        }
        None if output.is_json() => {
            for definition in vouchsafe_providers::all() {
                line(&definition, output);
            }
        }
        None => list(output),
    }
    Ok(())
}

/// The definition as it is, with the words of the list for what it supports.
fn line(definition: &Definition, output: &mut Output) {
    // A definition was parsed from text, so that it can be serialised again.
    let mut members = serde_json::to_value(definition).unwrap_or_else(|_| json!({}));
    members["supports"] = supports(definition).into();
    output.event(&Event::Provider(members));
}

fn list(output: &mut Output) {
    let definitions: Vec<_> = vouchsafe_providers::all().collect();
    let width = |column: fn(&Definition) -> &str, title: &str| {
        let widest = definitions.iter().map(|d| column(d).chars().count()).max().unwrap_or_default();
        widest.max(title.len())
    };
    let (slug, name) = (width(|d| &d.slug, "SLUG"), width(|d| &d.display_name, "NAME"));
    let title = format!("{:<slug$}  {:<name$}  {:<8}  SUPPORTS", "SLUG", "NAME", "PROTOCOL");
    output.tell(paint(&title, SOFT));
    for d in &definitions {
        let protocol = if d.kind == Kind::Openid { "openid" } else { "oauth2" };
        let slug = paint(&format!("{:<slug$}", d.slug), STRONG);
        output.say(format!("{slug}  {:<name$}  {protocol:<8}  {}", d.display_name, supports(d).join(", ")));
    }
    output.tell("");
    let hint = format!(
        "{} providers. `vouchsafe providers SLUG` shows one of them. Any OpenID Provider works with --issuer URL.",
        definitions.len()
    );
    output.tell(paint(&hint, SOFT));
}

fn show(d: &Definition, output: &mut Output) {
    let openid = d.kind == Kind::Openid;
    output.say(format!("{} ({})", paint(&d.display_name, STRONG), d.slug));
    output.say("");
    output.row(
        "protocol",
        if openid {
            "OpenID Connect: an ID token says who signed in"
        } else {
            "OAuth 2.0: the profile says who signed in"
        },
    );
    if let Some(issuer) = &d.issuer {
        output.row("issuer", issuer);
    }
    for name in EndpointName::ALL {
        if let Some(url) = d.endpoint(*name) {
            output.row(text::endpoint(*name), url);
        }
    }
    if openid {
        output.row("endpoints", "the others come from the metadata of the issuer (discovery)");
    }
    let profile = match d.userinfo.source {
        ProfileSource::IdToken => Some("the claims of the ID token; there is no other"),
        ProfileSource::Token => Some("part of the token response; there is no other"),
        ProfileSource::AccessToken => Some("the claims of the access token; there is no other"),
        _ => None,
    };
    if let Some(profile) = profile {
        output.row("profile", profile);
    }
    if let Some(endpoint) = d.identity.emails.as_ref().and_then(|list| list.endpoint.as_ref()) {
        output.row("e-mails", endpoint);
    }
    output.row("e-mail", email(d));
    if !d.scopes.is_empty() {
        output.row("scopes", &format!("{} (requested unless you give --scope)", d.scopes.join(" ")));
    }
    output.row(
        "client auth",
        match d.client_auth {
            Some(method) => method.as_str(),
            None if openid => "from the provider's metadata",
            None => "client_secret_basic, or the method of --client-auth",
        },
    );
    if d.signed_client_secret {
        output.row("client secret", "signed with your key: give --client-key, --key-id and --team-id");
    }
    if let Some(method) = d.revocation_auth {
        output.row("at revocation", method.as_str());
    }
    output.row(
        "PKCE",
        match d.pkce {
            Pkce::Supported => "S256 is sent",
            Pkce::Required => "S256 is sent; the provider requires it",
            Pkce::Unsupported => "not sent: the provider rejects it",
            Pkce::Hex => "SHA-256 is sent in hexadecimal",
        },
    );
    output.row("refresh tokens", if d.refresh { "yes, if the provider issues one" } else { "no" });
    if d.long_lived.is_some() {
        output.row("long-lived", "the provider gives a long-lived token for a short-lived one");
    }
    for (name, value) in &d.authorization.params {
        output.row("always sent", &format!("{name}={value}"));
    }
    if !d.authorization.options.is_empty() {
        output.heading("Options, set with --extra NAME=VALUE");
    }
    for (name, option) in &d.authorization.options {
        let values = format!("one of {}", option.values.join(", "));
        named(name, &[&option.description, if option.values.is_empty() { "" } else { &values }], output);
    }
    if !d.params.is_empty() {
        output.heading("Parameters, set with --param NAME=VALUE");
    }
    for (name, param) in &d.params {
        let Param { description, rule, example, default, optional, .. } = param;
        let example =
            example.as_ref().map(|example| format!("for example {name}={example}")).unwrap_or_default();
        let default = match default {
            Some(default) => format!("default: {default}"),
            None if *optional => "optional".to_owned(),
            None => String::new(),
        };
        named(name, &[description, rule.describe(), &example, &default], output);
    }
    if !d.notes.is_empty() {
        output.heading("Notes");
    }
    for note in &d.notes {
        output.say(format!("  - {note}"));
    }
    output.heading("Sources");
    output.say(format!("  {}", paint(&d.documentation, LINK)));
    for source in d.sources.iter().filter(|source| **source != d.documentation) {
        output.say(format!("  {source}"));
    }
    output.say(format!("  last checked on {}", d.checked));
}

fn named(name: &str, facts: &[&str], output: &mut Output) {
    let facts: Vec<_> = facts.iter().copied().filter(|fact| !fact.is_empty()).collect();
    output.say(format!("  {}: {}", paint(name, STRONG), facts.join("; ")));
}

/// How far an e-mail address from this provider can be trusted.
fn email(definition: &Definition) -> &'static str {
    let identity = &definition.identity;
    match identity.emails.as_ref().map(|list| list.verified.is_some()) {
        Some(true) => "the primary address, if the provider has verified it",
        None if identity.email.is_empty() => "none",
        None if identity.email_always_verified => {
            "always verified, according to the provider's documentation"
        }
        None if !identity.email_verified.is_empty() => "the provider says whether it is verified",
        _ => "the provider does not say whether it is verified: do not trust it",
    }
}

/// What a login there can do, in short words.
fn supports(definition: &Definition) -> Vec<&'static str> {
    let openid = definition.kind == Kind::Openid;
    let from_token = definition.userinfo.source == ProfileSource::Token;
    let all = [
        (openid && definition.userinfo.source != ProfileSource::AccessToken, "id_token"),
        (openid || definition.userinfo_endpoint.is_some() || from_token, "profile"),
        (!definition.identity.email.is_empty() || definition.identity.emails.is_some(), "email"),
        (definition.pkce != Pkce::Unsupported, "pkce"),
        (definition.refresh, "refresh"),
        (definition.revocation_endpoint.is_some(), "revoke"),
        (definition.long_lived.is_some(), "long_lived"),
    ];
    all.into_iter().filter_map(|(has, word)| has.then_some(word)).collect()
}
