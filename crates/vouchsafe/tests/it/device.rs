//! Signing a user in on a device without a browser (RFC 8628).
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use vouchsafe::error::{Feature, HttpErrorKind, TransportError};
use vouchsafe::http::{BoxFuture, Response, Runtime};
use vouchsafe::{Client, Error, ErrorCode, PendingDevice, Provider};

use crate::scenario::{CLIENT_ID, Scenario, acme, public, web};
use crate::wire::{self, Wire, answer, field};

const ENDPOINT: &str = "https://acme.example/device";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A clock that notes how long it would have waited.
#[derive(Clone, Default)]
struct Patient(Arc<Mutex<Vec<u64>>>);

impl Patient {
    fn waited(&self) -> Vec<u64> {
        self.0.lock().unwrap().clone()
    }
}

impl Runtime for Patient {
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        let waited = self.0.clone();
        // A part of the first second has passed.
        Box::pin(async move { waited.lock().unwrap().push(time.as_secs_f64().ceil() as u64) })
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> Result<(), BoxFuture<'static, ()>> {
        Err(task)
    }
}

fn codes() -> Value {
    json!({
        "device_code": "device-code-1", "user_code": "WDJB-MJHT", "verification_uri": "https://acme.example/go",
        "verification_uri_complete": "https://acme.example/go?code=WDJB-MJHT", "expires_in": 1800, "interval": 5,
    })
}

fn tokens() -> Result<Response, TransportError> {
    Ok(wire::json(200, json!({"access_token": "at", "token_type": "Bearer", "scope": "profile"})))
}

fn said(code: &str) -> Result<Response, TransportError> {
    Ok(wire::json(400, json!({"error": code})))
}

/// A provider that gives these codes, and then these answers at the token endpoint; the last from then on.
fn wire_of(codes: Value, answers: Vec<Result<Response, TransportError>>) -> Wire {
    let answers = Mutex::new(answers);
    Wire::that_may_fail(move |request| {
        if request.uri().path() == "/device" {
            return Ok(wire::json(200, codes.clone()));
        }
        let mut answers = answers.lock().unwrap();
        if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() }
    })
}

fn provider() -> Provider {
    acme().device_authorization_endpoint(ENDPOINT)
}

struct Walk {
    wire: Wire,
    clock: Patient,
    client: Client,
}

impl Walk {
    fn new(codes: Value, answers: Vec<Result<Response, TransportError>>) -> Self {
        let (wire, clock) = (wire_of(codes, answers), Patient::default());
        let client = Client::new(provider(), public(), &wire.http().runtime(clock.clone())).unwrap();
        Self { wire, clock, client }
    }

    async fn device(&self) -> PendingDevice {
        self.client.device().await.unwrap()
    }

    /// The word for how it ends, and how many seconds passed before each token request.
    async fn ends(&self) -> (String, Vec<u64>) {
        let mut device = self.device().await;
        let ended = match self.client.finish_device(&mut device).await {
            Ok(_) => "ok".to_owned(),
            Err(error) => error.code().to_owned(),
        };
        (ended, self.clock.waited())
    }
}

async fn started(codes: Value) -> Result<PendingDevice, Error> {
    Walk::new(codes, vec![tokens()]).client.device().await
}

#[tokio::test]
async fn both_requests_are_sent_to_the_letter() {
    // RFC 8628 §3.1 and §3.4.
    let walk = Walk::new(codes(), vec![tokens()]);
    let mut device = walk.client.device().scope("profile").resource("https://api.example").await.unwrap();
    let tokens = walk.client.finish_device(&mut device).await.unwrap();
    assert_eq!(tokens.access_token().expose(), "at");
    let [asked, polled] = &walk.wire.seen()[..] else { panic!() };
    assert_eq!(
        wire::letter(asked),
        "POST https://acme.example/device\n\
         accept: application/json\n\
         content-type: application/x-www-form-urlencoded\n\n\
         scope=profile&resource=https%3A%2F%2Fapi.example&client_id=my-client"
    );
    assert_eq!(
        wire::letter(polled),
        "POST https://acme.example/token\n\
         accept: application/json\n\
         content-type: application/x-www-form-urlencoded\n\n\
         grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=device-code-1&client_id=my-client"
    );
}

#[tokio::test]
async fn a_client_with_a_secret_authenticates_at_both_endpoints() {
    // RFC 8628 §3.1: the requirements of RFC 6749 section 3.2.1 apply to the device authorization endpoint.
    let wire = wire_of(codes(), vec![tokens()]);
    let client = Client::new(provider(), web(), &wire.http().runtime(Patient::default())).unwrap();
    client.finish_device(&mut client.device().await.unwrap()).await.unwrap();
    assert!(wire.seen().iter().all(|request| wire::header(request, "authorization").is_some()));
}

#[tokio::test]
async fn the_codes_are_there_to_show() {
    // RFC 8628 §3.3.
    let device = started(codes()).await.unwrap();
    assert_eq!(device.user_code(), "WDJB-MJHT");
    assert_eq!(device.verification_uri(), "https://acme.example/go");
    assert_eq!(device.verification_uri_complete(), Some("https://acme.example/go?code=WDJB-MJHT"));
    let left = device.expires_at().duration_since(SystemTime::now()).unwrap();
    assert!((1790..=1800).contains(&left.as_secs()), "{left:?}");
    assert!((4..=5).contains(&device.wait().as_secs()), "{:?}", device.wait());
    // Google has another name for it.
    let mut google = codes();
    google["verification_url"] = google.as_object_mut().unwrap().remove("verification_uri").unwrap();
    assert_eq!(started(google).await.unwrap().verification_uri(), "https://acme.example/go");
}

#[tokio::test]
async fn the_interval_is_that_of_the_provider_and_grows_when_it_asks() {
    // RFC 8628 §3.5.
    let pending = || said("authorization_pending");
    let walk = Walk::new(
        codes(),
        vec![pending(), said("slow_down"), pending(), said("slow_down"), pending(), tokens()],
    );
    assert_eq!(walk.ends().await, ("ok".to_owned(), vec![5, 5, 10, 10, 15, 15]));
    let walk = Walk::new(json_with(codes(), "interval", json!(30)), vec![pending(), tokens()]);
    assert_eq!(walk.ends().await.1, [30, 30]);
}

fn json_with(mut value: Value, name: &str, member: Value) -> Value {
    value[name] = member;
    value
}

fn without(mut value: Value, name: &str) -> Value {
    value.as_object_mut().unwrap().remove(name);
    value
}

#[tokio::test]
async fn without_an_interval_it_is_five_seconds_and_with_zero_there_is_a_pause() {
    // RFC 8628 §3.2: "If no value is provided, clients MUST use 5 as the default."
    let walk = Walk::new(without(codes(), "interval"), vec![said("authorization_pending"), tokens()]);
    assert_eq!(walk.ends().await.1, [5, 5]);
    let walk =
        Walk::new(json_with(codes(), "interval", json!(0)), vec![said("authorization_pending"), tokens()]);
    assert_eq!(walk.ends().await.1, [1, 1]);
}

#[tokio::test]
async fn a_failed_connection_makes_the_client_ask_less_often() {
    // RFC 8628 §3.5: on a connection timeout, clients must reduce their polling frequency before they retry.
    let lost = |kind| Err(TransportError::new(kind));
    let (timeout, connect) = (lost(HttpErrorKind::Timeout), lost(HttpErrorKind::Connect));
    let busy = Ok(answer(503, "text/plain", "later"));
    let walk = Walk::new(codes(), vec![timeout, connect, busy, said("authorization_pending"), tokens()]);
    assert_eq!(walk.ends().await, ("ok".to_owned(), vec![5, 10, 20, 40, 40]));
    let mut wait = answer(429, "text/plain", "later");
    wait.headers_mut().insert("retry-after", "90".parse().unwrap());
    let walk = Walk::new(codes(), vec![Ok(wait), tokens()]);
    assert_eq!(walk.ends().await.1, [5, 90]);
}

#[tokio::test]
async fn any_other_error_ends_it() {
    // RFC 8628 §3.5: the client must stop polling.
    for code in
        ["access_denied", "expired_token", "invalid_grant", "invalid_client", "server_error", "something_new"]
    {
        let walk = Walk::new(codes(), vec![said("authorization_pending"), said(code), tokens()]);
        assert_eq!(walk.ends().await.0, code);
        assert_eq!(walk.wire.seen_at("/token").len(), 2, "{code}");
    }
    let walk = Walk::new(codes(), vec![said("access_denied")]);
    let error = walk.client.finish_device(&mut walk.device().await).await.unwrap_err();
    assert!(error.is_denied());
    let walk = Walk::new(codes(), vec![said("expired_token")]);
    let error = walk.client.finish_device(&mut walk.device().await).await.unwrap_err();
    assert!(matches!(&error, Error::Server(e) if e.code() == ErrorCode::EXPIRED_TOKEN));
}

#[tokio::test]
async fn expired_codes_are_not_sent() {
    // RFC 8628 §3.5.
    let walk = Walk::new(json_with(codes(), "expires_in", json!(0)), vec![tokens()]);
    assert_eq!(walk.ends().await.0, "expired");
    assert!(walk.wire.seen_at("/token").is_empty());
}

#[tokio::test]
async fn a_loop_of_ones_own_asks_no_earlier_than_it_may() {
    // RFC 8628 §3.5.
    let walk = Walk::new(codes(), vec![said("authorization_pending"), tokens()]);
    let mut device = walk.device().await;
    assert!(walk.client.poll_device(&mut device).await.unwrap().is_none());
    assert!(walk.wire.seen_at("/token").is_empty());
    let mut device = later(&device, 5);
    assert_eq!(device.wait(), Duration::ZERO);
    assert!(walk.client.poll_device(&mut device).await.unwrap().is_none());
    assert!(walk.client.poll_device(&mut device).await.unwrap().is_none());
    assert_eq!(walk.wire.seen_at("/token").len(), 1);
    assert!(walk.client.poll_device(&mut later(&device, 6)).await.unwrap().is_some());
    assert!(walk.clock.waited().is_empty());
}

/// The same login that many seconds later, as a store gives it back.
fn later(device: &PendingDevice, seconds: u64) -> PendingDevice {
    let mut stored = serde_json::to_value(device).unwrap();
    let since = stored["login"]["since"].as_u64().unwrap();
    stored["login"]["since"] = (since - seconds - 1).into();
    serde_json::from_value(stored).unwrap()
}

#[tokio::test]
async fn a_stored_login_is_finished_by_another_client_of_the_same_provider_alone() {
    let walk = Walk::new(codes(), vec![tokens()]);
    let device = later(&walk.device().await, 5);
    assert_eq!(device.user_code(), "WDJB-MJHT");
    let wire = Wire::always(tokens().unwrap());
    let other = Client::new(provider().token_endpoint("https://other.example/token"), public(), &wire.http())
        .unwrap();
    let error = other.poll_device(&mut later(&device, 5)).await.unwrap_err();
    assert_eq!(error.code(), "issuer_mismatch");
    assert!(wire.seen().is_empty());
    let other = Client::new(provider(), public(), &wire.http()).unwrap();
    other.poll_device(&mut later(&device, 5)).await.unwrap().unwrap();
    let damaged = serde_json::from_value::<PendingDevice>(json!({"login": {"v": 1}}));
    assert!(damaged.is_err());
}

#[tokio::test]
async fn without_a_clock_nobody_waits() {
    let wire = wire_of(codes(), vec![tokens()]);
    let client = Client::new(provider(), public(), &wire.http()).unwrap();
    let error = client.finish_device(&mut client.device().await.unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("Http::runtime"), "{error}");
    assert!(wire.seen_at("/token").is_empty());
}

#[tokio::test]
async fn what_cannot_be_shown_safely_is_refused() {
    // RFC 8628 §3.2.
    for (name, value, code) in [
        ("user_code", json!("AB\u{1b}[31mCD"), "invalid_field"),
        ("user_code", json!("AB\u{200b}CD"), "invalid_field"),
        ("user_code", json!(" ABCD"), "invalid_field"),
        ("user_code", json!(""), "invalid_field"),
        ("user_code", json!("A".repeat(65)), "invalid_field"),
        ("user_code", json!(1234), "invalid_field"),
        ("device_code", json!("a b\n"), "invalid_field"),
        ("verification_uri", json!("http://acme.example/go"), "insecure_url"),
        ("verification_uri", json!("javascript:alert(1)"), "insecure_url"),
        ("verification_uri", json!("https://acme.example/\u{1b}[2J"), "invalid_field"),
        ("verification_uri", json!("https://acme.example/#\u{1b}[2J"), "invalid_field"),
        ("verification_uri", json!("https://good.example@evil.example/"), "invalid_field"),
        ("verification_uri", json!("/go"), "invalid_field"),
        ("verification_uri", json!(["https://acme.example"]), "invalid_field"),
        ("verification_uri_complete", json!("http://acme.example/go"), "insecure_url"),
        ("verification_uri_complete", json!(7), "invalid_field"),
        ("expires_in", json!("soon"), "invalid_field"),
        ("expires_in", json!(-1), "invalid_field"),
        ("expires_in", json!(1e300), "invalid_field"),
        ("interval", json!(true), "invalid_field"),
    ] {
        let error = started(json_with(codes(), name, value.clone())).await.unwrap_err();
        assert_eq!(error.code(), code, "{name} {value}");
        assert!(!error.to_string().contains("device-code-1"), "{error}");
        assert!(!error.to_string().contains('\u{1b}'), "{error}");
    }
    for name in ["device_code", "user_code", "verification_uri", "expires_in"] {
        assert_eq!(started(without(codes(), name)).await.unwrap_err().code(), "missing_field", "{name}");
    }
    let page = "https://acme.example/#/go";
    assert_eq!(
        started(json_with(codes(), "verification_uri", json!(page))).await.unwrap().verification_uri(),
        page
    );
    let foreign = json_with(codes(), "verification_uri", json!("https://b\u{fc}cher.example/g\u{f6}"));
    assert_eq!(started(foreign).await.unwrap().verification_uri(), "https://xn--bcher-kva.example/g%C3%B6");
}

#[tokio::test]
async fn no_error_and_no_debug_output_shows_the_codes() {
    let walk = Walk::new(
        codes(),
        vec![Ok(wire::json(
            400,
            json!({
                "error": "invalid_grant", "error_description": "no such code: device-code-1",
            }),
        ))],
    );
    let mut device = walk.device().await;
    let shown = format!("{device:?}");
    assert_eq!(shown, "PendingDevice(…)");
    let error = walk.client.finish_device(&mut device).await.unwrap_err();
    assert!(!error.to_string().contains("device-code-1"), "{error}");
}

#[tokio::test]
async fn own_parameters_cannot_be_replaced() {
    let walk = Walk::new(codes(), vec![tokens()]);
    for name in ["client_id", "scope", "client_secret", "client_assertion"] {
        assert_eq!(
            walk.client.device().extra(name, "x").await.unwrap_err().code(),
            "reserved_param",
            "{name}"
        );
    }
    assert!(walk.wire.seen().is_empty());
}

#[tokio::test]
async fn a_provider_without_the_endpoint_is_never_asked() {
    let wire = Wire::always(Response::default());
    let client = Client::new(acme(), public(), &wire.http()).unwrap();
    let error = client.device().await.unwrap_err();
    assert!(matches!(&error, Error::Unsupported(e) if e.feature() == Feature::Device), "{error}");
    assert!(wire.seen().is_empty());
}

/// A login of a device at an OpenID Provider.
async fn openid(scenario: Scenario, scope: &str) -> Result<vouchsafe::Tokens, Error> {
    let scenario = scenario
        .metadata("device_authorization_endpoint", json!("https://op.example/device"))
        .at("/device", wire::json(200, codes()));
    let http = scenario.wire.http().runtime(Patient::default());
    let client = Client::new(Provider::openid("https://op.example"), web(), &http).unwrap();
    let mut device = client.device().scope(scope).await.unwrap();
    let tokens = client.finish_device(&mut device).await;
    let [request] = &scenario.wire.seen_at("/token")[..] else { panic!() };
    assert_eq!(field(request, "grant_type").as_deref(), Some(GRANT));
    tokens
}

#[tokio::test]
async fn the_id_token_is_verified() {
    let tokens = openid(Scenario::openid(), "openid").await.unwrap();
    assert_eq!(tokens.id_token().unwrap().subject(), "subject-1");
    assert_eq!(tokens.client_id(), CLIENT_ID);
    for (scenario, code) in [
        (Scenario::openid().claim("aud", json!("another")), "audience"),
        (Scenario::openid().claim("iss", json!("https://elsewhere.example")), "issuer_mismatch"),
        // None was sent.
        (Scenario::openid().claim("nonce", json!("another login's")), "nonce_mismatch"),
        (Scenario::openid().with(|op| op.id_token = false), "missing_id_token"),
    ] {
        assert_eq!(openid(scenario, "openid").await.unwrap_err().code(), code);
    }
    // Without the scope, none is needed.
    openid(Scenario::openid().with(|op| op.id_token = false), "profile").await.unwrap();
}

#[cfg(feature = "transport")]
mod at_the_sandbox {
    use vouchsafe::{Client, Http, Provider, Registration};
    use vouchsafe_sandbox::{Fault, Sandbox};

    use super::later;

    async fn client(sandbox: &Sandbox) -> Client {
        let registration = Registration::new(sandbox.client_id()).secret(sandbox.client_secret());
        Client::new(Provider::openid(sandbox.issuer()), registration, &Http::new().unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_user_signs_in_on_a_device() {
        let sandbox = Sandbox::start().await.unwrap();
        let client = client(&sandbox).await;
        let device = client.device().await.unwrap();
        assert!(client.poll_device(&mut later(&device, 5)).await.unwrap().is_none());
        sandbox.person("alice").allow_device(device.verification_uri_complete().unwrap()).await.unwrap();
        sandbox.advance_clock(std::time::Duration::from_secs(6));
        let tokens = client.poll_device(&mut later(&device, 5)).await.unwrap().unwrap();
        assert_eq!(client.identity(&tokens).await.unwrap().verified_email(), Some("alice@example.com"));
        client.refresh(&tokens).await.unwrap();
        // The code is spent.
        let error = client.poll_device(&mut later(&device, 5)).await.unwrap_err();
        assert_eq!(error.code(), "invalid_grant");
    }

    #[tokio::test]
    async fn who_declines_is_not_signed_in() {
        let sandbox = Sandbox::start().await.unwrap();
        let client = client(&sandbox).await;
        let device = client.device().await.unwrap();
        sandbox.person("alice").deny_device(device.verification_uri_complete().unwrap()).await.unwrap();
        assert!(client.poll_device(&mut later(&device, 5)).await.unwrap_err().is_denied());
    }

    #[tokio::test]
    async fn a_wrong_id_token_signs_nobody_in_on_a_device_either() {
        let sandbox = Sandbox::start().await.unwrap();
        let client = client(&sandbox).await;
        let device = client.device().await.unwrap();
        sandbox.person("alice").allow_device(device.verification_uri_complete().unwrap()).await.unwrap();
        sandbox.fault(Fault::WRONG_ID_TOKEN_ISSUER);
        let error = client.poll_device(&mut later(&device, 5)).await.unwrap_err();
        assert_eq!(error.code(), "issuer_mismatch");
    }
}
