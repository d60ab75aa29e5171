//! The login, from its options to its output.
use serde_json::{Value, json};
use vouchsafe_sandbox::Sandbox;

use crate::support::{Cli, Done, answering, http, param, redirect_uri, sandbox, visit};

const SECRET: &str = "VOUCHSAFE_CLIENT_SECRET";

/// Runs a login to its end, with that person at the browser.
pub(crate) async fn signed_in(sandbox: &Sandbox, cli: Cli, person: &str) -> Done {
    let mut login = cli.start();
    let url = login.authorization_url().await;
    let callback = sandbox.person(person).allow(&url).await.unwrap();
    let page = visit(&callback).await;
    assert!(page.status == 200 && page.text.contains("You are signed in"), "{page:?}");
    let done = login.end().await;
    assert_eq!(done.code, Some(0), "{done:#?}");
    done.assert_silent_about(&param(&callback, "code").unwrap());
    done.assert_silent_about(sandbox.client_secret());
    done
}

/// How the client authenticated at the token endpoint: by its header, by its form, or not at all.
fn authenticated_by(sandbox: &Sandbox) -> &'static str {
    let request = sandbox.requests_to("/token").pop().unwrap();
    match (request.header("authorization").is_some(), request.form_value("client_secret").is_some()) {
        (true, false) => "client_secret_basic",
        (false, true) => "client_secret_post",
        (false, false) => "none",
        (true, true) => "two ways",
    }
}

#[tokio::test]
async fn a_login_prints_the_line_of_the_contract() {
    let sandbox = sandbox().await;
    let cli =
        Cli::login(&sandbox, &["--client-id", sandbox.client_id()]).env(SECRET, sandbox.client_secret());
    let done = signed_in(&sandbox, cli, "alice").await;
    let [url, login] = &done.json()[..] else { panic!("{done:#?}") };
    assert_eq!(url["event"], "authorization_url");
    assert_eq!(login["event"], "login");
    assert_eq!(login["provider"], "openid");
    let identity = json!({
        "subject": "sandbox-user-alice", "email": "alice@example.com", "email_verified": true, "name": "Alice Liddell",
    });
    assert_eq!(login["identity"], identity);
    assert_eq!(login["claims"]["sub"], "sandbox-user-alice");
    let token = &login["token"];
    assert_eq!(token["token_type"], "Bearer");
    assert_eq!(token["scope"], json!(["openid", "profile", "email"]));
    assert!(token["expires_at"].as_u64().unwrap() > 1_700_000_000);
    for name in ["access_token", "refresh_token", "id_token"] {
        assert!(token[name].as_str().is_some_and(|t| !t.is_empty()), "{name}");
    }
    assert!(done.lines[0].starts_with(r#"{"event":"authorization_url","url":"#), "{done:#?}");
    assert!(done.lines[1].starts_with(r#"{"event":"login","provider":"openid","token":{"access_token":"#));
}

#[tokio::test]
async fn an_email_is_verified_or_unverified_or_absent() {
    let sandbox = sandbox().await;
    for (person, expected) in [
        (
            "bob",
            json!({"subject": "sandbox-user-bob", "email": "bob@example.com", "email_verified": false, "name": "Bob Sawyer"}),
        ),
        (
            "carol",
            json!({"subject": "sandbox-user-carol", "email_verified": null, "name": "Carol Kennicott"}),
        ),
    ] {
        let cli = Cli::login(&sandbox, &["--client-id", sandbox.public_client_id()]);
        assert_eq!(signed_in(&sandbox, cli, person).await.last()["identity"], expected);
    }
}

#[tokio::test]
async fn the_profile_document_is_printed_on_request() {
    let sandbox = sandbox().await;
    let args = ["--client-id", sandbox.public_client_id(), "--profile"];
    let done = signed_in(&sandbox, Cli::login(&sandbox, &args), "bob").await;
    let [_, profile, login] = &done.json()[..] else { panic!("{done:#?}") };
    assert_eq!(profile["event"], "profile");
    assert_eq!(profile["profile"]["sub"], "sandbox-user-bob");
    assert_eq!(profile["profile"]["name"], login["identity"]["name"]);
    assert_eq!(login["identity"]["name"], "Bob Sawyer");
}

#[tokio::test]
async fn a_picture_is_part_of_the_identity() {
    let picture = "https://a.example/alice.png";
    let broken = answering(http(
        "200 OK",
        "application/json",
        &json!({"sub": "sandbox-user-alice", "picture": picture, "roles": ["admin"]}).to_string(),
    ))
    .await;
    let sandbox = sandbox().await;
    let more = format!("userinfo_endpoint = \"{broken}/me\"");
    let (cli, path) = by_file(&sandbox, "picture", &more, &["--profile"]);
    let done = signed_in(&sandbox, cli, "alice").await;
    let [_, profile, login] = &done.json()[..] else { panic!("{done:#?}") };
    assert_eq!(login["identity"]["picture"], picture);
    assert_eq!(profile["profile"]["roles"], json!(["admin"]));
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn scopes_without_openid_are_told() {
    let sandbox = sandbox().await;
    let args = ["--client-id", sandbox.public_client_id(), "--scope"];
    let warned = async |scope: &str| {
        let cli = Cli::login(&sandbox, &[&args[..], &[scope]].concat());
        let done = signed_in(&sandbox, cli, "alice").await;
        done.json().into_iter().filter(|line| line["code"] == "no_openid").collect::<Vec<_>>()
    };
    let [warning] = &warned("email").await[..] else { panic!("no warning") };
    let message = warning["message"].as_str().unwrap();
    assert!(message.contains("no ID token") && message.contains("add --scope openid"), "{message}");
    assert!(warned("openid email").await.is_empty());
    // A service without ID tokens has none to miss.
    let cli = generic(&sandbox, &["--scope", "email"]);
    assert!(signed_in(&sandbox, cli, "alice").await.json().iter().all(|line| line["code"] != "no_openid"));
}

#[tokio::test]
async fn the_client_authenticates_with_the_chosen_method() {
    let sandbox = sandbox().await;
    for method in ["client_secret_basic", "client_secret_post"] {
        let args = ["--client-id", sandbox.client_id(), "--client-auth", method];
        let cli = Cli::login(&sandbox, &args).env(SECRET, sandbox.client_secret());
        signed_in(&sandbox, cli, "alice").await;
        assert_eq!(authenticated_by(&sandbox), method);
    }
    // A public client does not send the secret of another client.
    let args = ["--client-id", sandbox.public_client_id(), "--client-auth", "none"];
    signed_in(&sandbox, Cli::login(&sandbox, &args).env(SECRET, "of-another-client"), "alice").await;
    assert_eq!(authenticated_by(&sandbox), "none");
}

#[tokio::test]
async fn the_secret_and_the_id_come_from_the_file_and_the_environment() {
    let sandbox = sandbox().await;
    let path = std::env::temp_dir().join(format!("vouchsafe-secret-{}", std::process::id()));
    std::fs::write(&path, format!("{}\n", sandbox.client_secret())).unwrap();
    let cli = Cli::login(&sandbox, &["--client-secret-file", path.to_str().unwrap()])
        .env("VOUCHSAFE_CLIENT_ID", sandbox.client_id());
    signed_in(&sandbox, cli, "alice").await;
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn nothing_is_written_but_a_saved_login() {
    let sandbox = sandbox().await;
    let home = std::env::temp_dir().join(format!("vouchsafe-home-{}", std::process::id()));
    std::fs::create_dir_all(&home).unwrap();
    for (more, written) in [(&["--no-save"][..], 0), (&[], 1)] {
        let cli = Cli::login(&sandbox, &[&["--client-id", sandbox.public_client_id()], more].concat());
        let variables = ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"];
        let cli = variables.iter().fold(cli, |cli, name| cli.env(name, &home)).without("VOUCHSAFE_STORE");
        signed_in(&sandbox, cli, "alice").await;
        assert_eq!(std::fs::read_dir(&home).unwrap().count(), written, "{more:?}");
    }
    assert!(home.join("vouchsafe").join("logins.db").is_file());
    std::fs::remove_dir_all(home).unwrap();
}

#[tokio::test]
async fn an_id_token_may_name_the_audiences_that_were_given() {
    let sandbox = sandbox().await;
    sandbox.fault(vouchsafe_sandbox::Fault::SEVERAL_AUDIENCES);
    let args = ["--client-id", sandbox.public_client_id()];
    let done = signed_in(
        &sandbox,
        Cli::login(&sandbox, &[&args[..], &["--audience", "another-client"]].concat()),
        "alice",
    )
    .await;
    assert_eq!(done.last()["claims"]["aud"], json!([sandbox.public_client_id(), "another-client"]));
    let mut login = Cli::login(&sandbox, &[&args[..], &["--audience", "a-third"]].concat()).start();
    let url = login.authorization_url().await;
    visit(&sandbox.person("alice").allow(&url).await.unwrap()).await;
    let message = login.end().await.assert_failed(4, "security", "authorized_party");
    assert!(message.contains("audience another-client") && message.contains("--audience ID"), "{message}");
    assert!(!message.contains("must be issued to the client"), "{message}");
}

#[tokio::test]
async fn every_option_of_the_request_is_in_the_url() {
    // RFC 8252 §6.
    let sandbox = sandbox().await;
    let args = [
        "--client-id",
        sandbox.public_client_id(),
        "--scope",
        "openid",
        "--scope",
        "email calendar",
        "--prompt",
        "login",
        "--login-hint",
        "alice",
        "--extra",
        "ui_locales=de",
        "--max-age",
        "60",
        "--acr",
        "0",
        "--redirect-path",
        "/back",
    ];
    let mut login = Cli::login(&sandbox, &args).start();
    let url = login.authorization_url().await;
    for (name, value) in [
        ("scope", "openid email calendar"),
        ("prompt", "login"),
        ("login_hint", "alice"),
        ("ui_locales", "de"),
        ("max_age", "60"),
        ("acr_values", "0"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(param(&url, name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(redirect_uri(&url).path(), "/back");
    let callback = sandbox.person("alice").allow(&url).await.unwrap();
    assert_eq!(visit(&callback).await.status, 200);
    assert_eq!(login.end().await.code, Some(0));
}

fn generic(sandbox: &Sandbox, more: &[&str]) -> Cli {
    let url = |path: &str| format!("{}{path}", sandbox.issuer());
    let (authorize, token) = (url("/authorize"), url("/token"));
    let mut args = vec!["login", "--json", "--no-browser", "--client-id", sandbox.public_client_id()];
    args.extend(["--scope", "profile email", "--authorize-url", &authorize, "--token-url", &token]);
    args.extend(more);
    Cli::new(&args)
}

#[tokio::test]
async fn any_service_works_by_its_endpoints() {
    let sandbox = sandbox().await;
    let userinfo = format!("{}/userinfo", sandbox.issuer());
    let done = signed_in(&sandbox, generic(&sandbox, &["--userinfo-url", &userinfo]), "alice").await;
    let login = done.last();
    assert_eq!(login["provider"], "oauth2");
    assert_eq!(login["identity"]["subject"], "sandbox-user-alice");
    assert_eq!(login.get("claims"), None);
    assert_eq!(login["token"].get("id_token"), None);
}

#[tokio::test]
async fn a_login_without_an_identity_succeeds_with_a_warning() {
    let sandbox = sandbox().await;
    let done = signed_in(&sandbox, generic(&sandbox, &[]), "alice").await;
    let [_, warning, login] = &done.json()[..] else { panic!("{done:#?}") };
    assert_eq!((&warning["event"], &warning["code"]), (&Value::from("warning"), &Value::from("no_identity")));
    assert_eq!(login.get("identity"), None);
    assert!(login["token"]["access_token"].is_string());
}

#[tokio::test]
async fn an_unexpected_issuer_is_refused_and_the_option_is_named() {
    // RFC 9207 section 2.4: this may be another provider's response.
    let sandbox = sandbox().await;
    let refused = async |cli: Cli| {
        let mut login = cli.start();
        let url = login.authorization_url().await;
        let mut callback = url::Url::parse(&sandbox.person("alice").allow(&url).await.unwrap()).unwrap();
        let rest: Vec<_> = callback.query_pairs().into_owned().filter(|(name, _)| name != "iss").collect();
        callback.query_pairs_mut().clear().extend_pairs(rest).append_pair("iss", "https://other.example");
        visit(callback.as_str()).await;
        let done = login.end().await;
        assert_eq!(done.code, Some(4), "{done:#?}");
        done
    };
    let done = refused(generic(&sandbox, &[])).await;
    let error = done.last();
    assert_eq!((&error["kind"], &error["code"]), (&Value::from("security"), &Value::from("issuer_mismatch")));
    assert!(error["message"].as_str().unwrap().contains("--issuer"), "{error}");
    assert!(sandbox.requests_to("/token").is_empty());
    let wrong = generic(&sandbox, &["--issuer", "https://evil.example"]);
    assert_eq!(refused(wrong).await.last()["code"], "issuer_mismatch");
    // The common origin of both endpoints is accepted as the issuer.
    signed_in(&sandbox, generic(&sandbox, &[]), "alice").await;
}

#[tokio::test]
async fn an_error_about_an_endpoint_names_that_endpoint() {
    for service in ["http://acme.example", "acme:"] {
        let (authorize, token) = (format!("{service}/authorize"), format!("{service}/token"));
        let args = ["login", "--json", "--no-browser", "--client-id", "me", "--authorize-url", &authorize];
        let done = Cli::new(&[&args[..], &["--token-url", &token]].concat()).start().end().await;
        let error = done.last();
        assert_eq!(error["code"], "insecure_url", "{error}");
        assert!(error["message"].as_str().unwrap().contains("authorization endpoint"), "{error}");
    }
}

/// A login with a definition file of that name that contains these lines.
fn by_file(sandbox: &Sandbox, name: &str, more: &str, args: &[&str]) -> (Cli, std::path::PathBuf) {
    let path = std::env::temp_dir().join(format!("vouchsafe-{name}-{}.toml", std::process::id()));
    let toml = format!(
        "slug = \"acme\"\ndisplay_name = \"Acme\"\nkind = \"openid\"\nissuer = \"{{issuer}}\"\n\
         scopes = [\"openid\", \"email\"]\n{more}\n\
         [identity]\nsubject = [\"/sub\"]\nemail = [\"/email\"]\nemail_verified = [\"/email_verified\"]\npicture = [\"/picture\"]\n\
         [params.issuer]\nrule = \"url\"\n"
    );
    std::fs::write(&path, toml).unwrap();
    let issuer = format!("issuer={}", sandbox.issuer());
    let begin =
        ["login", path.to_str().unwrap(), "--param", &issuer, "--json", "--no-browser", "--client-id"];
    (Cli::new(&[&begin[..], &[sandbox.public_client_id()], args].concat()), path)
}

#[tokio::test]
async fn a_definition_file_works_like_the_catalogue() {
    let sandbox = sandbox().await;
    let (cli, path) = by_file(&sandbox, "acme", "", &[]);
    assert_eq!(signed_in(&sandbox, cli, "alice").await.last()["provider"], "acme");
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn missing_userinfo_is_a_warning_and_false_userinfo_ends_the_login() {
    let sandbox = sandbox().await;
    let broken = answering(http("503 Service Unavailable", "text/plain", "later")).await;
    let (cli, path) = by_file(&sandbox, "broken", &format!("userinfo_endpoint = \"{broken}/me\""), &[]);
    let done = signed_in(&sandbox, cli, "alice").await;
    let [_, warning, login] = &done.json()[..] else { panic!("{done:#?}") };
    assert_eq!((&warning["event"], &warning["code"]), (&json!("warning"), &json!("userinfo")));
    assert_eq!(login["identity"]["subject"], "sandbox-user-alice");
    std::fs::remove_file(path).unwrap();

    let lying = answering(http("200 OK", "application/json", r#"{"sub": "mallory"}"#)).await;
    let (cli, path) = by_file(&sandbox, "lying", &format!("userinfo_endpoint = \"{lying}/me\""), &[]);
    let mut login = cli.start();
    let url = login.authorization_url().await;
    let page = visit(&sandbox.person("alice").allow(&url).await.unwrap()).await;
    assert!(page.text.contains("The sign-in failed"), "{page:?}");
    login.end().await.assert_failed(4, "security", "subject_mismatch");
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn a_person_sees_who_signed_in_and_no_token() {
    let sandbox = sandbox().await;
    let args =
        ["login", "--issuer", sandbox.issuer(), "--no-browser", "--client-id", sandbox.public_client_id()];
    let mut login = Cli::new(&args).start();
    let url = loop {
        let line = login.line().await.unwrap();
        if let Some(url) = line.trim().strip_prefix("http") {
            break format!("http{url}");
        }
    };
    let callback = sandbox.person("bob").allow(&url).await.unwrap();
    assert!(visit(&callback).await.text.contains("you signed in as Bob Sawyer"));
    let done = login.end().await;
    assert_eq!(done.code, Some(0), "{done:#?}");
    let told = done.stdout();
    for expected in
        ["as Bob Sawyer", "bob@example.com (NOT verified", "openid profile email", "valid for 60 minutes"]
    {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    assert!(!told.contains("\u{1b}") && !told.contains("eyJ"), "{told}");
    done.assert_silent_about(&param(&callback, "code").unwrap());
}

#[cfg(unix)]
#[tokio::test]
async fn a_browser_that_cannot_be_opened_is_a_warning() {
    let sandbox = sandbox().await;
    let args = ["login", "--issuer", sandbox.issuer(), "--json", "--client-id", sandbox.public_client_id()];
    for browser in ["/nonexistent/browser", "false"] {
        let mut login = Cli::new(&args).env("BROWSER", browser).start();
        let url = login.authorization_url().await;
        let warning = login.event("warning").await;
        assert_eq!(warning["code"], "browser");
        let callback = sandbox.person("alice").allow(&url).await.unwrap();
        assert_eq!(visit(&callback).await.status, 200);
        assert_eq!(login.end().await.code, Some(0));
    }
}

/// The browser in `BROWSER`, the system's browser and a text browser are started in three different ways.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_browser_inherits_the_client_secret() {
    use std::os::unix::fs::PermissionsExt;

    let sandbox = sandbox().await;
    let args = ["login", "--issuer", sandbox.issuer(), "--json", "--client-id", sandbox.public_client_id()];
    let folder = std::env::temp_dir().join(format!("vouchsafe-browsers-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (seen, environment) = (folder.join("seen"), folder.join("environment"));
    // A "browser" that records its URL and its environment.
    let text = format!(
        "#!/bin/sh\n/usr/bin/env > {1}\nprintf %s \"$1\" > {0}.new\nmv {0}.new {0}\n",
        seen.display(),
        environment.display()
    );
    for name in ["xdg-open", "x-www-browser", "www-browser", "browser.sh"] {
        std::fs::write(folder.join(name), &text).unwrap();
        std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:/usr/bin:/bin", folder.display());
    let shell = format!("sh {} %s", folder.join("browser.sh").display());
    for browser in [shell.as_str(), "", "www-browser"] {
        let login = Cli::new(&args).env("PATH", &path).env("BROWSER", browser).env("MARK", "of-this-test");
        let login = login.env(SECRET, "of-another-client").env("VOUCHSAFE_CLIENT_ID", "of-another");
        // Hides the browsers that are installed on this machine.
        let own = ["HOME", "XDG_DATA_HOME", "XDG_DATA_DIRS", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"];
        let login = own.iter().fold(login, |login, name| login.env(name, folder.to_str().unwrap()));
        let mut login = login.env("VOUCHSAFE_LATER", "of-another").start();
        let url = login.authorization_url().await;
        let opened = async {
            loop {
                match std::fs::read_to_string(&seen) {
                    Ok(opened) => break opened,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        };
        assert_eq!(crate::support::soon(opened).await, url, "{browser:?}");
        let told = std::fs::read_to_string(&environment).unwrap();
        assert!(told.contains("MARK=of-this-test"), "{browser:?}: {told}");
        assert!(!told.contains("VOUCHSAFE") && !told.contains("of-another"), "{browser:?}: {told}");
        drop(login);
        std::fs::remove_file(&seen).unwrap();
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn the_apis_of_the_tokens_go_with_both_requests() {
    let sandbox = sandbox().await;
    let resources = ["--resource", "https://a.example", "--resource", "https://b.example"];
    let cli = Cli::login(&sandbox, &[&["--client-id", sandbox.public_client_id()][..], &resources].concat());
    signed_in(&sandbox, cli, "alice").await;
    let asked = sandbox.requests_to("/authorize")[0].query.clone().unwrap();
    let sent = String::from_utf8(sandbox.requests_to("/token")[0].body.clone()).unwrap();
    for request in [asked, sent] {
        assert_eq!(request.matches("resource=https%3A%2F%2F").count(), 2, "{request}");
    }
}
