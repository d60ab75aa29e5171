//! Marked secrets go through logins, good and bad, and are looked for in all that comes out: pages, headers, and what
//! values and rejections print.
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use url::form_urlencoded::{byte_serialize, parse};
use vouchsafe::http::{BoxFuture, HttpClient, Limits, Request, Response as Received, TransportError};
use vouchsafe::seal::KeyRing;
use vouchsafe::{Client, Http, Provider, Registration, Tokens};
use vouchsafe_axum::{LoggedIn, LoginRejection, Logins, StartLogin};
use vouchsafe_sandbox::{ClientConfig, Sandbox};

use crate::scenario::{Browser, Page, REDIRECT_URI};

#[path = "../../../vouchsafe/tests/it/secrets/faults.rs"]
mod faults;

const SECRET: &str = "marked+client/secret&1";
const COOKIE_SECRET: &[u8; 40] = b"marked-cookie-secret-marked-cookie-secre";

/// What came out of a site, and what must not be in it.
#[derive(Clone, Default)]
struct Heard {
    said: Arc<Mutex<(String, Vec<String>)>>,
    /// Those of the last rejection.
    tokens: Arc<Mutex<Option<Tokens>>>,
}

impl Heard {
    fn out(&self, text: &str) {
        self.said.lock().unwrap().0.push_str(text);
    }

    fn secret(&self, secret: &str) {
        assert!(secret.len() >= 6, "that would be found everywhere");
        self.said.lock().unwrap().1.push(secret.to_owned());
    }

    fn page(&self, page: &Page) {
        self.out(&format!("{} {:?} {}\n", page.status, page.headers, page.text));
    }

    #[track_caller]
    fn assert_silent(&self) {
        let (text, secrets) = &*self.said.lock().unwrap();
        assert!(text.len() > 500 && secrets.len() >= 4, "something was said, and there were secrets");
        for secret in secrets {
            let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
            for shape in [secret.clone(), byte_serialize(secret.as_bytes()).collect(), hex, base64(secret)] {
                assert!(!text.contains(&shape), "{shape} is in {text}");
            }
        }
    }
}

/// As it begins, so that what follows in the same text changes nothing.
fn base64(secret: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(&secret[..secret.len() / 3 * 3])
}

fn site(client: Client, heard: &Heard) -> Router {
    heard.secret(SECRET);
    heard.secret(std::str::from_utf8(COOKIE_SECRET).unwrap());
    let key = KeyRing::new(COOKIE_SECRET).unwrap();
    let logins = Logins::new(client, key.clone());
    heard.out(&format!("{key:?} {logins:?} {logins:#?}"));
    let (starting, ending) = (heard.clone(), heard.clone());
    let login = |login: StartLogin| async move {
        starting.out(&format!("{login:?}"));
        let outcome: Result<Redirect, LoginRejection> = login.await;
        // The URL to go to holds state and nonce; what else is printed must not.
        starting.out(format!("{outcome:?}").split('?').next().unwrap_or_default());
        outcome
    };
    let callback = |user: Result<LoggedIn, LoginRejection>| async move { told(&ending, user) };
    Router::new()
        .route("/login", get(login))
        .route("/callback", get(callback.clone()).post(callback))
        .layer(logins)
}

fn told(heard: &Heard, user: Result<LoggedIn, LoginRejection>) -> Response {
    heard.out(&format!("{user:?} {user:#?}"));
    match user {
        Ok(user) => {
            heard.secret(user.tokens.access_token().expose());
            heard.secret(user.tokens.refresh_token().unwrap().expose());
            heard.secret(user.tokens.id_token().unwrap().expose().rsplit('.').next().unwrap());
            user.0.return_to.into_response()
        }
        Err(rejection) => {
            *heard.tokens.lock().unwrap() = rejection.tokens().cloned();
            heard.out(&rejection.to_string());
            let mut cause = std::error::Error::source(&rejection);
            while let Some(error) = cause {
                heard.out(&format!("{error} {error:?}"));
                cause = error.source();
            }
            rejection.into_response()
        }
    }
}

/// The parameters of a URL that are secret once the browser has gone there.
fn listen_to(heard: &Heard, url: &str, names: &[&str]) {
    let query = url.split_once('?').unwrap().1;
    parse(query.as_bytes())
        .filter(|(name, _)| names.contains(&&**name))
        .for_each(|(_, value)| heard.secret(&value));
}

#[tokio::test]
async fn no_secret_comes_out_of_a_login_whatever_goes_wrong() {
    for (fault, limit) in faults::faults() {
        let sandbox = Sandbox::builder()
            .client(ClientConfig::confidential("me", SECRET).redirect_uri(REDIRECT_URI))
            .start()
            .await
            .unwrap();
        let registration = Registration::new("me").secret(SECRET).redirect_uri(REDIRECT_URI);
        let http = Http::new().unwrap().timeout(limit);
        let client = Client::new(Provider::openid(sandbox.issuer()), registration, &http).unwrap();
        let (fails, heard) = (fault.is_some(), Heard::default());
        if let Some(fault) = fault {
            sandbox.fault(fault);
        }
        let mut browser = Browser { site: site(client, &heard), cookies: Default::default() };

        let page = browser.get("/login").await;
        heard.out(&format!("{:?} {}", page.headers.get("set-cookie"), page.text));
        let url = page.location();
        // Whoever signed in has the nonce among the claims.
        listen_to(&heard, &url, if fails { &["state", "nonce"] } else { &["state"] });
        let callback = sandbox.person("alice").allow(&url).await.unwrap();
        listen_to(&heard, &callback, &["code"]);
        let page = browser.get(&callback).await;
        assert_eq!(page.status.is_success(), !fails, "{}", page.text);
        heard.page(&page);
        // The same once more, which nobody is signed in by.
        heard.page(&browser.get(&callback).await);
        for request in sandbox.requests_to("/token") {
            heard.secret(&request.form_value("code_verifier").unwrap());
        }
        heard.assert_silent();
    }
}

/// A provider that quotes all that it is sent.
struct Echo(Heard);

impl HttpClient for Echo {
    fn send(&self, request: Request, _: Limits) -> BoxFuture<'_, Result<Received, TransportError>> {
        let form = String::from_utf8_lossy(request.body()).into_owned();
        let names = ["code", "code_verifier", "client_secret"];
        let secrets: Vec<_> = parse(form.as_bytes())
            .filter(|(name, _)| names.contains(&&**name))
            .map(|(_, value)| value.into_owned())
            .collect();
        secrets.iter().for_each(|secret| self.0.secret(secret));
        let authorization = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let said = format!("{} {form} {}", secrets.join(" "), authorization.unwrap_or_default());
        let body = serde_json::json!({"error": said, "error_description": said, "error_uri": said});
        let mut response = Received::new(body.to_string().into_bytes());
        *response.status_mut() = axum::http::StatusCode::BAD_REQUEST;
        Box::pin(async move { Ok(response) })
    }
}

#[tokio::test]
async fn no_page_repeats_a_secret_that_the_provider_quotes() {
    let heard = Heard::default();
    let provider = Provider::oauth2("acme")
        .authorization_endpoint("https://acme.example/authorize")
        .token_endpoint("https://acme.example/token");
    let registration = Registration::new("me").secret(SECRET).redirect_uri(REDIRECT_URI);
    let client = Client::new(provider, registration, &Http::from(Echo(heard.clone()))).unwrap();
    let mut browser = Browser { site: site(client, &heard), cookies: Default::default() };
    for callback in [
        "code=marked-code&state={state}",
        "error={state}&error_description={state}+marked-code&code=marked-code&state={state}",
        "code=marked-code&code=marked-code&state={state}",
        "code=marked-code&state=marked-state",
    ] {
        let url = browser.get("/login").await.location();
        listen_to(&heard, &url, &["state"]);
        let state = parse(url.as_bytes()).find(|(name, _)| name == "state").unwrap().1.into_owned();
        let page = browser.get(&format!("/callback?{}", callback.replace("{state}", &state))).await;
        assert!(!page.status.is_success());
        heard.page(&page);
    }
    heard.secret("marked-code");
    heard.secret("marked-state");
    heard.assert_silent();
}

/// A provider that gives tokens and no profile.
struct WithoutProfile;

impl HttpClient for WithoutProfile {
    fn send(&self, request: Request, _: Limits) -> BoxFuture<'_, Result<Received, TransportError>> {
        let body =
            br#"{"access_token":"marked-access","refresh_token":"marked-refresh","token_type":"Bearer"}"#;
        let mut response = Received::new(body.to_vec());
        if request.uri().path() != "/token" {
            *response.status_mut() = axum::http::StatusCode::FORBIDDEN;
        }
        Box::pin(async move { Ok(response) })
    }
}

#[tokio::test]
async fn tokens_are_at_hand_where_the_identity_cannot_be_found_out_and_are_not_shown() {
    let heard = Heard::default();
    let provider = Provider::oauth2("acme")
        .authorization_endpoint("https://acme.example/authorize")
        .token_endpoint("https://acme.example/token")
        .userinfo_endpoint("https://acme.example/profile")
        .subject("/id");
    let registration = Registration::new("me").secret(SECRET).redirect_uri(REDIRECT_URI);
    let client = Client::new(provider, registration, &Http::from(WithoutProfile)).unwrap();
    let mut browser = Browser { site: site(client, &heard), cookies: Default::default() };
    let url = browser.get("/login").await.location();
    let state = parse(url.as_bytes()).find(|(name, _)| name == "state").unwrap().1.into_owned();
    let page = browser.get(&format!("/callback?code=marked-code&state={state}")).await;
    assert_eq!(page.status.as_u16(), 502, "{}", page.text);
    heard.page(&page);
    for secret in ["marked-access", "marked-refresh", "marked-code"] {
        heard.secret(secret);
    }
    heard.assert_silent();
    let tokens = heard.tokens.lock().unwrap().take().unwrap();
    assert_eq!(tokens.access_token().expose(), "marked-access");
    assert_eq!(tokens.refresh_token().unwrap().expose(), "marked-refresh");
}

#[test]
fn a_secret_that_is_too_short_for_a_key_is_not_repeated() {
    let error = KeyRing::new(b"marked-short").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("marked"), "{error}");
}
