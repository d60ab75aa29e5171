use std::sync::OnceLock;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, KeyPair, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use vouchsafe::{AuthorizationResponse, Client, Error, Registration, StartedLogin, Tokens, providers};

use super::{ASKED, EXCHANGE, FORM, PKCE, Stage, id_token, masked};
use crate::scenario::{CLIENT_ID, arrived, now, public};
use crate::wire::{self, Wire, field, param};

const TOKEN: &str = "POST https://appleid.apple.com/auth/token";
const REVOKE: &str = "POST https://appleid.apple.com/auth/revoke";
const TEAM: &str = "DEF123GHIJ";
const KEY: &str = "ABC123DEFG";

fn key() -> &'static EcdsaKeyPair {
    static KEY: OnceLock<EcdsaKeyPair> = OnceLock::new();
    KEY.get_or_init(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
}

fn pem(der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<_> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", lines.join("\n"))
}

fn der(key: &EcdsaKeyPair) -> Vec<u8> {
    let der = key.to_pkcs8v1().unwrap();
    der.as_ref().to_vec()
}

/// The key as Apple writes it: with the curve named once more, inside (RFC 5915 section 3).
fn p8() -> String {
    let mut der = der(key());
    assert_eq!((der.len(), der[2], der[28], der[30]), (138, 0x87, 0x6d, 0x6b));
    for length in [2, 28, 30] {
        der[length] += 12;
    }
    let curve = [0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    der.splice(68..68, curve);
    pem(&der)
}

fn stage() -> Stage {
    let stage = Stage::with(
        "apple",
        providers::apple(),
        public().credential(vouchsafe::Credential::apple_key(TEAM, KEY, p8())),
    );
    stage.metadata("GET https://appleid.apple.com/.well-known/openid-configuration", &metadata());
    stage
}

fn metadata() -> Value {
    json!({
        "issuer": "https://appleid.apple.com",
        "authorization_endpoint": "https://appleid.apple.com/auth/authorize",
        "token_endpoint": "https://appleid.apple.com/auth/token",
        "revocation_endpoint": "https://appleid.apple.com/auth/revoke",
        "jwks_uri": "https://appleid.apple.com/auth/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "id_token_signing_alg_values_supported": ["RS256"],
    })
}

/// The form that a sample shows, for a login of that state.
fn form(callback: &Value, state: &str) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in callback.as_object().unwrap() {
        form.append_pair(name, if name == "state" { state } else { value.as_str().unwrap() });
    }
    form.finish()
}

/// A login that ends with that form posted, its ID token having the sample's claims and those.
async fn log_in(stage: &Stage, callback: &Value, more: Value) -> (String, Result<Tokens, Error>) {
    let StartedLogin { url, pending, .. } = stage.client.login().await.unwrap();
    let mut claims = stage.sample("id_token_claims");
    claims["nonce"] = param(&url, "nonce").into();
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    stage.tokens(TOKEN, "token", claims);
    let form = form(callback, &param(&url, "state").unwrap());
    (
        masked(&url),
        stage
            .client
            .finish(pending, AuthorizationResponse::at(crate::scenario::REDIRECT_URI).form(form))
            .await,
    )
}

/// The claims of the client secret in the last request, once header, signature and times are found right.
fn secret(stage: &Stage) -> Value {
    let secret = field(stage.wire.seen().last().unwrap(), "client_secret").unwrap();
    let (signed, signature) = secret.rsplit_once('.').unwrap();
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key().public_key().as_ref());
    public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    let parts: Vec<Value> = signed
        .split('.')
        .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
        .collect();
    let [header, claims] = <[Value; 2]>::try_from(parts).unwrap();
    assert_eq!(header, stage.sample("client_secret_header"));
    let issued = claims["iat"].as_u64().unwrap();
    assert!(now() - issued < 60);
    assert_eq!(claims["exp"].as_u64().unwrap() - issued, 300);
    claims
}

/// The last request to the letter, but for the client secret.
fn last(stage: &Stage) -> String {
    let secret = field(stage.wire.seen().last().unwrap(), "client_secret").unwrap();
    stage.last().replace(&secret, "*")
}

#[tokio::test]
async fn a_first_login_at_apple() {
    let stage = stage();
    let (url, tokens) = log_in(&stage, &stage.sample("callback_form_first"), json!({})).await;
    let tokens = tokens.unwrap();
    assert_eq!(
        url,
        format!(
            "https://appleid.apple.com/auth/authorize?{ASKED}&scope=openid+name+email&response_mode=form_post\
             &state=*&nonce=*&{PKCE}"
        )
    );
    let request = stage.wire.seen_at("/auth/token").pop().unwrap();
    let letter = masked(&wire::letter(&request)).replace(&field(&request, "client_secret").unwrap(), "*");
    let exchange = EXCHANGE.replace("code-1", "c1b2c3sample.0.mrsample");
    assert_eq!(
        letter,
        format!(
            "{TOKEN}\naccept: application/json\n{FORM}\n\n\
             {exchange}&code_verifier=*&client_id=my-client&client_secret=*"
        )
    );
    let identity = stage.client.identity(&tokens).await.unwrap();
    assert_eq!(identity.subject(), "001473.fe6f83bf4b8e4590aacbabdcb8598bd0.2039");
    assert_eq!(identity.name(), Some("Isolde Irlande"));
    assert_eq!(identity.verified_email(), Some("8k2sample@privaterelay.appleid.com"));
    assert_eq!(identity.profile()["is_private_email"].as_str(), Some("true"));
    assert_eq!(tokens.callback_value("user").unwrap()["name"]["firstName"].as_str(), Some("Isolde"));
    // Stored and read back, the name is still there.
    let stored: Tokens = serde_json::from_str(&serde_json::to_string(&tokens).unwrap()).unwrap();
    assert_eq!(stage.client.identity(&stored).await.unwrap().name(), Some("Isolde Irlande"));
}

#[tokio::test]
async fn a_later_login_tells_no_name() {
    let stage = stage();
    let callback = stage.sample("callback_form_again");
    let booleans = json!({"email_verified": true, "is_private_email": true});
    let tokens = log_in(&stage, &callback, booleans).await.1.unwrap();
    let identity = stage.client.identity(&tokens).await.unwrap();
    assert_eq!((identity.name(), tokens.callback_value("user").is_none()), (None, true));
    assert_eq!(identity.verified_email(), Some("8k2sample@privaterelay.appleid.com"));

    let tokens = log_in(&stage, &callback, json!({"email_verified": "false"})).await.1.unwrap();
    assert_eq!(stage.client.identity(&tokens).await.unwrap().email_verified(), Some(false));
}

#[tokio::test]
async fn refresh_and_revocation_at_apple_each_have_a_secret_of_their_own() {
    let stage = stage();
    let tokens = log_in(&stage, &stage.sample("callback_form_first"), json!({})).await.1.unwrap();
    let mut claims = stage.sample("id_token_claims");
    claims["nonce"] = json!(null);
    let mut answer = stage.sample("refresh");
    answer["id_token"] = id_token(claims).into();
    stage.answer(TOKEN, wire::json(200, answer));
    let fresh = stage.client.refresh(&tokens).await.unwrap();
    assert_eq!(
        last(&stage),
        format!(
            "{TOKEN}\naccept: application/json\n{FORM}\n\ngrant_type=refresh_token\
             &refresh_token=r1b2c3sample.0.mrsample&client_id=my-client&client_secret=*"
        )
    );
    let mut expected = stage.sample("client_secret_claims");
    expected["sub"] = CLIENT_ID.into();
    let mut claims = secret(&stage);
    for time in ["iat", "exp"] {
        claims[time] = expected[time].clone();
    }
    assert_eq!(claims, expected);
    assert_eq!(fresh.refresh_token().unwrap().expose(), "r1b2c3sample.0.mrsample", "the old one is kept");
    let identity = stage.client.identity(&fresh).await.unwrap();
    assert_eq!(identity.name(), Some("Isolde Irlande"), "the name is kept");

    stage.answer(REVOKE, vouchsafe::http::Response::default());
    stage.client.revoke(&fresh).await.unwrap();
    assert_eq!(
        last(&stage),
        format!(
            "{REVOKE}\naccept: application/json\n{FORM}\n\ntoken=r1b2c3sample.0.mrsample\
             &token_type_hint=refresh_token&client_id=my-client&client_secret=*"
        )
    );
    assert_eq!(secret(&stage)["aud"], "https://appleid.apple.com");
    let seen = stage.wire.seen();
    let secrets: std::collections::BTreeSet<_> =
        seen.iter().filter_map(|request| field(request, "client_secret")).collect();
    assert_eq!(secrets.len(), 3);
}

#[tokio::test]
async fn the_name_by_the_browser_is_a_name_and_nothing_else() {
    let stage = stage();
    let mut callback = stage.sample("callback_form_first");
    callback["user"] = r#"{"sub": "x", "email": "boss@corp.example", "email_verified": true}"#.into();
    let tokens = log_in(&stage, &callback, json!({"email": null})).await.1.unwrap();
    let identity = stage.client.identity(&tokens).await.unwrap();
    assert_eq!((identity.email(), identity.name()), (None, None));
    assert!(identity.subject().starts_with("001473."));

    callback["user"] = r#"{"name": {"firstName": " ", "lastName": "Irlande"}}"#.into();
    let tokens = log_in(&stage, &callback, json!({})).await.1.unwrap();
    assert_eq!(stage.client.identity(&tokens).await.unwrap().name(), Some("Irlande"));
}

#[tokio::test]
async fn a_broken_profile_by_the_browser_breaks_no_login() {
    let stage = stage();
    let long = json!({"name": {"firstName": "a".repeat(9000)}}).to_string();
    for broken in ["", "{", "[]", "\"Isolde\"", "{\"name\": 1, \"name\": 2}", &"[".repeat(5000), &long] {
        let mut callback = stage.sample("callback_form_first");
        callback["user"] = broken.into();
        let tokens = log_in(&stage, &callback, json!({})).await.1.unwrap();
        assert!(tokens.callback_value("user").is_none(), "{broken}");
        assert_eq!(stage.client.identity(&tokens).await.unwrap().name(), None);
    }
}

#[tokio::test]
async fn refusals_of_apple_are_told() {
    let stage = stage();
    let error = log_in(&stage, &stage.sample("callback_error"), json!({})).await.1.unwrap_err();
    assert!(error.is_denied(), "{error}");

    let tokens = log_in(&stage, &stage.sample("callback_form_again"), json!({})).await.1.unwrap();
    stage.at(TOKEN, 400, "token_error");
    assert_eq!(stage.client.refresh(&tokens).await.unwrap_err().code(), "invalid_client");
    stage.at(TOKEN, 400, "token_error_desc");
    let error = stage.client.refresh(&tokens).await.unwrap_err();
    assert!(error.needs_login() && error.to_string().contains("The code has expired"), "{error}");
    // What the provider quotes of the client secret is not shown.
    let metadata = metadata();
    let wire = Wire::new(move |request| match field(request, "client_secret") {
        Some(secret) => {
            wire::json(400, json!({"error": "invalid_client", "error_description": format!("bad {secret}")}))
        }
        None => wire::json(200, metadata.clone()),
    });
    let client = Client::new(
        providers::apple(),
        public().credential(vouchsafe::Credential::apple_key(TEAM, KEY, p8())),
        &wire.http(),
    )
    .unwrap();
    let error = client.refresh(&tokens).await.unwrap_err();
    let secret = field(wire.seen().last().unwrap(), "client_secret").unwrap();
    let shown = format!("{error} {error:?}");
    assert!(error.code() == "invalid_client" && !shown.contains(&secret[secret.len() - 40..]), "{shown}");
}

/// What the client says of that registration.
fn refused(registration: Registration) -> String {
    let shown = format!("{registration:?}");
    assert!(!shown.contains("MIG") && !shown.contains("BEGIN"), "{shown}");
    let http = Wire::always(wire::json(500, json!({}))).http();
    let error = Client::new(providers::apple(), registration, &http).unwrap_err();
    assert_eq!(error.code(), "apple_key");
    assert!(!format!("{error} {error:?}").contains("MIG"), "{error:?}");
    error.to_string()
}

#[test]
fn a_key_that_cannot_sign_is_told_at_once() {
    let with = |pem: String| refused(public().credential(vouchsafe::Credential::apple_key(TEAM, KEY, pem)));
    let generated =
        |curve: &'static EcdsaSigningAlgorithm| pem(&der(&EcdsaKeyPair::generate(curve).unwrap()));
    assert!(with(String::new()).contains("whole text of the .p8 file"));
    assert!(with("AuthKey_ABC123DEFG.p8".to_owned()).contains("whole text of the .p8 file"));
    assert!(with(p8().replace("PRIVATE KEY", "EC PRIVATE KEY")).contains("whole text of the .p8 file"));
    assert!(with(p8().replace('\n', "\\n")).contains("line breaks"));
    assert!(with(p8().replace("MIG", "MIG*")).contains("damaged"));
    assert!(with(p8().replace("MIGT", "")).contains("P-256"));
    assert!(with(generated(&ECDSA_P384_SHA384_FIXED_SIGNING)).contains("P-256"));

    assert!(
        refused(public().credential(vouchsafe::Credential::apple_key("", KEY, p8()))).contains("team id")
    );
    assert!(
        refused(public().credential(vouchsafe::Credential::apple_key(TEAM, " ", p8()))).contains("key id")
    );
    let http = Wire::always(wire::json(500, json!({}))).http();
    let error = Client::new(
        crate::scenario::acme(),
        public().credential(vouchsafe::Credential::apple_key(TEAM, KEY, p8())),
        &http,
    )
    .unwrap_err();
    assert!(error.code() == "apple_key" && error.to_string().contains("issuer"), "{error}");
}

#[test]
fn line_ends_of_a_key_do_not_matter() {
    for pem in
        [p8(), format!("\n{}\n", p8()), p8().replace('\n', "\r\n"), p8().replace('\n', "\r\n") + "\r\n"]
    {
        let http = Wire::always(wire::json(500, json!({}))).http();
        Client::new(
            providers::apple(),
            public().credential(vouchsafe::Credential::apple_key(TEAM, KEY, pem)),
            &http,
        )
        .unwrap();
    }
}

#[tokio::test]
async fn what_the_browser_brings_is_not_what_the_provider_says() {
    // At a provider whose profile comes with the token: the browser cannot put in another.
    let definition = r#"
        slug = "acme"
        display_name = "Acme"
        kind = "oauth2"
        authorization_endpoint = "https://acme.example/authorize"
        token_endpoint = "https://acme.example/token"
        documentation = "https://acme.example/docs"
        checked = "2026-11-23"
        [callback]
        profile = "user"
        profile_name = ["/name"]
        [userinfo]
        source = "token"
        [identity]
        subject = ["/user/id", "/id"]
        email = ["/user/email"]
    "#;
    let answer = json!({"access_token": "at", "token_type": "Bearer", "id": "7"});
    let http = Wire::always(wire::json(200, answer)).http();
    let provider = vouchsafe::Provider::from_definition(definition).unwrap();
    let client = Client::new(provider, public(), &http).unwrap();
    for (times, name) in [(1, Some("Eve")), (2, None)] {
        let StartedLogin { url, pending, .. } = client.login().await.unwrap();
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("code", "c").append_pair("state", &param(&url, "state").unwrap());
        for _ in 0..times {
            form.append_pair("user", r#"{"id": "1", "email": "boss@corp.example", "name": "Eve"}"#);
        }
        let tokens = client.finish(pending, arrived(&form.finish())).await.unwrap();
        let identity = client.identity(&tokens).await.unwrap();
        assert_eq!((identity.subject(), identity.email(), identity.name()), ("7", None, name));
    }
}
