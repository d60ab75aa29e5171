//! A client that authenticates by the attestation of its instance (draft-ietf-oauth-attestation-based-client-auth).
use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PKCS_ED25519, SigningKey as _};
use serde_json::{Value, json};
use vouchsafe::SigningKey;
use vouchsafe_sandbox::{ClientConfig, Sandbox};

use crate::support::{Cli, visit};

/// A sandbox that trusts an attester, and the files of an instance.
struct Wallet {
    sandbox: Sandbox,
    attester: KeyPair,
    key: SigningKey,
    folder: PathBuf,
}

impl Wallet {
    async fn new(name: &str) -> Self {
        let attester = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let public = SigningKey::from_pem(attester.serialize_pem()).unwrap().public_jwk();
        let config = ClientConfig::public("wallet").attester_jwks(json!({"keys": [public]}));
        let sandbox = Sandbox::builder().client(config).attestation_challenges().start().await.unwrap();
        let folder = std::env::temp_dir().join(format!("vouchsafe-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let pem = SigningKey::generate_pem("ES256").unwrap();
        fs::write(folder.join("instance.pem"), pem.expose()).unwrap();
        let key = SigningKey::from_pem(pem).unwrap();
        Self { sandbox, attester, key, folder }
    }

    /// Writes an attestation that is valid for so many seconds.
    fn attest(&self, seconds: i64) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let expires = now.checked_add_signed(seconds).unwrap();
        let claims = json!({"sub": "wallet", "exp": expires, "cnf": {"jwk": self.key.public_jwk()}});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({"alg": "EdDSA", "typ": "oauth-client-attestation+jwt"});
        let message = format!("{}.{}", part(&header), part(&claims));
        let signature = URL_SAFE_NO_PAD.encode(self.attester.sign(message.as_bytes()).unwrap());
        fs::write(self.folder.join("attestation.jwt"), format!("{message}.{signature}\n")).unwrap();
    }

    fn login(&self) -> Cli {
        let path = |name: &str| self.folder.join(name).to_str().unwrap().to_owned();
        let (key, attestation) = (path("instance.pem"), path("attestation.jwt"));
        let args = [
            "login",
            "--issuer",
            self.sandbox.issuer(),
            "--client-id",
            "wallet",
            "--no-browser",
            "--json",
            "--no-save",
        ];
        let own = ["--client-key", &key, "--client-attestation", &attestation, "--wait", "60"];
        Cli::new(&[&args[..], &own[..]].concat()).without("VOUCHSAFE_CLIENT_SECRET")
    }
}

impl Drop for Wallet {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn a_client_signs_in_by_the_attestation_of_its_instance() {
    let wallet = Wallet::new("attested").await;
    wallet.attest(600);
    let mut running = wallet.login().start();
    let url = running.authorization_url().await;
    visit(&wallet.sandbox.person("alice").allow(&url).await.unwrap()).await;
    let done = running.end().await;
    assert_eq!((done.code, &done.last()["event"]), (Some(0), &json!("login")), "{done:#?}");
    let token = &wallet.sandbox.requests_to("/token")[0];
    assert!(
        token.header("oauth-client-attestation").is_some() && token.form_value("client_assertion").is_none()
    );
}

#[tokio::test]
async fn an_attestation_that_has_expired_is_told_before_it_is_sent() {
    let wallet = Wallet::new("expired").await;
    wallet.attest(-600);
    let mut running = wallet.login().start();
    let url = running.authorization_url().await;
    visit(&wallet.sandbox.person("alice").allow(&url).await.unwrap()).await;
    let done = running.end().await;
    let message = done.assert_failed(2, "usage", "assertion");
    assert!(message.contains("expired"), "{message}");
    assert!(wallet.sandbox.requests_to("/token").is_empty());
}
