//! The best-known providers, each walked from the login's URL to id and e-mail against answers in its documented shape.
mod apple;
mod discord;
mod facebook;
mod franceconnect;
mod github;
mod google;
mod kakao;
#[cfg(feature = "transport")]
mod line;
mod linkedin;
mod microsoft;
mod naver;
mod okta;
mod openid;
mod reddit;
mod shopify;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use vouchsafe::http::Response;
use vouchsafe::{Client, Error, Provider, Registration, Tokens};

use crate::forge;
use crate::scenario::{CLIENT_ID, arrived, now, web};
use crate::wire::{self, Wire, letter, param};

/// A provider that answers what it was given, by method and URL without the query.
struct Stage {
    slug: &'static str,
    answers: Arc<Mutex<HashMap<String, Response>>>,
    wire: Wire,
    client: Client,
}

impl Stage {
    fn new(slug: &'static str, provider: Provider) -> Self {
        Self::with(slug, provider, web())
    }

    fn with(slug: &'static str, provider: Provider, registration: Registration) -> Self {
        let answers: Arc<Mutex<HashMap<String, Response>>> = Arc::default();
        let known = answers.clone();
        let wire = Wire::new(move |request| {
            let uri = request.uri();
            let url = uri.to_string();
            let place = format!("{} {}", request.method(), url.split('?').next().unwrap());
            let nothing = wire::answer(404, "text/plain", "nothing here");
            known.lock().unwrap().get(&place).cloned().unwrap_or(nothing)
        });
        let client = Client::new(provider, registration, &wire.http()).unwrap();
        Self { slug, answers, wire, client }
    }

    fn sample(&self, name: &str) -> Value {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples").join(self.slug);
        let text = fs::read_to_string(path.join(name).with_extension("json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    fn answer(&self, place: &str, response: Response) {
        self.answers.lock().unwrap().insert(place.to_owned(), response);
    }

    /// Answers with a sample.
    fn at(&self, place: &str, status: u16, sample: &str) {
        self.answer(place, wire::json(status, self.sample(sample)));
    }

    /// Publishes that metadata, and keys.
    fn metadata(&self, place: &str, metadata: &Value) {
        self.answer(place, wire::json(200, metadata.clone()));
        let jwks = metadata["jwks_uri"].as_str().unwrap();
        self.answer(&format!("GET {jwks}"), wire::json(200, forge::jwks()));
    }

    /// Answers with a sample of tokens whose ID token has those claims.
    fn tokens(&self, place: &str, sample: &str, claims: Value) {
        let mut answer = self.sample(sample);
        answer["id_token"] = id_token(claims).into();
        self.answer(place, wire::json(200, answer));
    }

    /// The URL of a login, and what finishes it with that query, `STATE` put in.
    async fn log_in(&self, query: &str) -> (String, Result<Tokens, Error>) {
        let login = self.client.login().await.unwrap();
        let state = param(&login.url, "state").unwrap();
        let tokens = self.client.finish(login.pending, arrived(&query.replace("STATE", &state))).await;
        (masked(&login.url), tokens)
    }

    /// The same at an OpenID Provider, whose ID token has those claims and the login's nonce.
    async fn log_in_with(&self, token_place: &str, mut claims: Value) -> (String, Result<Tokens, Error>) {
        let login = self.client.login().await.unwrap();
        let (state, nonce) = (param(&login.url, "state").unwrap(), param(&login.url, "nonce"));
        claims["nonce"] = nonce.into();
        self.tokens(token_place, "token", claims);
        let tokens = self.client.finish(login.pending, arrived(&format!("code=code-1&state={state}"))).await;
        (masked(&login.url), tokens)
    }

    /// The last request, to the letter.
    fn last(&self) -> String {
        masked(&letter(self.wire.seen().last().unwrap()))
    }

    /// The requests to that host and path, to the letter.
    fn letters(&self, path: &str) -> Vec<String> {
        self.wire.seen_at(path).iter().map(|request| masked(&letter(request))).collect()
    }
}

/// An ID token for this client and for now, with those claims.
fn id_token(mut claims: Value) -> String {
    claims["aud"] = CLIENT_ID.into();
    claims["iat"] = now().into();
    claims["nbf"] = now().into();
    claims["auth_time"] = now().into();
    claims["exp"] = (now() + 300).into();
    let members = claims.as_object_mut().unwrap();
    members.retain(|name, value| !matches!(name.as_str(), "at_hash" | "azp") && !value.is_null());
    forge::jwt("RS256", "rsa", &json!({"alg": "RS256", "kid": "rsa"}), &claims.to_string())
}

/// A text with a star for what is another at each login.
fn masked(text: &str) -> String {
    let random = ["state=", "nonce=", "code_challenge=", "code_verifier="];
    let part = |part: &str| match random.iter().find(|name| part.starts_with(*name)) {
        Some(name) => {
            assert!(part.len() > name.len() + 42, "{part} is long enough not to be guessed");
            format!("{name}*")
        }
        None => part.to_owned(),
    };
    text.split('&').map(part).collect::<Vec<_>>().join("&")
}

/// What every exchange of a code holds, and the client's own authentication in the form.
const EXCHANGE: &str =
    "grant_type=authorization_code&code=code-1&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback";
const IN_FORM: &str = "client_id=my-client&client_secret=my-client-secret";
const BASIC: &str = "authorization: Basic bXktY2xpZW50Om15LWNsaWVudC1zZWNyZXQ=";
const FORM: &str = "content-type: application/x-www-form-urlencoded";
const ASKED: &str =
    "response_type=code&client_id=my-client&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback";
const PKCE: &str = "code_challenge_method=S256&code_challenge=*";
