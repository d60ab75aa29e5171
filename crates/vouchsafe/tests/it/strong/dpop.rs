//! Tokens that are bound to a key (DPoP, RFC 9449).
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use vouchsafe::http::{Request, Response};
use vouchsafe::vault::Bearer;
use vouchsafe::{Client, Error, SigningKey, TokenSource, Tokens};

use super::{key, opened};
use crate::scenario::{ACCESS_TOKEN, ACME, CLIENT_ID, REDIRECT_URI, Scenario, acme, now, stored, web};
use crate::wire::{self, Wire, field, header, param};

/// A login whose tokens are bound.
fn bound(key: &SigningKey) -> Scenario {
    Scenario::openid().registration(web().dpop(key.clone())).token("token_type", json!("DPoP"))
}

/// Header and claims of the proof in a request.
fn proof(request: &Request, key: &SigningKey) -> (Value, Value) {
    assert_eq!(request.headers().get_all("dpop").iter().count(), 1);
    opened(header(request, "dpop").unwrap(), key)
}

#[tokio::test]
async fn each_request_has_a_proof_that_is_made_for_it() {
    let key = key("ES256").key_id("not for proofs");
    let scenario = bound(&key);
    let login = scenario.started().await;
    // Section 10: the code is worth nothing to somebody without the key.
    assert_eq!(param(&login.url, "dpop_jkt"), Some(key.thumbprint()));
    let tokens = scenario.log_in().await.unwrap();
    assert_eq!(tokens.token_type(), "DPoP");
    scenario.client().profile(&tokens).await.unwrap();
    let tokens = scenario.client().refresh(&tokens).await.unwrap();
    assert_eq!(tokens.token_type(), "DPoP");

    let mut identifiers = Vec::new();
    let seen = scenario.wire.seen_at("/token").into_iter().chain(scenario.wire.seen_at("/userinfo"));
    for request in seen {
        let (header, claims) = proof(&request, &key);
        // Section 4.2: the public key, and nothing else of it.
        let mut jwk = key.public_jwk();
        jwk.as_object_mut().unwrap().remove("kid");
        assert_eq!(header, json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}));
        assert_eq!(claims["htm"], json!(request.method().as_str()));
        assert_eq!(claims["htu"], json!(format!("https://op.example{}", request.uri().path())));
        assert!(now() - claims["iat"].as_u64().unwrap() < 60);
        let is_profile = request.uri().path() == "/userinfo";
        let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, ACCESS_TOKEN.as_bytes()));
        assert_eq!(claims.get("ath"), is_profile.then(|| json!(hash)).as_ref());
        if is_profile {
            // Section 7.1.
            assert_eq!(wire::header(&request, "authorization"), Some(&*format!("DPoP {ACCESS_TOKEN}")));
        }
        identifiers.push(claims["jti"].clone());
    }
    assert_eq!(identifiers.len(), 3);
    identifiers.dedup();
    assert_eq!(identifiers.len(), 3, "each proof is used once");
    assert!(scenario.wire.seen_at("/jwks").iter().all(|request| header(request, "dpop").is_none()));
}

#[tokio::test]
async fn a_bearer_token_is_refused_where_a_bound_one_was_asked_for() {
    // Section 5: without the binding, the client gets less than it asked for.
    let scenario = bound(&key("ES256")).token("token_type", json!("Bearer"));
    let error = scenario.log_in().await.unwrap_err();
    assert_eq!(error.code(), "token_type");
    assert!(error.to_string().contains("Registration::dpop"), "{error}");
    let scenario = bound(&key("ES256")).with(|op| op.token = json!({"token_type": null}));
    assert_eq!(scenario.verdict().await, "missing_field");
    // Section 5: the name of the type has no case.
    assert_eq!(bound(&key("ES256")).token("token_type", json!("dPoP")).verdict().await, "ok");
    // And nobody gets a bound token who has no key.
    let scenario = Scenario::openid().token("token_type", json!("DPoP"));
    assert_eq!(scenario.verdict().await, "token_type");
}

/// A server that wants a nonce, a new one each time, also after the one that it just gave.
fn nagging(path: &'static str, times: usize) -> (Wire, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let asked = count.clone();
    let wire = Wire::new(move |request| {
        let n = asked.fetch_add(usize::from(request.uri().path() == path), Ordering::Relaxed);
        let nonce = format!("nonce-{n}");
        let mut response = if request.uri().path() == path && n < times {
            match path {
                "/token" => wire::json(400, json!({"error": "use_dpop_nonce"})),
                _ => {
                    let mut refused: Response = wire::answer(401, "text/plain", "");
                    let challenge = "dPOP error=\"use_dpop_nonce\", error_description=\"a nonce\"";
                    refused.headers_mut().insert("www-authenticate", challenge.parse().unwrap());
                    refused
                }
            }
        } else {
            wire::json(200, json!({"access_token": "a", "token_type": "DPoP", "sub": "1"}))
        };
        response.headers_mut().insert("dpop-nonce", nonce.parse().unwrap());
        response
    });
    (wire, count)
}

#[tokio::test]
async fn a_nonce_is_sent_in_a_new_proof_once() {
    let key = key("ES256");
    // Section 8: at the token endpoint.
    let (wire, _) = nagging("/token", 1);
    let client = Client::new(acme(), web().dpop(key.clone()), &wire.http()).unwrap();
    client.manual().authorization_code("c", REDIRECT_URI).await.unwrap();
    let seen = wire.seen();
    let [first, second] = &seen[..] else { panic!("{} requests", seen.len()) };
    let (one, two) = (proof(first, &key).1, proof(second, &key).1);
    assert!(one.get("nonce").is_none() && one["jti"] != two["jti"]);
    assert_eq!(two["nonce"], json!("nonce-0"));
    // The next request has the nonce of the last response (section 8.2).
    client.manual().authorization_code("c", REDIRECT_URI).await.unwrap();
    assert_eq!(proof(wire.seen().last().unwrap(), &key).1["nonce"], json!("nonce-1"));

    // A server that is never content does not keep the client busy.
    let (wire, count) = nagging("/token", usize::MAX);
    let client = Client::new(acme(), web().dpop(key.clone()), &wire.http()).unwrap();
    let error = client.manual().authorization_code("c", REDIRECT_URI).await.unwrap_err();
    assert_eq!(error.code(), "use_dpop_nonce");
    assert_eq!(count.load(Ordering::Relaxed), 2);

    // Section 9: at a resource, and the scheme in the challenge has no case.
    let (wire, _) = nagging("/me", 1);
    let client = Client::new(acme(), web().dpop(key.clone()), &wire.http()).unwrap();
    client.profile(&tokens("DPoP")).await.unwrap();
    assert_eq!(wire.seen().len(), 2);
    let (wire, _) = nagging("/api", 1);
    let client = Client::new(acme(), web().dpop(key.clone()), &wire.http()).unwrap();
    let request = http::Request::post("https://api.example/api?q=1").body(b"x".to_vec()).unwrap();
    let response = client.call_api(&tokens("DPoP"), request).await.unwrap();
    assert_eq!(response.status(), 200);
    let seen = wire.seen();
    assert_eq!(seen.len(), 2);
    for request in &seen {
        assert_eq!((request.body(), request.uri().query()), (&b"x".to_vec(), Some("q=1")));
        assert_eq!(proof(request, &key).1["htu"], json!("https://api.example/api"));
    }
}

/// Tokens of that type, as a store gives them back.
fn tokens(kind: &str) -> Tokens {
    stored(ACME, json!({"access_token": "at", "token_type": kind}))
}

#[tokio::test]
async fn a_nonce_of_one_server_does_not_go_to_another() {
    // RFC 9449 §9.
    let key = key("ES256");
    let (wire, _) = nagging("/token", 0);
    let client = Client::new(acme(), web().dpop(key.clone()), &wire.http()).unwrap();
    client.manual().authorization_code("c", REDIRECT_URI).await.unwrap();
    let request = http::Request::get("https://api.example/api").body(Vec::new()).unwrap();
    client.call_api(&tokens("DPoP"), request).await.unwrap();
    assert!(proof(wire.seen().last().unwrap(), &key).1.get("nonce").is_none());
}

#[tokio::test]
async fn a_nonce_that_is_none_is_not_sent_back() {
    // RFC 9449 §8.1.
    let key = key("ES256");
    for nonce in ["", "a b", "a\"b", &"n".repeat(2000)] {
        let value = nonce.to_owned();
        let wire = Wire::new(move |_| {
            let mut response = wire::json(400, json!({"error": "use_dpop_nonce"}));
            response.headers_mut().insert("dpop-nonce", value.parse().unwrap());
            response
        });
        let client = Client::new(acme(), web().dpop(key.clone()), &wire.http()).unwrap();
        let error = client.manual().authorization_code("c", REDIRECT_URI).await.unwrap_err();
        assert_eq!(error.code(), "use_dpop_nonce");
        assert_eq!(wire.seen().len(), 1, "{nonce:?}: nothing would be different");
    }
}

#[tokio::test]
async fn bound_tokens_need_the_key_and_bearer_tokens_do_not() {
    let wire = Wire::always(wire::json(200, json!({"sub": "1"})));
    let without = Client::new(acme(), web(), &wire.http()).unwrap();
    let error = without.profile(&tokens("DPoP")).await.unwrap_err();
    assert!(error.code() == "signing_key" && wire.seen().is_empty(), "{error}");
    let request = || http::Request::get("https://api.example/").body(Vec::new()).unwrap();
    assert!(matches!(without.call_api(&tokens("DPoP"), request()).await, Err(Error::Config(_))));

    without.call_api(&tokens("Bearer"), request()).await.unwrap();
    let seen = wire.seen();
    assert_eq!(header(&seen[0], "authorization"), Some("Bearer at"));
    assert!(header(&seen[0], "dpop").is_none());
    // Tokens from before the key are still bearer tokens.
    let with = Client::new(acme(), web().dpop(key("ES256")), &wire.http()).unwrap();
    with.call_api(&tokens("Bearer"), request()).await.unwrap();
    assert_eq!(header(wire.seen().last().unwrap(), "authorization"), Some("Bearer at"));
    assert!(header(wire.seen().last().unwrap(), "dpop").is_none());
    // What is stored stays what it is.
    let again: Tokens = serde_json::from_str(&serde_json::to_string(&tokens("DPoP")).unwrap()).unwrap();
    assert_eq!(again.token_type(), "DPoP");
}

#[tokio::test]
async fn a_request_to_an_api_goes_nowhere_that_it_must_not() {
    // RFC 6749 §10.3.
    let wire = Wire::always(
        http::Response::builder()
            .status(302)
            .header("location", "https://evil.example")
            .body(Vec::new())
            .unwrap(),
    );
    let client = Client::new(acme(), web(), &wire.http()).unwrap();
    let to = |url: &str| http::Request::get(url).body(Vec::new()).unwrap();
    let error = client.call_api(&tokens("Bearer"), to("http://api.example/")).await.unwrap_err();
    assert!(error.code() == "invalid_url" && wire.seen().is_empty(), "{error}");
    let error = client.call_api(&tokens("Bearer"), to("https://api.example/")).await.unwrap_err();
    assert_eq!(error.code(), "redirect_refused");
    // Tokens of another provider are not sent at all.
    let foreign = stored(("other", "https://other.example"), json!({"access_token": "at"}));
    let before = wire.seen().len();
    assert_eq!(
        client.call_api(&foreign, to("https://api.example/")).await.unwrap_err().code(),
        "issuer_mismatch"
    );
    assert_eq!(wire.seen().len(), before);
    let error = client.call_api(&tokens("Bearer"), to("https://api.example/at")).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("Bearer at"));
}

#[tokio::test]
async fn the_code_is_bound_by_a_proof_where_requests_are_pushed() {
    // RFC 9449 §10.1.
    let key = key("ES256");
    let pushed = wire::json(201, json!({"request_uri": "urn:r", "expires_in": 60}));
    let scenario = bound(&key)
        .metadata("pushed_authorization_request_endpoint", json!("https://op.example/par"))
        .metadata("require_pushed_authorization_requests", json!(true))
        .at("/par", pushed);
    let login = scenario.started().await;
    let seen = scenario.wire.seen_at("/par");
    assert_eq!(proof(&seen[0], &key).1["htu"], json!("https://op.example/par"));
    assert!(field(&seen[0], "dpop_jkt").is_none());
    assert_eq!(param(&login.url, "client_id").as_deref(), Some(CLIENT_ID));
}

/// What a refused or accepted request to an API brings.
fn responded(challenge: Option<&str>, nonce: Option<&str>) -> http::HeaderMap {
    let mut headers = http::HeaderMap::new();
    for (name, value) in [("www-authenticate", challenge), ("dpop-nonce", nonce)] {
        value.into_iter().for_each(|value| drop(headers.insert(name, value.parse().unwrap())));
    }
    headers
}

#[tokio::test]
async fn a_bearer_sends_bound_tokens_with_a_new_proof_each_time() {
    // Section 7.1, section 9.
    let key = key("ES256");
    let scenario = bound(&key);
    let tokens = scenario.log_in().await.unwrap();
    let source = TokenSource::new(scenario.client(), tokens.clone()).await.unwrap();
    let bearer = Bearer::new(source, ["https://api.example", "https://other.example"]).unwrap();
    let authorized = |url: &'static str| {
        let (bearer, key) = (bearer.clone(), key.clone());
        async move {
            let mut request = Request::new(Vec::new());
            (*request.method_mut(), *request.uri_mut()) = (http::Method::PUT, url.parse().unwrap());
            let sent = bearer.authorize(&mut request).await.unwrap().unwrap();
            let expected = format!("DPoP {}", sent.token().expose());
            assert_eq!(header(&request, "authorization"), Some(&*expected));
            let claims = proof(&request, &key).1;
            let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, sent.token().expose().as_bytes()));
            assert_eq!(claims["ath"], json!(hash));
            (claims, sent)
        }
    };
    let unauthorized = http::StatusCode::UNAUTHORIZED;
    let (first, sent) = authorized("https://api.example/a?b").await;
    assert_eq!((&first["htm"], &first["htu"]), (&json!("PUT"), &json!("https://api.example/a")));
    assert!(first.get("nonce").is_none());
    // The nonce is wanted: the token stays, and the proof is another one.
    let wanted = responded(Some("DPoP error=\"use_dpop_nonce\""), Some("nonce-1"));
    assert!(bearer.is_refused(&sent, unauthorized, &wanted));
    let (second, sent) = authorized("https://api.example/a?b").await;
    assert_eq!(second["nonce"], json!("nonce-1"));
    assert_ne!(second["jti"], first["jti"]);
    assert_eq!(sent.token().expose(), ACCESS_TOKEN);
    // Another server has nonces of its own, and each response may bring the next one.
    assert!(authorized("https://other.example/").await.0.get("nonce").is_none());
    assert!(!bearer.is_refused(&sent, http::StatusCode::OK, &responded(None, Some("nonce-2"))));
    let (third, sent) = authorized("https://api.example/a").await;
    assert_eq!(third["nonce"], json!("nonce-2"));
    // A challenge without a nonce changes nothing; a refused token is replaced.
    assert!(!bearer.is_refused(&sent, unauthorized, &responded(Some("DPoP error=\"use_dpop_nonce\""), None)));
    assert!(!bearer.is_refused(
        &sent,
        unauthorized,
        &responded(Some("DPoP error=\"invalid_dpop_proof\""), None)
    ));
    let requests = scenario.wire.seen_at("/token").len();
    assert!(bearer.is_refused(&sent, unauthorized, &responded(Some("DPoP error=\"invalid_token\""), None)));
    authorized("https://api.example/a").await;
    assert_eq!(scenario.wire.seen_at("/token").len(), requests + 1);

    // Elsewhere goes neither a token nor a proof.
    let mut elsewhere = Request::new(Vec::new());
    *elsewhere.uri_mut() = "https://evil.example/".parse().unwrap();
    assert!(bearer.authorize(&mut elsewhere).await.unwrap().is_none() && elsewhere.headers().is_empty());
}

#[tokio::test]
async fn a_bearer_without_the_key_sends_nothing() {
    let tokens = bound(&key("ES256")).log_in().await.unwrap();
    let scenario = Scenario::openid();
    scenario.client().metadata().await.unwrap();
    let source = TokenSource::new(scenario.client(), tokens).await.unwrap();
    let bearer = Bearer::new(source, ["https://api.example"]).unwrap();
    let error = bearer.headers(&http::Method::GET, "https://api.example/").await.unwrap_err();
    assert_eq!(error.code(), "signing_key");
    assert!(error.to_string().contains("Registration::dpop"), "{error}");
}

#[cfg(feature = "tower")]
#[tokio::test]
async fn the_layer_answers_a_nonce_and_a_refused_token_once_each() {
    use std::convert::Infallible;
    use std::sync::Mutex;

    use tower::{Layer, ServiceExt, service_fn};
    use vouchsafe::vault::BearerLayer;

    let key = key("ES256");
    // The API wants a nonce, then refuses the token, then wants a nonce again.
    for (refusals, expected) in [(2, 200), (3, 401)] {
        let scenario = bound(&key);
        let tokens = scenario.log_in().await.unwrap();
        let source = TokenSource::new(scenario.client(), tokens).await.unwrap();
        let bearer = Bearer::new(source, ["https://api.example"]).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let api = service_fn({
            let (seen, key) = (seen.clone(), key.clone());
            move |request: Request| {
                let mut seen = seen.lock().unwrap();
                let number = seen.len();
                seen.push(proof(&request, &key).1);
                let error = if number % 2 == 0 { "use_dpop_nonce" } else { "invalid_token" };
                let status = if number < refusals { 401 } else { 200 };
                let response = http::Response::builder()
                    .status(status)
                    .header("www-authenticate", format!("DPoP error=\"{error}\""))
                    .header("dpop-nonce", format!("nonce-{number}"));
                async move { Ok::<_, Infallible>(response.body(()).unwrap()) }
            }
        });
        let request = http::Request::get("https://api.example/").body(Vec::new()).unwrap();
        let response = BearerLayer::new(bearer).layer(api).oneshot(request).await.unwrap();
        assert_eq!(response.status().as_u16(), expected);
        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), 3);
        assert_eq!((&seen[1]["nonce"], &seen[2]["nonce"]), (&json!("nonce-0"), &json!("nonce-1")));
    }
}
