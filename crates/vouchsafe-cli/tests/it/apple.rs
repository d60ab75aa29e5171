//! Client secrets that a key signs, and posted responses, as at Apple.
use std::fs;
use std::path::PathBuf;

use vouchsafe_sandbox::{ActedProvider, Sandbox};

use crate::support::{Cli, param, redirect_uri, sandbox, send};

/// The files for one login. They are deleted after it.
struct Files {
    definition: PathBuf,
    key: PathBuf,
}

impl Files {
    fn new(name: &str, acted: &ActedProvider) -> Self {
        let file = |kind: &str| {
            std::env::temp_dir().join(format!("vouchsafe-apple-{name}-{}.{kind}", std::process::id()))
        };
        let (definition, key) = (file("toml"), file("p8"));
        fs::write(&definition, acted.definition_toml()).unwrap();
        fs::write(&key, acted.client_key().unwrap().pem()).unwrap();
        Self { definition, key }
    }

    fn login<'a>(&'a self, acted: &'a ActedProvider, more: &[&'a str]) -> Cli {
        let definition = self.definition.to_str().unwrap();
        let args = ["login", definition, "--json", "--no-browser", "--client-id", acted.client_id()];
        Cli::new(&[&args[..], more].concat())
    }

    fn key(&self) -> &str {
        self.key.to_str().unwrap()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.definition);
        let _ = fs::remove_file(&self.key);
    }
}

fn apple(sandbox: &Sandbox) -> ActedProvider {
    sandbox.provider("apple").unwrap()
}

#[tokio::test]
async fn a_login_signs_its_secret_and_takes_the_posted_response() {
    let sandbox = sandbox().await;
    let acted = apple(&sandbox);
    let files = Files::new("login", &acted);
    let key = acted.client_key().unwrap();
    let ids = ["--client-key", files.key(), "--key-id", key.key_id(), "--team-id", key.team_id()];
    // The secret of another client is ignored.
    let cli = files.login(&acted, &ids).env("VOUCHSAFE_CLIENT_SECRET", "of-another-client");
    let mut login = cli.start();
    let url = login.authorization_url().await;
    assert_eq!(param(&url, "response_mode").as_deref(), Some("form_post"));
    let callback = sandbox.person("alice").allow(&url).await.unwrap();
    let form = callback.split_once('?').unwrap().1;
    let long = format!("{form}&user={}", "x".repeat(96 * 1024));
    for (form, status) in [(long.as_str(), 400), (form, 200)] {
        let request = format!(
            "POST /callback HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{form}",
            form.len()
        );
        let page = send(&redirect_uri(&url), &request).await;
        assert_eq!(page.status, status, "{page:?}");
    }
    let done = login.end().await;
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert_eq!(done.last()["identity"]["email"], "alice@example.com");
    done.assert_silent_about(key.pem().lines().nth(1).unwrap());
}

#[tokio::test]
async fn a_missing_part_of_the_key_is_named() {
    let sandbox = sandbox().await;
    let acted = apple(&sandbox);
    let files = Files::new("missing", &acted);
    let path = files.key();
    for (more, words) in [
        (&[][..], "--client-key"),
        (&["--client-key", path, "--team-id", "T"], "--key-id is missing"),
        (&["--client-key", path, "--key-id", "K"], "--team-id is missing"),
        (&["--client-key", path, "--key-id", "K", "--team-id", ""], "--team-id is missing"),
    ] {
        let message = files.login(&acted, more).run().await.assert_failed(2, "usage", "client_key");
        assert!(message.contains(words), "{words} in {message}");
    }
    let ids = ["--key-id", "K", "--team-id", "T", "--client-key"];
    let nowhere = files.login(&acted, &[&ids[..], &["/no/such/key.p8"]].concat());
    nowhere.run().await.assert_failed(2, "usage", "invalid_argument");
    let no_key = files.login(&acted, &[&ids[..], &[files.definition.to_str().unwrap()]].concat());
    let message = no_key.run().await.assert_failed(2, "usage", "apple_key");
    assert!(message.contains("PKCS#8"), "{message}");
}

#[tokio::test]
async fn the_catalogue_says_that_a_key_is_needed() {
    let shown = Cli::new(&["providers", "apple"]).run().await.stdout();
    assert!(shown.contains("signed with your key: give --client-key, --key-id and --team-id"), "{shown}");
    assert!(!Cli::new(&["providers", "google"]).run().await.stdout().contains("signed with your key"));
}

#[tokio::test]
async fn a_key_for_a_provider_without_signed_secrets_is_refused_before_anything_is_sent() {
    let sandbox = sandbox().await;
    let files = Files::new("other", &apple(&sandbox));
    let more = ["--client-id", "x", "--client-key", files.key(), "--key-id", "K", "--team-id", "T"];
    let done = Cli::login(&sandbox, &more).run().await;
    let message = done.assert_failed(2, "usage", "client_key");
    assert!(message.contains("--team-id"), "{message}");
    assert!(sandbox.requests().is_empty());
}
