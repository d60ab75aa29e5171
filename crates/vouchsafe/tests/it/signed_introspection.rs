//! Signed introspection responses (RFC 9701), for a client and for an API.
use serde_json::json;
use vouchsafe::{AccessTokenIssuer, Client, Http, Provider, Registration, ResourceServer, Tokens};
use vouchsafe_sandbox::{Fault, Place, Sandbox};

const API: &str = "https://api.example/v1";

struct Walk {
    sandbox: Sandbox,
    client: Client,
    tokens: Tokens,
}

impl Walk {
    async fn new() -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let registration = registration(&sandbox).redirect_uri("http://127.0.0.1:9/callback");
        let client =
            Client::new(Provider::openid(sandbox.issuer()), registration, &Http::new().unwrap()).unwrap();
        let login = client.login().await.unwrap();
        let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
        let tokens = client.finish(login.pending, &callback).await.unwrap();
        Self { sandbox, client, tokens }
    }

    /// An API that asks about each token.
    fn api(&self) -> ResourceServer {
        let issuer = AccessTokenIssuer::introspection(self.sandbox.issuer(), registration(&self.sandbox));
        ResourceServer::builder(API)
            .audience(self.sandbox.client_id())
            .issuer(issuer)
            .introspection_age(std::time::Duration::ZERO)
            .build(&Http::new().unwrap())
            .unwrap()
    }

    async fn checked(&self, api: &ResourceServer) -> Result<String, String> {
        let value = format!("Bearer {}", self.tokens.access_token().expose());
        let request = http::Request::get("/v1/things").header("authorization", value).body(()).unwrap();
        let outcome = api.check(request.method(), "/v1/things", request.headers(), &[]).await;
        match outcome {
            Ok(claims) => Ok(claims.subject().unwrap_or_default().to_owned()),
            Err(refusal) => Err(refusal.reason().map_or("none", |reason| reason.code()).to_owned()),
        }
    }
}

fn registration(sandbox: &Sandbox) -> Registration {
    Registration::new(sandbox.client_id()).secret(sandbox.client_secret()).signed_introspection()
}

#[tokio::test]
async fn a_signed_response_is_asked_for_and_verified() {
    let walk = Walk::new().await;
    let facts = walk.client.introspect(&walk.tokens).await.unwrap();
    assert_eq!((&facts["active"], &facts["username"]), (&json!(true), &json!("alice")));
    assert!(facts.get("token_introspection").is_none(), "what is inside is handed on");
    // RFC 9701 section 4.
    let asked = walk.sandbox.requests_to("/introspect").remove(0);
    assert_eq!(asked.header("accept"), Some("application/token-introspection+jwt"));
    let subject = walk.tokens.id_token().unwrap().subject();
    assert_eq!(walk.checked(&walk.api()).await.as_deref(), Ok(subject));
    // A token that is not active is signed for too.
    walk.client.revoke(&walk.tokens).await.unwrap();
    assert_eq!(walk.client.introspect(&walk.tokens).await.unwrap(), json!({"active": false}));
    assert_eq!(walk.checked(&walk.api()).await.unwrap_err(), "expired");
}

#[tokio::test]
async fn each_fault_of_a_signed_response_is_refused() {
    // RFC 9701 §8.1; FAPI 2.0 Message Signing §5.5.2.
    // RFC 9701 sections 5 and 8: typ, iss, aud, the signature, and the claim with the facts.
    let faults: Vec<_> =
        Fault::all().into_iter().filter(|fault| fault.place() == Place::Introspection).collect();
    assert!(faults.len() > 5);
    for fault in faults {
        let code = fault.refusal().unwrap().code;
        let walk = Walk::new().await;
        walk.sandbox.fault(fault);
        let error = walk.client.introspect(&walk.tokens).await.unwrap_err();
        assert_eq!(error.code(), code, "{fault:?}: {error}");
        assert!(!error.to_string().contains(walk.tokens.access_token().expose()), "{error}");
        assert_eq!(walk.checked(&walk.api()).await.unwrap_err(), code, "{fault:?}");
    }
}

#[tokio::test]
async fn without_the_setting_the_response_is_plain() {
    let walk = Walk::new().await;
    let plain = Registration::new(walk.sandbox.client_id()).secret(walk.sandbox.client_secret());
    let client = Client::new(Provider::openid(walk.sandbox.issuer()), plain, &Http::new().unwrap()).unwrap();
    assert_eq!(client.introspect(&walk.tokens).await.unwrap()["active"], json!(true));
    let asked = walk.sandbox.requests_to("/introspect").remove(0);
    assert_eq!(asked.header("accept"), Some("application/json"));
}
