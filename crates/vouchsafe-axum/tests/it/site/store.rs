//! A store that is away: nobody is signed out, and public pages go on.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::header::{LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::http::{Method, StatusCode};
use vouchsafe::error::{StoreError, StoreErrorKind};
use vouchsafe::http::BoxFuture;
use vouchsafe::vault::{Lease, LeaseRequest, MemoryStore, Record, Save, Saved, TokenStore};

use crate::site::scenario::Whole;

/// A store that can be taken away.
#[derive(Clone, Default)]
struct Away {
    store: Arc<MemoryStore>,
    is_away: Arc<AtomicBool>,
}

impl Away {
    fn check(&self) -> Result<(), StoreError> {
        if self.is_away.load(Ordering::Relaxed) {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "the server of the store is away"));
        }
        Ok(())
    }
}

impl TokenStore for Away {
    fn load<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Record>, StoreError>> {
        Box::pin(async move {
            self.check()?;
            self.store.load(key).await
        })
    }

    fn save<'a>(&'a self, save: Save<'a>) -> BoxFuture<'a, Result<Saved, StoreError>> {
        Box::pin(async move {
            self.check()?;
            self.store.save(save).await
        })
    }

    fn delete<'a>(&'a self, key: &'a str, version: Option<u64>) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            self.check()?;
            self.store.delete(key, version).await
        })
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(String, Record)>, StoreError>> {
        Box::pin(async move {
            self.check()?;
            self.store.list(prefix, after, limit).await
        })
    }

    fn lease<'a>(&'a self, key: &'a str, request: LeaseRequest) -> BoxFuture<'a, Result<Lease, StoreError>> {
        Box::pin(async move {
            self.check()?;
            self.store.lease(key, request).await
        })
    }

    fn release<'a>(&'a self, key: &'a str, fence: u64) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.check()?;
            self.store.release(key, fence).await
        })
    }
}

#[tokio::test]
async fn while_the_store_is_away_nobody_is_signed_out() {
    let store = Away::default();
    let whole = Whole::with(|builder, _| builder.store(Arc::new(store.clone()))).await;
    let mut browser = whole.signed_in("alice").await;
    let url = browser.open("/login/a?return_to=/protected").await.location();
    let callback = whole.first.person("alice").allow(&url).await.unwrap();
    let before = browser.cookies.clone();

    store.is_away.store(true, Ordering::Relaxed);
    let callback_path = callback.strip_prefix("http://127.0.0.1:3000").unwrap();
    for path in ["/protected", "/fresh", "/admin", "/devices", "/api/me", "/api/token/a", callback_path] {
        let page = browser.open(path).await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(page.headers.contains_key(RETRY_AFTER) && !page.headers.contains_key(LOCATION));
        assert!(!page.headers.contains_key(SET_COOKIE), "{path}");
        assert!(page.text.contains("You are still signed in"), "{}", page.text);
        let page = browser.fetch(Method::GET, path).await;
        assert_eq!((page.status, &*page.code()), (StatusCode::SERVICE_UNAVAILABLE, "store"), "{path}");
    }
    for path in ["/logout", "/link/b", "/devices/revoke-all", "/notes"] {
        assert_eq!(browser.submit(path, "").await.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
    }
    assert_eq!(whole.first.requests_to("/token").len(), 1, "the code was not sent");
    for path in ["/sign-in", "/logged-out", "/logout"] {
        assert_eq!(browser.open(path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(browser.cookies, before);

    store.is_away.store(false, Ordering::Relaxed);
    assert_eq!(browser.open("/").await.text, "in");
    assert_eq!(browser.open(callback_path).await.location(), "/protected", "the login goes on, too");
}
