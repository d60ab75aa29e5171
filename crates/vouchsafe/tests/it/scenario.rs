//! Brings a login at a provider to any point in one line.
//!
//! The provider is forged: what it says is a value that a test changes before it asks.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use vouchsafe::http::{Request, Response};
use vouchsafe::{Client, ClientBuilder, Error, Login, Provider, Registration, StartedLogin, Tokens};

use crate::forge;
use crate::wire::{self, Wire, field, param};

pub(crate) const ISSUER: &str = "https://op.example";
pub(crate) const CLIENT_ID: &str = "my-client";
pub(crate) const CLIENT_SECRET: &str = "my-client-secret";
pub(crate) const REDIRECT_URI: &str = "https://app.example/callback";
pub(crate) const SUBJECT: &str = "subject-1";
pub(crate) const CODE: &str = "code-1";
pub(crate) const ACCESS_TOKEN: &str = "access-token-1";
pub(crate) const REFRESH_TOKEN: &str = "refresh-token-1";

/// A confidential client.
pub(crate) fn web() -> Registration {
    public().secret(CLIENT_SECRET)
}

/// A client without a secret.
pub(crate) fn public() -> Registration {
    Registration::new(CLIENT_ID).redirect_uri(REDIRECT_URI)
}

/// An OAuth 2 service with an endpoint for everything.
pub(crate) fn acme() -> Provider {
    Provider::oauth2("acme")
        .authorization_endpoint("https://acme.example/authorize")
        .token_endpoint("https://acme.example/token")
        .revocation_endpoint("https://acme.example/revoke")
        .userinfo_endpoint("https://acme.example/me")
        .scopes(["profile", "email"])
}

/// The same service by a definition: what every one has, and what is given.
pub(crate) fn described(more: &str) -> Result<Provider, Error> {
    let common = r#"
        slug = "acme"
        display_name = "Acme"
        kind = "oauth2"
        authorization_endpoint = "https://acme.example/authorize"
        token_endpoint = "https://acme.example/token"
        revocation_endpoint = "https://acme.example/revoke"
        client_auth = "client_secret_post"
        documentation = "https://acme.example/docs"
        checked = "2026-11-23"
    "#;
    let userinfo =
        if more.contains("source = ") { "" } else { "userinfo_endpoint = \"https://acme.example/me\"" };
    Provider::from_definition(format!("{common}\n{userinfo}\n{more}"))
}

/// A client of that service that never asks it anything.
pub(crate) fn idle(provider: Provider) -> Client {
    Client::new(provider, web(), &Wire::always(wire::json(500, json!({}))).http()).unwrap()
}

/// Tokens as a store gives them back, of that provider and issuer.
pub(crate) fn stored((provider, issuer): (&str, &str), tokens: Value) -> Tokens {
    let mut stored = json!({"v": 2, "token_type": "Bearer", "received_at": 1_800_000_000, "provider": provider, "issuer": issuer, "client_id": CLIENT_ID});
    merge(&mut stored, &tokens);
    serde_json::from_value(stored).unwrap()
}

/// Where tokens of [`acme`] come from.
pub(crate) const ACME: (&str, &str) = ("acme", "https://acme.example/token");

/// Tokens as a store gives them back, once this client has left them there.
pub(crate) trait Held {
    fn held(&self, tokens: Value) -> Tokens;
}

impl Held for Client {
    fn held(&self, tokens: Value) -> Tokens {
        let usual = json!({"access_token": "at", "token_type": "Bearer"});
        match self.manual().read_token_response(usual.to_string()) {
            Ok(own) => stored((own.provider_slug(), own.issuer()), tokens),
            // Who answers in words of its own is described for these tests, without an issuer.
            Err(_) => stored(("acme", "https://acme.example"), tokens),
        }
    }
}

/// The URL at which a browser arrives with that query.
pub(crate) fn arrived(query: &str) -> String {
    format!("{REDIRECT_URI}?{query}")
}

/// The whole query of a URL.
pub(crate) fn query(url: &str) -> &str {
    url.split_once('?').unwrap().1
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// An OpenID Provider that says what it is told to say.
pub(crate) struct Op {
    pub(crate) metadata: Value,
    pub(crate) jwks: Value,
    /// The ID token's algorithm, and the key that signs it.
    pub(crate) alg: String,
    pub(crate) key: String,
    /// What the ID token's header and claims hold besides the usual, or in its place.
    pub(crate) header: Value,
    pub(crate) claims: Value,
    pub(crate) without: Vec<&'static str>,
    pub(crate) id_token: bool,
    /// Changes the payload before it is signed, and the JWT after.
    pub(crate) payload: Box<dyn Fn(String) -> String + Send>,
    pub(crate) tamper: Box<dyn Fn(String) -> String + Send>,
    /// What the token answer holds besides the usual, or in its place.
    pub(crate) token: Value,
    pub(crate) userinfo: Value,
    /// Answers in place of the usual ones, by path.
    pub(crate) answers: HashMap<String, Response>,
    nonce: Option<String>,
}

impl Op {
    fn new() -> Self {
        let url = |path: &str| format!("{ISSUER}/{path}");
        Self {
            metadata: json!({
                "issuer": ISSUER, "authorization_endpoint": url("authorize"), "token_endpoint": url("token"),
                "userinfo_endpoint": url("userinfo"), "jwks_uri": url("jwks"), "revocation_endpoint": url("revoke"),
                "authorization_response_iss_parameter_supported": true,
            }),
            jwks: forge::jwks(),
            alg: "RS256".to_owned(),
            key: "rsa".to_owned(),
            header: json!({}),
            claims: json!({}),
            without: Vec::new(),
            id_token: true,
            payload: Box::new(|payload| payload),
            tamper: Box::new(|jwt| jwt),
            token: json!({}),
            userinfo: json!({"sub": SUBJECT, "email": "one@op.example", "email_verified": true}),
            answers: HashMap::new(),
            nonce: None,
        }
    }

    fn answer(&mut self, request: &Request) -> Response {
        let path = request.uri().path();
        if let Some(answer) = self.answers.get(path) {
            return answer.clone();
        }
        match path {
            "/.well-known/openid-configuration" => wire::json(200, self.metadata.clone()),
            "/jwks" => wire::json(200, self.jwks.clone()),
            "/token" => wire::json(200, self.token_answer(request)),
            "/userinfo" => wire::json(200, self.userinfo.clone()),
            "/revoke" => Response::default(),
            _ => wire::answer(404, "text/plain", "nothing here"),
        }
    }

    fn token_answer(&self, request: &Request) -> Value {
        let mut answer = json!({"access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 3600});
        if field(request, "grant_type").as_deref() == Some("authorization_code") {
            answer["refresh_token"] = REFRESH_TOKEN.into();
        }
        if self.id_token {
            answer["id_token"] = self.id_token().into();
        }
        merge(&mut answer, &self.token);
        answer
    }

    pub(crate) fn id_token(&self) -> String {
        let mut claims = json!({
            "iss": ISSUER, "sub": SUBJECT, "aud": CLIENT_ID, "iat": now(), "exp": now() + 300, "nonce": self.nonce,
        });
        if self.nonce.is_none() {
            claims.as_object_mut().unwrap().remove("nonce");
        }
        merge(&mut claims, &self.claims);
        for name in &self.without {
            claims.as_object_mut().unwrap().remove(*name);
        }
        let mut header = json!({"alg": self.alg, "kid": self.key, "typ": "JWT"});
        merge(&mut header, &self.header);
        header.as_object_mut().unwrap().retain(|_, value| *value != "absent");
        let payload = (self.payload)(claims.to_string());
        (self.tamper)(forge::jwt(&self.alg, &self.key, &header, &payload))
    }
}

fn merge(into: &mut Value, from: &Value) {
    for (name, value) in from.as_object().unwrap() {
        into[name] = value.clone();
    }
}

/// What is asked for at the start of a login.
type Asked = Box<dyn for<'c> Fn(Login<'c>) -> Login<'c>>;

pub(crate) struct Scenario {
    op: Arc<Mutex<Op>>,
    pub(crate) wire: Wire,
    provider: Provider,
    registration: Registration,
    asked: Asked,
    client: OnceLock<Client>,
}

impl Scenario {
    /// A login at an OpenID Provider that does everything right.
    pub(crate) fn openid() -> Self {
        let op = Arc::new(Mutex::new(Op::new()));
        let answering = op.clone();
        Self {
            wire: Wire::new(move |request| answering.lock().unwrap().answer(request)),
            op,
            provider: Provider::openid(ISSUER),
            registration: web(),
            asked: Box::new(|login| login),
            client: OnceLock::new(),
        }
    }

    pub(crate) fn provider(mut self, provider: Provider) -> Self {
        self.provider = provider;
        self
    }

    pub(crate) fn registration(mut self, registration: Registration) -> Self {
        self.registration = registration;
        self
    }

    pub(crate) fn asking(mut self, asked: impl for<'c> Fn(Login<'c>) -> Login<'c> + 'static) -> Self {
        self.asked = Box::new(asked);
        self
    }

    /// Signs by that algorithm.
    pub(crate) fn alg(self, alg: &str) -> Self {
        self.with(|op| {
            op.alg = alg.to_owned();
            op.key = forge::key_for(alg).to_owned();
        })
    }

    /// Puts something into the ID token's header; the text `absent` takes it out.
    pub(crate) fn header(self, name: &str, value: Value) -> Self {
        self.with(|op| op.header[name] = value)
    }

    pub(crate) fn claim(self, name: &str, value: Value) -> Self {
        self.with(|op| op.claims[name] = value)
    }

    pub(crate) fn without(self, claim: &'static str) -> Self {
        self.with(|op| op.without.push(claim))
    }

    pub(crate) fn metadata(self, name: &str, value: Value) -> Self {
        self.with(|op| op.metadata[name] = value)
    }

    pub(crate) fn token(self, name: &str, value: Value) -> Self {
        self.with(|op| op.token[name] = value)
    }

    pub(crate) fn tampered(self, tamper: impl Fn(String) -> String + Send + 'static) -> Self {
        self.with(|op| op.tamper = Box::new(tamper))
    }

    /// Another answer at that path.
    pub(crate) fn at(self, path: &str, answer: Response) -> Self {
        self.with(|op| {
            op.answers.insert(path.to_owned(), answer);
        })
    }

    pub(crate) fn with(self, change: impl FnOnce(&mut Op)) -> Self {
        change(&mut self.op());
        self
    }

    /// The provider, to change its mind in the middle.
    pub(crate) fn op(&self) -> MutexGuard<'_, Op> {
        self.op.lock().unwrap()
    }

    /// A client of its own, with other limits.
    pub(crate) fn built(&self, limits: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
        let builder = Client::builder(self.provider.clone(), self.registration.clone());
        limits(builder).build(&self.wire.http()).unwrap()
    }

    pub(crate) fn client(&self) -> &Client {
        self.client.get_or_init(|| {
            Client::new(self.provider.clone(), self.registration.clone(), &self.wire.http()).unwrap()
        })
    }

    /// A login on its way to the provider.
    pub(crate) async fn started(&self) -> StartedLogin {
        (self.asked)(self.client().login()).await.unwrap()
    }

    /// The URL at which the browser comes back, for the URL to which it was sent away.
    pub(crate) fn callback(&self, url: &str) -> String {
        self.op().nonce = param(url, "nonce");
        let state = param(url, "state").unwrap();
        arrived(&format!("code={CODE}&state={state}&iss=https%3A%2F%2Fop.example"))
    }

    /// A login from its start to its end.
    pub(crate) async fn log_in(&self) -> Result<Tokens, Error> {
        let login = (self.asked)(self.client().login()).await?;
        self.client().finish(login.pending, self.callback(&login.url)).await
    }

    /// The word for what went wrong in a login; `ok` if nothing did.
    pub(crate) async fn verdict(&self) -> String {
        match self.log_in().await {
            Ok(_) => "ok".to_owned(),
            Err(error) => error.code().to_owned(),
        }
    }
}
