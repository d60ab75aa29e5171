//! The relying party for the conformance suite, as a program of its own: each flow, with the sandbox as the provider.
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use http::{Method, Request};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use vouchsafe::{Http, Provider, SigningKey};
use vouchsafe_sandbox::{ClientConfig, DpopNonces, Fault, Person, Place, Sandbox, User};

use crate::browser::{Browser, Page};

#[path = "lab/browser.rs"]
#[allow(dead_code, reason = "the tests of the lab need more of it")]
mod browser;
// The driver is that of the demo.
#[path = "../../vouchsafe-cli/tests/browser/chromium.rs"]
#[allow(dead_code, reason = "the demo needs more of it")]
mod chromium;
#[path = "conformance/session.rs"]
mod session;

/// The program while it runs.
struct Party {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    url: String,
    browser: Browser,
}

/// A task for a sandbox, with its own client. The first value is the URL of the program.
fn task(sandbox: &Sandbox, flow: &str, more: Value) -> (String, Value) {
    with(free_url(), sandbox, flow, more)
}

fn with(url: String, sandbox: &Sandbox, flow: &str, more: Value) -> (String, Value) {
    let mut client =
        json!({"client": {"client_id": sandbox.client_id(), "client_secret": sandbox.client_secret()}});
    client.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    with_issuer(url, sandbox.issuer(), flow, client)
}

fn with_issuer(url: String, issuer: &str, flow: &str, more: Value) -> (String, Value) {
    let mut task = json!({
        "module": "oidcc-client-test", "plan": "oidcc-client-basic-certification-test-plan", "flow": flow,
        "issuer": issuer, "alias": "vouchsafe", "suite": issuer, "variant": {},
        "redirect_uri": format!("{url}/callback"), "listen": url.trim_start_matches("http://"), "public_url": url,
        "scopes": ["openid", "email", "offline_access"], "parameters": {}, "exposed": {}, "keys": null, "ca_file": null, "timeout": 10,
    });
    for (name, value) in more.as_object().unwrap() {
        task[name] = value.clone();
    }
    (url, task)
}

fn free_url() -> String {
    format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

impl Party {
    async fn start((url, task): (String, Value)) -> Self {
        let tests = std::env::current_exe().unwrap();
        let program = tests.ancestors().nth(2).unwrap().join("examples/conformance-rp");
        let program = program.with_extension(std::env::consts::EXE_EXTENSION);
        assert!(program.exists(), "build the examples first: {} is missing", program.display());
        let mut process = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut input = process.stdin.take().unwrap();
        input.write_all(format!("{task}\n").as_bytes()).await.unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines, browser: Browser::at(&url), url }
    }

    async fn line(&mut self) -> Value {
        let line = self.lines.next_line().await.unwrap().unwrap_or_else(|| "null".to_owned());
        serde_json::from_str(&line).unwrap()
    }

    async fn ready(&mut self) {
        assert_eq!(self.line().await, json!({"event": "ready"}));
    }

    /// The URL that the browser has to open.
    async fn browse(&mut self) -> String {
        let line = self.line().await;
        assert_eq!(line["event"], "browse", "{line}");
        line["url"].as_str().unwrap().to_owned()
    }

    /// Opens a URL of the program, all of it.
    async fn open(&mut self, url: &str) -> Page {
        assert!(url.starts_with(&self.url), "{url}");
        self.browser.open(url).await
    }

    /// The whole login of a person at the sandbox; the page at its end.
    async fn log_in(&mut self, person: &Person) -> Page {
        let url = self.browse().await;
        let callback = person.allow(&url).await.unwrap();
        self.open(&callback).await
    }

    /// There are no more lines, and the program ends with this exit code.
    async fn ends_with(mut self, code: i32) {
        assert_eq!(self.line().await, Value::Null);
        assert_eq!(self.process.wait().await.unwrap().code(), Some(code));
    }

    /// The program ends with this error.
    async fn fails_with(mut self, kind: &str, code: &str, exit: i32) {
        let line = self.line().await;
        assert_eq!(
            (&line["event"], &line["kind"], &line["code"]),
            (&json!("error"), &json!(kind), &json!(code))
        );
        self.ends_with(exit).await;
    }
}

#[tokio::test]
async fn a_login_ends_with_userinfo() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut party = Party::start(task(&sandbox, "login", json!({}))).await;
    party.ready().await;
    let page = party.log_in(&sandbox.person("alice")).await;
    assert!(page.status == 200 && page.text.contains("You are signed in"), "{}", page.text);
    party.ends_with(0).await;
    assert_eq!(sandbox.requests_to("/userinfo").len(), 1);
}

#[tokio::test]
async fn a_form_of_the_browser_is_the_response_too() {
    let sandbox = Sandbox::start().await.unwrap();
    let variant =
        json!({"variant": {"response_mode": "form_post", "client_auth_type": "client_secret_post"}});
    let mut party = Party::start(task(&sandbox, "login", variant)).await;
    party.ready().await;
    let url = party.browse().await;
    assert!(url.contains("response_mode=form_post"), "{url}");
    let callback = sandbox.person("alice").allow(&url).await.unwrap();
    let (path, form) = callback.strip_prefix(&party.url).unwrap().split_once('?').unwrap();
    assert_eq!(party.browser.submit(path, form).await.status, 200);
    party.ends_with(0).await;
}

#[tokio::test]
async fn an_error_of_the_provider_is_shown() {
    let sandbox = Sandbox::start().await.unwrap();
    let asked = json!({"parameters": {"response_mode": "form_post", "max_age": "0", "prompt": "none"}});
    let mut party = Party::start(task(&sandbox, "login", asked)).await;
    party.ready().await;
    let url = party.browse().await;
    assert!(url.contains("max_age=0") && url.contains("prompt=none"), "{url}");
    let callback = sandbox.person("alice").allow(&url).await.unwrap();
    let (path, form) = callback.strip_prefix(&party.url).unwrap().split_once('?').unwrap();
    let page = party.browser.submit(path, form).await;
    assert!(page.status == 400 && page.text.contains("login_required"), "{}", page.text);
    party.fails_with("provider", "login_required", 3).await;
}

#[tokio::test]
async fn metadata_of_another_issuer_ends_the_flow() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.fault(Fault::ANOTHER_ISSUERS_METADATA);
    let mut party = Party::start(task(&sandbox, "login", json!({}))).await;
    party.ready().await;
    party.fails_with("security", "issuer_mismatch", 4).await;
    assert_eq!(sandbox.requests().len(), 1);
}

#[tokio::test]
async fn a_client_that_registered_refuses_an_id_token_without_a_signature() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.fault(Fault::ALG_NONE);
    let dynamic =
        json!({"variant": {"client_registration": "dynamic_client"}, "client": {"client_name": "rp"}});
    let mut party = Party::start(task(&sandbox, "login", dynamic)).await;
    party.ready().await;
    party.log_in(&sandbox.person("alice")).await;
    party.fails_with("security", "algorithm", 4).await;
}

#[tokio::test]
async fn a_refreshed_id_token_of_another_user_is_refused() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.fault(Fault::REFRESHED_SUBJECT);
    let mut party = Party::start(task(&sandbox, "refresh", json!({}))).await;
    party.ready().await;
    party.log_in(&sandbox.person("alice")).await;
    party.fails_with("security", "subject_mismatch", 4).await;
    assert!(sandbox.requests_to("/userinfo").is_empty());
}

#[tokio::test]
async fn what_fails_a_check_ends_the_flow_before_userinfo() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.fault(Fault::WRONG_NONCE);
    let mut party = Party::start(task(&sandbox, "login", json!({}))).await;
    party.ready().await;
    let page = party.log_in(&sandbox.person("alice")).await;
    assert_eq!(page.status, 400);
    party.fails_with("security", "nonce_mismatch", 4).await;
    assert!(sandbox.requests_to("/userinfo").is_empty());
}

#[tokio::test]
async fn a_response_with_another_state_ends_the_flow_before_the_token_request() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut party = Party::start(task(&sandbox, "login", json!({}))).await;
    party.ready().await;
    party.browse().await;
    let iss = sandbox.issuer().replace("://", "%3A%2F%2F").replace(":", "%3A");
    let url = format!("{}/callback?code=c&state=another&iss={iss}", party.url);
    assert_eq!(party.open(&url).await.status, 400);
    party.fails_with("security", "state_mismatch", 4).await;
    assert!(sandbox.requests_to("/token").is_empty());
}

#[tokio::test]
async fn the_start_is_the_metadata_alone() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut party = Party::start(task(&sandbox, "start", json!({}))).await;
    party.ready().await;
    party.ends_with(0).await;
    assert_eq!(sandbox.requests().len(), 1);
}

#[tokio::test]
async fn new_keys_between_two_logins_are_fetched_at_once() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut party = Party::start(task(&sandbox, "twice", json!({}))).await;
    party.ready().await;
    let person = sandbox.person("alice");
    party.log_in(&person).await;
    sandbox.rotate_keys().await.unwrap();
    party.log_in(&person).await;
    party.ends_with(0).await;
    assert_eq!(sandbox.requests_to("/jwks").len(), 2);
    assert_eq!(sandbox.requests_to("/userinfo").len(), 2);
}

#[tokio::test]
async fn a_refresh_comes_before_userinfo() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut party = Party::start(task(&sandbox, "refresh", json!({}))).await;
    party.ready().await;
    party.log_in(&sandbox.person("alice")).await;
    party.ends_with(0).await;
    assert_eq!(sandbox.requests_to("/token").len(), 2);
    assert_eq!(sandbox.requests_to("/userinfo").len(), 1);
}

#[tokio::test]
async fn logout_tokens_are_answered_while_the_browser_is_away() {
    // RP-Initiated Logout §3; Back-Channel Logout §2.6, §2.8.
    let url = free_url();
    let client = ClientConfig::confidential("rp", "a secret of the rp that is long enough")
        .redirect_uri(format!("{url}/callback"))
        .post_logout_redirect_uri(format!("{url}/bye"))
        .backchannel_logout_uri(format!("{url}/backchannel"));
    let sandbox = Sandbox::builder().client(client).start().await.unwrap();
    let client = json!({"client": {
        "client_id": "rp", "client_secret": "a secret of the rp that is long enough",
        "post_logout_redirect_uri": format!("{url}/bye"), "backchannel_logout_uri": format!("{url}/backchannel"),
        "frontchannel_logout_uri": format!("{url}/frontchannel"),
    }});
    let mut party = Party::start(with(url.clone(), &sandbox, "logout", client)).await;
    party.ready().await;
    let person = sandbox.person("alice");
    party.log_in(&person).await;
    let end_session = party.browse().await;
    for name in ["id_token_hint=", "post_logout_redirect_uri=", "state="] {
        assert!(end_session.contains(name), "{name}");
    }

    // The front channel: a frame without parameters, and one that names another session.
    let frame = party.open(&format!("{url}/frontchannel")).await;
    assert_eq!((frame.status, frame.header("x-frame-options")), (200, None));
    let iss = sandbox.issuer();
    assert_eq!(party.open(&format!("{url}/frontchannel?iss={iss}&sid=another")).await.status, 400);

    // The back channel: a good token once, and never a bad one.
    let token = sandbox.logout_token("rp", "alice").unwrap();
    for (token, status) in [(&*token, 200), (&token, 400), ("no token", 400)] {
        let post = Request::builder().method(Method::POST).uri("/backchannel");
        let page = party.browser.ask(post, &format!("logout_token={token}")).await;
        assert_eq!((page.status, page.header("cache-control")), (status, Some("no-store")));
    }

    let back = person.sign_out(&end_session).await.unwrap().unwrap();
    // The state is not missed if it does not come back.
    assert!(back.starts_with(&format!("{url}/bye?state=")), "{back}");
    assert_eq!(party.open(&format!("{url}/bye")).await.status, 200);
    party.ends_with(0).await;
}

#[tokio::test]
async fn a_client_registers_and_signs_a_user_in() {
    let sandbox = Sandbox::start().await.unwrap();
    let dynamic =
        json!({"variant": {"client_registration": "dynamic_client"}, "client": {"client_name": "rp"}});
    let mut party = Party::start(task(&sandbox, "register", dynamic.clone())).await;
    party.ready().await;
    party.ends_with(0).await;
    let requests = sandbox.requests();
    assert_eq!(requests.len(), 2, "{requests:?}");

    let mut party = Party::start(task(&sandbox, "login", dynamic)).await;
    party.ready().await;
    party.log_in(&sandbox.person("alice")).await;
    party.ends_with(0).await;
}

#[tokio::test]
async fn a_client_that_registered_serves_its_request() {
    for module in ["oidcc-client-test-request-uri-signed-rs256", "oidcc-client-test-request-uri-signed-none"]
    {
        let sandbox = Sandbox::start().await.unwrap();
        let variant = json!({"client_registration": "dynamic_client", "request_type": "request_uri"});
        let more = json!({"module": module, "variant": variant, "client": {"client_name": "rp"}});
        let mut party = Party::start(task(&sandbox, "login", more)).await;
        party.ready().await;
        let url = party.browse().await;
        for name in ["client_id=", "response_type=code", "scope=openid", "request_uri="] {
            assert!(url.contains(name), "{name}: {url}");
        }
        let callback = sandbox.person("alice").allow(&url).await.unwrap();
        assert_eq!(party.open(&callback).await.status, 200);
        party.ends_with(0).await;
        let sent: Value = serde_json::from_slice(&sandbox.requests_to("/register")[0].body).unwrap();
        let members = ["redirect_uris", "response_types", "grant_types", "token_endpoint_auth_method"];
        let more = ["request_uris", "contacts", "request_object_signing_alg", "jwks", "client_name"];
        for name in members.iter().chain(&more) {
            assert!(sent.get(name).is_some(), "{name}");
        }
    }
}

#[tokio::test]
async fn an_issuer_is_found_by_web_finger() {
    let module = "oidcc-client-test-discovery-webfinger-acct";
    let sandbox = Sandbox::builder().user(User::new(format!("vouchsafe.{module}"))).start().await.unwrap();
    let mut party = Party::start(task(&sandbox, "webfinger", json!({"module": module}))).await;
    party.ready().await;
    party.ends_with(0).await;
    let paths: Vec<_> = sandbox.requests().iter().map(|request| request.path.clone()).collect();
    assert_eq!(paths, ["/.well-known/webfinger", "/.well-known/openid-configuration"]);
}

#[tokio::test]
async fn an_issuer_is_found_by_the_url_of_a_person() {
    let module = "oidcc-client-test-discovery-webfinger-url";
    let sandbox = Sandbox::start().await.unwrap();
    let mut party = Party::start(task(&sandbox, "webfinger", json!({"module": module}))).await;
    party.ready().await;
    party.ends_with(0).await;
    let requests = sandbox.requests();
    let paths: Vec<_> = requests.iter().map(|request| &*request.path).collect();
    assert_eq!(paths, ["/.well-known/webfinger", "/.well-known/openid-configuration"]);
    let query = url::form_urlencoded::parse(requests[0].query.as_ref().unwrap().as_bytes());
    let resource = query.into_owned().find(|(name, _)| name == "resource").unwrap().1;
    assert_eq!(resource, format!("{}/vouchsafe/{module}", sandbox.issuer()));
}

/// A party in the flow `logout` in which somebody has signed in, and the URL at which it signs out.
async fn signed_in(sandbox: &Sandbox, person: &Person, url: &str) -> (Party, String) {
    let client = json!({"client": {
        "client_id": sandbox.client_id(), "client_secret": sandbox.client_secret(),
        "post_logout_redirect_uri": format!("{url}/bye"), "frontchannel_logout_uri": format!("{url}/frontchannel"),
        "backchannel_logout_uri": format!("{url}/backchannel"),
    }});
    let mut party = Party::start(with(url.to_owned(), sandbox, "logout", client)).await;
    party.ready().await;
    let page = party.log_in(person).await;
    assert!(page.status == 200 && page.cookies().iter().any(|cookie| cookie.contains("session")), "{page:?}");
    let end_session = party.browse().await;
    (party, end_session)
}

#[tokio::test]
async fn a_frame_ends_the_session_that_it_names_and_no_other() {
    let sandbox = Sandbox::start().await.unwrap();
    let (url, person) = (free_url(), sandbox.person("alice"));
    let (mut party, end_session) = signed_in(&sandbox, &person, &url).await;
    let token = sandbox.logout_token(sandbox.client_id(), "alice").unwrap();
    let (iss, sid) = (sandbox.issuer(), claim(&token, "sid"));
    let frame = format!("{url}/frontchannel");
    for query in [
        format!("?iss={iss}"),
        format!("?sid={sid}"),
        format!("?iss={iss}&sid=another"),
        format!("?iss=https://elsewhere.example&sid={sid}"),
        format!("?iss={iss}/&sid={sid}"),
    ] {
        let page = party.browser.ask(get(&format!("{frame}{query}"), &url), "").await;
        assert_eq!((page.status, page.header("cache-control")), (400, Some("no-store")), "{query}");
    }
    // The first request ends the session, with or without its cookie; then there is none.
    for status in [200, 400] {
        let page = party.browser.ask(get(&format!("{frame}?iss={iss}&sid={sid}"), &url), "").await;
        assert_eq!((page.status, page.header("cache-control")), (status, Some("no-store")));
        let policy = page.header("content-security-policy").unwrap_or_default();
        assert!(page.header("x-frame-options").is_none() && !policy.contains("frame-ancestors"), "{policy}");
    }
    person.sign_out(&end_session).await.unwrap().unwrap();
    assert_eq!(party.open(&format!("{url}/bye")).await.status, 200);
    party.ends_with(0).await;
}

#[tokio::test]
async fn a_frame_without_a_name_ends_the_session_of_the_cookie() {
    let sandbox = Sandbox::start().await.unwrap();
    let (url, person) = (free_url(), sandbox.person("alice"));
    let (mut party, _) = signed_in(&sandbox, &person, &url).await;
    let token = sandbox.logout_token(sandbox.client_id(), "alice").unwrap();
    let named = format!("{url}/frontchannel?iss={}&sid={}", sandbox.issuer(), claim(&token, "sid"));
    let page = party.browser.ask(get(&format!("{url}/frontchannel"), &url), "").await;
    assert_eq!(page.status, 200, "there is no cookie, and nothing to end");
    assert!(party.browser.session().is_some());
    assert_eq!(party.open(&format!("{url}/frontchannel")).await.status, 200);
    assert!(party.browser.session().is_none());
    assert_eq!(party.open(&named).await.status, 400, "the session has ended");
}

/// A request without cookies.
fn get(url: &str, base: &str) -> http::request::Builder {
    Request::builder().uri(url.strip_prefix(base).unwrap())
}

/// A claim of a JWT.
fn claim(jwt: &str, name: &str) -> String {
    use base64::Engine as _;
    let claims = jwt.split('.').nth(1).unwrap();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    claims[name].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_third_party_starts_a_login_at_the_own_issuer_alone() {
    // Core §4.
    let sandbox = Sandbox::start().await.unwrap();
    let mut party = Party::start(task(&sandbox, "third-party", json!({}))).await;
    party.ready().await;
    let login = format!("{}/login", party.url);
    assert_eq!(party.open(&format!("{login}?iss=https://elsewhere.example")).await.status, 400);
    let url = party.open(&format!("{login}?iss={}", sandbox.issuer())).await.location();
    let callback = sandbox.person("alice").allow(&url).await.unwrap();
    assert_eq!(party.open(&callback).await.status, 200);
    party.ends_with(0).await;
    assert_eq!(sandbox.requests_to("/userinfo").len(), 1);
}

#[tokio::test]
async fn the_request_is_served_to_the_provider() {
    let url = free_url();
    let key = jwk();
    for (module, alg) in
        [("oidcc-client-test", "ES256"), ("oidcc-client-test-request-uri-signed-none", "none")]
    {
        let client = ClientConfig::confidential("rp", "a secret of the rp that is long enough")
            .redirect_uri(format!("{url}/callback"))
            .request_uri(format!("{url}/request/"))
            .request_object_signing_alg(alg)
            .jwks(key.1.clone());
        let sandbox = Sandbox::builder().client(client).start().await.unwrap();
        let client = json!({
            "module": module, "variant": {"request_type": "request_uri"}, "client": {
                "client_id": "rp", "client_secret": "a secret of the rp that is long enough", "jwks": {"keys": [key.0]},
            },
        });
        let mut party = Party::start(with(url.clone(), &sandbox, "login", client)).await;
        party.ready().await;
        party.log_in(&sandbox.person("alice")).await;
        party.ends_with(0).await;
        assert_eq!(sandbox.requests_to("/userinfo").len(), 1);
    }
}

/// A FAPI client at a sandbox of its own, and the folder with its key.
struct Bank {
    sandbox: Sandbox,
    task: (String, Value),
    folder: PathBuf,
}

impl Bank {
    async fn new(is_signed: bool, nonces: DpopNonces) -> Self {
        let (private, public) = jwk();
        let name = format!("vouchsafe-conformance-{}-{is_signed}-{nonces:?}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("client-jwk.json");
        std::fs::write(&file, private.to_string()).unwrap();
        let url = free_url();
        let client = ClientConfig::public("bank").redirect_uri(format!("{url}/callback")).jwks(public);
        let builder = Sandbox::builder().client(client).dpop_nonces(nonces);
        let builder = if is_signed { builder.fapi2_message_signing() } else { builder.fapi2() };
        let sandbox = builder.start().await.unwrap();
        let (request, response) =
            if is_signed { ("signed_non_repudiation", "jarm") } else { ("unsigned", "plain_response") };
        let more = json!({
            "module": "fapi2-security-profile-final-client-test-happy-path", "client": {"client_id": "bank"},
            "variant": {
                "client_auth_type": "private_key_jwt", "sender_constrain": "dpop",
                "fapi_request_method": request, "fapi_response_mode": response,
            },
            "scopes": ["openid", "email"], "keys": {"client-jwk.json": file},
            "exposed": {"accounts_endpoint": format!("{}/resource", sandbox.issuer())},
        });
        let task = with(url, &sandbox, "resource", more);
        Self { sandbox, task, folder }
    }

    /// Starts the program, and signs somebody in.
    async fn visited(&self) -> Party {
        let mut party = Party::start(self.task.clone()).await;
        party.ready().await;
        party.log_in(&self.sandbox.person("alice")).await;
        party
    }
}

impl Drop for Bank {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn a_fapi_client_calls_an_api() {
    for is_signed in [false, true] {
        let bank = Bank::new(is_signed, DpopNonces::Changing).await;
        bank.visited().await.ends_with(0).await;
        // Each was refused once for the nonce.
        for path in ["/par", "/token", "/userinfo", "/resource"] {
            assert_eq!(bank.sandbox.requests_to(path).len(), 2, "{path}");
        }
    }
}

#[tokio::test]
async fn no_token_request_follows_a_spoilt_signed_response() {
    let bank = Bank::new(true, DpopNonces::Off).await;
    let faults: Vec<_> =
        Fault::all().into_iter().filter(|fault| fault.place() == Place::SignedResponse).collect();
    assert!(faults.len() > 8, "{faults:?}");
    for fault in faults {
        let Some(refusal) = fault.refusal() else { continue };
        bank.sandbox.clear_faults();
        bank.sandbox.fault(fault);
        let exit = if refusal.kind == "security" { 4 } else { 6 };
        bank.visited().await.fails_with(refusal.kind, refusal.code, exit).await;
        assert!(bank.sandbox.requests_to("/token").is_empty(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_port_in_use_is_trouble_of_this_machine() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let sandbox = Sandbox::start().await.unwrap();
    let url = format!("http://{}", taken.local_addr().unwrap());
    let party = Party::start(with(url, &sandbox, "login", json!({}))).await;
    party.fails_with("local", "port", 7).await;
}

#[tokio::test]
async fn a_certificate_authenticates_the_client_and_binds_its_tokens() {
    let (private, public) = jwk();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["bank".to_owned()]).unwrap();
    let folder = std::env::temp_dir().join(format!("vouchsafe-conformance-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).unwrap();
        folder.join(name)
    };
    file("client-jwk.json", &private.to_string());
    file("client-cert.pem", &cert.pem());
    file("client-cert-key.pem", &signing_key.serialize_pem());
    for (auth, sender, scheme) in
        [("private_key_jwt", "mtls", "Bearer"), ("mtls", "dpop", "DPoP"), ("mtls", "mtls", "Bearer")]
    {
        let url = free_url();
        let client = ClientConfig::public("bank").redirect_uri(format!("{url}/callback"));
        let client = match auth {
            "mtls" => client.certificate(cert.pem()),
            _ => client.jwks(public.clone()),
        };
        let client = if sender == "mtls" { client.certificate_bound_access_tokens() } else { client };
        let sandbox = Sandbox::builder().client(client).fapi2().mtls().start().await.unwrap();
        let authority = file("authority.pem", sandbox.mtls_authority().unwrap());
        // Tokens that are bound to the certificate are for the address that asks for it.
        let provider = Provider::discover(sandbox.issuer(), &Http::new().unwrap()).await.unwrap();
        let metadata = provider.metadata().unwrap();
        let token = metadata["mtls_endpoint_aliases"]["token_endpoint"].as_str().unwrap();
        let base = if sender == "mtls" { token.trim_end_matches("/token") } else { sandbox.issuer() };
        let more = json!({
            "module": "fapi2-security-profile-final-client-test-happy-path", "client": {"client_id": "bank"},
            "variant": {"client_auth_type": auth, "sender_constrain": sender},
            "scopes": ["openid", "email"], "keys": folder, "ca_file": authority,
            "exposed": {"accounts_endpoint": format!("{base}/resource")},
        });
        let mut party = Party::start(with(url, &sandbox, "resource", more)).await;
        party.ready().await;
        party.log_in(&sandbox.person("alice")).await;
        party.ends_with(0).await;
        let requests = sandbox.requests_to("/resource");
        let [request] = &requests[..] else { panic!("{} requests", requests.len()) };
        let sent = request.header("authorization").unwrap();
        assert!(sent.starts_with(scheme), "{auth} {sender}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn claims_of_others_and_a_token_in_the_body() {
    let bank = Sandbox::start().await.unwrap();
    let alice = User::alice().with_claim("_claim_names", json!({"credit_score": "bank"})).with_claim(
        "_claim_sources",
        json!({"bank": bank.distributed_claims(&json!({"credit_score": 650}))}),
    );
    let sandbox = Sandbox::builder().user(alice).start().await.unwrap();
    let module = json!({"module": "oidcc-client-test-userinfo-bearer-body"});
    let mut party = Party::start(task(&sandbox, "login", module)).await;
    party.ready().await;
    party.log_in(&sandbox.person("alice")).await;
    party.ends_with(0).await;
    assert_eq!(bank.requests_to("/claims").len(), 1);
    let requests = sandbox.requests_to("/userinfo");
    assert!(requests[0].body.starts_with(b"access_token="));
}

#[tokio::test]
async fn a_flow_that_nobody_knows_is_told() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut party = Party::start(task(&sandbox, "dance", json!({}))).await;
    party.ready().await;
    assert_eq!(party.line().await["event"], "unsupported");
    party.ends_with(2).await;
}

/// A key for ES256 as JWK: private and public.
fn jwk() -> (Value, Value) {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    let pem = SigningKey::generate_pem("ES256").unwrap();
    let body: String = pem.expose().lines().filter(|line| !line.starts_with('-')).collect();
    let pair =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &STANDARD.decode(body).unwrap()).unwrap();
    let _: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let secret = aws_lc_rs::encoding::AsBigEndian::<aws_lc_rs::encoding::EcPrivateKeyBin<'_>>::as_be_bytes(
        &pair.private_key(),
    )
    .unwrap();
    let mut public = SigningKey::from_pem(pem).unwrap().key_id("own").public_jwk();
    public["alg"] = json!("ES256");
    let mut private = public.clone();
    private["d"] = json!(URL_SAFE_NO_PAD.encode(secret.as_ref()));
    (private, public)
}
