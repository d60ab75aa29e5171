//! A session goes on after its provider has confirmed it.
use std::sync::Arc;

use super::{Found, Sessions};
use crate::origin::Origin;
use crate::session::error::SessionError;
use crate::session::record::{Data, Session};

impl Sessions {
    /// Goes on with a session whose person is still signed in at the provider, maybe in another session there: with that `sid`, and
    /// the state of that session. `None` if the session here has ended meanwhile. Its id, its end and its tokens stay.
    ///
    /// # Errors
    /// The store failed, or the session does not fit into a cookie any more.
    pub async fn go_on(
        &self,
        origin: &Origin,
        session: &Session,
        sid: Option<&str>,
        session_state: Option<&str>,
    ) -> Result<Option<Found>, SessionError> {
        let changed = |data: Arc<Data>| Data {
            sid: sid.map(str::to_owned),
            session_state: session_state.map(str::to_owned),
            ..Arc::unwrap_or_clone(data)
        };
        let mut session = session.clone();
        let Some(store) = &self.inner.store else {
            session.data = changed(session.data).into();
            let set_cookie = Some(self.fitted(origin, &mut session)?);
            return Ok(Some(Found { session, set_cookie }));
        };
        // A request at the same time may renew the session. If all are in vain, the provider is asked once more.
        for _ in 0..TRIES {
            let found = store.load(&session.data.id).await?;
            let found = found.and_then(|(data, version)| Some((self.living(data)?, version)));
            let Some((found, version)) = found else { return Ok(None) };
            session = Session { data: changed(found.data).into(), ..found };
            if store.replace(&session.data, self.until(&session), version).await? {
                break;
            }
        }
        Ok(Some(Found { session, set_cookie: None }))
    }
}

const TRIES: u32 = 3;
