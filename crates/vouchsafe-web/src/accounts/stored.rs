//! Accounts in a store, for an application without a table of users.
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use vouchsafe::IdentityKey;
use vouchsafe::error::{StoreError, StoreErrorKind};
use vouchsafe::http::BoxFuture;
use vouchsafe::seal::{KeyRing, SealError};
use vouchsafe::vault::{Expected, Record, Save, Saved, TokenStore};

use crate::accounts::account::{AccountError, AccountIdentity, Accounts, Link};
use crate::login::finish::LoggedIn;

/// Accounts in a store, sealed with a key ring. An account is a random name; there is nothing to it but its identities. Cheap to
/// clone.
///
/// To replace a key, give the old one to [`KeyRing::previous`], and call [`StoredAccounts::reseal`] before you remove it. What is
/// sealed with a key that was removed is lost: these people get new accounts.
#[derive(Clone)]
pub struct StoredAccounts {
    records: Arc<dyn TokenStore>,
    keys: KeyRing,
}

/// An identity and its account. A change of this form needs another version.
#[derive(Deserialize, Serialize)]
struct Owned {
    v: u8,
    account: String,
    provider: String,
    identity: IdentityKey,
}

impl StoredAccounts {
    /// The accounts in this store. It may be that of sessions and of a vault: none sees the records of the others.
    pub fn new(records: Arc<dyn TokenStore>, keys: KeyRing) -> Self {
        Self { records, keys }
    }

    /// Seals accounts with the current key that are sealed with a previous one, and returns how many records it found. Call it
    /// after a key was replaced, when all processes have the new key; when it returns 0, remove the previous key.
    ///
    /// # Errors
    /// The store fails, or a record cannot be opened with any key of the ring.
    pub async fn reseal(&self) -> Result<usize, AccountError> {
        let (mut count, mut after) = (0, None::<String>);
        loop {
            let page = self.list(IDENTITY, after.as_deref()).await?;
            let Some((last, _)) = page.last() else { return Ok(count) };
            after = Some(last.clone());
            for (key, record) in page {
                let owned = self.open(&key, &record)?;
                let Some(current) = self.identity_keys(&owned.identity).next() else { continue };
                let is_sealed_by = record.data.expose().split_once('.').map(|(id, _)| id);
                if key == current && is_sealed_by == Some(self.keys.key_id()) {
                    continue;
                }
                count += 1;
                if key == current {
                    self.save(&key, &owned, Expected::Version(record.version)).await?;
                    continue;
                }
                self.index(&owned).await?;
                self.save(&current, &owned, Expected::Absent).await?;
                self.records.delete(&key, Some(record.version)).await.map_err(AccountError::failed)?;
                for prefix in self.account_prefixes(&owned.account) {
                    let index = prefix + &key[IDENTITY.len()..];
                    self.records.delete(&index, None).await.map_err(AccountError::failed)?;
                }
            }
        }
    }

    /// Gives an identity to an account, unless it belongs to one. Returns the account to which it belongs then, and whether it was
    /// given.
    async fn claim(&self, account: &str, login: &LoggedIn) -> Result<(String, bool), AccountError> {
        let identity = login.identity.key();
        let owned = Owned {
            v: VERSION,
            account: account.to_owned(),
            provider: login.client_name.clone(),
            identity: identity.clone(),
        };
        // First: without it, nothing would lead from the account to the identity. It is checked when it is read.
        self.index(&owned).await?;
        // Two instances may have the keys in another order while one is replaced: they begin with the same.
        let mut keys: Vec<_> = self.identity_keys(identity).collect();
        keys.sort();
        for key in keys {
            if self.save(&key, &owned, Expected::Absent).await? == Saved::Conflict {
                let winner = self.find(identity).await?;
                if winner.as_ref().is_some_and(|winner| winner.account != owned.account) {
                    self.remove_index(&owned).await;
                }
                return Ok((winner.map_or(owned.account, |winner| winner.account), false));
            }
        }
        Ok((owned.account, true))
    }

    /// The identity, if it belongs to an account.
    async fn find(&self, identity: &IdentityKey) -> Result<Option<Owned>, AccountError> {
        for key in self.identity_keys(identity) {
            if let Some(owned) = self.load(&key).await? {
                return Ok(Some(owned));
            }
        }
        Ok(None)
    }

    async fn load(&self, key: &str) -> Result<Option<Owned>, AccountError> {
        let record = self.records.load(key).await.map_err(AccountError::failed)?;
        record.map(|record| self.open(key, &record)).transpose()
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<(String, Record)>, AccountError> {
        self.records.list(prefix, after, PAGE).await.map_err(AccountError::failed)
    }

    async fn save(&self, key: &str, owned: &Owned, expected: Expected) -> Result<Saved, AccountError> {
        let text = serde_json::to_string(owned).map_err(AccountError::failed)?;
        let sealed = self.keys.seal(PURPOSE, key, &text).map_err(AccountError::failed)?;
        let data = format!("{}.{sealed}", self.keys.key_id());
        self.records.save(Save::new(key, &data, expected)).await.map_err(AccountError::failed)
    }

    /// Writes the empty record that leads from an account to an identity.
    async fn index(&self, owned: &Owned) -> Result<(), AccountError> {
        let saved = self.records.save(Save::new(&self.index_key(owned), "", Expected::Any)).await;
        saved.map(drop).map_err(AccountError::failed)
    }

    /// Deletes this record. If it stays, it leads nowhere.
    async fn remove_index(&self, owned: &Owned) {
        let _ = self.records.delete(&self.index_key(owned), None).await;
    }

    fn index_key(&self, owned: &Owned) -> String {
        let prefix = self.account_prefixes(&owned.account).next().unwrap_or_default();
        let identity = self.identity_keys(&owned.identity).next().unwrap_or_default();
        prefix + identity.trim_start_matches(IDENTITY)
    }

    /// A record that cannot be opened is an error: its person must not get a second account.
    fn open(&self, key: &str, record: &Record) -> Result<Owned, AccountError> {
        let sealed = record.data.expose().split_once('.').map(|(_, sealed)| sealed);
        let text = sealed.and_then(|sealed| self.keys.open(PURPOSE, key, sealed));
        let owned = text.and_then(|text| serde_json::from_str::<Owned>(text.expose()).ok());
        owned.filter(|owned| owned.v == VERSION).ok_or_else(|| {
            let detail = "the record of an account cannot be opened: it was sealed with a key that is not in the key ring, it was \
                          changed, or a newer version wrote it. It is left as it is; add the key with KeyRing::previous";
            AccountError::failed(StoreError::new(StoreErrorKind::Sealed, detail))
        })
    }

    /// The keys of the record of an identity, under each key of the ring, the current one first.
    fn identity_keys(&self, identity: &IdentityKey) -> impl Iterator<Item = String> {
        let names: Vec<_> = self.keys.names(PURPOSE, &identity.to_string()).collect();
        names.into_iter().map(|name| format!("{IDENTITY}{name}"))
    }

    /// The prefixes of the keys of the records that lead from an account to its identities.
    fn account_prefixes(&self, account: &str) -> impl Iterator<Item = String> {
        let names: Vec<_> = self.keys.names(ACCOUNT_PURPOSE, account).collect();
        names.into_iter().map(|name| format!("{ACCOUNT}{name}/"))
    }
}

impl Accounts for StoredAccounts {
    fn sign_in<'a>(&'a self, login: &'a LoggedIn) -> BoxFuture<'a, Result<String, AccountError>> {
        Box::pin(async move {
            if let Some(known) = self.find(login.identity.key()).await? {
                return Ok(known.account);
            }
            let mut account = [0; 16];
            rand::fill(&mut account).map_err(|_| AccountError::failed(SealError::Crypto))?;
            Ok(self.claim(&URL_SAFE_NO_PAD.encode(account), login).await?.0)
        })
    }

    fn link<'a>(
        &'a self,
        account: &'a str,
        login: &'a LoggedIn,
    ) -> BoxFuture<'a, Result<Link, AccountError>> {
        Box::pin(async move {
            let (owner, is_new) = match self.find(login.identity.key()).await? {
                Some(known) => (known.account, false),
                None => self.claim(account, login).await?,
            };
            Ok(match owner == account {
                true if is_new => Link::Linked,
                true => Link::AlreadyYours,
                false => Link::InUse,
            })
        })
    }

    fn identities<'a>(
        &'a self,
        account: &'a str,
    ) -> BoxFuture<'a, Result<Vec<AccountIdentity>, AccountError>> {
        Box::pin(async move {
            let mut identities: Vec<AccountIdentity> = Vec::new();
            for prefix in self.account_prefixes(account) {
                let mut after = None::<String>;
                loop {
                    let page = self.list(&prefix, after.as_deref()).await?;
                    let Some((last, _)) = page.last() else { break };
                    after = Some(last.clone());
                    for (key, _) in &page {
                        let owned = self.load(&format!("{IDENTITY}{}", &key[prefix.len()..])).await?;
                        // Only an identity that says so itself belongs to the account.
                        let Some(Owned { provider, identity: key, .. }) =
                            owned.filter(|owned| owned.account == account)
                        else {
                            continue;
                        };
                        if identities.iter().all(|known| known.key != key) {
                            identities.push(AccountIdentity { provider, key });
                        }
                    }
                }
            }
            identities.sort_by(|a, b| (&a.provider, &a.key).cmp(&(&b.provider, &b.key)));
            Ok(identities)
        })
    }
}

impl fmt::Debug for StoredAccounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredAccounts(…)")
    }
}

/// No key of a vault begins with this character.
const IDENTITY: &str = "~identity/";
const ACCOUNT: &str = "~account/";
const PURPOSE: &str = "vouchsafe identity";
const ACCOUNT_PURPOSE: &str = "vouchsafe account";
const VERSION: u8 = 1;
/// How many records are read at once.
const PAGE: usize = 100;
