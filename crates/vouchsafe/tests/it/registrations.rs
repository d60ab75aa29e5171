//! A registration that cannot work at its provider is refused when the client is made.
use serde_json::json;
use vouchsafe::{Client, ClientAuth, Credential, Error, Provider, Registration, providers};
use vouchsafe_providers::{Definition, all};

use crate::scenario::{acme, public, web};
use crate::wire::{self, Wire};

fn made(provider: Provider, registration: Registration) -> Result<Client, Error> {
    Client::new(provider, registration, &Wire::always(wire::json(500, json!({}))).http())
}

fn filled(definition: &Definition) -> Provider {
    definition.params.iter().fold(Provider::from(definition.clone()), |provider, (name, param)| {
        let given = param.example.clone().or(param.default.clone());
        provider.param(name, given.unwrap_or_else(|| "https://a.example".to_owned()))
    })
}

#[track_caller]
fn refused(provider: Provider, registration: Registration, words: &[&str]) {
    let error = made(provider, registration).unwrap_err();
    assert!(matches!(error, Error::Config(_)), "{error:?}");
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn a_secret_where_the_provider_takes_no_secret_is_refused_with_what_to_give_instead() {
    let (mut signed, mut none, mut fixed) = (0, 0, 0);
    for definition in all() {
        let (provider, name) = (filled(&definition), &*definition.display_name);
        match definition.client_auth {
            _ if definition.signed_client_secret => {
                signed += 1;
                refused(provider, public().secret("y"), &[name, "JWT", "Credential::apple_key"]);
            }
            // Its token endpoint takes no secret, and its profile wants one.
            Some(ClientAuth::None) if definition.userinfo.sends_secret() => {
                refused(provider.clone(), public(), &[name, "for the profile", "Registration::secret"]);
                made(provider, public().secret("y")).unwrap();
            }
            Some(ClientAuth::None) => {
                none += 1;
                refused(provider.clone(), public().secret("y"), &[name, "no client secret", "Leave"]);
                made(provider.clone(), public()).unwrap();
                // An application to which the provider gave a secret all the same.
                made(provider, public().secret("y").client_auth(ClientAuth::ClientSecretPost)).unwrap();
            }
            _ => {
                fixed += 1;
                // LINE's ID tokens have an HMAC with it.
                let secret = "y".repeat(32);
                made(provider.clone(), public().secret(secret)).unwrap_or_else(|e| panic!("{name}: {e}"));
                if definition.client_auth.is_none() {
                    continue;
                }
                let key = Credential::apple_key("TEAM", "KEY", "a key");
                refused(provider, public().credential(key), &[name, "apple_key", "Registration::secret"]);
            }
        }
    }
    assert!(signed == 1 && none > 2 && fixed > 200, "{signed} {none} {fixed}");
}

#[test]
fn apple_s_secret_may_be_signed_elsewhere() {
    made(providers::apple(), public().secret("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJUIn0.c2ln")).unwrap();
    refused(providers::apple(), public().secret("eyJhbGciOiJFUzI1NiJ9"), &["JWT"]);
}

#[tokio::test]
async fn a_missing_key_is_told_before_the_code_is_sent() {
    // A server that verifies the ID tokens of an app needs no key.
    let wire = Wire::always(wire::json(
        200,
        json!({
            "issuer": "https://appleid.apple.com",
            "authorization_endpoint": "https://appleid.apple.com/auth/authorize",
            "token_endpoint": "https://appleid.apple.com/auth/token",
            "jwks_uri": "https://appleid.apple.com/auth/keys",
        }),
    ));
    let client = Client::new(providers::apple(), public(), &wire.http()).unwrap();
    let error = client.manual().refresh("a refresh token").await.unwrap_err();
    assert_eq!(error.code(), "apple_key", "{error}");
    assert!(error.to_string().contains("Credential::apple_key"), "{error}");
}

#[test]
fn a_missing_secret_is_told_at_once_where_responses_are_signed_with_it() {
    let mut walked = 0;
    for definition in all().filter(|definition| definition.callback.hmac.is_some()) {
        walked += 1;
        refused(filled(&definition), public(), &[&definition.display_name, "Registration::secret"]);
        made(filled(&definition), web()).unwrap();
    }
    assert!(walked > 0);
}

#[test]
fn a_provider_made_by_hand_says_nothing_about_credentials() {
    made(acme(), public().secret("y")).unwrap();
    made(acme(), public()).unwrap();
}
