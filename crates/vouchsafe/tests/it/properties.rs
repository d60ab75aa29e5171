//! What holds for any text in any place: what is built can be read back, and what is kept comes back.
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize, parse};
use vouchsafe::{Client, ClientAuth, Provider, Registration, Tokens};

use crate::scenario::{CLIENT_ID, REDIRECT_URI, Scenario, acme, arrived, idle, query, web};
use crate::wire::{Wire, header, json, param};

/// Runs what is asynchronous.
fn wait<T>(future: impl IntoFuture<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future.into_future())
}

/// Any text, and often what encodings are about.
fn text() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        "+", "%", "%2B", "&", "=", "#", "?", "/", ":", " ", "\"", "\\", "\r\n", "\0",
    ]);
    prop_oneof![
        any::<String>(),
        vec(prop_oneof![odd.prop_map(str::to_owned), "[a-z]{1,4}", "\\PC{1,3}"], 0..8)
            .prop_map(|parts| parts.concat())
    ]
}

/// The same, but for none.
fn some_text() -> impl Strategy<Value = String> {
    text().prop_filter("it is empty", |text| !text.is_empty())
}

/// Names of parameters that nobody else has.
fn names() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map(text().prop_map(|name| format!("x-{name}")), text(), 0..4)
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(text(), inner, 0..4).prop_map(|m| json!(m))
        ]
    })
}

fn pairs(form: &[u8]) -> Vec<(String, String)> {
    parse(form).into_owned().collect()
}

fn owned(pairs: &[(&str, &str)], more: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    pairs.chain(more.clone()).collect()
}

/// A client of a service that takes its parameters that way, and the wire that remembers them.
fn client(encoding: &str, registration: Registration) -> (Client, Wire) {
    let wire = Wire::always(json(200, json!({"access_token": "a", "token_type": "Bearer"})));
    let definition = format!(
        r#"slug = "acme"
        display_name = "Acme"
        kind = "oauth2"
        authorization_endpoint = "https://acme.example/authorize?own=1%202"
        token_endpoint = "https://acme.example/token?own=1%202"
        documentation = "https://acme.example/docs"
        checked = "2026-11-23"
        token.encoding = "{encoding}""#
    );
    let client = Client::new(Provider::from_definition(definition).unwrap(), registration, &wire.http());
    (client.unwrap(), wire)
}

fn confidential(id: &str, secret: &str, auth: ClientAuth) -> Registration {
    Registration::new(id).secret(secret).client_auth(auth)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_authorization_url_parses_back(
        id in some_text(), state in text(), nonce in text(), scopes in vec(some_text(), 1..4), more in names(),
        back in text(),
    ) {
        let redirect_uri = format!("{REDIRECT_URI}?{}", Serializer::new(String::new()).append_pair("back", &back).finish());
        let (client, _) = client("form", Registration::new(&id));
        let mut asked = client.manual().authorization_url(&redirect_uri).state(&state).nonce(&nonce).scopes(&scopes);
        for (name, value) in &more {
            asked = asked.extra(name, value);
        }
        let url = wait(asked).unwrap();
        prop_assert!(url.bytes().all(|b| b.is_ascii_graphic()), "{}", url);
        let url = Url::parse(&url).unwrap();
        prop_assert_eq!(url.fragment(), None);
        let (scope, own) = (scopes.join(" "), ("own", "1 2"));
        let mut expected = owned(&[own, ("response_type", "code"), ("client_id", &id), ("redirect_uri", &redirect_uri), ("scope", &scope)], &more);
        expected.extend(owned(&[("state", &state), ("nonce", &nonce)], &BTreeMap::new()));
        prop_assert_eq!(url.query_pairs().into_owned().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_form_parses_back(id in some_text(), secret in some_text(), code in text(), verifier in text(), more in names()) {
        let (client, wire) = client("form", confidential(&id, &secret, ClientAuth::ClientSecretPost));
        let mut asked = client.manual().authorization_code(&code, REDIRECT_URI).code_verifier(&verifier);
        for (name, value) in &more {
            asked = asked.extra(name, value);
        }
        wait(asked).unwrap();
        let request = wire.seen().remove(0);
        prop_assert_eq!(request.uri().query(), Some("own=1%202"));
        let grant = [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", REDIRECT_URI), ("code_verifier", &*verifier)];
        let mut expected = owned(&grant, &more);
        expected.extend(owned(&[("client_id", &id), ("client_secret", &secret)], &BTreeMap::new()));
        prop_assert_eq!(pairs(request.body()), expected);
    }

    #[test]
    fn a_json_request_parses_back(id in some_text(), secret in some_text(), code in text(), more in names()) {
        let (client, wire) = client("json", confidential(&id, &secret, ClientAuth::ClientSecretPost));
        let mut asked = client.manual().authorization_code(&code, REDIRECT_URI);
        for (name, value) in &more {
            asked = asked.extra(name, value);
        }
        wait(asked).unwrap();
        let mut expected = json!({
            "grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI, "client_id": id,
            "client_secret": secret,
        });
        for (name, value) in more {
            expected[name] = value.into();
        }
        let sent: Value = serde_json::from_slice(wire.seen()[0].body()).unwrap();
        prop_assert_eq!(sent, expected);
    }

    #[test]
    fn a_query_parses_back(code in text(), more in names()) {
        let (client, wire) = client("query", Registration::new(CLIENT_ID));
        let mut asked = client.manual().authorization_code(&code, REDIRECT_URI);
        for (name, value) in &more {
            asked = asked.extra(name, value);
        }
        wait(asked).unwrap();
        let request = wire.seen().remove(0);
        let grant = [("own", "1 2"), ("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", REDIRECT_URI)];
        let mut expected = owned(&grant, &more);
        expected.extend(owned(&[("client_id", CLIENT_ID)], &BTreeMap::new()));
        prop_assert_eq!(pairs(request.uri().query().unwrap().as_bytes()), expected);
    }

    #[test]
    fn basic_credentials_parse_back(id in some_text(), secret in some_text()) {
        let (client, wire) = client("form", confidential(&id, &secret, ClientAuth::ClientSecretBasic));
        wait(client.manual().refresh("r")).unwrap();
        let request = wire.seen().remove(0);
        let pair = STANDARD.decode(header(&request, "authorization").unwrap().strip_prefix("Basic ").unwrap()).unwrap();
        let pair = String::from_utf8(pair).unwrap();
        // RFC 7617 section 2: the first colon ends the id. RFC 6749 section 2.3.1: each by itself is as in a form.
        let (first, second) = pair.split_once(':').unwrap();
        let decoded = |part: &str| pairs(format!("x={part}").as_bytes()).remove(0).1;
        prop_assert_eq!((decoded(first), decoded(second)), (id, secret));
        prop_assert!(!pairs(request.body()).iter().any(|(name, _)| name.starts_with("client")));
    }

    #[test]
    fn what_the_browser_brings_is_what_is_sent(code in some_text(), more in names()) {
        let (client, wire) = client("form", web());
        let login = wait(client.login()).unwrap();
        let mut query = Serializer::new(String::new());
        query.append_pair("code", &code).append_pair("state", &param(&login.url, "state").unwrap());
        query.extend_pairs(&more);
        wait(client.finish(login.pending, arrived(&query.finish()))).unwrap();
        let sent = pairs(wire.seen()[0].body());
        prop_assert!(sent.contains(&("code".to_owned(), code)), "{:?}", sent);
    }

    #[test]
    fn a_pending_login_comes_back(
        data in text(), scopes in vec(some_text(), 0..4), acr in vec(some_text(), 0..3), max_age in any::<u64>(),
    ) {
        let scenario = Scenario::openid();
        let (client, scopes) = (scenario.client(), scopes.into_iter().chain(["openid".to_owned()]));
        let max_age = std::time::Duration::from_secs(max_age);
        let login = wait(client.login().data(&data).scopes(scopes).acr_values(&acr).max_age(max_age)).unwrap();
        let kept = serde_json::to_string(&login.pending).unwrap();
        let back: vouchsafe::PendingLogin = serde_json::from_str(&kept).unwrap();
        prop_assert_eq!(serde_json::to_string(&back).unwrap(), kept);
        prop_assert_eq!(back.data(), Some(&*data));
        prop_assert!(back.matches(arrived(query(&login.url))));
        prop_assert!(!back.matches(arrived(&query(&login.url).replace("state=", "stat="))));
    }

    #[test]
    fn tokens_come_back(
        access in "[ -~]{1,40}", refresh in "[ -~]{1,40}", scope in "\\PC{0,24}", lifetime in 0_u64..1 << 37,
        more in btree_map(text().prop_map(|name| format!("x-{name}")), value(), 0..4),
    ) {
        let mut answer = json!({
            "access_token": access, "refresh_token": refresh, "token_type": "bearer", "scope": scope, "expires_in": lifetime,
        });
        answer.as_object_mut().unwrap().extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
        let tokens = idle(acme()).manual().read_token_response(answer.to_string()).unwrap();
        let kept = serde_json::to_string(&tokens).unwrap();
        let back: Tokens = serde_json::from_str(&kept).unwrap();
        prop_assert_eq!(serde_json::to_string(&back).unwrap(), kept);
        for tokens in [tokens, back] {
            prop_assert_eq!(tokens.access_token().expose(), &access);
            prop_assert_eq!(tokens.refresh_token().map(|token| token.expose()), Some(&*refresh));
            prop_assert_eq!(tokens.scopes().collect::<Vec<_>>(), scope.split(' ').filter(|s| !s.is_empty()).collect::<Vec<_>>());
            for (name, value) in &more {
                prop_assert_eq!(tokens.extra(name).map(|json| json.to_string()), Some(value.to_string()));
            }
        }
    }

    #[test]
    fn scopes_are_told_apart_whatever_stands_between_them(
        scopes in vec("[a-z:./]{1,8}", 0..5), between in vec("[ ,;|]{1,3}", 6), around in ("[ ,;|]{0,2}", "[ ,;|]{0,2}"),
    ) {
        let definition = r#"slug = "acme"
            display_name = "Acme"
            kind = "oauth2"
            authorization_endpoint = "https://acme.example/authorize"
            token_endpoint = "https://acme.example/token"
            documentation = "https://acme.example/docs"
            checked = "2026-11-23"
            token.scope_separators = " ,;|""#;
        let client = idle(Provider::from_definition(definition).unwrap());
        let read = |scope: Value| {
            let answer = json!({"access_token": "a", "token_type": "Bearer", "scope": scope});
            let tokens = client.manual().read_token_response(answer.to_string()).unwrap();
            tokens.scopes().map(str::to_owned).collect::<Vec<_>>()
        };
        let mut joined = around.0;
        for (scope, between) in scopes.iter().zip(&between) {
            joined.push_str(scope);
            joined.push_str(between);
        }
        joined.push_str(&around.1);
        prop_assert_eq!(&read(joined.into()), &scopes);
        prop_assert_eq!(&read(json!(scopes)), &scopes);
    }

    #[test]
    fn a_secret_that_a_provider_quotes_is_not_repeated(
        secret in some_text().prop_filter("it is no secret", |s| s.len() >= 6), before in "[A-Z ]{0,20}", after in "[A-Z ]{0,20}",
        long in prop_oneof![4 => Just(1_usize), 1 => Just(30)],
    ) {
        let secret = secret.repeat(long);
        let percent = |b: u8| format!("%{b:02x}");
        for shape in [
            secret.clone(),
            byte_serialize(secret.as_bytes()).collect(),
            secret.bytes().map(percent).collect(),
            json!(secret).to_string(),
            STANDARD.encode(&secret),
            URL_SAFE_NO_PAD.encode(&secret),
            secret.bytes().map(|b| format!("{b:02x}")).collect(),
        ] {
            let said = format!("{before}{shape}{after}");
            let page = format!("https://acme.example/{said}");
            let wire = Wire::always(json(400, json!({"error": &said, "error_description": &said, "error_uri": page})));
            let client = Client::new(acme(), web(), &wire.http()).unwrap();
            let error = wait(client.manual().refresh(&secret)).unwrap_err();
            let vouchsafe::Error::Server(error) = error else { panic!("{error}") };
            for shown in [error.code().as_str(), error.description().unwrap(), error.uri().unwrap_or_default()] {
                prop_assert!(!shown.contains(&shape) && !shown.contains(&secret), "{:?} in {:?}", shape, shown);
            }
        }
    }
}

/// What a stranger's document holds comes back as it was.
#[test]
fn any_object_is_kept_as_it_came() {
    proptest!(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() }, |(members in btree_map(text(), value(), 0..6))| {
        let document = Value::Object(members.into_iter().collect::<Map<_, _>>());
        let stored = json!({"v": 1, "provider": "acme", "issuer": "i", "subject": "s", "profile": document}).to_string();
        let read: vouchsafe::Identity = serde_json::from_str(&stored).unwrap();
        prop_assert_eq!(read.profile().to_string(), document.to_string());
        prop_assert_eq!(serde_json::to_value(&read).unwrap(), serde_json::from_str::<Value>(&stored).unwrap());
    });
}
