//! Access tokens that are bound to a certificate (RFC 8705 section 3).
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use vouchsafe::{AccessTokenIssuer, PeerCertificate};

use super::{ISSUER, Scenario, Token, verdict};

/// The bytes of a certificate, as far as this matters: a sequence.
fn der(content: u8) -> Vec<u8> {
    vec![0x30, 3, 2, 1, content]
}

fn bound(to: &PeerCertificate) -> String {
    Token::new().claim("cnf", json!({"x5t#S256": to.thumbprint()})).jwt()
}

/// The verdict on a token that came with this certificate.
async fn with(scenario: &Scenario, certificate: Option<&PeerCertificate>, token: &str) -> String {
    let api = match certificate {
        Some(certificate) => scenario.api.with_certificate(certificate.clone()),
        None => scenario.api.clone(),
    };
    let request = http::Request::get("/v1/things").header("authorization", format!("Bearer {token}"));
    let request = request.body(()).unwrap();
    verdict(api.check(request.method(), "/v1/things", request.headers(), &[]).await)
}

#[tokio::test]
async fn a_token_that_is_bound_to_a_certificate_comes_with_it() {
    let (own, other) = (PeerCertificate::from_der(der(1)), PeerCertificate::from_der(der(2)));
    let scenario = Scenario::jwt();
    let refused = "invalid_token token_binding";
    // RFC 8705 §3.
    assert_eq!(with(&scenario, Some(&own), &bound(&own)).await, "ok");
    assert_eq!(with(&scenario, Some(&other), &bound(&own)).await, refused);
    assert_eq!(with(&scenario, None, &bound(&own)).await, refused);
    // The certificate is no reason to refuse a token that is not bound.
    assert_eq!(with(&scenario, Some(&own), &Token::new().jwt()).await, "ok");
    for cnf in [json!({"x5t#S256": 7}), json!({"x5t#S256": ""}), json!({"x5t": own.thumbprint()})] {
        let token = Token::new().claim("cnf", cnf.clone()).jwt();
        assert_eq!(with(&scenario, Some(&own), &token).await, refused, "{cnf}");
    }
    // Bound to both: the key has to be proven as well.
    let both = json!({"x5t#S256": own.thumbprint(), "jkt": "a thumbprint"});
    assert_eq!(with(&scenario, Some(&own), &Token::new().claim("cnf", both).jwt()).await, refused);
    // An API that wants keys wants keys.
    let strict = Scenario::with(|b| b.issuer(AccessTokenIssuer::jwt(ISSUER)).require_dpop());
    assert_eq!(with(&strict, Some(&own), &bound(&own)).await, refused);
    let api = scenario.api.with_certificate(own.clone());
    let request = http::Request::get("/").header("authorization", format!("Bearer {}", bound(&own)));
    let request = request.body(()).unwrap();
    let claims = api.check(request.method(), "/", request.headers(), &[]).await.unwrap();
    assert_eq!(claims.certificate_thumbprint(), Some(own.thumbprint()));
}

#[tokio::test]
async fn the_header_of_a_proxy_counts_only_where_it_is_named() {
    let own = PeerCertificate::from_der(der(1));
    let base64 = STANDARD.encode(der(1));
    let trusting = Scenario::with(|b| {
        b.issuer(AccessTokenIssuer::jwt(ISSUER)).certificate_header("client-cert".parse().unwrap())
    });
    let authorization = format!("Bearer {}", bound(&own));
    let sent = |scenario: &'static str, fields: Vec<String>| {
        let (authorization, trusting) = (authorization.clone(), &trusting);
        async move {
            let other = Scenario::jwt();
            let scenario = if scenario == "trusting" { trusting } else { &other };
            let mut headers = vec![("authorization", authorization.as_str())];
            headers.extend(fields.iter().map(|field| ("client-cert", field.as_str())));
            verdict(scenario.get(&headers, &[]).await)
        }
    };
    let pem = format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
    let escaped = pem.replace('\n', "%0A").replace('+', "%2B").replace(' ', "%20");
    // RFC 9440 §2.1, and the forms of common proxies.
    for form in [format!(":{base64}:"), base64.clone(), escaped, pem.replace('\n', " ")] {
        assert_eq!(sent("trusting", vec![form.clone()]).await, "ok", "{form}");
        assert_eq!(sent("another", vec![form]).await, "invalid_token token_binding");
    }
    let stranger = format!(":{}:", STANDARD.encode(der(2)));
    assert_eq!(sent("trusting", vec![stranger]).await, "invalid_token token_binding");
    assert_eq!(sent("trusting", vec![]).await, "invalid_token token_binding");
    assert_eq!(sent("trusting", vec![String::new()]).await, "invalid_token token_binding");
    for wrong in ["no certificate", ":!:", "-----BEGIN CERTIFICATE-----", "AAAA"] {
        assert_eq!(sent("trusting", vec![wrong.to_owned()]).await, "invalid_request none", "{wrong}");
    }
    let form = format!(":{base64}:");
    assert_eq!(sent("trusting", vec![form.clone(), form]).await, "invalid_request none");
}

#[tokio::test]
async fn an_opaque_token_is_bound_by_the_words_of_its_issuer() {
    let own = PeerCertificate::from_der(der(1));
    let registration = vouchsafe::Registration::new("my-api").secret("a secret");
    let scenario = Scenario::with(|b| b.issuer(AccessTokenIssuer::introspection(ISSUER, registration)));
    scenario.server().facts["cnf"] = Value::from_iter([("x5t#S256", own.thumbprint())]);
    assert_eq!(with(&scenario, Some(&own), "opaque").await, "ok");
    assert_eq!(with(&scenario, None, "opaque").await, "invalid_token token_binding");
}
