//! Every provider of the catalogue signs a person in at the sandbox, through the same public interface.
use vouchsafe::{Client, Error, Http, Identity, Provider, Registration, Tokens};
use vouchsafe_sandbox::{ActedProvider, Sandbox, User};

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
        None => registration.secret(acted.client_secret()),
    };
    let registration = registration.redirect_uri("http://127.0.0.1:9/callback");
    Client::new(provider, registration, http)
}

/// The identity is an error where the provider tells no lasting identifier of its users.
async fn log_in(sandbox: &Sandbox, client: &Client) -> Result<(Tokens, Result<Identity, Error>), String> {
    let login = client.login().await.map_err(|e| format!("login: {e}"))?;
    let callback = sandbox.person("alice").allow(&login.url).await.map_err(|e| format!("person: {e:?}"))?;
    let tokens = client.finish(login.pending, &callback).await.map_err(|e| format!("finish: {e}"))?;
    let identity = client.identity(&tokens).await;
    Ok((tokens, identity))
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
        match log_in(&sandbox, &client).await {
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
                if definition.refresh
                    && let Err(error) = client.refresh(&tokens).await
                {
                    wrong.push(format!("{slug}: refresh: {error}"));
                }
                let has_one = definition.refresh && !definition.refreshing.access_token;
                if tokens.refresh_token().is_some() != has_one {
                    wrong.push(format!("{slug}: refresh token {}", tokens.refresh_token().is_some()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {walked}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(nameless, ["bitly", "snowflake"]);
    assert!(walked > 150, "{walked}");
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
