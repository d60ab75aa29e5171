//! The responses to requests that are refused (RFC 6750 section 3, RFC 9449 section 7.1, RFC 9728 section 5.1).
use vouchsafe::{AccessTokenIssuer, Refusal};

use super::{ISSUER, Scenario, Token};

const METADATA: &str = r#"resource_metadata="https://api.example/.well-known/oauth-protected-resource/v1""#;
const ALGS: &str =
    r#"algs="RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA ML-DSA-44 ML-DSA-65 ML-DSA-87""#;

fn told(refusal: &Refusal) -> (u16, Vec<String>) {
    (refusal.status().as_u16(), refusal.www_authenticate().map(str::to_owned).collect())
}

#[tokio::test]
async fn a_request_without_a_token_learns_where_to_get_one() {
    // RFC 9728 §5.1.
    let scenario = Scenario::jwt();
    for headers in [&[][..], &[("authorization", "Basic YTpi")]] {
        let refusal = scenario.get(headers, &[]).await.unwrap_err();
        let challenges = vec![format!("Bearer {METADATA}"), format!("DPoP {METADATA}, {ALGS}")];
        assert_eq!(told(&refusal), (401, challenges));
        assert_eq!((refusal.code(), refusal.reason().is_none(), refusal.retry_after()), (None, true, None));
        assert_eq!(refusal.to_string(), "the request needs an access token");
    }
    let refusal = scenario.get(&[], &["read", "write"]).await.unwrap_err();
    assert_eq!(told(&refusal).1[0], format!(r#"Bearer scope="read write", {METADATA}"#));
    assert!(scenario.wire.seen().is_empty());
}

#[tokio::test]
async fn an_invalid_token_is_told_without_the_reason() {
    // RFC 6750 §3.1.
    let scenario = Scenario::jwt();
    let refusal = scenario.bearer("opaque").await.unwrap_err();
    let error = r#"error="invalid_token", error_description="the access token is not valid here, or no longer valid""#;
    let challenges = vec![format!("Bearer {error}, {METADATA}"), format!("DPoP {error}, {METADATA}, {ALGS}")];
    assert_eq!(told(&refusal), (401, challenges));
    assert!(refusal.to_string().starts_with("validating the access token was refused"), "{refusal}");
}

#[tokio::test]
async fn a_token_without_a_required_scope_is_forbidden() {
    // RFC 6750 §3.1.
    let scenario = Scenario::jwt();
    let field = format!("Bearer {}", Token::new().jwt());
    let headers = [("authorization", field.as_str())];
    assert!(scenario.get(&headers, &["read", "write"]).await.is_ok());
    let refusal = scenario.get(&headers, &["read", "delete"]).await.unwrap_err();
    let (status, challenges) = told(&refusal);
    assert_eq!((status, refusal.code()), (403, Some("insufficient_scope")));
    assert!(challenges[0].contains(r#"scope="read delete""#), "{challenges:?}");
    assert_eq!(refusal.reason().unwrap().code(), "scope");
}

#[tokio::test]
async fn a_malformed_request_is_told_so() {
    // RFC 6750 §3.1.
    let scenario = Scenario::jwt();
    for headers in [
        &[("authorization", "Bearer a b")][..],
        &[("authorization", "Bearer")],
        &[("authorization", "Bearer a"), ("authorization", "Bearer a")],
        &[("authorization", "Bearer a"), ("dpop", "a.b.c")],
    ] {
        let refusal = scenario.get(headers, &[]).await.unwrap_err();
        assert_eq!(
            (refusal.status().as_u16(), refusal.code()),
            (400, Some("invalid_request")),
            "{headers:?}"
        );
        assert!(told(&refusal).1[0].starts_with(r#"Bearer error="invalid_request""#), "{headers:?}");
    }
}

#[tokio::test]
async fn a_wrong_proof_is_answered_with_the_scheme_dpop_alone() {
    let scenario = Scenario::jwt();
    let refusal = scenario.get(&[("authorization", "DPoP a")], &[]).await.unwrap_err();
    let (status, challenges) = told(&refusal);
    assert_eq!((status, challenges.len()), (401, 1));
    assert!(challenges[0].starts_with(r#"DPoP error="invalid_dpop_proof""#), "{challenges:?}");
    let only = Scenario::with(|b| b.issuer(AccessTokenIssuer::jwt(ISSUER)).require_dpop());
    assert_eq!(told(&only.get(&[], &[]).await.unwrap_err()), (401, vec![format!("DPoP {METADATA}, {ALGS}")]));
}

#[tokio::test]
async fn an_issuer_that_is_away_is_not_the_clients_fault() {
    let scenario = Scenario::jwt();
    scenario.server().metadata = serde_json::json!({"issuer": "https://another.example"});
    let refusal = scenario.bearer(&Token::new().jwt()).await.unwrap_err();
    assert_eq!(told(&refusal), (503, vec![]));
    assert!(refusal.retry_after().is_some());
    let scenario = Scenario::jwt();
    scenario.server().metadata.as_object_mut().unwrap().remove("jwks_uri");
    let refusal = scenario.bearer(&Token::new().jwt()).await.unwrap_err();
    assert_eq!((refusal.status().as_u16(), refusal.reason().unwrap().code()), (503, "metadata"));
}
