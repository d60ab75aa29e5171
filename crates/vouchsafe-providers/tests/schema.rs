//! Every definition of the catalogue is whole, and a mistake in one is told with its place.
use vouchsafe_providers::{Definition, Kind, all, get, slugs};

#[test]
fn every_file_of_the_catalogue_can_be_read() {
    for slug in slugs() {
        let definition = get(slug).unwrap_or_else(|| panic!("providers/{slug}.toml cannot be read"));
        assert_eq!(definition.slug, slug, "the slug is the name of the file");
    }
    assert_eq!(all().count(), slugs().count());
}

#[test]
fn every_endpoint_is_https_or_a_parameter() {
    for definition in all() {
        let slug = &definition.slug;
        let endpoints = [
            &definition.issuer,
            &definition.authorization_endpoint,
            &definition.token_endpoint,
            &definition.refresh_endpoint,
            &definition.revocation_endpoint,
            &definition.userinfo_endpoint,
        ];
        for url in endpoints.into_iter().flatten() {
            assert!(url.starts_with("https://") || url.starts_with('{'), "{slug}: {url}");
        }
        assert!(definition.documentation.starts_with("https://"), "{slug}: documentation");
        assert_eq!(definition.checked.len(), "2026-11-23".len(), "{slug}: checked is a date");
        match definition.kind {
            Kind::Openid => assert!(definition.issuer.is_some(), "{slug}: an OpenID Provider has an issuer"),
            Kind::Oauth2 => {
                assert!(definition.authorization_endpoint.is_some(), "{slug}: authorization_endpoint");
                assert!(definition.token_endpoint.is_some(), "{slug}: token_endpoint");
            }
        }
    }
}

#[test]
fn every_pointer_is_a_json_pointer() {
    for definition in all() {
        let identity = &definition.identity;
        let emails = identity.emails.iter().flat_map(|e| [&e.primary, &e.verified]).flatten();
        let pointers = [&identity.subject, &identity.email, &identity.name, &identity.picture];
        for pointer in pointers.into_iter().flatten().chain(&identity.email_verified).chain(emails) {
            assert!(pointer.starts_with('/'), "{}: {pointer}", definition.slug);
        }
        assert!(!identity.subject.is_empty(), "{}: nothing says who the user is", definition.slug);
    }
}

#[test]
fn every_parameter_that_is_mentioned_is_described() {
    for definition in all() {
        let text = format!("{definition:?}");
        for (name, param) in &definition.params {
            assert!(text.contains(&format!("{{{name}}}")), "{}: nothing uses {name}", definition.slug);
            assert!(!param.description.is_empty(), "{}: {name} needs a description", definition.slug);
        }
    }
}

#[test]
fn a_mistake_is_told_with_its_line_and_field() {
    let error = Definition::from_toml("slug = \"acme\"\ndisplay_name = 3\n").unwrap_err().to_string();
    assert!(error.contains("line 2") && error.contains("display_name"), "{error}");
    let error = Definition::from_toml("slug = \"acme\"\ntoken_url = \"https://a.example\"\n")
        .unwrap_err()
        .to_string();
    assert!(error.contains("line 2") && error.contains("token_url"), "{error}");
}

#[test]
fn an_unknown_slug_is_nothing() {
    assert!(get("no-such-provider").is_none());
}
