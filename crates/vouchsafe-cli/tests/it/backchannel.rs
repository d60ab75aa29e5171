//! A login without a browser: the provider asks the user on a device that it knows (OpenID Connect CIBA Core 1.0).
use std::time::Duration;

use tokio::time::timeout;
use vouchsafe_sandbox::{Fault, Place, Sandbox};

use crate::support::{Cli, Done, Running, sandbox};

const SECRET: &str = "VOUCHSAFE_CLIENT_SECRET";

/// A sandbox whose clients may ask often, so that no test waits long.
async fn quick() -> Sandbox {
    let sandbox = sandbox().await;
    sandbox.fault(Fault::BACKCHANNEL_IN_NO_TIME);
    sandbox
}

fn login(sandbox: &Sandbox, more: &[&str]) -> Cli {
    let mut args = vec!["login", "--issuer", sandbox.issuer(), "--client-id", sandbox.client_id()];
    args.extend(["--backchannel", "--login-hint", "alice@example.com"]);
    args.extend(more);
    Cli::new(&args).env(SECRET, sandbox.client_secret())
}

/// The secret id of the only request.
fn request_id(sandbox: &Sandbox) -> String {
    let issued = sandbox.secrets(0).into_iter().find(|secret| secret.starts_with("sandbox-ciba-"));
    issued.expect("a request has started")
}

async fn decided(sandbox: &Sandbox, mut running: Running, allows: bool) -> Done {
    running.event("backchannel").await;
    sandbox.decide_backchannel(&request_id(sandbox), allows).unwrap();
    running.end().await
}

#[tokio::test]
async fn the_provider_asks_the_user_and_the_login_prints_its_lines() {
    let sandbox = quick().await;
    let login = login(&sandbox, &["--json", "--no-save", "--binding-message", "W4SCT", "--scope", "email"]);
    let done = decided(&sandbox, login.start(), true).await;
    assert_eq!(done.code, Some(0), "{done:#?}");
    let [request, login] = &done.json()[..] else { panic!("{done:#?}") };
    let line = r#"{"event":"backchannel","expires_in":120,"binding_message":"W4SCT"}"#;
    assert_eq!(request.to_string(), serde_json::from_str::<serde_json::Value>(line).unwrap().to_string());
    assert_eq!(
        (&login["event"], &login["identity"]["email"]),
        (&"login".into(), &"alice@example.com".into())
    );
    assert!(login["token"]["id_token"].is_string());
    // CIBA Core §7.1 and §10.1.
    let asked = &sandbox.requests_to("/backchannel")[0];
    for (name, value) in
        [("login_hint", "alice@example.com"), ("binding_message", "W4SCT"), ("scope", "openid email")]
    {
        assert_eq!(asked.form_value(name).as_deref(), Some(value));
    }
    assert!(asked.form_value("client_notification_token").is_none(), "the command is not notified");
    done.assert_silent_about(&request_id(&sandbox));
}

#[tokio::test]
async fn a_person_reads_what_the_device_must_show() {
    let sandbox = quick().await;
    let mut running = login(&sandbox, &["--no-save", "--binding-message", "W4SCT"]).start();
    while let Some(line) = running.line().await {
        if line.contains("The device must show this text: W4SCT") {
            break;
        }
    }
    sandbox.decide_backchannel(&request_id(&sandbox), true).unwrap();
    let done = running.end().await;
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert!(done.stdout().contains("Allow the login there"), "{done:#?}");
}

#[tokio::test]
async fn who_declines_is_not_signed_in() {
    let sandbox = quick().await;
    let done = decided(&sandbox, login(&sandbox, &["--json"]).start(), false).await;
    done.assert_failed(3, "provider", "access_denied");
    let stranger = ["--json", "--login-hint", "nobody"];
    let mut args =
        vec!["login", "--issuer", sandbox.issuer(), "--client-id", sandbox.client_id(), "--backchannel"];
    args.extend(stranger);
    let done = Cli::new(&args).env(SECRET, sandbox.client_secret()).run().await;
    done.assert_failed(3, "provider", "unknown_user_id");
}

#[tokio::test]
async fn a_request_that_nobody_answers_ends() {
    let sandbox = sandbox().await;
    let done = timeout(Duration::from_secs(60), login(&sandbox, &["--json", "--wait", "0.3"]).run()).await;
    done.unwrap().assert_failed(7, "local", "timed_out");
}

#[tokio::test]
async fn each_fault_of_the_response_ends_the_login() {
    for fault in Fault::all().into_iter().filter(|fault| fault.place() == Place::Backchannel) {
        let Some(refusal) = fault.refusal() else { continue };
        let sandbox = sandbox().await;
        sandbox.fault(fault);
        let done = login(&sandbox, &["--json"]).run().await;
        done.assert_failed(6, refusal.kind, refusal.code);
    }
}

#[tokio::test]
async fn options_of_another_login_are_refused() {
    let sandbox = sandbox().await;
    for option in
        [&["--device"][..], &["--max-age", "5"], &["--acr", "x"], &["--prompt", "login"], &["--no-browser"]]
    {
        let mut more = vec!["--json"];
        more.extend(option);
        login(&sandbox, &more).run().await.assert_failed(2, "usage", "usage");
    }
    // Nobody is named.
    let args = ["login", "--issuer", sandbox.issuer(), "--client-id", "me", "--backchannel", "--json"];
    Cli::new(&args).run().await.assert_failed(2, "usage", "usage");
    let endpoints = ["--authorize-url", "https://a.example/a", "--token-url", "https://a.example/t"];
    let mut args = vec!["login", "--client-id", "me", "--backchannel", "--login-hint", "a", "--json"];
    args.extend(endpoints);
    let done = Cli::new(&args).env(SECRET, "a secret").run().await;
    done.assert_failed(2, "usage", "backchannel_not_supported");
    assert!(sandbox.requests().is_empty());
}
