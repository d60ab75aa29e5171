//! What a person learns while the command waits for a browser that does not come back.
use vouchsafe_sandbox::{Fault, PersonError};

use crate::support::{Cli, param, sandbox};

#[tokio::test]
async fn the_meaning_of_an_error_page_at_the_provider_is_told_in_time_and_at_the_end() {
    let sandbox = sandbox().await;
    sandbox.fault(Fault::NEVER_RETURNS);
    let args = ["--client-id", sandbox.public_client_id(), "--wait", "0.6"];
    let mut login = Cli::login(&sandbox, &args).start();
    let line = login.event("authorization_url").await;
    let (url, uri) = (line["url"].as_str().unwrap(), line["redirect_uri"].as_str().unwrap());
    assert_eq!(param(url, "redirect_uri").as_deref(), Some(uri));
    let page = sandbox.person("alice").allow(url).await;
    assert!(matches!(page, Err(PersonError::Refused { status: 400, .. })), "{page:?}");
    let done = login.end().await;
    let message = done.assert_failed(7, "local", "timed_out");
    let [hint] = &done.stderr.lines().collect::<Vec<_>>()[..] else { panic!("{done:#?}") };
    for said in [*hint, &*message] {
        let uses = format!("uses the redirect URI {uri} and the client ID {}", sandbox.public_client_id());
        assert!(said.contains(&uses) && said.contains("registered at the provider exactly so"), "{said}");
        assert!(said.contains("choose one with --redirect-port"), "{said}");
    }
    assert!(message.ends_with("--wait SECONDS allows more time."), "{message}");
}

#[tokio::test]
async fn the_page_on_which_applications_are_registered_is_named() {
    let message = async |args: &[&str]| {
        let args =
            [&["login", "--client-id", "me", "--no-browser", "--wait", "0.2", "--json"], args].concat();
        Cli::new(&args).run().await.assert_failed(7, "local", "timed_out")
    };
    let github = message(&["github", "--redirect-port", "0"]).await;
    assert!(github.contains("registered at https://github.com/settings/developers."), "{github}");
    assert!(!github.contains("choose one with --redirect-port"), "{github}");
    let acted = message(&["github", "--at", "http://127.0.0.1:9"]).await;
    assert!(acted.contains("exactly so") && !acted.contains("settings/developers"), "{acted}");
}

#[tokio::test]
async fn a_quiet_run_says_it_once() {
    let args = ["login", "github", "--client-id", "me", "--no-browser", "--wait", "0.2", "-q"];
    let done = Cli::new(&args).run().await;
    assert_eq!(done.code, Some(7));
    assert!(done.stderr.starts_with("error: ") && done.stderr.lines().count() == 1, "{done:#?}");
}
