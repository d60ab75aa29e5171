//! Clients with a certificate, RFC 8705.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig as TlsConfig, RootCertStore};
use url::Url;
use url::form_urlencoded::Serializer;
use vouchsafe_sandbox::{ClientConfig, Sandbox, SandboxBuilder};

use crate::scenario::{Reply, Scenario, claims};
use crate::signer::{Key, borrowed, hash, proof_claims, said};

const ID: &str = "bank";

/// A certificate that its owner has signed.
struct Certificate {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Certificate {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.distinguished_name.push(DnType::OrganizationName, "Example");
        Self { certificate: params.self_signed(&key).unwrap(), key }
    }

    fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(aws_lc_rs_digest(self.certificate.der()))
    }
}

fn aws_lc_rs_digest(bytes: &[u8]) -> Vec<u8> {
    ::aws_lc_rs::digest::digest(&::aws_lc_rs::digest::SHA256, bytes).as_ref().to_vec()
}

/// A request to an alias, with or without a certificate.
async fn send(
    scenario: &Scenario,
    certificate: Option<&Certificate>,
    path: &str,
    headers: &[(&str, &str)],
    form: Option<&[(&str, &str)]>,
) -> Reply {
    let mut roots = RootCertStore::empty();
    let authority = scenario.sandbox.mtls_authority().unwrap();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
    let builder = TlsConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match certificate {
        Some(own) => {
            let key = PrivateKeyDer::Pkcs8(own.key.serialize_der().into());
            builder.with_client_auth_cert(vec![own.certificate.der().clone()], key).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    let metadata = scenario.get("/.well-known/openid-configuration").await.json();
    let alias = metadata["mtls_endpoint_aliases"]["token_endpoint"].as_str().unwrap().to_owned();
    let port = Url::parse(&alias).unwrap().port().unwrap();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    let method = if form.is_some() { "POST" } else { "GET" };
    let body = Serializer::new(String::new()).extend_pairs(form.unwrap_or_default()).finish();
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!(
        "content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ));
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A server that closes without a goodbye has sent everything before.
    let _ = stream.read_to_end(&mut answer).await;
    Reply::parse(&String::from_utf8(answer).unwrap())
}

async fn bank(client: ClientConfig, change: fn(SandboxBuilder) -> SandboxBuilder) -> Scenario {
    Scenario::with(change(Sandbox::builder().client(client).mtls())).await
}

fn with_id<'a>(form: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [form, &[("client_id", ID)]].concat()
}

#[tokio::test]
async fn registered_certificate_authenticates_and_binds_the_tokens_rfc8705_2_2_and_3() {
    let own = Certificate::new("bank");
    let client =
        ClientConfig::public(ID).certificate(own.certificate.pem()).certificate_bound_access_tokens();
    let scenario = bank(client, |builder| builder.jwt_access_tokens("https://api.example")).await;
    let request = scenario.request_of(ID, &[]);
    let pushed = send(&scenario, Some(&own), "/par", &[], Some(&borrowed(&request))).await;
    assert_eq!(pushed.status, 201, "{}", pushed.body);
    let uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    let code = scenario.code_at(&scenario.referring_url(ID, "request_uri", &uri)).await;
    let tokens =
        send(&scenario, Some(&own), "/token", &[], Some(&with_id(&Scenario::redemption(&code)))).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    let tokens = tokens.json();
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(claims(&tokens["access_token"])["cnf"], json!({ "x5t#S256": own.thumbprint() }));
    let token = tokens["access_token"].as_str().unwrap();
    let told =
        send(&scenario, Some(&own), "/introspect", &[], Some(&with_id(&[("token", token)]))).await.json();
    assert_eq!(told["cnf"]["x5t#S256"], own.thumbprint());
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    for path in ["/userinfo", "/resource"] {
        let good = send(&scenario, Some(&own), path, &headers, None).await;
        assert_eq!(good.status, 200, "{path}: {}", good.body);
        let other = Certificate::new("bank");
        let stolen = send(&scenario, Some(&other), path, &headers, None).await;
        assert!(stolen.status == 401 && said(&stolen).contains("RFC 8705 section 3"), "{}", stolen.body);
        let plain = scenario.send("GET", path, &headers, None).await;
        assert!(plain.status == 401 && said(&plain).contains("RFC 8705 section 3"), "{}", plain.body);
    }
    let form = [("token", token)];
    assert_eq!(send(&scenario, Some(&own), "/revoke", &[], Some(&with_id(&form))).await.status, 200);
}

#[tokio::test]
async fn another_certificate_or_none_does_not_authenticate() {
    let own = Certificate::new("bank");
    let scenario = bank(ClientConfig::public(ID).certificate(own.certificate.pem()), |builder| builder).await;
    let form = with_id(&[("token", "x")]);
    let other = send(&scenario, Some(&Certificate::new("bank")), "/introspect", &[], Some(&form)).await;
    assert!(other.status == 401 && said(&other).contains("not the registered one"), "{}", other.body);
    let plain = scenario.post_bare("/introspect", &form).await;
    assert!(plain.status == 401 && said(&plain).contains("no certificate"), "{}", plain.body);
    let bare = send(&scenario, None, "/introspect", &[], Some(&form)).await;
    assert!(bare.status == 400 && said(&bare).contains("RFC 8705 section 5"), "{}", bare.body);
    assert_eq!(send(&scenario, Some(&own), "/introspect", &[], Some(&form)).await.status, 200);
}

#[tokio::test]
async fn subject_of_the_certificate_authenticates_rfc8705_2_1() {
    let client = ClientConfig::public(ID).tls_client_auth_subject_dn("O=Example, CN=bank");
    let scenario = bank(client, |builder| builder).await;
    let form = with_id(&[("token", "x")]);
    let good = send(&scenario, Some(&Certificate::new("bank")), "/introspect", &[], Some(&form)).await;
    assert_eq!(good.status, 200, "{}", good.body);
    let other = send(&scenario, Some(&Certificate::new("thief")), "/introspect", &[], Some(&form)).await;
    assert!(other.status == 401 && said(&other).contains("another subject"), "{}", other.body);
    scenario.post_bare("/introspect", &form).await.assert_error(401, "invalid_client");
}

#[tokio::test]
async fn bound_tokens_need_a_certificate_at_the_token_endpoint() {
    let client = ClientConfig::confidential(ID, "secret").certificate_bound_access_tokens();
    let scenario = bank(client, |builder| builder).await;
    let code = scenario.code(&[("client_id", ID)]).await;
    let redemption = Scenario::redemption(&code);
    let form = [&with_id(&redemption)[..], &[("client_secret", "secret")]].concat();
    scenario.post_bare("/token", &form).await.assert_error(400, "invalid_request");
    let own = Certificate::new("any");
    assert_eq!(send(&scenario, Some(&own), "/token", &[], Some(&form)).await.status, 200);
}

#[tokio::test]
async fn certificate_and_proof_go_together_and_the_profile_accepts_both() {
    let own = Certificate::new("bank");
    let key = Key::new("ES256");
    let client = || ClientConfig::public(ID).certificate(own.certificate.pem());
    let scenario = bank(client(), SandboxBuilder::fapi2).await;
    let code = code(&scenario, &own).await;
    let metadata = scenario.get("/.well-known/openid-configuration").await.json();
    let alias = &metadata["mtls_endpoint_aliases"]["token_endpoint"];
    let mut claims = proof_claims(&scenario, "POST", "/token");
    let redemption = Scenario::redemption(&code);
    let form = with_id(&redemption);
    let plain_url = key.proof(&claims);
    let refused = send(&scenario, Some(&own), "/token", &[("dpop", &plain_url)], Some(&form)).await;
    assert!(said(&refused).contains("htu"), "htu is the URL of the request: {}", refused.body);
    claims["htu"] = alias.clone();
    claims["jti"] = "another".into();
    let tokens = send(&scenario, Some(&own), "/token", &[("dpop", &key.proof(&claims))], Some(&form)).await;
    assert_eq!(tokens.json()["token_type"], "DPoP", "{}", tokens.body);
    // The token is bound to the key alone: it is used at the plain address.
    let token = tokens.json()["access_token"].as_str().unwrap().to_owned();
    let mut claims = proof_claims(&scenario, "GET", "/resource");
    claims["ath"] = hash(&token).into();
    let (authorization, proof) = (format!("DPoP {token}"), key.proof(&claims));
    let headers = [("authorization", authorization.as_str()), ("dpop", &proof)];
    assert_eq!(scenario.send("GET", "/resource", &headers, None).await.status, 200);
    // And by the certificate alone.
    let scenario = bank(client().certificate_bound_access_tokens(), SandboxBuilder::fapi2).await;
    let code = self::code(&scenario, &own).await;
    let redemption = Scenario::redemption(&code);
    assert_eq!(send(&scenario, Some(&own), "/token", &[], Some(&with_id(&redemption))).await.status, 200);
}

async fn code(scenario: &Scenario, own: &Certificate) -> String {
    let request = scenario.request_of(ID, &[]);
    let pushed = send(scenario, Some(own), "/par", &[], Some(&borrowed(&request))).await;
    assert_eq!(pushed.status, 201, "{}", pushed.body);
    let uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    scenario.code_at(&scenario.referring_url(ID, "request_uri", &uri)).await
}

#[tokio::test]
async fn aliases_and_methods_are_announced_only_with_the_listener_rfc8705_5() {
    let scenario = Scenario::with(Sandbox::builder().mtls()).await;
    let metadata = scenario.get("/.well-known/openid-configuration").await.json();
    assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], true);
    let aliases = metadata["mtls_endpoint_aliases"].as_object().unwrap();
    for name in [
        "token_endpoint",
        "pushed_authorization_request_endpoint",
        "userinfo_endpoint",
        "revocation_endpoint",
        "introspection_endpoint",
    ] {
        assert!(aliases[name].as_str().unwrap().starts_with("https://127.0.0.1:"), "{name}");
    }
    let methods = metadata["token_endpoint_auth_methods_supported"].as_array().unwrap();
    assert!(
        methods.contains(&json!("tls_client_auth"))
            && methods.contains(&json!("self_signed_tls_client_auth"))
    );
    let plain = Scenario::new().await;
    let metadata = plain.get("/.well-known/openid-configuration").await.json();
    assert_eq!(metadata.get("mtls_endpoint_aliases"), None::<&Value>);
    assert_eq!(plain.sandbox.mtls_authority(), None);
}
