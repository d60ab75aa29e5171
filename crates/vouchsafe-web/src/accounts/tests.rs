//! Accounts in a store: two sign-ins at once, linking, and keys that are replaced.
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::json;
use vouchsafe::Tokens;
use vouchsafe::error::{StoreError, StoreErrorKind};
use vouchsafe::seal::KeyRing;
use vouchsafe::vault::{Expected, MemoryStore, Save, TokenStore};

use crate::accounts::account::{AccountError, Accounts, Link};
use crate::accounts::stored::StoredAccounts;
use crate::login::finish::LoggedIn;
use crate::session::tests::sqlite_url;

fn ring(byte: u8) -> KeyRing {
    KeyRing::new(&[byte; 32]).unwrap()
}

fn accounts(store: &Arc<MemoryStore>) -> StoredAccounts {
    StoredAccounts::new(store.clone(), ring(7))
}

fn tokens() -> Tokens {
    serde_json::from_value(json!({
        "v": 2, "provider": "a", "issuer": "https://a.example", "client_id": "client", "token_type": "Bearer",
        "received_at": 1_764_000_000, "access_token": "access",
    }))
    .unwrap()
}

/// A store in which calls at once take turns.
async fn file() -> Arc<dyn TokenStore> {
    Arc::new(vouchsafe_store::open(&sqlite_url()).await.unwrap())
}

/// Somebody who signed in at the provider of this name.
fn login(provider: &str, subject: &str) -> LoggedIn {
    let identity = serde_json::from_value(json!({
        "v": 1, "provider": provider, "issuer": format!("https://{provider}.example"), "subject": subject,
        "email": "alice@example.com", "email_verified": true, "profile": {},
    }));
    LoggedIn {
        client_name: provider.into(),
        identity: identity.unwrap(),
        tokens: tokens(),
        return_to: "/".into(),
        data: None,
    }
}

/// The identities of an account, as provider and subject.
async fn identities(accounts: &StoredAccounts, account: &str) -> Vec<(String, String)> {
    let identities = accounts.identities(account).await.unwrap();
    identities.into_iter().map(|own| (own.provider, own.key.subject().to_owned())).collect()
}

#[tokio::test]
async fn an_unknown_identity_gets_a_new_account_and_keeps_it() {
    let accounts = accounts(&Arc::default());
    let first = accounts.sign_in(&login("a", "alice")).await.unwrap();
    assert_eq!(accounts.sign_in(&login("a", "alice")).await.unwrap(), first);
    assert_eq!(identities(&accounts, &first).await, [("a".to_owned(), "alice".to_owned())]);
    assert!(accounts.identities("nobody").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_verified_e_mail_address_links_nothing() {
    let accounts = accounts(&Arc::default());
    let mut all = Vec::new();
    // The same address each time, and the same subject at another issuer.
    for (provider, subject) in [("a", "alice"), ("b", "alice"), ("a", "mallory")] {
        all.push(accounts.sign_in(&login(provider, subject)).await.unwrap());
    }
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 3);
}

#[tokio::test]
async fn two_first_sign_ins_at_once_make_one_account() {
    let store = file().await;
    let instances = [7, 7].map(|key| StoredAccounts::new(store.clone(), ring(key)));
    let login = login("a", "alice");
    let at_once = join_all((0..20).map(|n| instances[n % 2].sign_in(&login))).await;
    let mut all: Vec<_> = at_once.into_iter().map(Result::unwrap).collect();
    all.dedup();
    let [account] = &all[..] else { panic!("{all:?}") };
    assert_eq!(identities(&instances[0], account).await.len(), 1);
    let records = store.list("~", None, 100).await.unwrap();
    assert_eq!(records.len(), 2, "nothing is left of the others: {records:?}");
}

#[tokio::test]
async fn instances_whose_keys_are_in_another_order_make_one_account_too() {
    let store = file().await;
    let rings = [ring(7).previous(&[8; 32]).unwrap(), ring(8).previous(&[7; 32]).unwrap()];
    let instances = rings.map(|keys| StoredAccounts::new(store.clone(), keys));
    for number in 0..20 {
        let login = login("a", &format!("person {number}"));
        let both = join_all(instances.iter().map(|instance| instance.sign_in(&login))).await;
        let [Ok(one), Ok(other)] = &both[..] else { panic!("{both:?}") };
        assert_eq!(one, other);
    }
}

#[tokio::test]
async fn an_identity_is_linked_once_and_never_moves() {
    let accounts = accounts(&Arc::default());
    let alice = accounts.sign_in(&login("a", "alice")).await.unwrap();
    let bob = accounts.sign_in(&login("a", "bob")).await.unwrap();
    let link = async |account: &str, provider, subject| {
        accounts.link(account, &login(provider, subject)).await.unwrap()
    };
    assert_eq!(link(&alice, "b", "alice-at-b").await, Link::Linked);
    assert_eq!(link(&alice, "b", "alice-at-b").await, Link::AlreadyYours);
    assert_eq!(link(&alice, "a", "alice").await, Link::AlreadyYours, "the first one");
    assert_eq!(link(&bob, "b", "alice-at-b").await, Link::InUse);
    assert_eq!(link(&alice, "a", "bob").await, Link::InUse);
    let pair = |provider: &str, subject: &str| (provider.to_owned(), subject.to_owned());
    assert_eq!(identities(&accounts, &alice).await, [pair("a", "alice"), pair("b", "alice-at-b")]);
    assert_eq!(identities(&accounts, &bob).await, [pair("a", "bob")]);
    assert_eq!(accounts.sign_in(&login("b", "alice-at-b")).await.unwrap(), alice);
}

#[tokio::test]
async fn two_accounts_that_link_an_identity_at_once_do_not_share_it() {
    let accounts = StoredAccounts::new(file().await, ring(7));
    for number in 0..20 {
        let login = login("b", &format!("person {number}"));
        let results = join_all(["alice", "bob", "alice"].map(|account| accounts.link(account, &login))).await;
        let results: Vec<_> = results.into_iter().map(Result::unwrap).collect();
        assert_eq!(results.iter().filter(|result| **result == Link::Linked).count(), 1, "{results:?}");
        assert_eq!(results.contains(&Link::InUse), results[1] != Link::Linked || results[0] == Link::InUse);
    }
    let all = join_all(["alice", "bob"].map(|account| identities(&accounts, account))).await;
    assert_eq!(all.concat().len(), 20);
}

#[tokio::test]
async fn an_identity_that_was_put_into_another_account_is_not_one_of_it() {
    let store = Arc::default();
    let accounts = accounts(&store);
    let alice = accounts.sign_in(&login("a", "alice")).await.unwrap();
    let bob = accounts.sign_in(&login("a", "bob")).await.unwrap();
    // Somebody who writes to the store, or a process that stopped in between, left each account with the identities of both.
    let keys: Vec<_> =
        store.list("~account/", None, 10).await.unwrap().into_iter().map(|(key, _)| key).collect();
    let [(one, first), (other, second)] = [0, 1].map(|at: usize| keys[at].rsplit_once('/').unwrap());
    for key in [format!("{one}/{second}"), format!("{other}/{first}"), format!("{one}/unknown")] {
        store.save(Save::new(&key, "", Expected::Any)).await.unwrap();
    }
    assert_eq!(identities(&accounts, &alice).await, [("a".to_owned(), "alice".to_owned())]);
    assert_eq!(identities(&accounts, &bob).await, [("a".to_owned(), "bob".to_owned())]);
}

#[tokio::test]
async fn the_store_shows_nobody_s_identity() {
    let store = Arc::default();
    let accounts = accounts(&store);
    let account = accounts.sign_in(&login("provider-a", "subject-alice")).await.unwrap();
    accounts.link(&account, &login("provider-b", "subject-b")).await.unwrap();
    let records = store.list("", None, 100).await.unwrap();
    assert_eq!(records.len(), 4);
    for (key, record) in records {
        let text = format!("{key} {}", record.data.expose());
        for personal in ["subject", "provider", "example", &account] {
            assert!(!text.contains(personal), "{personal} in {text}");
        }
        assert!(key.starts_with('~'), "a vault leaves it alone: {key}");
    }
    assert!(!format!("{accounts:?}").contains(&account));
}

#[tokio::test]
async fn a_key_is_replaced_without_losing_an_account() {
    let store = Arc::new(MemoryStore::new());
    let with = |keys: KeyRing| StoredAccounts::new(store.clone(), keys);
    let old = with(ring(7));
    let mut people = Vec::new();
    for number in 0..150 {
        let login = login("a", &format!("person {number}"));
        people.push((old.sign_in(&login).await.unwrap(), login));
    }
    let both = with(ring(8).previous(&[7; 32]).unwrap());
    let (alice, first) = &people[0];
    assert_eq!(both.sign_in(first).await.unwrap(), *alice);
    assert_eq!(both.link(alice, &login("b", "alice")).await.unwrap(), Link::Linked);
    // An instance that is not yet so far, but has both keys.
    let late = with(ring(7).previous(&[8; 32]).unwrap());
    assert_eq!(late.link(alice, &login("c", "alice")).await.unwrap(), Link::Linked);
    assert_eq!(identities(&both, alice).await.len(), 3);

    while both.reseal().await.unwrap() > 0 {}
    let new = with(ring(8));
    for (account, login) in &people {
        assert_eq!(new.sign_in(login).await.unwrap(), *account);
    }
    assert_eq!(identities(&new, alice).await.len(), 3);
    assert_eq!(new.link("other", &login("b", "alice")).await.unwrap(), Link::InUse);
    // Two records for each of 152 identities: nothing is left of the old key.
    assert_eq!(store.list("~", None, 1000).await.unwrap().len(), 304);
    assert_eq!(new.reseal().await.unwrap(), 0);
}

#[tokio::test]
async fn a_record_that_cannot_be_opened_makes_no_second_account() {
    let store = Arc::new(MemoryStore::new());
    let accounts = accounts(&store);
    let alice = accounts.sign_in(&login("a", "alice")).await.unwrap();
    accounts.sign_in(&login("a", "mallory")).await.unwrap();
    let records = store.list("~identity/", None, 10).await.unwrap();
    let before = records.len();
    let is_sealed = |error: AccountError| {
        let AccountError::Failed(source) = &error else { panic!("{error}") };
        source.downcast_ref::<StoreError>().is_some_and(|error| error.kind() == StoreErrorKind::Sealed)
    };
    // The record of another, and text that is not sealed.
    for data in [records[0].1.data.expose(), "{}", ""] {
        for (key, _) in &records {
            store.save(Save::new(key, data, Expected::Any)).await.unwrap();
        }
        let mut errors = 0;
        for subject in ["alice", "mallory"] {
            match accounts.sign_in(&login("a", subject)).await {
                Ok(account) => assert_eq!(account == alice, subject == "alice"),
                Err(error) => errors += usize::from(is_sealed(error)),
            }
        }
        assert!(errors >= 1);
        assert_eq!(store.list("~identity/", None, 10).await.unwrap().len(), before);
        assert!(is_sealed(accounts.reseal().await.unwrap_err()));
    }
}
