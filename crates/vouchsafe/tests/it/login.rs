//! A whole login at the sandbox.
use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_sandbox::Sandbox;

#[tokio::test]
async fn a_person_signs_in_and_the_tokens_live_and_die() {
    let sandbox = Sandbox::start().await.unwrap();
    let registration = Registration::new(sandbox.client_id())
        .secret(sandbox.client_secret())
        .redirect_uri("http://127.0.0.1:9/callback");
    let client =
        Client::new(Provider::openid(sandbox.issuer()), registration, &Http::new().unwrap()).unwrap();

    let login = client.login().await.unwrap();
    let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
    let query = callback.split_once('?').unwrap().1;
    assert!(login.pending.matches(query));
    let tokens = client.finish(login.pending, query).await.unwrap();
    assert!(!tokens.is_expired());
    let identity = client.identity(&tokens).await.unwrap();
    assert_eq!(identity.verified_email(), Some("alice@example.com"));
    assert_eq!(identity.subject(), tokens.id_token().unwrap().subject());

    let fresh = client.refresh(&tokens).await.unwrap();
    assert_ne!(fresh.access_token(), tokens.access_token());
    client.revoke(&fresh).await.unwrap();
    let error = client.refresh(&fresh).await.unwrap_err();
    assert!(error.needs_login(), "{error}");
}
