//! Every provider of the catalogue signs a person in at the sandbox, through the same public interface.
use serde_json::json;
use vouchsafe::{Client, Error, Http, Identity, Provider, Registration, Tokens};
use vouchsafe_providers::{Definition, Expiry};
use vouchsafe_sandbox::{ActedProvider, Sandbox, User};

use crate::scenario::web;
use crate::wire::{self, Wire};

fn client(acted: &ActedProvider, http: &Http) -> Result<Client, Error> {
    let mut provider = Provider::from(acted.definition());
    for (name, value) in acted.params() {
        provider = provider.param(name, value);
    }
    let registration = Registration::new(acted.client_id());
    let registration = match acted.client_key() {
        Some(key) => {
            registration.credential(vouchsafe::Credential::apple_key(key.team_id(), key.key_id(), key.pem()))
        }
        None if acted.client_secret().is_empty() => registration,
        None => registration.secret(acted.client_secret()),
    };
    let registration = registration.redirect_uri("http://127.0.0.1:9/callback");
    Client::new(provider, registration, http)
}

/// The scopes of the definition, and one that a refresh token needs.
fn scopes(definition: &Definition, client_id: &str) -> Vec<String> {
    let needed = &definition.refreshing.needs_scope;
    let has_one = needed.iter().any(|scope| definition.scopes.contains(scope));
    let more = needed.first().filter(|_| !has_one);
    definition.scopes.iter().chain(more).map(|scope| scope.replace("{client_id}", client_id)).collect()
}

/// The identity is an error where the provider tells no lasting identifier of its users.
async fn log_in(
    sandbox: &Sandbox,
    client: &Client,
    definition: &Definition,
) -> Result<(Tokens, Result<Identity, Error>), String> {
    let ask = client.login();
    // What the sandbox acts of these brings no refresh token: it comes only if the application is set so at the provider.
    let by_setting = ["github", "github-enterprise", "streamlabs"].contains(&&*definition.slug);
    let ask = if definition.refresh && !by_setting { ask.offline() } else { ask };
    let login = ask.await.map_err(|e| format!("login: {e}"))?;
    let callback = sandbox.person("alice").allow(&login.url).await.map_err(|e| format!("person: {e:?}"))?;
    let tokens = client.finish(login.pending, &callback).await.map_err(|e| format!("finish: {e}"))?;
    let identity = client.identity(&tokens).await;
    Ok((tokens, identity))
}

/// A refresh brings tokens. Where it brings a new refresh token, the old one is spent, and that is told in the provider's
/// own words: a new login is needed.
async fn refreshes(client: &Client, tokens: &Tokens) -> Result<(), String> {
    let fresh = client.refresh(tokens).await.map_err(|e| format!("refresh: {e}"))?;
    if fresh.refresh_token().map(|token| token.expose()) == tokens.refresh_token().map(|token| token.expose())
    {
        return Ok(());
    }
    match client.refresh(tokens).await {
        Err(error) if error.needs_login() => Ok(()),
        Err(error) => Err(format!("a spent refresh token: {error}")),
        Ok(_) => Err("a refresh token was used twice".to_owned()),
    }
}

#[tokio::test]
async fn every_provider_of_the_catalogue_signs_a_person_in() {
    let sandbox = Sandbox::start().await.unwrap();
    let http = Http::new().unwrap();
    let (mut walked, mut wrong, mut nameless) = (0, Vec::new(), Vec::new());
    for definition in vouchsafe_providers::all() {
        let slug = definition.slug.clone();
        let acted = sandbox.provider(&slug).unwrap();
        walked += 1;
        let client = match client(&acted, &http) {
            Ok(client) => client,
            Err(error) => {
                wrong.push(format!("{slug}: client: {error}"));
                continue;
            }
        };
        match log_in(&sandbox, &client, &definition).await {
            Err(why) => wrong.push(format!("{slug}: {why}")),
            Ok((tokens, identity)) => {
                match identity {
                    Ok(identity) if identity.subject() == acted.subject_of(&User::alice()) => {}
                    Ok(identity) => wrong.push(format!("{slug}: subject {}", identity.subject())),
                    Err(error) if definition.identity.subject.is_empty() => {
                        assert_eq!(error.code(), "identity_not_supported", "{slug}: {error}");
                        assert!(client.profile(&tokens).await.is_ok(), "{slug}");
                        nameless.push(slug.clone());
                    }
                    Err(error) => wrong.push(format!("{slug}: identity: {error}")),
                }
                if !tokens.scopes().eq(scopes(&definition, acted.client_id())) {
                    let scopes: Vec<_> = tokens.scopes().collect();
                    wrong.push(format!("{slug}: scopes {scopes:?}"));
                }
                let has_one = definition.refresh && definition.token.expiry != Expiry::Never;
                if has_one {
                    wrong.extend(refreshes(&client, &tokens).await.err().map(|why| format!("{slug}: {why}")));
                }
                let has_one = has_one && !definition.refreshing.access_token;
                if tokens.refresh_token().is_some() != has_one {
                    wrong.push(format!("{slug}: refresh token {}", tokens.refresh_token().is_some()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {walked}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(nameless, ["bitly", "mixcloud", "snowflake", "tumblr"]);
    assert!(walked > 150, "{walked}");
}

/// Without what a refresh token needs there is none, and the error says what to ask for.
#[tokio::test]
async fn a_login_without_a_refresh_token_says_what_it_needs() {
    let sandbox = Sandbox::start().await.unwrap();
    let http = Http::new().unwrap();
    for (slug, needed) in [
        ("google", "by the parameter access_type=offline"),
        ("microsoft", "by the scope offline_access"),
        ("salesforce", "by the scope refresh_token"),
        ("logto", "by the scope offline_access and the parameter prompt=consent"),
    ] {
        let client = client(&sandbox.provider(slug).unwrap(), &http).unwrap();
        let login = client.login().await.unwrap();
        let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
        let tokens = client.finish(login.pending, &callback).await.unwrap();
        let error = client.refresh(&tokens).await.unwrap_err().to_string();
        assert!(error.ends_with(needed), "{slug}: {error}");
    }
}

#[tokio::test]
async fn every_error_code_of_the_catalogue_is_told_in_the_words_of_the_rfcs() {
    let sandbox = Sandbox::start().await.unwrap();
    let http = Http::new().unwrap();
    let (mut walked, mut wrong) = (0, Vec::new());
    for definition in vouchsafe_providers::all() {
        let acted = sandbox.provider(&definition.slug).unwrap();
        for (own, standard) in &definition.token.error_codes {
            walked += 1;
            let client = client(&acted, &http).unwrap();
            let login = client.login().await.unwrap();
            let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
            sandbox.refuse_once(own.clone());
            match client.finish(login.pending, &callback).await {
                Err(error) if error.code() == standard => {}
                Err(error) => wrong.push(format!("{}: {own} is {error:?}", definition.slug)),
                Ok(_) => wrong.push(format!("{}: {own} is none", definition.slug)),
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {walked}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(walked > 10, "{walked}");
}

/// What providers answer to a refresh token that is spent or revoked, as their documentation and reports have it.
#[tokio::test]
async fn providers_say_in_their_own_words_that_a_grant_is_over() {
    let std = r#"{"error": "invalid_grant"}"#;
    let cases = [
        (
            "github",
            200,
            r#"{"error": "bad_refresh_token", "error_description": "The refresh token passed is incorrect or expired."}"#,
        ),
        ("google", 400, std),
        ("zoho", 200, r#"{"error": "invalid_code"}"#),
        ("twitch", 400, r#"{"error": "Bad Request", "status": 400, "message": "Invalid refresh token"}"#),
        ("twitch", 400, r#"{"status": 400, "message": "Invalid refresh token"}"#),
        (
            "strava",
            400,
            r#"{"message": "Bad Request", "errors": [{"resource": "RefreshToken", "field": "refresh_token", "code": "invalid"}]}"#,
        ),
        ("slack", 200, r#"{"ok": false, "error": "invalid_refresh_token"}"#),
        (
            "wechat",
            200,
            r#"{"errcode": 40030, "errmsg": "invalid refresh_token, rid: 6500351b-2a0273e2-4af6b58d"}"#,
        ),
        ("figma", 400, r#"{"error": true, "status": 400, "message": "Invalid refresh token"}"#),
        ("wechat", 200, r#"{"errcode": 42002, "errmsg": "refresh_token expired"}"#),
        ("zoom", 401, r#"{"reason": "Invalid Token!", "error": "invalid_request"}"#),
        ("zoom", 400, std),
        (
            "hubspot",
            400,
            r#"{"status": "BAD_REFRESH_TOKEN", "message": "missing or invalid refresh token", "error": "invalid_request"}"#,
        ),
        (
            "hubspot",
            400,
            r#"{"status": "BAD_HUB", "message": "missing or unknown hub id", "error": "access_denied"}"#,
        ),
        ("reddit", 400, r#"{"message": "Bad Request", "error": 400}"#),
        (
            "discord",
            400,
            r#"{"error": "invalid_request", "error_description": "Invalid \"refresh_token\" in request."}"#,
        ),
        (
            "deviantart",
            400,
            r#"{"error": "invalid_request", "error_description": "The refresh_token is invalid.", "status": "error"}"#,
        ),
        (
            "bungie",
            400,
            r#"{"error": "invalid_request", "error_description": "ProvidedTokenNotValidRefreshToken"}"#,
        ),
        ("withings", 200, r#"{"status": 503, "body": {}, "error": "Invalid Params: invalid refresh_token"}"#),
        (
            "instagram",
            400,
            r#"{"error": {"message": "Error validating access token", "type": "OAuthException", "code": 190, "error_subcode": 460}}"#,
        ),
        (
            "threads",
            400,
            r#"{"error": {"message": "Error validating access token", "type": "OAuthException", "code": 190}}"#,
        ),
        (
            "osu",
            401,
            r#"{"error": "invalid_request", "message": "The refresh token is invalid.", "hint": "Token has been revoked"}"#,
        ),
        ("wikimedia", 401, r#"{"error": "invalid_request", "message": "The refresh token is invalid."}"#),
        ("nextcloud", 400, r#"{"error": "invalid_request"}"#),
        ("square", 401, r#"{"message": "Invalid refresh token", "type": "service.not_authorized"}"#),
        (
            "exactonline",
            401,
            r#"{"error": "unauthorized_client", "error_description": "Old refresh token used"}"#,
        ),
    ];
    for (slug, status, body) in cases {
        let (client, _) = answered(slug, status, body);
        let tokens = client.import_tokens("at").refresh_token("rt").build().unwrap();
        let error = client.refresh(&tokens).await.unwrap_err();
        assert!(error.needs_login() && error.code() == "invalid_grant", "{slug}: {body}: {error:?}");
        let seen = definitions_with_words().iter().any(|known| known == slug);
        assert!(seen || body == std, "{slug} needs no words of its own");
    }
    for slug in definitions_with_words() {
        // The fixed words of a server of yours cannot differ from github's.
        let known = slug == "github-enterprise" || cases.iter().any(|(case, ..)| *case == slug);
        assert!(known, "{slug} has words for a grant that is over, and no example here");
    }
}

/// An outage, a wrong secret and a limit are no end of a login, whatever else the provider writes.
#[tokio::test]
async fn other_failures_of_a_refresh_do_not_end_a_login() {
    let cases = [
        ("twitch", 400, r#"{"error": "Bad Request", "status": 400, "message": "missing client id"}"#),
        ("twitch", 403, r#"{"status": 403, "message": "invalid client secret"}"#),
        (
            "strava",
            400,
            r#"{"message": "Bad Request", "errors": [{"resource": "Application", "field": "client_id", "code": "invalid"}]}"#,
        ),
        ("zoom", 400, r#"{"reason": "Internal error", "error": "invalid_request"}"#),
        ("zoho", 200, r#"{"error": "Access Denied"}"#),
        ("hubspot", 429, r#"{"status": "error", "errorType": "RATE_LIMIT"}"#),
        ("hubspot", 502, r#"{"status": "BAD_HUB"}"#),
        ("figma", 401, r#"{"error": true, "status": 401, "message": "Unauthorized"}"#),
        ("figma", 429, r#"{"error": true, "status": 429, "message": "Rate limit exceeded"}"#),
        ("reddit", 429, r#"{"message": "Too Many Requests", "error": 429}"#),
        ("instagram", 400, r#"{"error": {"type": "OAuthException", "code": 4}}"#),
        ("instagram", 502, r#"{"error": {"type": "OAuthException", "code": 190}}"#),
        ("withings", 200, r#"{"status": 601, "body": {}, "error": "Too Many Requests"}"#),
        ("wechat", 200, r#"{"errcode": 45011, "errmsg": "api minute-quota reach limit"}"#),
        ("nextcloud", 400, r#"{"error": "invalid_client"}"#),
    ];
    for (slug, status, body) in cases {
        let (client, _) = answered(slug, status, body);
        let tokens = client.import_tokens("at").refresh_token("rt").build().unwrap();
        let error = client.refresh(&tokens).await.unwrap_err();
        assert!(!error.needs_login(), "{slug}: {body}: {error:?}");
    }
}

fn definitions_with_words() -> Vec<String> {
    let has_words = |d: &vouchsafe_providers::Definition| {
        !d.refreshing.spent.is_empty() || d.token.error_codes.values().any(|code| code == "invalid_grant")
    };
    vouchsafe_providers::all().filter(|d| d.refresh && has_words(d)).map(|d| d.slug.clone()).collect()
}

/// A client of a provider whose endpoints all give that answer; metadata is what discovery needs.
fn answered(slug: &str, status: u16, body: &str) -> (Client, Wire) {
    let definition = vouchsafe_providers::get(slug).unwrap();
    let issuer = definition.issuer.clone().unwrap_or_default();
    let answer = wire::answer(status, "application/json", body);
    let wire = Wire::new(move |request| match request.uri().path().contains("/.well-known/") {
        true => wire::json(
            200,
            json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"),
                "jwks_uri": format!("{issuer}/keys"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }),
        ),
        false => answer.clone(),
    });
    let mut provider = Provider::from((*definition).clone());
    for (name, param) in definition.params.iter().filter(|(_, param)| param.default.is_none()) {
        provider = provider.param(name, param.example.clone().unwrap());
    }
    let client = Client::new(provider, web(), &wire.http()).unwrap();
    (client, wire)
}
