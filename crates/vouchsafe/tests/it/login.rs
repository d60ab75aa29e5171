//! Whole logins at the sandbox, over the built-in transport.
use std::time::Duration;

use vouchsafe::{Client, ClientAuth, Error, ErrorCode, Http, Identity, Provider, Registration, Tokens};
use vouchsafe_sandbox::{ClientConfig, Sandbox, User};

const REDIRECT_URI: &str = "http://127.0.0.1:9/callback";

fn confidential(sandbox: &Sandbox) -> Registration {
    Registration::new(sandbox.client_id()).secret(sandbox.client_secret()).redirect_uri(REDIRECT_URI)
}

fn client(sandbox: &Sandbox, registration: Registration) -> Client {
    Client::new(Provider::openid(sandbox.issuer()), registration, &Http::new().unwrap()).unwrap()
}

/// That person signs in.
async fn log_in(sandbox: &Sandbox, client: &Client, person: &str) -> Result<Tokens, Error> {
    let login = client.login().await?;
    let callback = sandbox.person(person).allow(&login.url).await.unwrap();
    client.finish(login.pending, &callback).await
}

async fn identity(person: &str) -> Identity {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client(&sandbox, confidential(&sandbox));
    let tokens = log_in(&sandbox, &client, person).await.unwrap();
    client.identity(&tokens).await.unwrap()
}

#[tokio::test]
async fn a_person_signs_in_and_the_tokens_live_and_die() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client(&sandbox, confidential(&sandbox));

    let login = client.login().await.unwrap();
    let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
    assert!(login.pending.matches(&callback));
    let tokens = client.finish(login.pending, &callback).await.unwrap();
    assert!(!tokens.is_expired());
    assert_eq!(tokens.scopes().collect::<Vec<_>>(), ["openid", "profile", "email"]);
    let identity = client.identity(&tokens).await.unwrap();
    assert_eq!(identity.verified_email(), Some("alice@example.com"));
    assert_eq!(identity.subject(), tokens.id_token().unwrap().subject());

    let fresh = client.refresh(&tokens).await.unwrap();
    assert_ne!(fresh.access_token(), tokens.access_token());
    client.revoke(&fresh).await.unwrap();
    let error = client.refresh(&fresh).await.unwrap_err();
    assert!(error.needs_login(), "{error}");
}

#[tokio::test]
async fn a_public_client_signs_people_in_by_its_verifier_alone() {
    let sandbox = Sandbox::start().await.unwrap();
    let registration = Registration::new(sandbox.public_client_id()).redirect_uri(REDIRECT_URI);
    let client = client(&sandbox, registration);
    let tokens = log_in(&sandbox, &client, "alice").await.unwrap();
    client.refresh(&tokens).await.unwrap();
    for request in sandbox.requests_to("/token") {
        assert_eq!(request.header("authorization"), None);
        assert_eq!(request.form_value("client_id").as_deref(), Some(sandbox.public_client_id()));
        assert_eq!(request.form_value("client_secret"), None);
    }
}

#[tokio::test]
async fn a_secret_of_odd_characters_is_understood_at_the_other_end() {
    let (id, secret) = ("web:odd/id", "p%ss+w rd:&=/~ü-._");
    let sandbox = Sandbox::builder().client(ClientConfig::confidential(id, secret)).start().await.unwrap();
    for method in [ClientAuth::ClientSecretBasic, ClientAuth::ClientSecretPost] {
        let registration =
            Registration::new(id).secret(secret).redirect_uri(REDIRECT_URI).client_auth(method);
        let client = client(&sandbox, registration);
        let tokens = log_in(&sandbox, &client, "alice").await.unwrap();
        client.revoke(&tokens).await.unwrap();
    }
}

#[tokio::test]
async fn a_wrong_secret_is_told_in_the_providers_own_words() {
    let sandbox = Sandbox::start().await.unwrap();
    let registration = confidential(&sandbox).secret("not the secret at all");
    let error = log_in(&sandbox, &client(&sandbox, registration), "alice").await.unwrap_err();
    assert_eq!(error.code(), "invalid_client");
    assert_eq!(error.status(), Some(401));
    assert!(!error.to_string().contains("not the secret at all"), "{error}");
}

#[tokio::test]
async fn a_person_who_says_no_is_not_signed_in() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client(&sandbox, confidential(&sandbox));
    let login = client.login().await.unwrap();
    let callback = sandbox.person("alice").deny(&login.url).await.unwrap();
    let error = client.finish(login.pending, &callback).await.unwrap_err();
    assert!(error.is_denied(), "{error}");
    assert!(sandbox.requests_to("/token").is_empty());
}

#[tokio::test]
async fn every_algorithm_of_the_sandbox_verifies() {
    for alg in crate::forge::ALGORITHMS {
        let sandbox = Sandbox::builder().signing_alg(alg).start().await.unwrap();
        let client = client(&sandbox, confidential(&sandbox));
        let tokens = log_in(&sandbox, &client, "alice").await.unwrap();
        assert_eq!(tokens.id_token().unwrap().subject(), "sandbox-user-alice", "{alg}");
    }
}

#[tokio::test]
async fn keys_that_were_rotated_are_found() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client(&sandbox, confidential(&sandbox));
    log_in(&sandbox, &client, "alice").await.unwrap();
    sandbox.rotate_keys().await.unwrap();
    log_in(&sandbox, &client, "alice").await.unwrap();
    assert_eq!(sandbox.requests_to("/jwks").len(), 2);
    assert_eq!(sandbox.requests_to("/.well-known/openid-configuration").len(), 1);
}

#[tokio::test]
async fn a_code_that_was_used_is_of_no_use() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client(&sandbox, confidential(&sandbox));
    let login = client.login().await.unwrap();
    let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
    let kept = serde_json::to_string(&login.pending).unwrap();
    client.finish(login.pending, &callback).await.unwrap();
    let again = serde_json::from_str(&kept).unwrap();
    let error = client.finish(again, &callback).await.unwrap_err();
    assert!(matches!(&error, Error::Server(e) if *e.code() == ErrorCode::INVALID_GRANT), "{error}");
}

#[tokio::test]
async fn a_refresh_token_that_was_used_is_of_no_use() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client(&sandbox, confidential(&sandbox));
    let tokens = log_in(&sandbox, &client, "alice").await.unwrap();
    client.refresh(&tokens).await.unwrap();
    assert!(client.refresh(&tokens).await.unwrap_err().needs_login());
}

#[tokio::test]
async fn an_access_token_that_expired_is_told_so() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client(&sandbox, confidential(&sandbox));
    let tokens = log_in(&sandbox, &client, "alice").await.unwrap();
    sandbox.advance_clock(Duration::from_secs(3601));
    let error = client.profile(&tokens).await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("invalid_token", Some(401)));
}

#[tokio::test]
async fn an_id_token_from_a_clock_that_is_ahead_is_refused() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.advance_clock(Duration::from_secs(120));
    let client = client(&sandbox, confidential(&sandbox));
    assert_eq!(log_in(&sandbox, &client, "alice").await.unwrap_err().code(), "not_yet_valid");
}

#[tokio::test]
async fn an_email_is_verified_unverified_or_not_there() {
    let bob = identity("bob").await;
    assert_eq!((bob.email(), bob.email_verified()), (Some("bob@example.com"), Some(false)));
    assert_eq!(bob.verified_email(), None);
    let carol = identity("carol").await;
    assert_eq!((carol.email(), carol.email_verified(), carol.name()), (None, None, Some("Carol Kennicott")));
}

#[tokio::test]
async fn a_login_without_openid_is_plain_oauth_2() {
    let sandbox = Sandbox::start().await.unwrap();
    let issuer = sandbox.issuer();
    let provider = Provider::oauth2("plain")
        .issuer(issuer)
        .authorization_endpoint(format!("{issuer}/authorize"))
        .token_endpoint(format!("{issuer}/token"))
        .revocation_endpoint(format!("{issuer}/revoke"))
        .userinfo_endpoint(format!("{issuer}/userinfo"))
        .scopes(["profile", "email"]);
    let client = Client::new(provider, confidential(&sandbox), &Http::new().unwrap()).unwrap();
    let tokens = log_in(&sandbox, &client, "alice").await.unwrap();
    assert!(tokens.id_token().is_none());
    assert!(
        sandbox.requests_to("/jwks").is_empty()
            && sandbox.requests_to("/.well-known/openid-configuration").is_empty()
    );
    client.revoke(&tokens).await.unwrap();
}

#[tokio::test]
async fn a_person_in_any_alphabet_signs_in() {
    let user = User::new("zoë")
        .with_name("Zoë", "王")
        .with_verified_email("zoë@example.com")
        .with_subject("sub 1/ü");
    let sandbox = Sandbox::builder().user(user).start().await.unwrap();
    let client = client(&sandbox, confidential(&sandbox));
    let tokens = log_in(&sandbox, &client, "zoë").await.unwrap();
    let identity = client.identity(&tokens).await.unwrap();
    assert_eq!((identity.subject(), identity.name()), ("sub 1/ü", Some("Zoë 王")));
}

#[tokio::test]
async fn what_is_asked_for_is_enforced() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client(&sandbox, confidential(&sandbox));
    let person = sandbox.person("alice");
    let login = client.login().max_age(Duration::from_secs(60)).acr_values(["gold"]).await.unwrap();
    let callback = person.allow(&login.url).await.unwrap();
    let tokens = client.finish(login.pending, &callback).await.unwrap();
    assert_eq!(tokens.id_token().unwrap().claim("acr").unwrap().as_str(), Some("gold"));
    assert!(tokens.id_token().unwrap().claim("auth_time").is_some());
}

#[tokio::test]
async fn two_logins_in_two_tabs_do_not_mix() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client(&sandbox, confidential(&sandbox));
    let (alice, bob) = (client.login().await.unwrap(), client.login().await.unwrap());
    let to_alice = sandbox.person("alice").allow(&alice.url).await.unwrap();
    let to_bob = sandbox.person("bob").allow(&bob.url).await.unwrap();
    assert!(!alice.pending.matches(&to_bob));
    let error = client.finish(alice.pending, &to_bob).await.unwrap_err();
    assert_eq!(error.code(), "state_mismatch");
    let tokens = client.finish(bob.pending, &to_bob).await.unwrap();
    assert_eq!(tokens.id_token().unwrap().subject(), "sandbox-user-bob");
    assert!(to_alice.contains("code="));
}

#[tokio::test]
async fn a_code_that_was_put_into_another_browsers_response_is_refused() {
    // RFC 9700 section 4.5: the verifier of this login does not fit the challenge of the other.
    let sandbox = Sandbox::start().await.unwrap();
    let client = client(&sandbox, confidential(&sandbox));
    let (victim, attacker) = (client.login().await.unwrap(), client.login().await.unwrap());
    let stolen = sandbox.person("alice").allow(&victim.url).await.unwrap();
    let own = sandbox.person("bob").allow(&attacker.url).await.unwrap();
    let code = |callback: &str| crate::wire::param(callback, "code").unwrap();
    let injected = own.replace(&code(&own), &code(&stolen));
    let error = client.finish(attacker.pending, &injected).await.unwrap_err();
    assert_eq!(error.code(), "invalid_grant");
}
