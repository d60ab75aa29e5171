//! A browser that comes back to an axum application. First line: the method, and the content type of what is posted; or
//! `AT` and the path that the browser came to; or `LOGIN`, `HEAD` or `AHEAD`, where nobody comes back. Second line: `Cookie`. Third line: what is sealed into one more cookie, as only the application can. Behind it the
//! query, or the form.
#![no_main]

use axum::body::{Body, to_bytes};
use axum::routing::get;
use axum::{Router, http::Request};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;
use vouchsafe::seal::KeyRing;
use vouchsafe_axum::{LoggedIn, Logins, StartLogin};
use vouchsafe_fuzz::{ENDPOINTS, STATE, client_of, line, provider_answers, timed, words};

const SECRET: [u8; 32] = [7; 32];
/// The first of the names that this secret gives.
const NAME: &str = "__Host-vouchsafe-login-01b585a5c35a-0";

fuzz_target!(|input: &[u8]| timed(input, run));

thread_local! {
    /// The framework's: a posted form has a time limit.
    static RUNTIME: Runtime = Builder::new_current_thread().enable_time().build().unwrap();
    static KEYS: KeyRing = KeyRing::new(&SECRET).unwrap();
    static SITE: Router = {
        let client = client_of(&format!("{ENDPOINTS}[identity]\nsubject = [\"/id\"]"));
        let logins = Logins::new(client, KEYS.with(KeyRing::clone));
        let callback = |user: LoggedIn| async move { format!("{} {}", user.identity.subject(), user.return_to) };
        Router::new()
            .route("/login", get(|login: StartLogin| async { login.await }))
            .route("/{*path}", get(callback).post(callback))
            .layer(logins)
    };
}

fn wait<F: Future>(future: F) -> F::Output {
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// Seals as the application does.
fn seal(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    KEYS.with(|keys| keys.seal("vouchsafe-axum login cookie", NAME, &text)).unwrap()
}

fn run(input: &[u8]) {
    let (words, rest) = words(input);
    let (cookies, rest) = line(rest);
    let (sealed, form) = line(rest);
    provider_answers(|request| {
        let is_token = request.uri().path() == "/token";
        let body: &[u8] =
            if is_token { br#"{"access_token":"a","token_type":"Bearer"}"# } else { br#"{"id": 7}"# };
        http::Response::new(body.to_vec())
    });
    let mut cookies = cookies.to_vec();
    if !sealed.is_empty() {
        cookies.extend_from_slice(format!("; {NAME}={}", seal(sealed)).as_bytes());
    }
    let query = String::from_utf8_lossy(form);
    let query: String = query.chars().filter(char::is_ascii_graphic).take_while(|c| *c != '#').collect();
    let came = if words[0] == "POST" { form } else { query.as_bytes() };
    let request = match words[0] {
        "POST" => {
            Request::post("/callback").header("content-type", words.get(1).copied().unwrap_or_default())
        }
        "LOGIN" => Request::get("/login"),
        "AT" => Request::get(format!("{}?{query}", words.get(1).copied().unwrap_or("/"))),
        "HEAD" => Request::head(format!("/callback?{query}")),
        "AHEAD" => Request::get(format!("/callback?{query}")).header("sec-purpose", "prefetch"),
        _ => Request::get(format!("/callback?{query}")),
    };
    let body = if words[0] == "POST" { Body::from(form.to_vec()) } else { Body::empty() };
    let Ok(request) = request.header("cookie", cookies).body(body) else { return };
    let path = request.uri().path().to_owned();
    let response = wait(SITE.with(Router::clone).oneshot(request)).unwrap();

    let (parts, body) = response.into_parts();
    let body = wait(to_bytes(body, usize::MAX)).unwrap();
    let page = std::str::from_utf8(&body).unwrap();
    for set in parts.headers.get_all("set-cookie") {
        let set = set.to_str().unwrap();
        let (name, attributes) = set.split_once('=').unwrap();
        assert!(name.starts_with("__Host-vouchsafe-login-") || name.starts_with("vouchsafe-login-"), "{set}");
        assert!(set.split(';').next().unwrap().len() <= 1536, "{set}");
        assert!(!["HEAD", "AHEAD"].contains(&words[0]), "nobody came: {set}");
        assert_eq!(attributes.matches("; ").count(), 5 - usize::from(!name.starts_with("__Host-")), "{set}");
    }
    match parts.status.as_u16() {
        // Somebody is signed in only by a login that was sealed here, and whose state came back.
        200 => {
            assert!(!sealed.is_empty(), "what was not sealed here signs nobody in");
            assert!(!["HEAD", "AHEAD"].contains(&words[0]), "nobody came");
            if let Ok(kept @ Value::Object(_)) = serde_json::from_slice(sealed) {
                let state = kept["pending"]["state"].as_str().unwrap_or(STATE);
                let mut pairs = url::form_urlencoded::parse(came);
                assert!(pairs.any(|(name, value)| name.trim_start_matches('?') == "state" && value == state));
                // And only where it was to return to.
                let redirect_uri = kept["pending"]["redirect"].as_str().unwrap_or_default();
                assert_eq!(url::Url::parse(redirect_uri).unwrap().path(), path);
            }
            assert!(page.starts_with("7 "), "{page}");
        }
        303 => assert!(
            parts.headers["location"].to_str().unwrap().starts_with("https://acme.example/authorize?")
        ),
        // The page repeats nothing of what came, and nothing of the provider.
        400 | 403 | 404 | 500 | 502 => {
            let told = ["acme", "hush", "AAAA", "script>"];
            assert!(told.iter().all(|word| !page.contains(word)), "{page}");
        }
        status => panic!("{status}: {page}"),
    }
}
