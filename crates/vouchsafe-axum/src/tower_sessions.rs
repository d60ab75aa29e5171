//! A bridge for applications that have sessions of [tower-sessions](https://docs.rs/tower-sessions): they see who is signed in.
use serde::{Deserialize, Serialize};
use tower_sessions_core::Session;
use tower_sessions_core::session::Error;

/// Who is signed in, as [`carry`] puts it into a session of tower-sessions, under [`KEY`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SignedIn {
    /// The id of the session: see [`vouchsafe_web::Session::id`].
    pub session: String,
    /// The account.
    pub account: String,
    /// The name of the provider.
    pub provider: String,
    /// The issuer of the identity.
    pub issuer: String,
    /// The subject of the identity.
    pub subject: String,
    /// The e-mail address, verified or not.
    pub email: Option<String>,
    /// Whether the provider verified the e-mail address; `None` if it does not say.
    pub email_verified: Option<bool>,
    /// The name to show.
    pub name: Option<String>,
    /// The roles in this application.
    pub roles: Vec<String>,
}

/// The key of [`SignedIn`] in a session of tower-sessions.
pub const KEY: &str = "vouchsafe";

/// Puts [`SignedIn`] into a session of tower-sessions and takes it out again, so that the rest of the application reads it there. Call
/// it before each request is handled, with the session of the request:
///
/// ```no_run
/// use axum::extract::Request;
/// use axum::http::StatusCode;
/// use axum::middleware::Next;
/// use axum::response::{IntoResponse, Response};
/// use tower_sessions::Session;
/// use vouchsafe_axum::tower_sessions::carry;
///
/// # async fn who(request: &Request) -> Option<vouchsafe_web::Session> { None }
/// async fn bridge(theirs: Session, request: Request, next: Next) -> Response {
///     let ours = who(&request).await;
///     match carry(ours.as_ref(), &theirs).await {
///         Ok(()) => next.run(request).await,
///         Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
///     }
/// }
/// ```
///
/// The session of tower-sessions gets a new id at each sign-in and step-up, and keeps its data, such as the cart of a visitor who
/// was not signed in. Its data is deleted when the person signs out, when the session ends by itself or from elsewhere, and when
/// another account signs in.
///
/// # Errors
/// The store of tower-sessions failed: do not handle the request, because its session may belong to somebody else.
pub async fn carry(from: Option<&vouchsafe_web::Session>, to: &Session) -> Result<(), Error> {
    let known = to.get::<SignedIn>(KEY).await?;
    let Some(from) = from else {
        return if known.is_some() { to.flush().await } else { Ok(()) };
    };
    match &known {
        Some(known) if known.session == from.id() => return Ok(()),
        Some(known) if known.account != from.account() => to.clear().await,
        _ => {}
    }
    to.cycle_id().await?;
    to.insert(KEY, SignedIn::of(from)).await
}

impl SignedIn {
    fn of(session: &vouchsafe_web::Session) -> Self {
        Self {
            session: session.id().to_owned(),
            account: session.account().to_owned(),
            provider: session.provider().to_owned(),
            issuer: session.issuer().to_owned(),
            subject: session.subject().to_owned(),
            email: session.email().map(str::to_owned),
            email_verified: session.email_verified(),
            name: session.name().map(str::to_owned),
            roles: session.roles().map(str::to_owned).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::http::HeaderMap;
    use serde_json::json;
    use tower_sessions::MemoryStore;
    use vouchsafe::seal::KeyRing;
    use vouchsafe_web::{Device, NewSession, Sessions};

    use super::*;

    async fn signed_in(account: &str) -> vouchsafe_web::Session {
        let identity = json!({
            "v": 1, "provider": "acme", "issuer": "https://id.example.com", "subject": account, "profile": {},
        });
        let new = NewSession::new(account, "acme", &serde_json::from_value(identity).unwrap(), None);
        let origin = "https://app.example.com".parse().unwrap();
        let sessions = Sessions::in_cookie(KeyRing::generate().unwrap());
        sessions.begin(&origin, new, Device::of(&HeaderMap::new(), None), &[]).await.unwrap().session
    }

    /// The session of a browser at its next request.
    async fn next(store: &Arc<MemoryStore>, session: Session) -> Session {
        session.save().await.unwrap();
        Session::new(session.id(), store.clone(), None)
    }

    #[tokio::test]
    async fn a_session_of_tower_sessions_says_who_is_signed_in_until_they_sign_out() {
        let store = Arc::new(MemoryStore::default());
        let theirs = Session::new(None, store.clone(), None);
        carry(None, &theirs).await.unwrap();
        theirs.insert("cart", 3).await.unwrap();
        let theirs = next(&store, theirs).await;
        let before = theirs.id();

        let alice = signed_in("alice").await;
        carry(Some(&alice), &theirs).await.unwrap();
        let theirs = next(&store, theirs).await;
        assert_ne!(theirs.id(), before, "fixation: the id of before the sign-in is worth nothing");
        assert_eq!(Session::new(before, store.clone(), None).get::<i32>("cart").await.unwrap(), None);
        let known: SignedIn = theirs.get(KEY).await.unwrap().unwrap();
        assert_eq!((&*known.account, &*known.subject, &*known.session), ("alice", "alice", alice.id()));
        assert_eq!(theirs.get::<i32>("cart").await.unwrap(), Some(3));

        let id = theirs.id();
        carry(Some(&alice), &theirs).await.unwrap();
        assert!(!theirs.is_modified() && theirs.id() == id, "nothing is written for the same session");
        carry(Some(&signed_in("alice").await), &theirs).await.unwrap();
        let theirs = next(&store, theirs).await;
        assert_ne!(theirs.id(), id, "a step-up has a new id");
        assert_eq!(theirs.get::<i32>("cart").await.unwrap(), Some(3));

        let id = theirs.id();
        carry(None, &theirs).await.unwrap();
        assert!(theirs.is_empty().await);
        assert!(Session::new(id, store, None).get::<SignedIn>(KEY).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn another_account_sees_nothing_of_the_one_before() {
        let store = Arc::new(MemoryStore::default());
        let theirs = Session::new(None, store.clone(), None);
        carry(Some(&signed_in("alice").await), &theirs).await.unwrap();
        theirs.insert("cart", 3).await.unwrap();
        let theirs = next(&store, theirs).await;
        let id = theirs.id();
        carry(Some(&signed_in("bob").await), &theirs).await.unwrap();
        let theirs = next(&store, theirs).await;
        assert_eq!(theirs.get::<SignedIn>(KEY).await.unwrap().unwrap().account, "bob");
        assert_eq!(theirs.get::<i32>("cart").await.unwrap(), None);
        assert_ne!(theirs.id(), id);
    }
}
