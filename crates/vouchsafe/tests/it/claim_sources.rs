//! Aggregated and distributed claims (OpenID Connect Core section 5.6.2), between two sandboxes: a provider and a bank.
use serde_json::{Value, json};
use vouchsafe::{ClaimSources, Client, Error, Http, Identity, Provider, Registration, SourcedClaims};
use vouchsafe_sandbox::{Fault, Place, Sandbox, User};

use crate::forge;
use crate::scenario::{ISSUER, SUBJECT, Scenario};

/// A provider whose user has those sources, and the client of it.
struct Walk {
    sandbox: Sandbox,
    client: Client,
    identity: Identity,
}

impl Walk {
    async fn with(names: Value, sources: Value) -> Self {
        let alice = User::alice().with_claim("_claim_names", names).with_claim("_claim_sources", sources);
        let sandbox = Sandbox::builder().user(alice).start().await.unwrap();
        let registration = Registration::new(sandbox.client_id())
            .secret(sandbox.client_secret())
            .redirect_uri("http://127.0.0.1:9/callback");
        let client =
            Client::new(Provider::openid(sandbox.issuer()), registration, &Http::new().unwrap()).unwrap();
        let login = client.login().await.unwrap();
        let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
        let tokens = client.finish(login.pending, &callback).await.unwrap();
        let identity = client.identity(&tokens).await.unwrap();
        Self { sandbox, client, identity }
    }

    async fn claims(&self) -> SourcedClaims {
        self.client.sourced_claims(&self.identity, &anywhere()).await
    }
}

fn anywhere() -> ClaimSources {
    ClaimSources::danger_any_address(&Http::new().unwrap())
}

/// The code of the only warning.
fn left_out(claims: &SourcedClaims) -> String {
    let [warning] = claims.warnings() else { panic!("{:?}", claims.warnings()) };
    assert_eq!(warning.code(), "claims");
    assert!(claims.iter().next().is_none());
    warning.error().map_or("text", Error::code).to_owned()
}

#[tokio::test]
async fn claims_of_both_kinds_are_verified_by_the_keys_of_their_own_issuer() {
    // Core §5.6.2.
    let bank = Sandbox::builder().signing_alg("ES256").start().await.unwrap();
    let shop = Sandbox::start().await.unwrap();
    let sources = json!({
        "bank": bank.distributed_claims(&json!({"credit_score": 650, "income": 7, "not_named": 1})),
        "shop": shop.aggregated_claims(&json!({"customer": {"since": 1999}})),
    });
    let walk =
        Walk::with(json!({"credit_score": "bank", "income": "bank", "customer": "shop"}), sources).await;
    let claims = walk.claims().await;
    assert!(claims.warnings().is_empty(), "{:?}", claims.warnings());
    let score = claims.get("credit_score").unwrap();
    assert_eq!((score.name(), score.value(), score.issuer()), ("credit_score", &json!(650), bank.issuer()));
    assert_eq!(claims.get("income").unwrap().issuer(), bank.issuer());
    assert_eq!(claims.get("customer").unwrap().issuer(), shop.issuer());
    assert_eq!(claims.iter().count(), 3, "claims that the profile does not name are not taken");
    // They stay apart from the profile.
    assert!(walk.identity.profile().get("credit_score").is_none());

    // The source gets its own access token, and none of ours.
    let requests = bank.requests_to("/claims");
    let [request] = &requests[..] else { panic!("{requests:?}") };
    let ours = walk.sandbox.secrets(0);
    let sent = format!("{request:?}");
    let foreign = ours.iter().filter(|secret| sent.contains(secret.as_str())).count();
    assert_eq!(foreign, 0);
    assert!(sent.contains("sandbox-claims-"));
    assert!(shop.requests_to("/claims").is_empty());
}

#[tokio::test]
async fn each_fault_of_a_source_is_a_warning_and_no_end_of_a_login() {
    // Core §5.6.2.
    let faults: Vec<_> = Fault::all().into_iter().filter(|fault| fault.place() == Place::Claims).collect();
    assert!(faults.len() > 5);
    for fault in faults {
        let code = fault.refusal().unwrap().code;
        let bank = Sandbox::start().await.unwrap();
        let source = bank.distributed_claims(&json!({"credit_score": 650}));
        let walk = Walk::with(json!({"credit_score": "bank"}), json!({ "bank": source.clone() })).await;
        bank.fault(fault);
        let claims = walk.client.sourced_claims(&walk.identity, &anywhere().issuer(bank.issuer())).await;
        assert_eq!(left_out(&claims), code, "{fault:?}");
        let said = format!("{} {:?}", claims.warnings()[0], claims.warnings()[0]);
        assert!(!said.contains(source["access_token"].as_str().unwrap()), "{said}");
    }
}

#[tokio::test]
async fn only_trusted_issuers_make_claims() {
    let bank = Sandbox::start().await.unwrap();
    let source = bank.aggregated_claims(&json!({"credit_score": 650}));
    let walk = Walk::with(json!({"credit_score": "bank"}), json!({ "bank": source })).await;
    let by = |issuer: &str| anywhere().issuer(issuer);
    let claims = walk.client.sourced_claims(&walk.identity, &by(bank.issuer())).await;
    assert_eq!(claims.get("credit_score").unwrap().issuer(), bank.issuer());
    bank.clear_requests();
    let claims = walk.client.sourced_claims(&walk.identity, &by("https://another-bank.example")).await;
    assert_eq!(left_out(&claims), "issuer_mismatch");
    assert!(bank.requests().is_empty(), "nothing is fetched from a stranger");
}

#[tokio::test]
async fn a_source_at_a_private_address_is_not_asked() {
    let bank = Sandbox::start().await.unwrap();
    let score = json!({"credit_score": 650});
    let sources =
        json!({"a": bank.distributed_claims(&score), "b": bank.aggregated_claims(&json!({"income": 7}))});
    let walk = Walk::with(json!({"credit_score": "a", "income": "b"}), sources).await;
    let http = Http::builder().no_proxy().public_addresses_only().build().unwrap();
    let claims = walk.client.sourced_claims(&walk.identity, &ClaimSources::new(&http).unwrap()).await;
    let codes: Vec<_> = claims.warnings().iter().map(|warning| warning.error().unwrap().code()).collect();
    assert_eq!(codes, ["address_refused", "address_refused"]);
    assert!(bank.requests().is_empty());
    // A transport without the filter is refused.
    let error = ClaimSources::new(&Http::new().unwrap()).unwrap_err();
    assert!(error.to_string().contains("public_addresses_only"), "{error}");
}

/// What becomes of a profile with those members, at a provider that signs claims itself.
async fn at_the_provider(profile: Value) -> SourcedClaims {
    let mut userinfo = json!({"sub": SUBJECT, "email": "one@op.example"});
    userinfo.as_object_mut().unwrap().extend(profile.as_object().unwrap().clone());
    let scenario = Scenario::openid().with(|op| op.userinfo = userinfo);
    let tokens = scenario.log_in().await.unwrap();
    let identity = scenario.client().identity(&tokens).await.unwrap();
    let sources = ClaimSources::danger_any_address(&scenario.wire.http());
    let claims = scenario.client().sourced_claims(&identity, &sources).await;
    // Whatever the sources say, the user and the address are the provider's.
    assert_eq!((identity.subject(), identity.email()), (SUBJECT, Some("one@op.example")));
    claims
}

fn signed(claims: Value) -> Value {
    json!({"JWT": forge::jwt("RS256", "rsa", &json!({"alg": "RS256", "kid": "rsa"}), &claims.to_string())})
}

#[tokio::test]
async fn a_jwt_of_the_provider_itself_is_verified_with_its_keys() {
    for claims in [json!({"age": 7}), json!({"age": 7, "iss": ISSUER}), json!({"age": 7, "sub": SUBJECT})] {
        let found =
            at_the_provider(json!({"_claim_names": {"age": "s"}, "_claim_sources": {"s": signed(claims)}}))
                .await;
        assert_eq!(found.get("age").unwrap().issuer(), ISSUER);
    }
    let of =
        |jwt: Value| at_the_provider(json!({"_claim_names": {"age": "s"}, "_claim_sources": {"s": jwt}}));
    assert_eq!(left_out(&of(signed(json!({"age": 7, "sub": "another"}))).await), "subject_mismatch");
    // An ID token of another client of the provider.
    assert_eq!(left_out(&of(signed(json!({"age": 7, "iss": ISSUER, "aud": "another"}))).await), "audience");
    let forged = forge::jwt("RS256", "stranger", &json!({"alg": "RS256", "kid": "rsa"}), "{\"age\":7}");
    assert_eq!(left_out(&of(json!({ "JWT": forged })).await), "signature");
    assert_eq!(left_out(&of(json!({"JWT": "not a JWT"})).await), "jwt");
    assert_eq!(left_out(&of(signed(json!({"other": 7}))).await), "missing_field");
}

#[tokio::test]
async fn the_provider_s_own_claims_are_never_replaced() {
    let source =
        signed(json!({"sub": SUBJECT, "email": "evil@evil.example", "email_verified": true, "iss": ISSUER}));
    for claim in ["sub", "email", "iss", "aud"] {
        let found =
            at_the_provider(json!({"_claim_names": {claim: "s"}, "_claim_sources": {"s": source.clone()}}))
                .await;
        assert_eq!(left_out(&found), "text", "{claim}");
    }
    // A claim that the profile lacks is told of with its issuer, and changes nothing of the identity.
    let found =
        at_the_provider(json!({"_claim_names": {"email_verified": "s"}, "_claim_sources": {"s": source}}))
            .await;
    assert_eq!(found.get("email_verified").unwrap().value(), &json!(true));
}

#[tokio::test]
async fn a_source_that_is_malformed_is_left_out() {
    for source in [
        json!(null),
        json!({}),
        json!("JWT"),
        json!({"JWT": 7}),
        json!({"endpoint": 7}),
        json!({"endpoint": "not a URL"}),
        json!({"endpoint": "http://claims.example/"}),
        json!({"endpoint": "file:///etc/passwd"}),
        json!({"endpoint": "https://claims.example/", "access_token": ["a"]}),
        json!({"endpoint": "https://claims.example/", "access_token": "a\r\nx: y"}),
    ] {
        let found =
            at_the_provider(json!({"_claim_names": {"age": "s"}, "_claim_sources": {"s": source.clone()}}))
                .await;
        assert_eq!(left_out(&found), "text", "{source}");
    }
    for names in [json!({"age": 7}), json!({"age": "missing"})] {
        let found = at_the_provider(json!({"_claim_names": names, "_claim_sources": {}})).await;
        assert_eq!(left_out(&found), "text");
    }
    for names in [json!(null), json!([]), json!("age"), json!({})] {
        let found =
            at_the_provider(json!({"_claim_names": names, "_claim_sources": {"s": signed(json!({}))}})).await;
        assert!(found.warnings().is_empty() && found.iter().next().is_none());
    }
}

#[tokio::test]
async fn there_are_only_so_many_sources() {
    let many = |count: usize| {
        let names: serde_json::Map<_, _> =
            (0..count).map(|n| (format!("c{n}"), json!(format!("s{n}")))).collect();
        let sources: serde_json::Map<_, _> =
            (0..count).map(|n| (format!("s{n}"), signed(json!({format!("c{n}"): n})))).collect();
        json!({"_claim_names": names, "_claim_sources": sources})
    };
    let found = at_the_provider(many(8)).await;
    assert_eq!((found.iter().count(), found.warnings().len()), (8, 0));
    let found = at_the_provider(many(20)).await;
    assert_eq!((found.iter().count(), found.warnings().len()), (8, 12));
}
