//! The examples of the RFCs, tokens that another implementation encrypted, and tokens that are not what they seem.
use aws_lc_rs::rand as random;
use serde_json::json;

use super::super::tests::word;
use super::*;
use crate::text::json::Value;

/// RFC 7520 sections 5.4 and 5.5.
const FRODO: &str = "You can trust us to stick with you through thick and thin\u{2013}to the bitter end. And you can trust us to keep any \
    secret of yours\u{2013}closer than you keep it yourself. But you cannot trust us to let you face trouble alone, and go off \
    without a word. We are your friends, Frodo.";
const PEREGRIN: &str = r#"{"kty":"EC","kid":"peregrin.took@tuckborough.example","use":"enc","crv":"P-384",
    "x":"YU4rRUzdmVqmRtWOs2OpDE_T5fsNIodcG8G5FWPrTPMyxpzsSOGaQLpe2FpxBmu2",
    "y":"A8-yxCHxkfBz3hKZfI1jUYMjUhsEveZ9THuwFjH2sCNdtksRJU7D5-SkgaFL1ETP",
    "d":"iTx2pk7wW-GqJkHcEkFQb2EFyYcO7RugmaW3mRrQVAOUiPommT0IdnYK2xDlZh-j"}"#;
const TO_PEREGRIN: &str = "eyJhbGciOiJFQ0RILUVTK0ExMjhLVyIsImtpZCI6InBlcmVncmluLnRvb2tAdHVja2Jvcm91Z2guZXhhbXBsZSIsImVwayI6eyJrdHki\
    OiJFQyIsImNydiI6IlAtMzg0IiwieCI6InVCbzRrSFB3Nmtiang1bDB4b3dyZF9vWXpCbWF6LUdLRlp1NHhBRkZrYllpV2d1dEVLNml1RURzUTZ3TmROZzMiLCJ5\
    Ijoic3AzcDVTR2haVkMyZmFYdW1JLWU5SlUyTW84S3BvWXJGRHI1eVBOVnRXNFBnRXdaT3lRVEEtSmRhWTh0YjdFMCJ9LCJlbmMiOiJBMTI4R0NNIn0.\
    0DJjBXri_kBcC46IkU5_Jk9BqaQeHdv2.mH-G2zVqgztUtnW_.\
    tkZuOO9h95OgHJmkkrfLBisku8rGf6nzVxhRM3sVOhXgz5NJ76oID7lpnAi_cPWJRCjSpAaUZ5dOR3Spy7QuEkmKx8-3RCMhSYMzsXaEwDdXta9Mn5B7cCBoJKB0\
    IgEnj_qfo1hIi-uEkUpOZ8aLTZGHfpl05jMwbKkTe2yK3mjF6SBAsgicQDVCkcY9BLluzx1RmC3ORXaM0JaHPB93YcdSDGgpgBWMVrNU1ErkjcMqMoT_wtCex3w0\
    3XdLkjXIuEr2hWgeP-nkUZTPU9EoGSPj6fAS-bSz87RCPrxZdj_iVyC6QWcqAu07WNhjzJEPc4jVntRJ6K53NgPQ5p99l3Z408OUqj4ioYezbS6vTPlQ.\
    WuGzxmcreYjpHGJoa17EBg";
const MERIADOC: &str = r#"{"kty":"EC","kid":"meriadoc.brandybuck@buckland.example","use":"enc","crv":"P-256",
    "x":"Ze2loSV3wrroKUN_4zhwGhCqo3Xhu1td4QjeQ5wIVR0","y":"HlLtdXARY_f55A3fnzQbPcm6hgr34Mp8p-nuzQCE0Zw",
    "d":"r_kHyZ-a06rmxM3yESK84r1otSg-aQcVStkRhA-iCM8"}"#;
const TO_MERIADOC: &str = "eyJhbGciOiJFQ0RILUVTIiwia2lkIjoibWVyaWFkb2MuYnJhbmR5YnVja0BidWNrbGFuZC5leGFtcGxlIiwiZXBrIjp7Imt0eSI6IkVD\
    IiwiY3J2IjoiUC0yNTYiLCJ4IjoibVBVS1RfYkFXR0hJaGcwVHBqanFWc1AxclhXUXVfdndWT0hIdE5rZFlvQSIsInkiOiI4QlFBc0ltR2VBUzQ2ZnlXdzVNaFlm\
    R1RUMElqQnBGdzJTUzM0RHY0SXJzIn0sImVuYyI6IkExMjhDQkMtSFMyNTYifQ..yc9N8v5sYyv3iGQT926IUg.\
    BoDlwPnTypYq-ivjmQvAYJLb5Q6l-F3LIgQomlz87yW4OPKbWE1zSTEFjDfhU9IPIOSA9Bml4m7iDFwA-1ZXvHteLDtw4R1XRGMEsDIqAYtskTTmzmzNa-_q4F_e\
    vAPUmwlO-ZG45Mnq4uhM1fm_D9rBtWolqZSF3xGNNkpOMQKF1Cl8i8wjzRli7-IXgyirlKQsbhhqRzkv8IcY6aHl24j03C-AR2le1r7URUhArM79BY8soZU0lzwI\
    -sD5PZ3l4NDCCei9XkoIAfsXJWmySPoeRb2Ni5UZL4mYpvKDiwmyzGd65KqVw7MsFfI_K767G9C9Azp73gKZD0DyUn1mn0WW5LmyX_yJ-3AROq8p1WZBfG-ZyJ61\
    95_JGG2m9Csg.WCCkNa-x4BeB9hIDIfFuhg";

fn key(jwk: &str) -> DecryptionKey {
    DecryptionKey::from_jwk(jwk).unwrap()
}

/// Tokens with the text `a.b.c`, and their keys in both forms, made by `jose` 6 for Node.
fn vectors() -> Vec<Value> {
    serde_json::from_str(include_str!("vectors.json")).unwrap()
}

/// Decrypts with those keys alone.
fn open(token: &str, keys: &[DecryptionKey]) -> Result<String, &'static str> {
    let opened = Encrypted { keys, registered: None }.open(token).map_err(|error| word(&error))?;
    Ok(opened.expect("it is encrypted").expose().to_owned())
}

/// The token with another header.
fn with_header(token: &str, change: impl FnOnce(&mut Value)) -> String {
    let (header, rest) = token.split_once('.').unwrap();
    let mut header: Value = serde_json::from_str(&decode_text(header).unwrap()).unwrap();
    change(&mut header);
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

/// The token with one bit of a part changed.
fn flipped(token: &str, part: usize) -> String {
    let mut parts: Vec<_> = token.split('.').map(|part| decode(part).unwrap()).collect();
    match parts[part].last_mut() {
        Some(last) => *last ^= 1,
        None => parts[part].push(7),
    }
    parts.iter().map(|part| URL_SAFE_NO_PAD.encode(part)).collect::<Vec<_>>().join(".")
}

#[test]
fn the_examples_of_rfc_7520_are_decrypted() {
    // Section 5.4: ECDH-ES+A128KW with A128GCM; section 5.5: ECDH-ES with A128CBC-HS256.
    assert_eq!(open(TO_PEREGRIN, &[key(PEREGRIN)]).as_deref(), Ok(FRODO));
    assert_eq!(open(TO_MERIADOC, &[key(MERIADOC)]).as_deref(), Ok(FRODO));
    // Several keys, of which one has the id, or none has one.
    assert_eq!(open(TO_MERIADOC, &[key(PEREGRIN), key(MERIADOC)]).as_deref(), Ok(FRODO));
    let unnamed = |jwk: &str| key(&jwk.replace("\"kid\"", "\"x-kid\""));
    assert_eq!(open(TO_PEREGRIN, &[unnamed(MERIADOC), unnamed(PEREGRIN)]).as_deref(), Ok(FRODO));
}

#[test]
fn the_agreed_key_is_that_of_rfc_7518_appendix_c() {
    // RFC 7518 §4.6.2.
    let bob = r#"{"kty":"EC","crv":"P-256","x":"weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ",
        "y":"e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck","d":"VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"}"#;
    let alice = json!({"kty": "EC", "crv": "P-256", "x": "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0",
        "y": "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"});
    let bob = key(bob);
    let Material::Agreement(curve, bob) = &*bob.material else { panic!("an EC key") };
    let context = Encryption::from_names("ECDH-ES", "A128GCM").unwrap().context(b"Alice", b"Bob");
    let agreed = agree(bob, &curve.point(&alice).unwrap(), &context).unwrap();
    assert_eq!(URL_SAFE_NO_PAD.encode(agreed), "VqqN6vgjbSBcIijNcacQGg");
}

#[test]
fn tokens_of_another_implementation_are_decrypted_with_a_jwk_and_with_a_pem() {
    for vector in vectors() {
        let text = |name: &str| vector[name].as_str().unwrap();
        let name = format!("{} {}", text("alg"), text("enc"));
        let keys = [key(&vector["jwk"].to_string()), DecryptionKey::from_pem(text("pem")).unwrap()];
        for key in keys {
            assert_eq!(open(text("jwe"), &[key]).as_deref(), Ok("a.b.c"), "{name}");
        }
    }
}

#[test]
fn each_algorithm_encrypts_for_each_key_that_it_fits() {
    let mut done = 0;
    for vector in vectors() {
        let own = key(&vector["jwk"].to_string());
        let mut public = vector["jwk"].clone();
        public["use"] = json!("enc");
        let recipient = EncryptionKey::read(&public).unwrap();
        for (alg, enc) in
            KeyManagement::names().flat_map(|alg| ContentEncryption::names().map(move |enc| (alg, enc)))
        {
            let encryption = Encryption::from_names(alg, enc).unwrap();
            let sealed = encrypt("a.b.c", &recipient, encryption, &random::SystemRandom::new());
            assert_eq!(sealed.is_ok(), own.does(encryption.alg), "{alg} {enc}");
            if let Ok(sealed) = sealed {
                let registered = Some(encryption);
                let opened =
                    Encrypted { keys: std::slice::from_ref(&own), registered }.open(&sealed).unwrap();
                assert_eq!(opened.unwrap().expose(), "a.b.c", "{alg} {enc}");
                done += 1;
            }
        }
    }
    assert_eq!(done, 2 * 4 + 5 * 12);
}

#[test]
fn whatever_is_wrong_with_a_key_or_the_content_the_error_is_one_and_the_same() {
    // RFC 7516 §5.2.
    // RFC 7516 §11.5.
    let mut messages = std::collections::BTreeSet::new();
    let mut refuse = |token: &str, keys: &[DecryptionKey], what: &str| {
        let error = Encrypted { keys, registered: None }.open(token).map(|_| ()).unwrap_err();
        assert_eq!(word(&error), "decryption", "{what}");
        messages.insert(error.to_string());
    };
    for vector in vectors() {
        let (own, jwe) = (key(&vector["jwk"].to_string()), vector["jwe"].as_str().unwrap());
        for part in 1..5 {
            refuse(&flipped(jwe, part), std::slice::from_ref(&own), &format!("part {part}"));
        }
        // The header is authenticated.
        refuse(&with_header(jwe, |header| header["x"] = 1.into()), &[own], "header");
    }
    let short = |part: usize| {
        let mut parts: Vec<_> = TO_PEREGRIN.split('.').collect();
        parts[part] = "AAAA";
        parts.join(".")
    };
    for part in 1..5 {
        refuse(&short(part), &[key(PEREGRIN)], "a short part");
    }
    // Another key, of the same id and of another curve.
    let named = key(MERIADOC).key_id("peregrin.took@tuckborough.example");
    refuse(TO_PEREGRIN, &[named], "another curve");
    refuse(TO_PEREGRIN, &[key(MERIADOC)], "another id");
    assert_eq!(messages.len(), 1, "{messages:?}");
}

#[test]
fn a_point_that_is_on_no_curve_or_of_small_order_agrees_on_nothing() {
    // RFC 8725 §3.4.
    let off_curve = |header: &mut Value| header["epk"]["y"] = header["epk"]["x"].clone();
    assert_eq!(open(&with_header(TO_MERIADOC, off_curve), &[key(MERIADOC)]), Err("decryption"));
    let without = |header: &mut Value| drop(header.as_object_mut().unwrap().remove("epk"));
    assert_eq!(open(&with_header(TO_MERIADOC, without), &[key(MERIADOC)]), Err("decryption"));
    let other_curve = |header: &mut Value| header["epk"]["crv"] = "P-384".into();
    assert_eq!(open(&with_header(TO_MERIADOC, other_curve), &[key(MERIADOC)]), Err("decryption"));
    // With the point zero, anybody knows the agreed key (RFC 7748 §6.1).
    let x25519 = vectors().into_iter().find(|vector| vector["jwk"]["crv"] == "X25519").unwrap();
    let own = key(&x25519["jwk"].to_string());
    let Material::Agreement(_, private) = &*own.material else { panic!("an X25519 key") };
    let context = Encryption::from_names("ECDH-ES", "A256GCM").unwrap().context(&[], &[]);
    assert!(agree(private, &[0; 32], &context).is_err());
}

#[test]
fn a_key_that_could_not_be_decrypted_is_not_taken_for_zeros() {
    // RFC 7516 §11.5.
    // Whoever knows the replacement for a key that does not decrypt must not be able to encrypt with it.
    let rsa = vectors().into_iter().find(|vector| vector["alg"] == "RSA-OAEP-256").unwrap();
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RSA-OAEP-256","enc":"A256GCM"}"#);
    let enc = ContentEncryption::from_name("A256GCM").unwrap();
    let [iv, text, tag] = enc.seal(&[0; 32], &header, b"a.b.c", &random::SystemRandom::new()).unwrap();
    let parts = [vec![1; 256], iv, text, tag].map(|part| URL_SAFE_NO_PAD.encode(part));
    let forged = format!("{header}.{}", parts.join("."));
    assert_eq!(open(&forged, &[key(&rsa["jwk"].to_string())]), Err("decryption"));
}

#[test]
fn weak_and_unknown_algorithms_are_refused() {
    for (name, value) in [
        ("alg", "RSA1_5"),
        ("alg", "RSA-OAEP"),
        ("alg", "dir"),
        ("alg", "A128KW"),
        ("alg", "PBES2-HS256+A128KW"),
        ("alg", "none"),
        ("alg", "ecdh-es"),
        ("enc", "A128CBC"),
        ("enc", "none"),
    ] {
        let token = with_header(TO_PEREGRIN, |header| header[name] = value.into());
        assert_eq!(open(&token, &[key(PEREGRIN)]), Err("algorithm"), "{name} {value}");
    }
    for (name, value, code) in [
        // RFC 8725 §3.6: compressed content is refused.
        ("zip", json!("DEF"), "algorithm"),
        ("crit", json!([]), "critical_header"),
        ("crit", json!(["exp"]), "critical_header"),
        ("cty", json!("text/plain"), "token_type"),
        ("alg", json!(null), "jwt"),
        ("enc", json!(7), "jwt"),
        ("kid", json!([]), "jwt"),
        ("apu", json!("not base64url!"), "jwt"),
        ("x5c", json!("A".repeat(20_000)), "jwt"),
    ] {
        let token = with_header(TO_PEREGRIN, |header| header[name] = value.clone());
        assert_eq!(open(&token, &[key(PEREGRIN)]), Err(code), "{name} {value}");
    }
}

#[test]
fn a_registered_encryption_is_the_only_one() {
    let keys = [key(PEREGRIN)];
    let as_registered = |alg: &str, enc: &str, token: &str| {
        let opened = Encrypted { keys: &keys, registered: Encryption::from_names(alg, enc) }.open(token);
        opened.map(drop).map_err(|error| word(&error))
    };
    assert_eq!(as_registered("ECDH-ES+A128KW", "A128GCM", TO_PEREGRIN), Ok(()));
    assert_eq!(as_registered("ECDH-ES+A256KW", "A128GCM", TO_PEREGRIN), Err("algorithm"));
    assert_eq!(as_registered("ECDH-ES+A128KW", "A256GCM", TO_PEREGRIN), Err("algorithm"));
    assert_eq!(as_registered("ECDH-ES+A128KW", "A128GCM", "a.b.c"), Err("not_encrypted"));
    assert_eq!(as_registered("ECDH-ES+A128KW", "A128GCM", ""), Err("not_encrypted"));
}

#[test]
fn a_key_for_another_purpose_is_refused() {
    let with = |name: &str, value: Value| {
        let mut jwk: Value = serde_json::from_str(MERIADOC).unwrap();
        jwk[name] = value;
        DecryptionKey::from_jwk(jwk.to_string()).map(drop).map_err(|error| error.to_string())
    };
    for (name, value) in [("use", json!("enc")), ("key_ops", json!(["deriveKey"])), ("alg", json!("ECDH-ES"))]
    {
        assert_eq!(with(name, value), Ok(()), "{name}");
    }
    for (name, value) in [
        ("use", json!("sig")),
        ("use", json!(null)),
        ("key_ops", json!(["sign"])),
        ("key_ops", json!("deriveKey")),
        ("alg", json!("RSA-OAEP-256")),
        ("alg", json!("ES256")),
        ("alg", json!(7)),
        ("kty", json!("oct")),
        ("crv", json!("P-192")),
        ("crv", json!("P-384")),
        ("d", json!(null)),
        // The public half belongs to another key.
        ("x", json!("gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0")),
    ] {
        let error = with(name, value.clone()).expect_err(name);
        assert!(error.starts_with("the decryption key "), "{name} {value}: {error}");
        assert!(!error.contains("r_kHyZ"), "{error}");
    }
    let bound = key(&MERIADOC.replace("\"use\":\"enc\"", "\"alg\":\"ECDH-ES+A256KW\""));
    assert_eq!(open(TO_MERIADOC, &[bound]), Err("decryption"));
    for text in ["", "{}", "not a key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"] {
        assert!(DecryptionKey::from_pem(text).is_err());
        assert!(DecryptionKey::from_jwk(text).is_err());
    }
}

#[test]
fn debug_output_of_a_decryption_key_lacks_the_key() {
    assert_eq!(format!("{:?}", key(MERIADOC)), "DecryptionKey(…)");
}
