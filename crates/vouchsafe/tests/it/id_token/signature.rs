//! Header and signature (RFC 7515, RFC 7518).
use serde_json::json;

use crate::forge::{self, ALGORITHMS, base64};
use crate::scenario::{ISSUER, Op, Scenario};

fn part(jwt: &str, at: usize) -> &str {
    jwt.split('.').nth(at).unwrap()
}

/// The same JWT with one part changed.
fn changed(jwt: &str, at: usize, change: impl FnOnce(&str) -> String) -> String {
    let mut parts: Vec<_> = jwt.split('.').map(str::to_owned).collect();
    parts[at] = change(&parts[at]);
    parts.join(".")
}

#[tokio::test]
async fn every_algorithm_verifies() {
    for alg in ALGORITHMS {
        let tokens = Scenario::openid().alg(alg).log_in().await.unwrap();
        assert_eq!(tokens.id_token().unwrap().subject(), crate::scenario::SUBJECT, "{alg}");
    }
}

#[tokio::test]
async fn ed25519_is_eddsa_by_another_name() {
    // RFC 8037 §3.1.
    // RFC 9864 section 2.2.
    assert_eq!(Scenario::openid().alg("Ed25519").verdict().await, "ok");
    let announced = json!(["EdDSA"]);
    let scenario = Scenario::openid().metadata("id_token_signing_alg_values_supported", announced);
    assert_eq!(scenario.alg("Ed25519").verdict().await, "ok");
}

#[tokio::test]
async fn a_changed_payload_voids_every_signature() {
    // RFC 7515 §5.2.
    for alg in ALGORITHMS {
        let scenario = Scenario::openid().alg(alg).tampered(|jwt| {
            changed(&jwt, 1, |payload| {
                let bytes =
                    base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, payload).unwrap();
                base64(String::from_utf8(bytes).unwrap().replace("subject-1", "subject-2"))
            })
        });
        assert_eq!(scenario.verdict().await, "signature", "{alg}");
    }
}

#[tokio::test]
async fn a_signature_of_a_stranger_is_refused() {
    // Core §3.1.3.7.
    // The provider's own key id, and somebody else's key.
    let scenario = Scenario::openid().header("kid", json!("rsa")).with(|op| op.key = "stranger".to_owned());
    assert_eq!(scenario.verdict().await, "signature");
}

#[tokio::test]
async fn an_unsigned_token_is_refused() {
    // RFC 8725 section 3.2, in every spelling.
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let scenario = Scenario::openid().header("alg", json!(alg)).with(|op| op.alg = "none".to_owned());
        assert_eq!(scenario.verdict().await, "algorithm", "{alg}");
    }
    let stripped = Scenario::openid().tampered(|jwt| changed(&jwt, 2, |_| String::new()));
    assert_eq!(stripped.verdict().await, "signature");
}

#[tokio::test]
async fn none_is_refused_even_if_the_provider_announces_it() {
    // RFC 7518 §3.6.
    let scenario = Scenario::openid()
        .metadata("id_token_signing_alg_values_supported", json!(["none", "HS256", "RS256"]))
        .with(|op| op.alg = "none".to_owned());
    assert_eq!(scenario.verdict().await, "algorithm");
}

#[tokio::test]
async fn a_symmetric_signature_is_refused_whatever_its_secret() {
    // RFC 8725 section 2.1: the public key as an HMAC secret, and the client secret.
    let public = forge::jwk("rsa").to_string();
    for secret in [public, crate::scenario::CLIENT_SECRET.to_owned()] {
        let scenario = Scenario::openid()
            .metadata("id_token_signing_alg_values_supported", json!(["HS256", "RS256"]))
            .header("alg", json!("HS256"))
            .tampered(move |jwt| {
                let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
                let (signed, _) = jwt.rsplit_once('.').unwrap();
                format!("{signed}.{}", base64(aws_lc_rs::hmac::sign(&key, signed.as_bytes())))
            });
        assert_eq!(scenario.verdict().await, "algorithm");
    }
}

#[tokio::test]
async fn an_algorithm_that_is_not_announced_is_refused() {
    // Core §3.1.3.7.
    let announcing = |list| Scenario::openid().metadata("id_token_signing_alg_values_supported", list);
    assert_eq!(announcing(json!(["RS256"])).alg("ES256").verdict().await, "algorithm");
    assert_eq!(announcing(json!(["RS256"])).alg("PS256").verdict().await, "algorithm");
    assert_eq!(announcing(json!([])).alg("RS256").verdict().await, "algorithm");
    assert_eq!(announcing(json!(["RS256", "ES256"])).alg("ES256").verdict().await, "ok");
}

#[tokio::test]
async fn a_header_without_an_algorithm_is_no_jwt() {
    // RFC 7515 §4.1.1.
    for alg in [json!("absent"), json!(null), json!(7), json!(["RS256"])] {
        assert_eq!(Scenario::openid().header("alg", alg.clone()).verdict().await, "jwt", "{alg}");
    }
}

#[tokio::test]
async fn a_critical_header_voids_the_token() {
    // RFC 7515 section 4.1.11: an empty list is no list.
    for crit in [json!(["exp"]), json!(["b64"]), json!([]), json!("exp"), json!(null)] {
        let verdict = Scenario::openid().header("crit", crit.clone()).verdict().await;
        assert_eq!(verdict, "critical_header", "{crit}");
    }
}

#[tokio::test]
async fn keys_come_from_the_providers_key_set_alone() {
    // RFC 8725 §3.8, §3.10.
    let own = || {
        Scenario::openid()
            .header("jwk", forge::jwk("stranger"))
            .header("jku", json!("https://evil.example/jwks"))
    };
    let scenario = own();
    assert_eq!(scenario.verdict().await, "ok", "what is not read does no harm");
    let asked = scenario.wire.seen();
    assert!(asked.iter().all(|request| request.uri().host() == Some("op.example")), "{asked:?}");

    for name in ["rsa", "stranger"] {
        let verdict =
            own().header("kid", json!(name)).with(|op| op.key = "stranger".to_owned()).verdict().await;
        assert_ne!(verdict, "ok", "{name}");
    }
}

#[tokio::test]
async fn a_signature_of_zeros_is_refused() {
    // CVE-2022-21449: r = s = 0 verified everything.
    for (alg, len) in
        [("ES256", 64), ("ES384", 96), ("ES512", 132), ("EdDSA", 64), ("RS256", 256), ("PS256", 256)]
    {
        let scenario =
            Scenario::openid().alg(alg).tampered(move |jwt| changed(&jwt, 2, |_| base64(vec![0; len])));
        assert_eq!(scenario.verdict().await, "signature", "{alg}");
    }
}

#[tokio::test]
async fn a_signature_in_another_encoding_is_refused() {
    // RFC 7518 section 3.4 wants r and s side by side, not the DER that others use.
    let scenario = Scenario::openid().alg("ES256").tampered(|jwt| {
        changed(&jwt, 2, |signature| {
            let raw = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, signature).unwrap();
            let integer = |bytes: &[u8]| {
                let bytes: Vec<u8> = bytes.iter().copied().skip_while(|b| *b == 0).collect();
                let sign: &[u8] = if bytes[0] >= 0x80 { &[0] } else { &[] };
                [&[2, (bytes.len() + sign.len()) as u8], sign, &bytes[..]].concat()
            };
            let both = [integer(&raw[..32]), integer(&raw[32..])].concat();
            base64([&[0x30, both.len() as u8], &both[..]].concat())
        })
    });
    assert_eq!(scenario.verdict().await, "signature");
}

#[tokio::test]
async fn base64_is_strict() {
    // RFC 7515 §2.
    let padded = Scenario::openid().tampered(|jwt| changed(&jwt, 2, |s| format!("{s}==")));
    assert_eq!(padded.verdict().await, "jwt");
    let line = Scenario::openid().tampered(|jwt| changed(&jwt, 2, |s| format!("{s}\n")));
    assert_eq!(line.verdict().await, "invalid_field", "no token at all holds a line break");
    let space = Scenario::openid().tampered(|jwt| changed(&jwt, 0, |s| format!(" {s}")));
    assert_eq!(space.verdict().await, "jwt");
    // A payload whose base64 has characters that differ between the two alphabets.
    let classic = Scenario::openid()
        .claim("mark", json!("???>>>~~~ÿÿÿ"))
        .tampered(|jwt| changed(&jwt, 1, |s| s.replace('-', "+").replace('_', "/")));
    assert_eq!(classic.verdict().await, "signature", "the signature is over what was sent");
    let classic = Scenario::openid().with(|op| {
        // Signed as it is, in the wrong alphabet.
        op.header["mark"] = json!("???>>>~~~ÿÿÿ");
        op.tamper = Box::new(|jwt| changed(&jwt, 0, |s| s.replace('-', "+").replace('_', "/")));
    });
    assert_eq!(classic.verdict().await, "jwt");
    // 256 bytes leave bits over in the last character: only zeros may stand there.
    let trailing = Scenario::openid().tampered(|jwt| {
        changed(&jwt, 2, |s| {
            let (head, last) = s.split_at(s.len() - 1);
            let next = char::from(last.as_bytes()[0] + 1);
            format!("{head}{next}")
        })
    });
    assert_eq!(trailing.verdict().await, "jwt");
}

#[tokio::test]
async fn anything_but_three_parts_is_no_jwt() {
    // RFC 7515 §7.1.
    for token in ["x", "a.b", "a.b.c.d", "..", "a.b.c.d.e"] {
        let scenario = Scenario::openid().tampered(move |_| token.to_owned());
        assert_eq!(scenario.verdict().await, "jwt", "{token}");
    }
    let longer = Scenario::openid().tampered(|jwt| format!("{jwt}.{}", base64("x")));
    assert_eq!(longer.verdict().await, "jwt");
}

#[tokio::test]
async fn a_header_or_payload_that_is_no_object_is_no_jwt() {
    for payload in ["[]", "null", "\"x\"", "{", "", "{} {}"] {
        let scenario = Scenario::openid().with(|op| op.payload = Box::new(move |_| payload.to_owned()));
        assert_eq!(scenario.verdict().await, "jwt", "{payload}");
    }
    for header in ["[]", "null", "{"] {
        let scenario = Scenario::openid().tampered(move |jwt| changed(&jwt, 0, |_| base64(header)));
        assert_eq!(scenario.verdict().await, "jwt", "{header}");
    }
}

#[tokio::test]
async fn a_member_that_stands_twice_voids_the_token() {
    // RFC 7515 §4; RFC 7519 §4.
    let twice = |member: &'static str| {
        move |op: &mut Op| {
            op.payload = Box::new(move |payload| format!("{},{member}}}", &payload[..payload.len() - 1]));
        }
    };
    for member in [r#""sub":"subject-2""#, r#""aud":"my-client""#, r#""x":1,"x":2"#, r#""x":1,"\u0078":2"#] {
        assert_eq!(Scenario::openid().with(twice(member)).verdict().await, "jwt", "{member}");
    }
    let header = Scenario::openid()
        .tampered(|jwt| changed(&jwt, 0, |_| base64(r#"{"alg":"RS256","kid":"rsa","alg":"none"}"#)));
    assert_eq!(header.verdict().await, "jwt");
}

#[tokio::test]
async fn the_issuer_is_not_enough_without_the_signature() {
    let scenario = Scenario::openid().claim("iss", json!(ISSUER)).tampered(|jwt| {
        let other = Scenario::openid().with(|op| op.claims["sub"] = json!("admin")).op().id_token();
        format!("{}.{}.{}", part(&other, 0), part(&other, 1), part(&jwt, 2))
    });
    assert_eq!(scenario.verdict().await, "signature");
}
