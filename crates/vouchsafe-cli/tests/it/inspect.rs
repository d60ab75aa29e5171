//! `vouchsafe inspect`.
use serde_json::json;
use vouchsafe_sandbox::Sandbox;

use crate::support::{Cli, sandbox, visit};

/// {"alg":"none"}.{"sub":"alice","exp":1700000000}. and an empty signature
const UNSIGNED: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsImV4cCI6MTcwMDAwMDAwMH0.";

async fn id_token(sandbox: &Sandbox) -> String {
    let mut login = Cli::login(sandbox, &["--client-id", sandbox.public_client_id()]).start();
    let url = login.authorization_url().await;
    visit(&sandbox.person("alice").allow(&url).await.unwrap()).await;
    login.end().await.last()["token"]["id_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_jwt_is_decoded_from_the_argument_and_from_standard_input() {
    let expected = json!({
        "event": "jwt", "header": {"alg": "none"}, "claims": {"sub": "alice", "exp": 1_700_000_000}, "verified": false
    });
    let given = Cli::new(&["inspect", UNSIGNED, "--json"]).run().await;
    let read = Cli::new(&["inspect", "--json"]).run_with_input(&format!("Bearer {UNSIGNED}\n")).await;
    for done in [given, read] {
        assert_eq!((done.code, done.json()), (Some(0), vec![expected.clone()]));
    }
}

#[tokio::test]
async fn a_person_sees_dates_and_that_nothing_was_verified() {
    let done = Cli::new(&["inspect", UNSIGNED]).run().await;
    let told = done.stdout();
    assert!(told.contains("2023-11-14 22:13:20 UTC") && told.contains("days ago"), "{told}");
    assert!(told.contains("not verified"), "{told}");
}

#[tokio::test]
async fn a_jwt_is_verified_by_its_issuers_keys() {
    let sandbox = sandbox().await;
    let token = id_token(&sandbox).await;
    let verify = async |token: &str, more: &[&str]| {
        let args = [&["inspect", "--issuer", sandbox.issuer(), "--json"], more].concat();
        Cli::new(&args).run_with_input(token).await
    };
    let done = verify(&token, &["--client-id", sandbox.public_client_id()]).await;
    assert_eq!((done.code, &done.last()["verified"]), (Some(0), &json!(true)), "{done:?}");
    assert_eq!(verify(&token, &[]).await.code, Some(0));

    verify(&token, &["--audience", "another"]).await.assert_failed(4, "security", "audience");
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    let forged = format!("{signed}.{other}{}", &signature[1..]);
    let done = verify(&forged, &[]).await;
    done.assert_failed(4, "security", "signature");
    assert_eq!(done.json()[0]["verified"], false);
    verify(UNSIGNED, &[]).await.assert_failed(4, "security", "algorithm");
}

#[tokio::test]
async fn input_that_is_not_a_jwt_is_malformed() {
    for token in ["", "opaque", "a.b.c", "e30.e30", "\u{1b}[31m.x.y"] {
        Cli::new(&["inspect", "--json"]).run_with_input(token).await.assert_failed(6, "malformed", "jwt");
    }
    let huge = "a".repeat(2 * 1024 * 1024);
    let done = Cli::new(&["inspect", &huge[..100_000], "--json"]).run().await;
    done.assert_failed(6, "malformed", "jwt");
}

#[tokio::test]
async fn an_encrypted_jwt_shows_only_its_header() {
    let done = Cli::new(&["inspect", "eyJhbGciOiJkaXIifQ..a.b.c", "--json"]).run().await;
    assert_eq!(done.code, Some(0));
    assert_eq!(done.last(), json!({"event": "jwt", "header": {"alg": "dir"}, "verified": false}));
}

#[tokio::test]
async fn an_encrypted_jwt_is_told_as_encrypted() {
    let jwt = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.a.b.c.d";
    let done = Cli::new(&["inspect", jwt, "--json"]).run().await;
    let [warning, shown] = &done.json()[..] else { panic!("{done:#?}") };
    assert_eq!((&warning["code"], &shown["verified"]), (&json!("encrypted_jwt"), &json!(false)));
    assert!(warning["message"].as_str().unwrap().contains("id_token_encrypted_response_alg"), "{warning}");
    // No key of the issuer would help, so that nothing is fetched.
    let done = Cli::new(&["inspect", jwt, "--issuer", "http://127.0.0.1:9", "--json"]).run().await;
    let message = done.assert_failed(6, "malformed", "encrypted_jwt");
    assert!(message.contains("is encrypted") && message.contains("switch the encryption off"), "{message}");
    assert_eq!(done.json()[0]["header"]["enc"], "A256GCM");
}

#[tokio::test]
async fn the_issuer_is_compared_before_keys_are_spoken_of() {
    let (own, other) = (sandbox().await, sandbox().await);
    let token = id_token(&own).await;
    let verify = async |issuer: &str| {
        Cli::new(&["inspect", "--issuer", issuer, "--json"]).run_with_input(&token).await
    };
    let message = verify(other.issuer()).await.assert_failed(4, "security", "issuer_mismatch");
    assert!(message.contains(own.issuer()) && message.contains(other.issuer()), "{message}");
    assert!(message.contains("give it with --issuer"), "{message}");
    // The metadata document names the issuer as well as the issuer itself does.
    let document = format!("{}/.well-known/openid-configuration", own.issuer());
    assert_eq!(verify(&document).await.code, Some(0));
    verify(&document.replace(own.issuer(), other.issuer())).await.assert_failed(
        4,
        "security",
        "issuer_mismatch",
    );
}

#[tokio::test]
async fn an_issuer_that_is_reached_by_another_name_verifies_too() {
    let sandbox = sandbox().await;
    let token = id_token(&sandbox).await;
    let document =
        format!("{}/.well-known/openid-configuration", sandbox.issuer().replace("127.0.0.1", "localhost"));
    let args = ["inspect", "--issuer", sandbox.issuer(), "--discovery", &document, "--json"];
    let done = Cli::new(&args).run_with_input(&token).await;
    assert_eq!((done.code, &done.last()["verified"]), (Some(0), &json!(true)), "{done:?}");
}
