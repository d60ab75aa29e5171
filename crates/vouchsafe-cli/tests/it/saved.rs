//! Saved logins: what each command does with them, how they are kept, and that they are refreshed once.
mod ended;
mod kept;
mod once;
#[cfg(unix)]
mod servers;
mod used;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use vouchsafe::seal::KeyRing;
use vouchsafe::{Client, Http, Provider, Registration, Tokens, Vault};
use vouchsafe_sandbox::Sandbox;

use crate::login::signed_in;
use crate::support::{Cli, Done, sandbox};

/// A provider, and a person with a store of their own.
pub(super) struct Home {
    pub(super) sandbox: Sandbox,
    pub(super) folder: PathBuf,
    /// The store, unless it is a file.
    server: Option<String>,
}

impl Home {
    pub(super) async fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("vouchsafe-saved-{}-{number}", std::process::id()));
        Self { sandbox: sandbox().await, folder, server: None }
    }

    /// A home whose store is on a server.
    #[cfg(unix)]
    pub(super) async fn at(server: String) -> Self {
        let mut home = Self::new().await;
        home.server = Some(server);
        home.login(&["--client-id", home.sandbox.public_client_id(), "--save", "work"]).await;
        home
    }

    /// A home with a login named `work` of Alice, as a public client.
    pub(super) async fn with_login() -> Self {
        let home = Self::new().await;
        home.login(&["--client-id", home.sandbox.public_client_id(), "--save", "work"]).await;
        home
    }

    pub(super) fn file(&self) -> PathBuf {
        self.folder.join("data").join("logins.db")
    }

    pub(super) fn url(&self) -> String {
        self.server.clone().unwrap_or_else(|| format!("sqlite:{}", self.file().display()))
    }

    fn key(&self) -> PathBuf {
        match self.server {
            None => self.folder.join("data").join("logins.db.key"),
            Some(_) => self.folder.join("vouchsafe").join("store.key"),
        }
    }

    pub(super) fn cli(&self, args: &[&str]) -> Cli {
        self.own(Cli::new(args))
    }

    fn own(&self, cli: Cli) -> Cli {
        cli.env("VOUCHSAFE_STORE", self.url()).env("XDG_DATA_HOME", &self.folder)
    }

    pub(super) async fn login(&self, args: &[&str]) -> Done {
        let cli = self.own(Cli::login(&self.sandbox, args));
        signed_in(&self.sandbox, cli, "alice").await
    }

    /// Runs a command with `--json` that succeeds.
    pub(super) async fn json(&self, args: &[&str]) -> Vec<serde_json::Value> {
        let done = self.cli(&[args, &["--json"]].concat()).run().await;
        assert_eq!(done.code, Some(0), "{done:#?}");
        done.json()
    }

    /// Runs a command that fails.
    pub(super) async fn failing(&self, args: &[&str], exit: i32, kind: &str, code: &str) -> String {
        self.cli(&[args, &["--json"]].concat()).run().await.assert_failed(exit, kind, code)
    }

    /// The access token of `work`, as it is printed.
    pub(super) async fn token(&self) -> String {
        let done = self.cli(&["token", "work"]).run().await;
        assert_eq!((done.code, done.lines.len(), &*done.stderr), (Some(0), 1, ""), "{done:#?}");
        done.stdout()
    }

    pub(super) fn token_requests(&self) -> usize {
        self.sandbox.requests_to("/token").len()
    }

    /// The store, opened with its key.
    pub(super) async fn vault(&self) -> Vault {
        let key = std::fs::read_to_string(self.key()).unwrap();
        let key = URL_SAFE_NO_PAD.decode(key.trim()).unwrap();
        let store = vouchsafe_store::open(&self.url()).await.unwrap();
        let provider = Provider::openid(self.sandbox.issuer());
        let client = Registration::new(self.sandbox.public_client_id());
        let client = Client::new(provider, client, &Http::new().unwrap()).unwrap();
        Vault::sealed(store, KeyRing::new(&key).unwrap()).client_named("login", client)
    }

    /// Lets the access token of `work` be over.
    pub(super) async fn expire(&self) {
        let vault = self.vault().await;
        let connection = vault.connections("work").await.unwrap().remove(0);
        let tokens = vault.stored_tokens("work", "login").await.unwrap().unwrap();
        let mut tokens = serde_json::to_value(tokens).unwrap();
        tokens["expires_at"] = json!(1_700_000_000);
        let tokens: Tokens = serde_json::from_value(tokens).unwrap();
        let saving = vault.connect("work", tokens).data(connection.data.unwrap());
        saving.identity(&connection.identity.unwrap()).await.unwrap();
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
