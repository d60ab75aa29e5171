//! What is to be entered at the provider, and what the file gets: known before anything is asked at the provider's page.
use std::sync::Arc;

use serde_json::{Value, json};
use vouchsafe_providers::{Definition, Rule, variable_prefix};
use vouchsafe_providers::{Param, RegistrationFacts};

use super::person::{Person, Question};
use crate::args::{SetupArgs, TargetArgs};
use crate::failure::Failure;
use crate::terminal::{LINK, Output, STRONG, paint};
use crate::{setup, text};

/// The plan of one setup.
pub(super) struct Plan {
    pub(super) definition: Arc<Definition>,
    pub(super) facts: Arc<RegistrationFacts>,
    pub(super) target: TargetArgs,
    pub(super) redirect_uri: String,
}

impl Plan {
    /// Asks for what is missing: parameters of the definition, and the redirect URI.
    pub(super) async fn new(
        args: &SetupArgs,
        person: &mut Person,
        output: &mut Output,
    ) -> Result<Self, Failure> {
        let definition = setup::definition(&args.provider)?;
        let facts = setup::facts(&definition).unwrap_or_default();
        let mut params = args.params.clone();
        if let Some((name, _)) = params.iter().find(|(name, _)| !definition.params.contains_key(name)) {
            let known: Vec<_> = definition.params.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let message = format!(
                "{} has no parameter {}; it has: {known}",
                definition.display_name,
                text::short(name, 60)
            );
            return Err(Failure::usage("invalid_param", message));
        }
        // The sandbox has values of its own.
        let asked = definition.params.iter().filter(|_| args.at.is_none());
        for (name, param) in
            asked.filter(|(_, param)| !param.optional && (param.server || param.default.is_none()))
        {
            if params.iter().all(|(given, _)| given != name) {
                let is_needed = param.default.is_none() && !args.dry_run;
                params.extend(
                    parameter(name, param, is_needed, person, output)
                        .await?
                        .map(|value| (name.clone(), value)),
                );
            }
        }
        for (name, value) in &params {
            if let Some(why) = refused(name, &definition.params[name], value) {
                return Err(Failure::usage("invalid_param", why));
            }
        }
        let target = TargetArgs { params, at: args.at.clone(), ..TargetArgs::default() };
        let redirect_uri = redirect_uri(args, &definition, &facts, person, output).await?;
        Ok(Self { definition, facts, target, redirect_uri })
    }

    /// The page where applications are registered, as far as its address is known.
    pub(super) fn console(&self) -> Option<String> {
        let console = self.facts.console.as_ref().or(self.definition.console.as_ref())?;
        let defaults =
            self.definition.params.iter().filter_map(|(name, param)| Some((name, param.default.as_ref()?)));
        let given = self.target.params.iter().map(|(name, value)| (name, value));
        Some(given.chain(defaults).fold(console.clone(), |url, (name, value)| {
            let value = value.trim_start_matches("https://").trim_start_matches("http://");
            url.replace(&format!("{{{name}}}"), value)
        }))
    }

    /// The name of a variable: `GOOGLE_CLIENT_ID` for `client_id`.
    pub(super) fn variable(&self, name: &str) -> String {
        format!("{}_{}", variable_prefix(&self.definition.slug), name.to_ascii_uppercase())
    }

    /// The variables that do not depend on the registration.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let params = self.target.params.iter().map(|(name, value)| (self.variable(name), value.clone()));
        params.chain([(self.variable("redirect_uri"), self.redirect_uri.clone())]).collect()
    }

    /// The names of the values that the provider gives.
    pub(super) fn credentials(&self) -> &'static [&'static str] {
        match self.definition.signed_client_secret {
            true => &["client_id", "team_id", "key_id", "key_file"],
            false => &["client_id", "client_secret"],
        }
    }

    /// The plan for a program.
    pub(super) fn event(&self, args: &SetupArgs) -> Value {
        let own = self.credentials().iter().map(|name| self.variable(name));
        let variables: Vec<_> = own.chain(self.variables().into_iter().map(|(name, _)| name)).collect();
        json!({
            "provider": self.definition.slug, "console": self.console(), "redirect_uri": self.redirect_uri,
            "steps": self.facts.steps, "file": args.out.display().to_string(), "variables": variables,
        })
    }

    /// The plan for a person.
    pub(super) fn show(&self, output: &mut Output) {
        let name = text::short(&self.definition.display_name, 80);
        output.tell(format!("Setting up the sign-in with {}.", paint(&name, STRONG)));
        output.tell("");
        let steps = self.facts.steps.iter().enumerate().map(|(at, step)| format!("{}. {step}", at + 1));
        let console = self.console();
        if !output.is_quiet() {
            output.row("console", console.as_deref());
            output.row("redirect URI", &*self.redirect_uri);
            output.section("At the provider", steps);
            output.section("Before other people can sign in", setup::hurdles(&self.facts));
            if self.facts.steps.is_empty() {
                let docs = paint(&self.definition.documentation, LINK);
                output.section(
                    "At the provider",
                    [format!("Register an application as its documentation says: {docs}")],
                );
            }
        }
        output.tell("");
    }
}

async fn parameter(
    name: &str,
    param: &Param,
    is_needed: bool,
    person: &mut Person,
    output: &mut Output,
) -> Result<Option<String>, Failure> {
    let option = format!("--param {name}={}", param.example.as_deref().unwrap_or("VALUE"));
    let label = format!("parameter {name}");
    let what = Question { of: "invalid_param", label: &label, option: &option };
    if !person.is_there() {
        return if is_needed { Err(what.missing()) } else { Ok(None) };
    }
    let about = if param.description.is_empty() { param.rule.describe() } else { &param.description };
    let example =
        param.example.as_ref().map(|example| format!(", for example {example}")).unwrap_or_default();
    output.hint(&text::sentence(&format!("{about}{example}")));
    loop {
        let value = person.ask(&what, "", param.default.as_deref()).await?;
        match refused(name, param, &value) {
            None => return Ok(Some(value)),
            Some(why) => output.hint(&why),
        }
    }
}

/// Why a value of a parameter is refused.
fn refused(name: &str, param: &Param, value: &str) -> Option<String> {
    let own = match param.rule {
        Rule::Host | Rule::HostPath => value.trim_start_matches("https://").trim_start_matches("http://"),
        Rule::Url if !value.contains("://") => "{",
        _ => value,
    };
    let example =
        param.example.as_ref().map(|example| format!(", for example {example}")).unwrap_or_default();
    let told = text::short(value, 60);
    let rule = param.rule.describe();
    (!param.rule.accepts(own))
        .then(|| format!("The parameter {name} is {rule}{example}, and {told:?} is not."))
}

async fn redirect_uri(
    args: &SetupArgs,
    definition: &Definition,
    facts: &RegistrationFacts,
    person: &mut Person,
    output: &mut Output,
) -> Result<String, Failure> {
    let default = default_redirect_uri(definition, facts, args.at.is_some());
    let what =
        Question { of: "redirect_uri", label: "redirect URI of your application", option: "--redirect-uri" };
    let mut given = args.redirect_uri.clone();
    loop {
        let uri = match (given.take(), &default) {
            (Some(uri), _) => uri,
            (None, Some(default)) if !person.is_there() => default.clone(),
            (None, None) if args.dry_run => format!("https://app.example.com/callback/{}", definition.slug),
            (None, _) if person.is_there() => person.ask(&what, "", default.as_deref()).await?,
            (None, _) => {
                let failure = what.missing();
                let name = &definition.display_name;
                return Err(failure.advise(&format!(
                    "{name} accepts no address of http on this machine: register an https address, such as that of your \
                     application or of a tunnel."
                )));
            }
        };
        let doubt = match setup::redirect_uri(&uri) {
            Err(failure) if person.is_there() => {
                output.hint(&failure.message);
                continue;
            }
            Err(failure) => return Err(failure),
            // The sandbox accepts every address on this machine.
            Ok(_) if args.at.is_some() => None,
            Ok(url) => doubted(facts, url.as_str()),
        };
        match doubt {
            Some(why) if !person.accepts(&what, why, output).await => {}
            _ => return Ok(uri),
        }
    }
}

/// Why the provider probably refuses a redirect URI.
fn doubted(facts: &RegistrationFacts, uri: &str) -> Option<&'static str> {
    let redirect = &facts.redirect;
    match setup::loopback_host(uri).as_deref() {
        Some("localhost") if redirect.http_localhost == Some(false) => match redirect.http_loopback_ip {
            Some(true) => Some("has localhost, which this provider refuses: use 127.0.0.1"),
            _ => Some("is http on this machine, which this provider refuses: use an https address"),
        },
        Some(host) if host != "localhost" && redirect.http_loopback_ip == Some(false) => match redirect
            .http_localhost
        {
            Some(true) => Some("has the address of this machine, which this provider refuses: use localhost"),
            _ => Some("is http on this machine, which this provider refuses: use an https address"),
        },
        None if !uri.starts_with("http") && redirect.custom_scheme == Some(false) => {
            Some("has a scheme of its own, which this provider refuses: use an https address")
        }
        _ => None,
    }
}

/// An address on this machine that the provider accepts, as far as is known.
fn default_redirect_uri(
    definition: &Definition,
    facts: &RegistrationFacts,
    at_sandbox: bool,
) -> Option<String> {
    let redirect = &facts.redirect;
    let host = match (redirect.http_localhost, redirect.http_loopback_ip) {
        (Some(false), Some(true)) => "127.0.0.1",
        // As most guides write it; a cookie of one host is not sent to the other.
        (Some(true) | None, _) => "localhost",
        (Some(false), _) if at_sandbox => "localhost",
        (Some(false), _) => return None,
    };
    Some(format!("http://{host}:3000/callback/{}", definition.slug))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(slug: &str) -> (Arc<Definition>, Arc<RegistrationFacts>) {
        let definition = vouchsafe_providers::get(slug).unwrap();
        let facts = setup::facts(&definition).unwrap();
        (definition, facts)
    }

    #[test]
    fn the_default_redirect_uri_is_one_that_the_provider_accepts() {
        for (slug, uri) in [
            ("google", Some("http://localhost:3000/callback/google")),
            ("spotify", Some("http://127.0.0.1:3000/callback/spotify")),
            ("kick", Some("http://localhost:3000/callback/kick")),
            ("apple", None),
        ] {
            let (definition, facts) = known(slug);
            assert_eq!(default_redirect_uri(&definition, &facts, false).as_deref(), uri, "{slug}");
            let own = uri.and_then(|uri| doubted(&facts, uri));
            assert_eq!(own, None, "{slug}");
        }
        for definition in vouchsafe_providers::all() {
            let facts = setup::facts(&definition).unwrap_or_default();
            let uri = default_redirect_uri(&definition, &facts, false);
            assert_eq!(uri.and_then(|uri| doubted(&facts, &uri)), None, "{}", definition.slug);
        }
    }

    #[test]
    fn a_redirect_uri_that_the_provider_refuses_is_doubted() {
        let spotify = known("spotify").1;
        assert!(doubted(&spotify, "http://localhost/a").unwrap().contains("use 127.0.0.1"));
        assert_eq!(doubted(&spotify, "http://127.0.0.1/a"), None);
        assert!(doubted(&known("apple").1, "http://127.0.0.1/a").unwrap().contains("https"));
        assert!(doubted(&known("apple").1, "com.example.app:/a").unwrap().contains("scheme of its own"));
        assert_eq!(doubted(&known("apple").1, "https://a.example/a"), None);
    }

    #[test]
    fn a_parameter_follows_its_rule() {
        let keycloak = known("keycloak").0;
        let refused = |name: &str, value: &str| refused(name, &keycloak.params[name], value);
        assert_eq!(refused("host", "https://id.example.com/auth"), None);
        assert!(refused("host", "id example").unwrap().contains("for example example.com/auth"));
        assert!(refused("realm", "a/b").is_some() && refused("realm", "").is_some());
        let shopify = known("shopify").0;
        assert!(
            super::refused("shop", &shopify.params["shop"], "acme.myshopify.com")
                .unwrap()
                .contains("acme-toys")
        );
    }
}
