//! `vouchsafe providers --check`: definitions whose facts are old, whose provider says otherwise, and whose sources are gone.
use std::fs;
use std::path::PathBuf;

use crate::support::{Cli, Done, answering, http, sandbox};

/// A definition file of one test.
struct File(PathBuf);

impl File {
    fn new(name: &str, toml: &str) -> Self {
        let path = std::env::temp_dir().join(format!("vouchsafe-checked-{name}-{}.toml", std::process::id()));
        fs::write(&path, toml).unwrap();
        Self(path)
    }

    async fn check(&self, more: &[&str]) -> Done {
        let done =
            Cli::new(&[&["providers", self.0.to_str().unwrap(), "--check"], more].concat()).run().await;
        assert_eq!(done.code, Some(0), "it warns, and does not fail: {done:#?}");
        done
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn definition(issuer: &str, checked: &str, sources: &[&str], more: &str) -> String {
    format!(
        "slug = \"acme\"\ndisplay_name = \"Acme\"\nkind = \"openid\"\nissuer = \"{issuer}\"\nscopes = [\"openid\"]\n\
         sources = {sources:?}\nchecked = \"{checked}\"\n{more}"
    )
}

#[tokio::test]
async fn a_definition_that_is_true_has_nothing_to_mend() {
    let sandbox = sandbox().await;
    let source = format!("{}/.well-known/openid-configuration", sandbox.issuer());
    // A day in the future: the test stays true as time passes.
    let file = File::new("true", &definition(sandbox.issuer(), "2999-01-01", &[&source], ""));
    let text = file.check(&[]).await.stdout();
    assert!(text.contains("0 of 1 definitions have something to mend") && !text.contains("- [ ]"), "{text}");
    assert!(!text.contains("Could not be told"), "{text}");
}

#[tokio::test]
async fn what_is_old_other_or_gone_is_a_line_with_a_box() {
    let sandbox = sandbox().await;
    let gone = answering(http("410 Gone", "text/plain", "gone")).await;
    let (moved, refusing) =
        (answering(http("301 Moved Permanently", "text/plain", "")).await, "403 Forbidden");
    let refusing = answering(http(refusing, "text/plain", "no")).await;
    let lost = format!("{}/no-such-page", sandbox.issuer());
    let facts = format!("[registration]\nchecked = \"2999-01-01\"\nsources = [{lost:?}, \"a package\"]\n");
    let more = format!("revocation_endpoint = \"{}/old/revoke\"\n{facts}", sandbox.issuer());
    let toml = definition(sandbox.issuer(), "2020-01-01", &[&moved, &gone, &refusing], &more);
    let file = File::new("old", &toml);
    let text = file.check(&[]).await.stdout();
    for line in [
        "- [ ] The definition was checked on 2020-01-01, more than a year ago.".to_owned(),
        format!("- [ ] `revocation_endpoint`: the metadata says `{}/revoke`", sandbox.issuer()),
        format!("- [ ] A source is gone: <{gone}>."),
        format!("- [ ] A source is gone: <{lost}>."),
        format!("- Acme: <{refusing}>: the status is 403."),
    ] {
        assert!(text.contains(&line), "{line}: {text}");
    }
    assert!(!text.contains(&moved) && text.matches("- [ ]").count() == 4, "{text}");

    let json = file.check(&["--json"]).await.last();
    assert_eq!((json["event"].as_str(), json["provider"].as_str()), (Some("checked"), Some("acme")));
    assert_eq!(
        (json["mend"].as_array().unwrap().len(), json["unknown"].as_array().unwrap().len()),
        (4, 1),
        "{json}"
    );
}

#[tokio::test]
async fn metadata_of_another_issuer_is_to_be_mended_and_no_network_is_not() {
    let body = r#"{"issuer":"https://other.example","authorization_endpoint":"https://other.example/a",
        "token_endpoint":"https://other.example/t","jwks_uri":"https://other.example/k",
        "response_types_supported":["code"],"subject_types_supported":["public"],
        "id_token_signing_alg_values_supported":["RS256"]}"#;
    let other = answering(http("200 OK", "application/json", body)).await;
    let file = File::new("other", &definition(&other, "2999-01-01", &[&other], ""));
    let text = file.check(&[]).await.stdout();
    assert!(text.contains("- [ ] The metadata is refused:") && text.contains("issuer"), "{text}");

    let file =
        File::new("away", &definition("http://127.0.0.1:1", "2020-01-01", &["http://127.0.0.1:1/docs"], ""));
    let text = file.check(&[]).await.stdout();
    assert!(text.matches("- [ ]").count() == 1 && text.matches("- Acme: ").count() == 2, "{text}");
    let text = file.check(&["--offline"]).await.stdout();
    assert!(text.matches("- [ ]").count() == 1 && !text.contains("- Acme: "), "{text}");
}

#[tokio::test]
async fn the_whole_catalogue_is_checked_without_the_network() {
    let done = Cli::new(&["providers", "--check", "--offline", "--json"]).run().await;
    assert_eq!((done.code, done.lines.len()), (Some(0), vouchsafe_providers::slugs().count()));
    let conflict = Cli::new(&["providers", "--offline", "--json"]).run().await;
    conflict.assert_failed(2, "usage", "usage");
}
