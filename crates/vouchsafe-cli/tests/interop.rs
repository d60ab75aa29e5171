//! The command and the library against an OpenID Provider by other authors: oidc-provider from npm.
//!
//! Needs Node.js and npm, and installs the provider once. Without them the tests are skipped, with a message. With
//! `VOUCHSAFE_TEST_ALL=1` they fail instead.
use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

#[path = "interop/keys.rs"]
mod keys;
#[path = "interop/strong.rs"]
mod strong;
#[path = "interop/tokens.rs"]
mod tokens;

const PACKAGE: &str = include_str!("interop/package.json");
const LOCK: &str = include_str!("interop/package-lock.json");
const SERVER: &str = include_str!("interop/server.mjs");

const SECRET: &str = "web-secret-0123456789abcdef";

/// The output of the command, and its exit code.
struct Run {
    events: Vec<Value>,
    errors: String,
    code: Option<i32>,
}

impl Run {
    fn last(&self) -> &Value {
        self.events.last().expect("the command says something")
    }

    /// The login that succeeded.
    fn login(&self) -> &Value {
        assert_eq!(self.code, Some(0), "{:?} {}", self.events, self.errors);
        assert_eq!(self.last()["event"], "login");
        self.last()
    }

    /// The error that ended it. Checks that the output does not contain the secret.
    fn error(&self, secret: &str) -> &Value {
        assert_eq!(self.last()["event"], "error", "{:?}", self.events);
        assert!(!format!("{:?} {}", self.events, self.errors).contains(secret));
        self.last()
    }
}

/// Alice's decision when the provider asks for her consent.
#[derive(Clone, Copy, PartialEq)]
enum Alice {
    Allows,
    Denies,
}

/// Runs `vouchsafe login` as that client, with alice at the browser.
fn login(issuer: &str, client_id: &str, secret: Option<&str>, arguments: &[&str], alice: Alice) -> Run {
    let given =
        ["login", "--issuer", issuer, "--client-id", client_id, "--no-browser", "--no-save", "--wait", "60"];
    run(&[&given, arguments].concat(), secret, alice)
}

/// Runs the command, with alice at the browser.
fn run(arguments: &[&str], secret: Option<&str>, alice: Alice) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vouchsafe"));
    command
        .args(arguments)
        .arg("--json")
        .env_remove("VOUCHSAFE_CLIENT_SECRET")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(secret) = secret {
        command.env("VOUCHSAFE_CLIENT_SECRET", secret);
    }
    let mut child = Killed(command.spawn().unwrap());
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let mut events = Vec::new();
    while let Some(Ok(line)) = lines.next() {
        let event: Value = serde_json::from_str(&line).unwrap();
        let url = event["url"].as_str().or(event["verification_uri_complete"].as_str());
        if let Some(url) = url.filter(|_| event["event"] != "logout_url") {
            Browser::default().walk(&door(url), alice);
        }
        events.push(event);
    }
    let mut errors = String::new();
    child.0.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    Run { events, errors, code: child.0.wait().unwrap().code() }
}

/// A browser without a window, used by alice.
#[derive(Default)]
struct Browser {
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// Follows a URL and its redirects until the command's redirect URI, or to the last page for a device. Returns the URL there.
    fn walk(&mut self, url: &str, alice: Alice) -> String {
        let mut url = url.to_owned();
        let provider = origin(&url).to_owned();
        for _ in 0..20 {
            if origin(&url) == LIBRARY {
                return url;
            }
            let page = self.send("GET", &url);
            if origin(&url) != provider || page.body == "done" {
                return url;
            }
            url = match (page.location, page.body.as_str()) {
                (Some(location), _) => absolute(&url, &location),
                (None, "login") if alice == Alice::Denies => self.decide(&url, "abort"),
                (None, prompt @ ("login" | "consent")) => self.decide(&url, prompt),
                (None, form) if form.contains("name=\"xsrf\"") => self.confirm(&url, form),
                (None, body) => panic!("{} {url}: {body}", page.status),
            };
        }
        panic!("alice went round in circles at {url}");
    }

    fn decide(&mut self, url: &str, decision: &str) -> String {
        let page = self.send("POST", &format!("{url}/{decision}"));
        absolute(url, &page.location.expect("a decision leads on"))
    }

    /// Sends the code of a device, and says that it is the right one.
    fn confirm(&mut self, url: &str, form: &str) -> String {
        let value = |form: &str, name: &str| {
            let field = form.split_once(&format!("name=\"{name}\""))?.1;
            Some(field.split_once("value=\"")?.1.split('"').next()?.to_owned())
        };
        let (page, _) = url.split_once('?').unwrap();
        let (_, code) = url.rsplit_once("user_code=").unwrap();
        let xsrf = value(form, "xsrf").unwrap();
        self.post(page, &format!("xsrf={xsrf}&user_code={code}"));
        let answer = self.post(page, &format!("xsrf={xsrf}&user_code={code}&confirm=yes"));
        absolute(url, &answer.location.expect("the right code leads on"))
    }

    fn send(&mut self, method: &str, url: &str) -> Page {
        self.request(method, url, "")
    }

    fn post(&mut self, url: &str, form: &str) -> Page {
        self.request("POST", url, form)
    }

    /// HTTP/1.0, so that the response ends with the connection.
    fn request(&mut self, method: &str, url: &str, form: &str) -> Page {
        let host = origin(url).strip_prefix("http://").unwrap();
        let path = &url[origin(url).len()..];
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut stream = TcpStream::connect(host).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nhost: {host}\r\naccept: text/html\r\ncookie: {}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            cookies.join("; "),
            form.len(),
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let mut page =
            Page { status: head.lines().next().unwrap().to_owned(), location: None, body: body.to_owned() };
        for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
            match name.to_lowercase().as_str() {
                "location" => page.location = Some(value.to_owned()),
                "set-cookie" => {
                    let (name, value) = value.split(';').next().unwrap().split_once('=').unwrap();
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
                _ => {}
            }
        }
        page
    }
}

struct Page {
    status: String,
    location: Option<String>,
    body: String,
}

/// The redirect URI of a client of the library, where nobody listens.
const LIBRARY: &str = "http://127.0.0.1:9";

/// The same URL where the browser gets in: it has no certificate.
fn door(url: &str) -> String {
    let providers = started().expect("a provider runs");
    let door = |form: &Value| {
        let rest = url.strip_prefix(form["issuer"].as_str()?)?;
        Some(format!("{}{rest}", form["door"].as_str()?))
    };
    ["basic", "strict", "tls"]
        .into_iter()
        .find_map(|form| door(&providers[form]))
        .expect("it is a URL of ours")
}

fn origin(url: &str) -> &str {
    let end = url[7..].find('/').map_or(url.len(), |at| at + 7);
    &url[..end]
}

fn absolute(base: &str, location: &str) -> String {
    if location.starts_with('/') { format!("{}{location}", origin(base)) } else { location.to_owned() }
}

/// A process that ends with the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The issuer of the usual provider, or `None` and a message if it cannot be started.
fn provider() -> Option<&'static str> {
    issuer("basic")
}

/// The issuer of a form of the provider.
fn issuer(form: &str) -> Option<&'static str> {
    started()?[form]["issuer"].as_str()
}

/// The forms of the provider: the issuer of each, and its door for the browser.
fn started() -> Option<&'static Value> {
    static PROVIDER: OnceLock<Result<Provider, String>> = OnceLock::new();
    let started = || {
        start().inspect_err(|why| {
            // Straight to the terminal: the test runner hides the output of a test that passes.
            let _ = std::io::stderr().write_all(format!("\nskipped: {why}\n").as_bytes());
        })
    };
    match PROVIDER.get_or_init(started) {
        Ok(provider) => Some(&provider.forms),
        Err(why) => {
            assert_ne!(std::env::var("VOUCHSAFE_TEST_ALL").as_deref(), Ok("1"), "{why}");
            None
        }
    }
}

/// A provider that runs as long as this process: it ends when its standard input is closed.
struct Provider {
    forms: Value,
    _server: Child,
    _output: BufReader<ChildStdout>,
}

fn start() -> Result<Provider, String> {
    let works =
        |tool| Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success());
    if !works("node") || !works("npm") {
        return Err("Node.js is missing".to_owned());
    }
    let folder = install()?;
    let mut server = Command::new("node")
        .arg("server.mjs")
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(if std::env::var_os("LOUD").is_some() { Stdio::inherit() } else { Stdio::null() })
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut input = server.stdin.as_ref().unwrap();
    writeln!(input, "{}", keys::given().public).unwrap();
    let (mut output, mut said) = (BufReader::new(server.stdout.take().unwrap()), String::new());
    output.read_line(&mut said).unwrap();
    let forms = said.trim().strip_prefix("READY ").expect("the provider starts");
    let forms = serde_json::from_str(forms).unwrap();
    Ok(Provider { forms, _server: server, _output: output })
}

/// Installs the exact versions of the lock file, once for each version of the files.
fn install() -> Result<PathBuf, String> {
    let mut hasher = DefaultHasher::new();
    (PACKAGE, LOCK, SERVER).hash(&mut hasher);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("interop-{:016x}", hasher.finish()));
    if folder.exists() {
        return Ok(folder);
    }
    // First into a folder of its own: another process may do the same now.
    let own = folder.with_extension(std::process::id().to_string());
    fs::create_dir_all(&own).unwrap();
    for (name, text) in [("package.json", PACKAGE), ("package-lock.json", LOCK), ("server.mjs", SERVER)] {
        fs::write(own.join(name), text).unwrap();
    }
    let npm = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&own)
        .output()
        .map_err(|error| error.to_string())?;
    if !npm.status.success() {
        let why = String::from_utf8_lossy(&npm.stderr).into_owned();
        let _ = fs::remove_dir_all(&own);
        return Err(format!("npm cannot install oidc-provider: {why}"));
    }
    if fs::rename(&own, &folder).is_err() {
        let _ = fs::remove_dir_all(&own);
    }
    Ok(folder)
}

/// Checks a login of alice with any client.
fn assert_alice(run: &Run, issuer: &str, client_id: &str) {
    assert_eq!(run.events[0]["event"], "authorization_url");
    assert!(run.events[0]["url"].as_str().unwrap().contains("code_challenge_method=S256"));
    assert_eq!(run.login()["token"]["token_type"], "Bearer");
    assert_signed_in(run, issuer, client_id);
}

/// The same, however the request went to the provider.
fn assert_signed_in(run: &Run, issuer: &str, client_id: &str) {
    let login = run.login();
    assert!(login["token"]["access_token"].is_string() && login["token"]["expires_at"].is_u64());
    assert_eq!(login["claims"]["iss"], issuer);
    assert_eq!(login["claims"]["aud"], client_id);
    assert_eq!(login["claims"]["sub"], "alice");
    assert_eq!(login["identity"]["subject"], "alice");
    assert_eq!(login["identity"]["email"], "alice@example.com");
    assert_eq!(login["identity"]["email_verified"], true);
}

#[test]
fn a_confidential_client_signs_alice_in() {
    let Some(issuer) = provider() else { return };
    let run = login(issuer, "web", Some(SECRET), &[], Alice::Allows);
    assert_alice(&run, issuer, "web");
    assert!(!format!("{:?} {}", run.events, run.errors).contains(SECRET));
}

#[test]
fn an_id_and_a_secret_with_special_characters_work() {
    let Some(issuer) = provider() else { return };
    let run = login(issuer, "web:odd/id", Some("p%ss+w rd:&=/~"), &[], Alice::Allows);
    assert_alice(&run, issuer, "web:odd/id");
}

#[test]
fn client_secret_post_sends_the_secret_in_the_form() {
    let Some(issuer) = provider() else { return };
    let run =
        login(issuer, "web-post", Some(SECRET), &["--client-auth", "client_secret_post"], Alice::Allows);
    assert_alice(&run, issuer, "web-post");
}

#[test]
fn a_public_client_signs_alice_in() {
    let Some(issuer) = provider() else { return };
    assert_alice(&login(issuer, "native", None, &[], Alice::Allows), issuer, "native");
}

#[test]
fn offline_access_brings_a_refresh_token() {
    let Some(issuer) = provider() else { return };
    let scopes =
        ["--scope", "openid", "--scope", "email", "--scope", "offline_access", "--prompt", "consent"];
    let run = login(issuer, "web", Some(SECRET), &scopes, Alice::Allows);
    assert_alice(&run, issuer, "web");
    assert!(run.login()["token"]["refresh_token"].is_string());
    assert_eq!(run.login()["token"]["scope"], serde_json::json!(["openid", "email", "offline_access"]));
}

#[test]
fn alice_can_say_no() {
    let Some(issuer) = provider() else { return };
    let run = login(issuer, "web", Some(SECRET), &[], Alice::Denies);
    assert_eq!(run.code, Some(3));
    let error = run.error(SECRET);
    assert_eq!((&error["kind"], &error["code"]), (&"provider".into(), &"access_denied".into()));
    assert!(error["message"].as_str().unwrap().contains("Alice said no"), "{error}");
}

#[test]
fn a_wrong_secret_is_reported_and_not_shown() {
    let Some(issuer) = provider() else { return };
    let run = login(issuer, "web", Some("not-the-secret"), &[], Alice::Allows);
    assert_eq!(run.code, Some(3));
    let error = run.error("not-the-secret");
    assert_eq!((&error["kind"], &error["code"]), (&"provider".into(), &"invalid_client".into()));
    assert_eq!(error["status"], 401);
}
