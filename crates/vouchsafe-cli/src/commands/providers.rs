//! `vouchsafe providers`: the catalogue, and each of its definitions.
mod check;

use serde_json::json;
use vouchsafe_providers::{Definition, EndpointName, Kind, Param, Pkce, ProfileSource, RegistrationFacts};

use crate::args::ProvidersArgs;
use crate::failure::Failure;
use crate::terminal::{Event, LINK, Output, SOFT, STRONG, paint};
use crate::{setup, system, text};

pub(crate) async fn run(args: &ProvidersArgs, output: &mut Output) -> Result<(), Failure> {
    if args.check {
        return check::run(args, output).await;
    }
    let Some(slug) = &args.slug else {
        list(output);
        return Ok(());
    };
    let definition = setup::from_catalogue(slug)?;
    let facts = setup::facts(&definition);
    let console = facts.as_ref().and_then(|facts| facts.console.as_deref()).or(definition.console.as_deref());
    if !args.open {
        line(&definition, output);
        show(&definition, facts.as_deref(), console, output);
        return Ok(());
    }
    // In some addresses, the host of the user's own server is to be filled in.
    let Some(url) = console.filter(|url| !url.contains('{')) else {
        let message = format!("It is not known where {} registers applications", definition.display_name);
        let failure = Failure::usage("no_console", message);
        return Err(failure.advise(&format!("See {}", definition.documentation)));
    };
    output.say(paint(url, LINK));
    match system::open_browser(url.to_owned()).await {
        Ok(Some(why)) => {
            output.warn("browser", &format!("No browser could be opened: {why}. Open the URL yourself"));
        }
        _ => output.tell("Your browser should open this page."),
    }
    Ok(())
}

/// The definition as it is, with its supported features as the list names them.
fn line(definition: &Definition, output: &mut Output) {
    // A definition was parsed from text, so that it can be serialised again.
    let mut members = serde_json::to_value(definition).unwrap_or_else(|_| json!({}));
    members["supports"] = supports(definition).into();
    if let Some(facts) = setup::facts(definition) {
        let mut facts = RegistrationFacts::clone(&facts);
        // Nobody has confirmed these.
        facts.unsure.clear();
        members["registration"] = serde_json::to_value(facts).unwrap_or_default();
    }
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
        line(d, output);
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

fn show(d: &Definition, facts: Option<&RegistrationFacts>, console: Option<&str>, output: &mut Output) {
    let openid = d.kind == Kind::Openid;
    output.say(format!("{} ({})", paint(&d.display_name, STRONG), d.slug));
    output.say("");
    let protocol = match openid {
        true => "OpenID Connect: an ID token says who signed in",
        false => "OAuth 2.0: the profile says who signed in",
    };
    output.row("protocol", protocol);
    output.row("issuer", d.issuer.as_deref());
    for name in EndpointName::ALL {
        output.row(text::endpoint(*name), d.endpoint(*name));
    }
    let others = "the others come from the metadata of the issuer (discovery)";
    output.row("endpoints", openid.then_some(others));
    let profile = match d.userinfo.source {
        ProfileSource::IdToken => Some("the claims of the ID token; there is no other profile"),
        ProfileSource::Token => Some("part of the token response; there is no other profile"),
        ProfileSource::AccessToken => Some("the claims of the access token; there is no other profile"),
        _ => None,
    };
    output.row("profile", profile);
    output.row("e-mails", d.identity.emails.as_ref().and_then(|list| list.endpoint.as_deref()));
    output.row("e-mail", email(d));
    let scopes = format!("{} (requested unless you give --scope)", d.scopes.join(" "));
    output.row("scopes", (!d.scopes.is_empty()).then_some(&*scopes));
    let client_auth = match d.client_auth {
        Some(method) => method.as_str(),
        None if openid => "from the provider's metadata",
        None => "client_secret_basic, or the method of --client-auth",
    };
    output.row("console", console);
    output.row("client auth", client_auth);
    let signed = "signed with your key: give --client-key, --key-id and --team-id";
    output.row("client secret", d.signed_client_secret.then_some(signed));
    output.row("revoke auth", d.revocation_auth.map(|method| method.as_str()));
    let pkce = match d.pkce {
        Pkce::Supported => "S256 is sent",
        Pkce::Required => "S256 is sent; the provider requires it",
        Pkce::Unsupported => "not sent: the provider rejects it",
        Pkce::Hex => "SHA-256 is sent in hexadecimal",
    };
    output.row("PKCE", pkce);
    output.row("refresh tokens", if d.refresh { "yes, if the provider issues one" } else { "no" });
    let long_lived = "the provider gives a long-lived token for a short-lived one";
    output.row("long-lived", d.long_lived.as_ref().map(|_| long_lived));
    for (name, value) in &d.authorization.params {
        output.row("always sent", &*format!("{name}={value}"));
    }
    if let Some(facts) = facts {
        show_registration(d, facts, output);
    }
    let options = d.authorization.options.iter().map(|(name, option)| {
        let values = (!option.values.is_empty()).then(|| format!("one of {}", option.values.join(", ")));
        named(name, [Some(option.description.clone()), values, None, None])
    });
    output.section("Options, set with --extra NAME=VALUE", options);
    let params = d.params.iter().map(|(name, param)| {
        let Param { description, rule, example, default, optional, .. } = param;
        let example = example.as_ref().map(|example| format!("for example {name}={example}"));
        let default = default.as_ref().map(|default| format!("default: {default}"));
        let default = default.or(optional.then(|| "optional".to_owned()));
        named(name, [Some(description.clone()), Some(rule.describe().to_owned()), example, default])
    });
    output.section("Parameters, set with --param NAME=VALUE", params);
    output.section("Notes", d.notes.iter().map(|note| format!("- {note}")));
    let sources = d.sources.iter().filter(|source| **source != d.documentation).cloned();
    let checked = format!("last checked on {}", d.checked);
    output.section("Sources", [paint(&d.documentation, LINK)].into_iter().chain(sources).chain([checked]));
}

/// The heart of the provider's page: what to click, what to enter, and what is in the way.
fn show_registration(d: &Definition, facts: &RegistrationFacts, output: &mut Output) {
    let steps = facts.steps.iter().enumerate().map(|(at, step)| format!("{}. {step}", at + 1));
    output.section("To register an application", steps);
    let forms = facts.redirect.forms().into_iter();
    let forms =
        forms.map(|(form, accepted)| format!("{form}: {}", if accepted { "accepted" } else { "refused" }));
    output.section("Redirect URIs", forms.chain(facts.redirect.fragment_or_query.clone()));
    output.section("Before other people can sign in", setup::hurdles(facts));
    let refresh = &facts.refresh;
    let refresh = [("comes", &refresh.comes), ("lasts", &refresh.lifetime), ("at most", &refresh.limit)];
    let refresh = refresh.into_iter().filter_map(|(name, text)| Some(format!("{name}: {}", text.as_ref()?)));
    output.section("The refresh token", refresh);
    let page = format!("{PAGES}/{}.md", d.slug);
    output.section("Its page, with the error messages and the sources", [paint(&page, LINK)]);
}

/// Where the pages are that are made of these facts.
const PAGES: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/providers");

fn named(name: &str, facts: [Option<String>; 4]) -> String {
    let facts: Vec<_> = facts.into_iter().flatten().filter(|fact| !fact.is_empty()).collect();
    format!("{}: {}", paint(name, STRONG), facts.join("; "))
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

/// The features of a login there, in short words.
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
