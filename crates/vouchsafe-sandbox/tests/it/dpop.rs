//! Tokens that are bound to a key, RFC 9449.

use serde_json::{Value, json};
use vouchsafe_sandbox::{ClientConfig, DpopNonces, Fault, Sandbox, SandboxBuilder};

use crate::scenario::{Reply, Scenario, basic, claims};
use crate::signer::{Key, borrowed, hash, now, proof_claims, said};

/// A client with a key for proofs.
struct Bound {
    scenario: Scenario,
    key: Key,
}

impl Bound {
    async fn with(builder: SandboxBuilder) -> Self {
        Self { scenario: Scenario::with(builder).await, key: Key::new("ES256") }
    }

    async fn post(&self, path: &str, form: &[(&str, &str)], proof: &str) -> Reply {
        let sandbox = &self.scenario.sandbox;
        let basic = basic(sandbox.client_id(), sandbox.client_secret());
        self.scenario.send("POST", path, &[("authorization", &basic), ("dpop", proof)], Some(form)).await
    }

    /// A proof for the token endpoint.
    fn token_proof(&self) -> String {
        self.key.proof(&proof_claims(&self.scenario, "POST", "/token"))
    }

    async fn tokens(&self) -> Value {
        let code = self.scenario.code(&[]).await;
        let reply = self.post("/token", &Scenario::redemption(&code), &self.token_proof()).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()
    }

    async fn visit(&self, path: &str, token: &str, change: impl FnOnce(&mut Value)) -> Reply {
        let mut claims = proof_claims(&self.scenario, "GET", path);
        claims["ath"] = hash(token).into();
        change(&mut claims);
        self.visit_with(path, token, &self.key.proof(&claims)).await
    }

    async fn visit_with(&self, path: &str, token: &str, proof: &str) -> Reply {
        let authorization = format!("DPoP {token}");
        self.scenario.send("GET", path, &[("authorization", &authorization), ("dpop", proof)], None).await
    }
}

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap()
}

#[tokio::test]
async fn tokens_are_bound_to_the_key_of_the_proof_rfc9449_5_and_6() {
    let bound = Bound::with(Sandbox::builder().jwt_access_tokens("https://api.example")).await;
    let tokens = bound.tokens().await;
    assert_eq!(tokens["token_type"], "DPoP");
    assert_eq!(claims(&tokens["access_token"])["cnf"]["jkt"], bound.key.thumbprint());
    let told = bound.scenario.introspect(text(&tokens, "access_token")).await;
    assert_eq!((&told["token_type"], &told["cnf"]["jkt"]), (&json!("DPoP"), &json!(bound.key.thumbprint())));
    for path in ["/userinfo", "/resource"] {
        let reply = bound.visit(path, text(&tokens, "access_token"), |_| ()).await;
        assert_eq!((reply.status, &reply.json()["sub"]), (200, &json!("sandbox-user-alice")), "{path}");
    }
    let resource = bound.visit("/resource", text(&tokens, "access_token"), |_| ()).await.json();
    assert_eq!((&resource["scheme"], &resource["client_id"]), (&json!("DPoP"), &json!("sandbox-client")));
}

#[tokio::test]
async fn without_a_proof_tokens_are_bearer_tokens() {
    let scenario = Scenario::new().await;
    let tokens = scenario.tokens(&[]).await;
    assert_eq!(tokens["token_type"], "Bearer");
    let bearer = format!("Bearer {}", text(&tokens, "access_token"));
    let reply = scenario.send("GET", "/resource", &[("authorization", &bearer)], None).await;
    assert_eq!((reply.json()["scheme"].clone(), reply.json()["cnf"].clone()), (json!("Bearer"), Value::Null));
    let by_dpop = format!("DPoP {}", text(&tokens, "access_token"));
    let reply = scenario.send("GET", "/resource", &[("authorization", &by_dpop)], None).await;
    assert!(reply.status == 401 && said(&reply).contains("not bound"), "{}", reply.body);
}

#[tokio::test]
async fn each_wrong_proof_is_refused_and_named_rfc9449_4_3() {
    let bound = Bound::with(Sandbox::builder()).await;
    let issuer = bound.scenario.sandbox.issuer().to_owned();
    let with = |name: &str, value: Value| {
        let mut claims = proof_claims(&bound.scenario, "POST", "/token");
        claims[name] = value;
        bound.key.proof(&claims)
    };
    let header = |name: &str, value: Value| {
        let mut header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": bound.key.bare() });
        header[name] = value;
        bound.key.sign(&header, &proof_claims(&bound.scenario, "POST", "/token"))
    };
    let mut private = bound.key.bare();
    private["d"] = "AA".into();
    for (proof, named) in [
        (with("htm", json!("GET")), "htm is not the method"),
        (with("htu", json!(format!("{issuer}/par"))), "htu is not the URL"),
        (with("htu", json!(format!("{issuer}/token?a=b"))), "query or a fragment"),
        (with("htu", json!("https://elsewhere.example/token")), "htu is not the URL"),
        (with("iat", json!(now() + 120)), "in the future"),
        (with("iat", json!(now() - 3600)), "seconds ago"),
        (with("iat", json!("now")), "iat is not a time"),
        (with("jti", json!("")), "jti is missing"),
        (with("nonce", json!(7)), "nonce is no text"),
        (header("typ", json!("JWT")), "typ is not dpop+jwt"),
        (header("alg", json!("none")), "alg"),
        (header("alg", json!("HS256")), "alg"),
        (header("jwk", private), "private"),
        (header("jwk", Key::new("ES256").bare()), "signature"),
        (header("jwk", Key::new("ES384").bare()), "no registered key"),
        (header("jwk", Value::Null), "jwk"),
        ("nonsense".to_owned(), "three parts"),
    ] {
        let code = bound.scenario.code(&[]).await;
        let reply = bound.post("/token", &Scenario::redemption(&code), &proof).await;
        reply.assert_error(400, "invalid_dpop_proof");
        assert!(said(&reply).contains(named), "{named}: {}", reply.body);
    }
}

#[tokio::test]
async fn proof_is_good_once_and_alone_rfc9449_11_1() {
    let bound = Bound::with(Sandbox::builder()).await;
    let proof = bound.token_proof();
    let first = bound.scenario.code(&[]).await;
    assert_eq!(bound.post("/token", &Scenario::redemption(&first), &proof).await.status, 200);
    let second = bound.scenario.code(&[]).await;
    let replayed = bound.post("/token", &Scenario::redemption(&second), &proof).await;
    replayed.assert_error(400, "invalid_dpop_proof");
    assert!(said(&replayed).contains("used before"));
    let (a, b) = (bound.token_proof(), bound.token_proof());
    let several = [("dpop", a.as_str()), ("dpop", b.as_str())];
    let form =
        [&Scenario::redemption(&second)[..], &[("client_id", bound.scenario.sandbox.client_id())]].concat();
    let secret = [("client_secret", bound.scenario.sandbox.client_secret())];
    let reply = bound.scenario.send("POST", "/token", &several, Some(&[&form[..], &secret].concat())).await;
    reply.assert_error(400, "invalid_dpop_proof");
    assert_eq!(bound.post("/token", &Scenario::redemption(&second), &bound.token_proof()).await.status, 200);
}

#[tokio::test]
async fn bound_token_needs_its_scheme_its_proof_and_its_key_rfc9449_7_1() {
    let bound = Bound::with(Sandbox::builder()).await;
    let tokens = bound.tokens().await;
    let token = text(&tokens, "access_token");
    let other = Key::new("ES256");
    for path in ["/userinfo", "/resource"] {
        let downgraded =
            bound.scenario.send("GET", path, &[("authorization", &format!("Bearer {token}"))], None).await;
        assert!(said(&downgraded).contains("bound to a key"), "{}", downgraded.body);
        let bare =
            bound.scenario.send("GET", path, &[("authorization", &format!("DPoP {token}"))], None).await;
        assert!(said(&bare).contains("no proof"), "{}", bare.body);
        let unhashed =
            bound.visit(path, token, |claims| drop(claims.as_object_mut().unwrap().remove("ath"))).await;
        assert!(said(&unhashed).contains("ath is missing"), "{}", unhashed.body);
        let another = bound.visit(path, token, |claims| claims["ath"] = hash("other").into()).await;
        assert!(said(&another).contains("ath is not the hash"), "{}", another.body);
        let mut claims = proof_claims(&bound.scenario, "GET", path);
        claims["ath"] = hash(token).into();
        let stolen = bound.visit_with(path, token, &other.proof(&claims)).await;
        assert!(said(&stolen).contains("another key"), "{}", stolen.body);
        for reply in [downgraded, bare, unhashed, another, stolen] {
            assert_eq!(reply.status, 401, "{}", reply.body);
            let challenge = reply.header("www-authenticate").unwrap();
            assert!(challenge.starts_with("DPoP error=\"invalid_"), "{challenge}");
            assert!(challenge.contains("algs=\"") && challenge.contains("ES256"), "{challenge}");
        }
    }
}

#[tokio::test]
async fn client_that_is_registered_for_bound_tokens_gets_no_others_rfc9449_5_2() {
    let client = ClientConfig::confidential("bank", "not-a-real-secret").dpop_bound_access_tokens();
    let bound = Bound::with(Sandbox::builder().client(client)).await;
    let code = bound.scenario.code(&[("client_id", "bank")]).await;
    let form =
        [&Scenario::redemption(&code)[..], &[("client_id", "bank"), ("client_secret", "not-a-real-secret")]];
    let refused = bound.scenario.post_bare("/token", &form.concat()).await;
    refused.assert_error(400, "invalid_dpop_proof");
    let proof = bound.token_proof();
    let good = bound.scenario.send("POST", "/token", &[("dpop", &proof)], Some(&form.concat())).await;
    assert_eq!(good.json()["token_type"], "DPoP");
}

#[tokio::test]
async fn refresh_token_of_a_public_client_is_bound_to_its_key_rfc9449_5() {
    let bound = Bound::with(Sandbox::builder()).await;
    let id = bound.scenario.sandbox.public_client_id().to_owned();
    let public = async |form: &[(&str, &str)], key: Option<&Key>| {
        let form = [form, &[("client_id", id.as_str())]].concat();
        let proof = key.map(|key| key.proof(&proof_claims(&bound.scenario, "POST", "/token")));
        let headers: Vec<_> = proof.iter().map(|proof| ("dpop", proof.as_str())).collect();
        bound.scenario.send("POST", "/token", &headers, Some(&form)).await
    };
    let code = bound.scenario.code(&[("client_id", &id)]).await;
    let tokens = public(&Scenario::redemption(&code), Some(&bound.key)).await.json();
    let form = [("grant_type", "refresh_token"), ("refresh_token", text(&tokens, "refresh_token"))];
    public(&form, None).await.assert_error(400, "invalid_grant");
    public(&form, Some(&Key::new("ES256"))).await.assert_error(400, "invalid_grant");
    let refreshed = public(&form, Some(&bound.key)).await;
    assert_eq!((refreshed.status, &refreshed.json()["token_type"]), (200, &json!("DPoP")));
    // Section 5: the refresh token of a confidential client is bound by its authentication.
    let tokens = bound.tokens().await;
    let form = [("grant_type", "refresh_token"), ("refresh_token", text(&tokens, "refresh_token"))];
    let proof = Key::new("ES256").proof(&proof_claims(&bound.scenario, "POST", "/token"));
    assert_eq!(bound.post("/token", &form, &proof).await.status, 200);
}

#[tokio::test]
async fn code_is_bound_by_the_parameter_or_by_a_pushed_proof_rfc9449_10() {
    let bound = Bound::with(Sandbox::builder()).await;
    let thumbprint = bound.key.thumbprint();
    let by_parameter = [("dpop_jkt", thumbprint.as_str())];
    let code = bound.scenario.code(&by_parameter).await;
    let other = Key::new("ES256").proof(&proof_claims(&bound.scenario, "POST", "/token"));
    bound.post("/token", &Scenario::redemption(&code), &other).await.assert_error(400, "invalid_grant");
    bound.scenario.redeem(&code, &[]).await.assert_error(400, "invalid_grant");
    assert_eq!(bound.post("/token", &Scenario::redemption(&code), &bound.token_proof()).await.status, 200);

    let id = bound.scenario.sandbox.client_id();
    let request = bound.scenario.request_of(id, &[]);
    let proof = || bound.key.proof(&proof_claims(&bound.scenario, "POST", "/par"));
    let pushed = bound.post("/par", &borrowed(&request), &proof()).await;
    assert_eq!(pushed.status, 201, "{}", pushed.body);
    let url = bound.scenario.referring_url(id, "request_uri", text(&pushed.json(), "request_uri"));
    let code = bound.scenario.code_at(&url).await;
    bound.scenario.redeem(&code, &[]).await.assert_error(400, "invalid_grant");
    assert_eq!(bound.post("/token", &Scenario::redemption(&code), &bound.token_proof()).await.status, 200);
    // Section 10.1: both, and they differ.
    let foreign = Key::new("ES256").thumbprint();
    let request = bound.scenario.request_of(id, &[("dpop_jkt", foreign.as_str())]);
    let refused = bound.post("/par", &borrowed(&request), &proof()).await;
    refused.assert_error(400, "invalid_dpop_proof");
    let short = bound.scenario.request_of(id, &[("dpop_jkt", "short")]);
    bound.post("/par", &borrowed(&short), &proof()).await.assert_error(400, "invalid_request");
}

#[tokio::test]
async fn required_nonce_is_given_by_the_refusal_and_by_every_response_rfc9449_8() {
    let bound = Bound::with(Sandbox::builder().dpop_nonces(DpopNonces::Required)).await;
    let code = bound.scenario.code(&[]).await;
    let form = Scenario::redemption(&code);
    let refused = bound.post("/token", &form, &bound.token_proof()).await;
    refused.assert_error(400, "use_dpop_nonce");
    let proof = |nonce: &str| {
        let mut claims = proof_claims(&bound.scenario, "POST", "/token");
        claims["nonce"] = nonce.into();
        bound.key.proof(&claims)
    };
    bound.post("/token", &form, &proof("invented")).await.assert_error(400, "use_dpop_nonce");
    let nonce = refused.header("dpop-nonce").unwrap();
    let good = bound.post("/token", &form, &proof(nonce)).await;
    assert_eq!(good.status, 200, "{}", good.body);
    assert_eq!(good.header("dpop-nonce"), Some(nonce), "it is good for the next request as well");
    let tokens = good.json();
    let token = text(&tokens, "access_token");
    // Section 9: a resource has nonces of its own.
    let elsewhere = bound.visit("/userinfo", token, |claims| claims["nonce"] = nonce.into()).await;
    assert_eq!(elsewhere.status, 401);
    assert!(elsewhere.header("www-authenticate").unwrap().starts_with("DPoP error=\"use_dpop_nonce\""));
    let own = elsewhere.header("dpop-nonce").unwrap();
    assert_ne!(own, nonce);
    for path in ["/userinfo", "/resource"] {
        assert_eq!(bound.visit(path, token, |claims| claims["nonce"] = own.into()).await.status, 200);
    }
    bound.scenario.sandbox.advance_clock(std::time::Duration::from_secs(301));
    let late = bound.visit("/userinfo", token, |claims| claims["nonce"] = own.into()).await;
    assert_eq!(late.status, 401, "a nonce is good for five minutes");
}

#[tokio::test]
async fn changing_nonces_are_demanded_once_by_each_request() {
    let bound = Bound::with(Sandbox::builder().dpop_nonces(DpopNonces::Changing)).await;
    let mut nonce = String::new();
    let mut tokens = Value::Null;
    for path in ["/par", "/token", "/userinfo", "/resource", "/resource"] {
        let code = if path == "/token" { bound.scenario.code(&[]).await } else { String::new() };
        let request = bound.scenario.request_of(bound.scenario.sandbox.client_id(), &[]);
        let send = async |nonce: &str| {
            let mut claims = proof_claims(&bound.scenario, "POST", path);
            claims["nonce"] = nonce.into();
            match path {
                "/par" => bound.post(path, &borrowed(&request), &bound.key.proof(&claims)).await,
                "/token" => bound.post(path, &Scenario::redemption(&code), &bound.key.proof(&claims)).await,
                _ => {
                    bound
                        .visit(path, text(&tokens, "access_token"), |claims| claims["nonce"] = nonce.into())
                        .await
                }
            }
        };
        let refused = send(&nonce).await;
        assert!(refused.body.contains("use_dpop_nonce"), "{path}: {}", refused.body);
        let good = send(refused.header("dpop-nonce").unwrap()).await;
        assert!([200, 201].contains(&good.status), "{path}: {}", good.body);
        nonce = good.header("dpop-nonce").unwrap().to_owned();
        assert_ne!(nonce, refused.header("dpop-nonce").unwrap());
        if path == "/token" {
            tokens = good.json();
        }
    }
}

#[tokio::test]
async fn resource_without_a_token_names_the_scheme() {
    let scenario = Scenario::new().await;
    let reply = scenario.get("/resource").await;
    assert_eq!((reply.status, reply.body.as_str()), (401, ""));
    assert!(reply.header("www-authenticate").unwrap().starts_with("Bearer "));
    let unknown = scenario.send("GET", "/resource", &[("authorization", "DPoP unknown")], None).await;
    assert_eq!(unknown.json()["error"], "invalid_token");
}

#[tokio::test]
async fn faults_change_the_responses_to_proofs() {
    let bound = Bound::with(Sandbox::builder()).await;
    let sandbox = &bound.scenario.sandbox;
    let code = bound.scenario.code(&[]).await;
    let nonce_after = async |fault| {
        sandbox.clear_faults();
        sandbox.fault(fault);
        let reply = bound.post("/token", &Scenario::redemption(&code), &bound.token_proof()).await;
        reply.assert_error(400, "use_dpop_nonce");
        reply.header("dpop-nonce").map(str::to_owned)
    };
    let first = nonce_after(Fault::ENDLESS_NONCE).await.unwrap();
    assert_ne!(nonce_after(Fault::ENDLESS_NONCE).await.unwrap(), first);
    assert_eq!(nonce_after(Fault::NONCE_MISSING).await, None);
    assert!(nonce_after(Fault::NONCE_MALFORMED).await.unwrap().contains('"'));
    assert!(nonce_after(Fault::OVERSIZED_NONCE).await.unwrap().len() > 10_000);
    for (fault, token_type) in [(Fault::DPOP_DOWNGRADE, "Bearer"), (Fault::DPOP_ODD_CASE, "dPoP")] {
        sandbox.clear_faults();
        sandbox.fault(fault);
        assert_eq!(bound.tokens().await["token_type"], token_type);
    }
    sandbox.clear_faults();
    let tokens = bound.tokens().await;
    sandbox.fault(Fault::DPOP_ODD_CHALLENGE);
    let refused =
        bound.visit("/resource", text(&tokens, "access_token"), |claims| claims["ath"] = "".into()).await;
    assert!(refused.header("www-authenticate").unwrap().starts_with("dPoP error="));
}
