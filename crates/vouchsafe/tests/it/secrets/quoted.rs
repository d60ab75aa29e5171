//! A provider that quotes whatever it was sent, in every shape and in every place where there is one.
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use vouchsafe::error::HttpErrorKind;
use vouchsafe::http::{Response, TransportError};
use vouchsafe::manual::CodeChallenge;
use vouchsafe::{Client, ClientAuth, Error, Provider, Registration, providers};

use super::{ACCESS, CODE, Marks, REFRESH, SECRET, VERIFIER, shapes};
use crate::scenario::{CLIENT_ID, Held, REDIRECT_URI, Scenario, acme, arrived, described, public};
use crate::wire::{Wire, answer, header, json, param};

/// Everything in a request that its sender keeps secret, as it is.
fn secrets_in(request: &vouchsafe::http::Request) -> Vec<String> {
    let secret = |name: &str| {
        ["code", "code_verifier", "client_secret", "refresh_token", "token", "short", "access_token"]
            .contains(&name)
    };
    let mut secrets = Vec::new();
    for part in [request.body(), request.uri().query().unwrap_or_default().as_bytes()] {
        let pairs = url::form_urlencoded::parse(part);
        secrets.extend(pairs.filter(|(name, _)| secret(name)).map(|(_, value)| value.into_owned()));
    }
    if let Ok(Value::Object(members)) = serde_json::from_slice(request.body()) {
        let members = members.iter().filter(|(name, _)| secret(name));
        secrets.extend(members.filter_map(|(_, value)| value.as_str().map(str::to_owned)));
    }
    secrets.extend(
        header(request, "authorization").and_then(|value| value.split(' ').nth(1)).map(str::to_owned),
    );
    secrets
}

/// The ways to fail, each with that text in it.
fn failures(said: &str) -> Vec<Response> {
    let error = |code: &str| json!({"error": code, "error_description": said, "error_uri": format!("https://x/{said}")});
    let with = |status: u16, name: &'static str, value: String| {
        let mut response = answer(status, "text/plain", said);
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
        response
    };
    let member = |more: Value| {
        let mut answer = json!({"access_token": said, "token_type": "Bearer"});
        answer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json(200, answer)
    };
    vec![
        json(400, error("invalid_grant")),
        json(200, error("invalid_grant")),
        json(401, error(said)),
        json(400, error(&format!("a\u{1}{said}\u{7f}"))),
        json(400, json!({"error": "x", "error_description": format!("{}{said}", "x".repeat(395))})),
        json(500, json!({"error": {"message": said, "type": said, "code": said}})),
        json(200, json!({"code": said, "message": said})),
        answer(500, "text/html", format!("<h1>{said}</h1>")),
        answer(200, "text/html", format!("<h1>{said}</h1>")),
        answer(200, "application/json", format!(r#"{{"access_token": "{said}" oops"#)),
        answer(200, "application/json", format!(r#"{{"{said}": 1, "{said}": 2}}"#)),
        answer(200, "application/json", "[]"),
        answer(200, "application/jwt", format!("{said}.{said}.{said}")),
        member(json!({"token_type": said})),
        member(json!({"expires_in": said})),
        member(json!({"expires_at": said})),
        member(json!({"refresh_token": [said]})),
        member(json!({"access_token": format!("{said}\n")})),
        with(200, "content-type", format!("application/x-{said}")),
        with(401, "www-authenticate", format!(r#"Bearer error="invalid_token", error_description="{said}""#)),
        with(403, "www-authenticate", format!(r#"Bearer error="{said}""#)),
        with(302, "location", format!("https://evil.example/?{said}")),
    ]
}

/// A service with an endpoint for everything, and words of its own for what went wrong.
fn service() -> Provider {
    described(
        r#"
        token.failure = { code = "/code", success = ["0"], description = "/message" }
        userinfo.failure = { code = "/code", success = ["0"], description = "/message" }
        revocation.failure = { code = "/code", success = ["0"], description = "/message" }
        long_lived = { grant_type = "prolong", token_name = "short" }
        identity = { subject = ["/id"], emails = { endpoint = "https://acme.example/emails", email = "/email" } }"#,
    )
    .unwrap()
}

/// A private key in PEM, as Apple gives it; another at each run.
fn pem() -> String {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let body = STANDARD.encode(key.to_pkcs8v1().unwrap().as_ref());
    format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----")
}

fn apple(pem: &str) -> Registration {
    public().credential(vouchsafe::Credential::apple_key("TEAM", "KEY", pem.to_owned()))
}

/// Apple's quirks, without discovery.
fn apple_like() -> Provider {
    described("issuer = \"https://acme.example\"\nsigned_client_secret = true").unwrap()
}

fn marks() -> Marks {
    Marks::of(&[
        ("secret", SECRET),
        ("code", CODE),
        ("access token", ACCESS),
        ("refresh token", REFRESH),
        ("verifier", VERIFIER),
    ])
}

/// Goes through every flow, and gives what went wrong in each.
async fn every_flow(client: &Client, marks: &Marks) -> Vec<Error> {
    let login = client.login().data("hush").await.unwrap();
    let kept = serde_json::to_value(&login.pending).unwrap();
    let marks = marks.clone().and("verifier of the login", kept["verifier"].as_str().unwrap());
    marks.absent_from_debug(&login);
    marks.absent_from_debug(&login.pending);
    let state = param(&login.url, "state").unwrap();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let query = query.append_pair("code", CODE).append_pair("state", &state).finish();
    let held =
        client.held(json!({"access_token": ACCESS, "refresh_token": REFRESH, "extra": {"more": CODE}}));
    marks.absent_from_debug(&held);
    let manual = client.manual();
    let by_hand = manual.authorization_code(CODE, REDIRECT_URI).code_verifier(VERIFIER);
    marks.absent_from_debug(&by_hand);
    let outcomes = [
        client.finish(login.pending, arrived(&query)).await.err(),
        client.refresh(&held).await.err(),
        client.revoke(&held).await.err(),
        client.profile(&held).await.err(),
        client.identity(&held).await.err(),
        client.long_lived_token(&held).await.err(),
        by_hand.await.err(),
        manual.refresh(REFRESH).await.err(),
        manual.revoke(ACCESS, None).await.err(),
        manual.profile(ACCESS).await.err(),
        manual.verify_id_token(ACCESS, None).await.err(),
        manual.verify_jwt(ACCESS, None).await.err(),
        manual
            .read_token_response(format!(r#"{{"access_token":"{ACCESS}","token_type":"{REFRESH}"}}"#))
            .err(),
    ];
    let errors: Vec<_> = outcomes.into_iter().flatten().collect();
    errors.iter().for_each(|error| marks.absent_from_error(error));
    errors
}

#[tokio::test]
async fn no_flow_repeats_a_secret_that_the_provider_quotes() {
    let (pem, mut count) = (pem(), 0);
    let key = pem.lines().nth(1).unwrap().to_owned();
    let confidential =
        |auth| Registration::new(CLIENT_ID).secret(SECRET).redirect_uri(REDIRECT_URI).client_auth(auth);
    let clients = [
        (service(), confidential(ClientAuth::ClientSecretBasic)),
        (service(), confidential(ClientAuth::ClientSecretPost)),
        (service(), public()),
        (apple_like(), apple(&pem)),
    ];
    for failure in 0..failures("").len() {
        for shape in (failure % 2..shapes(SECRET).len()).step_by(2) {
            // One client after the other, and every other shape: each meets every failure, and every shape.
            let (provider, registration) = &clients[(failure + shape / 2) % clients.len()];
            let sent: Arc<Mutex<Vec<String>>> = Arc::default();
            let seen = sent.clone();
            let wire = Wire::new(move |request| {
                let secrets = secrets_in(request);
                seen.lock().unwrap().extend(secrets.clone());
                let said: Vec<_> = secrets.iter().map(|secret| shapes(secret).swap_remove(shape)).collect();
                failures(&said.join(", ")).swap_remove(failure)
            });
            let client = Client::new(provider.clone(), registration.clone(), &wire.http()).unwrap();
            let marks = marks().and("key", &key);
            marks.absent_from_debug(&client);
            marks.absent_from_debug(registration);
            let errors = every_flow(&client, &marks).await;
            // What is made for one request alone, such as a secret that is a JWT, is as secret.
            let made = sent
                .lock()
                .unwrap()
                .iter()
                .fold(Marks::default(), |marks, secret| marks.and("secret of a request", secret));
            errors.iter().for_each(|error| made.absent_from_error(error));
            wire.seen().iter().for_each(|request| made.absent_from_url(request));
            count += errors.len();
        }
    }
    assert!(count > 1500, "only {count} errors were looked at");
}

#[tokio::test]
async fn no_flow_repeats_a_secret_when_no_response_comes() {
    for kind in
        [HttpErrorKind::Timeout, HttpErrorKind::Connect, HttpErrorKind::Tls, HttpErrorKind::Interrupted]
    {
        let wire =
            Wire::that_may_fail(move |_| Err(TransportError::new(kind).caused_by("broken pipe".into())));
        let registration = public().secret(SECRET);
        let client = Client::new(service(), registration, &wire.http()).unwrap();
        assert!(every_flow(&client, &marks()).await.len() > 9);
    }
}

#[tokio::test]
async fn no_refusal_of_a_response_repeats_what_is_in_it() {
    let scenario = Scenario::openid();
    for query in [
        "code={code}&state=other&iss=https%3A%2F%2Fop.example",
        "code={code}&state={state}&state={state}",
        "code={code}&code={code}&state={state}",
        "code={code}&state={state}&iss=https%3A%2F%2F{code}.example",
        "code={code}&state={state}",
        "error={code}&error_description={code}+{state}&error_uri={state}&code={code}&state={state}&iss=https%3A%2F%2Fop.example",
        "code={code}&state=%ff",
    ] {
        let login = scenario.started().await;
        let kept = serde_json::to_value(&login.pending).unwrap();
        let of = |name: &str| kept[name].as_str().unwrap();
        let marks = Marks::of(&[
            ("code", "markedcode"),
            ("state", of("state")),
            ("nonce", of("nonce")),
            ("verifier", of("verifier")),
        ]);
        let query = query.replace("{code}", "markedcode").replace("{state}", of("state"));
        let error = scenario.client().finish(login.pending, arrived(&query)).await.unwrap_err();
        marks.absent_from_error(&error);
    }
}

#[tokio::test]
async fn no_refusal_of_an_id_token_repeats_it() {
    let changes: [(&str, Value); 8] = [
        ("iss", json!("https://evil.example")),
        ("aud", json!("other")),
        ("azp", json!("other")),
        ("nonce", json!("other")),
        ("exp", json!(1)),
        ("at_hash", json!("other")),
        ("sub", json!([])),
        ("address", json!({})),
    ];
    for (name, value) in changes {
        let tampers = name == "address";
        let scenario = Scenario::openid().claim(name, value).claim("email", json!("marked@op.example"));
        let scenario = scenario.token("access_token", json!(ACCESS)).token("refresh_token", json!(REFRESH));
        let scenario = if tampers { scenario.tampered(|jwt| format!("{jwt}AAAA")) } else { scenario };
        let error = scenario.log_in().await.unwrap_err();
        let raw = scenario.op().id_token();
        let [_, payload, signature] = <[&str; 3]>::try_from(raw.split('.').collect::<Vec<_>>()).unwrap();
        let marks =
            marks().and("payload", payload).and("signature", signature).and("e-mail", "marked@op.example");
        marks.absent_from_error(&error);
        for error in [
            scenario.client().manual().verify_id_token(&raw, None).await.unwrap_err(),
            scenario.client().manual().verify_jwt(&raw, Some("somebody")).await.unwrap_err(),
        ] {
            marks.absent_from_error(&error);
        }
    }
}

#[tokio::test]
async fn what_went_well_prints_no_secret() {
    let scenario =
        Scenario::openid().token("access_token", json!(ACCESS)).token("refresh_token", json!(REFRESH));
    let scenario = scenario.registration(public().secret(SECRET));
    let tokens = scenario.log_in().await.unwrap();
    let id_token = tokens.id_token().unwrap();
    let marks = marks().and("ID token", id_token.expose());
    let client = scenario.client();
    marks.absent_from_debug(client);
    marks.absent_from_debug(&tokens);
    marks.absent_from_debug(id_token);
    marks.absent_from_debug(&client.identity(&tokens).await.unwrap());
    marks.absent_from_debug(&client.profile(&tokens).await.unwrap());
    marks.absent_from_debug(&client.refresh(&tokens).await.unwrap());
    client.revoke(&tokens).await.unwrap();
    marks.absent_from_debug(client);
    scenario.wire.seen().iter().for_each(|request| marks.absent_from_url(request));
}

#[tokio::test]
async fn what_is_put_together_by_hand_prints_no_secret() {
    let client =
        Client::new(acme(), public().secret(SECRET), &Wire::always(Response::default()).http()).unwrap();
    for challenge in [CodeChallenge::s256(VERIFIER).unwrap(), CodeChallenge::plain(VERIFIER).unwrap()] {
        marks().absent_from_debug(&challenge);
        marks().absent_from_debug(&client.manual().authorization_url(REDIRECT_URI).code_challenge(challenge));
    }
    let error = CodeChallenge::plain(&VERIFIER[..20]).unwrap_err();
    Marks::of(&[("verifier", &VERIFIER[..20])]).absent_from_error(&error);
}

#[test]
fn a_key_that_cannot_be_read_is_not_repeated() {
    let whole = pem();
    let key = whole.lines().nth(1).unwrap();
    let marks = Marks::of(&[
        ("key", key),
        ("beginning of the key", &key[..24]),
        ("end of the key", &key[key.len() - 24..]),
    ]);
    for wrong in [
        key.to_owned(),
        whole.replace("PRIVATE", "EC PRIVATE"),
        whole.replace('\n', "\\n"),
        whole.replacen(key, &key[..key.len() / 2], 1),
        whole.replacen(key, &format!("!{key}"), 1),
    ] {
        let registration = apple(&wrong);
        marks.absent_from_debug(&registration);
        let wire = Wire::always(Response::default());
        let error = Client::new(providers::apple(), registration, &wire.http()).unwrap_err();
        marks.absent_from_error(&error);
    }
}

/// A provider that does everything right and knows the secrets, and a login there that has started.
async fn knowing() -> (Scenario, vouchsafe::StartedLogin, Marks, String) {
    let scenario = Scenario::openid().registration(public().secret(SECRET)).with(|op| {
        op.token = json!({"access_token": ACCESS, "refresh_token": REFRESH});
        op.metadata["authorization_response_iss_parameter_supported"] = json!(false);
    });
    let login = scenario.started().await;
    let kept = serde_json::to_value(&login.pending).unwrap();
    let of = |name: &str| kept[name].as_str().unwrap().to_owned();
    let (state, nonce, verifier) = (of("state"), of("nonce"), of("verifier"));
    let marks = Marks::of(&[
        ("secret", SECRET),
        ("code", CODE),
        ("access token", ACCESS),
        ("refresh token", REFRESH),
        ("state", &state),
        ("nonce", &nonce),
        ("verifier", &verifier),
    ]);
    let said = [SECRET, CODE, ACCESS, REFRESH, &state, &nonce, &verifier].join(" ");
    (scenario, login, marks, said)
}

/// The URL with which the browser comes back from it.
fn brought(scenario: &Scenario, login: &vouchsafe::StartedLogin) -> String {
    scenario.callback(&login.url);
    let state = param(&login.url, "state").unwrap();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    arrived(&query.append_pair("code", CODE).append_pair("state", &state).finish())
}

#[tokio::test]
async fn whichever_response_of_a_call_quotes_a_secret_nobody_sees_it() {
    let (mut during, mut after) = (0, 0);
    for place in ["/.well-known/openid-configuration", "/jwks", "/token", "/userinfo", "/revoke"] {
        for way in 0..failures("x").len() {
            let (scenario, login, marks, said) = knowing().await;
            let bad = failures(&said).swap_remove(way);
            // Nobody can know a token that has not come yet.
            let before = if place == "/token" { said.replace(ACCESS, "").replace(REFRESH, "") } else { said };
            scenario.op().answers.insert(place.to_owned(), failures(&before).swap_remove(way));
            // Metadata and keys are asked for anew each time.
            let zero = std::time::Duration::ZERO;
            let client = scenario.built(|client| client.metadata_age(zero).keys_age(zero).cool_down(zero));
            let url = brought(&scenario, &login);
            let tokens = match client.finish(login.pending, url).await {
                Ok(tokens) => tokens,
                Err(error) => {
                    marks.absent_from_error(&error);
                    during += 1;
                    scenario.op().answers.clear();
                    let login = scenario.started().await;
                    let url = brought(&scenario, &login);
                    client.finish(login.pending, url).await.unwrap()
                }
            };
            scenario.op().answers.insert(place.to_owned(), bad);
            marks.absent_from_debug(&tokens);
            // Code and verifier are spent, and no later call knows them.
            let marks =
                Marks::of(&[("secret", SECRET), ("access token", ACCESS), ("refresh token", REFRESH)]);
            let errors = [
                client.identity(&tokens).await.err(),
                client.profile(&tokens).await.err(),
                client.refresh(&tokens).await.err(),
                client.revoke(&tokens).await.err(),
            ];
            for error in errors.into_iter().flatten() {
                marks.absent_from_error(&error);
                after += 1;
            }
            if let Ok(identity) = client.identity(&tokens).await
                && let Some(error) = identity.warnings().iter().find_map(vouchsafe::error::Warning::error)
            {
                marks.absent_from_error(error);
                after += 1;
            }
        }
    }
    assert!(during > 25 && after > 60, "{during} {after}");
}

#[tokio::test]
async fn an_id_token_that_quotes_secrets_gives_nothing_away() {
    for (in_header, name) in [
        (true, "kid"),
        (true, "alg"),
        (true, "typ"),
        (false, "iss"),
        (false, "aud"),
        (false, "azp"),
        (false, "nonce"),
        (false, "exp"),
    ] {
        let (scenario, login, marks, said) = knowing().await;
        let said = if name == "typ" { format!("{said}+jwt") } else { said };
        let scenario = match in_header {
            true => scenario.header(name, json!(said)),
            false => scenario.claim(name, json!(said)),
        };
        let url = brought(&scenario, &login);
        let error = scenario.client().finish(login.pending, url).await.unwrap_err();
        marks.absent_from_error(&error);
    }
}

#[tokio::test]
async fn debug_output_of_whatever_is_public_lacks_what_it_holds() {
    let (scenario, login, marks, said) = knowing().await;
    let client = scenario.client();
    marks.absent_from_debug(&login);
    marks.absent_from_debug(&client.login().data(&*said).login_hint(&*said));
    marks.absent_from_debug(&vouchsafe::AuthorizationResponse::at(brought(&scenario, &login)).form(&*said));
    let manual = client.manual();
    marks.absent_from_debug(&manual);
    marks.absent_from_debug(
        &manual.authorization_url(REDIRECT_URI).state(&*said).nonce(&*said).extra("x", &*said),
    );
    let challenge = CodeChallenge::plain(VERIFIER).unwrap();
    marks.absent_from_debug(&challenge);
    marks.absent_from_debug(&manual.authorization_url(REDIRECT_URI).code_challenge(challenge));
    let code = manual.authorization_code(CODE, REDIRECT_URI).code_verifier(VERIFIER);
    marks.absent_from_debug(&code.nonce(&*said).extra("state", &*said).acr_values([&*said]));
    marks.absent_from_debug(&Registration::new(CLIENT_ID).secret(SECRET));
    marks.absent_from_debug(client);
    let url = brought(&scenario, &login);
    let tokens = client.finish(login.pending, url).await.unwrap();
    marks.absent_from_debug(&tokens);
    marks.absent_from_debug(tokens.access_token());
    marks.absent_from_debug(tokens.id_token().unwrap());
}
