//! A login by a code that the user enters on another device (RFC 8628).
use serde_json::Value;
use vouchsafe_sandbox::{Fault, Sandbox};

use crate::support::{Cli, Done, Running, sandbox};

/// A sandbox whose clients may ask often, so that no test waits long.
async fn quick() -> Sandbox {
    let sandbox = sandbox().await;
    sandbox.fault(Fault::DEVICE_IN_NO_TIME);
    sandbox
}

fn login(sandbox: &Sandbox, more: &[&str]) -> Cli {
    let mut args =
        vec!["login", "--issuer", sandbox.issuer(), "--client-id", sandbox.public_client_id(), "--device"];
    args.extend(more);
    Cli::new(&args)
}

fn text<'v>(event: &'v Value, name: &str) -> &'v str {
    event[name].as_str().unwrap()
}

/// The login with `--json` after that person allowed it.
async fn allowed(sandbox: &Sandbox, mut running: Running, person: &str) -> Done {
    let code = running.event("device_code").await;
    sandbox.person(person).allow_device(text(&code, "verification_uri_complete")).await.unwrap();
    running.end().await
}

#[tokio::test]
async fn a_login_on_a_device_prints_the_lines_of_the_contract() {
    let sandbox = quick().await;
    let done = allowed(&sandbox, login(&sandbox, &["--json", "--no-save"]).start(), "alice").await;
    assert_eq!(done.code, Some(0), "{done:#?}");
    let [code, login] = &done.json()[..] else { panic!("{done:#?}") };
    assert_eq!(text(code, "verification_uri"), format!("{}/device", sandbox.issuer()));
    assert!(text(code, "verification_uri_complete").ends_with(text(code, "user_code")));
    assert_eq!(code["expires_in"], 900);
    assert!(done.lines[0].starts_with(r#"{"event":"device_code","verification_uri":""#), "{done:#?}");
    assert_eq!(text(login, "event"), "login");
    assert_eq!(login["identity"]["email"], "alice@example.com");
    assert!(login["token"]["id_token"].is_string());
    let device_code = sandbox.requests_to("/token")[0].form_value("device_code").unwrap();
    done.assert_silent_about(&device_code);
}

#[tokio::test]
async fn a_person_sees_where_to_go_and_the_code_to_enter() {
    // RFC 8628 §3.3.1.
    for quiet in [false, true] {
        let sandbox = quick().await;
        let mut running = login(&sandbox, if quiet { &["--no-save", "-q"] } else { &["--no-save"] }).start();
        let (mut page, mut code) = (None, None);
        while let Some(line) = running.line().await {
            let line = line.trim().to_owned();
            if line.starts_with("http://") {
                page = Some(line);
            } else if line.len() == 9 && line.chars().nth(4) == Some('-') {
                code = Some(line);
                break;
            }
        }
        let (page, code) = (page.unwrap(), code.unwrap());
        sandbox.person("alice").allow_device(&format!("{page}?user_code={code}")).await.unwrap();
        let done = running.end().await;
        assert_eq!(done.code, Some(0), "{done:#?}");
        assert_eq!(done.stdout().contains("enter this code"), !quiet, "{done:#?}");
        // No terminal, no picture.
        assert!(!done.stdout().contains('█'), "{done:#?}");
    }
}

#[tokio::test]
async fn who_declines_is_not_signed_in() {
    let sandbox = quick().await;
    let mut running = login(&sandbox, &["--json"]).start();
    let code = running.event("device_code").await;
    sandbox.person("alice").deny_device(text(&code, "verification_uri_complete")).await.unwrap();
    running.end().await.assert_failed(3, "provider", "access_denied");
}

#[tokio::test]
async fn a_login_that_is_not_finished_in_time_ends() {
    let sandbox = sandbox().await;
    let done = login(&sandbox, &["--json", "--wait", "0.3"]).run().await;
    done.assert_failed(7, "local", "timed_out");
}

#[tokio::test]
async fn what_cannot_be_shown_is_refused_and_not_shown() {
    for fault in Fault::all().into_iter().filter(|fault| fault.place() == vouchsafe_sandbox::Place::Device) {
        let Some(refusal) = fault.refusal() else { continue };
        let sandbox = sandbox().await;
        sandbox.fault(fault);
        let done = login(&sandbox, &["--json"]).run().await;
        let exit = if refusal.kind == "security" { 4 } else { 6 };
        done.assert_failed(exit, refusal.kind, refusal.code);
        for hidden in ["\u{1b}", "\u{202e}", "javascript:", "\"device_code\""] {
            assert!(!done.stdout().contains(hidden) && !done.stderr.contains(hidden), "{done:#?}");
        }
    }
}

#[tokio::test]
async fn options_that_a_device_cannot_honour_are_refused() {
    let sandbox = sandbox().await;
    for option in [
        &["--max-age", "5"][..],
        &["--acr", "x"],
        &["--prompt", "login"],
        &["--no-browser"],
        &["--listen", "::1"],
    ] {
        let mut more = vec!["--json"];
        more.extend(option);
        login(&sandbox, &more).run().await.assert_failed(2, "usage", "usage");
    }
    let args = [
        "login",
        "--authorize-url",
        "https://a.example/a",
        "--token-url",
        "https://a.example/t",
        "--client-id",
        "me",
        "--device",
        "--json",
    ];
    Cli::new(&args).run().await.assert_failed(2, "usage", "device_not_supported");
    assert!(sandbox.requests().is_empty());
}

#[tokio::test]
async fn the_endpoint_of_any_service_can_be_given() {
    let sandbox = quick().await;
    let url = |path: &str| format!("{}/{path}", sandbox.issuer());
    let (authorize, token, device, userinfo) =
        (url("authorize"), url("token"), url("device_authorization"), url("userinfo"));
    let args = [
        "login",
        "--authorize-url",
        &authorize,
        "--token-url",
        &token,
        "--device-url",
        &device,
        "--userinfo-url",
        &userinfo,
        "--client-id",
        sandbox.public_client_id(),
        "--device",
        "--json",
        "--no-save",
        "--scope",
        "email",
        "--resource",
        "https://api.example",
    ];
    let done = allowed(&sandbox, Cli::new(&args).start(), "bob").await;
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert_eq!(done.last()["identity"]["subject"], "sandbox-user-bob");
    let request = &sandbox.requests_to("/device_authorization")[0];
    assert_eq!(request.form_value("resource").as_deref(), Some("https://api.example"));
}
