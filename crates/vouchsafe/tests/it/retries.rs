//! Trying again: what only reads, as often and as late as is decent. What spends something, never.
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use vouchsafe::error::HttpErrorKind;
use vouchsafe::http::{BoxFuture, HttpClient, Limits, Request, Response, Runtime, TransportError};
use vouchsafe::{Client, Error, Http, Provider};

use crate::scenario::{Held, ISSUER, REDIRECT_URI, acme, web};
use crate::wire::{Wire, answer};

type Answer = Result<Response, TransportError>;

/// A client that has the time: it notes how long it would have waited, and what each try was granted.
#[derive(Clone)]
struct Patient {
    wire: Wire,
    waited: Arc<Mutex<Vec<Duration>>>,
    granted: Arc<Mutex<Vec<Duration>>>,
}

impl Patient {
    /// Answers with these, one after the other, and with the last from then on.
    fn with(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers: Mutex<Vec<Answer>> = Mutex::new(answers.into_iter().collect());
        let wire = Wire::that_may_fail(move |_| {
            let mut answers = answers.lock().unwrap();
            if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() }
        });
        Self { wire, waited: Arc::default(), granted: Arc::default() }
    }

    fn http(&self) -> Http {
        Http::from(self.clone()).runtime(self.clone())
    }

    fn client(&self) -> Client {
        Client::new(acme(), web(), &self.http()).unwrap()
    }

    fn waits(&self) -> Vec<Duration> {
        self.waited.lock().unwrap().clone()
    }
}

impl HttpClient for Patient {
    fn send(&self, request: Request, limits: Limits) -> BoxFuture<'_, Answer> {
        self.granted.lock().unwrap().push(limits.timeout);
        self.wire.send(request, limits)
    }
}

impl Runtime for Patient {
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        let waited = self.waited.clone();
        Box::pin(async move { waited.lock().unwrap().push(time) })
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> Result<(), BoxFuture<'static, ()>> {
        Err(task)
    }
}

fn busy(status: u16, retry_after: &str) -> Answer {
    let mut response = answer(status, "text/plain", "later");
    if !retry_after.is_empty() {
        response.headers_mut().insert("retry-after", retry_after.parse().unwrap());
    }
    Ok(response)
}

fn profile() -> Answer {
    Ok(crate::wire::json(200, json!({"id": 7})))
}

async fn ask(client: &Client) -> Result<String, Error> {
    let tokens = client.held(json!({"access_token": "at"}));
    client.profile(&tokens).await.map(|profile| profile.to_string())
}

#[tokio::test]
async fn a_busy_provider_is_asked_again_when_it_says() {
    for status in [429, 503] {
        let patient = Patient::with([busy(status, "7"), profile()]);
        assert_eq!(ask(&patient.client()).await.unwrap(), r#"{"id":7}"#);
        let [wait] = patient.waits()[..] else { panic!("{:?}", patient.waits()) };
        assert!(
            (7.0..=8.0).contains(&wait.as_secs_f64()),
            "not sooner than asked, and not much later: {wait:?}"
        );
        let [first, second] = &patient.wire.seen()[..] else { panic!("two requests") };
        assert_eq!((first.uri(), first.headers()), (second.uri(), second.headers()));
    }
}

#[tokio::test]
async fn a_date_is_a_time_as_well() {
    let patient = Patient::with([busy(503, "Sun, 06 Nov 1994 08:49:37 GMT"), profile()]);
    ask(&patient.client()).await.unwrap();
    assert!(patient.waits()[0] <= Duration::from_millis(250), "the time has come: {:?}", patient.waits());
    let patient = Patient::with([busy(503, "Tue, 31 Dec 2199 23:59:59 GMT"), profile()]);
    let error = ask(&patient.client()).await.unwrap_err();
    assert!(error.retry_after() > Some(Duration::from_secs(86_400)) && patient.waits().is_empty());
}

#[tokio::test]
async fn tries_are_counted() {
    let patient = Patient::with([busy(503, "")]);
    let error = ask(&patient.client()).await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("http_status", Some(503)));
    assert_eq!((patient.wire.seen().len(), patient.waits().len()), (3, 2));
    assert!(patient.waits().iter().all(|wait| *wait <= Duration::from_millis(500)), "{:?}", patient.waits());

    for (retries, requests) in [(0, 1), (1, 2), (5, 6)] {
        let patient = Patient::with([busy(429, "0")]);
        let client = Client::new(acme(), web(), &patient.http().retries(retries)).unwrap();
        ask(&client).await.unwrap_err();
        assert_eq!(patient.wire.seen().len(), requests);
    }
}

#[tokio::test]
async fn all_tries_together_have_the_time_of_one_exchange() {
    // Twice 12 seconds fit into 30, three times would not; with the last answer comes what it asks for.
    for retries in [2, 9] {
        let patient = Patient::with([busy(503, "12")]);
        let client = Client::new(acme(), web(), &patient.http().retries(retries)).unwrap();
        let error = ask(&client).await.unwrap_err();
        assert_eq!(patient.waits().len(), 2, "{:?}", patient.waits());
        assert_eq!(error.retry_after(), Some(Duration::from_secs(12)));
        let granted = patient.granted.lock().unwrap().clone();
        assert_eq!(granted[0], Duration::from_secs(30));
        assert!(granted[1] <= Duration::from_secs(18) && granted[2] <= Duration::from_secs(6), "{granted:?}");
    }
}

#[tokio::test]
async fn a_provider_that_asks_for_too_long_is_left_alone_at_once() {
    for asked in ["30", "120", "99999999999999999999"] {
        let patient = Patient::with([busy(503, asked)]);
        let error = ask(&patient.client()).await.unwrap_err();
        assert_eq!((patient.wire.seen().len(), patient.waits().len()), (1, 0), "{asked}");
        assert!(error.is_retryable());
        assert!(error.retry_after() >= Some(Duration::from_secs(30)), "{asked}");
    }
    let error = ask(&Patient::with([busy(503, "120")]).client()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "fetching the profile failed: https://acme.example returned HTTP status 503; try again after 120 seconds"
    );
}

#[tokio::test]
async fn no_connection_is_tried_again_and_no_other_failure() {
    for (kind, requests) in [
        (HttpErrorKind::Connect, 3),
        (HttpErrorKind::Timeout, 1),
        (HttpErrorKind::Tls, 1),
        (HttpErrorKind::Interrupted, 1),
        (HttpErrorKind::BodyTooLarge, 1),
    ] {
        let patient = Patient::with([Err(TransportError::new(kind))]);
        assert_eq!(ask(&patient.client()).await.unwrap_err().code(), kind.as_str());
        assert_eq!(patient.wire.seen().len(), requests, "{kind:?}");
    }
    let patient = Patient::with([Err(TransportError::address_refused())]);
    assert_eq!(ask(&patient.client()).await.unwrap_err().code(), "address_refused");
    assert_eq!(patient.wire.seen().len(), 1);
    for status in [400, 401, 404, 408, 500, 502, 504] {
        let patient = Patient::with([busy(status, "0")]);
        ask(&patient.client()).await.unwrap_err();
        assert_eq!(patient.wire.seen().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn what_spends_something_is_sent_once() {
    // RFC 6749 section 4.1.2: a code is used once, and a second use may revoke what the first one gave.
    let refused = || Err(TransportError::new(HttpErrorKind::Connect));
    for answer in [busy(429, "0"), busy(503, "0"), refused()] {
        let patient = Patient::with([answer]);
        let client = patient.client();
        let tokens = client.held(json!({"access_token": "at", "refresh_token": "rt"}));
        let error = client.manual().authorization_code("c", REDIRECT_URI).await.unwrap_err();
        assert!(!error.is_retryable(), "{error}");
        assert!(client.refresh(&tokens).await.unwrap_err().is_retryable());
        client.revoke(&tokens).await.unwrap_err();
        assert_eq!((patient.wire.seen().len(), patient.waits().len()), (3, 0));
    }
}

#[tokio::test]
async fn what_spends_something_by_get_is_sent_once_as_well() {
    let patient = Patient::with([busy(503, "0")]);
    let client = Client::new(Provider::named("instagram").unwrap(), web(), &patient.http()).unwrap();
    let tokens = client.held(json!({"access_token": "at"}));
    client.long_lived_token(&tokens).await.unwrap_err();
    client.refresh(&tokens).await.unwrap_err();
    let methods: Vec<_> = patient.wire.seen().iter().map(|request| request.method().to_string()).collect();
    assert_eq!(methods, ["GET", "GET"]);
}

#[tokio::test]
async fn a_profile_that_is_posted_for_is_asked_for_once() {
    // Only what is a GET is sure to change nothing (RFC 9110 section 9.2.1).
    let patient = Patient::with([busy(503, "0")]);
    let client = Client::new(Provider::named("dropbox").unwrap(), web(), &patient.http()).unwrap();
    ask(&client).await.unwrap_err();
    assert_eq!(patient.wire.seen()[0].method(), "POST");
    assert_eq!(patient.wire.seen().len(), 1);
}

#[tokio::test]
async fn metadata_and_keys_are_tried_again() {
    let patient = Patient::with([busy(503, "0")]);
    let client = Client::new(Provider::openid(ISSUER), web(), &patient.http()).unwrap();
    assert_eq!(client.login().await.unwrap_err().status(), Some(503));
    assert_eq!(patient.wire.seen().len(), 3);
    // Whoever is asked too often says nothing of whether the document is there: the other place is not asked.
    let patient = Patient::with([busy(429, "60")]);
    let client = Client::new(Provider::openid(ISSUER), web(), &patient.http()).unwrap();
    let error = client.login().await.unwrap_err();
    assert_eq!((error.status(), error.retry_after()), (Some(429), Some(Duration::from_secs(60))));
    assert_eq!(patient.wire.seen().len(), 1);
}

#[tokio::test]
async fn an_error_in_words_says_when_to_come_back_as_well() {
    let mut response = answer(429, "application/json", r#"{"error": "slow_down"}"#);
    response.headers_mut().insert("retry-after", "1".parse().unwrap());
    let client = Client::new(acme(), web(), &Wire::always(response).http()).unwrap();
    let error = client.manual().refresh("rt").await.unwrap_err();
    assert!(matches!(error, Error::Server(_)) && error.is_retryable());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
    assert!(error.to_string().ends_with("; try again after 1 second"), "{error}");
}

#[tokio::test]
async fn a_client_without_a_clock_does_not_try_again() {
    let wire = Wire::always(busy(503, "0").unwrap());
    let client = Client::new(acme(), web(), &wire.http()).unwrap();
    let error = ask(&client).await.unwrap_err();
    assert_eq!((wire.seen().len(), error.retry_after()), (1, Some(Duration::ZERO)));
}

#[cfg(feature = "transport")]
#[tokio::test]
async fn the_built_in_transport_has_the_time() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/me", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let busy = "HTTP/1.1 503 Busy\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let good = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n{\"id\":7}";
        for words in [busy, good] {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
            stream.write_all(words.as_bytes()).await.unwrap();
        }
    });
    let http = Http::builder().no_proxy().build().unwrap();
    let client = Client::new(acme().userinfo_endpoint(url), web(), &http).unwrap();
    assert_eq!(ask(&client).await.unwrap(), r#"{"id":7}"#);
    server.await.unwrap();

    // No retry at all where none is wanted: a port that nobody listens on is given up at once.
    let http = Http::builder().no_proxy().build().unwrap().retries(0);
    let client = Client::new(acme().userinfo_endpoint("http://127.0.0.1:1/me"), web(), &http).unwrap();
    assert_eq!(ask(&client).await.unwrap_err().code(), "connect");
}
