//! Authorization requests and responses.
use std::collections::BTreeMap;

use serde_json::json;
use vouchsafe::manual::CodeChallenge;
use vouchsafe::{Client, Error, Provider, Registration, Tokens};

use super::{answered, defined, refused};
use crate::scenario::{REDIRECT_URI, arrived, idle, query, web};
use crate::wire::{Wire, field, json, param};

fn token() -> vouchsafe::http::Response {
    json(200, json!({"access_token": "at", "token_type": "Bearer"}))
}

/// The names of the parameters of a login's URL.
async fn names(provider: Provider) -> Vec<String> {
    let url = idle(provider).login().await.unwrap().url;
    let pairs = query(&url).split('#').next().unwrap().split('&');
    pairs.map(|pair| pair.split('=').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn parameters_have_the_provider_s_names_or_are_left_out() {
    let more = "scopes = [\"a\"]\n[authorization]\nparams = { force = \"1\" }\nfragment = \"wechat_redirect\"\n\
        names = { client_id = \"appid\", redirect_uri = \"return_to\", scope = \"perms\" }";
    let client = idle(defined(more));
    let url = client.manual().authorization_url(REDIRECT_URI).state("s").await.unwrap();
    assert_eq!(
        url,
        "https://acme.example/authorize?response_type=code&appid=my-client\
         &return_to=https%3A%2F%2Fapp.example%2Fcallback&perms=a&force=1&state=s#wechat_redirect"
    );
    assert_eq!(
        names(defined(more)).await,
        [
            "response_type",
            "appid",
            "return_to",
            "perms",
            "force",
            "state",
            "code_challenge_method",
            "code_challenge"
        ]
    );
    let error = client.login().extra("appid", "other").await.unwrap_err();
    assert_eq!(error.code(), "reserved_param");
    assert!(client.login().extra("another", "other").await.is_ok());
    assert_eq!(refused("[authorization]\nfragment = \"a b\""), "definition");
}

#[tokio::test]
async fn parameters_stand_in_the_provider_s_order() {
    let url = async |order: &str| {
        let more = format!(
            "scopes = [\"a\"]\n[authorization]\norder = {order}\nnames = {{ client_id = \"appid\" }}\nparams = {{ b = \"1\" }}"
        );
        idle(defined(&more)).manual().authorization_url(REDIRECT_URI).state("s").await.unwrap()
    };
    assert_eq!(
        url(r#"["client_id", "redirect_uri", "response_type", "scope"]"#).await,
        "https://acme.example/authorize?appid=my-client&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback\
         &response_type=code&scope=a&b=1&state=s"
    );
    assert_eq!(
        url(r#"["scope"]"#).await,
        "https://acme.example/authorize?scope=a&response_type=code&appid=my-client\
         &redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&b=1&state=s"
    );
}

#[tokio::test]
async fn wechat_is_asked_in_its_documented_order() {
    let client = idle(Provider::named("wechat").unwrap());
    let url = client.manual().authorization_url(REDIRECT_URI).state("s").await.unwrap();
    assert_eq!(
        url,
        "https://open.weixin.qq.com/connect/qrconnect?appid=my-client\
         &redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&response_type=code&scope=snsapi_login&state=s#wechat_redirect"
    );
}

#[tokio::test]
async fn an_option_has_one_of_its_values() {
    let more = "[authorization.options.prompt]\nvalues = [\"none\", \"consent\", \"select_account\"]\n\
        [authorization.options.hint]\ndescription = \"anything\"";
    let client = idle(defined(more));
    for fine in ["none", "consent select_account", "consent,none"] {
        assert_eq!(param(&client.login().prompt(fine).await.unwrap().url, "prompt").as_deref(), Some(fine));
    }
    assert!(client.login().extra("hint", "x y").extra("unknown", "z").await.is_ok());
    for wrong in ["always", "", "none always"] {
        let error = client.login().prompt(wrong).await.unwrap_err();
        assert_eq!(error.code(), "invalid_option", "{wrong}");
        assert!(error.to_string().contains("none, consent, select_account"), "{error}");
        let manual = client.manual().authorization_url(REDIRECT_URI).extra("prompt", wrong).await;
        assert!(matches!(manual, Err(Error::Config(_))));
    }
}

#[tokio::test]
async fn a_challenge_is_in_hexadecimal_where_the_provider_takes_it_so() {
    let (client, wire) = answered("pkce = \"hex\"", token());
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let challenge = CodeChallenge::s256(verifier).unwrap();
    let url = client.manual().authorization_url(REDIRECT_URI).code_challenge(challenge).await.unwrap();
    let hex = "13d31e961a1ad8ec2f16b10c4c982e0876a878ad6df144566ee1894acb70f9c3";
    assert_eq!(param(&url, "code_challenge").as_deref(), Some(hex));
    assert_eq!(param(&url, "code_challenge_method").as_deref(), Some("S256"));

    let login = client.login().await.unwrap();
    let sent = param(&login.url, "code_challenge").unwrap();
    assert_eq!(sent.len(), 64);
    let state = param(&login.url, "state").unwrap();
    client.finish(login.pending, arrived(&format!("code=c&state={state}"))).await.unwrap();
    let verifier = field(&wire.seen()[0], "code_verifier").unwrap();
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    assert_eq!(hash.as_ref().iter().map(|b| format!("{b:02x}")).collect::<String>(), sent);
}

/// A login that comes back with that query, `STATE` put in.
async fn come_back(client: &Client, query: &str) -> Result<Tokens, Error> {
    let login = client.login().await.unwrap();
    let state = param(&login.url, "state").unwrap();
    client.finish(login.pending, arrived(&query.replace("STATE", &state))).await
}

#[tokio::test]
async fn a_code_loses_what_the_provider_puts_behind_it() {
    let (client, wire) = answered("[callback]\ncode_suffix = \"#_\"", token());
    for sent in ["abc%23_", "abc"] {
        come_back(&client, &format!("code={sent}&state=STATE")).await.unwrap();
        assert_eq!(field(wire.seen().last().unwrap(), "code").as_deref(), Some("abc"));
    }
    let error = come_back(&client, "code=%23_&state=STATE").await.unwrap_err();
    assert_eq!(error.code(), "missing_field");
}

/// TikTok says `access_denied` where its application is set up for other accounts: nobody refused.
#[tokio::test]
async fn a_closer_code_of_an_error_counts_where_the_definition_knows_it() {
    for (query, code, is_denied) in [
        ("error=access_denied&error_type=non_sandbox_target", "unauthorized_client", false),
        ("error=access_denied&error_type=user_cancelled", "access_denied", true),
        ("error=access_denied&error_type=", "access_denied", true),
        ("error=access_denied", "access_denied", true),
        ("error_type=non_sandbox_target", "missing_field", false),
        ("error=access_denied&error_type=a&error_type=b", "duplicate_parameter", false),
    ] {
        let tiktok = idle(Provider::named("tiktok").unwrap());
        let error = come_back(&tiktok, &format!("{query}&state=STATE")).await.unwrap_err();
        assert_eq!((error.code(), error.is_denied()), (code, is_denied), "{query}: {error}");
    }
    let query = "error=access_denied&error_type=non_sandbox_target&state=STATE";
    let plain = idle(defined("[token.error_codes]\nnon_sandbox_target = \"unauthorized_client\""));
    assert!(come_back(&plain, query).await.unwrap_err().is_denied(), "no definition asked for it");
}

#[tokio::test]
async fn what_the_provider_wants_back_goes_into_the_token_request() {
    let (client, wire) = answered("[callback]\nforward = [\"state\", \"realm\"]", token());
    come_back(&client, "code=c&state=STATE&realm=a%26b&other=1").await.unwrap();
    let request = &wire.seen()[0];
    assert_eq!(field(request, "realm").as_deref(), Some("a&b"));
    assert_eq!(field(request, "state").unwrap().len(), 43);
    assert_eq!(field(request, "other"), None);
    let error = come_back(&client, "code=c&state=STATE&realm=1&realm=2").await.unwrap_err();
    assert_eq!(error.code(), "duplicate_parameter");

    let manual = client.manual().authorization_code("c", REDIRECT_URI).extra("state", "s");
    manual.await.unwrap();
    assert_eq!(field(wire.seen().last().unwrap(), "state").as_deref(), Some("s"));
}

const SECRET: &str = "hush-sample-secret";
const SIGNED: &str = "[callback]\nhmac = \"hmac\"";

/// The hexadecimal HMAC-SHA-256 of those parameters, sorted, `%` and `&` escaped.
fn sign(params: &BTreeMap<&str, String>) -> String {
    let escaped = |value: &str| value.replace('%', "%25").replace('&', "%26");
    let pairs = params.iter().map(|(name, value)| format!("{name}={}", escaped(value)));
    let message = pairs.collect::<Vec<_>>().join("&");
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = aws_lc_rs::hmac::sign(&key, message.as_bytes());
    tag.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

#[tokio::test]
async fn a_signed_response_is_believed_by_its_signature() {
    let wire = Wire::always(token());
    let client = Client::new(defined(SIGNED), web().secret(SECRET), &wire.http()).unwrap();
    let login = client.login().await.unwrap();
    let state = param(&login.url, "state").unwrap();
    let params = BTreeMap::from([("state", state.clone()), ("code", "c".into()), ("name", "a b&c=d".into())]);
    let tag = sign(&params);
    let query = format!("name=a+b%26c%3Dd&hmac={tag}&state={state}&code=c");
    assert!(client.finish(login.pending, arrived(&query)).await.is_ok());

    for (query, code) in [
        (query.replace("code=c", "code=d"), "signature"),
        (query.replace(&tag, &tag.replace(&tag[..4], "0000")), "signature"),
        (query.replace(&tag, &tag[1..]), "signature"),
        (query.replace(&tag, ""), "signature"),
        (query.replace(&tag, &"é".repeat(32)), "signature"),
        (query.replace("hmac=", "mac="), "signature"),
        (format!("{query}&more=1"), "signature"),
        // Nothing that an unsigned response says is believed, its error included.
        (format!("error=access_denied&state={state}"), "signature"),
        (format!("{query}&hmac={tag}"), "duplicate_parameter"),
    ] {
        let login = client.login().await.unwrap();
        assert_eq!(client.finish(login.pending, arrived(&query)).await.unwrap_err().code(), code, "{query}");
    }
    assert_eq!(wire.seen().len(), 1, "only the genuine response's code was spent");
    let public = Registration::new("me").redirect_uri(REDIRECT_URI);
    assert_eq!(Client::new(defined(SIGNED), public, &wire.http()).unwrap_err().code(), "client_secret");
}

#[tokio::test]
async fn the_sample_of_a_signed_response_is_genuine() {
    let sample: serde_json::Value =
        serde_json::from_str(include_str!("../../samples/shopify/callback_hmac.json")).unwrap();
    let wire = Wire::always(token());
    let client = Client::new(defined(SIGNED), web().secret(SECRET), &wire.http()).unwrap();
    let query = format!("{}&hmac={}", sample["message"].as_str().unwrap(), sample["hmac"].as_str().unwrap());
    // The signature is right, and the state is another login's.
    assert_eq!(come_back(&client, &query).await.unwrap_err().code(), "state_mismatch");
    let forged = query.replace("cameliard", "camelot");
    assert_eq!(come_back(&client, &forged).await.unwrap_err().code(), "signature");
}

#[tokio::test]
async fn a_response_from_elsewhere_than_asked_is_refused() {
    let more = "[callback]\nexpect = { shop = \"{shop}.acme.example\" }\n\
        [params.shop]\nrule = \"label\"\ndescription = \"the shop\"";
    let wire = Wire::always(token());
    let client = Client::new(defined(more).param("shop", "mine"), web(), &wire.http()).unwrap();
    assert!(come_back(&client, "code=c&state=STATE&shop=mine.acme.example").await.is_ok());
    for shop in ["&shop=yours.acme.example", "&shop=MINE.acme.example", ""] {
        let error = come_back(&client, &format!("code=c&state=STATE{shop}")).await.unwrap_err();
        assert_eq!(error.code(), "issuer_mismatch", "{shop}");
    }
}
