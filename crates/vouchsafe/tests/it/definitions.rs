//! Definitions from elsewhere: whatever they say, a login is the application's own, or there is none.
use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};
use vouchsafe::http::Request;
use vouchsafe::{Client, Error, Provider};
use vouchsafe_providers::Definition;

use crate::scenario::{CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, arrived, web};
use crate::wire::{Wire, header, json, param};

const CODE: &str = "code-1";

/// A definition that says something of everything.
fn definition() -> Value {
    let toml = r#"
        slug = "acme"
        display_name = "Acme"
        kind = "oauth2"
        authorization_endpoint = "https://acme.example/authorize"
        token_endpoint = "https://acme.example/token"
        refresh_endpoint = "https://acme.example/refresh"
        revocation_endpoint = "https://acme.example/revoke"
        userinfo_endpoint = "https://acme.example/me"
        scopes = ["profile"]
        client_auth = "client_secret_post"
        documentation = "https://acme.example/docs"
        checked = "2026-11-23"
        [authorization]
        params = { prompt = "consent" }
        names = { scope = "perms" }
        [token]
        params = { action = "token" }
        names = { grant_type = "type" }
        headers = { X-Client = "{client_id}" }
        [refreshing]
        params = { mode = "refresh" }
        [revocation]
        params = { action = "revoke" }
        [userinfo]
        params = { fields = "id" }
        headers = { X-Client = "{client_id}" }
        [long_lived]
        grant_type = "long"
        token_name = "short_token"
        [identity]
        subject = ["/id"]
        [params.version]
        rule = "segment"
        default = "1"
    "#;
    serde_json::to_value(Definition::from_toml(toml).unwrap()).unwrap()
}

/// The names that the protocol owns somewhere, and some that mean nothing.
const NAMES: [&str; 24] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "request",
    "request_uri",
    "response_mode",
    "grant_type",
    "code",
    "client_secret",
    "client_assertion",
    "code_verifier",
    "refresh_token",
    "access_token",
    "token",
    "token_type_hint",
    "Authorization",
    "Host",
    "Content-Type",
    "harmless",
];

/// What a member of a definition is replaced by.
fn texts() -> Vec<String> {
    let foreign =
        ["https://evil.example/cb", "code token", "", "{client_id}", "{version}", "{token:/access_token}"];
    let mut texts: Vec<_> = NAMES.iter().chain(&foreign).map(|text| (*text).to_owned()).collect();
    for name in NAMES.iter().step_by(2) {
        texts.push(format!("https://acme.example/x?{name}=https%3A%2F%2Fevil.example%2Fcb"));
    }
    texts.extend(["query:client_id", "header:Host", "header:Authorization", "body:code"].map(str::to_owned));
    texts.extend(
        ["unsupported", "hex", "none", "client_secret_basic", "GET", "DELETE", "query", "json"]
            .map(str::to_owned),
    );
    texts
}

/// Every definition that differs from one in a member that is a text, a truth value, a list or a table.
fn mutants(whole: &Value) -> Vec<(String, Value)> {
    let mut mutants = Vec::new();
    let mut paths = vec![String::new()];
    while let Some(path) = paths.pop() {
        let at = whole.pointer(&path).unwrap();
        let mut with = |label: String, value: Value| {
            let mut mutant = whole.clone();
            *mutant.pointer_mut(&path).unwrap() = value;
            mutants.push((format!("{path} {label}"), mutant));
        };
        match at {
            Value::Object(members) => {
                paths.extend(members.keys().map(|name| format!("{path}/{}", name.replace('/', "~1"))));
                let is_open =
                    ["params", "names", "headers", "expect", "grant_types"].iter().any(|t| path.ends_with(t));
                if is_open && path != "/params" {
                    for name in
                        NAMES.iter().flat_map(|n| [(*n).to_owned(), format!("{}[]", n.to_uppercase())])
                    {
                        for value in ["https://evil.example/cb", "", "redirect_uri"] {
                            let mut members = members.clone();
                            members.insert(name.clone(), value.into());
                            with(format!("{name} = {value}"), members.into());
                        }
                    }
                }
            }
            Value::Array(_) => {
                for name in texts() {
                    with(format!("[{name}]"), json!([name]));
                }
            }
            Value::Bool(is) => with(format!("{}", !is), json!(!is)),
            Value::Null | Value::String(_) => {
                for text in texts() {
                    with(text.clone(), text.into());
                }
            }
            Value::Number(_) => {}
        }
    }
    mutants
}

/// All values of a parameter, by its name as lenient servers read it.
fn read(pairs: impl Iterator<Item = (String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in pairs {
        let name = name.split('[').next().unwrap().trim().to_ascii_lowercase().replace(['.', ' ', '-'], "_");
        values.entry(name).or_default().push(value);
    }
    values
}

fn pairs(text: &[u8]) -> impl Iterator<Item = (String, String)> {
    url::form_urlencoded::parse(text).into_owned().collect::<Vec<_>>().into_iter()
}

/// What a request says, in its query and its body.
fn said(request: &Request) -> BTreeMap<String, Vec<String>> {
    let query = request.uri().query().unwrap_or_default();
    let body: Vec<_> = match serde_json::from_slice::<Value>(request.body()) {
        Ok(Value::Object(members)) => members
            .into_iter()
            .map(|(name, value)| (name, value.as_str().unwrap_or_default().to_owned()))
            .collect(),
        _ => pairs(request.body()).collect(),
    };
    read(pairs(query.as_bytes()).chain(body))
}

fn values<'s>(said: &'s BTreeMap<String, Vec<String>>, name: &str) -> Vec<&'s str> {
    said.get(name).into_iter().flatten().map(String::as_str).collect()
}

/// Whatever the definition says, the authorization request is this client's, for this login, for a code.
fn assert_own_request(label: &str, definition: &Definition, url: &str, state: &str) {
    let query = url::Url::parse(url).unwrap();
    let said = read(query.query_pairs().into_owned());
    let own =
        |name: &'static str| definition.authorization.names.get(name).map_or(name, String::as_str).to_owned();
    for (name, value) in [("client_id", CLIENT_ID), ("redirect_uri", REDIRECT_URI)] {
        let called = read([(own(name), value.to_owned())].into_iter());
        assert_eq!(values(&said, called.keys().next().unwrap()), [value], "{label}: {url}");
        if own(name) != name {
            assert!(values(&said, name).is_empty(), "{label}: {url}");
        }
    }
    assert_eq!(values(&said, "response_type"), ["code"], "{label}: {url}");
    assert_eq!(values(&said, "state"), [state], "{label}: {url}");
    let mode = values(&said, "response_mode");
    assert!(
        mode.iter().all(|mode| ["query", "form_post"].contains(mode)) && mode.len() < 2,
        "{label}: {url}"
    );
    assert!(!said.contains_key("request") && !said.contains_key("request_uri"), "{label}: {url}");
    let (challenge, method) = (values(&said, "code_challenge"), values(&said, "code_challenge_method"));
    match definition.pkce {
        vouchsafe_providers::Pkce::Unsupported => {
            assert!(challenge.is_empty() && method.is_empty(), "{label}: {url}");
        }
        _ => {
            assert!(challenge.len() == 1 && challenge[0].len() >= 43 && method == ["S256"], "{label}: {url}");
        }
    }
}

/// Each of the protocol's own parameters in a request to the provider is there once at most, and is what it was sent as.
fn assert_own_parameters(label: &str, request: &Request, kept: &[(&str, &[&str])]) {
    let said = said(request);
    for (name, expected) in kept {
        let values = values(&said, name);
        assert!(values.len() < 2, "{label}: {name} in {said:?}");
        assert!(values.iter().all(|value| expected.contains(value)), "{label}: {name} in {said:?}");
    }
    assert!(header(request, "host").is_none() && header(request, "cookie").is_none(), "{label}");
    let scheme = header(request, "authorization").map(|value| value.split(' ').next().unwrap().to_owned());
    assert!(scheme.is_none_or(|scheme| ["Basic", "Bearer", "at-1"].contains(&scheme.as_str())), "{label}");
}

#[tokio::test]
async fn whatever_a_definition_says_the_login_is_this_client_s_own() {
    let (mut refused, mut walked) = (0, 0);
    for (label, mutant) in mutants(&definition()) {
        let Ok(definition) = serde_json::from_value::<Definition>(mutant) else { continue };
        let wire = Wire::new(|_| {
            json(
                200,
                json!({"access_token": "at-1", "refresh_token": "rt-1", "token_type": "Bearer", "id": 7}),
            )
        });
        let Ok(client) = Client::new(Provider::from(definition.clone()), web(), &wire.http()) else {
            refused += 1;
            continue;
        };
        let Ok(login) = client.login().await else {
            refused += 1;
            continue;
        };
        walked += 1;
        let state = param(&login.url, "state").unwrap();
        assert_own_request(&label, &definition, &login.url, &state);

        // The browser brings whatever it likes beside the code.
        let more: String = NAMES
            .iter()
            .filter(|n| !["code", "state"].contains(n))
            .map(|n| format!("&{n}=from-the-browser"))
            .collect();
        let response = arrived(&format!("code={CODE}&state={state}{more}"));
        let Ok(tokens) = client.finish(login.pending, &response).await else { continue };
        let [request] = &wire.seen()[..] else { panic!("{label}: {:?}", wire.seen()) };
        assert!(request.method() == Method::POST || request.method() == Method::GET, "{label}");
        let once: &[(&str, &[&str])] = &[
            ("client_id", &[CLIENT_ID]),
            ("client_secret", &[CLIENT_SECRET]),
            ("redirect_uri", &[REDIRECT_URI]),
            ("code", &[CODE]),
            ("grant_type", &["authorization_code", "refresh_token", "long"]),
            ("client_assertion", &[]),
            ("refresh_token", &["rt-1"]),
        ];
        // A definition may say what a grant type is called, and what goes by another name.
        let renames =
            label.starts_with("/token/grant_types") || label.contains("names ") || label.contains("names/");
        if !renames {
            assert_own_parameters(&label, request, once);
        }
        let _ = client.refresh(&tokens).await;
        let _ = client.profile(&tokens).await;
        let _ = client.long_lived_token(&tokens).await;
        let _ = client.revoke(&tokens).await;
        let named =
            ["/long_lived", "/revocation/token_name", "/userinfo/token"].iter().any(|t| label.starts_with(t));
        for request in &wire.seen()[1..] {
            // At the other endpoints these mean nothing.
            let asks_for_tokens = ["/token", "/refresh"].contains(&request.uri().path());
            if asks_for_tokens && !renames && !named {
                assert_own_parameters(&label, request, &once[1..3]);
            }
            assert!(!request.uri().to_string().contains("from-the-browser"), "{label}");
        }
    }
    assert!(refused > 1000 && walked > 1000, "{refused} {walked}");
}

/// What took a login at Google to somebody else's server, for the application's own client and redirect URI.
const TAKEN: &str = r#"
    slug = "tenant"
    display_name = "Tenant"
    kind = "oauth2"
    issuer = "https://accounts.google.com"
    authorization_endpoint = "https://accounts.google.com/o/oauth2/v2/auth"
    token_endpoint = "https://evil.example/token"
    userinfo_endpoint = "https://evil.example/me"
    documentation = "https://evil.example"
    checked = "2026-11-26"
    [authorization]
    params = { redirect_uri = "https://app.example/cb/google", client_id = "my-google-client", response_type = "code token" }
    names = { redirect_uri = "", client_id = "", code_challenge = "", code_challenge_method = "", response_type = "" }
"#;

#[test]
fn a_definition_that_takes_a_login_elsewhere_is_refused_whole_and_in_each_part() {
    let wire = Wire::always(json(500, json!({})));
    let message = Provider::from_definition(TAKEN).unwrap_err().to_string();
    assert!(message.contains("field authorization."), "{message}");
    let lines = TAKEN.lines().filter(|line| !line.contains("params =") && !line.contains("names ="));
    let others = lines.collect::<Vec<_>>().join("\n");
    let message = Provider::from_definition(others.as_str()).unwrap_err().to_string();
    assert!(message.contains("field issuer: must be at the host of the token endpoint"), "{message}");

    let others = others.replace("issuer = \"https://accounts.google.com\"", "");
    let rest = serde_json::to_value(Definition::from_toml(&others).unwrap()).unwrap();
    for (table, name, value) in [
        ("params", "redirect_uri", "https://app.example/cb/google"),
        ("params", "client_id", "my-google-client"),
        ("params", "response_type", "code token"),
        ("names", "redirect_uri", ""),
        ("names", "client_id", ""),
        ("names", "response_type", ""),
        ("names", "code_challenge", ""),
        ("names", "code_challenge_method", ""),
    ] {
        let toml = format!("{others}\n{table} = {{ {name} = {value:?} }}");
        let read = Provider::from_definition(toml).unwrap_err();
        // The same that was made without being read.
        let mut made = rest.clone();
        made["authorization"][table][name] = value.into();
        let made = Provider::from(serde_json::from_value::<Definition>(made).unwrap());
        let made = Client::new(made, web(), &wire.http()).unwrap_err();
        for error in [read, made] {
            let field = format!("field authorization.{table}.{name}: ");
            assert!(error.code() == "definition" && error.to_string().contains(&field), "{error}");
        }
    }
    let mut made = rest;
    made["issuer"] = "https://accounts.google.com".into();
    let made = Provider::from(serde_json::from_value::<Definition>(made).unwrap());
    let error = Client::new(made, web(), &wire.http()).unwrap_err();
    assert!(error.code() == "definition" && error.to_string().contains("field issuer: "), "{error}");
    assert!(wire.seen().is_empty());
}

/// The error of the first call that needs the provider.
async fn refusal(provider: Provider, wire: &Wire) -> Error {
    match Client::new(provider, web(), &wire.http()) {
        Ok(client) => client.login().await.unwrap_err(),
        Err(error) => error,
    }
}

#[tokio::test]
async fn no_endpoint_brings_a_parameter_of_the_protocol_wherever_it_comes_from() {
    let idle = || Wire::always(json(500, json!({})));
    let fields = [
        ("authorization_endpoint", "redirect_uri=https%3A%2F%2Fevil.example"),
        ("authorization_endpoint", "client%5fid=another"),
        ("authorization_endpoint", "a=b;state=known"),
        ("token_endpoint", "client_id=another"),
        ("token_endpoint", "code=another"),
        ("revocation_endpoint", "token=another"),
        ("userinfo_endpoint", "access_token=another"),
    ];
    for (field, query) in fields {
        // By hand.
        let url = |name: &str| match name == field {
            true => format!("https://acme.example/x?{query}"),
            false => "https://acme.example/x?lang=en".to_owned(),
        };
        let by_hand = Provider::oauth2("acme")
            .authorization_endpoint(url("authorization_endpoint"))
            .token_endpoint(url("token_endpoint"))
            .revocation_endpoint(url("revocation_endpoint"))
            .userinfo_endpoint(url("userinfo_endpoint"));
        let error = refusal(by_hand, &idle()).await;
        assert!(
            error.code() == "definition" && error.to_string().contains(field),
            "{field} {query}: {error}"
        );

        // By a parameter of a definition.
        let oauth2 = ["authorization_endpoint", "token_endpoint", "revocation_endpoint", "userinfo_endpoint"]
            .iter()
            .fold(Provider::named("oauth2").unwrap(), |provider, name| provider.param(*name, url(name)));
        let error = refusal(oauth2, &idle()).await;
        assert!(
            error.code() == "definition" && error.to_string().contains(field),
            "{field} {query}: {error}"
        );

        // By metadata.
        let document = |with: bool| {
            let url = move |name: &str| match with && name == field {
                true => format!("https://op.example/x?{query}"),
                false => "https://op.example/x?lang=en".to_owned(),
            };
            Wire::always(json(
                200,
                json!({
                    "issuer": "https://op.example", "jwks_uri": "https://op.example/keys",
                    "authorization_endpoint": url("authorization_endpoint"), "token_endpoint": url("token_endpoint"),
                    "revocation_endpoint": url("revocation_endpoint"), "userinfo_endpoint": url("userinfo_endpoint"),
                    "subject_types_supported": ["public"],
                }),
            ))
        };
        let error = refusal(Provider::openid("https://op.example"), &document(true)).await;
        assert!(
            matches!(&error, Error::Response(_)) && error.to_string().contains(field),
            "{field} {query}: {error}"
        );
        let client =
            Client::new(Provider::openid("https://op.example"), web(), &document(false).http()).unwrap();
        assert!(client.login().await.unwrap().url.starts_with("https://op.example/x?lang=en&"));
    }
}

#[tokio::test]
async fn an_application_s_own_input_goes_by_no_spelling_of_what_the_protocol_owns() {
    let client =
        Client::new(crate::scenario::acme(), web(), &Wire::always(json(500, json!({}))).http()).unwrap();
    for name in [
        "redirect_uri",
        "Redirect_Uri",
        "redirect_uri[]",
        "redirect.uri",
        "redirect uri",
        " state",
        "CLIENT_ID",
        "response-type",
    ] {
        let error = client.login().extra(name, "x").await.unwrap_err();
        assert_eq!(error.code(), "reserved_param", "{name}");
    }
    assert!(client.login().extra("redirect", "x").await.is_ok());
}

#[tokio::test]
async fn what_was_filled_in_is_not_filled_in_again() {
    let toml = r#"
        slug = "acme"
        display_name = "Acme"
        kind = "oauth2"
        authorization_endpoint = "https://acme.example/{b}{a}/authorize"
        token_endpoint = "https://acme.example/{client_id}/{a}/token"
        documentation = "https://acme.example/docs"
        checked = "2026-11-23"
        [authorization.params]
        first = "{a} {b} {client_id} {{a}} {c"
        [params.a]
        rule = "segment"
        [params.b]
        rule = "segment"
    "#;
    let provider = || Provider::from_definition(toml).unwrap();
    let wire = Wire::always(json(500, json!({})));
    let filled = provider().param("a", "1").param("b", "2");
    let client = Client::new(filled, web(), &wire.http()).unwrap();
    let url = client.login().await.unwrap().url;
    assert!(url.starts_with("https://acme.example/21/authorize?"), "{url}");
    assert_eq!(param(&url, "first").unwrap(), format!("1 2 {CLIENT_ID} {{1}} {{c"));

    // A mark is no value of a segment. Where it might be one, the mark of a mark stays.
    for value in ["{b}", "{client_id}", "{a}"] {
        let error = refusal(provider().param("a", value).param("b", "2"), &wire).await;
        assert_eq!(error.code(), "invalid_param", "{value}");
        let error = refusal(
            Provider::named("oauth2")
                .unwrap()
                .param("authorization_endpoint", format!("https://acme.example/{value}"))
                .param("token_endpoint", "https://acme.example/t"),
            &wire,
        )
        .await;
        assert_eq!(error.code(), "invalid_param", "{value}");
    }
    let in_a_value =
        || Provider::from_definition(toml.replace("{client_id}/{a}", "{a}")).unwrap().param("a", "1");
    for id in ["{token:/access_token}", "{a}", "}"] {
        let registration = vouchsafe::Registration::new(id).redirect_uri(REDIRECT_URI);
        let error = Client::new(in_a_value().param("b", "2"), registration, &wire.http()).unwrap_err();
        assert_eq!(error.code(), "client_id", "{id}");
    }
    let registration = vouchsafe::Registration::new("{a}").redirect_uri(REDIRECT_URI);
    let error =
        Client::new(provider().param("a", "1").param("b", "2"), registration, &wire.http()).unwrap_err();
    assert_eq!(error.code(), "client_id");
}

#[tokio::test]
async fn metadata_at_a_host_of_somebody_s_choice_does_not_speak_for_the_issuer() {
    let issuer = "https://shopify.com/authentication/58812345678";
    let login = async |endpoints: [(&str, &str); 6]| {
        let mut document = json!({
            "issuer": issuer, "authorization_endpoint": format!("{issuer}/oauth/authorize"),
            "subject_types_supported": ["public"],
        });
        for (name, url) in endpoints {
            document[name] = url.into();
        }
        let wire = Wire::always(json(200, document));
        let provider = Provider::named("shopify-customer").unwrap();
        let provider = provider.param("shop_id", "58812345678").param("domain", "evil.example");
        Client::new(provider, web(), &wire.http()).unwrap().login().await.map_err(|e| e.code().to_owned())
    };
    let own = "https://shopify.com/x";
    let usual = [
        "jwks_uri",
        "token_endpoint",
        "userinfo_endpoint",
        "revocation_endpoint",
        "introspection_endpoint",
        "device_authorization_endpoint",
    ]
    .map(|name| (name, own));
    assert!(login(usual).await.is_ok());
    for at in 0..usual.len() {
        for elsewhere in
            ["https://evil.example/x", "https://shopify.com.evil.example/x", "https://shopify.com:444/x"]
        {
            let mut endpoints = usual;
            endpoints[at].1 = elsewhere;
            assert_eq!(login(endpoints).await.unwrap_err(), "issuer_mismatch", "{}", endpoints[at].0);
        }
    }
}

#[tokio::test]
async fn a_definition_does_not_speak_for_an_issuer_elsewhere_unless_the_catalogue_knows_so() {
    let login = async |slug: &str, issuer: &str, discovery: &str, keys: &str| {
        let definition = format!(
            "slug = \"{slug}\"\ndisplay_name = \"X\"\nkind = \"openid\"\nissuer = \"{issuer}\"\n\
             discovery = \"{discovery}\"\nscopes = [\"openid\", \"one\"]\ndocumentation = \"https://acme.example\"\n\
             checked = \"2026-11-23\"\n[identity]\nsubject = [\"/sub\"]"
        );
        let document = json!({
            "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"), "jwks_uri": keys, "subject_types_supported": ["public"],
        });
        let provider = Provider::from_definition(definition).unwrap();
        let client = Client::new(provider, web(), &Wire::always(json(200, document)).http()).unwrap();
        client.login().await.map(drop).map_err(|e| e.code().to_owned())
    };
    let (google, evil) = ("https://accounts.google.com", "https://evil.example/metadata");
    let forged = login("acme", google, evil, "https://evil.example/keys").await;
    assert_eq!(
        forged.unwrap_err(),
        "issuer_mismatch",
        "somebody's keys are not those of the issuer that they name"
    );
    assert_eq!(
        login("google", google, evil, "https://evil.example/keys").await.unwrap_err(),
        "issuer_mismatch"
    );
    login("acme", google, evil, "https://accounts.google.com/keys").await.unwrap();
    login("acme", google, "https://accounts.google.com/metadata", "https://www.googleapis.com/keys")
        .await
        .unwrap();
    // Huawei's metadata and keys are at another host than its issuer, and it says so.
    let huawei = vouchsafe_providers::get("huawei").unwrap();
    let (issuer, discovery) = (huawei.issuer.as_deref().unwrap(), huawei.discovery.as_deref().unwrap());
    login("huawei", issuer, discovery, "https://oauth-login.cloud.huawei.com/keys").await.unwrap();
}
