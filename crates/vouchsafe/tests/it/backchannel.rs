//! Signing a user in without a browser (OpenID Connect CIBA Core 1.0).
use std::time::Duration;

use serde_json::{Value, json};
use vouchsafe::error::Feature;
use vouchsafe::http::Response;
use vouchsafe::{Client, Error, PendingBackchannel, Tokens};

use crate::scenario::{Scenario, acme, web};
use crate::wire::{self, Wire, field, json};

fn started() -> Value {
    json!({"auth_req_id": "request-id-1", "expires_in": 120, "interval": 5})
}

fn openid(response: Value) -> Scenario {
    Scenario::openid()
        .metadata("backchannel_authentication_endpoint", json!("https://op.example/backchannel"))
        .at("/backchannel", json(200, response))
}

async fn pending(response: Value) -> Result<PendingBackchannel, Error> {
    openid(response).client().backchannel().login_hint("alice@op.example").await
}

/// The same login that many seconds later, as a store gives it back.
fn later(pending: &PendingBackchannel, seconds: u64) -> PendingBackchannel {
    let mut stored = serde_json::to_value(pending).unwrap();
    let since = stored["login"]["since"].as_u64().unwrap();
    stored["login"]["since"] = (since - seconds - 1).into();
    serde_json::from_value(stored).unwrap()
}

async fn finished(scenario: &Scenario) -> Result<Option<Tokens>, Error> {
    let pending = scenario.client().backchannel().login_hint("alice@op.example").await?;
    scenario.client().poll_backchannel(&mut later(&pending, 5)).await
}

#[tokio::test]
async fn both_requests_are_sent_to_the_letter() {
    // CIBA Core §7.1 and §10.1.
    let scenario = openid(started());
    let login = scenario.client().backchannel().login_hint("alice@op.example").scopes(["email"]);
    let login =
        login.binding_message("W4SCT").user_code("1234-user-code").requested_expiry(Duration::from_secs(60));
    let pending = login.await.unwrap();
    assert!(scenario.client().poll_backchannel(&mut later(&pending, 5)).await.unwrap().is_some());
    let [asked] = &scenario.wire.seen_at("/backchannel")[..] else { panic!() };
    assert_eq!(
        wire::letter(asked),
        "POST https://op.example/backchannel\n\
         accept: application/json\n\
         authorization: Basic bXktY2xpZW50Om15LWNsaWVudC1zZWNyZXQ=\n\
         content-type: application/x-www-form-urlencoded\n\n\
         scope=openid+email&login_hint=alice%40op.example&user_code=1234-user-code&binding_message=W4SCT&requested_expiry=60"
    );
    let [polled] = &scenario.wire.seen_at("/token")[..] else { panic!() };
    assert_eq!(
        String::from_utf8_lossy(polled.body()),
        "grant_type=urn%3Aopenid%3Aparams%3Agrant-type%3Aciba&auth_req_id=request-id-1"
    );
}

#[tokio::test]
async fn there_is_exactly_one_hint() {
    // CIBA Core §7.1: one of them, and only one.
    let scenario = openid(started());
    let client = scenario.client();
    for login in [
        client.backchannel(),
        client.backchannel().login_hint("a").id_token_hint("b"),
        client.backchannel().login_hint("a").login_hint("b"),
    ] {
        assert_eq!(login.await.unwrap_err().code(), "invalid_option");
    }
    for name in ["scope", "login_hint", "id_token_hint", "client_notification_token", "user_code"] {
        let error = client.backchannel().login_hint("a").extra(name, "x").await.unwrap_err();
        assert_eq!(error.code(), "reserved_param", "{name}");
    }
    assert!(scenario.wire.seen_at("/backchannel").is_empty());
    for (login, name) in [
        (client.backchannel().id_token_hint("a.b.c"), "id_token_hint"),
        (client.backchannel().login_hint_token("d.e.f"), "login_hint_token"),
    ] {
        let _ = login.await.unwrap();
        assert!(field(scenario.wire.seen_at("/backchannel").last().unwrap(), name).is_some());
    }
}

#[tokio::test]
async fn a_response_that_cannot_be_used_is_refused() {
    for (response, code) in [
        (json!({"expires_in": 120}), "missing_field"),
        (json!({"auth_req_id": "id"}), "missing_field"),
        (json!({"auth_req_id": 7, "expires_in": 120}), "invalid_field"),
        (json!({"auth_req_id": "", "expires_in": 120}), "invalid_field"),
        (json!({"auth_req_id": "a\nb", "expires_in": 120}), "invalid_field"),
        (json!({"auth_req_id": "id", "expires_in": "soon"}), "invalid_field"),
        (json!({"auth_req_id": "id", "expires_in": 120, "interval": -1}), "invalid_field"),
        (json!({"error": "unknown_user_id"}), "unknown_user_id"),
        (json!([]), "json"),
    ] {
        assert_eq!(pending(response.clone()).await.unwrap_err().code(), code, "{response}");
    }
    // CIBA Core §7.3: without an interval, it is five seconds.
    let pending = pending(json!({"auth_req_id": "id", "expires_in": 120})).await.unwrap();
    assert_eq!(pending.wait().as_secs_f64().ceil(), 5.0);
}

#[tokio::test]
async fn the_interval_is_kept() {
    // CIBA §11.
    let scenario = openid(started());
    let client = scenario.client();
    let mut pending = client.backchannel().login_hint("alice").await.unwrap();
    assert!(client.poll_backchannel(&mut pending).await.unwrap().is_none());
    assert!(scenario.wire.seen_at("/token").is_empty());
    scenario.op().answers.insert("/token".to_owned(), json(400, json!({"error": "slow_down"})));
    let mut pending = later(&pending, 5);
    assert!(client.poll_backchannel(&mut pending).await.unwrap().is_none());
    assert_eq!(pending.wait().as_secs_f64().ceil(), 10.0);
    for (error, code) in [
        ("access_denied", "access_denied"),
        ("expired_token", "expired_token"),
        ("transaction_failed", "transaction_failed"),
    ] {
        scenario.op().answers.insert("/token".to_owned(), json(400, json!({"error": error})));
        assert_eq!(client.poll_backchannel(&mut later(&pending, 10)).await.unwrap_err().code(), code);
    }
}

#[tokio::test]
async fn the_id_token_is_verified() {
    // CIBA Core §10.1.1: as in every login.
    let tokens = finished(&openid(started())).await.unwrap().unwrap();
    assert_eq!(tokens.id_token().unwrap().subject(), "subject-1");
    for (scenario, code) in [
        (openid(started()).claim("aud", json!("another")), "audience"),
        (openid(started()).claim("iss", json!("https://elsewhere.example")), "issuer_mismatch"),
        (openid(started()).claim("nonce", json!("another login's")), "nonce_mismatch"),
        (openid(started()).with(|op| op.id_token = false), "missing_id_token"),
    ] {
        assert_eq!(finished(&scenario).await.unwrap_err().code(), code);
    }
}

#[tokio::test]
async fn a_notification_is_believed_by_its_token_and_its_id() {
    // CIBA Core §10.2.
    let scenario = openid(started());
    let client = scenario.client();
    let mut pending = client.backchannel().login_hint("alice").ping().await.unwrap();
    let token = field(&scenario.wire.seen_at("/backchannel")[0], "client_notification_token").unwrap();
    // §7.1: at least 128 bits, and at most 1024 characters.
    assert_eq!(token.len(), 43);
    let (right, body) = (format!("Bearer {token}"), br#"{"auth_req_id":"request-id-1"}"#);
    for (authorization, body, code) in [
        ("", &body[..], "state_mismatch"),
        ("Bearer", body, "state_mismatch"),
        ("Bearer ", body, "state_mismatch"),
        ("Bearer wrong", body, "state_mismatch"),
        (&token, body, "state_mismatch"),
        (&format!("Basic {token}"), body, "state_mismatch"),
        (&right, br#"{"auth_req_id":"request-id-2"}"#, "state_mismatch"),
        (&right, br#"{"auth_req_id":7}"#, "missing_field"),
        (&right, br#"{"auth_req_id":"request-id-2","auth_req_id":"request-id-1"}"#, "missing_field"),
        (&right, b"", "missing_field"),
    ] {
        let error = pending.notified(authorization, body).unwrap_err();
        assert_eq!(error.code(), code, "{authorization}");
        assert!(
            !error.to_string().contains(&token) && !error.to_string().contains("request-id-1"),
            "{error}"
        );
    }
    assert!(client.poll_backchannel(&mut pending).await.unwrap().is_none(), "a false one changes nothing");
    assert!(scenario.wire.seen_at("/token").is_empty());
    // After a store, too.
    let mut pending: PendingBackchannel =
        serde_json::from_value(serde_json::to_value(&pending).unwrap()).unwrap();
    pending.notified(&right.replace("Bearer", "bearer"), body).unwrap();
    assert!(client.poll_backchannel(&mut pending).await.unwrap().is_some());

    let mut unasked = client.backchannel().login_hint("alice").await.unwrap();
    assert!(matches!(unasked.notified("Bearer ", body), Err(Error::Config(_))));
}

#[tokio::test]
async fn nothing_shows_the_secrets() {
    let scenario = openid(started());
    let login = scenario.client().backchannel().login_hint("alice@op.example").user_code("1234-user-code");
    assert_eq!(
        format!("{login:?} {:?}", pending(started()).await.unwrap()),
        "BackchannelLogin(…) PendingBackchannel(…)"
    );
    let said =
        json!({"error": "invalid_request", "error_description": "no alice@op.example with 1234-user-code"});
    let scenario = openid(started()).at("/backchannel", json(400, said));
    let login = scenario.client().backchannel().login_hint("alice@op.example").user_code("1234-user-code");
    let error = login.await.unwrap_err().to_string();
    assert!(!error.contains("alice@op.example") && !error.contains("1234-user-code"), "{error}");
}

#[tokio::test]
async fn a_provider_without_the_endpoint_is_never_asked() {
    let wire = Wire::always(Response::default());
    let client = Client::new(acme(), web(), &wire.http()).unwrap();
    let error = client.backchannel().login_hint("alice").await.unwrap_err();
    assert!(matches!(&error, Error::Unsupported(e) if e.feature() == Feature::Backchannel), "{error}");
    assert!(wire.seen().is_empty());
}

#[cfg(feature = "transport")]
#[tokio::test]
async fn a_user_signs_in_at_the_sandbox_by_poll_and_by_ping() {
    use vouchsafe::{Http, Provider, Registration};
    let sandbox = vouchsafe_sandbox::Sandbox::start().await.unwrap();
    let registration = Registration::new(sandbox.client_id()).secret(sandbox.client_secret());
    let client =
        Client::new(Provider::openid(sandbox.issuer()), registration, &Http::new().unwrap()).unwrap();

    let pending = client.backchannel().login_hint("alice@example.com").await.unwrap();
    assert!(client.poll_backchannel(&mut later(&pending, 5)).await.unwrap().is_none());
    sandbox.decide_backchannel(pending.auth_req_id(), true).unwrap();
    let tokens = client.poll_backchannel(&mut later(&pending, 5)).await.unwrap().unwrap();
    assert_eq!(client.identity(&tokens).await.unwrap().verified_email(), Some("alice@example.com"));

    let hint = tokens.id_token().unwrap().expose();
    let mut pending = client.backchannel().id_token_hint(hint).ping().await.unwrap();
    let (authorization, body) = sandbox.decide_backchannel(pending.auth_req_id(), true).unwrap();
    pending.notified(&authorization.unwrap(), body.as_bytes()).unwrap();
    let again = client.poll_backchannel(&mut pending).await.unwrap().unwrap();
    assert_eq!(again.id_token().unwrap().subject(), tokens.id_token().unwrap().subject());

    let pending = client.backchannel().login_hint("bob@example.com").await.unwrap();
    sandbox.decide_backchannel(pending.auth_req_id(), false).unwrap();
    assert!(client.poll_backchannel(&mut later(&pending, 5)).await.unwrap_err().is_denied());
    let error = client.backchannel().login_hint("nobody@example.com").await.unwrap_err();
    assert_eq!(error.code(), "unknown_user_id");
}
