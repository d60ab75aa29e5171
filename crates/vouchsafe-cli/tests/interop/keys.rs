//! The keys and certificates of the clients: their public parts for the provider, and files for the command.
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use vouchsafe::SigningKey;

pub(crate) struct Given {
    /// What the provider is told.
    pub(crate) public: Value,
    folder: PathBuf,
}

impl Given {
    /// The file of a key or a certificate.
    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap()
    }

    pub(crate) fn key(&self, name: &str) -> SigningKey {
        SigningKey::from_pem(self.text(name)).unwrap().key_id(name)
    }
}

/// Made once for this process.
pub(crate) fn given() -> &'static Given {
    static GIVEN: OnceLock<Given> = OnceLock::new();
    GIVEN.get_or_init(|| {
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("interop-keys-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        let mut keys = BTreeMap::new();
        // The last two are for encryption: only the kind of the key counts.
        let made = [("ES256", "ES256"), ("PS256", "PS256"), ("RS256", "RS256"), ("EdDSA", "EdDSA")];
        for (name, algorithm) in made.into_iter().chain([("RSA-OAEP-256", "RS256"), ("ECDH-ES", "ES256")]) {
            let pem = SigningKey::generate_pem(algorithm).unwrap();
            write(name, pem.expose());
            keys.insert(name, SigningKey::from_pem(pem).unwrap().key_id(name).public_jwk());
        }

        let authority = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = params.self_signed(&authority).unwrap().pem();
        let authority = Issuer::new(params, authority);
        let named = |name: &str, hosts: &[&str]| {
            let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
            let mut params = CertificateParams::new(hosts).unwrap();
            params.distinguished_name = DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, name);
            (params, KeyPair::generate().unwrap())
        };
        let (params, server_key) = named("localhost", &["localhost"]);
        let server = params.signed_by(&server_key, &authority).unwrap().pem();
        let (params, key) = named("vouchsafe-mtls", &[]);
        let certificate = params.signed_by(&key, &authority).unwrap().pem();
        write("client.pem", &format!("{certificate}{}", key.serialize_pem()));
        let (params, key) = named("vouchsafe-self-signed", &[]);
        let own = params.self_signed(&key).unwrap();
        write("self-signed.pem", &format!("{}{}", own.pem(), key.serialize_pem()));
        write("ca.pem", &ca);
        let mut self_signed = SigningKey::from_pem(key.serialize_pem()).unwrap().public_jwk();
        self_signed["x5c"] = json!([STANDARD.encode(own.der())]);

        let certificate =
            json!({"key": server_key.serialize_pem(), "cert": server, "ca": ca, "selfSigned": self_signed});
        Given { public: json!({"keys": keys, "certificate": certificate}), folder }
    })
}
