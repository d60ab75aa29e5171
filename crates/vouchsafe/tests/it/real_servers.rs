//! Refusals as Keycloak, Ory Hydra, Spring, Dex and zitadel make them: each is told at the right time, in the right words.
use serde_json::{Value, json};
use vouchsafe::error::{Malformed, Operation, Remedy};
use vouchsafe::{Client, Error, Http, Provider, Registration};

use crate::forge;
use crate::scenario::{CLIENT_ID, Held, ISSUER, REDIRECT_URI, Scenario, acme, now, public, web};
use crate::wire::{Wire, answer, json as answer_json, param};

/// A refusal of the token endpoint.
async fn refused_with(registration: Registration, status: u16, error: Value) -> Error {
    let client = Client::new(acme(), registration, &Wire::always(answer_json(status, error)).http()).unwrap();
    client.manual().authorization_code("c", REDIRECT_URI).await.unwrap_err()
}

#[tokio::test]
async fn what_metadata_rules_out_is_refused_before_the_browser_opens() {
    for (name, value, code, words) in [
        ("require_pushed_authorization_requests", json!(true), "pushed_request_required", "RFC 9126"),
        ("require_signed_request_object", json!(true), "signed_request_required", "RFC 9101"),
        ("response_types_supported", json!(["id_token"]), "code_not_supported", "id_token"),
        ("code_challenge_methods_supported", json!(["plain"]), "s256_not_supported", "only plain"),
        (
            "id_token_signing_alg_values_supported",
            json!(["none", "HS256"]),
            "id_token_algorithm_not_supported",
            "Registration::id_token_algorithms",
        ),
        (
            "token_endpoint_auth_methods_supported",
            json!(["attest_jwt_client_auth_dpop"]),
            "client_auth_not_supported",
            "attest_jwt_client_auth_dpop",
        ),
    ] {
        let scenario = Scenario::openid().metadata(name, value.clone());
        let error = scenario.client().login().await.unwrap_err();
        assert_eq!((error.code(), error.operation()), (code, Operation::Authorization), "{error}");
        let said = error.to_string();
        assert!(said.starts_with("the login is not possible: ") && said.contains(words), "{said}");
        let found = Provider::discover(ISSUER, &scenario.wire.http()).await.unwrap().unmet_needs();
        let [unmet] = &found[..] else { panic!("{name}: {found:?}") };
        assert_eq!(unmet.feature().as_str(), code);
        assert!(!unmet.reason().contains("is not possible") && unmet.reason().contains(words), "{unmet}");
        // The single steps refuse it too; how the client authenticates is not theirs.
        let manual = scenario.client().manual();
        let challenge = vouchsafe::manual::CodeChallenge::s256(&"v".repeat(43)).unwrap();
        let url = manual.authorization_url(REDIRECT_URI).scopes(["openid"]).code_challenge(challenge).await;
        match code {
            "client_auth_not_supported" => assert!(url.is_ok()),
            _ => assert_eq!(url.unwrap_err().code(), code),
        }
    }
}

#[tokio::test]
async fn what_metadata_leaves_open_or_offers_beside_other_things_is_no_hindrance() {
    for (name, value) in [
        ("require_pushed_authorization_requests", json!(false)),
        ("require_signed_request_object", json!("true")),
        ("response_types_supported", json!(["code id_token", "code"])),
        ("response_types_supported", json!([])),
        ("response_types_supported", json!("code")),
        ("code_challenge_methods_supported", json!([])),
        ("code_challenge_methods_supported", json!(["plain", "S256"])),
        ("id_token_signing_alg_values_supported", json!(["none", "RS256"])),
        ("token_endpoint_auth_methods_supported", json!(["private_key_jwt", "client_secret_post"])),
    ] {
        assert_eq!(Scenario::openid().metadata(name, value.clone()).verdict().await, "ok", "{name} {value}");
    }
    // Without a code challenge, or with plain, the method does not matter.
    let plain = Scenario::openid().metadata("code_challenge_methods_supported", json!(["plain"]));
    let manual = || plain.client().manual().authorization_url(REDIRECT_URI);
    assert!(manual().await.is_ok());
    let challenge = vouchsafe::manual::CodeChallenge::plain(&"v".repeat(43)).unwrap();
    assert!(manual().code_challenge(challenge).await.is_ok());
    // Without an ID token, its algorithm does not matter.
    let unsigned = Scenario::openid().metadata("id_token_signing_alg_values_supported", json!(["none"]));
    assert!(unsigned.client().login().scope("email").await.is_ok());
    // The registration says how the client authenticates.
    let own = web().client_auth(vouchsafe::ClientAuth::ClientSecretPost);
    let keys = Scenario::openid().registration(own);
    let keys = keys.metadata("token_endpoint_auth_methods_supported", json!(["private_key_jwt"]));
    assert_eq!(keys.verdict().await, "ok");
}

#[tokio::test]
async fn an_access_token_that_is_refused_needs_a_refresh_and_no_login() {
    for refusal in [
        answer_json(401, json!({"error": "invalid_token"})),
        // Ory Hydra.
        answer_json(401, json!({"error": "request_unauthorized"})),
        // zitadel.
        answer(403, "text/plain", ""),
        answer(401, "text/html", "<html>"),
    ] {
        let scenario = Scenario::openid();
        let tokens = scenario.log_in().await.unwrap();
        let scenario = scenario.at("/userinfo", refusal);
        let error = scenario.client().profile(&tokens).await.unwrap_err();
        let ends = (error.needs_refresh(), error.needs_login(), error.needs_configuration());
        assert_eq!(ends, (true, false, false), "{error}");
    }
}

#[tokio::test]
async fn a_grant_that_is_over_needs_a_login_and_a_client_that_is_refused_needs_neither() {
    let refresh = async |status: u16, body: Value| {
        let client = Client::new(acme(), web(), &Wire::always(answer_json(status, body)).http()).unwrap();
        let tokens = client.held(json!({"access_token": "at", "refresh_token": "rt"}));
        let error = client.refresh(&tokens).await.unwrap_err();
        assert!(!error.needs_refresh(), "{error}");
        (error.needs_login(), error.needs_configuration())
    };
    for over in ["invalid_grant", "interaction_required", "login_required"] {
        assert_eq!(refresh(400, json!({ "error": over })).await, (true, false), "{over}");
    }
    for wrong in ["invalid_client", "unauthorized_client", "unsupported_grant_type"] {
        assert_eq!(refresh(400, json!({ "error": wrong })).await, (false, true), "{wrong}");
    }
    assert_eq!(refresh(401, json!({})).await, (false, true));
    assert_eq!(refresh(403, json!({})).await, (false, false));
    assert_eq!(refresh(503, json!({})).await, (false, false));
    let error = Client::new(acme(), Registration::new(""), &Wire::always(answer(200, "", "")).http());
    assert!(error.unwrap_err().needs_configuration());
}

#[tokio::test]
async fn a_silent_login_that_failed_is_told_apart() {
    for (code, is_silent) in [
        ("login_required", true),
        ("interaction_required", true),
        ("consent_required", true),
        ("account_selection_required", true),
        ("access_denied", false),
        ("invalid_request", false),
    ] {
        let scenario = Scenario::openid().asking(|login| login.prompt("none"));
        let login = scenario.started().await;
        let state = param(&login.url, "state").unwrap();
        let url = format!("{REDIRECT_URI}?error={code}&state={state}&iss=https%3A%2F%2Fop.example");
        let error = scenario.client().finish(login.pending, &url).await.unwrap_err();
        assert_eq!((error.silent_login_failed(), error.needs_login()), (is_silent, is_silent), "{code}");
    }
    // At a refresh, nobody tried to sign in silently.
    let error = refused_with(web(), 400, json!({"error": "interaction_required"})).await;
    assert!(error.needs_login() && !error.silent_login_failed());
}

/// The metadata of an issuer that this machine knows by another name.
fn elsewhere(issuer: &str) -> Wire {
    let issuer = issuer.to_owned();
    Wire::new(move |request| match request.uri().path() {
        "/metadata.json" | "/.well-known/oauth-authorization-server/internal" => answer_json(
            200,
            json!({
                "issuer": issuer, "authorization_endpoint": "https://id.example/authorize",
                "token_endpoint": "http://keycloak:8080/token", "jwks_uri": "http://keycloak:8080/jwks",
            }),
        ),
        path => panic!("{path} was asked"),
    })
}

#[tokio::test]
async fn a_provider_is_discovered_under_another_name_than_its_issuer() {
    let provider = || Provider::openid("https://id.example").discovery("http://keycloak:8080/metadata.json");
    let http = |wire: &Wire| wire.http().danger_allow_http("keycloak");
    let wire = elsewhere("https://id.example");
    let login = Client::new(provider(), web(), &http(&wire)).unwrap().login().await.unwrap();
    assert!(login.url.starts_with("https://id.example/authorize?") && login.url.contains("openid"));
    assert_eq!(login.pending.issuer(), "https://id.example");
    assert_eq!(wire.seen()[0].uri(), "http://keycloak:8080/metadata.json");
    assert_eq!(wire.seen().len(), 1);
    // The issuer is checked all the same.
    for issuer in ["https://id.example/", "http://keycloak:8080", "https://evil.example"] {
        let client = Client::new(provider(), web(), &http(&elsewhere(issuer))).unwrap();
        assert_eq!(client.login().await.unwrap_err().code(), "issuer_mismatch", "{issuer}");
    }
    let found = provider().fetch_metadata(&http(&wire)).await.unwrap();
    assert_eq!(found.metadata().unwrap()["issuer"].as_str(), Some("https://id.example"));
    // http is for hosts that the application named, and the endpoints of an issuer with https need https.
    assert_eq!(Client::new(provider(), web(), &wire.http()).unwrap_err().code(), "insecure_url");
    let secure = Provider::openid("https://id.example").discovery("https://keycloak:8443/metadata.json");
    let error = Client::new(secure, web(), &http(&wire)).unwrap().login().await.unwrap_err();
    assert_eq!(error.code(), "insecure_url");
    // A plain authorization server is one under another name too.
    let oauth = "http://keycloak:8080/.well-known/oauth-authorization-server/internal";
    let plain = Provider::openid("https://id.example").discovery(oauth);
    let login = Client::new(plain, web(), &http(&wire)).unwrap().login().await.unwrap();
    assert!(!login.url.contains("nonce="), "{}", login.url);
    let error = Client::new(acme().discovery("https://acme.example/m"), web(), &wire.http()).unwrap_err();
    assert!(error.code() == "issuer" && error.to_string().contains("Provider::openid"), "{error}");
}

#[tokio::test]
async fn a_definition_s_own_document_elsewhere_is_still_bound_to_the_issuer_s_host() {
    let mut definition = vouchsafe::Definition::clone(Provider::named("openid").unwrap().definition());
    definition.slug = "mine".to_owned();
    definition.discovery = Some("http://keycloak:8080/metadata.json".to_owned());
    let provider = Provider::from(definition).param("issuer", "https://id.example");
    let wire = elsewhere("https://id.example");
    let client = Client::new(provider, web(), &wire.http().danger_allow_http("keycloak")).unwrap();
    assert_eq!(client.login().await.unwrap_err().code(), "insecure_url");
}

#[tokio::test]
async fn the_registration_names_the_algorithms_of_id_tokens() {
    let announced = |registration: Registration| {
        Scenario::openid()
            .registration(registration)
            .metadata("id_token_signing_alg_values_supported", json!(["RS256"]))
    };
    let error = announced(web()).alg("PS256").log_in().await.unwrap_err();
    assert_eq!(error.code(), "algorithm");
    assert!(error.to_string().contains("set Registration::id_token_algorithms"), "{error}");
    assert_eq!(announced(web().id_token_algorithms(["PS256", "ES256"])).alg("PS256").verdict().await, "ok");
    // The list replaces the announced one.
    let error = announced(web().id_token_algorithms(["PS256"])).log_in().await.unwrap_err();
    assert_eq!(error.code(), "algorithm");
    let said = error.to_string();
    assert!(said.contains("must be signed with PS256") && said.contains("is signed with RS256"), "{said}");
    // A provider that announces nothing acceptable is no hindrance then.
    let own = Scenario::openid().registration(web().id_token_algorithms(["RS256"]));
    let own = own.metadata("id_token_signing_alg_values_supported", json!(["HS256"]));
    assert_eq!(own.verdict().await, "ok");
    for names in [&["HS256"][..], &["none"], &["RS256", "HS512"], &["rs256"], &[]] {
        let registration = web().id_token_algorithms(names.iter().copied());
        let error = Client::new(acme(), registration, &Wire::always(answer(200, "", "")).http()).unwrap_err();
        assert_eq!(error.code(), "id_token_algorithms", "{names:?}");
        let names_all = error.to_string().contains("RS256, RS384");
        assert!(names_all || names == ["HS256"], "{error}");
    }
}

/// A JWT of five parts, the first of them a header with `enc`.
fn jwe() -> String {
    let header = forge::base64(json!({"alg": "RSA-OAEP", "enc": "A256GCM", "cty": "JWT"}).to_string());
    format!("{header}.a2V5.aXY.dGV4dA.dGFn")
}

#[tokio::test]
async fn an_encrypted_jwt_is_told_as_encrypted() {
    let scenario = Scenario::openid().tampered(|_| jwe());
    let Error::Response(error) = scenario.log_in().await.unwrap_err() else { panic!("it is malformed") };
    assert_eq!(error.malformed(), Malformed::Encrypted);
    assert!(error.to_string().contains("switch the encryption off"), "{error}");

    let scenario = Scenario::openid();
    let tokens = scenario.log_in().await.unwrap();
    let scenario = scenario.at("/userinfo", answer(200, "application/jwt", jwe()));
    assert_eq!(scenario.client().profile(&tokens).await.unwrap_err().code(), "encrypted_jwt");
    let identity = scenario.client().identity(&tokens).await.unwrap();
    assert_eq!(identity.warnings()[0].error().unwrap().code(), "encrypted_jwt");
    for outcome in [
        scenario.client().manual().verify_jwt(&jwe(), None).await.map(drop),
        scenario.client().manual().verify_id_token(&jwe(), None).await.map(drop),
    ] {
        assert_eq!(outcome.unwrap_err().code(), "encrypted_jwt");
    }
    // Five parts alone are not enough.
    for other in ["a.b.c.d.e", "....", "1.2.3.4.5", "eyJhbGciOiJSUzI1NiJ9.b.c.d.e", "a.b.c.d"] {
        let error = scenario.client().manual().verify_jwt(other, None).await.unwrap_err();
        assert_eq!(error.code(), "jwt", "{other}");
    }
    // At a refresh it costs nobody the tokens.
    let scenario = scenario.tampered(|_| jwe());
    let fresh = scenario.client().refresh(&tokens).await.unwrap();
    assert_eq!(fresh.warnings()[0].error().unwrap().code(), "encrypted_jwt");
}

#[tokio::test]
async fn scopes_without_openid_have_a_warning() {
    let warnings = async |scopes: &'static [&'static str]| {
        let scenario = Scenario::openid().asking(move |login| login.scopes(scopes.iter().copied()));
        let tokens =
            scenario.with(|op| op.id_token = scopes.is_empty() || scopes.contains(&"openid")).log_in().await;
        tokens.unwrap().warnings().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert!(warnings(&[]).await.is_empty() && warnings(&["openid", "email"]).await.is_empty());
    let [warning] = &warnings(&["email"]).await[..] else { panic!("one warning") };
    assert!(warning.contains("without openid: request openid too"), "{warning}");
}

#[tokio::test]
async fn the_clocks_difference_is_told_and_tolerated_as_set() {
    for (claim, at, offset) in [
        ("exp", -100, "100 seconds ago (exp)"),
        ("iat", 200, "200 seconds (iat)"),
        ("nbf", 299, "299 seconds (nbf)"),
    ] {
        let scenario = || Scenario::openid().claim(claim, json!(now() as i64 + at));
        let said = scenario().log_in().await.unwrap_err().to_string();
        // A second may pass in between.
        let next = offset.replace("100", "101").replace("200", "199").replace("299", "298");
        assert!(said.contains(offset) || said.contains(&next), "{said}");
        assert!(
            said.contains("30 seconds are tolerated") && said.contains("ClientBuilder::clock_skew"),
            "{said}"
        );
        let patient = scenario();
        let client = patient.built(|client| client.clock_skew(std::time::Duration::from_secs(300)));
        let login = client.login().await.unwrap();
        client.finish(login.pending, patient.callback(&login.url)).await.unwrap();
    }
}

#[tokio::test]
async fn a_client_that_is_refused_hears_of_its_secret() {
    let keycloak = json!({"error": "unauthorized_client", "error_description": "Invalid client or Invalid client credentials"});
    let plain = json!({"error": "invalid_client"});
    for (registration, remedy, words) in [
        (public(), Remedy::GiveSecret, "no client secret was given"),
        (web(), Remedy::CheckSecret, "the client secret that was sent is wrong"),
    ] {
        for (status, body) in [(401, &keycloak), (401, &plain), (400, &plain)] {
            let error = refused_with(registration.clone(), status, body.clone()).await;
            let Error::Server(told) = &error else { panic!("{error}") };
            assert_eq!(told.remedy(), Some(remedy), "{error}");
            assert!(error.to_string().contains(words), "{error}");
        }
        let bare = refused_with(registration, 401, json!({})).await.to_string();
        assert!(bare.contains("client secret"), "{bare}");
    }
    // With another status, the grant is not allowed for this client, and the secret is right.
    let Error::Server(told) = refused_with(web(), 400, keycloak).await else {
        panic!("it is the provider's error")
    };
    assert_eq!(told.remedy(), None);
    // The same at the revocation.
    let client = Client::new(acme(), public(), &Wire::always(answer_json(401, plain)).http()).unwrap();
    let error = client.manual().revoke("at", None).await.unwrap_err().to_string();
    assert!(error.contains("no client secret was given"), "{error}");
}

#[tokio::test]
async fn what_the_provider_asks_for_is_named() {
    for (body, remedy, words) in [
        (
            json!({"error": "invalid_client", "error_description": "Parameter client_assertion_type is missing"}),
            Remedy::ClientKey,
            "private_key_jwt",
        ),
        (
            json!({"error": "invalid_request", "error_description": "DPoP proof is missing"}),
            Remedy::Dpop,
            "DPoP proof",
        ),
        (json!({"error": "use_dpop_nonce"}), Remedy::Dpop, "DPoP proof"),
    ] {
        for registration in [web(), public()] {
            let error = refused_with(registration, 400, body.clone()).await;
            let Error::Server(told) = &error else { panic!("{error}") };
            assert_eq!(told.remedy(), Some(remedy), "{error}");
            assert!(error.to_string().contains(words) && !error.to_string().contains("was given"), "{error}");
        }
    }
    let scenario = Scenario::openid();
    let login = scenario.started().await;
    let state = param(&login.url, "state").unwrap();
    let said = "error=invalid_request&error_description=Pushed+Authorization+Request+is+only+allowed.";
    let url = format!("{REDIRECT_URI}?{said}&state={state}&iss=https%3A%2F%2Fop.example");
    let Error::Server(told) = scenario.client().finish(login.pending, &url).await.unwrap_err() else {
        panic!("it is the provider's error")
    };
    assert_eq!(told.remedy(), Some(Remedy::PushedRequest));
}

#[tokio::test]
async fn a_missing_page_of_a_template_names_its_parameters() {
    let nothing = || Wire::always(answer(404, "text/plain", "nothing here")).http();
    let said = async |provider: Provider, http: &Http| {
        Client::new(provider, web(), http).unwrap().login().await.unwrap_err().to_string()
    };
    let keycloak =
        |host: &str| Provider::named("keycloak").unwrap().param("host", host).param("realm", "main");
    let error = said(keycloak("id.example.com"), &nothing()).await;
    assert!(
        error.contains("host = id.example.com, which may need a path, as in example.com/auth"),
        "{error}"
    );
    assert!(error.contains("realm = main"), "{error}");
    let error = said(keycloak("id.example.com/auth"), &nothing()).await;
    assert!(error.contains("host = id.example.com/auth; realm = main"), "{error}");
    let error = said(Provider::openid("https://id.example.com"), &nothing()).await;
    assert!(!error.contains("parameters"), "{error}");
    // The same at an endpoint that is described.
    let toml = "slug = \"x\"\ndisplay_name = \"X\"\nkind = \"oauth2\"\nauthorization_endpoint = \"https://{shop}.example/a\"\n\
                token_endpoint = \"https://{shop}.example/t\"\n[params.shop]\nrule = \"label\"\n";
    let provider = Provider::from_definition(toml).unwrap().param("shop", "mine");
    let client = Client::new(provider, web(), &nothing()).unwrap();
    let error = client.manual().authorization_code("c", REDIRECT_URI).await.unwrap_err().to_string();
    assert!(error.contains("check the parameters of the provider: shop = mine"), "{error}");
}

#[tokio::test]
async fn a_response_that_nobody_could_read_is_not_asked_for() {
    let scenario = Scenario::openid();
    for mode in ["fragment", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt", "web_message", "Query", ""]
    {
        let error = scenario.client().login().extra("response_mode", mode).await.unwrap_err();
        assert_eq!(error.code(), "invalid_option", "{mode}");
        assert!(error.to_string().contains("must be query or form_post"), "{error}");
        let url = scenario.client().manual().authorization_url(REDIRECT_URI).extra("response_mode", mode);
        assert_eq!(url.await.unwrap_err().code(), "invalid_option", "{mode}");
    }
    for mode in ["query", "form_post"] {
        assert!(scenario.client().login().extra("response_mode", mode).await.is_ok());
    }
    // A sentence that begins with the parameter would write it in capitals.
    for name in ["request_uri", "redirect_uri", "state", "max_age"] {
        let error = scenario.client().login().extra(name, "x").await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("the parameter {name} cannot be")), "{error}");
    }
}

#[tokio::test]
async fn a_key_of_a_kind_that_is_not_supported_is_not_a_missing_key() {
    let scenario = Scenario::openid().alg("EdDSA").header("kid", json!("ed448"));
    scenario.op().jwks = json!({"keys": [{"kty": "OKP", "crv": "Ed448", "kid": "ed448", "x": "AAAA"}]});
    let error = scenario.log_in().await.unwrap_err();
    assert_eq!(error.code(), "unknown_key");
    let said = error.to_string();
    assert!(
        said.contains("key ed448 cannot be used: its type is not RSA, EC, AKP or Ed25519, but OKP Ed448"),
        "{said}"
    );
}

#[tokio::test]
async fn several_audiences_without_azp_are_told_as_such() {
    let scenario = Scenario::openid().claim("aud", json!([CLIENT_ID, "another"]));
    let error = scenario.log_in().await.unwrap_err();
    assert_eq!(error.code(), "authorized_party");
    let said = error.to_string();
    assert!(said.contains("several audiences, and no azp") && said.contains("audience another"), "{said}");
    assert!(!said.contains("another client"), "{said}");
}

#[tokio::test]
async fn a_jwt_of_another_issuer_is_told_as_such_before_its_key_is_looked_for() {
    let scenario = Scenario::openid();
    scenario.log_in().await.unwrap();
    let fetches = scenario.wire.seen_at("/jwks").len();
    let claims = json!({"iss": "https://other.example", "exp": now() + 60}).to_string();
    let foreign = forge::jwt("RS256", "stranger", &json!({"alg": "RS256", "kid": "stranger"}), &claims);
    let error = scenario.client().manual().verify_jwt(&foreign, None).await.unwrap_err();
    assert_eq!(error.code(), "issuer_mismatch");
    let said = error.to_string();
    assert!(said.contains(ISSUER) && said.contains("https://other.example"), "{said}");
    assert_eq!(scenario.wire.seen_at("/jwks").len(), fetches, "newer keys would not help");
    // What says that it is this issuer's may have a new key.
    let claims = json!({"iss": ISSUER, "exp": now() + 60}).to_string();
    let own = forge::jwt("RS256", "stranger", &json!({"alg": "RS256", "kid": "stranger"}), &claims);
    let error = scenario.client().manual().verify_jwt(&own, None).await.unwrap_err();
    assert_eq!(error.code(), "unknown_key");
    assert_eq!(scenario.wire.seen_at("/jwks").len(), fetches + 1);
}

#[tokio::test]
async fn a_response_names_what_is_wrong_with_it() {
    for (query, words) in [
        ("response=eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "signed JWT"),
        ("state={}&iss=https%3A%2F%2Fop.example", "neither a code nor an error"),
        (
            "state={}&code=c&iss=https%3A%2F%2Fevil.example",
            "must name the issuer https://op.example, but its iss is https://evil.example",
        ),
        ("state={}&code=c", "let the provider send iss to this client"),
    ] {
        let scenario = Scenario::openid();
        let login = scenario.started().await;
        let state = param(&login.url, "state").unwrap();
        let url = format!("{REDIRECT_URI}?{}", query.replace("{}", &state));
        let error = scenario.client().finish(login.pending, &url).await.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
