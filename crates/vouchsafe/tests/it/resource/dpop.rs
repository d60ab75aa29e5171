//! Access tokens that are bound to a key, and the proofs of it (RFC 9449 sections 4.3 and 7).
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};
use vouchsafe::AccessTokenIssuer;

use super::{ISSUER, Scenario, Token, verdict};
use crate::forge::{self, base64};
use crate::scenario::now;

const URL: &str = "https://api.example/v1/things";

fn thumbprint(kid: &str) -> String {
    let key = forge::jwk(kid);
    let names: &[&str] = if kid == "rsa" { &["e", "kty", "n"] } else { &["crv", "kty", "x", "y"] };
    let members = names.iter().map(|name| format!("\"{name}\":{}", key[name])).collect::<Vec<_>>().join(",");
    base64(digest(&SHA256, format!("{{{members}}}").as_bytes()))
}

/// A token that is bound to the P-256 key.
fn bound() -> String {
    Token::new().claim("cnf", json!({"jkt": thumbprint("p256")})).jwt()
}

struct Proof {
    alg: &'static str,
    key: &'static str,
    header: Value,
    claims: Value,
}

impl Proof {
    fn of(token: &str) -> Self {
        Self {
            alg: "ES256",
            key: "p256",
            header: json!({"alg": "ES256", "typ": "dpop+jwt", "jwk": forge::jwk("p256")}),
            claims: json!({
                "jti": "proof-1", "htm": "GET", "htu": URL, "iat": now(), "ath": base64(digest(&SHA256, token.as_bytes())),
            }),
        }
    }

    fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims[name] = value;
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.claims.as_object_mut().unwrap().remove(name).unwrap();
        self
    }

    fn header(mut self, name: &str, value: Value) -> Self {
        self.header[name] = value;
        self
    }

    fn jwt(&self) -> String {
        forge::jwt(self.alg, self.key, &self.header, &self.claims.to_string())
    }
}

async fn sent(scenario: &Scenario, token: &str, proof: &str) -> String {
    verdict(scenario.get(&[("authorization", &format!("DPoP {token}")), ("dpop", proof)], &[]).await)
}

/// The verdict on a proof for a bound token.
async fn proven(change: impl FnOnce(Proof) -> Proof) -> String {
    let token = bound();
    sent(&Scenario::jwt(), &token, &change(Proof::of(&token)).jwt()).await
}

#[tokio::test]
async fn a_bound_token_with_a_proof_of_its_key_is_accepted() {
    let (scenario, token) = (Scenario::jwt(), bound());
    let headers = [("authorization", format!("DPoP {token}")), ("dpop", Proof::of(&token).jwt())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let claims = scenario.get(&headers, &["read"]).await.unwrap();
    assert_eq!(claims.key_thumbprint(), Some(&*thumbprint("p256")));
    // Any asymmetric key.
    let token = Token::new().claim("cnf", json!({"jkt": thumbprint("rsa")})).jwt();
    let proof = Proof { alg: "PS256", key: "rsa", ..Proof::of(&token) };
    let proof = proof.header("alg", json!("PS256")).header("jwk", forge::jwk("rsa"));
    assert_eq!(sent(&scenario, &token, &proof.jwt()).await, "ok");
}

#[tokio::test]
async fn a_bound_token_without_its_proof_is_as_good_as_stolen() {
    // RFC 9449 §7.2.
    let (scenario, token) = (Scenario::jwt(), bound());
    assert_eq!(scenario.verdict(&token).await, "invalid_token token_binding");
    let outcome = scenario.get(&[("authorization", &format!("DPoP {token}"))], &[]).await;
    assert_eq!(verdict(outcome), "invalid_dpop_proof none");
    // RFC 8705: bound to a certificate, which nobody checks here.
    for cnf in [json!({"x5t#S256": "x"}), json!({}), json!(null), json!({"jkt": 7})] {
        let token = Token::new().claim("cnf", cnf.clone()).jwt();
        assert_eq!(scenario.verdict(&token).await, "invalid_token token_binding", "{cnf}");
    }
}

#[tokio::test]
async fn a_proof_comes_with_the_scheme_dpop_and_a_bound_token() {
    let (scenario, token) = (Scenario::jwt(), bound());
    let proof = Proof::of(&token).jwt();
    let bearer = scenario.get(&[("authorization", &format!("Bearer {token}")), ("dpop", &proof)], &[]).await;
    assert_eq!(verdict(bearer), "invalid_request none");
    let twice = [("authorization", &*format!("DPoP {token}")), ("dpop", &proof), ("dpop", &proof)];
    assert_eq!(verdict(scenario.get(&twice, &[]).await), "invalid_dpop_proof none");
    let plain = Token::new().jwt();
    assert_eq!(sent(&scenario, &plain, &Proof::of(&plain).jwt()).await, "invalid_token token_binding");
}

#[tokio::test]
async fn an_api_can_require_bound_tokens() {
    let scenario = Scenario::with(|b| b.issuer(AccessTokenIssuer::jwt(ISSUER)).require_dpop());
    assert_eq!(scenario.verdict(&Token::new().jwt()).await, "invalid_token token_binding");
    let token = bound();
    assert_eq!(sent(&scenario, &token, &Proof::of(&token).jwt()).await, "ok");
}

#[tokio::test]
async fn the_proof_is_for_this_request() {
    // RFC 9449 §4.3.
    for method in ["POST", "get", "GET "] {
        let found = proven(|p| p.claim("htm", json!(method))).await;
        assert_eq!(found, "invalid_dpop_proof proof_mismatch", "{method}");
    }
    // Query and fragment do not count, and URLs are normalised.
    for url in [
        "https://api.example/v1/things?x#y",
        "HTTPS://API.example:443/v1/things",
        "https://api.example/v1/./things",
    ] {
        assert_eq!(proven(|p| p.claim("htu", json!(url))).await, "ok", "{url}");
    }
    for url in [
        "http://api.example/v1/things",
        "https://evil.example/v1/things",
        "https://api.example:8443/v1/things",
        "https://api.example/v1/things/",
        "https://api.example/v1/Things",
        "/v1/things",
        "not a URL",
    ] {
        assert_eq!(
            proven(|p| p.claim("htu", json!(url))).await,
            "invalid_dpop_proof proof_mismatch",
            "{url}"
        );
    }
}

#[tokio::test]
async fn the_url_of_a_request_does_not_depend_on_its_host() {
    let (scenario, token) = (Scenario::jwt(), bound());
    let proof = Proof::of(&token).claim("htu", json!("https://evil.example/v1/things")).jwt();
    let headers = [("authorization", &*format!("DPoP {token}")), ("dpop", &proof), ("host", "evil.example")];
    assert_eq!(verdict(scenario.get(&headers, &[]).await), "invalid_dpop_proof proof_mismatch");
    let behind =
        Scenario::with(|b| b.issuer(AccessTokenIssuer::jwt(ISSUER)).public_url("https://www.example/api/"));
    let proof = Proof::of(&token).claim("htu", json!("https://www.example/api/v1/things")).jwt();
    assert_eq!(sent(&behind, &token, &proof).await, "ok");
}

#[tokio::test]
async fn the_proof_is_for_this_access_token() {
    // RFC 9449 §4.3.
    let other = base64(digest(&SHA256, b"another token"));
    assert_eq!(proven(|p| p.claim("ath", json!(other))).await, "invalid_dpop_proof proof_mismatch");
}

#[tokio::test]
async fn the_proof_has_all_claims() {
    // RFC 9449 §4.3.
    for name in ["jti", "htm", "htu", "iat", "ath"] {
        assert_eq!(proven(|p| p.without(name)).await, "invalid_dpop_proof missing_field", "{name}");
        for value in [json!(null), json!([])] {
            let found = proven(|p| p.claim(name, value.clone())).await;
            assert_eq!(found, "invalid_dpop_proof invalid_field", "{name} {value}");
        }
    }
    assert_eq!(proven(|p| p.claim("jti", json!(""))).await, "invalid_dpop_proof invalid_field");
}

#[tokio::test]
async fn the_proof_is_new() {
    // RFC 9449 §4.3.
    assert_eq!(proven(|p| p.claim("iat", json!(now() - 80))).await, "ok", "clocks may differ");
    assert_eq!(proven(|p| p.claim("iat", json!(now() - 100))).await, "invalid_dpop_proof expired");
    assert_eq!(proven(|p| p.claim("iat", json!(now() + 20))).await, "ok");
    assert_eq!(proven(|p| p.claim("iat", json!(now() + 60))).await, "invalid_dpop_proof not_yet_valid");
    assert_eq!(proven(|p| p.claim("iat", json!(-1))).await, "invalid_dpop_proof invalid_field");
}

#[tokio::test]
async fn a_proof_is_used_once() {
    // RFC 9449 §11.1.
    let (scenario, token) = (Scenario::jwt(), bound());
    let proof = Proof::of(&token).jwt();
    assert_eq!(sent(&scenario, &token, &proof).await, "ok");
    assert_eq!(sent(&scenario, &token, &proof).await, "invalid_dpop_proof replay");
    // A new signature over the same identifier is the same proof.
    assert_eq!(sent(&scenario, &token, &Proof::of(&token).jwt()).await, "invalid_dpop_proof replay");
    assert_eq!(sent(&scenario, &token, &Proof::of(&token).claim("jti", json!("proof-2")).jwt()).await, "ok");
}

#[tokio::test]
async fn a_full_memory_of_proofs_refuses_and_does_not_forget() {
    let scenario = Scenario::with(|b| b.issuer(AccessTokenIssuer::jwt(ISSUER)).most_proofs(1));
    let token = bound();
    assert_eq!(sent(&scenario, &token, &Proof::of(&token).jwt()).await, "ok");
    let another = Proof::of(&token).claim("jti", json!("proof-2")).jwt();
    assert_eq!(sent(&scenario, &token, &another).await, "temporarily_unavailable proofs");
    assert_eq!(sent(&scenario, &token, &Proof::of(&token).jwt()).await, "invalid_dpop_proof replay");
}

#[tokio::test]
async fn the_key_of_the_proof_is_that_of_the_token() {
    // RFC 9449 §4.3.
    let found = proven(|p| {
        let proof = Proof { alg: "ES384", key: "p384", ..p };
        proof.header("alg", json!("ES384")).header("jwk", forge::jwk("p384"))
    });
    assert_eq!(found.await, "invalid_token token_binding");
    // Signed by another key than the one that the proof shows.
    let found = proven(|p| Proof { alg: "RS256", key: "rsa", ..p }.header("alg", json!("ES256")));
    assert_eq!(found.await, "invalid_dpop_proof signature");
}

#[tokio::test]
async fn a_proof_is_a_signed_jwt_of_its_own_type_with_a_public_key() {
    // RFC 9449 §4.3.
    for typ in ["JWT", "at+jwt", ""] {
        assert_eq!(proven(|p| p.header("typ", json!(typ))).await, "invalid_dpop_proof token_type", "{typ}");
    }
    for alg in ["none", "HS256", "ES257"] {
        assert_eq!(proven(|p| p.header("alg", json!(alg))).await, "invalid_dpop_proof algorithm", "{alg}");
    }
    assert_eq!(proven(|p| p.header("crit", json!(["b64"]))).await, "invalid_dpop_proof critical_header");
    for jwk in [json!(null), json!("x"), json!([])] {
        assert_eq!(proven(|p| p.header("jwk", jwk.clone())).await, "invalid_dpop_proof jwt", "{jwk}");
    }
    let mut private = forge::jwk("p256");
    private["d"] = json!("AAAA");
    assert_eq!(proven(|p| p.header("jwk", private)).await, "invalid_dpop_proof weak_key");
    let secret = json!({"kty": "oct", "k": "AAAA"});
    assert_eq!(proven(|p| p.header("jwk", secret)).await, "invalid_dpop_proof weak_key");
    let unknown = json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"});
    assert_eq!(proven(|p| p.header("jwk", unknown)).await, "invalid_dpop_proof unknown_key");
    let token = bound();
    for text in ["a", "a.b.c", "..", "e30.e30.", "bm90IGpzb24.e30.e30"] {
        let found = sent(&Scenario::jwt(), &token, text).await;
        assert!(found.starts_with("invalid_dpop_proof "), "{text}: {found}");
    }
}

#[tokio::test]
async fn an_error_shows_neither_token_nor_proof() {
    let (scenario, token) = (Scenario::jwt(), bound());
    let proof = Proof::of(&token).claim("htm", json!("POST")).jwt();
    let headers = [("authorization", &*format!("DPoP {token}")), ("dpop", &proof)];
    let refusal = scenario.get(&headers, &[]).await.unwrap_err();
    let shown = format!("{refusal} {refusal:?} {}", refusal.www_authenticate().collect::<String>());
    for part in token.split('.').chain(proof.split('.')) {
        assert!(!shown.contains(part), "{shown}");
    }
    assert!(shown.contains("api.example"));
}

#[tokio::test]
async fn an_api_that_demands_nonces_takes_only_its_own() {
    // RFC 9449 §9.
    let demanding = || Scenario::with(|b| b.issuer(AccessTokenIssuer::jwt(ISSUER)).require_dpop_nonces());
    let (scenario, token) = (demanding(), bound());
    let nonce = scenario.api.dpop_nonce().unwrap();
    let proof = |id: &str, nonce: Option<Value>| {
        let proof = Proof::of(&token).claim("jti", json!(id));
        nonce.into_iter().fold(proof, |proof, nonce| proof.claim("nonce", nonce)).jwt()
    };
    let refused = "use_dpop_nonce nonce_mismatch";
    assert_eq!(sent(&scenario, &token, &proof("1", None)).await, refused);
    let foreign = demanding().api.dpop_nonce().unwrap();
    for wrong in [json!(""), json!("another"), json!(foreign)] {
        assert_eq!(sent(&scenario, &token, &proof("2", Some(wrong.clone()))).await, refused, "{wrong}");
    }
    assert_eq!(
        sent(&scenario, &token, &proof("3", Some(json!(7)))).await,
        "invalid_dpop_proof invalid_field"
    );
    let good = proof("1", Some(json!(nonce)));
    assert_eq!(
        sent(&scenario, &token, &good).await,
        "ok",
        "a proof that was refused for its nonce did not count"
    );
    // Section 11.1.
    assert_eq!(sent(&scenario, &token, &good).await, "invalid_dpop_proof replay");

    let headers = [("authorization", format!("DPoP {token}")), ("dpop", proof("4", None))];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let refusal = scenario.get(&headers, &[]).await.unwrap_err();
    // A minute may have ended meanwhile.
    let gives = |refusal: &vouchsafe::Refusal| {
        let given = refusal.dpop_nonce().unwrap();
        given == nonce || Some(given) == scenario.api.dpop_nonce().as_deref()
    };
    assert!(refusal.status().as_u16() == 401 && gives(&refusal));
    let challenges: Vec<_> = refusal.www_authenticate().collect();
    assert!(
        challenges.len() == 1 && challenges[0].starts_with("DPoP error=\"use_dpop_nonce\""),
        "{challenges:?}"
    );
    // Other refusals give it too, so that the next request has it; an API without the demand gives none.
    assert!(gives(&scenario.bearer("x").await.unwrap_err()));
    assert!(Scenario::jwt().api.dpop_nonce().is_none());
    assert!(Scenario::jwt().bearer("x").await.unwrap_err().dpop_nonce().is_none());
    // A token that is not bound has no proof, and needs no nonce.
    assert_eq!(scenario.verdict(&Token::new().jwt()).await, "ok");
}

#[tokio::test]
async fn processes_with_one_key_take_the_nonces_of_each_other() {
    let key = "a key that all processes of this API have, 32 bytes at least";
    let one = || Scenario::with(|b| b.issuer(AccessTokenIssuer::jwt(ISSUER)).dpop_nonce_key(key));
    let token = bound();
    let proof = Proof::of(&token).claim("nonce", json!(one().api.dpop_nonce().unwrap())).jwt();
    assert_eq!(sent(&one(), &token, &proof).await, "ok");
    let short = vouchsafe::ResourceServer::builder("https://api.example")
        .issuer(AccessTokenIssuer::jwt(ISSUER))
        .dpop_nonce_key("short")
        .build(&Scenario::jwt().wire.http());
    assert_eq!(short.unwrap_err().code(), "invalid_option");
}
