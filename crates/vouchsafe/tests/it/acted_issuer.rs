//! `iss` in the authorization responses of acts (RFC 9207).
use vouchsafe::{Client, Error, Http, Provider, Registration};
use vouchsafe_sandbox::{ActedProvider, Fault, Sandbox};

const REDIRECT_URI: &str = "http://127.0.0.1:9/callback";

fn client(acted: &ActedProvider) -> Client {
    let registration =
        Registration::new(acted.client_id()).secret(acted.client_secret()).redirect_uri(REDIRECT_URI);
    Client::new(Provider::from(acted.definition()), registration, &Http::new().unwrap()).unwrap()
}

/// How a login ends, with the response changed on its way.
async fn ends(
    sandbox: &Sandbox,
    acted: &ActedProvider,
    change: impl Fn(&str) -> String,
) -> Result<(), Error> {
    let client = client(acted);
    let login = client.login().await.unwrap();
    let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
    client.finish(login.pending, change(&callback)).await.map(drop)
}

fn unchanged(query: &str) -> String {
    query.to_owned()
}

#[tokio::test]
async fn the_issuer_in_a_response_is_the_act_s_or_the_login_ends() {
    let sandbox = Sandbox::start().await.unwrap();
    for slug in ["google", "discord"] {
        let acted = sandbox.provider(slug).unwrap();
        for named in [false, true] {
            acted.name_issuer(named);
            ends(&sandbox, &acted, unchanged).await.unwrap();
            sandbox.fault_once(Fault::WRONG_ISSUER);
            let error = ends(&sandbox, &acted, unchanged).await.unwrap_err();
            assert!(matches!(error, Error::Validation(_)), "{slug}: {error:?}");
            assert_eq!(error.code(), "issuer_mismatch", "{slug}");
        }
    }
}

#[tokio::test]
async fn a_response_without_the_issuer_that_metadata_announces_ends_the_login() {
    let sandbox = Sandbox::start().await.unwrap();
    let acted = sandbox.provider("google").unwrap();
    acted.name_issuer(true);
    let without = |query: &str| {
        let kept: Vec<_> = query.split('&').filter(|pair| !pair.starts_with("iss=")).collect();
        kept.join("&")
    };
    let error = ends(&sandbox, &acted, without).await.unwrap_err();
    assert!(matches!(error, Error::Validation(_)), "{error:?}");
}
