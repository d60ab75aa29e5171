//! Authorization requests in a request object, RFC 9101.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::cipher::{AES_128, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rsa::{
    OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey, PublicKeyComponents,
};
use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use vouchsafe_sandbox::{ClientConfig, PersonError, Sandbox};

use crate::scenario::{Scenario, query_value};
use crate::signer::{Key, borrowed, now, said, signed, unique};

const ID: &str = "bank";

fn bank(key: &Key) -> ClientConfig {
    ClientConfig::public(ID).jwks(key.jwks())
}

/// The claims of a good request object.
fn claims(scenario: &Scenario) -> Value {
    let params = scenario.request_of(ID, &[]);
    let params = params.into_iter().map(|(name, value)| (name, Value::from(value)));
    let mut claims = Value::Object(params.collect::<Map<_, _>>());
    for (name, value) in [
        ("iss", json!(ID)),
        ("aud", json!(scenario.sandbox.issuer())),
        ("nbf", json!(now())),
        ("exp", json!(now() + 60)),
        ("jti", json!(unique())),
    ] {
        claims[name] = value;
    }
    claims
}

fn object(key: &Key, claims: &Value) -> String {
    let mut header = key.header();
    header["typ"] = "oauth-authz-req+jwt".into();
    key.sign(&header, claims)
}

/// The error with which the browser comes back, and its description.
async fn refusal(scenario: &Scenario, object: &str) -> (String, String) {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(scenario.request_of(ID, &[]))
        .append_pair("request", object)
        .finish();
    let url = format!("{}/authorize?{query}", scenario.sandbox.issuer());
    let callback = scenario.person().allow(&url).await.unwrap();
    let value = |name| query_value(&callback, name).unwrap_or_else(|| panic!("{callback}"));
    (value("error"), value("error_description"))
}

#[tokio::test]
async fn parameters_come_from_the_object_alone_rfc9101_5() {
    let key = Key::new("ES256");
    let scenario = Scenario::with(Sandbox::builder().client(bank(&key))).await;
    let mut claims = claims(&scenario);
    claims["max_age"] = json!(600);
    claims["claims"] = json!({ "userinfo": { "email": null } });
    let url = scenario.referring_url(ID, "request", &object(&key, &claims));
    let callback = scenario.person().allow(&url).await.unwrap();
    assert_eq!(query_value(&callback, "state").unwrap(), "the state");
    let code = query_value(&callback, "code").unwrap();
    let tokens = scenario.post_signed(&key, ID, "/token", &Scenario::redemption(&code)).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    // Section 6.3: a parameter outside that is not inside does not count.
    let outside = format!("{url}&prompt=none");
    assert!(query_value(&scenario.person().allow(&outside).await.unwrap(), "code").is_some());
}

#[tokio::test]
async fn each_mistake_in_an_object_is_named() {
    let key = Key::new("ES256");
    let scenario = Scenario::with(Sandbox::builder().client(bank(&key))).await;
    for (name, value, named) in [
        ("iss", json!("other"), "iss"),
        ("iss", Value::Null, "iss"),
        ("aud", json!("https://elsewhere.example"), "aud"),
        ("aud", Value::Null, "aud"),
        ("exp", json!(now() - 1), "expired"),
        ("nbf", json!(now() + 120), "not valid yet"),
        ("exp", json!("soon"), "exp is not a time"),
        ("client_id", json!("other"), "client_id"),
        ("request_uri", json!("https://a.example"), "RFC 9101 section 4"),
        ("state", json!("another"), "state differs"),
    ] {
        let mut claims = claims(&scenario);
        claims[name] = value;
        let (error, said) = refusal(&scenario, &object(&key, &claims)).await;
        assert_eq!(error, "invalid_request_object", "{name}");
        assert!(said.contains(named), "{name}: {said}");
    }
    let claims = claims(&scenario);
    let other = Key::new("ES256");
    let mut typed = key.header();
    typed["typ"] = "at+jwt".into();
    for (object, named) in [
        (other.sign(&key.header(), &claims), "signature"),
        (key.sign(&typed, &claims), "oauth-authz-req+jwt"),
        (signed(&json!({ "alg": "none" }), &claims, |_| vec![]), "not signed"),
        ("nonsense".to_owned(), "three parts"),
        ("a.b.c.d.e".to_owned(), "no key for that"),
    ] {
        let (error, said) = refusal(&scenario, &object).await;
        assert_eq!(error, "invalid_request_object", "{named}");
        assert!(said.contains(named), "{named}: {said}");
    }
    // Without a redirect URI that is good by itself, the browser stays here.
    let url = scenario.referring_url(ID, "request", "nonsense");
    let refused = scenario.person().allow(&url).await.unwrap_err();
    assert!(matches!(refused, PersonError::Refused { status: 400, .. }), "{refused:?}");
}

#[tokio::test]
async fn unsigned_object_is_for_a_client_that_is_registered_for_it_rfc9101_10_5() {
    let client = ClientConfig::confidential(ID, "secret").request_object_signing_alg("none");
    let scenario = Scenario::with(Sandbox::builder().client(client)).await;
    let claims = claims(&scenario);
    let unsigned = signed(&json!({ "alg": "none" }), &claims, |_| vec![]);
    scenario.code_at(&scenario.referring_url(ID, "request", &unsigned)).await;
    let with_signature = signed(&json!({ "alg": "none" }), &claims, |_| vec![1]);
    assert_eq!(refusal(&scenario, &with_signature).await.0, "invalid_request_object");
    let (_, said) = refusal(&scenario, &object(&Key::new("ES256"), &claims)).await;
    assert!(said.contains("registered for another one"), "{said}");
}

#[tokio::test]
async fn signed_requests_are_required_where_the_registration_or_the_server_says_so_rfc9101_10_5() {
    let key = Key::new("ES256");
    let one = Sandbox::builder().client(bank(&key).require_signed_request_object());
    let all = Sandbox::builder().client(bank(&key)).require_signed_request_object();
    for (builder, is_for_all) in [(one, false), (all, true)] {
        let scenario = Scenario::with(builder).await;
        let metadata = scenario.get("/.well-known/openid-configuration").await.json();
        assert_eq!(metadata["require_signed_request_object"], is_for_all);
        let plain = scenario.authorization_url(&[("client_id", ID)]);
        let callback = scenario.person().allow(&plain).await.unwrap();
        assert!(query_value(&callback, "error_description").unwrap().contains("RFC 9101 section 10.5"));
        let signed = object(&key, &claims(&scenario));
        scenario.code_at(&scenario.referring_url(ID, "request", &signed)).await;
        // And pushed.
        let form = scenario.request_of(ID, &[]);
        let refused = scenario.post_signed(&key, ID, "/par", &borrowed(&form)).await;
        refused.assert_error(400, "invalid_request");
        let signed = object(&key, &claims(&scenario));
        let pushed = scenario.post_signed(&key, ID, "/par", &[("request", &signed)]).await;
        assert_eq!(pushed.status, 201, "{}", pushed.body);
        let uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
        scenario.code_at(&scenario.referring_url(ID, "request_uri", &uri)).await;
        let differs = [("request", signed.as_str()), ("state", "other")];
        let refused = scenario.post_signed(&key, ID, "/par", &differs).await;
        refused.assert_error(400, "invalid_request_object");
        assert!(said(&refused).contains("state differs"));
    }
}

/// Serves this text to everybody.
async fn serve(text: String, status: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/request", listener.local_addr().unwrap());
    let text = Arc::new(text);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let text = text.clone();
            tokio::spawn(async move {
                let mut request = vec![0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n{text}").as_bytes()).await;
            });
        }
    });
    url
}

#[tokio::test]
async fn object_is_fetched_from_a_registered_uri_only_rfc9101_5_2() {
    let key = Key::new("ES256");
    // The port of the client is known only later.
    let client = bank(&key).request_uri("http://127.0.0.1/request");
    let scenario = Scenario::with(Sandbox::builder().client(client)).await;
    let served = serve(object(&key, &claims(&scenario)), "200 OK").await;
    let missing = serve(String::new(), "404 Not Found").await;
    let url = |uri: &str| scenario.referring_url(ID, "request_uri", uri);
    scenario.code_at(&url(&served)).await;
    scenario.code_at(&url(&format!("{served}#hash"))).await;
    for (uri, named) in [(missing.as_str(), "404"), ("http://127.0.0.1:1/other", "registered request_uris")] {
        let refused = scenario.person().allow(&url(uri)).await.unwrap_err();
        let PersonError::Refused { status: 400, message } = refused else { panic!("{refused:?}") };
        assert!(message.contains(named), "{message}");
    }
    let base = served.trim_end_matches("request").to_owned();
    let below = Scenario::with(Sandbox::builder().client(bank(&key).request_uri(base))).await;
    let served = serve(object(&key, &claims(&below)), "200 OK").await;
    let refused = below.person().allow(&below.referring_url(ID, "request_uri", &served)).await;
    assert!(refused.is_err(), "it is below another port");
    let both = format!("{}&request=x", url(&served));
    assert!(scenario.person().allow(&both).await.is_err());
}

/// Encrypts to the sandbox's key of this type.
async fn encrypted(scenario: &Scenario, text: &str, alg: &str, enc: &str) -> String {
    let set = scenario.get("/jwks").await.json();
    let keys = set["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["use"] == "enc" && key["alg"] == alg).unwrap();
    let decode = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let length = if enc == "A128GCM" { 16 } else { 32 };
    let mut cek = vec![0; length];
    let mut header = json!({ "alg": alg, "enc": enc, "cty": "JWT" });
    let mut encrypted_key = Vec::new();
    if alg == "RSA-OAEP-256" {
        rand::fill(&mut cek).unwrap();
        let der: PublicKeyX509Der<'_> =
            PublicKeyComponents { n: decode("n"), e: decode("e") }.as_der().unwrap();
        let public =
            OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(der.as_ref()).unwrap()).unwrap();
        encrypted_key = vec![0; public.ciphertext_size()];
        public.encrypt(&OAEP_SHA256_MGF1SHA256, &cek, &mut encrypted_key, None).unwrap();
    } else {
        let own = PrivateKey::generate(&ECDH_P256).unwrap();
        let public = own.compute_public_key().unwrap();
        let (x, y) = public.as_ref()[1..].split_at(32);
        header["epk"] = json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y) });
        let point = [vec![4], decode("x"), decode("y")].concat();
        let length = |n: usize| u32::try_from(n).unwrap().to_be_bytes();
        let info =
            [&length(enc.len())[..], enc.as_bytes(), &length(0), &length(0), &length(cek.len() * 8)].concat();
        cek = agree(&own, UnparsedPublicKey::new(&ECDH_P256, point), (), |secret| {
            let text = [&[0, 0, 0, 1][..], secret, &info].concat();
            Ok(digest(&SHA256, &text).as_ref()[..cek.len()].to_vec())
        })
        .unwrap();
    }
    let protected = encode(header.to_string().as_bytes());
    let (iv, ciphertext, tag);
    if enc == "A128CBC-HS256" {
        let (mac_key, key) = cek.split_at(16);
        let key = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_128, key).unwrap()).unwrap();
        let mut sealed = text.as_bytes().to_vec();
        let vector = [7; 16];
        key.less_safe_encrypt(&mut sealed, EncryptionContext::Iv128(FixedLength::from(vector))).unwrap();
        let bits = (u64::try_from(protected.len()).unwrap() * 8).to_be_bytes();
        let input = [protected.as_bytes(), &vector, &sealed, &bits].concat();
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, mac_key), &input);
        (iv, ciphertext, tag) = (vector.to_vec(), sealed, mac.as_ref()[..16].to_vec());
    } else {
        let algorithm = if cek.len() == 16 { &AES_128_GCM } else { &AES_256_GCM };
        let key = LessSafeKey::new(UnboundKey::new(algorithm, &cek).unwrap());
        let mut sealed = text.as_bytes().to_vec();
        let nonce = Nonce::assume_unique_for_key([7; 12]);
        let mark =
            key.seal_in_place_separate_tag(nonce, Aad::from(protected.as_bytes()), &mut sealed).unwrap();
        (iv, ciphertext, tag) = (vec![7; 12], sealed, mark.as_ref().to_vec());
    }
    format!("{protected}.{}.{}.{}.{}", encode(&encrypted_key), encode(&iv), encode(&ciphertext), encode(&tag))
}

#[tokio::test]
async fn object_may_be_encrypted_to_the_sandbox_rfc9101_6_1() {
    let key = Key::new("ES256");
    let scenario = Scenario::with(Sandbox::builder().client(bank(&key)).encrypted_request_objects()).await;
    for (alg, enc) in [
        ("RSA-OAEP-256", "A128GCM"),
        ("RSA-OAEP-256", "A256GCM"),
        ("RSA-OAEP-256", "A128CBC-HS256"),
        ("ECDH-ES", "A128GCM"),
        ("ECDH-ES", "A256GCM"),
        ("ECDH-ES", "A128CBC-HS256"),
    ] {
        let jwe = encrypted(&scenario, &object(&key, &claims(&scenario)), alg, enc).await;
        scenario.code_at(&scenario.referring_url(ID, "request", &jwe)).await;
        let mut damaged = jwe.clone().into_bytes();
        let dot = jwe.rfind('.').unwrap() - 10;
        damaged[dot] = if damaged[dot] == b'A' { b'B' } else { b'A' };
        let (error, said) = refusal(&scenario, &String::from_utf8(damaged).unwrap()).await;
        assert_eq!(error, "invalid_request_object", "{alg} {enc}");
        assert!(said.contains("cannot be decrypted"), "{alg} {enc}: {said}");
    }
    // It has to be signed inside.
    let unsigned = signed(&json!({ "alg": "none" }), &claims(&scenario), |_| vec![]);
    let jwe = encrypted(&scenario, &unsigned, "ECDH-ES", "A128GCM").await;
    assert!(refusal(&scenario, &jwe).await.1.contains("not signed"));
    let metadata = scenario.get("/.well-known/openid-configuration").await.json();
    assert_eq!(
        metadata["request_object_encryption_alg_values_supported"],
        json!(["RSA-OAEP-256", "ECDH-ES"])
    );
}

#[tokio::test]
async fn client_without_keys_cannot_send_an_object() {
    let scenario = Scenario::new().await;
    for (name, value, error) in [
        ("request", "e30.e30.AA", "request_not_supported"),
        ("request_uri", "https://a.example/", "request_uri_not_supported"),
    ] {
        let callback = scenario.person().allow(&scenario.authorization_url(&[(name, value)])).await.unwrap();
        assert_eq!(query_value(&callback, "error").as_deref(), Some(error));
    }
}
