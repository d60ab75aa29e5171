//! Many at once: what is fetched for all is fetched once, whoever hangs up and whoever makes up tokens.
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::task::{JoinSet, yield_now};
use vouchsafe::error::Operation;
use vouchsafe::http::{BoxFuture, HttpClient, Limits, Request, Response, TransportError};
use vouchsafe::{Client, Error, Http, Provider, Tokens};

use crate::forge;
use crate::scenario::{ACCESS_TOKEN, CLIENT_ID, Held, ISSUER, REDIRECT_URI, SUBJECT, arrived, now, web};
use crate::wire::{self, field, param};

const OPENID: &str = "/.well-known/openid-configuration";
const KEYS: &str = "/jwks";
const PATIENCE: usize = 200_000;

/// A provider where many sign in at once. It may take its time at one endpoint, and it may replace its keys.
#[derive(Clone)]
struct Busy {
    state: Arc<State>,
    /// Whether what is fetched goes on in the background.
    background: bool,
}

#[derive(Default)]
struct State {
    seen: Mutex<Vec<String>>,
    /// Where answers do not leave yet.
    closed: Mutex<Option<&'static str>>,
    rotated: AtomicBool,
}

impl Busy {
    fn new(background: bool) -> Self {
        Self { state: Arc::default(), background }
    }

    fn client(&self) -> Client {
        Client::new(Provider::openid(ISSUER), web(), &Http::from(self.clone())).unwrap()
    }

    fn close(&self, path: &'static str) {
        *self.state.closed.lock().unwrap() = Some(path);
    }

    fn open(&self) {
        *self.state.closed.lock().unwrap() = None;
    }

    fn rotate(&self) {
        self.state.rotated.store(true, Relaxed);
    }

    fn asked(&self, path: &str) -> usize {
        self.state.seen.lock().unwrap().iter().filter(|seen| *seen == path).count()
    }

    /// The key that signs at this moment.
    fn key(&self) -> &'static str {
        if self.state.rotated.load(Relaxed) { "stranger" } else { "rsa" }
    }

    fn answer(&self, request: &Request) -> Response {
        let url = |path: &str| format!("{ISSUER}/{path}");
        let body = match request.uri().path() {
            OPENID => json!({
                "issuer": ISSUER, "authorization_endpoint": url("authorize"), "token_endpoint": url("token"),
                "jwks_uri": url("jwks"), "userinfo_endpoint": url("userinfo"),
            }),
            KEYS => json!({"keys": [forge::jwk(self.key())]}),
            // The code is the nonce: so each of many logins gets its own ID token.
            "/token" => json!({
                "access_token": ACCESS_TOKEN, "token_type": "Bearer",
                "id_token": self.jwt(self.key(), field(request, "code")),
            }),
            "/userinfo" => {
                let jwt = self.jwt(self.key(), None);
                return wire::answer(200, "application/jwt", jwt);
            }
            path => panic!("{path} was asked"),
        };
        wire::json(200, body)
    }

    fn jwt(&self, kid: &str, nonce: Option<String>) -> String {
        let claims = json!({
            "iss": ISSUER, "sub": SUBJECT, "aud": CLIENT_ID, "iat": now(), "exp": now() + 300, "nonce": nonce,
        });
        forge::jwt("RS256", self.key(), &json!({"alg": "RS256", "kid": kid}), &claims.to_string())
    }

    /// Waits until so many requests have come there, and all that can move has moved.
    async fn settle(&self, path: &str, requests: usize) {
        while self.asked(path) < requests {
            yield_now().await;
        }
        for _ in 0..50 {
            yield_now().await;
        }
    }
}

impl HttpClient for Busy {
    fn send(&self, request: Request, _: Limits) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            let path = request.uri().path().to_owned();
            self.state.seen.lock().unwrap().push(path.clone());
            // What is on its way was written before.
            let response = self.answer(&request);
            yield_now().await;
            // Without an end, what should give up and does not would wait here for ever.
            for _ in 0..PATIENCE {
                if self.state.closed.lock().unwrap().is_none_or(|closed| closed != path) {
                    return Ok(response);
                }
                yield_now().await;
            }
            panic!("{path} was never opened")
        })
    }

    fn wait(&self, _: Duration) -> Option<BoxFuture<'_, ()>> {
        Some(Box::pin(async {
            for _ in 0..50 {
                yield_now().await;
            }
        }))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> Result<(), BoxFuture<'static, ()>> {
        if !self.background {
            return Err(task);
        }
        drop(tokio::spawn(task));
        Ok(())
    }
}

async fn log_in(client: Client) -> Result<Tokens, Error> {
    let login = client.login().await?;
    let (state, nonce) = (param(&login.url, "state").unwrap(), param(&login.url, "nonce").unwrap());
    client.finish(login.pending, arrived(&format!("code={nonce}&state={state}"))).await
}

/// Hands in a JWT by a key that there is not.
async fn forge_one(busy: Busy, client: Client, kid: usize) -> String {
    let jwt = busy.jwt(&format!("made-up-{kid}"), None);
    client.manual().verify_jwt(&jwt, None).await.unwrap_err().code().to_owned()
}

/// Fifty people sign in, and each fifth of them hangs up in the middle.
async fn fifty(
    busy: &Busy,
    client: &Client,
    path: &'static str,
    requests: usize,
) -> JoinSet<Result<Tokens, Error>> {
    let mut logins = JoinSet::new();
    let hung_up: Vec<_> = (0..50)
        .filter_map(|number| {
            let login = logins.spawn(log_in(client.clone()));
            (number % 5 == 0).then_some(login)
        })
        .collect();
    busy.settle(path, requests).await;
    hung_up.iter().for_each(tokio::task::AbortHandle::abort);
    logins
}

async fn assert_forty_signed_in(mut logins: JoinSet<Result<Tokens, Error>>) {
    let mut signed_in = 0;
    while let Some(login) = logins.join_next().await {
        match login {
            Ok(tokens) => {
                tokens.unwrap();
                signed_in += 1;
            }
            Err(error) => assert!(error.is_cancelled(), "{error}"),
        }
    }
    assert_eq!(signed_in, 40);
}

#[tokio::test]
async fn a_rotation_under_load_refuses_nobody_and_costs_one_fetch() {
    for background in [true, false] {
        let busy = Busy::new(background);
        let client = busy.client();
        log_in(client.clone()).await.unwrap();
        busy.rotate();
        busy.close(KEYS);
        // The first to ask for newer keys is a stranger, who hangs up at once, and again and again.
        for kid in 0..5 {
            let forger = tokio::spawn(forge_one(busy.clone(), client.clone(), kid));
            busy.settle(KEYS, 2).await;
            forger.abort();
            assert!(forger.await.unwrap_err().is_cancelled());
        }
        let logins = fifty(&busy, &client, "/token", 51).await;
        busy.open();
        assert_forty_signed_in(logins).await;
        assert_eq!(busy.asked(KEYS), 2, "the first, and one for all");
        assert_eq!(busy.asked(OPENID), 1);
    }
}

#[tokio::test]
async fn a_rotation_during_a_slow_fetch_refuses_nobody_either() {
    for background in [true, false] {
        let busy = Busy::new(background);
        let client = busy.client();
        log_in(client.clone()).await.unwrap();
        busy.close(KEYS);
        let forgers: Vec<_> =
            (0..10).map(|kid| tokio::spawn(forge_one(busy.clone(), client.clone(), kid))).collect();
        busy.settle(KEYS, 2).await;
        // What the strangers wait for was written before.
        busy.rotate();
        let logins = fifty(&busy, &client, "/token", 51).await;
        busy.open();
        assert_forty_signed_in(logins).await;
        for forger in forgers {
            assert_eq!(forger.await.unwrap(), "unknown_key");
        }
        assert_eq!(
            busy.asked(KEYS),
            3,
            "the first, the strangers', and one more for all who had joined that"
        );
    }
}

#[tokio::test]
async fn a_stranger_does_not_use_up_what_logins_need() {
    for by_id_token in [false, true] {
        let busy = Busy::new(false);
        let client = busy.client();
        log_in(client.clone()).await.unwrap();
        for kid in 0..5 {
            let code = if by_id_token {
                let jwt = busy.jwt(&format!("made-up-{kid}"), None);
                client.manual().verify_id_token(&jwt, None).await.unwrap_err().code().to_owned()
            } else {
                forge_one(busy.clone(), client.clone(), kid).await
            };
            assert_eq!(code, "unknown_key");
        }
        assert_eq!(busy.asked(KEYS), 2);
        busy.rotate();
        log_in(client.clone()).await.unwrap();
        assert_eq!(busy.asked(KEYS), 3);
        // Nor the other way round: who hands in JWTs may need newer keys as well, and once more is all there is.
        assert_eq!(forge_one(busy.clone(), client.clone(), 5).await, "unknown_key");
        assert_eq!(busy.asked(KEYS), 3);
    }
}

#[tokio::test]
async fn signed_userinfo_is_the_providers_own() {
    let busy = Busy::new(false);
    let client = busy.client();
    let tokens = log_in(client.clone()).await.unwrap();
    assert_eq!(forge_one(busy.clone(), client.clone(), 0).await, "unknown_key");
    busy.rotate();
    assert_eq!(client.profile(&tokens).await.unwrap()["sub"].as_str(), Some(SUBJECT));
    assert_eq!(busy.asked(KEYS), 3);
}

#[tokio::test]
async fn an_access_token_that_is_handed_in_is_a_strangers() {
    // Where the access token is a JWT that tells the profile.
    let definition = r#"
        slug = "own"
        display_name = "Own"
        documentation = "https://op.example"
        checked = "2026-11-26"
        kind = "openid"
        issuer = "https://op.example"
        scopes = ["openid"]
        [userinfo]
        source = "access_token"
        [identity]
        subject = ["/sub"]
    "#;
    let busy = Busy::new(false);
    let provider = Provider::from_definition(definition).unwrap();
    let client = Client::new(provider, web(), &Http::from(busy.clone())).unwrap();
    log_in(client.clone()).await.unwrap();
    for kid in 0..5 {
        let jwt = busy.jwt(&format!("made-up-{kid}"), None);
        assert_eq!(client.manual().profile(&jwt).await.unwrap_err().code(), "unknown_key");
    }
    assert_eq!(busy.asked(KEYS), 2);
    busy.rotate();
    let jwt = busy.jwt("stranger", None);
    assert_eq!(client.manual().profile(&jwt).await.unwrap_err().code(), "unknown_key");
    let tokens = client.held(json!({"access_token": jwt, "token_type": "Bearer"}));
    assert_eq!(client.profile(&tokens).await.unwrap()["sub"].as_str(), Some(SUBJECT));
    assert_eq!(busy.asked(KEYS), 3);
}

#[tokio::test]
async fn a_first_discovery_under_load_costs_one_request() {
    for background in [true, false] {
        let busy = Busy::new(background);
        let client = busy.client();
        busy.close(OPENID);
        // Whoever begins it hangs up, and whoever goes on with it.
        for _ in 0..5 {
            let login = tokio::spawn(log_in(client.clone()));
            busy.settle(OPENID, 1).await;
            login.abort();
            assert!(login.await.unwrap_err().is_cancelled());
        }
        let logins = fifty(&busy, &client, OPENID, 1).await;
        busy.open();
        assert_forty_signed_in(logins).await;
        assert_eq!((busy.asked(OPENID), busy.asked(KEYS)), (1, 1));
    }
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_there_for_the_next() {
    let busy = Busy::new(true);
    let client = busy.client();
    busy.close(OPENID);
    let login = tokio::spawn(log_in(client.clone()));
    busy.settle(OPENID, 1).await;
    login.abort();
    busy.open();
    busy.settle(OPENID, 1).await;
    // Known already: no time is needed for it.
    let metadata = client.call_timeout(Duration::ZERO).metadata().await.unwrap();
    assert_eq!(metadata.unwrap()["issuer"].as_str(), Some(ISSUER));
    assert_eq!(busy.asked(OPENID), 1);
}

#[tokio::test]
async fn a_call_waits_no_longer_than_it_has_time_and_leaves_the_fetch_to_others() {
    for background in [true, false] {
        let busy = Busy::new(background);
        let client = busy.client();
        let hasty = client.clone().call_timeout(Duration::from_secs(5));
        busy.close(OPENID);
        let error = hasty.login().await.unwrap_err();
        assert_eq!((error.code(), error.operation()), ("timeout", Operation::Discovery));
        assert!(error.to_string().contains("https://op.example"), "{error}");
        let jwt = busy.jwt("rsa", None);
        for error in [
            hasty.metadata().await.unwrap_err(),
            hasty.manual().authorization_url(REDIRECT_URI).await.unwrap_err(),
            hasty.manual().verify_jwt(&jwt, None).await.unwrap_err(),
            hasty.manual().verify_id_token(&jwt, None).await.unwrap_err(),
        ] {
            assert_eq!((error.code(), error.operation()), ("timeout", Operation::Discovery));
        }
        busy.open();
        drop(hasty.login().await.unwrap());
        assert_eq!(busy.asked(OPENID), 1);

        busy.close(KEYS);
        let error = log_in(hasty.clone()).await.unwrap_err();
        assert_eq!((error.code(), error.operation()), ("timeout", Operation::KeySet));
        busy.open();
        log_in(hasty.clone()).await.unwrap();
        assert_eq!(busy.asked(KEYS), 1);

        busy.rotate();
        busy.close(KEYS);
        let error = log_in(hasty.clone()).await.unwrap_err();
        assert_eq!((error.code(), error.operation()), ("timeout", Operation::KeySet));
        busy.open();
        log_in(hasty).await.unwrap();
        assert_eq!(busy.asked(KEYS), 2);
    }
}

#[cfg(feature = "reqwest")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_at_the_sandbox_refuses_nobody() {
    use vouchsafe::Registration;
    use vouchsafe_sandbox::Sandbox;

    let sandbox = Arc::new(Sandbox::start().await.unwrap());
    let registration = Registration::new(sandbox.client_id())
        .secret(sandbox.client_secret())
        .redirect_uri("http://127.0.0.1:9/callback");
    let client =
        Client::new(Provider::openid(sandbox.issuer()), registration, &Http::new().unwrap()).unwrap();
    let log_in = async |sandbox: &Sandbox, client: &Client| {
        let login = client.login().await?;
        let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
        client.finish(login.pending, &callback).await
    };
    log_in(&sandbox, &client).await.unwrap();
    sandbox.rotate_keys().await.unwrap();

    let forged = Busy::new(true).jwt("made-up", None);
    let (mut forgers, mut logins) = (JoinSet::new(), JoinSet::new());
    for number in 0..20 {
        let (client, forged) = (client.clone(), forged.clone());
        let forger = forgers.spawn(async move { client.manual().verify_jwt(&forged, None).await.is_ok() });
        if number % 2 == 0 {
            yield_now().await;
            forger.abort();
        }
    }
    for _ in 0..20 {
        let (sandbox, client) = (sandbox.clone(), client.clone());
        logins.spawn(async move { log_in(&sandbox, &client).await.map(|_| ()) });
    }
    for login in logins.join_all().await {
        login.unwrap();
    }
    while let Some(forger) = forgers.join_next().await {
        assert!(!forger.unwrap_or_default());
    }
    let fetches = sandbox.requests_to(KEYS).len();
    assert!((2..=5).contains(&fetches), "{fetches}: the first, and two for each kind of asker");
}
