//! The sandbox acts every provider of the catalogue, by that provider's manners.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use vouchsafe_providers::{Definition, Kind};
use vouchsafe_sandbox::User;

use crate::player::{Answer, Player, assert_success, text_at};
use crate::scenario::{Scenario, claims};

#[tokio::test]
async fn every_provider_of_the_catalogue_signs_alice_in() {
    let scenario = Scenario::new().await;
    let mut failed = Vec::new();
    for definition in vouchsafe_providers::all() {
        if AssertUnwindSafe(signs_in(&scenario, &definition)).catch_unwind().await.is_err() {
            failed.push(definition.slug);
        }
    }
    assert!(failed.is_empty(), "{} failed: {failed:?}", failed.len());
}

async fn signs_in(scenario: &Scenario, definition: &Definition) {
    let slug = &definition.slug;
    let player = Player::new(scenario, slug).await;
    for user in [User::alice(), User::bob(), User::carol()] {
        let answer = player.login(user.username()).await;
        check_answer(&player, &answer);
        let profile = player.profile(&answer).await;
        let identity = &player.definition.identity;
        assert_eq!(player.subject(&profile), Some(player.acted.subject_of(&user)), "{slug}: {profile}");
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
        if definition.kind == Kind::Openid {
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
    let manners = &player.definition.token;
    assert_eq!(answer.reply.status, 200, "{slug}: {}", answer.reply.body);
    assert!(answer.tokens["access_token"].is_string(), "{slug}: {}", answer.whole);
    assert_success(&answer.whole, manners.failure.as_ref());
    if manners.token_type_absent {
        assert!(answer.tokens["token_type"].is_null() || manners.form_answer, "{slug}: {}", answer.whole);
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
