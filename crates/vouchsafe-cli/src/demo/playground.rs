//! Tests of the playground's pages: each fault, the refresh race, an own provider, and traces.
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use url::form_urlencoded;
use vouchsafe_sandbox::{Fault, Sandbox};

use super::session::App;
use super::walk::{Browser, Page};

async fn app() -> Arc<App> {
    let mut app = super::start(4711).await.unwrap();
    // The machine may be busy.
    app.patience = Duration::from_secs(60);
    Arc::new(app)
}

/// A form with the proof of a page.
fn form(page: &Page, pairs: &[(&str, &str)]) -> String {
    let proof = page.html.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    form_urlencoded::Serializer::new(String::new()).append_pair("csrf", proof).extend_pairs(pairs).finish()
}

async fn attacked(browser: &mut Browser, fault: &str, provider: &str) -> Page {
    let page = browser.open(&format!("/faults/{fault}")).await;
    assert_eq!(page.status, StatusCode::OK, "{fault}");
    let form = form(&page, &[("fault", fault), ("provider", provider)]);
    let done = browser.send(Method::POST, "/faults", form).await;
    let result = format!("/faults/{fault}#result");
    assert_eq!((done.status, done.location.as_deref()), (StatusCode::SEE_OTHER, Some(&*result)));
    browser.open(&format!("/faults/{fault}")).await
}

/// Whether it is a fault whose response a client waits for.
fn takes_time(fault: &Fault) -> bool {
    ["slow", "dripping-body", "endless-body", "large-body", "gzip-bomb"]
        .iter()
        .any(|name| fault.name().starts_with(name))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_is_tried_and_the_page_says_what_was_checked_and_why_it_was_refused() {
    let mut browser = Browser::new(&app().await);
    let mut complaints = Vec::new();
    for fault in Fault::all().into_iter().filter(|fault| !takes_time(fault)) {
        let name = fault.name();
        let page = attacked(&mut browser, &name, "openid").await;
        let text = page.text();
        // Faults of other grants, and of logins with settings that the demo does not use.
        let is_elsewhere = include_str!("elsewhere.txt").lines().any(|known| known == name);
        let expected = match fault.refusal() {
            _ if is_elsewhere => !text.contains("Refused, as it must be"),
            None if fault == Fault::REPEATED_LOGOUT_ID => text.contains("Refused, as it must be"),
            None => text.contains("Accepted, as it may be") || text.contains("Accepted, with a warning"),
            Some(refusal) if refusal.kind == "local" => text.contains("The browser did not come back"),
            Some(_) => {
                text.contains("Refused, as it must be")
                    && page.html.matches("<b>refused:</b>").count() == 1
                    && page.html.contains("<dt>Threat</dt>")
            }
        };
        if !expected {
            let what = text.split("Every request").next().unwrap_or_default();
            complaints
                .push(format!("{name}: {}", what.split("in the list there.").last().unwrap_or_default()));
        }
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[tokio::test]
async fn a_slow_provider_is_given_up() {
    let mut browser = Browser::new(&Arc::new(super::start(4711).await.unwrap()));
    let page = attacked(&mut browser, "slow", "openid").await;
    assert!(page.text().contains("Refused, as it must be"), "{}", page.text());
}

#[tokio::test]
async fn a_fault_at_another_provider_may_change_nothing_and_the_page_says_so() {
    let mut browser = Browser::new(&app().await);
    let page = attacked(&mut browser, "wrong-nonce", "github").await;
    assert!(page.text().contains("The fault changed nothing here"), "{}", page.text());
    let page = attacked(&mut browser, "foreign-state", "github").await;
    assert!(page.text().contains("Login CSRF"), "{}", page.text());
    let form = form(&page, &[("fault", "foreign-state"), ("provider", "nobody")]);
    assert_eq!(browser.send(Method::POST, "/faults", form).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn faults_are_grouped_and_found_without_a_script() {
    let mut browser = Browser::new(&app().await);
    let page = browser.open("/faults").await;
    for fault in Fault::all() {
        assert_eq!(page.html.matches(&format!("href=\"/faults/{}\"", fault.name())).count(), 1);
    }
    let page = browser.open("/faults?find=nonce").await;
    assert!(page.html.contains("/faults/wrong-nonce") && !page.html.contains("/faults/slow"));
    let page = browser.open("/faults?find=%3Cscript%3E").await;
    assert!(page.html.contains("0 of ") && !page.html.contains("<script>"), "{}", page.html);
    assert_eq!(browser.open("/faults/nothing").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn two_tabs_at_once_get_one_token_from_one_refresh() {
    let mut app = super::start(4711).await.unwrap();
    app.race_pause = Duration::from_millis(100);
    let mut browser = Browser::new(&Arc::new(app));
    let mut page = browser.open("/race").await;
    for (tab, sent) in [("start", 0), ("both", 1), ("1", 2), ("2", 2), ("1", 3)] {
        let form = form(&page, &[("tab", tab), ("from", "1")]);
        let done = browser.send(Method::POST, "/race", form).await;
        assert_eq!(done.location.as_deref(), Some("/race"), "{}", done.text());
        page = browser.open("/race").await;
        let count = format!("<b data-refreshes>{sent}</b>");
        assert!(page.html.contains(&count), "{tab}: {}", page.text());
    }
    let gets: Vec<_> =
        page.html.split("<span>gets ").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
    assert_eq!((gets.len(), gets[0]), (5, gets[1]), "{}", page.text());
    // The second tab had the old token still, and got the new one without a request.
    assert_eq!(gets[2], gets[3]);
    let requests = browser.app.masks.sandbox.requests_to("/token");
    let refreshes = requests
        .iter()
        .filter(|request| request.form_value("grant_type").as_deref() == Some("refresh_token"));
    assert_eq!(refreshes.count(), 3);
    assert!(page.html.contains("••••"), "tokens are masked");
}

/// A real provider, as far as the demo can tell.
async fn put_in(browser: &mut Browser, real: &Sandbox) -> Page {
    let page = browser.open("/own").await;
    assert!(page.html.contains("http://127.0.0.1:4711/callback/own"));
    let given = [
        ("issuer", real.issuer()),
        ("client_id", real.client_id()),
        ("client_secret", real.client_secret()),
        ("scopes", "openid profile email"),
    ];
    let done = browser.send(Method::POST, "/own", form(&page, &given)).await;
    assert_eq!(
        (done.status, done.location.as_deref()),
        (StatusCode::SEE_OTHER, Some("/own")),
        "{}",
        done.text()
    );
    browser.open("/own").await
}

#[tokio::test]
async fn a_login_at_an_own_provider_shows_neither_secrets_nor_the_person() {
    let (real, app) = (Sandbox::start().await.unwrap(), app().await);
    let mut browser = Browser::new(&app);
    assert_eq!(browser.open("/login/own").await.status, StatusCode::NOT_FOUND);
    let page = put_in(&mut browser, &real).await;
    assert!(
        page.html.contains("kept, and not shown") && page.html.contains(real.issuer()),
        "{}",
        page.text()
    );
    assert!(!page.html.contains(real.client_secret()));

    let url = browser.open("/login/own").await.location.unwrap();
    assert!(url.starts_with(real.issuer()) && !url.contains(real.client_secret()), "{url}");
    let callback = real.person("alice").allow(&url).await.unwrap();
    assert_eq!(browser.open(&callback).await.location.as_deref(), Some("/"));
    let page = browser.open("/").await;
    assert!(page.html.contains("Alice Liddell") && page.html.contains("Token request"), "{}", page.text());
    let trace = browser.open("/trace.json").await.html;
    let code = callback.split("code=").nth(1).unwrap().split('&').next().unwrap();
    let secrets = real.secrets(0);
    assert!(secrets.len() > 6);
    for secret in secrets.iter().map(String::as_str).chain([real.client_secret(), code]) {
        assert!(!trace.contains(secret), "the trace has {secret}");
        assert!(!page.html.contains(secret), "the page has {secret}");
    }
    for personal in ["Alice", "alice@example.com", "sandbox-user-alice"] {
        assert!(!trace.contains(personal), "the trace has {personal}");
    }
    assert!(trace.contains("\"code_challenge_method\"") && trace.contains("Token request"));

    let other = Browser::new(&app).open("/login/own").await;
    assert_eq!(other.status, StatusCode::NOT_FOUND, "it belongs to one session");
    let forget = form(&browser.open("/own").await, &[]);
    browser.send(Method::POST, "/own/forget", forget).await;
    assert_eq!(browser.open("/login/own").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_own_provider_that_cannot_be_used_is_refused_with_the_reason() {
    let mut browser = Browser::new(&app().await);
    for (issuer, client_id, words) in [
        ("", "id", "are needed"),
        ("https://id.example", " ", "are needed"),
        ("http://id.example", "id", "https"),
        ("javascript:alert(1)", "id", "https"),
        ("\"><script>", "id", "URL"),
    ] {
        let page = browser.open("/own").await;
        let given = [("issuer", issuer), ("client_id", client_id), ("client_secret", "hush-hush")];
        let done = browser.send(Method::POST, "/own", form(&page, &given)).await;
        assert_eq!(done.status, StatusCode::BAD_REQUEST, "{issuer}");
        assert!(done.text().contains(words), "{issuer}: {}", done.text());
        assert!(!done.html.contains("hush-hush") && !done.html.contains("\"><script>"), "{}", done.html);
    }
}

/// Uploads a file.
async fn upload(browser: &mut Browser, file: &str) -> Page {
    let page = browser.open("/trace").await;
    let proof = page.html.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let part = |name: &str, more: &str, value: &str| {
        format!("--XX\r\ncontent-disposition: form-data; name=\"{name}\"{more}\r\n\r\n{value}\r\n")
    };
    let body = part("csrf", "", proof) + &part("file", "; filename=\"t.json\"", file) + "--XX--\r\n";
    browser.post("/trace", "multipart/form-data; boundary=XX", body).await
}

#[tokio::test]
async fn a_trace_is_saved_and_opened_again_in_another_demo() {
    let mut browser = Browser::new(&app().await);
    attacked(&mut browser, "wrong-nonce", "openid").await;
    let trace = browser.open("/faults/trace.json").await.html;
    let mut other = Browser::new(&app().await);
    let page = upload(&mut other, &trace).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    assert!(page.titles().contains(&"Token request"), "{}", page.text());
    assert!(page.text().contains("Refused by vouchsafe at the step “Token request”"), "{}", page.text());
    assert!(page.text().contains("A code or token of another login was injected."));
    assert_eq!(Browser::new(&app().await).open("/trace.json").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_hostile_trace_is_text_and_a_file_that_is_no_trace_is_refused() {
    let mut browser = Browser::new(&app().await);
    attacked(&mut browser, "wrong-nonce", "openid").await;
    let trace = browser.open("/faults/trace.json").await.html;
    let hostile = trace
        .replace("Token request", "<img src=x onerror=alert(1)>\u{202e}")
        .replace("http://", "javascript://");
    let page = upload(&mut browser, &hostile).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.html.contains("&lt;img") && !page.html.contains("<img src=x"), "{}", page.html);
    assert!(!page.html.contains('\u{202e}') && !page.html.contains("href=\"javascript"));
    for file in ["", "{}", "<html>", "{\"format\":\"vouchsafe-trace\",\"version\":9}"] {
        let page = upload(&mut browser, file).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{file}");
        assert!(page.html.contains("The trace was not opened"), "{}", page.text());
    }
    let large = upload(&mut browser, &" ".repeat(super::trace::MAX_REQUEST + 1)).await;
    assert_eq!(large.status, StatusCode::BAD_REQUEST);
    assert!(large.text().contains("larger than a trace can be"), "{}", large.text());
    let form = browser.send(Method::POST, "/trace", "csrf=".to_owned()).await;
    assert_eq!(form.status, StatusCode::BAD_REQUEST);
}

/// Needs a POSIX shell, curl and openssl. Without them it says so, and tests nothing.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_for_curl_sign_in() {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::process::{Command, Stdio};

    let tools = Command::new("sh").args(["-c", "command -v curl openssl base64 >&2"]).output();
    if !tools.is_ok_and(|tools| tools.status.success()) {
        let _ = writeln!(std::io::stderr(), "skipped: a test, because sh, curl or openssl is not installed");
        return;
    }
    let app = app().await;
    let attack = super::faults::attack(&app, Fault::UNVERIFIED_EMAIL, "openid").await.unwrap().unwrap();
    let sandbox = &app.faulty.get().unwrap().masks.sandbox;
    let script = super::code::curl(&attack.walk.steps)
        .replace("CLIENT_ID='…'", &format!("CLIENT_ID='{}'", sandbox.client_id()))
        .replace("CLIENT_SECRET='…'", &format!("CLIENT_SECRET='{}'", sandbox.client_secret()))
        .replace("CODE='…'", "read -r CODE")
        .replace("ACCESS_TOKEN='…'", "read -r ACCESS_TOKEN");
    let mut shell = Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, output) = (shell.stdin.take().unwrap(), shell.stdout.take().unwrap());
    let mut output = BufReader::new(output);
    let mut line = String::new();
    while !line.contains("/authorize?") {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0, "{script}");
    }
    // The metadata has no line break at its end.
    let at = line.find(&format!("{}/authorize?", sandbox.issuer())).unwrap();
    let url = line[at..].trim();
    let back = sandbox.person("alice").allow(url).await.unwrap();
    let code = back.split("code=").nth(1).unwrap().split('&').next().unwrap();
    writeln!(input, "{code}").unwrap();
    drop(input);
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    shell.wait().unwrap();
    assert!(rest.contains("\"access_token\""), "{rest}\n{script}");
}
