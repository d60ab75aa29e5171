//! The commands that need no login, their help, and colour.
use serde_json::json;

use crate::support::{Cli, answering, http, sandbox};

const COMMANDS: [&str; 19] = [
    "login",
    "setup",
    "token",
    "list",
    "request",
    "whoami",
    "profile",
    "introspect",
    "refresh",
    "revoke",
    "logout",
    "client-credentials",
    "providers",
    "discover",
    "inspect",
    "sandbox",
    "demo",
    "completions",
    "man",
];

#[tokio::test]
async fn every_provider_of_the_catalogue_is_listed() {
    let done = Cli::new(&["providers", "--json"]).run().await;
    let listed: Vec<_> = done.json().iter().map(|p| p["slug"].as_str().unwrap().to_owned()).collect();
    assert!(vouchsafe_providers::slugs().eq(listed.iter().map(String::as_str)));
    assert!(done.json().iter().all(|p| p["event"] == "provider" && p["display_name"].is_string()));

    let person = Cli::new(&["providers"]).run().await;
    for slug in vouchsafe_providers::slugs() {
        assert!(person.lines.iter().any(|line| line.starts_with(slug)), "{slug}");
        let one = Cli::new(&["providers", slug]).run().await;
        assert_eq!(one.code, Some(0));
        assert!(one.stdout().contains(&vouchsafe_providers::get(slug).unwrap().documentation), "{slug}");
    }
    Cli::new(&["providers", "gihtub", "--json"]).run().await.assert_failed(2, "usage", "unknown_provider");
}

#[tokio::test]
async fn metadata_is_fetched_and_reported_on() {
    let sandbox = sandbox().await;
    let done = Cli::new(&["discover", sandbox.issuer(), "--json"]).run().await;
    assert_eq!(done.code, Some(0));
    let metadata = done.last();
    assert_eq!((&metadata["event"], &metadata["issuer"]), (&json!("metadata"), &json!(sandbox.issuer())));
    assert_eq!(metadata["metadata"]["token_endpoint"], format!("{}/token", sandbox.issuer()));
    assert!(metadata["offers"].as_array().unwrap().contains(&json!("pkce")));
    assert_eq!(metadata["unsafe"], json!(["http"]));

    for form in ["openid-configuration/", "openid-configuration?p=x"] {
        let document = format!("{}/.well-known/{form}", sandbox.issuer());
        let done = Cli::new(&["discover", &document, "--json"]).run().await;
        assert_eq!(done.last()["issuer"], sandbox.issuer(), "{form}: {done:?}");
    }
    let document = format!("{}/.well-known/openid-configuration", sandbox.issuer());
    let person = Cli::new(&["discover", &document]).run().await;
    assert_eq!(person.code, Some(0), "{person:?}");
    for expected in ["Offers", "✓ PKCE with S256", "! the issuer is not on https"] {
        assert!(person.stdout().contains(expected), "{expected}: {}", person.stdout());
    }
    Cli::new(&["discover", &format!("{}/other", sandbox.issuer()), "--json"]).run().await.assert_failed(
        5,
        "network",
        "http_status",
    );
}

#[tokio::test]
async fn needs_that_are_not_met_here_are_reported() {
    let issuer = "https://id.example.com";
    let metadata = json!({
        "issuer": issuer, "authorization_endpoint": "https://id.example.com/a", "token_endpoint": "https://id.example.com/t",
        "jwks_uri": "https://id.example.com/k", "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"], "code_challenge_methods_supported": ["S256"],
        "require_pushed_authorization_requests": true, "token_endpoint_auth_methods_supported": ["attest_jwt_client_auth_dpop"],
    });
    let document = answering(http("200 OK", "application/json", &metadata.to_string())).await;
    let args = ["discover", issuer, "--discovery", &document];
    let json = Cli::new(&[&args[..], &["--json"]].concat()).run().await;
    assert_eq!(json.code, Some(0), "{json:?}");
    assert_eq!(json.last()["needs"], json!(["pushed_request_required", "client_auth_not_supported"]));
    let person = Cli::new(&args).run().await.stdout();
    for expected in
        ["Needs what is missing here", "RFC 9126", "attest_jwt_client_auth_dpop", "A login does not start"]
    {
        assert!(person.contains(expected), "{expected}: {person}");
    }
    let args = [
        "login",
        "--issuer",
        issuer,
        "--discovery",
        &document,
        "--client-id",
        "me",
        "--json",
        "--no-browser",
    ];
    Cli::new(&args).run().await.assert_failed(2, "usage", "pushed_request_required");
    // A document of another issuer is refused.
    let done =
        Cli::new(&["discover", "https://other.example", "--discovery", &document, "--json"]).run().await;
    done.assert_failed(4, "security", "issuer_mismatch");
    let sandbox = sandbox().await;
    let done = Cli::new(&["discover", sandbox.issuer(), "--json"]).run().await;
    assert_eq!(done.last()["needs"], json!([]));
}

#[cfg(unix)]
#[tokio::test]
async fn the_sandbox_runs_until_it_is_stopped() {
    let mut running = Cli::new(&["sandbox", "--json"]).start();
    let url = running.event("listening").await["url"].as_str().unwrap().to_owned();
    assert_eq!(Cli::new(&["discover", &url]).run().await.code, Some(0));
    running.signal("INT").await;
    assert_eq!(running.end().await.code, Some(0));

    let mut running =
        Cli::new(&["sandbox", "--json", "--fault", "wrong-nonce", "--fault", "html@userinfo"]).start();
    let facts = running.event("listening").await;
    let sandbox = sandbox().await;
    assert_eq!(facts["issuer"], facts["url"]);
    assert_eq!(facts["client_id"], sandbox.client_id());
    assert_eq!(facts["client_secret"], sandbox.client_secret());
    assert_eq!(facts["public_client_id"], sandbox.public_client_id());
    assert_eq!(facts["faults"], json!(["wrong-nonce", "html@userinfo"]));
    let [alice, bob, carol] = &facts["users"].as_array().unwrap()[..] else { panic!("{facts}") };
    let expected = json!({"username": "alice", "subject": "sandbox-user-alice", "email": "alice@example.com", "email_verified": true});
    assert_eq!(*alice, expected);
    assert_eq!((&bob["username"], &bob["email_verified"]), (&json!("bob"), &json!(false)));
    assert_eq!((&carol["username"], carol.get("email")), (&json!("carol"), None));
    running.signal("TERM").await;
    assert_eq!(running.end().await.code, Some(0));

    let mut running = Cli::new(&["sandbox"]).start();
    let mut told = String::new();
    while !told.contains("Ctrl-C") {
        told.push_str(&running.line().await.unwrap());
    }
    assert!(
        told.contains("sandbox-client") && told.contains("vouchsafe login --issuer http://127.0.0.1:"),
        "{told}"
    );
    running.signal("TERM").await;
    assert_eq!(running.end().await.code, Some(0));
}

#[tokio::test]
async fn help_teaches() {
    let bare = Cli::new(&[]).run().await;
    assert_eq!(bare.code, Some(0));
    assert!(bare.stdout().contains("Examples:") && bare.stdout().contains("vouchsafe login google"));
    for command in COMMANDS {
        assert!(bare.stdout().contains(command), "{command}");
        let help = Cli::new(&[command, "--help"]).run().await;
        assert_eq!(help.code, Some(0));
        assert!(help.stdout().contains("Examples:"), "{command}");
    }
    let version = Cli::new(&["--version"]).run().await;
    assert_eq!(
        (version.code, version.stdout()),
        (Some(0), format!("vouchsafe {}", env!("CARGO_PKG_VERSION")))
    );
}

#[tokio::test]
async fn completions_and_the_manual_are_printed() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let done = Cli::new(&["completions", shell]).run().await;
        assert!(done.code == Some(0) && done.stdout().contains("no-browser"), "{shell}");
    }
    // The generators for the other shells know no values.
    for shell in ["bash", "zsh", "fish"] {
        let script = Cli::new(&["completions", shell]).run().await.stdout();
        for value in
            ["github-enterprise", "wrong-nonce", "html@userinfo", "client_secret_basic", "select_account"]
        {
            assert!(script.contains(value), "{shell}: {value}");
        }
    }
    for command in ["login", "providers", "sandbox"] {
        let help = Cli::new(&[command, "--help"]).run().await.stdout();
        assert!(!help.contains("github-enterprise") && !help.contains("stale-key"), "{help}");
    }
    Cli::new(&["man", "--json"]).run().await.assert_failed(2, "usage", "usage");
}

#[tokio::test]
async fn the_manual_is_one_page_with_every_option_of_every_command() {
    let done = Cli::new(&["man"]).run().await;
    assert_eq!(done.code, Some(0));
    let page = done.stdout().replace("\\-", "-");
    assert_eq!(page.matches(".TH ").count(), 1);
    assert!(!page.contains("(1)"), "there are no other pages to name");
    for command in COMMANDS {
        let heading = format!(".SH VOUCHSAFE {}\n", command.to_uppercase());
        let section = page.split_once(&heading).expect("it has a section").1;
        let section = section.split_once("\n.SH ").expect("other sections follow").0;
        assert!(section.contains("\n.SS EXAMPLES\n"), "{section}");
        let help = Cli::new(&[command, "--help"]).run().await.stdout();
        let options = help.split_once("\nExamples:").unwrap().0.split_whitespace();
        for option in options.filter_map(|word| word.strip_prefix("--")) {
            let name = option.trim_matches(|c: char| !c.is_ascii_alphanumeric());
            let common = ["help", "json", "quiet", "verbose", "color"].contains(&name);
            let place = if common { &page } else { section };
            assert!(place.contains(&format!("\\fB--{name}\\fR")), "{command}: {name}");
        }
    }
}

#[test]
fn a_closed_standard_output_is_not_an_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_vouchsafe"))
        .args(["providers", "--json"])
        .stdout(writer)
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[tokio::test]
async fn colour_follows_the_option_and_otherwise_the_terminal() {
    let is_coloured = |text: &str| text.contains('\u{1b}');
    for args in [&["providers", "google"][..], &["--help"], &["login", "--help"]] {
        // Standard output is a pipe here.
        for (more, coloured) in [
            (&[][..], false),
            (&["--color", "always"], true),
            (&["--color=always"], true),
            (&["--color=never"], false),
        ] {
            let done = Cli::new(&[args, more].concat()).env("NO_COLOR", "1").run().await;
            assert_eq!((done.code, is_coloured(&done.stdout())), (Some(0), coloured), "{args:?} {more:?}");
        }
    }
    for (args, code) in [(["dance"], 2), (["login"], 2)] {
        let done = Cli::new(&[&args[..], &["--color=always"]].concat()).run().await;
        assert_eq!((done.code, is_coloured(&done.stderr)), (Some(code), true), "{done:?}");
        assert!(!is_coloured(&Cli::new(&args).run().await.stderr));
    }
    let json = Cli::new(&["providers", "google", "--json", "--color", "always"]).run().await;
    assert!(!is_coloured(&json.stdout()) && json.last()["slug"] == "google");
}
