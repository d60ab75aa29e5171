//! What a provider says of itself. First line: content type. Behind it the document.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use url::Url;
use vouchsafe_fuzz::*;

fuzz_target!(|input: &[u8]| timed(input, run));

fn run(input: &[u8]) {
    let (words, document) = words(input);
    let response = answer(&["200", words[0]], document);
    provider_answers(move |request| match request.uri().path() {
        "/.well-known/openid-configuration" => response.clone(),
        "/.well-known/oauth-authorization-server" => answer(&["404"], b""),
        _ => answer(&["400"], br#"{"error":"invalid_grant"}"#),
    });
    let client = openid_client();
    let metadata = match wait(client.metadata()) {
        Ok(metadata) => metadata.unwrap(),
        Err(error) => return check_error(&error, &[]),
    };
    let read: Value = serde_json::from_slice(document).expect("what was accepted is JSON");
    assert_eq!(read.to_string(), metadata.to_string());
    assert_eq!(read["issuer"], ISSUER);

    // Where people are sent is the endpoint that the document names, and nothing that it says comes undone there.
    let named = Url::parse(read["authorization_endpoint"].as_str().unwrap()).unwrap();
    let login = match wait(client.login()) {
        Ok(login) => login,
        // The document rules the login out, before anybody is sent anywhere.
        Err(error) => {
            assert!(matches!(error, vouchsafe::Error::Unsupported(_)), "{error}");
            return check_error(&error, &[]);
        }
    };
    let url = Url::parse(&login.url).unwrap();
    assert_eq!(
        (url.scheme(), url.host_str(), url.port(), url.path()),
        ("https", named.host_str(), named.port(), named.path())
    );
    let own =
        |name: &str| url.query_pairs().filter(|(known, _)| known == name).map(|(_, v)| v.into_owned()).last();
    assert_eq!(own("redirect_uri").as_deref(), Some(REDIRECT_URI));
    assert_eq!(own("state").map(|state| state.len()), Some(43));
    let back = format!("{REDIRECT_URI}?{}", url.query().unwrap());
    assert!(login.pending.matches(&back) || named.query().is_some());

    // The token endpoint is asked over https, as the wire asserts, and nowhere else.
    for outcome in [
        wait(client.manual().refresh(REFRESH_TOKEN)).map(drop),
        wait(client.manual().revoke(ACCESS_TOKEN, None)),
    ] {
        if let Err(error) = outcome {
            check_error(&error, &[]);
        }
    }
}
