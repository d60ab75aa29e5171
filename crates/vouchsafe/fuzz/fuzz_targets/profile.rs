//! Who the user is. First line: `userinfo` or `jwt` of an OpenID Provider, `signed` for the claims of a signed answer,
//! `emails` for a list of e-mails, `listed` for such a list in the profile, `profile` for any profile; then status and
//! content type. Behind it the body.
#![no_main]

use std::sync::LazyLock;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use vouchsafe::{Client, Identity};
use vouchsafe_fuzz::*;

const LIST: &str = r#"
[identity]
subject = ["/id"]
name = ["/name"]
picture = ["/picture"]
picture_template = "https://cdn.example/{/id}/{/avatar}.png"
[identity.emails]
email = "/email"
primary = "/primary"
verified = "/verified"
"#;
const PROFILE: &str = r#"
[identity]
subject = ["/uri", "/user/id", "/id"]
subject_is_last_segment = true
email = ["/email", "/user/email"]
email_verified = ["/verified"]
email_verified_text = true
name = ["/name"]
picture = ["/picture"]
picture_is_html = true
[userinfo]
failure = { code = "/code", success = ["0"] }
"#;

static KEY: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap());

thread_local! {
    static OPENID: Client = openid_client();
    static EMAILS: Client = client_of(&format!("{ENDPOINTS}{LIST}endpoint = \"https://acme.example/emails\"\nabsent_on = [403]"));
    static LISTED: Client = client_of(&format!("{ENDPOINTS}{LIST}list = \"/emails\""));
    static PLAIN: Client = client_of(&format!("{ENDPOINTS}{PROFILE}"));
}

fuzz_target!(|input: &[u8]| timed(input, run));

fn run(input: &[u8]) {
    let (words, body) = words(input);
    let (what, words) = (words[0].to_owned(), &words[1..]);
    let response = match &*what {
        "jwt" => answer(&["200", "application/jwt"], body),
        "signed" => {
            let signed = format!("{}.{}", base64url(r#"{"alg":"EdDSA"}"#), base64url(body));
            let jwt = format!("{signed}.{}", base64url(KEY.sign(signed.as_bytes())));
            answer(&["200", "application/jwt"], jwt.as_bytes())
        }
        _ => answer(words, body),
    };
    let list = what == "emails";
    provider_answers(move |request| match request.uri().path() {
        "/userinfo" | "/emails" => response.clone(),
        "/me" if list => answer(&["200"], br#"{"id": 7, "email": "me@acme.example"}"#),
        "/me" => response.clone(),
        "/jwks" => {
            let key = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(KEY.public_key())});
            answer(&["200"], json!({ "keys": [key] }).to_string().as_bytes())
        }
        _ => answer(&["200"], &metadata()),
    });
    let (client, more) = match &*what {
        "userinfo" | "jwt" | "signed" => {
            let claims = json!({
                "iss": ISSUER, "sub": SUBJECT, "aud": CLIENT_ID, "exp": 1_800_000_000, "iat": 1, "email": "me@op.example",
            });
            let id_token = format!("e30.{}.e30", base64url(claims.to_string()));
            (&OPENID, json!({ "id_token": id_token }))
        }
        "emails" => (&EMAILS, json!({})),
        "listed" => (&LISTED, json!({})),
        _ => (&PLAIN, json!({})),
    };
    let client = client.with(Client::clone);
    let tokens = stored(&client, more);
    let identity = match wait(client.identity(&tokens)) {
        Ok(identity) => identity,
        Err(error) => return check_error(&error, &[ACCESS_TOKEN]),
    };
    assert!(!identity.subject().is_empty());
    assert!(identity.email_verified().is_none() || identity.email().is_some());
    let read = || serde_json::from_slice::<Value>(body).expect("what was accepted is JSON");
    match &*what {
        "emails" | "listed" => {
            let read = if list { serde_json::from_slice(body).ok() } else { read().get("emails").cloned() };
            check_listed(&identity, read.as_ref());
        }
        "userinfo" | "signed" => check_userinfo(&identity, body),
        "jwt" => assert!(!identity.warnings().is_empty(), "nobody signed this"),
        _ => {
            let read = read();
            let verified = matches!(&read["verified"], Value::Bool(true))
                || read["verified"] == "true"
                || read["verified"] == 1
                || read["verified"] == "1";
            assert!(identity.verified_email().is_none() || verified, "nobody vouches for that");
            assert!(!identity.subject().contains('/') || read.get("uri").is_none());
        }
    }
    if let Some(picture) = identity.picture().filter(|_| what == "listed" || list) {
        let from_profile = !list && read()["picture"] == picture;
        assert!(
            from_profile
                || picture.starts_with("https://cdn.example/7/")
                || picture.starts_with("https://cdn.example/"),
            "{picture}"
        );
    }
}

/// A listed address counts where it is marked as primary and as verified.
fn check_listed(identity: &Identity, list: Option<&Value>) {
    let Some(email) = identity.email() else { return };
    let marked = |value: &Value| *value == true || *value == "true" || *value == "confirmed";
    let is_primary = |value: &Value| {
        *value == true || value.as_array().is_some_and(|marks| marks.iter().any(|mark| mark == "primary"))
    };
    let found = list.and_then(Value::as_array).is_some_and(|list| {
        list.iter().any(|entry| {
            entry["email"] == email && marked(&entry["verified"]) && is_primary(&entry["primary"])
        })
    });
    assert!(found && identity.verified_email() == Some(email), "{email}");
}

/// UserInfo counts where it is about the same user; the word on an e-mail is for that e-mail.
fn check_userinfo(identity: &Identity, body: &[u8]) {
    assert_eq!(identity.subject(), SUBJECT);
    assert_eq!(identity.email(), Some("me@op.example"));
    if !identity.warnings().is_empty() {
        return;
    }
    let read: Value = serde_json::from_slice(body).expect("what was accepted is JSON");
    assert_eq!(read["sub"], SUBJECT);
    if identity.verified_email().is_some() {
        assert_eq!(read["email"], "me@op.example");
        assert_eq!(read["email_verified"], true);
    }
}
