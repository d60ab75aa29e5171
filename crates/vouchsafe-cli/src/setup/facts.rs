//! What is known of the registration of applications with a provider.
use std::borrow::Cow;
use std::sync::Arc;

use vouchsafe_providers::{Definition, RegistrationFacts};

/// What the definition itself says, or the catalogue.
pub(crate) fn facts(definition: &Definition) -> Option<Arc<RegistrationFacts>> {
    let own = definition.registration.clone().map(Arc::new);
    let is_known = || vouchsafe_providers::get(&definition.slug).as_deref() == Some(definition);
    own.or_else(|| is_known().then(|| vouchsafe_providers::registration(&definition.slug))?)
}

/// What has to happen before other people can sign in, a line each.
pub(crate) fn hurdles(facts: &RegistrationFacts) -> Vec<String> {
    let line =
        |(lead, text): (String, String)| if text.is_empty() { lead } else { format!("{lead}: {text}") };
    facts.access.hurdles().into_iter().map(line).collect()
}

/// Why the provider is known to refuse a redirect URI of this host over http, and what helps.
pub(crate) fn refused_redirect(facts: &RegistrationFacts, host: &str) -> Option<&'static str> {
    let (localhost, address) = (facts.redirect.http_localhost, facts.redirect.http_loopback_ip);
    match (host == "localhost", localhost, address) {
        (true, Some(false), Some(true)) => {
            Some("refuses redirect URIs with localhost: use --redirect-host 127.0.0.1")
        }
        (false, Some(true), Some(false)) => {
            Some("refuses redirect URIs with the address of this machine: use --redirect-host localhost")
        }
        (true, Some(false), Some(false)) | (false, Some(false), Some(false)) => Some(
            "refuses redirect URIs of http on this machine. Register an https address, give it with --redirect-uri, and paste the URL \
             on which the browser ends; or, if a tunnel leads from this address to a port here, name the port with --listen",
        ),
        _ => None,
    }
}

/// What the provider's own message means, and what to do.
pub(crate) fn meaning(facts: &RegistrationFacts, message: &str) -> Option<String> {
    let row = facts.error(message)?;
    let end = |text: &str| {
        let text = text.trim().trim_end_matches('.');
        let mut chars = text.chars();
        chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect::<String>()
    };
    let remedy: Cow<'_, str> = end(&row.remedy).into();
    Some(format!("At this provider it means: {}. {remedy}.", row.means.trim().trim_end_matches('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts_of(slug: &str) -> Arc<RegistrationFacts> {
        facts(&vouchsafe_providers::get(slug).unwrap()).unwrap()
    }

    #[test]
    fn a_redirect_uri_that_the_provider_refuses_is_known() {
        let told = refused_redirect(&facts_of("spotify"), "localhost").unwrap();
        assert!(told.contains("--redirect-host 127.0.0.1"), "{told}");
        let told = refused_redirect(&facts_of("kick"), "127.0.0.1").unwrap();
        assert!(told.contains("--redirect-host localhost"), "{told}");
        assert_eq!(refused_redirect(&facts_of("google"), "127.0.0.1"), None);
        assert_eq!(refused_redirect(&facts_of("spotify"), "127.0.0.1"), None);
        assert_eq!(refused_redirect(&RegistrationFacts::default(), "localhost"), None);
    }

    #[test]
    fn facts_are_those_of_the_very_definition() {
        let own = "slug = \"google\"\ndisplay_name = \"Mine\"\nkind = \"oauth2\"\n\
            authorization_endpoint = \"https://mine.example/a\"\ntoken_endpoint = \"https://mine.example/t\"\n";
        assert!(facts(&Definition::from_toml(own).unwrap()).is_none(), "another definition of the same name");
        let told = "[registration]\nchecked = \"2026-11-26\"\nsources = [\"x\"]\napp = \"thing\"\n";
        let own = Definition::from_toml(&(own.to_owned() + told)).unwrap();
        assert_eq!(facts(&own).unwrap().app.as_deref(), Some("thing"));
    }

    #[test]
    fn the_message_of_a_provider_is_explained() {
        let told = meaning(&facts_of("google"), "invalid_client (The OAuth client was not found.)").unwrap();
        assert!(
            told.starts_with("At this provider it means: invalid_client: the client ID")
                && told.ends_with("console."),
            "{told}"
        );
        assert_eq!(meaning(&facts_of("google"), "no response"), None);
    }
}
