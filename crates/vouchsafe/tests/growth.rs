//! What strangers send costs time by its length, not by the square of it. A binary of its own: nothing else runs beside it.
use std::cell::Cell;
use std::hint::black_box;
use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use vouchsafe::http::Response;
use vouchsafe::{Client, Provider, Registration, Tokens};

use crate::wire::{Wire, answer};

#[allow(dead_code)]
#[path = "it/wire.rs"]
mod wire;

const ISSUER: &str = "https://op.example";
const REDIRECT_URI: &str = "https://app.example/callback";
/// Without optimisation everything takes longer, so less of it is tried; sixteen times as much it is in both.
const SHORT: usize = LONG / 16;
const LONG: usize = if cfg!(debug_assertions) { 512 * 1024 } else { 1_000_000 };
/// Sixteen times the length takes sixteen times the time, and machines have other things to do.
const MOST: u32 = 64;
/// What is quoted in an error costs about as much as harmless text, escapes included.
const AS_HARMLESS: u32 = 12;
/// A worker of the application's runtime does nothing else meanwhile.
const AT_MOST: Duration = Duration::from_millis(if cfg!(debug_assertions) { 1500 } else { 50 });
/// What a clock can tell on a machine that has other things to do.
const TELLING: Duration = Duration::from_millis(3);
const TRIES: usize = 6;

/// What grows: characters that parsers and escapes begin with, the beginning of the secrets, and some that are harmless.
const PATTERNS: [&str; 12] = ["x", "&", "%", "\\", "+", "\"", "{", "[", "&#x", "%41", "1", "hush-hush-hush-"];

struct Bench {
    runtime: Runtime,
    complaints: Cell<Vec<String>>,
}

/// The time that this thread has worked. What else the machine does is not counted.
#[cfg(target_os = "linux")]
fn worked() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(not(target_os = "linux"))]
fn worked() -> Duration {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}

impl Bench {
    /// Times what is made of a text of a pattern, at two lengths. What is prepared does not count.
    fn grows<F: Future>(&self, place: &str, ask: impl Fn(String) -> F) {
        self.grows_by(&PATTERNS, place, u32::MAX, ask);
    }

    /// The same of a text that an error may quote: no pattern takes much longer than the first, which is harmless.
    fn is_quoted<F: Future>(&self, place: &str, ask: impl Fn(String) -> F) {
        self.grows_by(&PATTERNS, place, AS_HARMLESS, ask);
    }

    fn grows_by<F: Future>(&self, patterns: &[&str], place: &str, dearer: u32, ask: impl Fn(String) -> F) {
        let mut harmless = None;
        for pattern in patterns {
            let once = |length: usize| {
                let asked = ask(pattern.repeat(length / pattern.len()));
                let begin = worked();
                black_box(self.runtime.block_on(asked));
                worked() - begin
            };
            let (mut short, mut long) = (once(SHORT), once(LONG));
            let most = harmless.unwrap_or(AT_MOST).max(TELLING).saturating_mul(dearer).min(AT_MOST);
            let is_fine = |short: Duration, long: Duration| {
                long < most && (long < TELLING || long < short.max(TELLING / MOST) * MOST)
            };
            for _ in 0..TRIES {
                if is_fine(short, long) {
                    break;
                }
                // Once fast is fast: what took longer did something else.
                (short, long) = (short.min(once(SHORT)), long.min(once(LONG)));
            }
            harmless.get_or_insert(long);
            if !is_fine(short, long) {
                let mut complaints = self.complaints.take();
                complaints.push(format!("{place} of {pattern}: {short:?}, and {long:?} for the long one"));
                self.complaints.set(complaints);
            }
        }
    }
}

fn provider(more: &str) -> Provider {
    Provider::from_definition(format!(
        r#"
        slug = "acme"
        display_name = "Acme"
        kind = "oauth2"
        authorization_endpoint = "https://acme.example/authorize"
        token_endpoint = "https://acme.example/token"
        userinfo_endpoint = "https://acme.example/me"
        client_auth = "client_secret_post"
        documentation = "https://acme.example/docs"
        checked = "2026-11-23"
        {more}
        "#
    ))
    .unwrap()
}

fn client(provider: Provider, answer: Response) -> Client {
    let registration = Registration::new("me").secret("client-secret-1").redirect_uri(REDIRECT_URI);
    Client::new(provider, registration, &Wire::always(answer).http()).unwrap()
}

fn body(status: u16, body: &Value) -> Response {
    answer(status, "application/json", body.to_string())
}

/// Tokens as a store gives them back.
fn tokens(access: &str, refresh: &str) -> Tokens {
    let kept = json!({
        "v": 2, "token_type": "Bearer", "received_at": 1_800_000_000, "provider": "acme", "issuer": "https://acme.example", "client_id": "me",
        "access_token": access, "token_type": "Bearer", "refresh_token": refresh,
    });
    serde_json::from_value(kept).unwrap()
}

/// A token request that is answered so.
async fn exchange(answer: Response) -> bool {
    client(provider(""), answer).manual().authorization_code("code-1", REDIRECT_URI).await.is_ok()
}

/// UserInfo that is answered so, with tokens of which the text holds the beginning.
async fn identity(text: String, answer: Response) -> bool {
    let begin: String = text.chars().take(63).collect();
    let (access, refresh) = (format!("{begin}x"), format!("{begin}y"));
    let more = "identity.subject = [\"/sub\"]\nidentity.email = [\"/email\"]\nidentity.name = [\"/name\"]\nidentity.picture = [\"/picture\"]";
    let client = client(provider(more), answer);
    let refreshed = client.refresh(&tokens(&access, &refresh)).await.is_ok();
    client.identity(&tokens(&access, &refresh)).await.is_ok() || refreshed
}

async fn discovery(metadata: Value) -> bool {
    let wire = Wire::always(body(200, &metadata));
    Provider::discover(ISSUER, &wire.http()).await.is_ok()
}

/// Objects and lists with as many entries as fit into a text of that length.
fn many(text: &str) -> (Value, Value) {
    let entries: Vec<&str> = text.as_bytes().chunks(10).filter_map(|c| std::str::from_utf8(c).ok()).collect();
    let members = entries.iter().enumerate().map(|(i, entry)| (format!("{entry}{i}"), Value::from(*entry)));
    (Value::Object(members.collect()), json!(entries))
}

#[test]
fn work_grows_with_what_is_sent_and_not_with_its_square() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let profile = json!({"sub": "alice"});
    assert!(runtime.block_on(identity("x".into(), body(200, &profile))), "these tokens are asked with");
    let bench = Bench { runtime, complaints: Cell::default() };

    // Errors in words, and what they quote.
    bench.is_quoted("error", |text| exchange(body(400, &json!({ "error": text }))));
    bench.is_quoted("error_description", |text| {
        exchange(body(400, &json!({"error": "invalid_grant", "error_description": text})))
    });
    bench.is_quoted("error_uri", |text| {
        let uri = format!("https://acme.example/{text}");
        exchange(body(400, &json!({"error": "invalid_grant", "error_uri": uri})))
    });
    bench.is_quoted("an error as an object", |text| {
        exchange(body(400, &json!({"error": {"message": text, "code": text}})))
    });
    bench.is_quoted("an error that begins like secrets", |text| {
        let said = json!({"error": text, "error_description": text, "error_uri": format!("https://a.example/{text}")});
        identity(text, body(400, &said))
    });
    bench.grows("a long secret", |text| {
        let client = client(provider(""), body(400, &json!({"error": "invalid_request"})));
        let (long, other) = (tokens(&format!("{text}x"), "short"), tokens("short", &format!("{text}y")));
        async move { (client.profile(&long).await.is_ok(), client.refresh(&other).await.is_ok()) }
    });

    // Bodies and headers as they are.
    bench.grows("the body of a refusal", |text| exchange(answer(400, "application/json", text)));
    bench.grows("a body", |text| exchange(answer(200, "application/json", text)));
    bench.grows("a body in a list", |text| exchange(answer(200, "application/json", format!("[{text}"))));
    for name in [CONTENT_TYPE, WWW_AUTHENTICATE, RETRY_AFTER] {
        bench.grows(name.as_str(), |text| {
            let mut answer = answer(401, "text/plain", "");
            let quoted = if name == WWW_AUTHENTICATE { format!("Bearer error=\"{text}\"") } else { text };
            answer.headers_mut().insert(&name, quoted.parse().unwrap());
            let client = client(provider(""), answer);
            async move { client.profile(&tokens("at", "rt")).await.is_ok() }
        });
    }
    bench.grows("a content type", |text| exchange(answer(200, &text, "{}")));
    bench.grows_by(&["x"], "a challenge", u32::MAX, |text| {
        let mut answer = answer(401, "text/plain", "");
        let names = format!("Bearer {}", "error ".repeat(text.len() / 6));
        answer.headers_mut().insert(WWW_AUTHENTICATE, names.parse().unwrap());
        exchange(answer)
    });
    bench.grows("a form", |text| {
        let client =
            client(provider("token.form_response = true"), answer(200, "text/plain", format!("a={text}")));
        async move { client.manual().authorization_code("code-1", REDIRECT_URI).await.is_ok() }
    });
    bench.grows_by(&["x"], "a form of many", u32::MAX, |text| {
        let pairs: String = (0..text.len() / 12).map(|i| format!("{i:010}=&")).collect();
        let client = client(
            provider("token.form_response = true"),
            answer(200, "text/plain", pairs + "access_token=a"),
        );
        async move { client.manual().authorization_code("code-1", REDIRECT_URI).await.is_ok() }
    });

    // The members of a token answer.
    for name in ["access_token", "token_type", "scope", "expires_in", "refresh_token", "more"] {
        bench.grows(name, |text| {
            let mut answer = json!({"access_token": "at", "token_type": "Bearer"});
            answer[name] = text.into();
            exchange(body(200, &answer))
        });
    }
    bench.grows_by(&["x"], "a number", u32::MAX, |text| {
        let digits = format!("{}.{}e{}", text.len(), "7".repeat(text.len()), 5);
        exchange(answer(
            200,
            "application/json",
            format!("{{\"access_token\":\"at\",\"expires_in\":{digits}}}"),
        ))
    });
    bench.grows_by(&["x"], "many members", u32::MAX, |text| {
        let (object, list) = many(&text);
        exchange(body(200, &json!({"access_token": "at", "more": object, "scope": list})))
    });

    // Profiles and metadata.
    bench.grows("a profile", |text| {
        let profile =
            json!({"sub": text, "name": text, "email": format!("{text}@a.example"), "picture": text});
        identity(text, body(200, &profile))
    });
    for name in ["issuer", "authorization_endpoint", "end_session_endpoint"] {
        bench.grows(name, |text| {
            let mut metadata =
                json!({"issuer": ISSUER, "authorization_endpoint": ISSUER, "token_endpoint": ISSUER});
            metadata[name] = format!("{ISSUER}/{text}").into();
            discovery(metadata)
        });
    }
    bench.grows("a host", |text| {
        let url = format!("https://xn--{text}.example/");
        discovery(json!({"issuer": ISSUER, "authorization_endpoint": url, "token_endpoint": ISSUER}))
    });
    bench.grows_by(&["x"], "a list in the metadata", u32::MAX, |text| {
        let (object, list) = many(&text);
        discovery(json!({"issuer": ISSUER, "authorization_endpoint": ISSUER, "token_endpoint": ISSUER, "scopes_supported": list,
            "token_endpoint_auth_methods_supported": list, "more": object}))
    });

    // What comes by the browser, or from a tenant.
    bench.grows("a response", |text| {
        let client = client(provider(""), Response::default());
        async move {
            let login = client.login().await.unwrap();
            let escaped: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
            let place = login.pending.redirect_uri().to_owned();
            let matches = login.pending.matches(format!("{place}?state={escaped}&{escaped}"));
            let outcome = client.finish(login.pending, format!("{place}?state=x&error={escaped}")).await;
            // Elsewhere it would be nobody's before anything of it is read.
            assert_ne!(outcome.as_ref().err().map(vouchsafe::Error::code), Some("response_url"));
            (matches, outcome.is_ok())
        }
    });
    bench.grows("a definition", |text| async move { Provider::from_definition(text).is_ok() });
    bench.grows("a definition that is nearly one", |text| async move {
        let line = format!("slug = \"acme\"\ndisplay_name = {}\n", Value::from(text.clone()));
        Provider::from_definition(line).is_ok()
            || Provider::from_definition(format!("slug = '{text}'")).is_ok()
    });
    bench.grows("text that is shown", |text| async move { vouchsafe::legible(&text) });

    let complaints = bench.complaints.take();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
