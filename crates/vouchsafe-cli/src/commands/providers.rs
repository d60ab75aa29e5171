//! `vouchsafe providers`: what is known of which provider.
use serde_json::{Value, json};
use vouchsafe_providers::{ClientAuth, Definition, Kind, Pkce, ProfileSource};

use crate::failure::Failure;
use crate::setup::provider as target;
use crate::terminal::output::{Event, Output, Style};

pub(crate) fn run(slug: Option<&str>, output: &mut Output) -> Result<(), Failure> {
    match slug {
        Some(slug) => {
            let definition = vouchsafe_providers::get(slug).ok_or_else(|| target::unknown_provider(slug))?;
            line(&definition, output);
            show(&definition, output);
        }
        None if output.is_json() => vouchsafe_providers::all().for_each(|d| line(&d, output)),
        None => list(output),
    }
    Ok(())
}

/// The definition as it is, and what it supports in the words of the list.
fn line(definition: &Definition, output: &mut Output) {
    // A definition was read from text: it can be written as well.
    let mut more = serde_json::to_value(definition).unwrap_or_else(|_| json!({}));
    if let Value::Object(members) = &mut more {
        members.remove("slug");
        members.insert("supports".to_owned(), supports(definition).into());
    }
    output.event(&Event::Provider { slug: &definition.slug, more });
}

fn list(output: &mut Output) {
    let definitions: Vec<_> = vouchsafe_providers::all().collect();
    let width = |column: fn(&Definition) -> &str, title: &str| {
        let widest = definitions.iter().map(|d| column(d).chars().count()).max().unwrap_or_default();
        widest.max(title.len())
    };
    let (slug, name) = (width(|d| &d.slug, "SLUG"), width(|d| &d.display_name, "NAME"));
    let title = format!("{:<slug$}  {:<name$}  {:<8}  SUPPORTS", "SLUG", "NAME", "PROTOCOL");
    output.tell(output.paint(&title, Style::Soft));
    for definition in &definitions {
        let shown = format!("{:<slug$}", definition.slug);
        output.say(format!(
            "{}  {:<name$}  {:<8}  {}",
            output.paint(&shown, Style::Strong),
            definition.display_name,
            protocol(definition),
            supports(definition).join(", ")
        ));
    }
    output.tell("");
    let hint = format!(
        "{} providers. `vouchsafe providers SLUG` shows all of one; any OpenID Provider works with --issuer URL.",
        definitions.len()
    );
    output.tell(output.paint(&hint, Style::Soft));
}

fn show(definition: &Definition, output: &mut Output) {
    let d = definition;
    output.say(format!("{} ({})", output.paint(&d.display_name, Style::Strong), d.slug));
    output.say("");
    row(
        output,
        "protocol",
        match d.kind {
            Kind::Openid => "OpenID Connect: an ID token says who signed in",
            Kind::Oauth2 => "OAuth 2: the profile says who signed in",
        },
    );
    for (label, value) in [
        ("issuer", &d.issuer),
        ("authorization", &d.authorization_endpoint),
        ("token", &d.token_endpoint),
        ("refresh", &d.refresh_endpoint),
        ("revocation", &d.revocation_endpoint),
        ("userinfo", &d.userinfo_endpoint),
        ("introspection", &d.introspection_endpoint),
        ("device", &d.device_authorization_endpoint),
        ("logout", &d.end_session_endpoint),
    ] {
        if let Some(value) = value {
            row(output, label, value);
        }
    }
    if d.kind == Kind::Openid {
        row(output, "endpoints", "the others are found by discovery at the issuer");
    }
    match d.userinfo.source {
        ProfileSource::IdToken => row(output, "profile", "there is none but the ID token's claims"),
        ProfileSource::Token => row(output, "profile", "there is none but what the token answer holds"),
        ProfileSource::AccessToken => row(output, "profile", "there is none but the access token's claims"),
        _ => {}
    }
    if let Some(endpoint) = d.identity.emails.as_ref().and_then(|list| list.endpoint.as_ref()) {
        row(output, "e-mails", endpoint);
    }
    row(output, "e-mail", email(d));
    if !d.scopes.is_empty() {
        row(output, "scopes", &format!("{} (asked for unless you name others)", d.scopes.join(" ")));
    }
    let methods = match d.client_auth {
        Some(method) => auth(method).to_owned(),
        None if d.kind == Kind::Openid => "as the provider's metadata says".to_owned(),
        None => "client_secret_basic, or what --client-auth says".to_owned(),
    };
    row(output, "client auth", &methods);
    if d.signed_client_secret {
        row(output, "client secret", "signed with your key: give --client-key, --key-id and --team-id");
    }
    if let Some(method) = d.revocation_auth {
        row(output, "at revocation", auth(method));
    }
    row(
        output,
        "PKCE",
        match d.pkce {
            Pkce::Supported => "S256 is sent",
            Pkce::Required => "S256 is sent; the provider asks for it",
            Pkce::Unsupported => "not sent: the provider refuses it",
            Pkce::Hex => "SHA-256 is sent, in hexadecimal",
        },
    );
    row(output, "refresh tokens", if d.refresh { "yes, where the provider gives one" } else { "no" });
    if d.long_lived.is_some() {
        row(output, "long-lived", "a long-lived token can be had for a short-lived one");
    }
    for (name, value) in &d.authorization.params {
        row(output, "sends always", &format!("{name}={value}"));
    }
    if !d.authorization.options.is_empty() {
        heading(output, "Options, given with --extra NAME=VALUE");
        for (name, option) in &d.authorization.options {
            let mut told = vec![option.description.clone()];
            if !option.values.is_empty() {
                told.push(format!("one of {}", option.values.join(", ")));
            }
            told.retain(|t| !t.is_empty());
            output.say(format!("  {}: {}", output.paint(name, Style::Strong), told.join("; ")));
        }
    }
    if !d.params.is_empty() {
        heading(output, "Parameters, given with --param NAME=VALUE");
        for (name, param) in &d.params {
            let mut told = vec![param.rule.describe().to_owned()];
            if !param.description.is_empty() {
                told.insert(0, param.description.clone());
            }
            if let Some(example) = &param.example {
                told.push(format!("for instance {name}={example}"));
            }
            match &param.default {
                Some(default) => told.push(format!("{default} unless it is given")),
                None if param.optional => told.push("may be left out".to_owned()),
                None => {}
            }
            output.say(format!("  {}: {}", output.paint(name, Style::Strong), told.join("; ")));
        }
    }
    if !d.notes.is_empty() {
        heading(output, "Good to know");
        for note in &d.notes {
            output.say(format!("  - {note}"));
        }
    }
    heading(output, "Where this is from");
    output.say(format!("  {}", output.paint(&d.documentation, Style::Link)));
    for source in d.sources.iter().filter(|source| **source != d.documentation) {
        output.say(format!("  {source}"));
    }
    output.say(format!("  compared on {}", d.checked));
}

fn heading(output: &mut Output, text: &str) {
    output.say("");
    output.say(output.paint(text, Style::Strong));
}

fn row(output: &mut Output, label: &str, value: &str) {
    let label = output.paint(&format!("{label:<14}"), Style::Soft);
    output.say(format!("  {label} {value}"));
}

fn protocol(definition: &Definition) -> &'static str {
    match definition.kind {
        Kind::Openid => "openid",
        Kind::Oauth2 => "oauth2",
    }
}

/// How far an e-mail of that provider can be trusted.
fn email(definition: &Definition) -> &'static str {
    let identity = &definition.identity;
    let listed = identity.emails.as_ref().map(|list| list.verified.is_some());
    match listed {
        Some(true) => "the primary one, if the provider has verified it",
        None if identity.email.is_empty() => "none is given",
        None if identity.email_always_verified => "always verified, as the provider documents",
        None if !identity.email_verified.is_empty() => "with word on whether the provider has verified it",
        _ => "without word on whether it is verified: do not trust it",
    }
}

/// What a login at it can do, in short words.
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

fn auth(method: ClientAuth) -> &'static str {
    method.as_str()
}
