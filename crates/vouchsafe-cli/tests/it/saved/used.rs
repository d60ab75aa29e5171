//! The commands that use a saved login.
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::Home;
use crate::login::signed_in;
use crate::support::{Cli, answering, answering_each, http};

const SECRET: &str = "VOUCHSAFE_CLIENT_SECRET";

#[tokio::test]
async fn a_saved_login_is_listed_without_any_token() {
    let home = Home::with_login().await;
    let [saved] = &home.json(&["list"]).await[..] else { panic!("one login was saved") };
    let end = saved["expires_at"].as_u64().unwrap();
    let expected = json!({"event": "saved", "name": "work", "provider": "openid", "subject": "sandbox-user-alice",
        "email": "alice@example.com", "expires_at": end, "state": "fresh"});
    assert_eq!(*saved, expected);
    let person = home.cli(&["list"]).run().await;
    assert!(person.stdout().contains("work  openid as alice@example.com  fresh, expires in"), "{person:?}");
    person.assert_silent_about(&home.token().await);
    home.expire().await;
    assert_eq!(home.json(&["list"]).await[0]["state"], "expired");
}

#[tokio::test]
async fn a_login_without_a_name_has_that_of_the_host_and_one_with_the_same_name_is_replaced() {
    let home = Home::new().await;
    let client = ["--client-id", home.sandbox.public_client_id()];
    home.login(&client).await;
    home.login(&client).await;
    let names: Vec<_> = home.json(&["list"]).await.iter().map(|saved| saved["name"].clone()).collect();
    assert_eq!(names, ["127.0.0.1"]);
    assert!(home.json(&["list", "--store", "memory:"]).await.is_empty());
}

#[tokio::test]
async fn a_valid_token_is_printed_without_a_request() {
    let home = Home::with_login().await;
    home.sandbox.clear_requests();
    let token = home.token().await;
    let [line] = &home.json(&["token", "work"]).await[..] else { panic!("one line") };
    let expected = json!({"event": "token", "access_token": token, "token_type": "Bearer",
        "expires_at": line["expires_at"], "scope": ["openid", "profile", "email"]});
    assert_eq!(*line, expected);
    assert!(line["expires_at"].is_u64() && home.sandbox.requests().is_empty());
}

#[tokio::test]
async fn a_token_is_printed_as_other_programs_expect_it() {
    let home = Home::with_login().await;
    let token = home.token().await;
    let printed = async |format: &str| home.cli(&["token", "work", "--format", format]).run().await.lines;
    let git = printed("git-credential").await;
    assert_eq!(git[..2], ["username=oauth2".to_owned(), format!("password={token}")]);
    assert!(git.len() == 3 && git[2].starts_with("password_expiry_utc="), "{git:?}");
    let object = |lines: Vec<String>| serde_json::from_str::<Value>(&lines.concat()).unwrap();
    assert_eq!(object(printed("docker").await), json!({"Username": "oauth2", "Secret": token}));
    let process = object(printed("credential-process").await);
    assert_eq!((&process["Version"], &process["AccessToken"]), (&json!(1), &json!(token)));
    assert!(process["Expiration"].as_str().unwrap().ends_with('Z'), "{process}");
}

#[tokio::test]
async fn an_expired_token_is_refreshed_and_the_new_one_is_kept() {
    let home = Home::with_login().await;
    let old = home.token().await;
    home.expire().await;
    let new = home.token().await;
    assert_ne!(new, old);
    assert_eq!(home.token().await, new);
    assert_eq!(home.token_requests(), 2);
    assert_eq!(home.json(&["list"]).await[0]["email"], "alice@example.com", "the identity stays");
}

#[tokio::test]
async fn a_refresh_is_forced_even_if_the_token_is_valid() {
    let home = Home::with_login().await;
    let old = home.token().await;
    let refreshed = home.json(&["refresh", "work"]).await;
    assert_eq!((refreshed.len(), &refreshed[0]["event"]), (1, &json!("token")));
    assert_ne!(refreshed[0]["access_token"], old);
    assert_eq!(home.token().await, refreshed[0]["access_token"]);
    home.expire().await;
    home.json(&["refresh", "work"]).await;
    assert_eq!(home.token_requests(), 3, "an expired token is refreshed once");
}

#[tokio::test]
async fn the_provider_says_who_signed_in() {
    let home = Home::with_login().await;
    let identity = json!({"event": "identity", "provider": "openid", "subject": "sandbox-user-alice",
        "email": "alice@example.com", "email_verified": true, "name": "Alice Liddell"});
    let [said] = &home.json(&["whoami", "work"]).await[..] else { panic!("one line") };
    let mut said = said.clone();
    said.as_object_mut().unwrap().remove("picture");
    assert_eq!(said, identity);
    let person = home.cli(&["whoami", "work"]).run().await.stdout();
    assert!(person.contains("alice@example.com (verified by the provider)"), "{person}");
    let [profile] = &home.json(&["profile", "work"]).await[..] else { panic!("one line") };
    assert_eq!(
        (&profile["event"], &profile["profile"]["sub"]),
        (&json!("profile"), &json!("sandbox-user-alice"))
    );
    let person = home.cli(&["profile", "work"]).run().await.stdout();
    assert_eq!(serde_json::from_str::<Value>(&person).unwrap(), profile["profile"]);
}

#[tokio::test]
async fn the_provider_says_whether_the_token_is_active() {
    let home = Home::new().await;
    let args = ["--client-id", home.sandbox.client_id(), "--save", "work", "--save-secret"];
    let cli = Cli::login(&home.sandbox, &args).env("VOUCHSAFE_STORE", home.url());
    signed_in(&home.sandbox, cli.env(SECRET, home.sandbox.client_secret()), "alice").await;
    let [said] = &home.json(&["introspect", "work"]).await[..] else { panic!("one line") };
    let told = (&said["event"], &said["token"]["active"], &said["token"]["username"]);
    assert_eq!(told, (&json!("introspection"), &json!(true), &json!("alice")));
    let person = home.cli(&["introspect", "work"]).run().await;
    assert!(person.stdout().contains("\"active\": true"), "{person:?}");
}

#[tokio::test]
async fn an_api_gets_the_token_and_once_more_a_new_one_if_it_refuses_the_first() {
    let home = Home::with_login().await;
    let url = format!("{}/userinfo", home.sandbox.issuer());
    let done = home.cli(&["request", "work", &url, "-H", "Accept: application/json"]).run().await;
    let body: Value = serde_json::from_str(&done.stdout()).unwrap();
    assert_eq!((done.code, &body["sub"]), (Some(0), &json!("sandbox-user-alice")), "{done:?}");
    // For the provider, the token is over; this machine does not know it.
    home.sandbox.advance_clock(std::time::Duration::from_secs(7200));
    home.sandbox.clear_requests();
    let response = home.json(&["request", "work", &url]).await.remove(0);
    assert_eq!((&response["event"], &response["status"]), (&json!("response"), &json!(200)), "{response}");
    assert_eq!((home.token_requests(), home.sandbox.requests_to("/userinfo").len()), (1, 2));
    // Other mistakes are the caller's, and the response is shown.
    let done =
        home.cli(&["request", "work", &format!("{}/nothing", home.sandbox.issuer()), "-v"]).run().await;
    assert!(done.code == Some(0) && done.stderr.contains("404"), "{done:?}");
    home.failing(&["request", "work", "http://api.example/"], 2, "usage", "invalid_url").await;
    home.failing(&["request", "work", "https://api.example/", "-H", "bad"], 2, "usage", "invalid_argument")
        .await;
}

#[tokio::test]
async fn a_bound_token_goes_to_an_api_with_a_proof_of_its_key() {
    let home = Home::new().await;
    home.login(&["--client-id", home.sandbox.public_client_id(), "--dpop", "--save", "work"]).await;
    assert_eq!(home.json(&["token", "work"]).await[0]["token_type"], "DPoP");
    let url = format!("{}/resource", home.sandbox.issuer());
    let scheme = |response: Value| {
        let body: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
        (response["status"].clone(), body["scheme"].clone())
    };
    let used = (json!(200), json!("DPoP"));
    assert_eq!(scheme(home.json(&["request", "work", &url]).await.remove(0)), used);
    home.sandbox.advance_clock(std::time::Duration::from_secs(7200));
    assert_eq!(scheme(home.json(&["request", "work", &url]).await.remove(0)), used);
    assert_eq!(home.token_requests(), 2, "the login and one refresh");
}

#[tokio::test]
async fn the_application_gets_a_token_for_itself() {
    let body = r#"{"access_token":"of-the-app","token_type":"Bearer","expires_in":600,"scope":"read"}"#;
    let base = answering(http("200 OK", "application/json", body)).await;
    let (authorize, token) = (format!("{base}/authorize"), format!("{base}/token"));
    let args =
        ["client-credentials", "--authorize-url", &authorize, "--token-url", &token, "--client-id", "app"];
    let printed =
        Cli::new(&[&args[..], &["--json", "--scope", "read"]].concat()).env(SECRET, "app-secret").run().await;
    let line = printed.last();
    assert_eq!(
        (&line["event"], &line["access_token"]),
        (&json!("token"), &json!("of-the-app")),
        "{printed:?}"
    );
    assert_eq!(line["scope"], json!(["read"]));
    printed.assert_silent_about("app-secret");
    let printed = Cli::new(&args).env(SECRET, "app-secret").run().await;
    assert_eq!((printed.code, &*printed.stdout()), (Some(0), "of-the-app"));
}

#[tokio::test]
async fn a_saved_token_of_the_application_is_requested_again_when_it_has_ended() {
    let home = Home::new().await;
    let mut number = 0;
    let base = answering_each(move || {
        number += 1;
        let life = if number == 1 { 0 } else { 600 };
        let body =
            json!({"access_token": format!("own-{number}"), "token_type": "Bearer", "expires_in": life});
        http("200 OK", "application/json", &body.to_string())
    })
    .await;
    let (authorize, token) = (format!("{base}/authorize"), format!("{base}/token"));
    let args =
        ["client-credentials", "--authorize-url", &authorize, "--token-url", &token, "--client-id", "app"];
    let save = |name, more: &[&str]| {
        home.cli(&[&args[..], &["--save", name], more].concat()).env(SECRET, "app-secret").run()
    };
    let saved = save("service", &["--save-secret", "--scope", "read"]).await;
    assert_eq!((saved.code, &*saved.stdout()), (Some(0), "own-1"), "{saved:?}");
    // The first has expired; sixteen at once cause one request.
    let asking = (0..16).map(|_| home.cli(&["token", "service"]).run());
    for printed in asking.collect::<JoinSet<_>>().join_all().await {
        assert_eq!((printed.code, &*printed.stdout()), (Some(0), "own-2"), "{printed:?}");
    }
    let refreshed = home.json(&["refresh", "service"]).await;
    assert_eq!(refreshed[0]["access_token"], "own-3");
    let [listed] = &home.json(&["list"]).await[..] else { panic!("one is saved") };
    assert_eq!((&listed["name"], &listed["state"]), (&json!("service"), &json!("fresh")));

    assert_eq!(save("other", &[]).await.code, Some(0));
    home.failing(&["refresh", "other"], 2, "usage", "missing_secret").await;
    let own = home.cli(&["refresh", "other"]).env(SECRET, "app-secret").run().await;
    assert_eq!((own.code, &*own.stdout()), (Some(0), "own-5"), "{own:?}");
}

#[tokio::test]
async fn a_client_secret_is_asked_for_again_unless_it_was_saved() {
    let home = Home::new().await;
    let secret = home.sandbox.client_secret().to_owned();
    for (name, more) in [("asked", &[][..]), ("kept", &["--save-secret"])] {
        let args = [&["--client-id", home.sandbox.client_id(), "--save", name], more].concat();
        let cli = Cli::login(&home.sandbox, &args).env("VOUCHSAFE_STORE", home.url()).env(SECRET, &secret);
        signed_in(&home.sandbox, cli, "alice").await;
    }
    // A valid token needs none.
    for command in ["token", "whoami", "profile"] {
        assert_eq!(home.cli(&[command, "asked"]).run().await.code, Some(0), "{command}");
    }
    let message = home.failing(&["refresh", "asked"], 2, "usage", "missing_secret").await;
    assert!(message.contains("--client-secret-file"), "{message}");
    let done = home.cli(&["refresh", "asked", "-v"]).env(SECRET, &secret).run().await;
    assert_eq!(done.code, Some(0), "{done:?}");
    done.assert_silent_about(&secret);
    let file = home.folder.join("secret");
    std::fs::write(&file, &secret).unwrap();
    home.json(&["refresh", "asked", "--client-secret-file", file.to_str().unwrap()]).await;
    // The variable may hold the secret of another client.
    let done = home.cli(&["refresh", "kept"]).env(SECRET, "of-another-client").run().await;
    assert_eq!(done.code, Some(0), "{done:?}");
}

#[tokio::test]
async fn a_public_client_stays_public_whatever_the_variable_holds() {
    let home = Home::with_login().await;
    let done = home.cli(&["refresh", "work"]).env(SECRET, "of-another-client").run().await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let request = home.sandbox.requests_to("/token").pop().unwrap();
    assert!(request.header("authorization").is_none() && request.form_value("client_secret").is_none());
}

#[tokio::test]
async fn a_login_by_a_definition_file_needs_the_file_no_more() {
    let home = Home::new().await;
    let path = std::env::temp_dir().join(format!("vouchsafe-gone-{}.toml", std::process::id()));
    std::fs::write(
        &path,
        "slug = \"acme\"\ndisplay_name = \"Acme\"\nkind = \"openid\"\nissuer = \"{issuer}\"\nscopes = [\"openid\"]\n\
         [identity]\nsubject = [\"/sub\"]\n[params.issuer]\nrule = \"url\"\n",
    )
    .unwrap();
    let issuer = format!("issuer={}", home.sandbox.issuer());
    let client = home.sandbox.public_client_id();
    let args = [
        "login",
        path.to_str().unwrap(),
        "--param",
        &issuer,
        "--client-id",
        client,
        "--json",
        "--no-browser",
    ];
    signed_in(&home.sandbox, home.cli(&args), "alice").await;
    std::fs::remove_file(path).unwrap();
    assert_eq!(home.json(&["refresh", "acme"]).await[0]["event"], "token");
    assert_eq!(home.json(&["whoami", "acme"]).await[0]["provider"], "acme");
}

#[tokio::test]
async fn a_narrower_scope_is_a_warning() {
    let home = Home::new().await;
    let url = |path: &str| format!("{}{path}", home.sandbox.issuer());
    let body = r#"{"access_token":"narrow","token_type":"Bearer","expires_in":600,"scope":"email"}"#;
    let refresh = answering(http("200 OK", "application/json", body)).await;
    let (authorize, token, client) = (url("/authorize"), url("/token"), home.sandbox.public_client_id());
    let urls = ["--authorize-url", &authorize, "--token-url", &token, "--refresh-url", &refresh];
    let more = ["--client-id", client, "--scope", "email profile offline_access", "--json", "--no-browser"];
    signed_in(&home.sandbox, home.cli(&[&["login"], &urls[..], &more].concat()), "alice").await;
    let lines = home.json(&["refresh", "oauth2"]).await;
    let [warning, token] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((&warning["event"], &warning["code"]), (&json!("warning"), &json!("scope")));
    assert_eq!((&token["access_token"], &token["scope"]), (&json!("narrow"), &json!(["email"])));
}
