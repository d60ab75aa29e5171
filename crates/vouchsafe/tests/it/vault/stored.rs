//! The connections of users, and how their records are sealed.
use std::sync::Arc;
use std::time::Duration;

use vouchsafe::seal::KeyRing;
use vouchsafe::vault::{
    ConnectionState, Event, Expected, Lease, LeaseRequest, MemoryStore, Save, TokenStore,
};
use vouchsafe::{Client, Vault};

use super::provider::{Expire, Rotating};

const KEY: &[u8] = &[7; 32];
const NEW_KEY: &[u8] = &[8; 32];

fn sealed(store: &Arc<MemoryStore>, keys: KeyRing, client: &Client) -> Vault {
    Vault::sealed(store.clone(), keys).client(client.clone())
}

async fn connected(users: &[&str]) -> (Rotating, Client, Arc<MemoryStore>, Vault) {
    let (provider, store) = (Rotating::new(), Arc::default());
    let client = provider.client();
    let vault = sealed(&store, KeyRing::new(KEY).unwrap(), &client);
    for user in users {
        vault
            .connect(user, provider.tokens(&client, Expire::In(3600)))
            .data(format!("of {user}"))
            .await
            .unwrap();
    }
    (provider, client, store, vault)
}

#[tokio::test]
async fn users_have_their_own_connections_whatever_their_names_are() {
    let users = ["alice", "al", "alice/acme", "a%2Fb", "a/b", "", "Ünï cøde\n"];
    let (_, _, _, vault) = connected(&users).await;
    for user in users {
        let [connection] = &vault.connections(user).await.unwrap()[..] else { panic!("{user:?}") };
        assert_eq!((&*connection.user, &*connection.provider), (user, "acme"));
        assert_eq!(connection.data, Some(format!("of {user}")));
        assert_eq!(connection.state, ConnectionState::Fresh);
        assert_eq!(connection.scopes, ["profile", "email"]);
        assert_eq!(vault.token(user, "acme").await.unwrap().expose(), "access-1");
    }
    assert_eq!(vault.all_connections().await.unwrap().len(), users.len());
    assert!(vault.connections("nobody").await.unwrap().is_empty());
    let error = vault.token("nobody", "acme").await.unwrap_err();
    assert!(error.needs_login() && error.code() == "unknown_login", "{error}");
    let error = vault.token("alice", "github").await.unwrap_err();
    assert_eq!(error.code(), "unknown_client", "{error}");
}

#[tokio::test]
async fn nothing_of_a_token_can_be_read_in_the_store() {
    let (_, _, store, _) = connected(&["alice"]).await;
    let data = store.load("alice/acme").await.unwrap().unwrap().data;
    for secret in ["access-1", "refresh-1", "of alice", "my-client"] {
        assert!(!data.expose().contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_record_opens_only_where_it_belongs_and_with_its_key() {
    let (_, client, store, vault) = connected(&["alice", "mallory"]).await;
    let record = store.load("alice/acme").await.unwrap().unwrap();
    store.save(Save::new("mallory/acme", record.data.expose(), Expected::Any)).await.unwrap();
    let error = vault.token("mallory", "acme").await.unwrap_err();
    assert_eq!(error.code(), "sealed");
    assert!(error.to_string().contains("another key of the store"), "{error}");

    let stranger = sealed(&store, KeyRing::new(NEW_KEY).unwrap(), &client);
    let error = stranger.token("alice", "acme").await.unwrap_err();
    assert!(error.code() == "sealed" && error.to_string().contains("add this key"), "{error}");

    let plain = Vault::danger_plain_text(store.clone()).client(client.clone());
    assert_eq!(plain.token("alice", "acme").await.unwrap_err().code(), "sealed");
    // Somebody who can write to the store cannot put tokens of their own there.
    plain.connect("alice", client.import_tokens("theirs").build().unwrap()).await.unwrap();
    let fresh = sealed(&store, KeyRing::new(KEY).unwrap(), &client);
    let error = fresh.token("alice", "acme").await.unwrap_err();
    assert!(error.code() == "sealed" && error.to_string().contains("plain text"), "{error}");
}

#[tokio::test]
async fn a_key_is_replaced_without_losing_a_login() {
    let (_, client, store, _) = connected(&["alice", "bob"]).await;
    let both = sealed(&store, KeyRing::new(NEW_KEY).unwrap().previous(KEY).unwrap(), &client);
    assert_eq!(both.token("alice", "acme").await.unwrap().expose(), "access-1");
    // A record that is being refreshed is not forgotten: the previous key is still needed.
    let Lease::Granted { fence, .. } =
        store.lease("bob/acme", LeaseRequest::new(Duration::from_secs(60))).await.unwrap()
    else {
        panic!("the lease is free")
    };
    assert_eq!(both.reseal().await.unwrap(), 2);
    assert_eq!(both.reseal().await.unwrap(), 1);
    store.release("bob/acme", fence).await.unwrap();
    assert_eq!(both.reseal().await.unwrap(), 1);
    assert_eq!(both.reseal().await.unwrap(), 0);
    let new = sealed(&store, KeyRing::new(NEW_KEY).unwrap(), &client);
    for user in ["alice", "bob"] {
        assert_eq!(new.token(user, "acme").await.unwrap().expose(), "access-1");
    }
}

#[tokio::test]
async fn a_second_login_replaces_the_first_one() {
    let (provider, client, _, vault) = connected(&["alice"]).await;
    assert_eq!(vault.token("alice", "acme").await.unwrap().expose(), "access-1");
    let second = client.import_tokens("second").refresh_token("refresh-second").build().unwrap();
    vault.connect("alice", second).await.unwrap();
    assert_eq!(vault.token("alice", "acme").await.unwrap().expose(), "second");
    assert_eq!(provider.requests(), 0);
}

#[tokio::test]
async fn disconnecting_revokes_and_deletes() {
    let (provider, _, store, vault) = connected(&["alice", "bob"]).await;
    vault.token("alice", "acme").await.unwrap();
    let disconnected = vault.disconnect("alice", "acme").await.unwrap();
    assert!(disconnected.not_revoked.is_none());
    assert_eq!(provider.revoked(), 1);
    assert!(store.load("alice/acme").await.unwrap().is_none());
    assert!(vault.token("alice", "acme").await.unwrap_err().needs_login(), "not from memory either");
    assert!(vault.token("bob", "acme").await.is_ok());
    assert_eq!(vault.disconnect("alice", "acme").await.unwrap_err().code(), "unknown_login");
    assert_eq!(vault.disconnect_all("bob").await.unwrap().len(), 1);
    assert!(vault.all_connections().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_login_that_is_forgotten_is_not_revoked() {
    let (provider, _, _, vault) = connected(&["alice", "al", "alice/acme"]).await;
    let events = vault.events();
    assert_eq!(vault.token("alice", "acme").await.unwrap().expose(), "access-1");
    assert_eq!(vault.forget("alice").await.unwrap(), 1);
    assert_eq!(provider.revoked(), 0);
    assert!(vault.token("alice", "acme").await.unwrap_err().needs_login(), "no copy is left");
    assert!(matches!(events.try_recv(), Ok(Event::Disconnected { revoked: false, .. })));
    assert_eq!(vault.all_connections().await.unwrap().len(), 2);
    assert_eq!(vault.forget("alice").await.unwrap(), 0);
}

#[tokio::test]
async fn users_whose_names_tell_when_they_end_are_forgotten_in_time() {
    let users = ["session-0100-a", "session-0100-b", "session-0200-c", "session", "alice", "session-x"];
    let (_, _, _, vault) = connected(&users).await;
    assert_eq!(vault.forget_before("session-", "session-0100").await.unwrap(), 0);
    assert_eq!(vault.forget_before("session-", "session-0101").await.unwrap(), 2);
    assert_eq!(vault.forget_before("session-", "session-0300").await.unwrap(), 1);
    let left: Vec<_> = vault.all_connections().await.unwrap().into_iter().map(|left| left.user).collect();
    assert_eq!(left, ["alice", "session-x", "session"]);
}

#[tokio::test]
async fn a_vault_leaves_the_records_of_others_alone() {
    let (_, client, store, vault) = connected(&["~", "zoe", "", "~session/x"]).await;
    for key in ["~", "~session/id/x", "~~"] {
        store.save(Save::new(key, "not a login", Expected::Any)).await.unwrap();
    }
    assert_eq!(vault.all_connections().await.unwrap().len(), 4, "a user may have any name");
    let renewed = KeyRing::new(NEW_KEY).unwrap().previous(KEY).unwrap();
    let vault = sealed(&store, renewed, &client);
    assert_eq!(vault.reseal().await.unwrap(), 4);
    assert_eq!(vault.reseal().await.unwrap(), 0);
    assert!(vault.connections("~session").await.unwrap().is_empty());
    assert_eq!(vault.forget_before("", "zz").await.unwrap(), 4);
    for key in ["~", "~session/id/x", "~~"] {
        assert_eq!(store.load(key).await.unwrap().unwrap().data.expose(), "not a login");
    }
}

#[tokio::test]
async fn more_scopes_are_asked_for_together_with_the_old_ones() {
    let (_, _, _, vault) = connected(&["alice"]).await;
    let login = vault.add_scopes("alice", "acme", ["calendar", "email"]).await.unwrap().await.unwrap();
    assert!(login.url.contains("scope=profile+email+calendar&"), "{}", login.url);
    assert!(vault.add_scopes("bob", "acme", ["calendar"]).await.unwrap_err().needs_login());
}

#[tokio::test]
async fn a_narrower_scope_is_told() {
    let (provider, client) = {
        let provider = Rotating::new();
        let client = provider.client();
        (provider, client)
    };
    provider.grant_only("profile");
    let fresh = client.refresh(&provider.tokens(&client, Expire::In(3600))).await.unwrap();
    let [warning] = fresh.warnings() else { panic!("{:?}", fresh.warnings()) };
    assert_eq!(warning.code(), "scope");
    assert!(warning.to_string().contains("email"), "{warning}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_the_application_is_requested_anew_by_one_of_all_processes() {
    // RFC 6749 §4.4.2.
    let (provider, client, store, vault) = connected(&[]).await;
    let tokens = client.client_credentials().scopes(["reports"]).await.unwrap();
    let saving = vault.connect("the service", tokens).data("own");
    saving.application(["reports"], [("audience", "https://api.example")]).await.unwrap();
    let ask = |vault: &Vault| {
        let vault = vault.clone();
        tokio::spawn(async move { vault.token("the service", "acme").await.unwrap().expose().to_owned() })
    };
    assert_eq!(ask(&vault).await.unwrap(), "own-1");
    for expected in ["own-2", "own-3"] {
        let token = vault.token("the service", "acme").await.unwrap();
        vault.source("the service", "acme").unwrap().reject(&token);
        for task in (0..20).map(|_| ask(&vault)).collect::<Vec<_>>() {
            assert_eq!(task.await.unwrap(), expected);
        }
        let other = sealed(&store, KeyRing::new(KEY).unwrap(), &client);
        assert_eq!(ask(&other).await.unwrap(), expected);
        assert_eq!(other.connections("the service").await.unwrap()[0].data.as_deref(), Some("own"));
    }
    assert_eq!(provider.requests(), 3);
    assert_eq!(provider.last_own(), ("reports".to_owned(), "https://api.example".to_owned()));
}
