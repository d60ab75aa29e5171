//! The records of sessions in a store, and the indexes by which they are found.
//!
//! A record begins with the time at which it can be deleted, in clear text, so that a sweep needs no keys. The session behind it
//! is sealed. The key of a session is the hash of the value in its cookie. An index is an empty record under a keyed digest, such
//! as that of the account, and the key of the session.
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use vouchsafe::seal::KeyRing;
use vouchsafe::vault::{Change, Expected, Record, Save, Saved, TokenStore};

use crate::session::error::SessionError;
use crate::session::record::{Data, Moment};

/// The sessions in a store.
#[derive(Clone)]
pub(super) struct Store {
    records: Arc<dyn TokenStore>,
    keys: KeyRing,
    /// How far the sweep has come.
    swept: Arc<Mutex<Option<String>>>,
}

/// The ways in which sessions are found.
#[derive(Clone, Copy)]
pub(super) enum Index<'a> {
    Account(&'a str),
    /// Issuer and subject.
    Subject(&'a str, &'a str),
    /// Issuer and session at the provider.
    Sid(&'a str, &'a str),
}

impl Index<'_> {
    /// The prefixes of the keys of its records, under each key of the ring, the current one first.
    fn prefixes(self, keys: &KeyRing) -> impl Iterator<Item = String> {
        let (kind, text) = match self {
            Self::Account(account) => ("account", account.to_owned()),
            Self::Subject(issuer, subject) => ("subject", pair(issuer, subject)),
            Self::Sid(issuer, sid) => ("sid", pair(issuer, sid)),
        };
        let names: Vec<_> = keys.names(&format!("{PURPOSE} {kind}"), &text).collect();
        names.into_iter().map(move |name| format!("{ROOT}{kind}/{name}/"))
    }

    /// The indexes that lead to a session.
    fn all(data: &Data) -> impl Iterator<Item = Index<'_>> {
        let (issuer, subject) = data.logout_as();
        let sid = data.sid.as_deref().map(|sid| Index::Sid(issuer, sid));
        [Index::Account(&data.account), Index::Subject(issuer, subject)].into_iter().chain(sid)
    }

    fn leads_to(self, data: &Data) -> bool {
        let (issuer, subject) = data.logout_as();
        match self {
            Self::Account(account) => account == data.account,
            Self::Subject(of, name) => (of, name) == (issuer, subject),
            Self::Sid(of, sid) => of == issuer && Some(sid) == data.sid.as_deref(),
        }
    }
}

impl Store {
    pub(super) fn new(records: Arc<dyn TokenStore>, keys: KeyRing) -> Self {
        Self { records, keys, swept: Arc::default() }
    }

    /// The session with this id, and the version of its record.
    pub(super) async fn load(&self, id: &str) -> Result<Option<(Data, u64)>, SessionError> {
        let key = session_key(id);
        let Some(record) = self.records.load(&key).await.map_err(SessionError::Store)? else {
            return Ok(None);
        };
        Ok(self.open(&key, &record).map(|data| (data, record.version)))
    }

    /// Begins a session: writes it, ends those before it, and deletes what is over on the next page of the records. Returns the
    /// sessions that have ended.
    pub(super) async fn begin(
        &self,
        data: &Data,
        until: Moment,
        before: Vec<Data>,
        now: Moment,
    ) -> Result<Vec<Data>, SessionError> {
        // The indexes come first: a session that nothing leads to could not be ended from elsewhere. The sessions before come last:
        // until then, their person is signed in as before.
        let mut writes = self.indexes(data);
        writes.push(Write::Save(session_key(&data.id), self.seal(data, until)?, Expected::Absent));
        let (over, _) = self.over(now).await?;
        writes.extend(over.iter().map(|(key, record)| Write::Delete(key.clone(), Some(record.version))));
        writes.extend(before.iter().map(|data| Write::Delete(session_key(&data.id), None)));
        let mut made = self.change(&writes).await?;
        let deleted = made.split_off(made.len() - over.len() - before.len());
        self.delete_indexes(&before).await;
        let mut ended: Vec<_> = over.iter().map(|(key, record)| self.open(key, record)).collect();
        ended.extend(before.into_iter().map(Some));
        Ok(ended
            .into_iter()
            .zip(deleted)
            .filter(|(_, deleted)| *deleted)
            .filter_map(|(data, _)| data)
            .collect())
    }

    /// Writes a session again, unless it was ended or written since it was loaded.
    pub(super) async fn rewrite(&self, data: &Data, until: Moment, version: u64) -> Result<(), SessionError> {
        let sealed = self.seal(data, until)?;
        self.save(&session_key(&data.id), &sealed, Expected::Version(version)).await.map(drop)
    }

    /// Writes a session again with its indexes, which may have changed. Returns whether it was unchanged since it was loaded.
    pub(super) async fn replace(
        &self,
        data: &Data,
        until: Moment,
        version: u64,
    ) -> Result<bool, SessionError> {
        let mut writes = self.indexes(data);
        let sealed = self.seal(data, until)?;
        writes.push(Write::Save(session_key(&data.id), sealed, Expected::Version(version)));
        Ok(self.change(&writes).await?.pop() == Some(true))
    }

    /// Ends sessions, and returns those that were there.
    pub(super) async fn end(&self, sessions: Vec<Data>) -> Result<Vec<Data>, SessionError> {
        let writes: Vec<_> = sessions.iter().map(|data| Write::Delete(session_key(&data.id), None)).collect();
        let deleted = self.change(&writes).await?;
        self.delete_indexes(&sessions).await;
        Ok(sessions.into_iter().zip(deleted).filter(|(_, deleted)| *deleted).map(|(data, _)| data).collect())
    }

    /// The sessions to which an index leads.
    pub(super) async fn find(&self, index: Index<'_>) -> Result<Vec<Data>, SessionError> {
        let mut found = Vec::new();
        for prefix in index.prefixes(&self.keys) {
            let mut after: Option<String> = None;
            loop {
                let page = self.records.list(&prefix, after.as_deref(), PAGE).await;
                let page = page.map_err(SessionError::Store)?;
                let Some((last, _)) = page.last() else { break };
                after = Some(last.clone());
                let keys: Vec<_> = page.iter().map(|(key, _)| session_key(&key[prefix.len()..])).collect();
                let records = self.records.load_all(keys.iter().map(String::as_str).collect()).await;
                let sessions = keys.iter().zip(records.map_err(SessionError::Store)?);
                let sessions = sessions.filter_map(|(key, record)| self.open(key, &record?));
                // Only a session that says so itself belongs to the account.
                found.extend(sessions.filter(|data| index.leads_to(data)));
                if page.len() < PAGE {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// Notes a text that is good for one use until a time. Returns whether this is its first use.
    pub(super) async fn once(&self, purpose: &str, text: &str, until: Moment) -> Result<bool, SessionError> {
        // Without a key: two instances that replace a key one after the other must agree. Nobody guesses the text.
        let name = hash(&pair(purpose, text));
        let saved = self.save(&format!("{ROOT}once/{name}"), &stamped(until, ""), Expected::Absent).await?;
        Ok(saved != Saved::Conflict)
    }

    /// Deletes what is over on the next page of the records, and returns the sessions among it, and whether this was the last page.
    pub(super) async fn sweep(&self, now: Moment) -> Result<(Vec<Data>, bool), SessionError> {
        let (over, is_last) = self.over(now).await?;
        let writes: Vec<_> =
            over.iter().map(|(key, record)| Write::Delete(key.clone(), Some(record.version))).collect();
        let deleted = self.change(&writes).await?;
        let over = over.iter().zip(deleted).filter(|(_, deleted)| *deleted);
        Ok((over.filter_map(|((key, record), _)| self.open(key, record)).collect(), is_last))
    }

    /// The records on the next page that are over, and whether this is the last page. After it, the first one follows. They are
    /// deleted with their version: a session may be renewed meanwhile.
    async fn over(&self, now: Moment) -> Result<(Vec<(String, Record)>, bool), SessionError> {
        let after = self.swept.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut page = self.records.list(ROOT, after.as_deref(), SWEPT).await.map_err(SessionError::Store)?;
        let is_last = page.len() < SWEPT;
        if let Some((last, _)) = page.last().filter(|_| !is_last) {
            *self.swept.lock().unwrap_or_else(PoisonError::into_inner) = Some(last.clone());
        }
        page.retain(|(_, record)| until(record).is_some_and(|until| until <= now));
        Ok((page, is_last))
    }

    /// The indexes of a session, to be written.
    fn indexes(&self, data: &Data) -> Vec<Write> {
        let prefixes = Index::all(data).filter_map(|index| index.prefixes(&self.keys).next());
        let index =
            |prefix: String| Write::Save(prefix + &data.id, stamped(data.expires_at, ""), Expected::Any);
        prefixes.map(index).collect()
    }

    /// Deletes what leads to sessions that have ended. If it stays, it leads nowhere, and is swept away.
    async fn delete_indexes(&self, sessions: &[Data]) {
        let indexes = sessions.iter().flat_map(|data| {
            let prefixes = Index::all(data).flat_map(|index| index.prefixes(&self.keys));
            prefixes.map(|prefix| Write::Delete(prefix + &data.id, None))
        });
        if let Err(error) = self.change(&indexes.collect::<Vec<_>>()).await {
            tracing::debug!(target: LOG, %error, "the indexes of sessions that ended were not deleted");
        }
    }

    /// Makes changes in their order, and returns for each whether it was made.
    async fn change(&self, writes: &[Write]) -> Result<Vec<bool>, SessionError> {
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        self.records.change(writes.iter().map(Write::change).collect()).await.map_err(SessionError::Store)
    }

    async fn save(&self, key: &str, data: &str, expected: Expected) -> Result<Saved, SessionError> {
        self.records.save(Save::new(key, data, expected)).await.map_err(SessionError::Store)
    }

    fn seal(&self, data: &Data, until: Moment) -> Result<String, SessionError> {
        let text = data.to_text()?;
        let sealed = self.keys.seal(PURPOSE, &session_key(&data.id), &text).map_err(SessionError::Seal)?;
        Ok(stamped(until, &sealed))
    }

    fn open(&self, key: &str, record: &Record) -> Option<Data> {
        Data::from_text(self.keys.open(PURPOSE, key, sealed(record)?)?.expose())
    }
}

/// A change of a record.
enum Write {
    Save(String, String, Expected),
    Delete(String, Option<u64>),
}

impl Write {
    fn change(&self) -> Change<'_> {
        match self {
            Self::Save(key, data, expected) => Change::Save(Save::new(key, data, *expected)),
            Self::Delete(key, version) => Change::Delete { key, version: *version },
        }
    }
}

/// The id of the session whose cookie has this value.
pub(super) fn id_of(value: &str) -> String {
    hash(value)
}

fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
}

/// Two texts as one. The length tells where the first ends.
fn pair(first: &str, second: &str) -> String {
    format!("{} {first}{second}", first.len())
}

fn session_key(id: &str) -> String {
    format!("{ROOT}id/{id}")
}

/// A record that can be deleted at a time.
pub(crate) fn stamped(until: Moment, sealed: &str) -> String {
    format!("{}.{sealed}", until.0)
}

/// The time at which a record can be deleted.
pub(crate) fn until(record: &Record) -> Option<Moment> {
    record.data.expose().split_once('.')?.0.parse().ok().map(Moment)
}

/// The sealed text of a record.
pub(crate) fn sealed(record: &Record) -> Option<&str> {
    record.data.expose().split_once('.').map(|(_, sealed)| sealed)
}

/// No key of a vault begins with this character.
const ROOT: &str = "~session/";
const PURPOSE: &str = "vouchsafe session";
/// How many records are looked at when a session begins. A session has four records at most, so that more are deleted than made.
const SWEPT: usize = 32;
/// How many records are read at once.
const PAGE: usize = 100;
/// The target of this crate's events.
const LOG: &str = "vouchsafe_web";
