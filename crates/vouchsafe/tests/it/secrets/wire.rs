//! The same over the built-in transport, with all that it and what lies below it log.
use std::time::Duration;

use serde_json::json;
use vouchsafe::{Client, ClientAuth, Error, Http, Provider, Registration};
use vouchsafe_sandbox::{ClientConfig, Fault, Sandbox};

use super::faults::faults;
use super::heard::{heard, listen};
use super::{ACCESS, Marks, REFRESH, SECRET};
use crate::scenario::Held;

const REDIRECT_URI: &str = "http://127.0.0.1:9/callback";

/// A login and all that can follow; what went wrong, and what was secret in it.
async fn whole_life(sandbox: &Sandbox, client: &Client, person: &str) -> (Vec<Error>, Marks) {
    let login = client.login().await.unwrap();
    let kept = serde_json::to_value(&login.pending).unwrap();
    let of = |name: &str| kept[name].as_str().unwrap();
    let marks = Marks::of(&[
        ("secret", SECRET),
        ("verifier", of("verifier")),
        ("state", of("state")),
        ("nonce", of("nonce")),
    ]);
    let callback = sandbox.person(person).allow(&login.url).await.unwrap();
    let query = callback.split_once('?').unwrap().1;
    let code = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "code");
    let mut marks = code.iter().fold(marks, |marks, (_, code)| marks.and("code", code));
    let mut errors = Vec::new();
    match client.finish(login.pending, &callback).await {
        Err(error) => errors.push(error),
        Ok(tokens) => {
            let id_token = tokens.id_token().unwrap().expose().to_owned();
            marks = marks
                .and("ID token", id_token.rsplit('.').next().unwrap())
                .and("access token", tokens.access_token().expose());
            marks = marks.and("refresh token", tokens.refresh_token().unwrap().expose());
            marks.absent_from_debug(&tokens);
            errors.extend(client.identity(&tokens).await.err());
            match client.refresh(&tokens).await {
                Ok(fresh) => {
                    marks = marks.and("fresh access token", fresh.access_token().expose());
                    errors.extend(client.revoke(&fresh).await.err());
                    errors.extend(client.profile(&fresh).await.err());
                    errors.extend(client.refresh(&fresh).await.err());
                }
                Err(error) => errors.push(error),
            }
        }
    }
    (errors, marks)
}

#[tokio::test]
async fn no_secret_is_logged_or_told_over_the_wire_whatever_goes_wrong() {
    listen();
    let reused = (Some(Fault::REUSED_REFRESH_TOKEN), Duration::from_secs(30));
    for (i, (fault, limit)) in faults().chain([reused]).enumerate() {
        let sandbox =
            Sandbox::builder().client(ClientConfig::confidential("me", SECRET)).start().await.unwrap();
        let auth = [ClientAuth::ClientSecretBasic, ClientAuth::ClientSecretPost][i % 2];
        let registration =
            Registration::new("me").secret(SECRET).redirect_uri(REDIRECT_URI).client_auth(auth);
        let http = Http::new().unwrap().timeout(limit);
        let client = Client::new(Provider::openid(sandbox.issuer()), registration, &http).unwrap();
        if let Some(fault) = fault {
            sandbox.fault(fault);
        }
        let (errors, marks) = whole_life(&sandbox, &client, "alice").await;
        assert!(!errors.is_empty(), "what was revoked is refused: {fault:?}");
        errors.iter().for_each(|error| marks.absent_from_error(error));
        for request in sandbox.requests().iter().filter(|request| !request.path.starts_with("/authorize")) {
            let query = request.query.as_deref().unwrap_or_default();
            if ["/token", "/revoke", "/userinfo", "/jwks"].contains(&&*request.path) {
                marks.absent_from(query, "the query of a request");
            }
        }
        marks.absent_from(&heard(), "the log");
    }
    assert!(heard().contains("pooling idle connection"), "the log of what lies below was heard");
}

#[tokio::test]
async fn no_secret_is_told_where_nobody_answers() {
    listen();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let open = format!("//{}", listener.local_addr().unwrap());
    let closed =
        std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().map(|at| format!("//{at}")).unwrap();
    for base in
        [format!("http:{closed}"), format!("https:{closed}"), format!("http:{open}"), format!("https:{open}")]
    {
        // The access token goes into the query, which an error must not show either.
        let definition = format!(
            r#"slug = "acme"
            display_name = "Acme"
            kind = "oauth2"
            authorization_endpoint = "{base}/authorize"
            token_endpoint = "{base}/token"
            userinfo_endpoint = "{base}/me"
            documentation = "https://acme.example/docs"
            checked = "2026-11-23"
            token.encoding = "query"
            userinfo.token = "query:access_token""#
        );
        let registration = Registration::new("me").secret(SECRET).client_auth(ClientAuth::ClientSecretPost);
        let http = Http::new().unwrap().timeout(Duration::from_millis(200));
        let client =
            Client::new(Provider::from_definition(definition).unwrap(), registration, &http).unwrap();
        let marks = Marks::of(&[("secret", SECRET), ("access token", ACCESS), ("refresh token", REFRESH)]);
        let held = client.held(json!({"access_token": ACCESS, "refresh_token": REFRESH}));
        for error in [client.profile(&held).await.unwrap_err(), client.refresh(&held).await.unwrap_err()] {
            marks.absent_from_error(&error);
        }
        marks.absent_from(&heard(), "the log");
    }
}

#[test]
fn the_password_for_a_proxy_is_not_told() {
    let marks = Marks::of(&[("password", "marked-password")]);
    for url in [
        "http://jane:marked-password@127.0.0.1:9",
        "jane:marked-password@",
        "http://jane:marked-password@[",
        "",
    ] {
        let builder = Http::builder().proxy(url);
        marks.absent_from_debug(&builder);
        match builder.build() {
            Ok(http) => marks.absent_from_debug(&http),
            Err(error) => marks.absent_from_error(&error),
        }
    }
}
