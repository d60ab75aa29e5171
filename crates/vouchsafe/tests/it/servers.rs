//! Two servers of one definition are two servers: neither logins, nor tokens, nor accounts of the one are the other's.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use vouchsafe::{
    Client, ClientAuth, Error, Identity, IdentityKey, PendingLogin, Provider, Registration, Tokens,
};
use vouchsafe_providers::{Definition, Kind, Rule};

use crate::scenario::{CLIENT_ID, REDIRECT_URI, arrived, web};
use crate::wire::{Wire, json, param};

/// A value of its rule for a parameter, and another one.
fn value(slug: &str, name: &str, rule: Rule, other: bool) -> String {
    let letter = if other { 'b' } else { 'a' };
    let name = format!("{slug}-{}", name.replace('_', "-"));
    match rule {
        Rule::Url => format!("https://{letter}.example/{name}"),
        Rule::Host | Rule::HostPath => format!("{letter}-{name}.example"),
        _ => format!("{letter}-{name}"),
    }
}

/// Values for all parameters, one of them `other` where it is named.
fn values(definition: &Definition, other: Option<&str>) -> BTreeMap<String, String> {
    let value = |(name, param): (&String, &vouchsafe_providers::Param)| {
        (name.clone(), value(&definition.slug, name, param.rule, other == Some(name)))
    };
    definition.params.iter().map(value).collect()
}

/// The URLs of a definition that its parameters are put into.
fn urls(definition: &Definition) -> Vec<String> {
    let definition: Value = serde_json::to_value(definition).unwrap();
    let members = definition.as_object().unwrap();
    let is_url = |name: &str| name == "issuer" || name.ends_with("_endpoint");
    members
        .iter()
        .filter(|(name, _)| is_url(name))
        .filter_map(|(_, url)| url.as_str())
        .map(str::to_owned)
        .collect()
}

/// A profile in which every place for a subject holds the same.
fn profile(definition: &Definition) -> Value {
    let mut profile = json!({});
    let pointers = definition.identity.subject.iter().flat_map(|subject| match subject.starts_with('/') {
        true => vec![subject.as_str()],
        false => subject.split(['{', '}']).filter(|part| part.starts_with('/')).collect(),
    });
    for pointer in pointers {
        let names: Vec<_> =
            pointer.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~")).collect();
        let mut place = &mut profile;
        for name in names {
            place = match name.parse::<usize>() {
                Ok(_) => {
                    *place = json!([{}]);
                    &mut place[0]
                }
                Err(_) => &mut place[name.as_str()],
            };
        }
        *place = json!("1");
    }
    profile
}

/// A client of a server of that definition, at a network where every server says the same.
fn client(definition: &Definition, values: &BTreeMap<String, String>) -> (Client, Wire) {
    let filled = |text: &str| {
        values.iter().fold(text.replace("{client_id}", CLIENT_ID), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), value)
        })
    };
    let issuer = filled(definition.issuer.as_deref().unwrap_or_default());
    let place = url::Url::parse(&issuer)
        .map_or("https://op.example".to_owned(), |url| url.origin().ascii_serialization());
    let metadata = json!({
        "issuer": issuer, "jwks_uri": format!("{place}/keys"), "authorization_endpoint": format!("{place}/authorize"),
        "token_endpoint": format!("{place}/token"), "userinfo_endpoint": format!("{place}/userinfo"),
        "revocation_endpoint": format!("{place}/revoke"), "subject_types_supported": ["public"],
    });
    let profile = profile(definition);
    let wire = Wire::new(move |request| match request.uri().path() {
        path if path.contains(".well-known") => json(200, metadata.clone()),
        _ => json(200, profile.clone()),
    });
    let provider = values
        .iter()
        .fold(Provider::from(definition.clone()), |provider, (name, value)| provider.param(name, value));
    let takes_none = definition.client_auth == Some(ClientAuth::None) && !definition.userinfo.sends_secret();
    let registration = match definition.signed_client_secret || takes_none {
        true => Registration::new(CLIENT_ID).redirect_uri(REDIRECT_URI),
        // Long enough for an HMAC, which LINE's ID tokens have.
        false => web().secret("a client secret that is longer than 32 bytes"),
    };
    let client = Client::new(provider, registration, &wire.http());
    (client.unwrap_or_else(|error| panic!("{}: {error}", definition.slug)), wire)
}

/// Tokens of a login, as a store gives them back.
fn tokens_of(login: &PendingLogin, client: &Client) -> Tokens {
    let tokens = json!({
        "v": 2, "token_type": "Bearer", "received_at": 1_800_000_000, "provider": login.provider_slug(), "issuer": login.issuer(), "client_id": client.client_id(),
        "access_token": "at", "refresh_token": "rt",
    });
    serde_json::from_value(tokens).unwrap()
}

/// What was sent but for metadata.
fn sent(wire: &Wire) -> Vec<String> {
    let uris = wire.seen().into_iter().map(|request| request.uri().to_string());
    uris.filter(|uri| !uri.contains(".well-known")).collect()
}

#[tokio::test]
async fn two_servers_of_one_definition_never_share_an_account_or_a_login() {
    // RFC 6749 §10.4.
    let mut walked = BTreeSet::new();
    for definition in vouchsafe_providers::all() {
        let mut definition = Definition::clone(&definition);
        // A second call for e-mails says nothing of who somebody is.
        definition.identity.emails = None;
        let urls = urls(&definition);
        let used = |name: &str| urls.iter().any(|url| url.contains(&format!("{{{name}}}")));
        let apart = definition.params.iter().filter(|(name, param)| param.server && used(name));
        for name in apart.map(|(name, _)| name) {
            let slug = format!("{} by {name}", definition.slug);
            let (one, _) = client(&definition, &values(&definition, None));
            let (two, wire) = client(&definition, &values(&definition, Some(name)));
            let (ours, theirs) = (one.login().await.unwrap(), two.login().await.unwrap());
            assert_ne!(ours.pending.issuer(), theirs.pending.issuer(), "{slug}");
            assert_eq!(ours.pending.provider_slug(), theirs.pending.provider_slug());

            // Their client does nothing with our tokens, and nothing with our login.
            let tokens = tokens_of(&ours.pending, &one);
            let outcomes = [
                two.refresh(&tokens).await.err(),
                two.revoke(&tokens).await.err(),
                two.profile(&tokens).await.err(),
                two.identity(&tokens).await.err(),
                two.long_lived_token(&tokens).await.err(),
                {
                    let state = param(&ours.url, "state").unwrap_or_default();
                    let shop = definition
                        .callback
                        .expect
                        .values()
                        .any(|value| value.contains(&format!("{{{name}}}")));
                    let error =
                        two.finish(ours.pending, arrived(&format!("code=c&state={state}"))).await.err();
                    // Whose response is signed, or names the shop, is refused for that before.
                    error
                        .filter(|_| !shop && definition.callback.hmac.is_none())
                        .or(two.refresh(&tokens).await.err())
                },
            ];
            for (at, error) in outcomes.into_iter().enumerate() {
                let error = error.unwrap_or_else(|| panic!("{slug}: operation {at} did something"));
                assert!(matches!(&error, Error::Validation(_)), "{slug}: operation {at}: {error}");
                assert_eq!(error.code(), "issuer_mismatch", "{slug}: operation {at}: {error}");
            }
            assert_eq!(sent(&wire), Vec::<String>::new(), "{slug}");

            // And where both say the same of somebody, it is two people.
            if definition.kind == Kind::Oauth2
                && definition.userinfo_endpoint.is_some()
                && !definition.identity.subject.is_empty()
            {
                let mine = one.identity(&tokens).await.unwrap_or_else(|error| panic!("{slug}: {error}"));
                let other = two.identity(&tokens_of(&theirs.pending, &two)).await.unwrap();
                assert_eq!(mine.subject(), other.subject(), "{slug}");
                assert_ne!(mine.key(), other.key(), "{slug}");
            }
            walked.insert(definition.slug.clone());
        }
    }
    assert!(walked.len() > 45, "{} {walked:?}", walked.len());
    for slug in
        ["mastodon", "gitea", "gitlab", "keycloak", "okta", "auth0", "microsoft", "shopify", "zendesk"]
    {
        assert!(walked.contains(slug), "{slug} was not walked");
    }
}

async fn at_mastodon(host: &str) -> Identity {
    let wire = Wire::always(json(200, json!({"id": "1", "username": "owner"})));
    let provider = Provider::named("mastodon").unwrap().param("host", host);
    let client = Client::new(provider, web(), &wire.http()).unwrap();
    let login = client.login().await.unwrap();
    client.identity(&tokens_of(&login.pending, &client)).await.unwrap()
}

#[tokio::test]
async fn somebody_at_a_server_of_their_own_is_nobody_at_another() {
    // Core §5.7.
    let (victim, attacker) = (at_mastodon("mastodon.social").await, at_mastodon("evil.example").await);
    assert_eq!((victim.provider_slug(), victim.subject()), (attacker.provider_slug(), attacker.subject()));
    assert_ne!(victim.key(), attacker.key());
    assert_eq!(victim.issuer(), "https://mastodon.social");
    // One server is one server, however its name is written.
    for same in ["MASTODON.social", "mastodon.social:443"] {
        assert_eq!(at_mastodon(same).await.key(), victim.key(), "{same}");
    }
}

/// A client of an OAuth 2 service without an issuer, at that token endpoint.
fn by_hand(token_endpoint: &str) -> Client {
    let provider = Provider::oauth2("acme")
        .authorization_endpoint("https://login.example/authorize")
        .token_endpoint(token_endpoint)
        .userinfo_endpoint("https://login.example/me");
    Client::new(provider, web(), &Wire::always(json(200, json!({"id": 1}))).http()).unwrap()
}

#[tokio::test]
async fn an_endpoint_given_by_hand_tells_tenants_apart_by_its_path() {
    let mut issuers = BTreeSet::new();
    for endpoint in
        ["https://login.example/a/token", "https://login.example/b/token", "https://other.example/a/token"]
    {
        issuers.insert(by_hand(endpoint).login().await.unwrap().pending.issuer().to_owned());
    }
    assert_eq!(issuers.len(), 3, "{issuers:?}");
    let again = by_hand("https://LOGIN.example:443/a/token?x=1").login().await.unwrap();
    assert!(issuers.contains(again.pending.issuer()), "{}", again.pending.issuer());
}

#[tokio::test]
async fn whoever_tells_the_profile_of_another_server_s_users_tells_of_others() {
    let issuer = async |provider: Provider, profile: &str| {
        let provider = provider.userinfo_endpoint(profile);
        let client = Client::new(provider, web(), &Wire::always(json(500, json!({}))).http()).unwrap();
        client.login().await.unwrap().pending.issuer().to_owned()
    };
    let bitbucket = || Provider::named("bitbucket").unwrap();
    let by_hand = || {
        let provider = Provider::oauth2("acme").authorization_endpoint("https://login.example/authorize");
        provider.token_endpoint("https://login.example/token")
    };
    for (provider, own, origin) in [
        (&bitbucket as &dyn Fn() -> Provider, "https://bitbucket.org", "https://bitbucket.org"),
        (&by_hand, "https://login.example/token", "https://login.example"),
    ] {
        assert_eq!(issuer(provider(), &format!("{origin}/me")).await, own);
        let mut others = BTreeSet::from([own.to_owned()]);
        for profile in ["https://evil.example/me", "https://evil.example:8443/me", "http://localhost/me"] {
            assert!(others.insert(issuer(provider(), profile).await), "{profile} tells of users of its own");
        }
        let at_a = issuer(provider(), "https://evil.example/a").await;
        assert!(!others.insert(at_a), "one origin is one server");
    }
}

#[tokio::test]
async fn whoever_writes_a_definition_does_not_tell_of_another_server_s_users_either() {
    let bitbucket = || Definition::clone(&vouchsafe_providers::get("bitbucket").unwrap());
    let issuer = async |definition: Definition| {
        let client =
            Client::new(Provider::from(definition), web(), &Wire::always(json(500, json!({}))).http());
        client.unwrap().login().await.unwrap().pending.issuer().to_owned()
    };
    assert_eq!(issuer(bitbucket()).await, "https://bitbucket.org");
    let mut others = BTreeSet::from(["https://bitbucket.org".to_owned()]);
    let mine = |change: &dyn Fn(&mut Definition)| {
        let mut definition = bitbucket();
        change(&mut definition);
        definition
    };
    for definition in [
        mine(&|d| d.userinfo_endpoint = Some("https://evil.example/me".to_owned())),
        // The same by another name, as it is no part of the key.
        mine(&|d| d.slug = "mine".to_owned()),
    ] {
        assert!(others.insert(issuer(definition).await), "{others:?}");
    }
    let at_home = mine(&|d| {
        d.slug = "mine".to_owned();
        d.userinfo_endpoint = Some("https://bitbucket.org/me".to_owned());
    });
    assert_eq!(issuer(at_home).await, "https://bitbucket.org");
}

#[tokio::test]
async fn another_name_is_that_of_logins_and_not_of_accounts() {
    let http = Wire::always(json(500, json!({}))).http();
    let pending = async |provider: Provider| {
        Client::new(provider, web(), &http).unwrap().login().await.unwrap().pending
    };
    // What the catalogue knows of bitbucket's endpoints counts under any name.
    for slug in ["bitbucket", "github", "freeagent"] {
        let named = || Provider::named(slug).unwrap();
        let renamed = named().name("company");
        assert_eq!((renamed.slug(), renamed.display_name()), ("company", "company"));
        assert_eq!(renamed.definition(), named().definition());
        let (one, other) = (pending(named()).await, pending(renamed).await);
        assert_eq!((one.provider_slug(), other.provider_slug()), (slug, "company"));
        assert_eq!(one.issuer(), other.issuer(), "{slug}");
    }
    assert_eq!(Provider::openid("https://id.example.com").slug(), "openid");
    let company = Provider::openid("https://id.example.com").name("company");
    let client = Client::new(company, web(), &http).unwrap();
    assert_eq!(client.provider_slug(), "company");
}

#[tokio::test]
async fn a_path_that_a_definition_leaves_open_tells_servers_apart() {
    let issuer = async |endpoints: &str, tenant: &str| {
        let definition = format!(
            "slug = \"acme\"\ndisplay_name = \"Acme\"\nkind = \"oauth2\"\n{endpoints}\n\
             documentation = \"https://acme.example\"\nchecked = \"2026-11-23\"\n\
             [params.tenant]\nrule = \"segment\"\n[params.version]\nrule = \"segment\"\ndefault = \"v1\"\nserver = false"
        );
        let provider = Provider::from_definition(definition).unwrap().param("tenant", tenant);
        let client = Client::new(provider, web(), &Wire::always(json(500, json!({}))).http()).unwrap();
        client.login().await.unwrap().pending.issuer().to_owned()
    };
    let in_path = "authorization_endpoint = \"https://acme.example/{tenant}/authorize\"\n\
        token_endpoint = \"https://acme.example/{tenant}/{version}/token\"";
    assert_eq!(issuer(in_path, "one").await, "https://acme.example/one");
    assert_eq!(issuer(in_path, "two").await, "https://acme.example/two");
    let elsewhere = "authorization_endpoint = \"https://acme.example/{tenant}/authorize\"\n\
        token_endpoint = \"https://acme.example/token?v={version}\"";
    assert_eq!(issuer(elsewhere, "one").await, "https://acme.example/?tenant=one");
    let in_query = "authorization_endpoint = \"https://acme.example/authorize\"\n\
        token_endpoint = \"https://acme.example/token?tenant={tenant}\"";
    assert_eq!(issuer(in_query, "one").await, "https://acme.example/?tenant=one");
}

#[test]
fn a_key_is_one_text_and_comes_back_from_it() {
    let key = IdentityKey::new("https://id.example.com", "a b").unwrap();
    assert_eq!(key.to_string(), "https://id.example.com a b");
    assert_eq!((key.issuer(), key.subject()), ("https://id.example.com", "a b"));
    let stored = serde_json::to_string(&key).unwrap();
    assert_eq!(stored, "\"https://id.example.com a b\"");
    assert_eq!(serde_json::from_str::<IdentityKey>(&stored).unwrap(), key);
    for (issuer, subject) in
        [("", "1"), ("https://a.example", ""), ("https://a.example x", "1"), ("a\tb", "1")]
    {
        let error = IdentityKey::new(issuer, subject).unwrap_err();
        assert!(error.to_string().contains("an issuer, a space and a subject"), "{error}");
    }
    for text in ["", " ", "https://a.example", "https://a.example ", " 1"] {
        assert!(text.parse::<IdentityKey>().is_err(), "{text:?}");
        assert!(serde_json::from_value::<IdentityKey>(json!(text)).is_err(), "{text:?}");
    }
}

#[test]
fn tokens_of_another_version_or_of_nobody_are_not_read() {
    let whole = json!({
        "v": 2, "token_type": "Bearer", "received_at": 1_800_000_000, "provider": "acme", "issuer": "https://acme.example", "client_id": "me", "access_token": "hush",
    });
    assert!(serde_json::from_value::<Tokens>(whole.clone()).is_ok());
    for name in ["v", "provider", "issuer", "client_id", "token_type", "received_at", "access_token"] {
        let mut broken = whole.clone();
        broken.as_object_mut().unwrap().remove(name);
        let error = serde_json::from_value::<Tokens>(broken).unwrap_err().to_string();
        assert!(error.contains(name) && !error.contains("hush"), "{error}");
    }
    for version in [0, 1, 3, 300] {
        let mut other = whole.clone();
        other["v"] = json!(version);
        let error = serde_json::from_value::<Tokens>(other).unwrap_err().to_string();
        assert!(
            error.contains(&format!("format version {version},")) && error.contains("version 2"),
            "{error}"
        );
    }
    let mut other = whole;
    other["token_type"] = json!("mac");
    assert!(serde_json::from_value::<Tokens>(other).unwrap_err().to_string().contains("token type"));
}

/// By what accounts are known at each provider. What stands in the file stays there for ever: an account that was made
/// under one key is not found under another.
#[tokio::test]
async fn the_keys_of_accounts_never_change() {
    let mut lines = String::new();
    for definition in vouchsafe_providers::all() {
        let (client, _) = client(&definition, &values(&definition, None));
        let issuer = client.login().await.unwrap().pending.issuer().to_owned();
        let several =
            if definition.issuer_template.is_some() { " (the tenant's, by the ID token)" } else { "" };
        lines.push_str(&format!("{} {issuer}{several}\n", definition.slug));
    }
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/account_keys.txt");
    if std::env::var_os("VOUCHSAFE_WRITE_ACCOUNT_KEYS").is_some() {
        std::fs::write(&file, &lines).unwrap();
    }
    let known = std::fs::read_to_string(&file).unwrap();
    for line in known.lines() {
        assert!(
            lines.lines().any(|now| now == line),
            "accounts are known by `{line}`, and would not be found any more: set identity.issuer in the definition"
        );
    }
    assert_eq!(lines, known, "a provider that is new gets its line by VOUCHSAFE_WRITE_ACCOUNT_KEYS=1");
    let issuers: BTreeSet<_> = known.lines().filter_map(|line| line.split(' ').nth(1)).collect();
    let shared = known.lines().count() - issuers.len();
    assert_eq!(
        shared, 1,
        "kakao and kakao-openid tell of one user under one subject, and nobody else shares an issuer"
    );
}
