//! A login with each fault of the sandbox: the exit code and the output of the command.
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use url::Url;
use vouchsafe_sandbox::{Endpoint, Fault, Place, Sandbox, Step};

use crate::support::{Cli, Done, param, sandbox, send, visit};

const SECRET: &str = "VOUCHSAFE_CLIENT_SECRET";
const AT_ONCE: usize = 8;

/// The secrets that a run must not print.
fn secrets(sandbox: &Sandbox, callback: Option<&str>) -> Vec<String> {
    let mut secrets = vec![sandbox.client_secret().to_owned()];
    secrets.extend(callback.and_then(|callback| param(callback, "code")));
    secrets.extend(
        sandbox.requests_to("/token").iter().filter_map(|request| request.form_value("code_verifier")),
    );
    for request in sandbox.requests_to("/userinfo") {
        secrets.extend(request.header("authorization").map(|field| field.replace("Bearer ", "")));
    }
    secrets
}

/// Whether the response does not belong to the login, so that the command keeps waiting.
fn is_passed_over(fault: &Fault) -> bool {
    // The state of a signed response is in the one JWT that it has.
    let signed = [Fault::JARM_TWICE, Fault::JARM_AND_PLAIN, Fault::JARM_ENCRYPTED];
    let plain = [Fault::FOREIGN_STATE, Fault::MISSING_STATE, Fault::OVERSIZED_STATE, Fault::OVERSIZED_CODE];
    signed.contains(fault) || plain.contains(fault)
}

fn uses_up_time(fault: &Fault) -> bool {
    ["slow", "dripping-body"].iter().any(|name| fault.name().starts_with(name))
}

/// The exit code, kind and code that the contract requires.
fn contract(fault: &Fault) -> Option<(i32, &'static str, &'static str)> {
    if is_passed_over(fault) {
        return Some((7, "local", "timed_out"));
    }
    // The command has no decryption keys, so it is registered for no encryption.
    let is_encryption = matches!(fault.place(), Place::Encryption | Place::EncryptedResponse);
    let is_met = !is_encryption || *fault == Fault::ENCRYPTED_AND_FORGED;
    let refusal = fault.refusal().filter(|refusal| refusal.step == Step::Login && is_met)?;
    let exit = match refusal.kind {
        "unsupported" => 2,
        "provider" => 3,
        "security" => 4,
        "network" => 5,
        "malformed" => 6,
        "local" => 7,
        other => panic!("{other}"),
    };
    // A response that broke off is a connection error.
    let code = if refusal.code == "interrupted_answer" { "connect" } else { refusal.code };
    // For the command, it is an argument that names the wrong server.
    let kind = if refusal.kind == "unsupported" { "usage" } else { refusal.kind };
    Some((exit, kind, code))
}

/// Runs a login. Returns its result, and the secrets that it must not print.
async fn log_in(fault: Fault, json: bool) -> (Done, Vec<String>) {
    let sandbox = sandbox().await;
    sandbox.fault(fault);
    let mut args =
        vec!["login", "--issuer", sandbox.issuer(), "--client-id", sandbox.client_id(), "--no-browser"];
    args.extend(["--max-age", "3600"]);
    args.extend(["--timeout", if uses_up_time(&fault) { "1" } else { "20" }]);
    let never_ends = is_passed_over(&fault) || fault.place() == Place::Authorization;
    args.extend(["--wait", if never_ends { "4" } else { "60" }]);
    args.extend(json.then_some("--json"));
    // Only a client with this setting meets the fault.
    args.extend(match fault.place() {
        _ if fault.endpoint() == Some(Endpoint::PushedRequest) => Some("--par"),
        Place::SignedResponse => Some("--jarm"),
        Place::Dpop => Some("--dpop"),
        _ => None,
    });
    let mut login = Cli::new(&args).env(SECRET, sandbox.client_secret()).start();
    let mut url = None;
    while let Some(line) = login.line().await {
        let event: Option<Value> = serde_json::from_str(&line).ok();
        url = match event {
            Some(event) if json => event["url"].as_str().map(str::to_owned),
            _ => line.trim().starts_with("http://").then(|| line.trim().to_owned()),
        };
        if url.is_some() || json {
            break;
        }
    }
    let callback = match url {
        Some(url) if fault.place() == Place::Authorization => {
            assert!(sandbox.person("alice").allow(&url).await.is_err());
            None
        }
        Some(url) => {
            let callback = sandbox.person("alice").allow(&url).await.unwrap();
            visit(&callback).await;
            Some(callback)
        }
        None => None,
    };
    let done = login.end().await;
    (done, secrets(&sandbox, callback.as_deref()))
}

/// The differences from the contract.
async fn complaints(fault: Fault) -> Vec<String> {
    let name = fault.name();
    let mut complaints = Vec::new();
    let (done, secrets) = log_in(fault, true).await;
    let last = done.last();
    let text = |name: &str| last[name].as_str().unwrap_or_default();
    let ended = (done.code, text("event"), text("kind"), text("code"));
    let expected = match contract(&fault) {
        Some((exit, kind, code)) => (Some(exit), "error", kind, code),
        None => (Some(0), "login", "", ""),
    };
    if ended != expected {
        complaints.push(format!("{name}: {ended:?} in place of {expected:?}: {}", text("message")));
    }
    // Checks that standard output holds JSON lines only.
    done.json();
    let failed = done.code != Some(0);
    for said in done.lines.iter().chain(done.stderr.lines().map(str::to_owned).collect::<Vec<_>>().iter()) {
        if said.chars().any(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c)) {
            complaints.push(format!("{name}: {said:?}"));
        }
        if failed && secrets.iter().any(|secret| said.contains(secret.as_str())) {
            complaints.push(format!("{name} tells a secret: {said}"));
        }
    }
    if failed && !is_for_people(text("message")) {
        complaints.push(format!("{name}: {}", text("message")));
    }
    complaints
}

/// Whether it is one paragraph of complete sentences.
fn is_for_people(message: &str) -> bool {
    (30..900).contains(&message.len())
        && message.starts_with(|c: char| c.is_uppercase())
        && message.ends_with(['.', '?', '…'])
        && !message.contains("  ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_ends_a_login_as_the_contract_says() {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut logins = JoinSet::new();
    // A login does not revoke.
    let is_met = |fault: &Fault| fault.endpoint() != Some(Endpoint::Revocation);
    for fault in Fault::all().into_iter().filter(is_met) {
        let room = room.clone();
        logins.spawn(async move {
            let _permit = room.acquire_owned().await.unwrap();
            complaints(fault).await
        });
    }
    let complaints = logins.join_all().await.concat();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[tokio::test]
async fn errors_for_a_person_contain_no_control_characters() {
    for fault in
        [Fault::ESCAPES_IN_ERROR, Fault::ESCAPES_IN_RESPONSE, Fault::SECRETS_IN_ERROR, Fault::HTML_IN_ERROR]
    {
        let (done, secrets) = log_in(fault, false).await;
        assert_eq!(done.code, Some(3), "{done:#?}");
        let said = format!("{}{}", done.stdout(), done.stderr);
        assert!(!said.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{said:?}");
        assert!(done.stderr.starts_with("error: ") && done.stderr.lines().count() == 1, "{said}");
        assert!(!secrets.iter().any(|secret| said.contains(secret.as_str())), "{said}");
    }
}

#[tokio::test]
async fn the_sandbox_has_the_chosen_faults() {
    let mut sandbox =
        Cli::new(&["sandbox", "--json", "--fault", "another-issuers-metadata", "--fault", "html@keys"])
            .start();
    let issuer = sandbox.event("listening").await["url"].as_str().unwrap().to_owned();
    let done = Cli::new(&["discover", &issuer, "--json"]).run().await;
    done.assert_failed(4, "security", "issuer_mismatch");
    let url = Url::parse(&issuer).unwrap();
    let page = send(&url, "GET /jwks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert!(page.text.contains("<!doctype html>"), "{page:?}");
}

#[tokio::test]
async fn the_sandbox_demands_what_a_strong_client_gives() {
    let key = std::env::temp_dir().join(format!("vouchsafe-public-{}.json", std::process::id()));
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    std::fs::write(&key, jwk).unwrap();
    let path = key.to_str().unwrap().to_owned();
    let args = ["sandbox", "--json", "--fapi2", "--public-key", &path, "--dpop-nonce", "changing"];
    let mut sandbox = Cli::new(&args).start();
    let issuer = sandbox.event("listening").await["url"].as_str().unwrap().to_owned();
    let done = Cli::new(&["discover", &issuer, "--json"]).run().await;
    let metadata = &done.json()[0];
    assert!(metadata.to_string().contains("\"require_pushed_authorization_requests\":true"), "{metadata}");
    std::fs::write(&key, "no key").unwrap();
    let done = Cli::new(&["sandbox", "--json", "--public-key", &path]).run().await;
    std::fs::remove_file(&key).unwrap();
    done.assert_failed(2, "usage", "public_key");
}

#[tokio::test]
async fn faults_are_listed_with_the_error_that_they_cause() {
    let done = Cli::new(&["sandbox", "--list-faults", "--json"]).run().await;
    let listed = done.json();
    assert_eq!(listed.len(), Fault::all().len());
    let nonce = listed.iter().find(|fault| fault["name"] == "wrong-nonce").unwrap();
    assert_eq!(
        (&nonce["event"], &nonce["kind"], &nonce["code"]),
        (&"fault".into(), &"security".into(), &"nonce_mismatch".into())
    );
    let done = Cli::new(&["sandbox", "--list-faults"]).run().await;
    assert!(done.stdout().contains("html@userinfo") && done.stdout().contains("In the key set"), "{done:#?}");
    let message = Cli::new(&["sandbox", "--fault", "no-such", "--json"]).run().await;
    assert!(message.assert_failed(2, "usage", "invalid_argument").contains("--list-faults"));
}

#[tokio::test]
async fn the_sandbox_has_the_frame_of_session_management() {
    for (args, has_it) in [(&["--session-management"][..], true), (&[], false)] {
        let mut sandbox = Cli::new(&[&["sandbox", "--json"], args].concat()).start();
        let issuer = sandbox.event("listening").await["url"].as_str().unwrap().to_owned();
        let done = Cli::new(&["discover", &issuer, "--json"]).run().await;
        assert_eq!(done.stdout().contains("check_session_iframe"), has_it, "{done:#?}");
    }
}
