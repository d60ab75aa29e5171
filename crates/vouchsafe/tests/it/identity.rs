//! The profile, and who the user is: id and e-mail.
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use vouchsafe::error::{Feature, HttpErrorKind, Operation};
use vouchsafe::http::{Response, TransportError};
use vouchsafe::{Client, Provider, Registration, Tokens, providers};

use crate::scenario::{ACME, Held, Scenario, acme, arrived, now, stored, web};
use crate::wire::{Wire, answer, field, json, letter, param};

fn tokens() -> Tokens {
    stored(ACME, json!({"access_token": "at"}))
}

fn tokens_of_github() -> Tokens {
    stored(("github", "https://github.com/login/oauth"), json!({"access_token": "at"}))
}

fn sample(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A client of a service with that profile.
fn with_profile(profile: Response) -> (Client, Wire) {
    let wire = Wire::always(profile);
    (Client::new(acme(), web(), &wire.http()).unwrap(), wire)
}

#[tokio::test]
async fn a_profile_is_asked_for_to_the_letter() {
    // RFC 6750 §2; Core §5.3.1.
    let (client, wire) = with_profile(json(200, json!({"id": 7, "plan": {"name": "free"}})));
    let profile = client.profile(&tokens()).await.unwrap();
    assert_eq!(profile["plan"]["name"].as_str(), Some("free"));
    assert_eq!(
        wire.only(),
        "GET https://acme.example/me\naccept: application/json\nauthorization: Bearer at"
    );
    assert!(wire.seen()[0].headers()["authorization"].is_sensitive());
}

#[tokio::test]
async fn a_profile_can_be_had_for_an_access_token_alone() {
    let (client, wire) = with_profile(json(200, json!({"id": 7})));
    assert_eq!(client.manual().profile("at").await.unwrap()["id"].as_i64(), Some(7));
    assert_eq!(
        wire.only(),
        "GET https://acme.example/me\naccept: application/json\nauthorization: Bearer at"
    );
}

#[tokio::test]
async fn a_user_without_a_name_is_shown_by_the_user_name() {
    for (claims, name) in [
        (json!({"preferred_username": "yvain"}), Some("yvain")),
        (json!({"preferred_username": "yvain", "name": "Yvain"}), Some("Yvain")),
        (json!({"preferred_username": "yvain", "name": ""}), Some("yvain")),
        (json!({"preferred_username": ""}), None),
        (json!({"preferred_username": 7}), None),
    ] {
        let scenario = Scenario::openid()
            .with(|op| op.userinfo.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone()));
        let tokens = scenario.log_in().await.unwrap();
        assert_eq!(scenario.client().identity(&tokens).await.unwrap().name(), name, "{claims}");
    }
    // A definition that finds the name elsewhere says itself what the name is.
    let toml = "slug = \"acme\"\ndisplay_name = \"Acme\"\nkind = \"oauth2\"\nauthorization_endpoint = \"https://acme.example/a\"\n\
                token_endpoint = \"https://acme.example/token\"\nuserinfo_endpoint = \"https://acme.example/me\"\n\
                [identity]\nsubject = [\"/id\"]\nname = [\"/nick\"]\n";
    let wire = Wire::always(json(200, json!({"id": 7, "preferred_username": "yvain"})));
    let client = Client::new(Provider::from_definition(toml).unwrap(), web(), &wire.http()).unwrap();
    let tokens = client.held(json!({"access_token": "at"}));
    assert_eq!(client.identity(&tokens).await.unwrap().name(), None);
}

#[tokio::test]
async fn the_common_names_of_id_and_email_are_found() {
    for (profile, subject, email) in [
        (json!({"sub": "s", "email": "a@b.example", "email_verified": true}), "s", Some("a@b.example")),
        (json!({"id": 583231}), "583231", None),
        (json!({"user_id": "u", "email": ""}), "u", None),
        (json!({"id": "1", "sub": null, "email": null}), "1", None),
    ] {
        let identity = with_profile(json(200, profile)).0.identity(&tokens()).await.unwrap();
        assert_eq!((identity.subject(), identity.email()), (subject, email));
        assert_eq!(identity.provider_slug(), "acme");
    }
}

#[tokio::test]
async fn a_user_who_fills_in_a_profile_does_not_choose_who_they_are() {
    let profile = json!({"sub": "somebody-else", "id": 7, "account": {"uid": 8}});
    let (client, _) = with_profile(json(200, profile.clone()));
    let error = client.identity(&tokens()).await.unwrap_err();
    assert_eq!(error.code(), "invalid_field");
    assert!(error.to_string().contains("Provider::subject"), "{error}");

    for (pointer, subject) in [("/id", "7"), ("/account/uid", "8")] {
        let wire = Wire::always(json(200, profile.clone()));
        let client = Client::new(acme().subject(pointer), web(), &wire.http()).unwrap();
        assert_eq!(client.identity(&tokens()).await.unwrap().subject(), subject);
    }
    for pointer in ["id", "/login", "/user/email", "{/id}/", ""] {
        let wire = Wire::always(json(200, profile.clone()));
        let error = Client::new(acme().subject(pointer), web(), &wire.http()).unwrap_err();
        assert!(error.code() == "definition" && error.to_string().contains("identity.subject"), "{error}");
    }
}

#[tokio::test]
async fn a_user_id_ends_no_line() {
    for id in ["7\nhttps://acme.example/token 8", "\u{0}7", "7\u{85}", "\t"] {
        let error = with_profile(json(200, json!({"id": id}))).0.identity(&tokens()).await.unwrap_err();
        assert_eq!(error.code(), "invalid_field", "{id:?}");
    }
    let identity = with_profile(json(200, json!({"id": "Jürgen 7 ✓"}))).0.identity(&tokens()).await.unwrap();
    assert_eq!(identity.key().to_string(), "https://acme.example/token Jürgen 7 ✓");
}

#[tokio::test]
async fn an_email_that_nobody_vouches_for_is_not_a_verified_one() {
    for verified in [json!(false), json!("true"), json!("false"), json!(1), json!(null)] {
        let profile = json!({"sub": "s", "email": "a@b.example", "email_verified": verified});
        let identity = with_profile(json(200, profile)).0.identity(&tokens()).await.unwrap();
        assert_eq!(identity.email(), Some("a@b.example"));
        assert_eq!(identity.verified_email(), None, "{verified}");
    }
}

#[tokio::test]
async fn a_provider_of_one_s_own_vouches_for_an_email_if_the_application_says_so() {
    let profile =
        |verified: bool| json(200, json!({"sub": "s", "email": "a@b.example", "email_verified": verified}));
    for verified in [true, false] {
        let identity = with_profile(profile(verified)).0.identity(&tokens()).await.unwrap();
        assert_eq!((identity.email(), identity.email_verified()), (Some("a@b.example"), None), "{verified}");
        let wire = Wire::always(profile(verified));
        let client = Client::new(acme().email_verified("/email_verified"), web(), &wire.http()).unwrap();
        assert_eq!(client.identity(&tokens()).await.unwrap().email_verified(), Some(verified));
    }
}

#[tokio::test]
async fn a_profile_that_does_not_say_who_it_is_signs_nobody_in() {
    for (profile, code) in [
        (json!({}), "missing_field"),
        (json!({"sub": ""}), "invalid_field"),
        (json!({"id": {"value": 7}}), "invalid_field"),
        (json!({"id": 1.5}), "invalid_field"),
    ] {
        let error = with_profile(json(200, profile.clone())).0.identity(&tokens()).await.unwrap_err();
        assert_eq!(error.code(), code, "{profile}");
        assert_eq!(error.operation(), Operation::Identity);
    }
}

#[tokio::test]
async fn an_expired_token_is_told_from_the_challenge() {
    // RFC 6750 section 3.
    let mut response = answer(401, "text/plain", "no");
    let challenge = r#"Bearer realm="acme", error="invalid_token", error_description="The token expired""#;
    response.headers_mut().insert("www-authenticate", challenge.parse().unwrap());
    let error = with_profile(response).0.profile(&tokens()).await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("invalid_token", Some(401)));
    assert!(error.needs_refresh() && !error.needs_login());
    assert_eq!(
        error.to_string(),
        "fetching the profile failed: the provider returned invalid_token (HTTP status 401): The token expired"
    );
}

#[tokio::test]
async fn a_refused_access_token_is_told_from_too_few_scopes() {
    for (response, refused) in [
        (answer(401, "text/plain", ""), true),
        (answer(403, "text/plain", ""), true),
        (json(401, json!({"error": "request_unauthorized"})), true),
        (json(400, json!({"error": "invalid_token"})), true),
        (json(403, json!({"error": "insufficient_scope"})), false),
        (answer(404, "text/plain", ""), false),
        (answer(503, "text/plain", ""), false),
    ] {
        let error = with_profile(response).0.profile(&tokens()).await.unwrap_err();
        assert_eq!(error.needs_refresh(), refused, "{error}");
        assert!(!error.needs_login(), "{error}");
    }
}

#[tokio::test]
async fn an_error_in_place_of_a_profile_is_an_error() {
    for (status, body) in [
        (401, json!({"error": "invalid_token"})),
        (200, json!({"error": "invalid_token"})),
        (400, json!({"error": {"type": "invalid_token", "message": "no", "code": 190}})),
    ] {
        let error = with_profile(json(status, body)).0.profile(&tokens()).await.unwrap_err();
        assert_eq!((error.code(), error.status()), ("invalid_token", Some(status)));
    }
    let error =
        with_profile(json(404, json!({"message": "Not Found"}))).0.profile(&tokens()).await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("http_status", Some(404)));
}

#[tokio::test]
async fn a_provider_without_a_profile_says_so() {
    let provider = Provider::oauth2("acme")
        .authorization_endpoint("https://acme.example/authorize")
        .token_endpoint("https://acme.example/token");
    let client = crate::scenario::idle(provider);
    for error in [client.profile(&tokens()).await.unwrap_err(), client.identity(&tokens()).await.unwrap_err()]
    {
        assert!(matches!(&error, vouchsafe::Error::Unsupported(e) if e.feature() == Feature::Profile));
        assert!(error.to_string().contains("no userinfo endpoint"), "{error}");
    }
}

/// GitHub with those answers for the user and for the list of e-mails.
fn github(user: &str, emails: Response) -> (Client, Wire) {
    let user = json(200, sample(user));
    let wire = Wire::new(move |request| match request.uri().path() {
        "/user" => user.clone(),
        _ => emails.clone(),
    });
    (Client::new(providers::github(), web(), &wire.http()).unwrap(), wire)
}

const USER: &str = include_str!("../samples/github/profile.json");

#[tokio::test]
async fn githubs_email_is_the_primary_one_of_the_list() {
    let emails = sample(include_str!("../samples/github/emails.json"));
    let (client, wire) = github(USER, json(200, emails));
    let identity = client.identity(&tokens_of_github()).await.unwrap();
    assert_eq!((identity.provider_slug(), identity.subject()), ("github", "583231"));
    assert_eq!(identity.verified_email(), Some("lunete@fountain.example"));
    assert_eq!(identity.name(), Some("Lunete of the Fountain"));
    assert!(identity.picture().is_some());
    assert_eq!(
        wire.seen().iter().map(letter).collect::<Vec<_>>(),
        [
            "GET https://api.github.com/user\naccept: application/json\nauthorization: Bearer at",
            "GET https://api.github.com/user/emails\naccept: application/json\nauthorization: Bearer at",
        ]
    );
}

#[tokio::test]
async fn an_unverified_primary_email_at_github_is_none() {
    for emails in [
        include_str!("../samples/github/emails_primary_unverified.json"),
        include_str!("../samples/github/emails_empty.json"),
    ] {
        // The public address of the profile does not count: nobody says that it is verified.
        let user = include_str!("../samples/github/profile_public_email.json");
        let identity = github(user, json(200, sample(emails))).0.identity(&tokens_of_github()).await.unwrap();
        assert_eq!((identity.email(), identity.email_verified()), (None, None));
        assert_eq!(identity.name(), Some("yvain"));
    }
}

#[tokio::test]
async fn a_list_of_emails_that_is_withheld_ends_no_login() {
    for status in [403, 404] {
        let forbidden = sample(include_str!("../samples/github/emails_forbidden.json"));
        let identity = github(USER, json(status, forbidden)).0.identity(&tokens_of_github()).await.unwrap();
        assert_eq!((identity.subject(), identity.email()), ("583231", None));
    }
}

#[tokio::test]
async fn a_list_of_emails_that_is_broken_is_told_so() {
    for (answer, code) in [
        (json(500, json!({})), "http_status"),
        (json(200, json!({})), "invalid_field"),
        (answer(200, "text/html", "<h1>"), "content_type"),
    ] {
        let error = github(USER, answer).0.identity(&tokens_of_github()).await.unwrap_err();
        assert_eq!(error.code(), code);
        assert_eq!(error.operation(), Operation::Identity);
    }
}

#[tokio::test]
async fn odd_entries_in_a_list_of_emails_are_no_email() {
    for emails in [
        json!([7, null, "a@b.example"]),
        json!([{"email": "a@b.example", "primary": "true", "verified": true}]),
        json!([{"email": "a@b.example", "primary": true, "verified": 1}]),
        json!([{"email": 7, "primary": true, "verified": true}]),
        json!([{"email": "", "primary": true, "verified": true}]),
        json!([{"primary": true, "verified": true}]),
    ] {
        let identity = github(USER, json(200, emails.clone())).0.identity(&tokens_of_github()).await.unwrap();
        assert_eq!(identity.email(), None, "{emails}");
    }
}

#[tokio::test]
async fn githubs_scopes_come_back_with_commas() {
    let wire = Wire::always(json(200, sample(include_str!("../samples/github/token.json"))));
    let client = Client::new(providers::github(), web(), &wire.http()).unwrap();
    let login = client.login().await.unwrap();
    let state = param(&login.url, "state").unwrap();
    let tokens = client.finish(login.pending, arrived(&format!("code=c&state={state}"))).await.unwrap();
    assert_eq!(tokens.scopes().collect::<Vec<_>>(), ["read:user", "user:email"]);
    assert_eq!(tokens.expires_at(), None);
    assert!(field(&wire.seen()[0], "client_secret").is_some(), "GitHub documents the form");
}

#[tokio::test]
async fn an_openid_identity_is_made_of_claims_and_userinfo() {
    let scenario = Scenario::openid().claim("name", json!("From The ID Token"));
    scenario.op().userinfo["name"] = json!("From UserInfo");
    let tokens = scenario.log_in().await.unwrap();
    let identity = scenario.client().identity(&tokens).await.unwrap();
    assert_eq!(identity.subject(), crate::scenario::SUBJECT);
    assert_eq!(identity.verified_email(), Some("one@op.example"));
    assert_eq!(identity.name(), Some("From The ID Token"));
    assert!(identity.warnings().is_empty());
}

/// The e-mail of an identity made of an ID token and a UserInfo with those members, and the word for it.
async fn email(claims: serde_json::Value, userinfo: serde_json::Value) -> (Option<String>, Option<bool>) {
    let scenario = Scenario::openid().with(|op| {
        op.claims = claims;
        op.userinfo = userinfo;
        op.userinfo["sub"] = crate::scenario::SUBJECT.into();
    });
    let tokens = scenario.log_in().await.unwrap();
    let identity = scenario.client().identity(&tokens).await.unwrap();
    (identity.email().map(str::to_owned), identity.email_verified())
}

#[tokio::test]
async fn an_email_is_vouched_for_by_whom_it_comes_from() {
    let one = || Some("one@op.example".to_owned());
    for (claims, userinfo, verified) in [
        (
            json!({"email": "one@op.example"}),
            json!({"email": "two@op.example", "email_verified": true}),
            None,
        ),
        (json!({"email": "one@op.example"}), json!({"email_verified": true}), None),
        (
            json!({"email": "one@op.example"}),
            json!({"email": "one@op.example", "email_verified": true}),
            Some(true),
        ),
        (json!({"email_verified": true}), json!({"email": "one@op.example"}), None),
        (
            json!({"email_verified": true}),
            json!({"email": "one@op.example", "email_verified": false}),
            Some(false),
        ),
        (
            json!({"email": "one@op.example", "email_verified": false}),
            json!({"email": "one@op.example", "email_verified": true}),
            Some(false),
        ),
        (json!({}), json!({"email": "one@op.example", "email_verified": true}), Some(true)),
    ] {
        assert_eq!(email(claims.clone(), userinfo.clone()).await, (one(), verified), "{claims} {userinfo}");
    }
}

#[tokio::test]
async fn where_userinfo_cannot_be_had_the_id_token_does() {
    let failing = |answer: Option<Response>| {
        let scenario = Scenario::openid().claim("email", json!("one@op.example"));
        match answer {
            Some(answer) => scenario.at("/userinfo", answer),
            None => scenario.with(|op| {
                op.metadata.as_object_mut().unwrap().remove("userinfo_endpoint");
            }),
        }
    };
    for (answer, told) in [
        (Some(answer(503, "text/plain", "")), true),
        (Some(answer(429, "text/plain", "")), true),
        (Some(json(500, json!({"error": "server_error"}))), true),
        (Some(json(401, json!({"error": "invalid_token"}))), true),
        (Some(answer(403, "text/plain", "")), true),
        (Some(answer(404, "text/html", "<h1>")), true),
        (Some(answer(200, "text/html", "<h1>")), true),
        (Some(answer(200, "application/json", "[")), true),
        (Some(answer(200, "application/json", " ".repeat(1 << 20) + "{}")), true),
        (None, false),
    ] {
        let scenario = failing(answer);
        let tokens = scenario.log_in().await.unwrap();
        let identity = scenario.client().identity(&tokens).await.unwrap();
        assert_eq!(identity.subject(), crate::scenario::SUBJECT);
        assert_eq!(identity.email(), Some("one@op.example"));
        assert_eq!(!identity.warnings().is_empty(), told);
    }
}

#[tokio::test]
async fn where_the_network_fails_the_id_token_does_too() {
    let scenario = Scenario::openid();
    let tokens = scenario.log_in().await.unwrap();
    let metadata = scenario.op().metadata.clone();
    let wire = Wire::that_may_fail(move |request| match request.uri().path() {
        "/userinfo" => Err(TransportError::new(HttpErrorKind::Timeout)),
        _ => Ok(json(200, metadata.clone())),
    });
    let client = Client::new(Provider::openid(crate::scenario::ISSUER), web(), &wire.http()).unwrap();
    let identity = client.identity(&tokens).await.unwrap();
    assert_eq!(identity.subject(), crate::scenario::SUBJECT);
    assert_eq!(identity.warnings()[0].code(), "userinfo");
    assert_eq!(identity.warnings()[0].error().unwrap().code(), "timeout");
}

#[tokio::test]
async fn a_userinfo_that_was_refused_ends_the_login() {
    for (answer, code) in [
        (json(200, json!({"sub": "another"})), "subject_mismatch"),
        (json(200, json!({"sub": 7})), "invalid_field"),
        (json(200, json!({"email": "a@b.example"})), "missing_field"),
        (answer(302, "text/html", ""), "redirect_refused"),
    ] {
        let scenario = Scenario::openid().at("/userinfo", answer);
        let tokens = scenario.log_in().await.unwrap();
        assert_eq!(scenario.client().identity(&tokens).await.unwrap_err().code(), code);
    }
}

#[tokio::test]
async fn google_signs_people_in_by_either_name_of_its_issuer() {
    // "The value of iss … is always https://accounts.google.com or accounts.google.com"
    for issuer in ["https://accounts.google.com", "accounts.google.com"] {
        let (client, wire, nonce) = google(issuer);
        let login = client.login().await.unwrap();
        *nonce.lock().unwrap() = param(&login.url, "nonce").unwrap();
        let query = format!("code=c&state={}", param(&login.url, "state").unwrap());
        let tokens = client.finish(login.pending, arrived(&query)).await.unwrap();
        let identity = client.identity(&tokens).await.unwrap();
        assert_eq!((identity.provider_slug(), identity.subject()), ("google", "110248495921238986420"));
        assert_eq!(identity.verified_email(), Some("enide@lalut.example"));
        assert_eq!(identity.name(), Some("Enide Lalut"));
        assert_eq!(tokens.id_token().unwrap().claims()["hd"].as_str(), Some("lalut.example"));

        client.revoke(&tokens).await.unwrap();
        let seen = wire.seen();
        let to = |path: &str| seen.iter().find(|request| request.uri().path() == path).unwrap();
        assert!(field(to("/token"), "client_secret").is_some(), "Google documents the form");
        assert_eq!(
            letter(to("/revoke")),
            "POST https://oauth2.googleapis.com/revoke\n\
             accept: application/json\n\
             content-type: application/x-www-form-urlencoded\n\n\
             token=1%2F%2Fsample-refresh&token_type_hint=refresh_token&client_id=1234987819200.apps.googleusercontent.com"
        );
    }
}

/// Google, whose ID tokens are from that issuer and have the nonce that is put in.
fn google(issuer: &'static str) -> (Client, Wire, Arc<Mutex<String>>) {
    let nonce = Arc::new(Mutex::new(String::new()));
    let known = nonce.clone();
    let wire = Wire::new(move |request| match request.uri().path() {
        "/.well-known/openid-configuration" => json(
            200,
            json!({
                "issuer": "https://accounts.google.com",
                "authorization_endpoint": "https://accounts.google.com/o/oauth2/v2/auth",
                "token_endpoint": "https://oauth2.googleapis.com/token",
                "revocation_endpoint": "https://oauth2.googleapis.com/revoke",
                "userinfo_endpoint": "https://openidconnect.googleapis.com/v1/userinfo",
                "jwks_uri": "https://www.googleapis.com/oauth2/v3/certs",
            }),
        ),
        "/oauth2/v3/certs" => json(200, crate::forge::jwks()),
        "/token" => {
            let mut answer = sample(include_str!("../samples/google/token.json"));
            let mut claims = sample(include_str!("../samples/google/id_token_claims.json"));
            claims["iss"] = issuer.into();
            claims["nonce"] = known.lock().unwrap().as_str().into();
            claims["iat"] = now().into();
            claims["exp"] = (now() + 3600).into();
            claims["at_hash"] =
                crate::forge::half_hash("RS256", answer["access_token"].as_str().unwrap()).into();
            let header = json!({"alg": "RS256", "kid": "rsa"});
            answer["id_token"] = crate::forge::jwt("RS256", "rsa", &header, &claims.to_string()).into();
            json(200, answer)
        }
        "/v1/userinfo" => json(200, sample(include_str!("../samples/google/profile.json"))),
        _ => Response::default(),
    });
    let registration = Registration::new("1234987819200.apps.googleusercontent.com")
        .secret("a-secret")
        .redirect_uri("https://app.example/callback");
    let client = Client::new(providers::google(), registration, &wire.http()).unwrap();
    (client, wire, nonce)
}

#[tokio::test]
async fn an_identity_is_stored_and_comes_back_as_it_was() {
    let (client, _) =
        with_profile(json(200, json!({"id": 7, "email": "a@b.example", "name": "Ä", "plan": {"n": 1.5}})));
    let identity = client.identity(&tokens()).await.unwrap();
    let text = serde_json::to_string(&identity).unwrap();
    let back: vouchsafe::Identity = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), text);
    assert_eq!((back.key(), back.provider_slug()), (identity.key(), identity.provider_slug()));
    assert_eq!((back.email(), back.email_verified()), (identity.email(), identity.email_verified()));
    assert_eq!((back.name(), back.picture()), (identity.name(), identity.picture()));
    assert_eq!(back.profile(), identity.profile());
    assert_eq!(back.profile()["plan"]["n"].as_f64(), Some(1.5));
}

#[test]
fn a_stored_identity_of_another_version_or_without_a_key_is_not_read() {
    let whole = json!({"v": 1, "provider": "acme", "issuer": "i", "subject": "s", "profile": {}, "email_verified": true});
    let read = |name: &str, value: Value| {
        let mut stored = whole.clone();
        stored[name] = value;
        serde_json::from_value::<vouchsafe::Identity>(stored).map_err(|e| e.to_string())
    };
    let identity = read("v", json!(1)).unwrap();
    assert_eq!(identity.email_verified(), None, "no e-mail address is never a verified one");
    assert!(read("v", json!(2)).unwrap_err().contains("format version 2,"));
    for (name, value) in [("issuer", ""), ("issuer", "a b"), ("subject", "")] {
        assert!(read(name, json!(value)).is_err(), "{name} {value}");
    }
    assert!(
        serde_json::from_str::<vouchsafe::Identity>(
            r#"{"v":1,"provider":"p","issuer":"i","subject":"s","profile":{"a":1,"a":2}}"#
        )
        .is_err()
    );
}
