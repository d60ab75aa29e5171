//! The end of a session, told to the clients.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use url::form_urlencoded::parse;
use vouchsafe_sandbox::{ClientConfig, Fault, Sandbox};

use crate::scenario::{Scenario, claims, jose_header, query_value};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A client that listens for logout tokens.
struct Listening {
    listener: TcpListener,
    uri: String,
}

impl Listening {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/backchannel-logout/a?b=c", listener.local_addr().unwrap());
        Self { listener, uri }
    }

    /// The head of the next request, and the logout token in it. It is answered with this status.
    async fn token(&self, status: u16) -> (String, Value) {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        let mut request = Vec::new();
        loop {
            let mut buffer = [0; 4096];
            let read = stream.read(&mut buffer).await.unwrap();
            request.extend_from_slice(&buffer[..read]);
            let text = String::from_utf8_lossy(&request);
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() < length.parse().unwrap() {
                continue;
            }
            let (name, token) = parse(body.as_bytes()).next().unwrap();
            assert_eq!(name, "logout_token");
            let found = (head.to_owned(), token.into_owned().into());
            let response = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(response.as_bytes()).await.unwrap();
            return found;
        }
    }
}

#[tokio::test]
async fn client_gets_a_logout_token_for_the_session_of_its_id_token() {
    let scenario = Scenario::new().await;
    let client = Listening::new().await;
    scenario.sandbox.backchannel_logout_uri(scenario.sandbox.client_id(), &client.uri);
    let id_token = claims(&scenario.tokens(&[]).await["id_token"]);
    let (sent, (head, token)) = tokio::join!(scenario.sandbox.sign_out("alice"), client.token(200));
    assert!(head.starts_with("POST /backchannel-logout/a?b=c HTTP/1.1\r\n"), "{head}");
    assert_eq!((sent.len(), sent[0].status), (1, Some(200)));
    assert_eq!((&*sent[0].client_id, &sent[0].uri), (scenario.sandbox.client_id(), &client.uri));
    assert_eq!(jose_header(&token)["typ"], "logout+jwt");
    let token = claims(&token);
    for name in ["iss", "sub", "aud", "sid"] {
        assert_eq!(token[name], id_token[name], "{name}");
    }
    assert_eq!(token["events"], json!({ EVENT: {} }));
    assert_eq!(token["exp"].as_u64().unwrap() - token["iat"].as_u64().unwrap(), 120);
    assert!(token["jti"].is_string() && token.get("nonce").is_none());
    // The session has ended.
    assert!(scenario.sandbox.sign_out("alice").await.is_empty());
}

#[tokio::test]
async fn browser_that_signs_out_ends_its_own_session_alone() {
    let scenario = Scenario::new().await;
    let client = Listening::new().await;
    scenario.sandbox.backchannel_logout_uri(scenario.sandbox.client_id(), &client.uri);
    let alice = scenario.person();
    let mut sids = Vec::new();
    for person in [&alice, &scenario.person()] {
        let callback = person.allow(&scenario.authorization_url(&[])).await.unwrap();
        let tokens = scenario.redeem(&query_value(&callback, "code").unwrap(), &[]).await.json();
        sids.push(claims(&tokens["id_token"])["sid"].clone());
    }
    assert_ne!(sids[0], sids[1]);
    let url = format!("{}/end_session", scenario.sandbox.issuer());
    let (out, (_, token)) = tokio::join!(alice.sign_out(&url), client.token(400));
    assert_eq!((out.unwrap(), &claims(&token)["sid"]), (None, &sids[0]));
    // The other browser is still signed in.
    let (sent, (_, token)) = tokio::join!(scenario.sandbox.sign_out("alice"), client.token(400));
    assert_eq!((sent.len(), sent[0].status, &claims(&token)["sid"]), (1, Some(400), &sids[1]));
}

#[tokio::test]
async fn user_who_signs_in_again_stays_in_the_session() {
    let scenario = Scenario::new().await;
    let alice = scenario.person();
    let mut sids = Vec::new();
    for prompt in ["", "login"] {
        let callback = alice.allow(&scenario.authorization_url(&[("prompt", prompt)])).await.unwrap();
        let tokens = scenario.redeem(&query_value(&callback, "code").unwrap(), &[]).await.json();
        sids.push(claims(&tokens["id_token"])["sid"].clone());
    }
    assert!(sids[0].is_string());
    assert_eq!(sids[0], sids[1]);
}

#[tokio::test]
async fn clients_that_took_no_part_learn_nothing() {
    let other = Listening::new().await;
    let config = ClientConfig::confidential("other", "a secret").backchannel_logout_uri(&other.uri);
    let scenario = Scenario::with(Sandbox::builder().client(config)).await;
    scenario.tokens(&[]).await;
    assert_eq!(scenario.sandbox.logout_token("other", "alice"), None);
    assert_eq!(scenario.sandbox.logout_token(scenario.sandbox.client_id(), "bob"), None);
    assert!(scenario.sandbox.logout_token(scenario.sandbox.client_id(), "alice").is_some());
    assert!(scenario.sandbox.sign_out("alice").await.is_empty());
}

#[tokio::test]
async fn client_that_is_away_does_not_hold_up_a_logout() {
    let scenario = Scenario::new().await;
    let gone = Listening::new().await.uri;
    scenario.sandbox.backchannel_logout_uri(scenario.sandbox.client_id(), gone);
    scenario.tokens(&[]).await;
    let sent = scenario.sandbox.sign_out("alice").await;
    assert_eq!((sent.len(), sent[0].status), (1, None));
    scenario.sandbox.backchannel_logout_uri(scenario.sandbox.client_id(), "https://127.0.0.1:1/");
    scenario.tokens(&[]).await;
    assert_eq!(scenario.sandbox.sign_out("alice").await[0].status, None);
}

#[tokio::test]
async fn page_after_a_logout_frames_the_clients() {
    let scenario = Scenario::new().await;
    scenario
        .sandbox
        .frontchannel_logout_uri(scenario.sandbox.client_id(), "http://127.0.0.1:3000/frontchannel?a=b");
    let alice = scenario.person();
    let callback = alice.allow(&scenario.authorization_url(&[])).await.unwrap();
    let tokens = scenario.redeem(&query_value(&callback, "code").unwrap(), &[]).await.json();
    let cookie =
        scenario.sandbox.requests_to("/consent").last().unwrap().header("cookie").unwrap().to_owned();
    let hint = tokens["id_token"].as_str().unwrap();
    let path = format!("/end_session?id_token_hint={hint}&post_logout_redirect_uri=http://127.0.0.1/bye");
    let page = scenario.send("GET", &path, &[("cookie", &cookie)], None).await;
    assert_eq!(page.status, 200);
    let sid = claims(&tokens["id_token"])["sid"].as_str().unwrap().to_owned();
    let issuer: String = url::form_urlencoded::byte_serialize(scenario.sandbox.issuer().as_bytes()).collect();
    let frame =
        format!("<iframe src=\"http://127.0.0.1:3000/frontchannel?a=b&amp;iss={issuer}&amp;sid={sid}\"");
    assert!(page.body.contains(&frame), "{}", page.body);
    assert!(page.header("content-security-policy").unwrap().contains("frame-src http: https:"));
    assert_eq!(page.header("refresh"), Some("2; url=http://127.0.0.1/bye"));
    // Nobody is signed in any more, so nobody has to be told.
    let again = scenario.send("GET", &path, &[("cookie", &cookie)], None).await;
    assert_eq!((again.status, again.header("location")), (303, Some("http://127.0.0.1/bye")));
}

#[tokio::test]
async fn metadata_announces_both_channels() {
    let metadata = Scenario::new().await.get("/.well-known/openid-configuration").await.json();
    for name in ["backchannel", "frontchannel"] {
        assert_eq!(metadata[format!("{name}_logout_supported")], true);
        assert_eq!(metadata[format!("{name}_logout_session_supported")], true);
    }
}

#[tokio::test]
async fn fault_of_the_logout_token_leaves_the_id_token_alone() {
    let scenario = Scenario::new().await;
    scenario.sandbox.fault(Fault::LOGOUT_NONCE);
    scenario.sandbox.fault(Fault::LOGOUT_OF_SESSION);
    let id_token = claims(&scenario.tokens(&[]).await["id_token"]);
    assert_eq!((&id_token["nonce"], &id_token["sub"]), (&json!("the nonce"), &json!("sandbox-user-alice")));
    let token = scenario.sandbox.logout_token(scenario.sandbox.client_id(), "alice").unwrap();
    let token = claims(&token.into());
    assert_eq!((&token["nonce"], token.get("sub")), (&json!("a nonce"), None));
    // And the other way round.
    scenario.sandbox.clear_faults();
    scenario.sandbox.fault(Fault::WRONG_NONCE);
    let token = scenario.sandbox.logout_token(scenario.sandbox.client_id(), "alice").unwrap();
    assert_eq!(claims(&token.into()).get("nonce"), None);
}

#[tokio::test]
async fn user_named_after_a_fault_gets_a_logout_token_with_it() {
    let scenario = Scenario::new().await;
    let person = scenario.sandbox.person("fault-repeated-logout-id");
    let callback = person.allow(&scenario.authorization_url(&[])).await.unwrap();
    scenario.redeem(&query_value(&callback, "code").unwrap(), &[]).await;
    let id = || {
        let token = scenario.sandbox.logout_token(scenario.sandbox.client_id(), "fault-repeated-logout-id");
        claims(&token.unwrap().into())["jti"].clone()
    };
    assert_eq!(id(), id());
}
