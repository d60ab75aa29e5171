//! OpenID Providers with quirks of their own.
use serde_json::json;
use vouchsafe::{Client, Error, Provider};

use crate::forge;
use crate::scenario::{CLIENT_ID, Held, SUBJECT, Scenario, arrived, web};
use crate::wire::{self, Wire, answer};

/// An OpenID Provider with that issuer, and what else is given.
fn defined(issuer: &str, more: &str) -> Provider {
    Provider::from_definition(format!(
        "slug = \"op\"\ndisplay_name = \"OP\"\nkind = \"openid\"\nissuer = \"{issuer}\"\nscopes = [\"openid\"]\n\
         documentation = \"https://op.example/docs\"\nchecked = \"2026-11-23\"\n{more}\n"
    ))
    .unwrap()
}

const IDENTITY: &str =
    "[identity]\nsubject = [\"/sub\"]\nemail = [\"/email\"]\nemail_verified = [\"/email_verified\"]";

#[tokio::test]
async fn the_claims_of_the_id_token_take_the_place_of_a_profile() {
    let provider = defined("https://op.example", &format!("{IDENTITY}\n[userinfo]\nsource = \"id_token\""));
    let scenario = Scenario::openid()
        .provider(provider)
        .claim("email", json!("claimed@op.example"))
        .claim("email_verified", json!(true));
    let tokens = scenario.log_in().await.unwrap();
    let identity = scenario.client().identity(&tokens).await.unwrap();
    assert_eq!((identity.subject(), identity.verified_email()), (SUBJECT, Some("claimed@op.example")));
    assert!(identity.warnings().is_empty());
    assert!(scenario.wire.seen_at("/userinfo").is_empty());
    let bare = scenario.client().held(json!({"access_token": "at"}));
    assert_eq!(scenario.client().profile(&bare).await.unwrap_err().code(), "profile_not_supported");
}

#[tokio::test]
async fn metadata_is_read_where_the_definition_says() {
    let provider = defined("https://op.example", "discovery = \"https://op.example/meta/op.json\"");
    let scenario = Scenario::openid().provider(provider);
    let metadata = scenario.op().metadata.clone();
    let scenario = scenario.at("/meta/op.json", wire::json(200, metadata));
    assert_eq!(scenario.log_in().await.unwrap().id_token().unwrap().subject(), SUBJECT);
    assert!(scenario.wire.seen_at("/.well-known/openid-configuration").is_empty());

    let scenario = Scenario::openid()
        .provider(defined("https://other.example", "discovery = \"https://op.example/meta/op.json\""));
    let metadata = scenario.op().metadata.clone();
    let scenario = scenario.at("/meta/op.json", wire::json(200, metadata));
    assert_eq!(scenario.verdict().await, "issuer_mismatch", "the issuer is compared all the same");
}

#[tokio::test]
async fn signed_userinfo_is_from_the_issuer_by_any_of_its_names() {
    let aliases = "issuer_aliases = [\"op.example\", \"https://id.op.example\"]";
    for (iss, known) in [
        (json!("https://op.example"), true),
        (json!("op.example"), true),
        (json!("https://id.op.example"), true),
        (json!("https://evil.example"), false),
        (json!(7), false),
        (json!(null), false),
    ] {
        let claims = json!({"sub": SUBJECT, "aud": "my-client", "iss": iss});
        let jwt = forge::jwt("RS256", "rsa", &json!({"alg": "RS256", "kid": "rsa"}), &claims.to_string());
        let scenario = Scenario::openid().provider(defined("https://op.example", aliases));
        let scenario = scenario.at("/userinfo", answer(200, "application/jwt", jwt));
        let tokens = scenario.log_in().await.unwrap();
        let outcome = scenario.client().profile(&tokens).await;
        let expected = if known { Ok(()) } else { Err("issuer_mismatch") };
        assert_eq!(outcome.as_ref().map(drop).map_err(vouchsafe::Error::code), expected, "{iss}");
    }
}

#[tokio::test]
async fn a_nonce_that_does_not_come_back_is_missed_unless_the_definition_says_so() {
    let without = || Scenario::openid().without("nonce");
    assert_eq!(without().verdict().await, "nonce_mismatch");
    let tolerant = || defined("https://op.example", "nonce = false");
    assert_eq!(without().provider(tolerant()).verdict().await, "ok");
    assert_eq!(Scenario::openid().provider(tolerant()).verdict().await, "ok");
    let other = Scenario::openid().provider(tolerant()).claim("nonce", json!("another login's"));
    assert_eq!(other.verdict().await, "nonce_mismatch");
}

const TEMPLATE: &str = "issuer_template = \"https://op.example/{tid}/v2.0\"\ndiscovery = \"https://op.example/.well-known/openid-configuration\"";

/// A provider of many tenants, asked for all of them.
fn tenants() -> Scenario {
    Scenario::openid()
        .provider(defined("https://op.example/common/v2.0", TEMPLATE))
        .metadata("issuer", json!("https://op.example/{tenantid}/v2.0"))
        .metadata("authorization_response_iss_parameter_supported", json!(false))
}

/// The verdict on a login whose response names no issuer.
async fn verdict(scenario: &Scenario) -> String {
    let login = scenario.client().login().await.unwrap();
    let query = scenario.callback(&login.url).replace("&iss=https%3A%2F%2Fop.example", "");
    match scenario.client().finish(login.pending, &query).await {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.code().to_owned(),
    }
}

#[tokio::test]
async fn a_token_is_from_the_tenant_that_it_names() {
    let with = |iss: &str, tid: serde_json::Value| tenants().claim("iss", json!(iss)).claim("tid", tid);
    assert_eq!(verdict(&with("https://op.example/t-1/v2.0", json!("t-1"))).await, "ok");
    for (iss, tid, expected) in [
        ("https://op.example/t-2/v2.0", json!("t-1"), "issuer_mismatch"),
        ("https://op.example/{tenantid}/v2.0", json!("t-1"), "issuer_mismatch"),
        ("https://op.example/{tenantid}/v2.0", json!("{tenantid}"), "invalid_field"),
        ("https://op.example/{tid}/v2.0", json!("{tid}"), "invalid_field"),
        ("https://op.example/a/b/v2.0", json!("a/b"), "invalid_field"),
        ("https://op.example/../v2.0", json!(".."), "invalid_field"),
        ("https://op.example//v2.0", json!(""), "invalid_field"),
        ("https://op.example/7/v2.0", json!(7), "invalid_field"),
        ("https://op.example/common/v2.0", json!("t-1"), "issuer_mismatch"),
    ] {
        assert_eq!(verdict(&with(iss, tid)).await, expected, "{iss}");
    }
    let without = tenants().claim("iss", json!("https://op.example/t-1/v2.0"));
    assert_eq!(verdict(&without).await, "missing_field");
}

#[tokio::test]
async fn a_refreshed_id_token_is_from_the_tenant_of_the_first() {
    // OpenID Connect Core section 12.2: its iss is the same as before.
    let tenant = |tid: &str| json!({"iss": format!("https://op.example/{tid}/v2.0"), "tid": tid});
    for (then, expected) in [("t-1", None), ("t-2", Some("issuer_mismatch"))] {
        let with_subject = format!("{TEMPLATE}\n[identity]\nsubject = [\"/sub\"]");
        let provider = defined("https://op.example/common/v2.0", &with_subject);
        let scenario = tenants().provider(provider).with(|op| op.claims = tenant("t-1"));
        let login = scenario.client().login().await.unwrap();
        let url = scenario.callback(&login.url).replace("&iss=https%3A%2F%2Fop.example", "");
        let tokens = scenario.client().finish(login.pending, &url).await.unwrap();
        let identity = scenario.client().identity(&tokens).await.unwrap();
        assert_eq!(identity.issuer(), "https://op.example/t-1/v2.0", "an account is one of its tenant's");
        scenario.op().claims = tenant(then);
        let outcome = scenario.client().refresh(&tokens).await;
        assert_eq!(outcome.err().as_ref().map(Error::code), expected, "{then}");
    }
}

#[tokio::test]
async fn an_issuer_in_a_response_must_be_a_tenant_s() {
    for (iss, ok) in [("https://op.example/t-1/v2.0", true), ("https://evil.example/t-1/v2.0", false)] {
        let scenario =
            tenants().claim("iss", json!("https://op.example/t-1/v2.0")).claim("tid", json!("t-1"));
        let login = scenario.client().login().await.unwrap();
        let query =
            scenario.callback(&login.url).replace("iss=https%3A%2F%2Fop.example", &format!("iss={iss}"));
        assert_eq!(scenario.client().finish(login.pending, &query).await.is_ok(), ok);
    }
}

#[tokio::test]
async fn metadata_asked_for_by_a_domain_names_a_tenant() {
    let asked = "https://op.example/company.example/v2.0";
    for (issuer, tid, expected) in [
        ("https://op.example/t-1/v2.0", "t-1", "ok"),
        ("https://op.example/company.example/v2.0", "company.example", "ok"),
        // Whoever asks for one tenant does not get all of them.
        ("https://op.example/{tenantid}/v2.0", "t-1", "issuer_mismatch"),
        ("https://op.example/a/b/v2.0", "a", "issuer_mismatch"),
        ("https://evil.example/{tenantid}/v2.0", "t-1", "issuer_mismatch"),
        ("https://op.example/{a}/{b}/v2.0", "t-1", "issuer_mismatch"),
    ] {
        let scenario = Scenario::openid()
            .provider(defined(asked, TEMPLATE))
            .metadata("issuer", json!(issuer))
            .metadata("authorization_response_iss_parameter_supported", json!(false))
            .claim("iss", json!(issuer))
            .claim("tid", json!(tid));
        let metadata = scenario.client().metadata().await;
        match (expected, metadata) {
            ("ok", Ok(_)) => assert_eq!(verdict(&scenario).await, "ok", "{issuer}"),
            (expected, Err(error)) => assert_eq!(error.code(), expected, "{issuer}"),
            (expected, Ok(_)) => panic!("{issuer} is not {expected}"),
        }
    }
    // A provider that serves one tenant alone leaves nothing open.
    let scenario = Scenario::openid().metadata("issuer", json!("https://op.example/{tenantid}"));
    assert_eq!(scenario.client().metadata().await.unwrap_err().code(), "issuer_mismatch");
}

#[tokio::test]
async fn a_token_of_another_tenant_than_the_one_asked_is_refused() {
    let scenario = Scenario::openid()
        .provider(defined("https://op.example/t-1/v2.0", TEMPLATE))
        .metadata("issuer", json!("https://op.example/t-1/v2.0"))
        .metadata("authorization_response_iss_parameter_supported", json!(false))
        .claim("iss", json!("https://op.example/t-2/v2.0"))
        .claim("tid", json!("t-2"));
    assert_eq!(verdict(&scenario).await, "issuer_mismatch");
}

#[tokio::test]
async fn an_oauth_2_service_may_have_an_issuer_too() {
    let definition = "slug = \"acme\"\ndisplay_name = \"Acme\"\nkind = \"oauth2\"\nissuer = \"https://acme.example\"\n\
        authorization_endpoint = \"https://acme.example/a\"\ntoken_endpoint = \"https://acme.example/t\"\n\
        documentation = \"https://acme.example\"\nchecked = \"2026-11-23\"";
    let wire = Wire::always(wire::json(200, json!({"access_token": CLIENT_ID, "token_type": "Bearer"})));
    let client = Client::new(Provider::from_definition(definition).unwrap(), web(), &wire.http()).unwrap();
    for (iss, ok) in [("", true), ("&iss=https://acme.example", true), ("&iss=https://evil.example", false)] {
        let login = client.login().await.unwrap();
        let state = wire::param(&login.url, "state").unwrap();
        let outcome = client.finish(login.pending, arrived(&format!("code=c&state={state}{iss}"))).await;
        assert_eq!(outcome.is_ok(), ok, "{iss}");
    }
}

/// A provider whose access tokens say who signed in.
fn game() -> Provider {
    Provider::from_definition(
        "slug = \"game\"\ndisplay_name = \"Game\"\nkind = \"openid\"\nissuer = \"https://op.example\"\n\
         issuer_aliases = [\"op.example\"]\nscopes = [\"publicData\"]\ndocumentation = \"https://op.example/docs\"\n\
         checked = \"2026-11-23\"\n[userinfo]\nsource = \"access_token\"\n[identity]\nsubject = [\"/sub\"]\nname = [\"/name\"]",
    )
    .unwrap()
}

/// The verdict on a profile that is an access token with these claims, signed by that key; and whose it is.
async fn of_access_token(kid: &str, change: serde_json::Value) -> Result<String, String> {
    let mut claims = json!({
        "iss": "op.example", "aud": [CLIENT_ID, "Game"], "azp": CLIENT_ID, "sub": "CHARACTER:7", "name": "Jane",
        "iat": crate::scenario::now(), "exp": crate::scenario::now() + 300,
    });
    claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    let jwt = crate::forge::jwt("RS256", kid, &json!({"alg": "RS256", "kid": "rsa"}), &claims.to_string());
    // What is announced is for ID tokens.
    let announced = json!(["ES256"]);
    let scenario =
        Scenario::openid().provider(game()).metadata("id_token_signing_alg_values_supported", announced);
    let tokens = scenario.client().held(json!({"access_token": jwt}));
    let identity = scenario.client().identity(&tokens).await.map_err(|error| error.code().to_owned())?;
    assert!(scenario.wire.seen_at("/userinfo").is_empty());
    Ok(format!("{} {}", identity.subject(), identity.name().unwrap()))
}

#[tokio::test]
async fn an_access_token_says_who_signed_in_once_it_is_verified() {
    let jane = Ok("CHARACTER:7 Jane".to_owned());
    assert_eq!(of_access_token("rsa", json!({})).await, jane);
    assert_eq!(of_access_token("rsa", json!({"iss": "https://op.example"})).await, jane);
    for (change, code) in [
        (json!({"iss": "https://evil.example"}), "issuer_mismatch"),
        (json!({"aud": ["other", "Game"], "azp": null}), "audience"),
        (json!({"azp": "other"}), "authorized_party"),
        (json!({"aud": "Game"}), "audience"),
        (json!({"exp": 1_700_000_000}), "expired"),
        (json!({"sub": null}), "missing_field"),
    ] {
        assert_eq!(of_access_token("rsa", change.clone()).await, Err(code.to_owned()), "{change}");
    }
    assert_eq!(of_access_token("stranger", json!({})).await, Err("signature".to_owned()));

    let scenario = Scenario::openid().provider(game());
    let opaque = scenario.client().held(json!({"access_token": "opaque"}));
    assert_eq!(scenario.client().identity(&opaque).await.unwrap_err().code(), "jwt");
}
