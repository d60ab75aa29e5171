//! An API that validates access tokens. Its issuer is forged: a test changes what it says.
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use vouchsafe::http::{Request, Response};
use vouchsafe::{AccessTokenClaims, AccessTokenIssuer, Refusal, ResourceServer, ResourceServerBuilder};

use crate::forge;
use crate::scenario::now;
use crate::wire::{self, Wire};

mod builder;
mod certificate;
mod dpop;
mod introspection;
mod jwt;
mod refusals;

const API: &str = "https://api.example/v1";
const ISSUER: &str = "https://as.example";

/// An authorization server that says what it is told to say.
struct As {
    metadata: Value,
    jwks: Value,
    facts: Value,
    status: u16,
}

/// An API and its authorization server.
struct Scenario {
    server: Arc<Mutex<As>>,
    wire: Wire,
    api: ResourceServer,
}

impl Scenario {
    /// An API whose issuer has JWTs.
    fn jwt() -> Self {
        Self::with(|builder| builder.issuer(AccessTokenIssuer::jwt(ISSUER)))
    }

    fn with(build: impl FnOnce(ResourceServerBuilder) -> ResourceServerBuilder) -> Self {
        let url = |path: &str| format!("{ISSUER}/{path}");
        let server = Arc::new(Mutex::new(As {
            // A server without an authorization endpoint: its clients act for themselves.
            metadata: json!({
                "issuer": ISSUER, "token_endpoint": url("token"), "jwks_uri": url("jwks"), "introspection_endpoint": url("introspect"),
            }),
            jwks: forge::jwks(),
            facts: json!({"active": true, "scope": "read write", "sub": "user-1", "client_id": "client-1", "exp": now() + 300}),
            status: 200,
        }));
        let answering = server.clone();
        let wire = Wire::new(move |request| answer(&answering.lock().unwrap(), request));
        let api = build(ResourceServer::builder(API)).build(&wire.http()).unwrap();
        Self { server, wire, api }
    }

    fn server(&self) -> MutexGuard<'_, As> {
        self.server.lock().unwrap()
    }

    /// A request for `GET /v1/things?a=b` with these headers.
    async fn get(&self, headers: &[(&str, &str)], scopes: &[&str]) -> Result<AccessTokenClaims, Refusal> {
        let mut request = http::Request::get("/v1/things?a=b");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        let path = request.uri().path_and_query().unwrap().as_str();
        self.api.check(request.method(), path, request.headers(), scopes).await
    }

    async fn bearer(&self, token: &str) -> Result<AccessTokenClaims, Refusal> {
        self.get(&[("authorization", &format!("Bearer {token}"))], &[]).await
    }

    /// The code of the check that failed; `ok` if none did.
    async fn verdict(&self, token: &str) -> String {
        verdict(self.bearer(token).await)
    }

    fn asked(&self, path: &str) -> usize {
        self.wire.seen().iter().filter(|request| request.uri().path() == path).count()
    }
}

fn answer(server: &As, request: &Request) -> Response {
    match request.uri().path() {
        "/.well-known/oauth-authorization-server" => wire::json(200, server.metadata.clone()),
        "/jwks" => wire::json(200, server.jwks.clone()),
        "/introspect" => wire::json(server.status, server.facts.clone()),
        _ => wire::answer(404, "text/plain", "nothing here"),
    }
}

/// The code of the check that failed, and what the client is told; `ok` if none did.
fn verdict(outcome: Result<AccessTokenClaims, Refusal>) -> String {
    match outcome {
        Ok(_) => "ok".to_owned(),
        Err(refusal) => {
            let reason = refusal.reason().map_or("none", |reason| reason.code());
            format!("{} {}", refusal.code().unwrap_or("missing"), reason)
        }
    }
}

/// An access token that its issuer signed.
#[derive(Clone)]
struct Token {
    alg: &'static str,
    key: &'static str,
    header: Value,
    claims: Value,
}

impl Token {
    fn new() -> Self {
        Self {
            alg: "RS256",
            key: "rsa",
            header: json!({"alg": "RS256", "kid": "rsa", "typ": "at+jwt"}),
            claims: json!({
                "iss": ISSUER, "sub": "user-1", "aud": API, "exp": now() + 300, "iat": now(), "jti": "id-1",
                "client_id": "client-1", "scope": "read write",
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

    fn untyped(mut self) -> Self {
        self.header.as_object_mut().unwrap().remove("typ");
        self
    }

    fn jwt(&self) -> String {
        forge::jwt(self.alg, self.key, &self.header, &self.claims.to_string())
    }

    async fn verdict(&self) -> String {
        Scenario::jwt().verdict(&self.jwt()).await
    }
}
