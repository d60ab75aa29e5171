//! A store by its URL.
use std::net::TcpListener;

use vouchsafe::error::{StoreError, StoreErrorKind};

async fn refused(url: &str) -> StoreError {
    match vouchsafe_store::open(url).await {
        Ok(_) => panic!("{url} was opened"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn other_urls_are_refused_with_those_that_there_are() {
    for url in ["", "tokens.db", "mysql://u:hunter2@h/d", "memory:x", "hunter2", "Sqlite:x"] {
        let error = refused(url).await;
        assert_eq!(error.kind(), StoreErrorKind::Misconfigured, "{url}");
        assert!(error.to_string().contains("sqlite:, postgres://"), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn a_store_in_memory_is_opened() {
    assert!(vouchsafe_store::open("memory:").await.unwrap().load("a").await.unwrap().is_none());
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_file_is_opened_by_its_path_in_each_form() {
    let folder = crate::folder::Folder::new();
    let path = folder.join("tokens.db");
    for url in [format!("sqlite:{}", path.display()), format!("sqlite://{}", path.display())] {
        vouchsafe_store::open(&url).await.unwrap();
    }
    assert!(path.exists());
    for url in ["sqlite:", "sqlite::memory:", "sqlite://tokens.db?mode=rwc"] {
        assert_eq!(refused(url).await.kind(), StoreErrorKind::Misconfigured, "{url}");
    }
}

/// A port at which somebody listens, and nobody responds.
fn silent() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

const SERVERS: [&str; 2] = [
    #[cfg(feature = "postgres")]
    "postgres",
    #[cfg(not(feature = "postgres"))]
    "",
    #[cfg(feature = "redis")]
    "redis",
    #[cfg(not(feature = "redis"))]
    "",
];

#[tokio::test]
async fn a_server_that_is_away_is_an_error_at_once_without_the_password() {
    let (listener, port) = silent();
    drop(listener);
    for scheme in SERVERS.into_iter().filter(|scheme| !scheme.is_empty()) {
        let begin = std::time::Instant::now();
        let error = refused(&format!("{scheme}://admin:hunter2@127.0.0.1:{port}/0")).await;
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
        assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
        assert!(!format!("{error:?} {error}").contains("hunter2"), "{error:?}");
        assert!(begin.elapsed().as_secs() < 5);
    }
}

// Time goes on by itself when nothing else does.
#[tokio::test(start_paused = true)]
async fn a_server_that_is_silent_is_waited_for_between_five_and_ten_seconds() {
    let (_listener, port) = silent();
    for scheme in SERVERS.into_iter().filter(|scheme| !scheme.is_empty()) {
        let begin = tokio::time::Instant::now();
        let error = refused(&format!("{scheme}://admin:hunter2@127.0.0.1:{port}/0")).await;
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
        assert!((5..10).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
        assert!(!format!("{error:?} {error}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn a_url_that_is_not_valid_is_refused_without_the_password() {
    for scheme in SERVERS.into_iter().filter(|scheme| !scheme.is_empty()) {
        for rest in [
            "://admin:hunter2@host:port/0",
            "://admin:hunter2@[::1/0",
            "://admin:hunter2@h/0?sslmode=hunter2&protocol=9",
        ] {
            let error = refused(&format!("{scheme}{rest}")).await;
            assert_eq!(error.kind(), StoreErrorKind::Misconfigured, "{error}");
            let shown = format!("{error:?} {error}").replace("sslmode", "");
            assert!(!shown.contains("admin"), "{shown}");
        }
    }
}
