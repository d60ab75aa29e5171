//! `vouchsafe setup`: from nothing to a first sign-in, by options and at a terminal.
#[cfg(target_os = "linux")]
mod person;

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

use serde_json::json;
use url::{Position, Url};
use vouchsafe_sandbox::{ActedProvider, Sandbox};

use crate::support::{Cli, Done, answering, http, redirect_uri, sandbox, send, visit};

/// The providers that people set up most, and those with something of their own: a key, a tenant, a realm, a shop.
const PROVIDERS: [&str; 8] =
    ["google", "github", "apple", "microsoft", "slack", "keycloak", "spotify", "shopify"];

/// A folder of one test, which is deleted after it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("vouchsafe-setup-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// The private key of Apple's client at the sandbox.
    fn key(&self, acted: &ActedProvider) -> Option<String> {
        let path = self.path("AuthKey.p8");
        fs::write(&path, acted.client_key()?.pem()).unwrap();
        Some(path)
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path(".env")).unwrap_or_default()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A redirect URI on a port that is free.
fn free_redirect_uri(slug: &str) -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}/callback/{slug}")
}

/// Comes back from the provider, as a browser does: by a link, or by a form.
async fn come_back(sandbox: &Sandbox, url: &str) {
    let callback = sandbox.person("alice").allow(url).await.unwrap();
    if !url.contains("response_mode=form_post") {
        assert_eq!(visit(&callback).await.status, 200, "{callback}");
        return;
    }
    let (at, form) = (redirect_uri(url), callback.split_once('?').unwrap().1);
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        &at[Position::BeforePath..],
        form.len()
    );
    assert_eq!(send(&at, &request).await.status, 200);
}

fn setup(slug: &str, folder: &Folder, more: &[&str]) -> Cli {
    let out = folder.path(".env");
    Cli::new(&[&["setup", slug, "--json", "--no-browser", "--out", &out], more].concat())
}

fn events(done: &Done) -> Vec<String> {
    done.json().iter().map(|line| line["event"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_script_sets_up_each_provider_and_ends_signed_in() {
    let sandbox = sandbox().await;
    for slug in PROVIDERS {
        let folder = Folder::new(&format!("script-{slug}"));
        let acted = sandbox.provider(slug).unwrap();
        let (uri, key) = (free_redirect_uri(slug), folder.key(&acted));
        let mut options =
            vec!["--at", sandbox.issuer(), "--redirect-uri", &uri, "--client-id", acted.client_id()];
        if let (Some(path), Some(key)) = (&key, acted.client_key()) {
            options.extend(["--client-key", path, "--key-id", key.key_id(), "--team-id", key.team_id()]);
        }
        let mut cli = setup(slug, &folder, &options);
        if key.is_none() {
            cli = cli.env("VOUCHSAFE_CLIENT_SECRET", acted.client_secret());
        }
        let mut running = cli.start();
        let plan = running.event("setup").await;
        assert_eq!((&plan["provider"], &plan["redirect_uri"]), (&json!(slug), &json!(uri)));
        let url = running.authorization_url().await;
        come_back(&sandbox, &url).await;
        let done = running.end().await;
        assert_eq!(done.code, Some(0), "{slug}: {done:#?}");
        assert_eq!(done.last()["identity"]["subject"], acted.subject_of(&sandbox_user()), "{slug}");
        let told: Vec<_> = events(&done).into_iter().filter(|event| event != "warning").collect();
        assert_eq!(told, ["setup", "credentials", "written", "authorization_url", "login"], "{slug}");
        let verdict = done.json().into_iter().find(|line| line["event"] == "credentials").unwrap();
        assert_eq!(verdict["verdict"], "accepted", "{slug}: {verdict}");

        let (text, name) = (folder.text(), slug.to_uppercase());
        assert!(text.contains(&format!("{name}_CLIENT_ID={}\n", acted.client_id())), "{text}");
        assert!(text.contains(&format!("{name}_REDIRECT_URI={uri}\n")), "{text}");
        match acted.client_key() {
            Some(key) => assert!(text.contains(&format!("APPLE_KEY_ID={}\n", key.key_id())), "{text}"),
            None => {
                assert!(
                    text.contains(&format!("{name}_CLIENT_SECRET={}\n", acted.client_secret())),
                    "{text}"
                );
            }
        }
        assert_eq!(plan["variables"].as_array().unwrap().len(), text.lines().count(), "{slug}: {plan}");
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::MetadataExt::mode(&fs::metadata(folder.path(".env")).unwrap()) & 0o777,
            0o600
        );
        if !acted.client_secret().is_empty() {
            done.assert_silent_about(acted.client_secret());
        }
    }
}

fn sandbox_user() -> vouchsafe_sandbox::User {
    vouchsafe_sandbox::User::alice()
}

#[tokio::test]
async fn what_is_missing_is_named_with_its_option_and_nothing_is_asked_of_a_script() {
    let folder = Folder::new("missing");
    for (slug, more, code, words) in [
        ("google", &[][..], "client_id", "--client-id"),
        ("google", &["--client-id", "x"], "client_secret", "VOUCHSAFE_CLIENT_SECRET"),
        ("apple", &["--client-id", "com.example.web"], "redirect_uri", "--redirect-uri"),
        (
            "apple",
            &["--redirect-uri", "https://a.example/", "--client-id", "com.example.web"],
            "team_id",
            "--team-id",
        ),
        ("keycloak", &["--client-id", "x"], "invalid_param", "--param host="),
        ("shopify", &["--param", "shop=acme.myshopify.com"], "invalid_param", "acme-toys"),
        ("shopify", &["--param", "store=acme"], "invalid_param", "shop"),
        ("gogle", &[], "unknown_provider", "google"),
        ("google", &["--redirect-uri", "http://app.example.com/"], "redirect_uri", "https"),
    ] {
        let done = setup(slug, &folder, more).run().await;
        let message = done.assert_failed(2, "usage", code);
        assert!(message.contains(words), "{slug} {more:?}: {message}");
    }
    assert!(fs::read_dir(&folder.0).unwrap().next().is_none(), "nothing was written");
}

#[tokio::test]
async fn a_dry_run_tells_the_plan_and_sends_and_writes_nothing() {
    let folder = Folder::new("dry");
    for (slug, uri, count) in [
        ("google", "http://localhost:3000/callback/google", 3),
        ("spotify", "http://127.0.0.1:3000/callback/spotify", 3),
        ("apple", "https://app.example.com/callback/apple", 5),
    ] {
        let done = setup(slug, &folder, &["--dry-run"]).run().await;
        assert_eq!(done.code, Some(0), "{done:#?}");
        let plan = done.last();
        assert_eq!((&plan["event"], &plan["redirect_uri"]), (&json!("setup"), &json!(uri)));
        assert_eq!(plan["variables"].as_array().unwrap().len(), count, "{plan}");
        assert!(
            plan["steps"].as_array().unwrap().len() > 3
                && plan["console"].as_str().unwrap().starts_with("https://")
        );
    }
    let keycloak = ["--dry-run", "--param", "host=id.example.com", "--param", "realm=main"];
    let plan = setup("keycloak", &folder, &keycloak).run().await.last();
    assert_eq!(plan["console"], "https://id.example.com/admin/master/console/#/main/clients");
    let uuid = "11112222-bbbb-3333-cccc-4444dddd5555";
    let done = setup("microsoft", &folder, &["--dry-run", "--client-id", "an-id"])
        .env("VOUCHSAFE_CLIENT_SECRET", uuid)
        .run()
        .await;
    let warnings: Vec<_> = done.json().into_iter().filter(|line| line["event"] == "warning").collect();
    let told = |code: &str| warnings.iter().find(|line| line["code"] == code).unwrap()["message"].to_string();
    assert!(
        told("client_id").contains("UUID") && told("client_secret").contains("Secret ID"),
        "{warnings:?}"
    );
    done.assert_silent_about(uuid);
    assert!(fs::read_dir(&folder.0).unwrap().next().is_none(), "nothing was written");
}

#[tokio::test]
async fn a_client_that_the_provider_refuses_is_told_before_anything_is_written() {
    let sandbox = sandbox().await;
    let folder = Folder::new("refused");
    for (slug, id, secret) in [
        ("google", "google-client", "a-wrong-secret"),
        ("google", "another-client", "a-wrong-secret"),
        ("github", "github-client", "a-wrong-secret"),
        ("slack", "slack-client", "a-wrong-secret"),
    ] {
        let options = ["--at", sandbox.issuer(), "--client-id", id];
        let done = setup(slug, &folder, &options).env("VOUCHSAFE_CLIENT_SECRET", secret).run().await;
        done.assert_failed(3, "provider", "invalid_client");
        done.assert_silent_about(secret);
    }
    assert_eq!(folder.text(), "");
}

/// A definition whose token endpoint gives these responses.
async fn answering_definition(folder: &Folder, status: &str, kind: &str, body: &str) -> String {
    let url = answering(http(status, kind, body)).await;
    let path = folder.path("acme.toml");
    let toml = format!(
        "slug = \"acme\"\ndisplay_name = \"Acme\"\nkind = \"oauth2\"\nauthorization_endpoint = \"{url}/authorize\"\n\
         token_endpoint = \"{url}/token\"\nclient_auth = \"client_secret_post\"\ndocumentation = \"https://acme.example/docs\"\n"
    );
    fs::write(&path, toml).unwrap();
    path
}

#[tokio::test]
async fn a_provider_that_does_not_tell_is_never_said_to_accept_the_client() {
    let folder = Folder::new("unknown");
    for (status, kind, body, why) in [
        (
            "400 Bad Request",
            "application/json",
            r#"{"error":"invalid_grant"}"#,
            "made-up secret in the same way",
        ),
        ("400 Bad Request", "application/json", r#"{"error":"invalid_request"}"#, "invalid_request"),
        ("400 Bad Request", "text/html", "<p>no</p>", "names no error"),
        ("500 Internal Server Error", "text/plain", "no", "names no error"),
        ("200 OK", "application/json", r#"{"access_token":"a","token_type":"bearer"}"#, "for a made-up code"),
    ] {
        let definition = answering_definition(&folder, status, kind, body).await;
        let options = ["--client-id", "an-id", "--no-login", "--replace"];
        let done =
            setup(&definition, &folder, &options).env("VOUCHSAFE_CLIENT_SECRET", "a-secret").run().await;
        assert_eq!(done.code, Some(0), "{body}: {done:#?}");
        let told = done.json().into_iter().find(|line| line["event"] == "credentials").unwrap();
        assert_eq!(told["verdict"], "unknown", "{body}: {told}");
        assert!(told["message"].as_str().unwrap().contains(why), "{body}: {told}");
        assert_eq!(events(&done), ["setup", "credentials", "written"]);
        assert!(folder.text().starts_with("ACME_CLIENT_ID=an-id\nACME_CLIENT_SECRET=a-secret\n"));
    }
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_ends_the_setup_unless_the_check_is_left_out() {
    let folder = Folder::new("away");
    let definition = answering_definition(&folder, "200 OK", "text/plain", "").await;
    let toml = fs::read_to_string(&definition).unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let own = Url::parse(toml.split('"').find(|part| part.ends_with("/token")).unwrap()).unwrap();
    fs::write(&definition, toml.replace(&own[Position::BeforeHost..Position::AfterPort], &gone.to_string()))
        .unwrap();
    let run = |more: &'static [&'static str]| {
        let options = [&["--client-id", "an-id", "--no-login"], more].concat();
        setup(&definition, &folder, &options).env("VOUCHSAFE_CLIENT_SECRET", "a-secret").run()
    };
    let message = run(&[]).await.assert_failed(5, "network", "connect");
    assert!(message.contains("--no-check") && folder.text().is_empty(), "{message}");
    assert_eq!(run(&["--no-check"]).await.code, Some(0));
    assert!(folder.text().contains("ACME_CLIENT_SECRET=a-secret"));
}

#[tokio::test]
async fn a_client_with_a_key_of_its_own_needs_no_secret() {
    let (sandbox, folder) = (sandbox().await, Folder::new("key"));
    let key = folder.key(&sandbox.provider("apple").unwrap()).unwrap();
    let definition = answering_definition(&folder, "200 OK", "text/plain", "").await;
    let options = ["--client-id", "an-id", "--client-auth", "private_key_jwt", "--no-check", "--no-login"];
    let message = setup(&definition, &folder, &options).run().await.assert_failed(2, "usage", "client_key");
    assert!(message.contains("--client-key"), "{message}");
    let done = setup(&definition, &folder, &[&options[..], &["--client-key", &key]].concat()).run().await;
    assert_eq!(done.code, Some(0), "{done:#?}");
    let text = folder.text();
    // A path of Windows is quoted.
    let line = text.lines().find_map(|line| line.strip_prefix("ACME_KEY_FILE=")).unwrap();
    assert!(line.trim_matches('\'') == key && !text.contains("SECRET"), "{text}");
}

/// A setup that writes the file and nothing else.
async fn written(folder: &Folder, out: &str, more: &[&str]) -> Done {
    let mut args =
        vec!["setup", "github", "--json", "--no-check", "--no-login", "--client-id", "Ov23liAAAAAAAAAAAAAA"];
    args.extend(["--out", out]);
    args.extend(more);
    let _ = folder;
    Cli::new(&args).env("VOUCHSAFE_CLIENT_SECRET", "0123456789abcdef0123456789abcdef01234567").run().await
}

#[tokio::test]
async fn other_lines_of_the_file_stay_and_a_value_is_replaced_only_when_asked() {
    let folder = Folder::new("lines");
    let out = folder.path(".env");
    fs::write(&out, "# mine\nOTHER='a b'\nGITHUB_CLIENT_ID=old\nGITHUB_CLIENT_SECRET=").unwrap();
    let message = written(&folder, &out, &[]).await.assert_failed(2, "usage", "value_exists");
    assert!(message.contains("GITHUB_CLIENT_ID") && message.contains("--replace"), "{message}");
    assert!(!message.contains("GITHUB_CLIENT_SECRET"), "an empty value may be filled in: {message}");
    assert!(folder.text().contains("GITHUB_CLIENT_ID=old\n"), "it was left as it was");
    assert_eq!(written(&folder, &out, &["--replace"]).await.code, Some(0));
    let expected = "# mine\nOTHER='a b'\nGITHUB_CLIENT_ID=Ov23liAAAAAAAAAAAAAA\n\
        GITHUB_CLIENT_SECRET=0123456789abcdef0123456789abcdef01234567\n\
        GITHUB_REDIRECT_URI=http://localhost:3000/callback/github\n";
    assert_eq!(folder.text(), expected);
    // The same values again are no conflict.
    assert_eq!(written(&folder, &out, &[]).await.code, Some(0));
    assert_eq!(folder.text(), expected);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, symlink};
        assert_eq!(
            fs::metadata(&out).unwrap().mode() & 0o777,
            0o600,
            "also a file that others could read before"
        );
        let link = folder.path("link");
        symlink(&out, &link).unwrap();
        assert_eq!(
            written(&folder, &link, &["--redirect-uri", "https://a.example/", "--replace"]).await.code,
            Some(0)
        );
        assert!(
            fs::symlink_metadata(&link).unwrap().is_symlink() && folder.text().contains("https://a.example/")
        );
    }
    let left: Vec<_> = fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == ".env" || name == "link"), "{left:?}");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_told_before_anything_is_asked() {
    let folder = Folder::new("file");
    let nowhere = folder.path("no/such/folder/.env");
    for out in [&*nowhere, &*folder.path(".")] {
        let message = written(&folder, out, &[]).await.assert_failed(7, "local", "file");
        assert!(message.contains("--out"), "{message}");
    }
    #[cfg(unix)]
    {
        written(&folder, "/dev/full", &[]).await.assert_failed(7, "local", "file");
        fs::write(folder.path("not-text"), [0xff, 0xfe]).unwrap();
        written(&folder, &folder.path("not-text"), &[]).await.assert_failed(7, "local", "file");
    }
}

/// No room: a limit on the size of files acts as a full disk does.
#[cfg(unix)]
#[tokio::test]
async fn a_full_disk_leaves_the_file_as_it_was() {
    let folder = Folder::new("full");
    let out = folder.path(".env");
    fs::write(&out, "OTHER=1\n").unwrap();
    let line = format!(
        "trap '' XFSZ; ulimit -f 0; exec {} setup github --json --no-check --no-login --client-id Ov23liAAAAAAAAAAAAAA --out {out}",
        env!("CARGO_BIN_EXE_vouchsafe")
    );
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &line]).env("VOUCHSAFE_CLIENT_SECRET", "a-secret").env("VOUCHSAFE_STORE", "memory:");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!((&last["kind"], &last["code"]), (&json!("local"), &json!("file")), "{last}");
    assert_eq!(folder.text(), "OTHER=1\n");
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "nothing is left over");
}

#[tokio::test]
async fn help_teaches_the_steps() {
    let help = Cli::new(&["setup", "--help"]).run().await.stdout();
    for words in [
        "vouchsafe setup google",
        "--dry-run",
        "for a code that was made",
        "GOOGLE_CLIENT_SECRET",
        "Do not commit",
    ] {
        assert!(help.contains(words), "{words}: {help}");
    }
}
