//! The sandbox acts as every provider of the catalogue.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use vouchsafe_providers::{Definition, EndpointName, ErrorShape, Expiry, Kind, Pkce, ProfileSource};
use vouchsafe_sandbox::{ClientConfig, Sandbox, User};

use crate::player::{Answer, Player, assert_success, has_scope, text_at};
use crate::scenario::{REDIRECT_URI, Reply, Scenario, claims, query_value};

#[tokio::test]
async fn every_provider_of_the_catalogue_signs_alice_in() {
    let scenario = Scenario::new().await;
    let mut failed = Vec::new();
    for definition in vouchsafe_providers::all() {
        if AssertUnwindSafe(signs_in(&scenario, &definition)).catch_unwind().await.is_err() {
            failed.push(definition.slug.clone());
        }
    }
    assert!(failed.is_empty(), "{} failed: {failed:?}", failed.len());
    assert_eq!(vouchsafe_providers::all().count(), vouchsafe_providers::slugs().count(), "none was skipped");
}

async fn signs_in(scenario: &Scenario, definition: &Definition) {
    let slug = &definition.slug;
    let player = Player::new(scenario, slug).await.lasting();
    player.acted.expire_tokens(true);
    for user in [User::alice(), User::bob(), User::carol()] {
        let answer = player.login(user.username()).await;
        check_answer(&player, &answer);
        let profile = player.profile(&answer).await;
        let identity = &player.definition.identity;
        let subject = (!identity.subject.is_empty()).then(|| player.acted.subject_of(&user));
        assert_eq!(player.subject(&profile), subject, "{slug}: {profile}");
        if !identity.name.is_empty() {
            assert!(
                identity.name.iter().any(|pointer| text_at(&profile, pointer).is_some()),
                "{slug}: {profile}"
            );
        }
        if !identity.picture.is_empty() {
            assert!(
                identity.picture.iter().any(|pointer| text_at(&profile, pointer).is_some()),
                "{slug}: {profile}"
            );
        }
        check_email(&player, &answer, &profile, &user).await;
        if definition.kind == Kind::Openid && definition.userinfo.source != ProfileSource::AccessToken {
            check_id_token(&player, &answer);
        }
        if definition.refresh {
            let refreshed = player.refresh(&answer.tokens, &[]).await;
            check_answer(&player, &refreshed);
        }
    }
    let answer = player.login("alice").await;
    if definition.long_lived.is_some() {
        let long = player.long_lived(&answer.tokens).await;
        assert!(long.tokens["access_token"].is_string(), "{slug}: {}", long.reply.body);
    }
    if definition.revocation_endpoint.is_some() {
        let only_refresh = definition.revocation.only.as_deref() == Some("refresh_token");
        let token = &answer.tokens[if only_refresh { "refresh_token" } else { "access_token" }];
        let reply = player.revoke(token.as_str().unwrap()).await;
        assert_eq!(reply.status, 200, "{slug}: {}", reply.body);
        if let Some(failure) = &definition.revocation.failure {
            assert_success(&reply.json(), Some(failure));
        }
    }
}

#[track_caller]
fn check_answer(player: &Player<'_>, answer: &Answer) {
    let slug = &player.definition.slug;
    let quirks = &player.definition.token;
    assert_eq!(answer.reply.status, 200, "{slug}: {}", answer.reply.body);
    assert!(answer.tokens["access_token"].is_string(), "{slug}: {}", answer.whole);
    assert_success(&answer.whole, quirks.failure.as_ref());
    if quirks.token_type_absent {
        assert!(answer.tokens["token_type"].is_null() || quirks.form_response, "{slug}: {}", answer.whole);
    } else {
        assert!(answer.tokens["token_type"].as_str().is_some(), "{slug}: {}", answer.whole);
    }
}

async fn check_email(player: &Player<'_>, answer: &Answer, profile: &serde_json::Value, user: &User) {
    let identity = &player.definition.identity;
    let slug = &player.definition.slug;
    let email = player.email(answer, profile).await;
    let has_one = !identity.email.is_empty() || identity.emails.is_some();
    let expected =
        user.email().filter(|_| has_one && (user.email_verified() || !identity.email_always_verified));
    assert_eq!(email.as_ref().map(|(email, _)| email.as_str()), expected, "{slug}: {profile}");
    if let Some((_, verified)) = email {
        let says = !identity.email_verified.is_empty()
            || identity.email_always_verified
            || identity.emails.as_ref().is_some_and(|list| list.verified.is_some());
        assert_eq!(verified, says && user.email_verified(), "{slug}: {profile}");
    }
}

#[track_caller]
fn check_id_token(player: &Player<'_>, answer: &Answer) {
    let definition = &player.definition;
    let claims = claims(&answer.tokens["id_token"]);
    assert_eq!(claims["aud"], player.acted.client_id());
    let nonce = if definition.nonce { "the nonce".into() } else { serde_json::Value::Null };
    assert_eq!(claims["nonce"], nonce, "{}", definition.slug);
    let template = definition.issuer_template.as_deref().or(definition.issuer.as_deref()).unwrap();
    let issuer = template.replace("{tid}", claims["tid"].as_str().unwrap_or_default());
    assert_eq!(claims["iss"], player.fill(&issuer), "{}", definition.slug);
}

/// A test of an application that passes at the act must not pass because of something that the provider does not have.
#[tokio::test]
async fn every_act_gives_what_its_definition_has_and_nothing_else() {
    let scenario = Scenario::new().await;
    let mut failed = Vec::new();
    for definition in vouchsafe_providers::all() {
        if AssertUnwindSafe(gives_no_more(&scenario, &definition)).catch_unwind().await.is_err() {
            failed.push(definition.slug.clone());
        }
    }
    assert!(failed.is_empty(), "{} failed: {failed:?}", failed.len());
    for (slug, expiry) in
        [("github", Expiry::Never), ("salesforce", Expiry::Untold), ("google", Expiry::Told)]
    {
        assert_eq!(vouchsafe_providers::get(slug).unwrap().token.expiry, expiry, "{slug}");
    }
    let refreshing = |slug: &str| vouchsafe_providers::get(slug).unwrap().refreshing.clone();
    assert!(refreshing("figma").keeps_token && !refreshing("discord").keeps_token);
    assert_eq!(refreshing("salesforce").needs_scope, ["refresh_token", "offline_access"]);
    assert_eq!(refreshing("microsoft").needs_scope, ["offline_access"]);
    assert_eq!(refreshing("google").needs_params["access_type"], "offline");
}

async fn gives_no_more(scenario: &Scenario, definition: &Definition) {
    let slug = &definition.slug;
    let player = Player::new(scenario, slug).await;
    let callback = player.callback("alice").await;
    // A definition without ID tokens knows the issuer because responses name it.
    let names_issuer = definition.kind == Kind::Oauth2 && definition.issuer.is_some();
    let issuer = player.definition.issuer.as_ref().filter(|_| names_issuer).map(|issuer| player.fill(issuer));
    assert_eq!(query_value(&callback, "iss"), issuer, "{slug}");
    let mut answer = player.redeem(&callback, &[]).await;
    let (expiry, is_openid) = (definition.token.expiry, definition.kind == Kind::Openid);
    let has = |name: &str| !answer.tokens[name].is_null();
    assert_eq!(has("expires_in"), expiry == Expiry::Told, "{slug}: {}", answer.whole);
    let refreshes = definition.refresh && expiry != Expiry::Never;
    let refreshing = &definition.refreshing;
    let params = &definition.authorization.params;
    let is_lasting =
        has_scope(definition) && refreshing.needs_params.iter().all(|(n, v)| params.get(n) == Some(v));
    let has_refresh_tokens = refreshes && !refreshing.access_token;
    assert_eq!(has("refresh_token"), has_refresh_tokens && is_lasting, "{slug}: {}", answer.whole);
    let has_id_token = match definition.userinfo.source {
        ProfileSource::IdToken => true,
        ProfileSource::AccessToken => false,
        _ => is_openid,
    };
    assert_eq!(has("id_token"), has_id_token, "{slug}: {}", answer.whole);
    if expiry == Expiry::Never && definition.userinfo.source == ProfileSource::Userinfo {
        scenario.sandbox.advance_clock(Duration::from_secs(400 * 24 * 3600));
        assert_eq!(player.ask(&answer, &[]).await.status, 200, "{slug}: a token that does not expire");
    }
    if !refreshes {
        answer.tokens["refresh_token"] = "one".into();
        let refused = player.refresh(&answer.tokens, &[]).await;
        assert!(refused.tokens["access_token"].is_null(), "{slug}: {}", refused.whole);
    }
    if has_refresh_tokens {
        let lasting = Player::new(scenario, slug).await.lasting();
        let first = lasting.login("alice").await;
        assert!(first.tokens["refresh_token"].is_string(), "{slug}: {}", first.whole);
        let second = lasting.refresh(&first.tokens, &[]).await;
        assert!(second.tokens["access_token"].is_string(), "{slug}: {}", second.whole);
        assert_eq!(
            second.tokens["refresh_token"].is_null(),
            refreshing.keeps_token,
            "{slug}: {}",
            second.whole
        );
        let again = lasting.refresh(&first.tokens, &[]).await;
        assert_eq!(
            again.tokens["access_token"].is_string(),
            refreshing.keeps_token,
            "{slug}: {}",
            again.whole
        );
    }
    if definition.issuer.is_none() && definition.discovery.is_none() {
        let base = format!("{}/act/{slug}", scenario.sandbox.issuer());
        for place in
            [".well-known/openid-configuration", "sandbox/jwks", "sandbox/revoke", "sandbox/userinfo"]
        {
            assert_eq!(player.get(&format!("{base}/{place}")).await.status, 404, "{slug}: {place}");
        }
    }
    // An endpoint that the definition of an OpenID Provider leaves out may be in its metadata.
    let metadata = player.metadata();
    for name in EndpointName::ALL.iter().filter(|_| is_openid) {
        let Some(member) = name.in_metadata() else { continue };
        let left_out = matches!(name, EndpointName::Authorization | EndpointName::Token)
            || (*name == EndpointName::Userinfo && definition.userinfo.source == ProfileSource::Userinfo)
            || (*name == EndpointName::Revocation && definition.token_endpoint.is_none());
        let has = definition.endpoint(*name).is_some() || left_out;
        assert_eq!(!metadata[member].is_null(), has, "{slug}: {member}");
    }
    let grants = metadata["grant_types_supported"].as_array();
    assert!(grants.is_none_or(|grants| grants.contains(&"refresh_token".into()) == refreshes), "{slug}");
}

#[tokio::test]
async fn apps_whose_tokens_expire_get_refresh_tokens_where_those_of_others_do_not() {
    let scenario = Scenario::new().await;
    let player = Player::new(&scenario, "github").await;
    player.acted.expire_tokens(true);
    let answer = player.login("alice").await;
    assert_eq!(answer.tokens["expires_in"], 3600);
    let fresh = player.refresh(&answer.tokens, &[]).await;
    assert!(fresh.tokens["access_token"].is_string(), "{}", fresh.whole);
}

#[tokio::test]
async fn every_provider_refuses_in_the_shape_of_its_definition() {
    let scenario = Scenario::new().await;
    let mut failed = Vec::new();
    for definition in vouchsafe_providers::all() {
        if AssertUnwindSafe(says_no(&scenario, &definition)).catch_unwind().await.is_err() {
            failed.push(definition.slug.clone());
        }
    }
    assert!(failed.is_empty(), "{} failed: {failed:?}", failed.len());
}

async fn says_no(scenario: &Scenario, definition: &Definition) {
    let slug = &definition.slug;
    let player = Player::new(scenario, slug).await;
    let quirks = &definition.token;
    let called = |name: &str| quirks.names.get(name).cloned().unwrap_or_else(|| name.to_owned());
    let callback = player.callback("alice").await;
    let refused = player.redeem(&callback, &[(&called("code"), "wrong")]).await;
    assert!(refused.tokens["access_token"].is_null(), "{slug}: {}", refused.whole);
    check_refusal(slug, &refused.reply, refused.whole.clone(), quirks.failure.as_ref());
    if quirks.failure.is_none() {
        let code = refused.whole["error"].as_str().unwrap();
        let standard = quirks.error_codes.get(code).map_or(code, String::as_str);
        assert_eq!(standard, "invalid_grant", "{slug}");
    }
    if definition.pkce != Pkce::Unsupported && !called("code_verifier").is_empty() {
        let wrong = "wrong-verifier-wrong-verifier-wrong-verifier";
        let refused = player.redeem(&callback, &[(&called("code_verifier"), wrong)]).await;
        assert!(refused.tokens["access_token"].is_null(), "{slug}: {}", refused.whole);
    }
    let mut answer = player.redeem(&callback, &[]).await;
    check_answer(&player, &answer);
    if definition.userinfo.source == ProfileSource::Userinfo {
        answer.tokens["access_token"] = "wrong".into();
        let reply = player.ask(&answer, &[]).await;
        let body = serde_json::from_str(&reply.body).unwrap_or_default();
        check_refusal(slug, &reply, body, definition.userinfo.failure.as_ref());
    }
}

#[track_caller]
fn check_refusal(slug: &str, reply: &Reply, body: serde_json::Value, failure: Option<&ErrorShape>) {
    match failure {
        Some(failure) => {
            assert_eq!(reply.status, 200, "{slug}: {body}");
            let mark = text_at(&body, &failure.code).unwrap_or_else(|| panic!("{slug}: {body}"));
            assert!(!failure.success.contains(&mark), "{slug}: {body}");
            let told = failure.description.as_ref().is_none_or(|pointer| text_at(&body, pointer).is_some());
            assert!(told, "{slug}: {body}");
        }
        None => {
            assert!([400, 401].contains(&reply.status), "{slug}: {} {body}", reply.status);
            assert!(body["error"].is_string(), "{slug}: {body}");
        }
    }
}

#[tokio::test]
async fn acted_provider_checks_a_request_as_the_protocol_says() {
    let scenario = Scenario::new().await;
    let player = Player::new(&scenario, "google").await;
    for (change, error) in [
        (("max_age", "soon"), "invalid_request"),
        (("prompt", "none login"), "invalid_request"),
        (("request", "e30.e30."), "request_not_supported"),
        (("id_token_hint", "e30.e30.e30"), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
    ] {
        let callback = scenario.person().allow(&player.authorization_url(&[change])).await.unwrap();
        assert_eq!(query_value(&callback, "error").as_deref(), Some(error), "{change:?}");
    }
    let twice = format!("{}&scope=openid", player.authorization_url(&[]));
    let callback = scenario.person().allow(&twice).await.unwrap();
    assert_eq!(query_value(&callback, "error").as_deref(), Some("invalid_request"));
    for twice in ["client_id=x", "redirect_uri=http://127.0.0.1/"] {
        let url = format!("{}&{twice}", player.authorization_url(&[]));
        assert!(scenario.person().allow(&url).await.is_err(), "{twice}");
    }
}

#[tokio::test]
async fn acted_resource_challenges_with_the_scheme_bearer_rfc6750_3() {
    let scenario = Scenario::new().await;
    let player = Player::new(&scenario, "github").await;
    let mut answer = player.login("alice").await;
    answer.tokens["access_token"] = "wrong".into();
    let refused = player.ask(&answer, &[]).await;
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Bearer ") && challenge.contains("error=\"invalid_token\""), "{challenge}");
    let bare = player.get(player.definition.userinfo_endpoint.as_ref().unwrap()).await;
    assert_eq!(bare.header("www-authenticate"), Some("Bearer realm=\"vouchsafe sandbox\""));
}

#[tokio::test]
async fn client_with_the_id_of_an_acted_provider_s_client_is_another_client() {
    let github = ClientConfig::confidential("github-client", "github-secret-for-development-only");
    let scenario = Scenario::with(Sandbox::builder().client(github)).await;
    let player = Player::new(&scenario, "github").await;
    let url = player.authorization_url(&[]);
    let code = query_value(&scenario.person().allow(&url).await.unwrap(), "code").unwrap();
    let secret = [("client_id", "github-client"), ("client_secret", player.acted.client_secret())];
    let form = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", REDIRECT_URI)];
    let refused = scenario.post_bare("/token", &[&form[..], &secret].concat()).await;
    refused.assert_error(400, "invalid_grant");
    let token = player.login("alice").await.tokens["access_token"].clone();
    let token = [("token", token.as_str().unwrap())];
    scenario.post_bare("/revoke", &[&token[..], &secret].concat()).await.assert_error(400, "invalid_grant");
    assert_eq!(
        scenario.post_bare("/introspect", &[&token[..], &secret].concat()).await.json()["active"],
        false
    );
}
