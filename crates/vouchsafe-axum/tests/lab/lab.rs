//! The lab, two sandbox providers, and a folder for its store.
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use vouchsafe_sandbox::{Sandbox, SandboxBuilder, User};

use crate::all::browser::Browser;

/// The lab while it runs.
pub(crate) struct Lab {
    pub(crate) url: String,
    /// The provider `a`.
    pub(crate) first: Sandbox,
    /// The provider `b`.
    pub(crate) second: Sandbox,
    pub(crate) folder: PathBuf,
    settings: Vec<(String, String)>,
    process: Option<Child>,
}

impl Lab {
    /// With sessions in a store.
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With sessions in cookies.
    pub(crate) async fn in_cookies() -> Self {
        Self::with(&[("SESSION", "cookie")]).await
    }

    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        Self::at(Sandbox::builder(), settings).await
    }

    /// With access tokens of the first provider that end soon.
    pub(crate) async fn with_short_tokens() -> Self {
        Self::at(Sandbox::builder().access_token_lifetime(SHORT), &[]).await
    }

    /// With a first provider that has a frame for session management.
    pub(crate) async fn watching(settings: &[(&str, &str)]) -> Self {
        Self::at(Sandbox::builder().session_management(), settings).await
    }

    async fn at(first: SandboxBuilder, settings: &[(&str, &str)]) -> Self {
        let admin = User::new("admin").with_claim("roles", json!(["admin"]));
        // The provider ends this session soon.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let brief = User::new("brief").with_claim("session_expiry", json!(now + 60));
        // Two people of two providers have this e-mail address.
        let twin = User::new("twin").with_verified_email("alice@example.com");
        let first = first.user(User::alice()).user(User::bob()).user(admin).user(brief).start();
        let second = Sandbox::builder().user(User::alice()).user(User::bob()).user(twin).start();
        let (first, second) = (first.await.unwrap(), second.await.unwrap());
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("vouchsafe-lab-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut lab = Self { url: String::new(), first, second, folder, settings: Vec::new(), process: None };
        let store = format!("sqlite:{}", lab.folder.join("lab.db").display());
        lab.set("PROVIDERS", "a,b");
        for (name, sandbox) in [("A", &lab.first), ("B", &lab.second)] {
            let of = [
                ("ISSUER", sandbox.issuer()),
                ("CLIENT_ID", sandbox.client_id()),
                ("CLIENT_SECRET", sandbox.client_secret()),
            ];
            let of = of.map(|(what, value)| (format!("PROVIDER_{name}_{what}"), value.to_owned()));
            lab.settings.extend(of);
        }
        lab.set("SESSION", &store);
        lab.set("KEY", KEY);
        for (name, value) in settings {
            lab.set(name, value);
        }
        lab.start().await;
        lab
    }

    /// A setting for the next start.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    async fn start(&mut self) {
        let (process, url) = self.run(&[]).await;
        self.url = url;
        let port = self.url.rsplit(':').next().unwrap().to_owned();
        self.set("PORT", &port);
        self.process = Some(process);
    }

    /// Another instance at the same store, with the same key and the same public URL; where it is.
    pub(crate) async fn second_instance(&self) -> (Child, String) {
        self.run(&[("PORT", "0"), ("PUBLIC_URL", &self.url)]).await
    }

    async fn run(&self, settings: &[(&str, &str)]) -> (Child, String) {
        let tests = std::env::current_exe().unwrap();
        let program = tests.ancestors().nth(2).unwrap().join("examples").join(crate::LAB);
        let program = program.with_extension(std::env::consts::EXE_EXTENSION);
        assert!(program.exists(), "build the examples first: {} is missing", program.display());
        let log = File::options().create(true).append(true).open(self.folder.join("log")).unwrap();
        let mut process = Command::new(program)
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(log))
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let read = tokio::time::timeout(Duration::from_secs(60), output.read_line(&mut line)).await;
        read.expect("the lab does not serve").unwrap();
        let url = line.trim().strip_prefix("READY ").unwrap_or_else(|| panic!("{line:?}: {}", self.log()));
        (process, url.to_owned())
    }

    /// Kills the lab, and starts it again at the same address.
    pub(crate) async fn restart(&mut self) {
        self.process.take().unwrap().kill().await.unwrap();
        self.start().await;
    }

    /// What it logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap()
    }

    pub(crate) fn is_server_side(&self) -> bool {
        !self.settings.contains(&("SESSION".to_owned(), "cookie".to_owned()))
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::at(&self.url)
    }

    /// A browser in which somebody has signed in at the first provider.
    pub(crate) async fn signed_in(&self, who: &str) -> Browser {
        let mut browser = self.browser();
        self.sign_in(&mut browser, who).await;
        browser
    }

    pub(crate) async fn sign_in(&self, browser: &mut Browser, who: &str) {
        assert_eq!(self.walk(browser, "/login/a", who).await.location(), "/");
    }

    /// Opens a page that leads to a provider, allows the request there, and gives the response at the callback.
    pub(crate) async fn walk(&self, browser: &mut Browser, path: &str, who: &str) -> Page {
        let callback = self.allowed(&browser.open(path).await.location(), who).await;
        browser.open(&callback).await
    }

    /// Allows a request at the provider whose URL this is; gives the URL of the callback.
    pub(crate) async fn allowed(&self, url: &str, who: &str) -> String {
        let sandbox = if url.starts_with(self.first.issuer()) { &self.first } else { &self.second };
        let callback = sandbox.person(who).allow(url).await.unwrap();
        assert!(callback.starts_with(&self.url), "{callback}");
        callback
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = writeln!(std::io::stderr(), "{}", self.log());
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub(crate) use crate::all::browser::Page;

/// The lifetime of short tokens.
pub(crate) const SHORT: Duration = Duration::from_secs(3);
pub(crate) const KEY: &str = "a key of the tests that is long enough";
