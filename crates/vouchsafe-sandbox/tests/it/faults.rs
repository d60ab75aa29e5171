//! Faults, at the sandbox's own provider and at acted ones.

use std::time::Duration;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use tokio::time::Instant;
use vouchsafe_sandbox::{Endpoint, Fault, PersonError, Place};

use crate::player::{Answer, Player};
use crate::scenario::{Scenario, claims, jose_header, query_value};

const OPENID: &str = r#"
    kind = "openid"
    issuer = "https://own.example"
    scopes = ["openid", "email"]
    [identity]
    subject = ["/sub"]
    email = ["/email"]
    email_verified = ["/email_verified"]
"#;

#[tokio::test]
async fn http_faults_apply_before_a_code_is_redeemed() {
    let scenario = Scenario::new().await;
    let player = Player::own(&scenario, OPENID).await;
    for (fault, status) in [(Fault::TOO_MANY_REQUESTS, 429), (Fault::SERVER_ERROR, 500), (Fault::HTML, 200)] {
        for act in [true, false] {
            let (own, acted) = (scenario.code(&[]).await, player.callback("alice").await);
            scenario.sandbox.fault_once(fault);
            let reply =
                if act { player.redeem(&acted, &[]).await.reply } else { scenario.redeem(&own, &[]).await };
            assert_eq!(reply.status, status, "{fault:?}");
            assert_eq!(reply.header("retry-after").is_some(), fault == Fault::TOO_MANY_REQUESTS);
            let is_html = reply.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
            assert_eq!(is_html, fault == Fault::HTML);
            // It was for once, and the code is still good.
            assert_eq!(scenario.redeem(&own, &[]).await.status, 200);
            assert_eq!(player.redeem(&acted, &[]).await.reply.status, 200);
        }
    }
}

#[tokio::test]
async fn fault_lasts_until_it_is_cleared() {
    let scenario = Scenario::new().await;
    let code = scenario.code(&[]).await;
    scenario.sandbox.fault(Fault::SERVER_ERROR);
    for _ in 0..3 {
        assert_eq!(scenario.redeem(&code, &[]).await.status, 500);
    }
    scenario.sandbox.clear_faults();
    assert_eq!(scenario.redeem(&code, &[]).await.status, 200);
}

#[tokio::test]
async fn cut_body_is_shorter_than_announced() {
    let scenario = Scenario::new().await;
    let code = scenario.code(&[]).await;
    scenario.sandbox.fault(Fault::CUT_BODY);
    let reply = scenario.redeem(&code, &[]).await;
    assert_eq!(reply.status, 200);
    let announced: usize = reply.header("content-length").unwrap().parse().unwrap();
    assert!(reply.body.starts_with("{\"access_token\"") && reply.body.len() < announced, "{}", reply.body);
}

#[tokio::test]
async fn slow_response_is_late() {
    let scenario = Scenario::new().await;
    let code = scenario.code(&[]).await;
    scenario.sandbox.fault(Fault::slow(Duration::from_millis(120)));
    let start = Instant::now();
    assert_eq!(scenario.redeem(&code, &[]).await.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(120));
}

#[tokio::test]
async fn authorization_response_names_another_issuer() {
    let scenario = Scenario::new().await;
    let player = Player::own(&scenario, OPENID).await;
    assert_eq!(query_value(&player.callback("alice").await, "iss"), None);
    scenario.sandbox.fault(Fault::WRONG_ISSUER);
    for url in [player.authorization_url(&[]), scenario.authorization_url(&[])] {
        let callback = scenario.person().allow(&url).await.unwrap();
        assert_eq!(query_value(&callback, "iss").as_deref(), Some("https://elsewhere.example"));
    }
}

#[tokio::test]
async fn id_token_is_wrong_in_the_way_of_its_fault() {
    let scenario = Scenario::new().await;
    let player = Player::own(&scenario, OPENID).await;
    let good = claims(&player.login("alice").await.tokens["id_token"]);
    for (fault, wrong) in [
        (Fault::WRONG_ID_TOKEN_ISSUER, "iss"),
        (Fault::WRONG_NONCE, "nonce"),
        (Fault::UNVERIFIED_EMAIL, "email_verified"),
    ] {
        scenario.sandbox.fault_once(fault);
        let acted = claims(&player.login("alice").await.tokens["id_token"]);
        scenario.sandbox.fault_once(fault);
        let own = claims(&scenario.tokens(&[]).await["id_token"]);
        for name in ["iss", "nonce", "email_verified"] {
            assert_eq!(acted[name] != good[name], name == wrong, "{name} in {wrong}");
        }
        assert_ne!(own[wrong], claims(&scenario.tokens(&[]).await["id_token"])[wrong]);
    }
    scenario.sandbox.fault(Fault::EXPIRED_ID_TOKEN);
    for claims in [
        claims(&player.login("alice").await.tokens["id_token"]),
        claims(&scenario.tokens(&[]).await["id_token"]),
    ] {
        assert!(claims["exp"].as_u64() < good["iat"].as_u64());
    }
}

#[tokio::test]
async fn unverified_email_is_unverified_in_every_response_of_the_login() {
    let scenario = Scenario::new().await;
    let player = Player::own(&scenario, OPENID).await;
    scenario.sandbox.fault_once(Fault::UNVERIFIED_EMAIL);
    let answer = player.login("alice").await;
    assert_eq!(player.profile(&answer).await["email_verified"], false);
    let next = player.login("alice").await;
    assert_eq!(player.profile(&next).await["email_verified"], true);

    let github = Player::new(&scenario, "github").await;
    scenario.sandbox.fault_once(Fault::UNVERIFIED_EMAIL);
    let answer = github.login("alice").await;
    let profile = github.profile(&answer).await;
    assert_eq!(github.email(&answer, &profile).await, Some(("alice@example.com".to_owned(), false)));
}

#[tokio::test]
async fn rotated_key_is_published_only_after() {
    let scenario = Scenario::new().await;
    let player = Player::own(&scenario, OPENID).await;
    for act in [true, false] {
        let before = scenario.get("/jwks").await.body;
        scenario.sandbox.fault_once(Fault::ROTATED_KEY);
        let token = match act {
            true => player.login("alice").await.tokens["id_token"].clone(),
            false => scenario.tokens(&[]).await["id_token"].clone(),
        };
        let kid = jose_header(&token)["kid"].as_str().unwrap().to_owned();
        assert!(!before.contains(&kid));
        assert!(scenario.get("/jwks").await.body.contains(&kid));
    }
}

#[tokio::test]
async fn refresh_token_counts_as_used() {
    let scenario = Scenario::new().await;
    let player = Player::own(&scenario, OPENID).await;
    let (acted, own) = (player.login("alice").await.tokens, scenario.tokens(&[]).await);
    scenario.sandbox.fault(Fault::REUSED_REFRESH_TOKEN);
    assert_eq!(player.refresh(&acted, &[]).await.whole["error"], "invalid_grant");
    let own = own["refresh_token"].as_str().unwrap();
    scenario.refresh(own).await.assert_error(400, "invalid_grant");
}

#[tokio::test]
async fn consent_is_denied_whatever_button_is_pressed() {
    let scenario = Scenario::new().await;
    let player = Player::own(&scenario, OPENID).await;
    scenario.sandbox.fault(Fault::DENIED_CONSENT);
    for url in [player.authorization_url(&[]), scenario.authorization_url(&[])] {
        let callback = scenario.person().allow(&url).await.unwrap();
        assert_eq!(query_value(&callback, "error").as_deref(), Some("access_denied"));
        assert_eq!(query_value(&callback, "code"), None);
    }
}

#[tokio::test]
async fn users_named_after_a_fault_meet_it_and_no_other_user_does() {
    let scenario = Scenario::new().await;
    let player = Player::own(&scenario, OPENID).await;
    let login = async |username: &str| -> Answer { player.login(username).await };
    assert_eq!(login("fault-too-many-requests").await.reply.status, 429);
    assert_eq!(login("fault-server-error").await.reply.status, 500);
    assert!(login("fault-html").await.reply.body.contains("<!doctype html>"));
    assert!(login("fault-cut-body").await.reply.body.len() < 100);
    let callback = player.callback("fault-wrong-issuer").await;
    assert!(query_value(&callback, "iss").is_some());
    let denied = player.callback("fault-denied-consent").await;
    assert_eq!(query_value(&denied, "error").as_deref(), Some("access_denied"));
    let nonce = claims(&login("fault-wrong-nonce").await.tokens["id_token"])["nonce"].clone();
    assert_ne!(nonce, "the nonce");
    let email = claims(&login("fault-unverified-email").await.tokens["id_token"])["email_verified"].clone();
    assert_eq!(email, false);
    let tokens = login("fault-reused-refresh-token").await.tokens;
    assert_eq!(player.refresh(&tokens, &[]).await.reply.status, 400);
    let alice = login("alice").await;
    assert_eq!(alice.reply.status, 200);
    assert_eq!(claims(&alice.tokens["id_token"])["nonce"], "the nonce");
}

#[tokio::test]
async fn revocation_does_not_use_up_a_fault_of_the_token_endpoint() {
    let scenario = Scenario::new().await;
    let github = Player::new(&scenario, "github").await;
    let answer = github.login("alice").await;
    scenario.sandbox.fault_once(Fault::SERVER_ERROR);
    assert_eq!(github.revoke(answer.tokens["access_token"].as_str().unwrap()).await.status, 200);
    assert_eq!(github.login("alice").await.reply.status, 500);
}

#[tokio::test]
async fn client_that_trusts_a_header_finds_a_matching_key_there() {
    let scenario = Scenario::new().await;
    let verify = |token: &Value, key: &Value| {
        let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
        let point = [vec![4], coordinate("x"), coordinate("y")].concat();
        let (input, signature) = token.as_str().unwrap().rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(input.as_bytes(), &signature).is_ok()
    };
    let own = |kid: &Value, set: &Value| {
        set["keys"].as_array().unwrap().iter().find(|key| key["kid"] == *kid).unwrap().clone()
    };
    let published = scenario.get("/jwks").await.json();
    for fault in [Fault::KEY_IN_HEADER, Fault::KEY_SET_IN_HEADER] {
        scenario.sandbox.fault_once(fault);
        let token = scenario.tokens(&[]).await["id_token"].clone();
        let header = jose_header(&token);
        let theirs = match header["jku"].as_str() {
            Some(jku) => {
                let set = scenario.get(jku.strip_prefix(scenario.sandbox.issuer()).unwrap()).await.json();
                own(&header["kid"], &set)
            }
            None => header["jwk"].clone(),
        };
        assert!(verify(&token, &theirs), "{fault:?}");
        assert!(!verify(&token, &own(&header["kid"], &published)), "{fault:?}");
    }
    assert!(scenario.get("/attacker/key.pem").await.body.starts_with("-----BEGIN PUBLIC KEY-----\nMFkw"));
}

#[tokio::test]
async fn public_key_is_the_secret_of_a_mac() {
    let scenario = Scenario::new().await;
    scenario.sandbox.fault(Fault::HMAC_BY_PUBLIC_KEY);
    let token = scenario.tokens(&[]).await["id_token"].clone();
    assert_eq!(jose_header(&token)["alg"], "HS256");
    let set = scenario.get("/jwks").await.json();
    let key = set["keys"].as_array().unwrap().iter().find(|key| key["kty"] == "RSA").unwrap();
    let modulus = URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
    // RFC 8017 appendix A.1.1: a sequence of the modulus and 65537.
    let head = [0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00];
    let der = STANDARD.encode([&head[..], &modulus, &[0x02, 0x03, 0x01, 0x00, 0x01]].concat());
    let lines: Vec<_> = der.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n", lines.join("\n"));
    let (input, mac) = token.as_str().unwrap().rsplit_once('.').unwrap();
    let secret = hmac::Key::new(hmac::HMAC_SHA256, pem.as_bytes());
    hmac::verify(&secret, input.as_bytes(), &URL_SAFE_NO_PAD.decode(mac).unwrap()).unwrap();
}

#[tokio::test]
async fn injected_code_belongs_to_another_login() {
    let scenario = Scenario::new().await;
    scenario.sandbox.fault_once(Fault::FOREIGN_CODE);
    let code = scenario.code(&[]).await;
    scenario.redeem(&code, &[]).await.assert_error(400, "invalid_grant");
}

#[tokio::test]
async fn fault_for_once_does_not_apply_twice() {
    let scenario = Scenario::new().await;
    scenario.sandbox.fault_once(Fault::EMPTY_KEY_SET);
    assert_eq!(scenario.get("/jwks").await.json()["keys"], Value::Array(Vec::new()));
    assert_ne!(scenario.get("/jwks").await.json()["keys"], Value::Array(Vec::new()));
    scenario.sandbox.fault_once(Fault::HTML.at(Endpoint::Metadata));
    let metadata = "/.well-known/openid-configuration";
    assert!(scenario.get(metadata).await.body.contains("<!doctype html>"));
    assert_eq!(scenario.get(metadata).await.json()["issuer"], scenario.sandbox.issuer());
}

#[tokio::test]
async fn login_page_groups_the_users_who_are_named_after_faults() {
    let scenario = Scenario::new().await;
    let path = scenario.authorization_url(&[]);
    let page = scenario.get(path.strip_prefix(scenario.sandbox.issuer()).unwrap()).await.body;
    for fault in Fault::all() {
        let button = format!("value=\"fault-{}\"", fault.name());
        let at = fault.endpoint().unwrap_or(Endpoint::Token);
        let is_on_the_wire = fault.place() == Place::Wire;
        let is_shown = match at {
            Endpoint::Token | Endpoint::UserInfo => fault.place() != Place::Exchange,
            Endpoint::Keys => !is_on_the_wire,
            _ => false,
        };
        assert_eq!(page.contains(&button), is_shown, "{button}");
    }
    let at = |text: &str| page.find(text).unwrap();
    assert!(
        at("In the ID token") < at("fault-wrong-nonce") && at("fault-wrong-nonce") < at("In the key set")
    );
}

#[tokio::test]
async fn browser_never_comes_back_from_an_error_page_of_the_provider() {
    let scenario = Scenario::new().await;
    let url = scenario.authorization_url(&[]);
    let refused = async |person: &str| match scenario.sandbox.person(person).allow(&url).await {
        Err(PersonError::Refused { status: 400, message }) => {
            message.starts_with("Invalid parameter: redirect_uri")
        }
        _ => false,
    };
    // The user who is named after the fault comes to the page after the sign-in.
    assert!(refused("fault-never-returns").await && !refused("alice").await);
    scenario.sandbox.fault_once(Fault::NEVER_RETURNS);
    assert!(refused("alice").await && !refused("alice").await);
    scenario.sandbox.fault(Fault::NEVER_RETURNS);
    let page = scenario.get(url.strip_prefix(scenario.sandbox.issuer()).unwrap()).await;
    assert!(page.status == 400 && page.body.contains("redirect_uri") && page.header("location").is_none());
    assert!(scenario.sandbox.requests_to("/token").is_empty());
}
