//! Sessions of both kinds, with stores that work and stores that fail.
use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{COOKIE, USER_AGENT};
use http::{HeaderMap, HeaderValue};
use serde_json::json;
use vouchsafe::seal::KeyRing;
use vouchsafe::vault::{MemoryStore, TokenStore};
use vouchsafe::{Identity, Tokens};

use crate::origin::Origin;
use crate::session::device::Device;
use crate::session::error::SessionError;
use crate::session::new::NewSession;
use crate::session::record::{Session, SessionRef};
use crate::session::sessions::{Begun, Found, Sessions};

mod cookies;
mod failing;
mod go_on;
mod lifetime;
mod logout;
mod secrecy;
mod store;

thread_local! {
    static LATER: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

fn clock() -> SystemTime {
    SystemTime::now() + LATER.get()
}

/// Moves the clock of this test.
fn pass(time: Duration) {
    LATER.set(LATER.get() + time);
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn origin() -> Origin {
    "https://app.example.com".parse().unwrap()
}

fn ring(byte: u8) -> KeyRing {
    KeyRing::new(&[byte; 32]).unwrap()
}

fn in_cookie() -> Sessions {
    Sessions::in_cookie(ring(7)).by_clock(clock)
}

fn in_store(store: &Arc<impl TokenStore + 'static>) -> Sessions {
    Sessions::in_store(store.clone(), ring(7)).by_clock(clock)
}

fn in_memory() -> Sessions {
    in_store(&Arc::new(MemoryStore::new()))
}

/// Sessions of each kind.
async fn kinds() -> [Sessions; 3] {
    let file = vouchsafe_store::open(&sqlite_url()).await.unwrap();
    [in_cookie(), in_memory(), in_store(&Arc::new(file))]
}

/// A file of its own for this test, deleted at its end.
pub(crate) fn sqlite_url() -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static FOLDERS: RefCell<Vec<Folder>> = const { RefCell::new(Vec::new()) };
    }
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("vouchsafe-web-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let url = format!("sqlite:{}", folder.join("sessions.db").display());
    FOLDERS.with_borrow_mut(|folders| folders.push(Folder(folder)));
    url
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn identity(subject: &str) -> Identity {
    let email = format!("{subject}@example.com");
    serde_json::from_value(json!({
        "v": 1, "provider": "acme", "issuer": "https://id.example.com", "subject": subject, "email": email,
        "email_verified": true, "name": "Alice Liddell", "profile": {},
    }))
    .unwrap()
}

fn new(account: &str) -> NewSession {
    NewSession::new(account, "acme", &identity("subject-248"), None)
}

fn device() -> Device {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static("Mozilla/5.0 (Looking-Glass)"));
    Device::of(&headers, Some("192.0.2.7".parse().unwrap()))
}

/// What a browser sends that has these cookies: name and value each.
fn sends(cookies: &[(&str, &str)]) -> HeaderMap {
    let pairs: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(&pairs.join("; ")).unwrap())])
}

/// Name and value in a header `Set-Cookie`.
fn cookie(header: &HeaderValue) -> (String, String) {
    let pair = header.to_str().unwrap().split(';').next().unwrap();
    let (name, value) = pair.split_once('=').unwrap();
    (name.to_owned(), value.to_owned())
}

/// A browser that keeps the cookie of a session.
#[derive(Clone, Default)]
struct Browser(Option<(String, String)>);

impl Browser {
    fn sends(&self) -> HeaderMap {
        match &self.0 {
            Some((name, value)) => sends(&[(name, value)]),
            None => HeaderMap::new(),
        }
    }

    fn takes(&mut self, header: &HeaderValue) {
        self.0 = Some(cookie(header)).filter(|(_, value)| !value.is_empty());
    }

    async fn begins(&mut self, sessions: &Sessions, new: NewSession, before: &[SessionRef]) -> Begun {
        let begun = sessions.begin(&origin(), new, device(), before).await.unwrap();
        self.takes(&begun.set_cookie);
        begun
    }

    async fn comes(&mut self, sessions: &Sessions) -> Option<Session> {
        let Found { session, set_cookie } = sessions.find(&origin(), &self.sends()).await.unwrap()?;
        if let Some(header) = set_cookie {
            self.takes(&header);
        }
        Some(session)
    }
}

/// Whether a future waits when it is polled.
fn is_pending(future: &mut Pin<Box<impl Future>>) -> bool {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

/// A session that has begun, and its browser.
async fn begun(sessions: &Sessions, account: &str) -> (Browser, Session) {
    let mut browser = Browser::default();
    let session = browser.begins(sessions, new(account), &[]).await.session;
    (browser, session)
}

#[tokio::test]
async fn a_session_comes_back_with_all_that_was_known_when_it_began() {
    for sessions in kinds().await {
        let auth_time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_764_000_000_000);
        let new = NewSession {
            sid: Some("sid-1".into()),
            acr: Some("urn:example:mfa".into()),
            auth_time: Some(auth_time),
            roles: vec!["admin".into(), "staff".into()],
            picture: Some("https://id.example.com/alice.png".into()),
            ..new("account 7")
        };
        let mut browser = Browser::default();
        let made = browser.begins(&sessions, new, &[]).await.session;
        let found = browser.comes(&sessions).await.unwrap();
        for session in [&made, &found] {
            assert_eq!((session.account(), session.provider()), ("account 7", "acme"));
            assert_eq!((session.issuer(), session.subject()), ("https://id.example.com", "subject-248"));
            assert_eq!((session.sid(), session.acr()), (Some("sid-1"), Some("urn:example:mfa")));
            assert_eq!(session.email(), Some("subject-248@example.com"));
            assert_eq!(session.email_verified(), Some(true));
            assert_eq!(session.name(), Some("Alice Liddell"));
            assert_eq!(session.picture(), Some("https://id.example.com/alice.png"));
            assert_eq!(session.auth_time(), Some(auth_time));
            assert_eq!(session.roles().collect::<Vec<_>>(), ["admin", "staff"]);
            assert!(session.has_role("admin") && !session.has_role("adm"));
            assert_eq!(session.is_server_side(), sessions.is_server_side());
            assert_eq!(session.device(), sessions.is_server_side().then(device).as_ref());
        }
        assert_eq!((made.id(), made.tokens_of()), (found.id(), found.tokens_of()));
        assert_eq!(made.expires_at(), found.expires_at());
        assert_eq!(Browser::default().comes(&sessions).await.map(|session| session.id().to_owned()), None);
    }
}

#[test]
fn the_id_token_says_how_and_until_when_somebody_signed_in() {
    let claims = json!({
        "iss": "https://tenant.example", "sub": "pairwise", "aud": "client", "iat": 1_764_000_000, "exp": 1_764_003_600,
        "sid": "sid-1", "acr": "mfa", "auth_time": 1_763_999_990, "session_expiry": 1_764_100_000,
    });
    let id_token = format!("e30.{}.AA", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let tokens: Tokens = serde_json::from_value(json!({
        "v": 2, "provider": "acme", "issuer": "https://tenant.example", "client_id": "client", "token_type": "Bearer",
        "received_at": 1_764_000_000, "access_token": "access", "id_token": id_token,
    }))
    .unwrap();
    let new = NewSession::new("alice", "acme", &identity("alice"), tokens.id_token());
    let at = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    assert_eq!((new.sid.as_deref(), new.acr.as_deref()), (Some("sid-1"), Some("mfa")));
    assert_eq!((new.auth_time, new.session_expiry), (at(1_763_999_990), at(1_764_100_000)));
    assert_eq!((&*new.issuer, &*new.subject), ("https://id.example.com", "alice"), "those of the identity");
    assert_eq!(new.logout_as, Some(("https://tenant.example".into(), "pairwise".into())));
    let alone = NewSession::of_id_token("alice", "acme", tokens.id_token().unwrap());
    assert_eq!((&*alone.issuer, &*alone.subject), ("https://tenant.example", "pairwise"));
    assert_eq!((alone.logout_as, alone.sid, alone.session_expiry), (None, new.sid, new.session_expiry));
    let without = NewSession::new("alice", "acme", &identity("alice"), None);
    assert_eq!((without.sid, without.auth_time, without.session_expiry), (None, None, None));
}

#[tokio::test]
async fn each_session_has_names_and_a_cookie_of_its_own() {
    for sessions in kinds().await {
        let (first, one) = begun(&sessions, "alice").await;
        let (second, two) = begun(&sessions, "alice").await;
        assert!(first.0 != second.0 && one.id() != two.id() && one.tokens_of() != two.tokens_of());
        let (_, value) = first.0.unwrap();
        assert_ne!(one.id(), value, "the public name is not the value of the cookie");
        assert!(!format!("{:?}", one.reference()).contains(one.id()));
    }
}

#[tokio::test]
async fn a_session_ends_when_its_person_signs_out() {
    for sessions in kinds().await {
        let (mut browser, session) = begun(&sessions, "alice").await;
        let copy = browser.clone();
        sessions.end(&session).await.unwrap();
        browser.takes(&sessions.removal(&origin()).unwrap());
        assert!(browser.comes(&sessions).await.is_none());
        // What the documentation says of cookies.
        assert_eq!(copy.clone().comes(&sessions).await.is_some(), !sessions.is_server_side());
        sessions.end(&session).await.unwrap();
    }
}

#[tokio::test]
async fn a_sign_in_ends_the_session_before_it_and_its_tokens_can_be_forgotten() {
    for sessions in kinds().await.into_iter().filter(Sessions::is_server_side) {
        let (mut browser, first) = begun(&sessions, "alice").await;
        let copy = browser.clone();
        let before = [first.reference(), SessionRef("unknown".into())];
        let Begun { session, forget, .. } = browser.begins(&sessions, new("alice"), &before).await;
        assert_ne!((session.id(), session.tokens_of()), (first.id(), first.tokens_of()));
        assert_eq!(forget, [first.tokens_of()]);
        assert!(copy.clone().comes(&sessions).await.is_none(), "fixation: the old cookie is worth nothing");
        assert_eq!(sessions.devices("alice").await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_step_up_has_a_new_cookie_and_the_tokens_and_the_end_of_the_session_that_it_continues() {
    for sessions in kinds().await {
        let (mut browser, first) = begun(&sessions, "alice").await;
        let copy = browser.clone();
        pass(5 * MINUTE);
        let stronger = NewSession { continues: Some(first.clone()), acr: Some("mfa".into()), ..new("alice") };
        let begun = browser.begins(&sessions, stronger, &[first.reference()]).await;
        let session = browser.comes(&sessions).await.unwrap();
        assert_eq!(session.acr(), Some("mfa"));
        assert!(session.id() != first.id() && browser.0 != copy.0);
        assert_eq!(session.tokens_of(), first.tokens_of());
        assert_eq!(begun.forget, [""; 0], "the tokens are still needed");
        assert_eq!(session.created_at(), first.created_at());
        assert_eq!(session.expires_at(), first.expires_at());
        assert_eq!(copy.clone().comes(&sessions).await.is_some(), !sessions.is_server_side());

        let session_expiry = Some(clock() + HOUR);
        let mut browser = Browser::default();
        let first =
            browser.begins(&sessions, NewSession { session_expiry, ..new("alice") }, &[]).await.session;
        let stronger = NewSession { continues: Some(first.clone()), ..new("alice") };
        let session = browser.begins(&sessions, stronger, &[]).await.session;
        assert_eq!(
            session.expires_at(),
            first.expires_at(),
            "nor does it move the end that the provider set"
        );
    }
}

#[tokio::test]
async fn what_only_a_store_can_do_is_an_error_with_cookies() {
    let sessions = in_cookie();
    let (_, session) = begun(&sessions, "alice").await;
    let needs_store = |error: SessionError| matches!(error, SessionError::NeedsStore);
    assert!(needs_store(sessions.devices("alice").await.unwrap_err()));
    assert!(needs_store(sessions.revoke("alice", session.id()).await.unwrap_err()));
    assert!(needs_store(sessions.revoke_all("alice").await.unwrap_err()));
    assert!(needs_store(sessions.end_of("https://id.example.com", Some("sid"), None).await.unwrap_err()));
    assert!(needs_store(sessions.once("jti", "1", clock()).await.unwrap_err()));
    assert!(SessionError::NeedsStore.to_string().contains("Sessions::in_store"));
    assert!(sessions.alive(&session.reference()).await.unwrap().is_none());
    assert!(sessions.sweep().await.unwrap().is_empty());
}
