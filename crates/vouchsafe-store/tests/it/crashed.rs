//! Processes that are killed or stopped in the middle of a refresh, at a provider that rotates refresh tokens. Each of them stops itself
//! at its point, so that nothing depends on chance.
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid};
use vouchsafe::error::StoreError;
use vouchsafe::http::BoxFuture;
use vouchsafe::vault::{Lease, LeaseRequest, Record, Save, Saved, TokenStore};
use vouchsafe::{Client, Http, Provider, Registration, Vault};
use vouchsafe_sandbox::Sandbox;

use crate::folder::Folder;
use crate::support::{process, text};

/// A point of a refresh.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Point {
    /// It has the lease.
    Leased,
    /// The record says that a refresh has begun. Nothing was sent.
    Begun,
    /// The provider has responded, and the new tokens are not saved.
    Responded,
    Saved,
}

const POINTS: [Point; 4] = [Point::Leased, Point::Begun, Point::Responded, Point::Saved];

/// A store whose process gets a signal at a point.
struct Ending {
    store: Arc<dyn TokenStore>,
    point: Point,
    signal: Signal,
    /// The signal was sent.
    is_over: AtomicBool,
}

impl Ending {
    fn at(&self, point: Point) {
        if point == self.point && !self.is_over.swap(true, Ordering::Relaxed) {
            kill_process(getpid(), self.signal).unwrap();
            // The system may deliver it a moment later.
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }
}

impl TokenStore for Ending {
    fn load<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Record>, StoreError>> {
        self.store.load(key)
    }

    fn save<'a>(&'a self, save: Save<'a>) -> BoxFuture<'a, Result<Saved, StoreError>> {
        Box::pin(async move {
            let begins = save.room > 0;
            if !begins {
                self.at(Point::Responded);
            }
            let saved = self.store.save(save).await;
            self.at(if begins { Point::Begun } else { Point::Saved });
            saved
        })
    }

    fn delete<'a>(&'a self, key: &'a str, version: Option<u64>) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.store.delete(key, version)
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(String, Record)>, StoreError>> {
        self.store.list(prefix, after, limit)
    }

    fn lease<'a>(&'a self, key: &'a str, ask: LeaseRequest) -> BoxFuture<'a, Result<Lease, StoreError>> {
        Box::pin(async move {
            let lease = self.store.lease(key, ask).await;
            self.at(Point::Leased);
            lease
        })
    }

    fn release<'a>(&'a self, key: &'a str, fence: u64) -> BoxFuture<'a, Result<(), StoreError>> {
        self.store.release(key, fence)
    }
}

/// A provider, and a store with a login for each point, named after it.
struct Place {
    sandbox: Sandbox,
    folder: Folder,
}

impl Place {
    async fn with_logins(points: &[Point]) -> Self {
        let place = Self { sandbox: Sandbox::start().await.unwrap(), folder: Folder::new() };
        let (client, vault) = (place.client(), place.vault().await);
        for point in points {
            let login = client.login().scopes(["openid", "offline_access"]).await.unwrap();
            let callback = place.sandbox.person("alice").allow(&login.url).await.unwrap();
            let tokens = client.finish(login.pending, &callback).await.unwrap();
            vault.connect(&format!("{point:?}"), tokens).await.unwrap();
        }
        place
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.folder.join("tokens.db").display())
    }

    fn client(&self) -> Client {
        client(self.sandbox.issuer(), self.sandbox.client_id(), self.sandbox.client_secret())
    }

    async fn vault(&self) -> Vault {
        Vault::danger_plain_text(vouchsafe_store::open(&self.url()).await.unwrap()).client(self.client())
    }

    /// A process that refreshes the login of this point, and gets the signal there.
    fn refreshing(&self, point: Point, signal: &str) -> Child {
        let (url, sandbox) = (self.url(), &self.sandbox);
        let words = [
            url.as_str(),
            sandbox.issuer(),
            sandbox.client_id(),
            sandbox.client_secret(),
            &format!("{point:?}"),
            signal,
        ];
        let mut command: Command = process("crashed::one_refresh", &words.join("\n"));
        command.stdout(Stdio::piped()).spawn().unwrap()
    }

    fn refreshes(&self) -> usize {
        let requests = self.sandbox.requests_to("/token");
        let is_refresh = |body: &[u8]| String::from_utf8_lossy(body).contains("grant_type=refresh_token");
        requests.iter().filter(|request| is_refresh(&request.body)).count()
    }

    /// Whether the record of this point's login says that a refresh has begun.
    async fn is_begun(&self, point: Point) -> bool {
        let store = vouchsafe_store::open(&self.url()).await.unwrap();
        let record = store.load(&format!("{point:?}/openid")).await.unwrap().unwrap();
        record.data.expose().contains(r#""begun":true"#)
    }
}

fn client(issuer: &str, id: &str, secret: &str) -> Client {
    let registration = Registration::new(id).secret(secret).redirect_uri("http://127.0.0.1:8765/callback");
    Client::new(Provider::openid(issuer), registration, &Http::new().unwrap()).unwrap()
}

#[tokio::test]
#[ignore = "other tests run it in a process of its own"]
async fn one_refresh() {
    let text = text();
    let [url, issuer, id, secret, user, signal] = text.split('\n').collect::<Vec<_>>()[..] else {
        panic!("six lines")
    };
    let point = POINTS.into_iter().find(|point| format!("{point:?}") == user).unwrap();
    let signal = if signal == "kill" { Signal::KILL } else { Signal::STOP };
    let store = Ending {
        store: vouchsafe_store::open(url).await.unwrap(),
        point,
        signal,
        is_over: AtomicBool::new(false),
    };
    let vault = Vault::danger_plain_text(store).client(client(issuer, id, secret));
    println!("token={}", vault.refresh(user, "openid").await.unwrap().expose());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_lost_only_with_a_process_that_is_killed_between_the_response_and_the_save() {
    let place = Place::with_logins(&POINTS).await;
    let before = place.vault().await;
    for point in POINTS {
        let status = place.refreshing(point, "kill").wait().unwrap();
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "{point:?}");
    }
    assert_eq!(place.refreshes(), 2, "two of them had sent their requests");
    for point in POINTS {
        let expected = matches!(point, Point::Begun | Point::Responded);
        assert_eq!(place.is_begun(point).await, expected, "{point:?}");
    }
    let vault = place.vault().await;
    let going_on = POINTS.map(|point| {
        let (vault, before) = (vault.clone(), before.clone());
        tokio::spawn(async move {
            let user = format!("{point:?}");
            match point {
                // Its tokens are new, and nothing is requested.
                Point::Saved => vault.token(&user, "openid").await,
                _ => {
                    let old = before.token(&user, "openid").await.unwrap();
                    let new = vault.refresh(&user, "openid").await;
                    assert!(new.as_ref().is_ok_and(|new| new.expose() != old.expose()) || new.is_err());
                    new
                }
            }
        })
    });
    for (point, outcome) in POINTS.into_iter().zip(going_on) {
        match outcome.await.unwrap() {
            Ok(_) => assert_ne!(point, Point::Responded),
            Err(error) => {
                assert_eq!(point, Point::Responded, "{error}");
                assert!(error.needs_login() && error.to_string().contains("interrupted"), "{error}");
            }
        }
    }
    // The old refresh token of the lost login was tried once for the crash, and is not tried again.
    assert_eq!(place.refreshes(), 2 + 3);
    assert!(vault.refresh("Responded", "openid").await.unwrap_err().needs_login());
    assert_eq!(place.refreshes(), 2 + 3);
    place.sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_was_stopped_neither_sends_the_old_refresh_token_nor_overwrites_newer_tokens() {
    let points = [Point::Leased, Point::Begun];
    let place = Place::with_logins(&points).await;
    let stopped = points.map(|point| place.refreshing(point, "stop"));
    for child in &stopped {
        let status = waitpid(Some(Pid::from_child(child)), WaitOptions::UNTRACED).unwrap();
        assert!(status.is_some_and(|(_, status)| status.stopped()));
    }
    // Others take over when the lease is over.
    let vault = place.vault().await;
    let others = points.map(|point| {
        let vault = vault.clone();
        tokio::spawn(async move {
            vault.refresh(&format!("{point:?}"), "openid").await.unwrap().expose().to_owned()
        })
    });
    let mut newer = Vec::new();
    for other in others {
        newer.push(other.await.unwrap());
    }
    for (child, newer) in stopped.into_iter().zip(&newer) {
        kill_process(Pid::from_child(&child), Signal::CONT).unwrap();
        let output = child.wait_with_output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.contains(&format!("token={newer}")), "{printed}");
    }
    assert_eq!(place.refreshes(), 2, "those that took over sent the only requests");
    let vault = place.vault().await;
    for (point, newer) in points.into_iter().zip(&newer) {
        assert_eq!(vault.token(&format!("{point:?}"), "openid").await.unwrap().expose(), newer);
    }
    place.sandbox.shutdown().await;
}
