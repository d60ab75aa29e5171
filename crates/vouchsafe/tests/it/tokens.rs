//! What tokens know of themselves, and how they are kept.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use vouchsafe::{Client, Error, IdToken, Provider, Tokens, providers};

use crate::scenario::{ACME, acme, idle, now, stored, web};
use crate::wire::{Wire, json as answer};

/// The tokens of an answer with those members.
fn answered(more: Value) -> Tokens {
    let mut answer = json!({"access_token": "at", "token_type": "bearer"});
    for (name, value) in more.as_object().unwrap() {
        answer[name] = value.clone();
    }
    idle(acme()).manual().read_token_response(answer.to_string().as_bytes()).unwrap()
}

#[test]
fn every_member_has_its_accessor() {
    let tokens = answered(json!({"refresh_token": "rt", "scope": "a  b", "expires_in": 60}));
    assert_eq!(tokens.access_token().expose(), "at");
    assert_eq!(tokens.token_type(), "Bearer");
    assert_eq!(tokens.refresh_token().unwrap().expose(), "rt");
    assert_eq!(tokens.scopes().collect::<Vec<_>>(), ["a", "b"]);
    assert!(tokens.expires_at().is_some());
    assert!(tokens.id_token().is_none());
}

#[test]
fn any_other_member_is_had_by_its_name() {
    // RFC 6749 §5.1.
    let tokens = answered(json!({"team": {"id": 7}, "refresh_token_expires_in": 9, "né \"q\"": [true]}));
    assert_eq!(tokens.extra("team").unwrap().get("id").unwrap().as_i64(), Some(7));
    assert_eq!(tokens.extra("refresh_token_expires_in").unwrap().as_i64(), Some(9));
    assert_eq!(tokens.extra("né \"q\"").unwrap()[0].as_bool(), Some(true));
    assert!(tokens.extra("missing").is_none());
    assert!(answered(json!({})).extra("team").is_none());
}

#[test]
fn an_id_token_of_a_service_without_keys_is_not_a_verified_one() {
    let tokens = answered(json!({"id_token": "a.b.c"}));
    assert!(tokens.id_token().is_none());
    assert_eq!(tokens.unverified_id_token(), Some("a.b.c"));
}

#[test]
fn an_expiry_is_a_number_a_text_or_a_moment() {
    let seconds =
        |more: Value| answered(more).expires_at().map(|at| at.duration_since(UNIX_EPOCH).unwrap().as_secs());
    for more in [json!({"expires_in": 3600}), json!({"expires_in": "3600"}), json!({"expires_in": 3600.0})] {
        let at = seconds(more.clone()).unwrap();
        assert!((now() + 3595..=now() + 3600).contains(&at), "{more}");
    }
    assert_eq!(seconds(json!({"expires_at": 1_700_000_000})), Some(1_700_000_000));
    assert_eq!(seconds(json!({"expires_at": "1700000000"})), Some(1_700_000_000));
    assert_eq!(seconds(json!({})), None);
    let both = seconds(json!({"expires_in": 60, "expires_at": 1})).unwrap();
    assert!(both > now(), "the lifetime goes first: it needs no agreement of clocks");
}

#[test]
fn tokens_know_whether_they_have_expired() {
    let old = stored(ACME, json!({"access_token": "at", "expires_at": now() - 1}));
    assert!(old.is_expired() && old.expires_within(Duration::ZERO));
    let young = stored(ACME, json!({"access_token": "at", "expires_at": now() + 100}));
    assert!(!young.is_expired());
    assert!(!young.expires_within(Duration::from_secs(90)));
    assert!(young.expires_within(Duration::from_secs(101)));
    assert!(young.expires_within(Duration::MAX), "without end is beyond any expiry");
    let forever = stored(ACME, json!({"access_token": "at"}));
    assert!(!forever.is_expired() && !forever.expires_within(Duration::MAX));
}

#[test]
fn tokens_are_stored_and_come_back_as_they_were() {
    let tokens = answered(json!({
        "refresh_token": "rt", "scope": "a b", "expires_in": 60, "id_token": "a.b.c", "team": {"id": 7},
    }));
    let text = serde_json::to_string(&tokens).unwrap();
    let back: Tokens = serde_json::from_str(&text).unwrap();
    assert_eq!(back.access_token(), tokens.access_token());
    assert_eq!(back.refresh_token(), tokens.refresh_token());
    assert_eq!(back.scopes().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(back.extra("team"), tokens.extra("team"));
    assert_eq!(back.unverified_id_token(), tokens.unverified_id_token());
    let apart = tokens.expires_at().unwrap().duration_since(back.expires_at().unwrap()).unwrap();
    assert!(apart < Duration::from_secs(1), "an expiry is kept in whole seconds, never later than it was");
    assert_eq!(serde_json::to_string(&back).unwrap(), text);
    assert!(back.expires_at().unwrap() > SystemTime::now());
}

#[test]
fn a_moment_that_no_clock_has_is_no_expiry_and_no_crash() {
    for at in [u64::MAX, u64::MAX / 2] {
        assert!(!stored(ACME, json!({"access_token": "at", "expires_at": at})).is_expired());
    }
}

#[tokio::test]
async fn a_verified_id_token_is_stored_with_the_others() {
    let scenario = crate::scenario::Scenario::openid();
    let tokens = scenario.log_in().await.unwrap();
    let back: Tokens = serde_json::from_value(serde_json::to_value(&tokens).unwrap()).unwrap();
    let (old, new) = (tokens.id_token().unwrap(), back.id_token().unwrap());
    assert_eq!((old.expose(), old.subject()), (new.expose(), new.subject()));
    assert_eq!(old.claims(), new.claims());
    assert!(back.unverified_id_token().is_none(), "it is verified: it has its own accessor");
}

#[test]
fn a_store_that_was_broken_is_told_so() {
    for id_token in ["x", "a.b", "a.!.c", "a.e30.c"] {
        let mut broken = serde_json::to_value(stored(ACME, json!({"access_token": "at"}))).unwrap();
        broken["id_token"] = json!(id_token);
        let error = serde_json::from_value::<Tokens>(broken).unwrap_err();
        assert!(!error.to_string().contains("at\""), "{error}");
    }
    assert!(serde_json::from_value::<Tokens>(json!({})).is_err());
}

#[test]
fn equal_tokens_are_equal() {
    let (one, two) = (stored(ACME, json!({"access_token": "a"})), stored(ACME, json!({"access_token": "b"})));
    assert_eq!(one.access_token(), stored(ACME, json!({"access_token": "a"})).access_token());
    assert_ne!(one.access_token(), two.access_token());
}

/// What an identity provider's metadata says for an issuer, and a profile for everybody.
fn named(issuer: &str) -> Wire {
    let metadata = json!({
        "issuer": issuer, "authorization_endpoint": "https://op.example/authorize", "jwks_uri": "https://op.example/jwks",
        "token_endpoint": "https://op.example/token", "userinfo_endpoint": "https://op.example/me",
        "subject_types_supported": ["public"],
    });
    Wire::new(move |request| match request.uri().path() {
        path if path.contains(".well-known") => answer(200, metadata.clone()),
        _ => answer(200, json!({"sub": "1"})),
    })
}

const READ: &str = r#"{"access_token": "at", "token_type": "Bearer"}"#;

#[tokio::test]
async fn tokens_that_were_read_before_the_metadata_was_there_are_the_client_s_own() {
    let openid = |issuer: &str| Provider::openid(issuer);
    let microsoft = |tenant: &str| format!("https://login.microsoftonline.com/{tenant}/v2.0");
    let guid = "9188040d-6c67-4c5b-b112-36a304b66dad";
    for (provider, issuer) in [
        (openid("https://op.example/"), "https://op.example/".to_owned()),
        (openid("https://op.example/.well-known/openid-configuration"), "https://op.example/".to_owned()),
        (providers::microsoft("common"), microsoft("{tenantid}")),
        (providers::microsoft("contoso.com"), microsoft(guid)),
        (providers::microsoft(guid), microsoft(guid)),
    ] {
        let wire = named(&issuer);
        let client = || Client::new(provider.clone(), web(), &wire.http()).unwrap();
        let early = client().manual().read_token_response(READ).unwrap();
        let stored = serde_json::to_string(&early).unwrap();
        let client = client();
        for tokens in [early, serde_json::from_str(&stored).unwrap()] {
            client.profile(&tokens).await.unwrap_or_else(|e| panic!("{issuer}: {e}"));
        }
        // Once the metadata is there, they are known by what it says.
        assert_eq!(client.manual().read_token_response(READ).unwrap().issuer(), issuer);
        // Another server's stay another server's.
        let other =
            Client::new(openid("https://other.example"), web(), &named("https://other.example").http());
        let tokens = other.unwrap().manual().read_token_response(READ).unwrap();
        let sent = wire.seen().len();
        assert_eq!(client.profile(&tokens).await.unwrap_err().code(), "issuer_mismatch", "{issuer}");
        assert_eq!(wire.seen().len(), sent);
    }
}

#[tokio::test]
async fn a_profile_from_elsewhere_makes_no_account_of_an_issuer_without_an_id_token() {
    let identity = async |userinfo: &str, by_hand: bool| {
        let line = if by_hand { String::new() } else { format!("userinfo_endpoint = \"{userinfo}\"\n") };
        let definition = format!(
            "slug = \"acme\"\ndisplay_name = \"Acme\"\nkind = \"openid\"\nissuer = \"https://op.example\"\n{line}\
             documentation = \"https://op.example\"\nchecked = \"2026-11-23\"\nscopes = [\"profile\"]\n\
             [identity]\nsubject = [\"/sub\"]"
        );
        let provider = Provider::from_definition(definition).unwrap();
        let provider = if by_hand { provider.userinfo_endpoint(userinfo) } else { provider };
        let client = Client::new(provider, web(), &named("https://op.example").http()).unwrap();
        let tokens = client.manual().read_token_response(READ).unwrap();
        client.profile(&tokens).await.unwrap();
        client.identity(&tokens).await
    };
    for own in ["https://op.example/users", "https://api.op.example/me", "https://op.example:443/me"] {
        assert_eq!(identity(own, false).await.unwrap().issuer(), "https://op.example", "{own}");
    }
    for elsewhere in ["https://evil.example/me", "https://evilop.example/me", "https://op.example:8443/me"] {
        let error = identity(elsewhere, false).await.unwrap_err();
        assert_eq!(error.code(), "id_token_not_supported", "{elsewhere}");
        // An application may say so of its own provider.
        identity(elsewhere, true).await.unwrap();
    }
}

#[tokio::test]
async fn where_the_id_token_alone_names_the_issuer_there_is_no_account_without_it() {
    let wire = named("https://login.microsoftonline.com/{tenantid}/v2.0");
    let client = Client::new(providers::microsoft("common"), web(), &wire.http()).unwrap();
    drop(client.login().await.unwrap());
    let tokens = client.manual().read_token_response(READ).unwrap();
    let error = client.identity(&tokens).await.unwrap_err();
    assert_eq!(error.operation(), vouchsafe::error::Operation::Identity);
    assert!(matches!(error, vouchsafe::Error::Unsupported(_)), "{error}");
    client.profile(&tokens).await.unwrap();
}

#[test]
fn tokens_know_their_type_and_when_they_were_received() {
    let tokens = answered(json!({}));
    let since = tokens.received_at().duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert!((now() - 5..=now()).contains(&since));
    // To the millisecond: the life of a token may be short.
    let since = tokens.received_at().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let text = serde_json::to_value(&tokens).unwrap();
    assert_eq!(
        (&text["v"], &text["token_type"], &text["received_at"]),
        (&json!(2), &json!("Bearer"), &json!(since as f64 / 1000.0))
    );
    let back: Tokens = serde_json::from_value(text).unwrap();
    assert_eq!(back.received_at(), UNIX_EPOCH + Duration::from_millis(since));
}

#[test]
fn members_of_the_response_and_values_of_the_browser_are_kept_apart() {
    let tokens = stored(
        ACME,
        json!({"access_token": "at", "extra": {"user": 1}, "callback": {"user": 2, "device": 3}, "unverified_id_token": "x"}),
    );
    let back: Tokens = serde_json::from_str(&serde_json::to_string(&tokens).unwrap()).unwrap();
    for tokens in [&tokens, &back, &tokens.clone()] {
        assert_eq!((tokens.extra("user"), tokens.callback_value("user")), (Some(&json!(1)), Some(&json!(2))));
        assert_eq!((tokens.extra("device"), tokens.callback_value("device")), (None, Some(&json!(3))));
        assert_eq!((tokens.extra("id_token"), tokens.callback_value("id_token")), (None, None));
        assert_eq!(tokens.unverified_id_token(), Some("x"));
    }
    let tokens = answered(json!({"user": 1, "error": null}));
    assert!(tokens.callback_value("user").is_none());
    for name in ["access_token", "token_type", "error"] {
        assert!(tokens.extra(name).is_none(), "{name} is not an extra member");
    }
}

#[test]
fn a_value_that_was_read_once_is_not_parsed_again() {
    let tokens = answered(json!({"team": {"id": 7}}));
    assert!(std::ptr::eq(tokens.extra("team").unwrap(), tokens.clone().extra("team").unwrap()));
}

#[tokio::test]
async fn an_id_token_has_an_accessor_for_each_claim_of_the_standard() {
    let at = now();
    let scenario = crate::scenario::Scenario::openid()
        .claim("acr", json!("gold"))
        .claim("amr", json!(["pwd", "otp"]))
        .claim("sid", json!("session-1"))
        .claim("auth_time", json!(at - 60))
        .claim("exp", json!(at + 300))
        .claim("iat", json!(at as f64 - 0.5));
    let tokens = scenario.log_in().await.unwrap();
    let back: Tokens = serde_json::from_value(serde_json::to_value(&tokens).unwrap()).unwrap();
    for token in [tokens.id_token().unwrap(), back.id_token().unwrap(), &tokens.id_token().unwrap().clone()] {
        assert_eq!(token.issuer(), crate::scenario::ISSUER);
        assert_eq!(token.audience().collect::<Vec<_>>(), [crate::scenario::CLIENT_ID]);
        let time = |seconds: f64| UNIX_EPOCH + Duration::from_secs_f64(seconds);
        assert_eq!(token.expires_at(), time((at + 300) as f64));
        assert_eq!(token.issued_at(), time(at as f64 - 0.5));
        assert_eq!(token.auth_time(), Some(time((at - 60) as f64)));
        assert_eq!((token.acr(), token.sid()), (Some("gold"), Some("session-1")));
        assert_eq!(token.amr().collect::<Vec<_>>(), ["pwd", "otp"]);
        assert_eq!(token.nonce(), token.claims()["nonce"].as_str());
        assert!(token.nonce().is_some());
    }
    let bare = crate::scenario::Scenario::openid().claim("acr", json!(7)).claim("auth_time", json!(-1));
    let tokens = bare.log_in().await.unwrap();
    let token = tokens.id_token().unwrap();
    assert_eq!((token.acr(), token.sid(), token.auth_time(), token.amr().count()), (None, None, None, 0));
}

#[test]
fn a_stored_id_token_without_a_claim_of_every_id_token_is_not_read() {
    let claims = json!({"iss": "i", "sub": "s", "aud": "a", "exp": 1, "iat": 1});
    let read = |claims: &Value| {
        let mut tokens = serde_json::to_value(stored(ACME, json!({"access_token": "at"}))).unwrap();
        tokens["id_token"] = format!("e30.{}.e30", crate::forge::base64(claims.to_string())).into();
        serde_json::from_value::<Tokens>(tokens)
    };
    assert_eq!(read(&claims).unwrap().id_token().map(IdToken::subject), Some("s"));
    for name in ["iss", "sub", "aud", "exp", "iat"] {
        for wrong in [Value::Null, json!({})] {
            let mut broken = claims.clone();
            broken[name] = wrong;
            assert!(read(&broken).is_err(), "{broken}");
        }
        let mut broken = claims.clone();
        broken.as_object_mut().unwrap().remove(name);
        assert!(read(&broken).is_err(), "{broken}");
    }
}

#[tokio::test]
async fn tokens_of_another_system_are_imported_refreshed_and_stored() {
    let wire = Wire::always(answer(200, json!({"access_token": "new", "token_type": "Bearer"})));
    let client = Client::new(acme(), web(), &wire.http()).unwrap();
    let expiry = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let old = client.import_tokens("old").refresh_token("rt").scopes(["a", "b"]).expires_at(expiry);
    assert!(!format!("{old:?}").contains("\"old\"") && !format!("{old:?}").contains("\"rt\""));
    let old = old.build().unwrap();
    assert!(wire.seen().is_empty(), "nothing is sent");
    assert_eq!((old.access_token().expose(), old.expires_at()), ("old", Some(expiry)));
    assert_eq!((old.provider_slug(), old.issuer()), ACME);
    let fresh = client.refresh(&old).await.unwrap();
    assert!(crate::wire::letter(&wire.seen()[0]).contains("grant_type=refresh_token&refresh_token=rt"));
    assert_eq!(fresh.access_token().expose(), "new");
    assert_eq!(fresh.refresh_token().unwrap().expose(), "rt", "the provider did not rotate it");
    assert_eq!(fresh.scopes().collect::<Vec<_>>(), ["a", "b"]);
    // They belong to this client.
    let back: Tokens = serde_json::from_value(serde_json::to_value(&old).unwrap()).unwrap();
    let other = Client::new(acme(), vouchsafe::Registration::new("other"), &wire.http()).unwrap();
    assert_eq!(other.refresh(&back).await.unwrap_err().code(), "issuer_mismatch");
    assert_eq!(wire.seen().len(), 1);
}

#[test]
fn an_imported_token_must_be_one() {
    let client = idle(acme());
    for wrong in ["", "a\nb", "ä", "\u{7f}"] {
        for outcome in
            [client.import_tokens(wrong).build(), client.import_tokens("at").refresh_token(wrong).build()]
        {
            let error = outcome.unwrap_err();
            assert!(matches!(error, Error::Config(_)) && error.code() == "imported_token", "{error}");
        }
    }
    let tokens = client.import_tokens("at").build().unwrap();
    assert!(
        tokens.refresh_token().is_none() && tokens.expires_at().is_none() && tokens.scopes().count() == 0
    );
}

#[test]
fn a_stored_token_that_would_break_out_of_a_header_is_refused() {
    let usual = stored(ACME, json!({"access_token": "at", "refresh_token": "rt"}));
    let kept = serde_json::to_value(&usual).unwrap();
    for name in ["access_token", "refresh_token"] {
        for token in ["a\r\nb", "a\u{7f}", "", "\u{e9}"] {
            let mut broken = kept.clone();
            broken[name] = token.into();
            let error = serde_json::from_value::<Tokens>(broken).unwrap_err().to_string();
            assert!(error.contains("characters that no token may have"), "{error}");
        }
    }
}
