//! The facts of the registration are whole, belong to a definition, and a mistake in one is told with its place.
use std::fs;
use std::path::Path;

use vouchsafe_providers::{Definition, RegistrationFacts, get, registration, slugs};

#[test]
fn every_file_can_be_read_and_belongs_to_a_provider_of_the_catalogue() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("registration");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let slug = path.file_stem().unwrap().to_str().unwrap();
        let facts = RegistrationFacts::from_toml(&fs::read_to_string(&path).unwrap());
        let facts = facts.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert!(get(slug).is_some(), "{slug}: there is no such definition");
        assert_eq!(registration(slug).as_deref(), Some(&facts));
        count += 1;
    }
    assert_eq!(count, slugs().filter(|slug| registration(slug).is_some()).count());
    assert!(count >= 200 && registration("nobody").is_none());
}

#[test]
fn no_fact_that_nobody_has_confirmed_stands_among_the_others() {
    for (slug, facts) in slugs().filter_map(|slug| Some((slug, registration(slug)?))) {
        let mut facts = (*facts).clone();
        facts.unsure.clear();
        let text = format!("{facts:?}").to_lowercase();
        for word in ["general knowledge", "to be confirmed", "presumably", "probably"] {
            assert!(!text.contains(word), "{slug}: {word}");
        }
    }
}

#[test]
fn a_mistake_is_told_with_its_line_and_field() {
    let told = |text: &str| RegistrationFacts::from_toml(text).unwrap_err().to_string();
    let good = "checked = \"2026-11-26\"\nsources = [\"https://a.example\"]\n";
    assert!(RegistrationFacts::from_toml(good).is_ok());
    for (extra, start) in [
        ("pkce = \"maybe\"", "line 3, field pkce: is none of required, supported, ignored, refused"),
        ("steps = [\"\"]", "line 3, field steps: has an empty line"),
        ("[redirect]\nmatch = \"nearly\"", "line 4, field redirect.match: is none of exact, prefix, host"),
        ("console = \"ftp://a.example\"", "line 3, field console: is no URL"),
        ("[redirect]\nmax = \"ten\"", "line 4, field redirect.max: "),
        (
            "values = [{ of = \"client_name\", like = \"*\" }]",
            "line 3, field values: \"client_name\" is none of client_id client_secret",
        ),
        ("values = [{ of = \"key_id\", like = \"{rune 2}\" }]", "line 3, field values: {rune 2} is no kind"),
        ("values = [{ of = \"key_id\", like = \"{digit\" }]", "line 3, field values: "),
        ("[[errors]]\ntext = \"a\"\nmeans = \"b\"", "line 3, field errors.do: missing field `do`"),
        ("errors = [\n  { text = \"a\", mean = \"b\" },\n]", "line 4, field errors"),
        ("colour = \"red\"", "line 3, field colour: unknown field `colour`"),
    ] {
        let told = told(&format!("{good}{extra}\n"));
        assert!(told.starts_with(start), "{told}");
    }
    assert!(told("checked = \"yesterday\"").starts_with("line 1, field checked: is the day"));
    assert!(told("checked = \"2026-11-26\"").starts_with("field sources: is empty"));
}

#[test]
fn a_definition_of_ones_own_may_have_the_facts() {
    let definition = "slug = \"acme\"\ndisplay_name = \"Acme\"\nkind = \"oauth2\"\n\
        authorization_endpoint = \"https://acme.example/authorize\"\ntoken_endpoint = \"https://acme.example/token\"\n\
        [registration]\nchecked = \"2026-11-26\"\nsources = [\"https://acme.example/docs\"]\n";
    let read = Definition::from_toml(definition).unwrap();
    assert_eq!(read.registration.unwrap().sources, ["https://acme.example/docs"]);
    let wrong = format!("{definition}[registration.redirect]\nmatch = \"nearly\"\n");
    let told = Definition::from_toml(&wrong).unwrap_err().to_string();
    assert!(told.starts_with("line 10, field registration.redirect.match: is none of"), "{told}");
}

#[test]
fn a_value_is_told_from_another_that_is_mistaken_for_it() {
    let doubt = |slug: &str, of: &str, value: &str| registration(slug).unwrap().doubt(of, value);
    let (secret, uuid) = ("q~8Q~aBcDeF-1_2.3", "00001111-aaaa-2222-bbbb-3333cccc4444");
    for (slug, of, good, bad, words) in [
        (
            "google",
            "client_id",
            "1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.apps.googleusercontent.com",
            "1-a",
            "should look like …-….apps.",
        ),
        ("microsoft", "client_secret", secret, uuid, "looks like the Secret ID: copy the column Value"),
        ("microsoft", "client_id", uuid, secret, "should look like a UUID"),
        ("apple", "client_id", "com.example.web", "ABCDE12345", "looks like a Team ID or a Key ID"),
        ("apple", "team_id", "ABCDE12345", "com.example.web", "should look like 10 letters and digits"),
        ("github", "client_id", "Ov23liAAAAAAAAAAAAAA", "123456", "should look like 20 letters and digits"),
        ("x", "client_id", "aBcDeF1hIjKlMnOpQr2tUvWxYz01234567", "aBcDeF1hIjKlMnOpQr2tUvWxY", "OAuth 1.0a"),
    ] {
        assert_eq!(doubt(slug, of, good), None, "{slug} {of}");
        let told = doubt(slug, of, bad).unwrap_or_default();
        assert!(told.contains(words), "{slug} {of}: {told}");
    }
    // No source tells the form of a secret of Microsoft, nor of anything at Keycloak.
    assert_eq!(doubt("microsoft", "client_secret", "anything"), None);
    assert_eq!(doubt("keycloak", "client_id", "anything"), None);
}

#[test]
fn a_message_of_a_provider_finds_its_row() {
    for (slug, message, found) in [
        (
            "google",
            "The provider responded with redirect_uri_mismatch (Bad Request)",
            "redirect_uri_mismatch",
        ),
        ("google", "invalid_client (The OAuth client was not found.)", "The OAuth client was not found."),
        (
            "google",
            "invalid_grant (Token has been expired or revoked.)",
            "Token has been expired or revoked.",
        ),
        ("microsoft", "AADSTS7000215: Invalid client secret provided. Ensure the secret", "AADSTS7000215"),
        (
            "microsoft",
            "invalid_client (AADSTS7000222: The provided client secret keys for app 'x' are expired)",
            "AADSTS7000222",
        ),
        ("kakao", "invalid_client (KOE010)", "KOE010"),
    ] {
        let row = registration(slug).unwrap();
        let row = row.error(message).unwrap_or_else(|| panic!("{slug}: {message}"));
        assert!(row.text.contains(found), "{slug}: {message}: {}", row.text);
    }
    assert!(registration("google").unwrap().error("the server did not respond in time").is_none());
    assert!(registration("google").unwrap().error("").is_none());
}
