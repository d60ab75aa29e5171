//! The code that does the same as a walk: a Rust program, the commands for curl, and a test.
use std::fmt::Write as _;

use maud::{Markup, html};
use serde_json::Value;
use url::form_urlencoded;
use vouchsafe_sandbox::{Fault, Step as At};

use super::fault;
use super::mask::MASK;
use super::offers::{OWN, Offer};
use super::record::{Message, Party};
use super::view::{Shown, Walk, refused};

/// The code for a walk at a provider, and the button that saves its trace.
pub(super) fn section(offer: &Offer, walk: &Walk, fault: Option<&Fault>, trace: &str) -> Markup {
    html! {
        section.card.code aria-labelledby="code" {
            div.flow-head {
                h2 #code { "Do the same yourself" }
                a.button.small href=(trace) download="vouchsafe-trace.json" { "Save the trace" }
            }
            (block("A Rust program", &program(offer)))
            (block("The requests with curl", &curl(&walk.steps)))
            @if let Some(test) = test(offer, &walk.steps, fault) { (block("A Rust test", &test)) }
        }
    }
}

fn block(title: &str, code: &str) -> Markup {
    html! {
        details.block {
            summary { (title) }
            div data-copy {}
            pre tabindex="0" role="group" aria-label=(title) { code { (code) } }
        }
    }
}

/// The program for an application of the visitor's own, with placeholders for its credentials.
fn program(offer: &Offer) -> String {
    let params = offer.provider.definition().params.keys().cloned().collect::<Vec<_>>();
    let mut marks = marks(offer);
    match offer.secret.is_empty() {
        _ if offer.has_key => {}
        true => marks.push("public"),
        false => marks.push("secret"),
    }
    let issuer = if offer.slug == OWN { &*offer.label } else { "https://id.example" };
    let mut code = chosen(include_str!("code/login.txt"), &marks);
    let line = "    let provider = provider.param({param}, env::var({variable})?);\n";
    let lines: String = params
        .iter()
        .filter(|_| marks.contains(&"catalogue"))
        .map(|name| {
            format!("    let provider = provider.param({name:?}, env::var({:?})?);\n", variable(name))
        })
        .collect();
    code = code.replace(line, &lines);
    code.replace("{issuer}", &format!("{issuer:?}")).replace("{slug}", &format!("{:?}", offer.slug))
}

/// A test of the same walk. `None` if the browser does not come back, so that there is nothing to test.
fn test(offer: &Offer, steps: &[Shown], fault: Option<&Fault>) -> Option<String> {
    if fault.is_some_and(|fault| fault.refusal().is_some_and(|refusal| refusal.kind == "local")) {
        return None;
    }
    let code = refused(steps).map(|(_, refusal, _)| &*refusal.code).filter(|_| fault.is_some());
    let mut marks = marks(offer);
    if marks.contains(&"catalogue") && !offer.has_key {
        marks.push(if offer.secret.is_empty() { "public" } else { "secret" });
        marks.extend((!offer.secret.is_empty()).then_some("actedsecret"));
    }
    marks.push(if fault.is_some() { "fault" } else { "good" });
    marks.push(if code.is_some() { "refused" } else { "accepted" });
    marks.push(if fault.is_some_and(fault::concerns_age) { "age" } else { "anyage" });
    marks.extend(match fault.map(fault::step) {
        Some(At::Refresh) => Some("refresh"),
        Some(At::Revocation) => Some("revocation"),
        Some(At::Logout) => Some("logout"),
        _ => None,
    });
    // The second of two equal logout tokens is refused by the application, and not by the library.
    if code == Some("replay") {
        return None;
    }
    let test = chosen(include_str!("code/test.txt"), &marks);
    let fault = fault.map(Fault::name).unwrap_or_default();
    Some(
        test.replace("{slug}", &format!("{:?}", offer.slug))
            .replace("{fault}", &format!("{fault:?}"))
            .replace("{code}", &format!("{:?}", code.unwrap_or_default())),
    )
}

fn marks(offer: &Offer) -> Vec<&'static str> {
    match offer.slug {
        OWN | "openid" => vec!["openid"],
        "oauth2" => vec!["oauth2"],
        _ if offer.has_key => vec!["catalogue", "param", "key"],
        _ => vec!["catalogue", "param"],
    }
}

/// The lines of a template without a mark, and those with one of these marks.
fn chosen(template: &str, marks: &[&str]) -> String {
    let mut code = String::with_capacity(template.len());
    for line in template.lines() {
        let (line, own) = line.split_once(" //@").unwrap_or((line, ""));
        if own.is_empty() || own.split(" @").any(|mark| marks.contains(&mark)) {
            code.push_str(line);
            code.push('\n');
        }
    }
    code
}

/// The requests of a walk as commands. Secrets are variables of the shell, each set before its first use.
pub(super) fn curl(steps: &[Shown]) -> String {
    let (mut code, mut set) = (String::new(), Vec::new());
    for step in steps {
        let Some(request) = &step.request else { continue };
        let command = match (step.from, step.to) {
            (Party::App, Party::Provider) => command(request),
            (Party::Browser, Party::Provider) => {
                format!("# Open this in a browser.\necho {}", quoted(&url(request)))
            }
            _ => continue,
        };
        let _ = writeln!(code, "# {}", step.title);
        for name in VARIABLES.iter().map(|(name, _)| *name).chain(used(&command)) {
            if used(&command).any(|used| used == name || needs(used).contains(&name))
                && !set.contains(&name.to_owned())
            {
                let value = VARIABLES
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map_or("'…' # yours", |(_, value)| value);
                let _ = writeln!(code, "{name}={value}");
                set.push(name.to_owned());
            }
        }
        let _ = write!(code, "{command}\n\n");
    }
    code.truncate(code.trim_end().len());
    code
}

/// The variables in a command.
fn used(command: &str) -> impl Iterator<Item = &str> {
    command.split("'\"$").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0))
}

/// The variables that the value of another one needs.
fn needs(name: &str) -> &'static [&'static str] {
    match name {
        "CODE_CHALLENGE" => &["CODE_VERIFIER"],
        "BASIC_CREDENTIALS" => &["CLIENT_ID", "CLIENT_SECRET"],
        _ => &[],
    }
}

fn command(request: &Message) -> String {
    let (method, _) = request.line.split_once(' ').unwrap_or(("GET", ""));
    let mut words =
        vec![format!("curl --silent --show-error --request {} {}", quoted(method), quoted(&url(request)))];
    for (name, value) in &request.headers {
        if !["cookie", "content-length"].contains(&&**name) {
            let value = match value.strip_suffix(MASK) {
                Some("Basic ") => format!("Basic {}", marked("basic_credentials")),
                Some(scheme) => format!("{scheme}{}", marked("access_token")),
                None => shown("header", value),
            };
            words.push(format!("--header {}", quoted(&format!("{name}: {value}"))));
        }
    }
    for (name, value) in request.params.iter().skip(request.in_query) {
        words.push(format!("--data-urlencode {}", quoted(&format!("{name}={}", shown(name, value)))));
    }
    if let Some(body) = &request.body {
        words.push(format!("--data-binary {}", quoted(&json(body))));
    }
    words.join(" \\\n  ")
}

/// The URL of a request with its query.
fn url(request: &Message) -> String {
    let (_, url) = request.line.split_once(' ').unwrap_or_default();
    let mut url = shown("secret", url);
    let is_browser = request.headers.is_empty() && request.in_query == 0;
    let pairs = if is_browser { request.params.len() } else { request.in_query };
    for (at, (name, value)) in request.params.iter().take(pairs).enumerate() {
        url.push(if at == 0 { '?' } else { '&' });
        let encoded: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
        url.push_str(&encoded);
        url.push('=');
        // A new login has a new code verifier, and so a new challenge.
        match value.contains(MASK) || name == "code_challenge" {
            true => url.push_str(&marked(name)),
            false => url.extend(form_urlencoded::byte_serialize(value.as_bytes())),
        }
    }
    url
}

/// A body with variables in place of its secrets.
fn json(body: &str) -> String {
    fn fill(name: &str, value: &mut Value) {
        match value {
            Value::Object(members) => members.iter_mut().for_each(|(name, value)| fill(name, value)),
            Value::Array(entries) => entries.iter_mut().for_each(|entry| fill(name, entry)),
            Value::String(text) => *text = shown(name, text),
            _ => {}
        }
    }
    match serde_json::from_str::<Value>(body) {
        Ok(mut value) => {
            fill("secret", &mut value);
            value.to_string()
        }
        Err(_) => shown("body", body),
    }
}

/// A text, or a variable named like it if it holds a secret.
fn shown(name: &str, text: &str) -> String {
    if text.contains(MASK) { marked(name) } else { text.replace([OPEN, CLOSE], "") }
}

fn marked(name: &str) -> String {
    format!("{OPEN}{}{CLOSE}", variable(name))
}

/// A text in quotes for a POSIX shell, with its variables in quotes of their own.
fn quoted(text: &str) -> String {
    let text = text.replace('\'', r"'\''");
    format!("'{}'", text.replace(OPEN, "'\"$").replace(CLOSE, "\"'"))
}

/// The name of an environment variable: letters, digits and low lines.
fn variable(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let name: String = name.chars().map(plain).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// The variables of the shell, and how they get their values.
const VARIABLES: [(&str, &str); 10] = [
    ("CLIENT_ID", "'…' # yours"),
    ("CLIENT_SECRET", "'…' # yours"),
    ("BASIC_CREDENTIALS", "$(printf %s \"$CLIENT_ID:$CLIENT_SECRET\" | base64 | tr -d '\\n')"),
    ("STATE", "$(openssl rand -hex 32)"),
    ("NONCE", "$(openssl rand -hex 32)"),
    ("CODE_VERIFIER", "$(openssl rand -hex 32)"),
    (
        "CODE_CHALLENGE",
        "$(printf %s \"$CODE_VERIFIER\" | openssl dgst -sha256 -binary | base64 | tr '+/' '-_' | tr -d '=\\n')",
    ),
    ("CODE", "'…' # from the address to which the browser came back"),
    ("ACCESS_TOKEN", "'…' # from the response to the token request"),
    ("REFRESH_TOKEN", "'…' # from the response to the token request"),
];
/// The marks around a variable: characters that no text from outside keeps.
const OPEN: char = '\u{e000}';
const CLOSE: char = '\u{e001}';

#[cfg(test)]
mod tests {
    use super::super::offers::{offers, own};
    use super::super::record::{Refusal, Step};
    use super::*;

    /// The same code in `tests/demo_code`, where it is compiled, and the tests run.
    #[tokio::test]
    async fn the_code_is_what_the_tests_compile_and_run() {
        let sandbox = vouchsafe_sandbox::Sandbox::start().await.unwrap();
        let offers = offers(&sandbox);
        let of = |slug: &str| offers.iter().find(|offer| offer.slug == slug).unwrap();
        let mine = own("https://accounts.google.com", "id", "secret", "");
        let refused = |code: &str| {
            let (by, reason) = ("vouchsafe".to_owned(), String::new());
            let refusal = Some(Refusal { by, code: code.to_owned(), reason });
            let step = Step::new(Party::App, Party::Provider, ("a", "b"));
            [Shown { refusal, ..Shown::from(&step) }]
        };
        let files = [
            ("program_own", program(&mine)),
            ("program_oauth2", program(of("oauth2"))),
            ("program_google", program(of("google"))),
            ("program_okta", program(of("okta"))),
            ("program_apple", program(of("apple"))),
            ("test_openid", test(of("openid"), &[], None).unwrap()),
            ("test_oauth2", test(of("oauth2"), &[], None).unwrap()),
            ("test_google", test(of("google"), &[], None).unwrap()),
            ("test_apple", test(of("apple"), &[], None).unwrap()),
            (
                "test_fault",
                test(of("openid"), &refused("nonce_mismatch"), Some(&Fault::WRONG_NONCE)).unwrap(),
            ),
            ("test_age", test(of("openid"), &refused("auth_time"), Some(&Fault::OLD_SIGN_IN)).unwrap()),
            ("test_logout", test(of("openid"), &[], Some(&Fault::LOGOUT_OF_USER)).unwrap()),
            ("test_refresh", test(of("openid"), &[], Some(&Fault::REFRESHED_NONCE)).unwrap()),
        ];
        for (name, code) in files {
            let path = format!("{}/tests/demo_code/{name}.rs", env!("CARGO_MANIFEST_DIR"));
            if std::env::var_os("VOUCHSAFE_WRITE").is_some() {
                std::fs::write(&path, &code).unwrap();
            }
            let known = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
            assert!(known == code, "{name} differs: run this test with VOUCHSAFE_WRITE=1 to write it");
        }
    }

    #[test]
    fn a_secret_is_a_variable_and_a_hostile_value_stays_within_its_quotes() {
        let params = [("code", "abcd••••\u{a0}#1234"), ("evil", "'; rm -rf \"$HOME\" `x` \u{e000}X\u{e001}")];
        let request = Message {
            line: "POST https://id.example/token".to_owned(),
            params: params.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            headers: vec![("authorization".to_owned(), "Bearer ••••".to_owned())],
            ..Message::default()
        };
        let command = command(&request);
        assert!(command.contains(r#"--header 'authorization: Bearer '"$ACCESS_TOKEN"''"#), "{command}");
        assert!(command.contains(r#"--data-urlencode 'code='"$CODE"''"#), "{command}");
        assert!(command.contains(r#"'evil='\''; rm -rf "$HOME" `x` X'"#), "{command}");
    }
}
