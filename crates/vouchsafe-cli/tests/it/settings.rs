//! Settings for real servers: another name, another algorithm, another clock.
use std::net::TcpListener;
use std::time::Duration;

use vouchsafe_sandbox::Fault;

use crate::login::signed_in;
use crate::support::{Cli, sandbox, visit};

#[tokio::test]
async fn a_provider_that_is_reached_by_another_name_is_signed_in_at() {
    let sandbox = sandbox().await;
    let place = sandbox.issuer().replace("127.0.0.1", "localhost");
    let document = format!("{place}/.well-known/openid-configuration");
    let args = ["--client-id", sandbox.public_client_id(), "--discovery", &document];
    let done = signed_in(&sandbox, Cli::login(&sandbox, &args), "alice").await;
    assert_eq!(done.last()["claims"]["iss"], sandbox.issuer());
    let asked = sandbox.requests_to("/.well-known/openid-configuration");
    assert_eq!(asked.len(), 1);
    assert_eq!(format!("http://{}", asked[0].header("host").unwrap()), place);
    // The check of the issuer is left on.
    let args = ["login", "--issuer", &place, "--discovery", &document, "--json", "--client-id", "me"];
    let done = Cli::new(&args).run().await;
    done.assert_failed(4, "security", "issuer_mismatch");
    let args = ["login", "github", "--discovery", &document, "--json", "--client-id", "me"];
    assert_eq!(Cli::new(&args).run().await.code, Some(2), "GitHub has no metadata");
}

#[tokio::test]
async fn an_algorithm_that_the_provider_does_not_announce_is_accepted_if_it_is_named() {
    let sandbox = sandbox().await;
    sandbox.fault(Fault::HMAC_ANNOUNCED);
    let args = ["--client-id", sandbox.public_client_id()];
    let named = |algorithms: &[&'static str]| {
        let more: Vec<_> = algorithms.iter().flat_map(|name| ["--id-token-alg", name]).collect();
        Cli::login(&sandbox, &[&args[..], &more].concat())
    };
    // Nobody has to sign in to learn that it cannot end well.
    let message = named(&[]).run().await.assert_failed(2, "usage", "id_token_algorithm_not_supported");
    assert!(message.contains("HS256") && message.contains("--id-token-alg"), "{message}");
    signed_in(&sandbox, named(&["ES256", "RS256"]), "alice").await;
    for name in ["HS256", "none", "rs256"] {
        let message = named(&[name]).run().await.assert_failed(2, "usage", "id_token_algorithms");
        assert!(message.contains(name) && message.contains("--id-token-alg"), "{message}");
    }
}

#[tokio::test]
async fn the_clock_of_the_provider_may_differ_as_much_as_it_is_told_to() {
    let sandbox = sandbox().await;
    sandbox.advance_clock(Duration::from_secs(100));
    let args = ["--client-id", sandbox.public_client_id()];
    let mut login = Cli::login(&sandbox, &args).start();
    let url = login.authorization_url().await;
    visit(&sandbox.person("alice").allow(&url).await.unwrap()).await;
    let message = login.end().await.assert_failed(4, "security", "not_yet_valid");
    assert!(message.contains("--clock-skew SECONDS"), "{message}");
    let cli = Cli::login(&sandbox, &[&args[..], &["--clock-skew", "160"]].concat());
    let done = signed_in(&sandbox, cli, "alice").await;
    let token = done.last()["token"]["id_token"].as_str().unwrap().to_owned();
    let inspect = async |more: &[&str]| {
        let args = [&["inspect", "--issuer", sandbox.issuer(), "--json"], more].concat();
        Cli::new(&args).run_with_input(&token).await
    };
    inspect(&[]).await.assert_failed(4, "security", "not_yet_valid");
    assert_eq!(inspect(&["--clock-skew", "160"]).await.code, Some(0));
    for skew in ["301", "-1", "long"] {
        let done = Cli::new(&["inspect", "--clock-skew", skew, "--json"]).run().await;
        let message = done.assert_failed(2, "usage", "invalid_argument");
        assert!(message.contains("from 0 to 300"), "{message}");
    }
}

#[tokio::test]
async fn a_keycloak_on_this_machine_is_reached_by_http() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("localhost:{}", closed.local_addr().unwrap().port());
    drop(closed);
    for given in [host.clone(), format!("http://{host}")] {
        let param = format!("host={given}");
        let args = [
            "login",
            "keycloak",
            "--param",
            &param,
            "--param",
            "realm=My Realm",
            "--client-id",
            "me",
            "--json",
        ];
        let message = Cli::new(&args).run().await.assert_failed(5, "network", "connect");
        assert!(message.contains(&format!("http://{host}")), "{message}");
    }
}

#[tokio::test]
async fn a_page_that_is_missing_names_the_parameters_and_their_option() {
    let sandbox = sandbox().await;
    let host = format!("host={}", sandbox.issuer());
    let args =
        ["login", "keycloak", "--param", &host, "--param", "realm=main", "--client-id", "me", "--json"];
    let message = Cli::new(&args).run().await.assert_failed(5, "network", "http_status");
    for expected in ["realm = main", "may need a path", "--param NAME=VALUE"] {
        assert!(message.contains(expected), "{expected}: {message}");
    }
    assert!(!message.contains("Use the issuer"), "{message}");
}
