//! Strong clients: keys, certificates, bound tokens, pushed and signed requests, signed responses, FAPI 2.0.
use serde_json::Value;
use vouchsafe::{
    Client, ClientBuilder, ClientCertificate, Credential, Http, Profile, Provider, Registration, Tokens,
};

use super::keys::given;
use super::{
    Alice, Browser, LIBRARY, Run, SECRET, assert_alice, assert_signed_in, door, issuer, login, provider,
};

const LONG_SECRET: &str = "jwt-secret-0123456789abcdef0123456789abcdef";

fn url(run: &Run) -> &str {
    run.events[0]["url"].as_str().unwrap()
}

/// A login of alice by the library.
pub(super) async fn log_in(client: &Client) -> Tokens {
    let login = client.login().await.unwrap();
    let came = Browser::default().walk(&door(&login.url), Alice::Allows);
    client.finish(login.pending, &*came).await.unwrap()
}

/// A client of the library.
pub(super) fn client(
    issuer: &str,
    registration: Registration,
    set: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> Client {
    let http = Http::builder().no_proxy().certificate_authority(given().text("ca.pem")).build().unwrap();
    let registration = registration.redirect_uri(format!("{LIBRARY}/callback"));
    set(Client::builder(Provider::openid(issuer), registration)).build(&http).unwrap()
}

#[test]
fn a_secret_can_be_the_key_of_an_assertion() {
    let Some(issuer) = provider() else { return };
    let run =
        login(issuer, "web-csjwt", Some(LONG_SECRET), &["--client-auth", "client_secret_jwt"], Alice::Allows);
    assert_alice(&run, issuer, "web-csjwt");
}

#[test]
fn a_key_of_each_kind_authenticates_the_client() {
    let Some(issuer) = provider() else { return };
    for alg in ["ES256", "RS256", "EdDSA"] {
        let client = format!("web-pkjwt-{alg}");
        let key = given().path(alg);
        let run = login(issuer, &client, None, &["--client-key", &key, "--key-id", alg], Alice::Allows);
        assert_alice(&run, issuer, &client);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_rsa_key_signs_by_pss_where_it_is_told_so() {
    let Some(issuer) = provider() else { return };
    let key = given().key("PS256").algorithm("PS256").unwrap();
    let registration = Registration::new("web-pkjwt-PS256").credential(Credential::private_key(key));
    let client = client(issuer, registration, |builder| builder);
    assert_eq!(client.identity(&log_in(&client).await).await.unwrap().subject(), "alice");
}

#[test]
fn requests_are_pushed_and_tokens_bound() {
    let Some(issuer) = provider() else { return };
    let run = login(issuer, "web-par", Some(SECRET), &["--par"], Alice::Allows);
    assert_signed_in(&run, issuer, "web-par");
    assert!(url(&run).contains("request_uri=urn") && !url(&run).contains("scope="), "{}", url(&run));
    let run = login(issuer, "native-dpop", None, &["--dpop"], Alice::Allows);
    assert_signed_in(&run, issuer, "native-dpop");
    assert_eq!(run.last()["token"]["token_type"], "DPoP");
}

#[test]
fn requests_are_signed_by_value_and_pushed() {
    let Some(issuer) = provider() else { return };
    let key = given().path("ES256");
    let options = ["--client-key", &key, "--key-id", "ES256", "--jar"];
    let run = login(issuer, "web-jar", None, &options, Alice::Allows);
    assert_signed_in(&run, issuer, "web-jar");
    assert!(url(&run).contains("request=ey"), "{}", url(&run));
    let run = login(issuer, "web-jar", None, &[&options[..], &["--par"]].concat(), Alice::Allows);
    assert_signed_in(&run, issuer, "web-jar");
    assert!(url(&run).contains("request_uri=urn"), "{}", url(&run));
}

#[test]
fn responses_are_signed_also_errors() {
    let Some(issuer) = provider() else { return };
    for (client, alice) in [("web", Alice::Allows), ("web-jarm", Alice::Allows), ("web-jarm", Alice::Denies)]
    {
        let run = login(issuer, client, Some(SECRET), &["--jarm"], alice);
        assert!(url(&run).contains("response_mode=jwt"), "{}", url(&run));
        if alice == Alice::Denies {
            assert_eq!(run.error(SECRET)["code"], "access_denied");
        } else {
            assert_alice(&run, issuer, client);
        }
    }
}

#[test]
fn a_provider_that_requires_pushed_requests_and_nonces_gets_them() {
    let Some(issuer) = issuer("strict") else { return };
    let key = given().path("ES256");
    let run =
        login(issuer, "fapi", None, &["--client-key", &key, "--key-id", "ES256", "--dpop"], Alice::Allows);
    assert_signed_in(&run, issuer, "fapi");
    assert!(url(&run).contains("request_uri=urn"), "{}", url(&run));
    assert_eq!(run.last()["token"]["token_type"], "DPoP");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_profiles_of_fapi_2_sign_alice_in() {
    let Some(issuer) = issuer("strict") else { return };
    for (id, profile) in [("fapi", Profile::Fapi2Security), ("fapi-signed", Profile::Fapi2MessageSigning)] {
        let registration = Registration::new(id)
            .credential(Credential::private_key(given().key("ES256")))
            .dpop(given().key("EdDSA"));
        let client = client(issuer, registration, |builder| builder.profile(profile));
        let tokens = log_in(&client).await;
        // UserInfo wants a nonce of its own.
        assert_eq!(
            client.identity(&tokens).await.unwrap().verified_email(),
            Some("alice@example.com"),
            "{id}"
        );
        assert_eq!(tokens.token_type(), "DPoP");
    }
}

#[test]
fn a_certificate_authenticates_the_client_and_binds_its_tokens() {
    let Some(issuer) = issuer("tls") else { return };
    let ca = given().path("ca.pem");
    for (id, secret, file, method) in [
        ("mtls", None, "client.pem", "tls_client_auth"),
        ("mtls-self", None, "self-signed.pem", "self_signed_tls_client_auth"),
        ("mtls-bound", Some(SECRET), "self-signed.pem", "client_secret_basic"),
    ] {
        let file = given().path(file);
        let options = ["--ca-file", &ca, "--client-cert", &file, "--client-auth", method];
        assert_alice(&login(issuer, id, secret, &options, Alice::Allows), issuer, id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bound_token_has_the_thumbprint_of_the_certificate() {
    let Some(issuer) = issuer("tls") else { return };
    let certificate = ClientCertificate::from_pem(given().text("client.pem")).unwrap();
    let registration = Registration::new("mtls").certificate(certificate.clone());
    let client = client(issuer, registration, |builder| builder);
    let tokens = log_in(&client).await;
    assert_eq!(client.identity(&tokens).await.unwrap().subject(), "alice");
    let facts: Value = client.introspect(&tokens).await.unwrap();
    assert_eq!(facts["cnf"]["x5t#S256"], certificate.thumbprint());
}
