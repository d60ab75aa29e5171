//! A store that is away.
use std::io::Write;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use http::Method;

use crate::all::browser::{Browser, navigation};
use crate::all::lab::Lab;

/// A Redis server that ends with its test.
pub(crate) struct Redis(Child);

impl Redis {
    /// The server and its URL, or nothing where it is not installed.
    pub(crate) async fn start() -> Option<(Self, String)> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let mut program = Command::new("redis-server");
        program.args(["--port", &port, "--bind", "127.0.0.1", "--save", ""]).stdout(Stdio::null());
        let Ok(child) = program.spawn() else {
            assert!(std::env::var_os("VOUCHSAFE_TEST_ALL").is_none(), "redis-server is not installed");
            let _ = writeln!(std::io::stderr(), "skipped: a test, because redis-server is not installed");
            return None;
        };
        let redis = Self(child);
        let started = Instant::now();
        while tokio::net::TcpStream::connect(format!("127.0.0.1:{port}")).await.is_err() {
            assert!(started.elapsed() < Duration::from_secs(20), "redis-server does not serve");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some((redis, format!("redis://127.0.0.1:{port}")))
    }

    pub(crate) fn signal(&self, name: &str) {
        let kill = Command::new("kill").args([name, &self.0.id().to_string()]).status().unwrap();
        assert!(kill.success());
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_store_that_is_away_signs_nobody_out() {
    let Some((redis, url)) = Redis::start().await else { return };
    let lab = Lab::with(&[("SESSION", &url)]).await;
    let mut browser = lab.signed_in("alice").await;
    let account = browser.account().await;
    let mut another = lab.browser();
    let callback = lab.allowed(&another.open("/login/a").await.location(), "bob").await;

    // It takes connections, and says nothing.
    redis.signal("-STOP");
    let timed = async |mut browser: Browser, path: String, is_page: bool| {
        let started = Instant::now();
        let page = if is_page { browser.open(&path).await } else { browser.fetch(&path).await };
        assert!(started.elapsed() < Duration::from_secs(15), "{path}: {:?}", started.elapsed());
        page
    };
    let pages = tokio::join!(
        timed(browser.clone(), "/protected".to_owned(), true),
        timed(browser.clone(), "/protected".to_owned(), false),
        timed(another.clone(), callback.clone(), true),
        timed(browser.clone(), "/".to_owned(), true),
        timed(browser.clone(), "/sign-in".to_owned(), true),
    );
    for page in [&pages.0, &pages.1, &pages.2] {
        assert_eq!(page.status, 503, "{}", page.text);
        assert!(page.header("retry-after").is_some() && page.header("location").is_none());
        assert!(page.cookies().iter().all(|cookie| !cookie.contains("session")), "{:?}", page.cookies());
    }
    assert_eq!(pages.1.code(), "store");
    assert!(!pages.0.text.contains("redis") && pages.0.text.contains("<h1"), "{}", pages.0.text);
    for page in [&pages.3, &pages.4] {
        assert_eq!(page.status, 200, "public pages go on: {}", page.text);
    }
    let head = browser.clone().send(navigation(Method::HEAD, "/protected"), "").await;
    assert_eq!(head.status, 503);

    redis.signal("-CONT");
    let started = Instant::now();
    while browser.fetch("/api/me").await.status == 503 {
        assert!(started.elapsed() < Duration::from_secs(20), "{}", lab.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(browser.account().await, account, "signed in as before");
}
