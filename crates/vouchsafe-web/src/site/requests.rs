//! Authorization requests that providers fetch from the site (RFC 9101 section 5.2).
use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use vouchsafe::Secret;
use vouchsafe::error::StoreError;
use vouchsafe::seal::KeyRing;
use vouchsafe::vault::{Change, Expected, Record, Save, TokenStore};

use crate::session::error::SessionError;
use crate::session::record::Moment;
use crate::session::store::{sealed, stamped, until};
use crate::site::failure::Failure;

/// The requests of logins under way, sealed, in the store of the site: any instance may be asked for one.
pub(crate) struct Requests {
    store: Arc<dyn TokenStore>,
    keys: KeyRing,
}

impl Requests {
    pub(crate) fn new(store: Arc<dyn TokenStore>, keys: KeyRing) -> Self {
        Self { store, keys }
    }

    /// Keeps a request until a time, and deletes some that are over.
    pub(crate) async fn keep(&self, id: &str, object: &Secret, until: SystemTime) -> Result<(), Failure> {
        let key = key_of(id);
        let sealed = self.keys.seal(PURPOSE, &key, object.expose()).map_err(SessionError::Seal)?;
        let record = stamped(Moment::of(until), &sealed);
        let page = self.store.list(ROOT, None, SWEPT).await.map_err(failed)?;
        let over = page.iter().filter(|(_, record)| is_over(record));
        let mut changes = vec![Change::Save(Save::new(&key, &record, Expected::Any))];
        changes.extend(over.map(|(key, record)| Change::Delete { key, version: Some(record.version) }));
        self.store.change(changes).await.map_err(failed)?;
        Ok(())
    }

    /// The request with this id, if its login is still under way.
    pub(crate) async fn find(&self, id: &str) -> Result<Option<Secret>, Failure> {
        let key = key_of(id);
        let Some(record) = self.store.load(&key).await.map_err(failed)? else { return Ok(None) };
        let sealed = sealed(&record).filter(|_| !is_over(&record));
        Ok(sealed.and_then(|sealed| self.keys.open(PURPOSE, &key, sealed)))
    }
}

fn is_over(record: &Record) -> bool {
    until(record).is_none_or(|until| until < Moment::of(SystemTime::now()))
}

fn key_of(id: &str) -> String {
    format!("{ROOT}{}", URL_SAFE_NO_PAD.encode(digest(&SHA256, id.as_bytes())))
}

fn failed(error: StoreError) -> Failure {
    SessionError::Store(error).into()
}

/// No key of a vault begins with this character.
const ROOT: &str = "~request/";
const PURPOSE: &str = "vouchsafe authorization request";
/// How many records are looked at when a request is kept.
const SWEPT: usize = 32;
