//! What is read back from where it was kept. First line: `pending` or `tokens`. Behind it the JSON.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use vouchsafe::{AuthorizationResponse, Client, Error, PendingLogin, Tokens};
use vouchsafe_fuzz::*;

thread_local! {
    static CLIENT: Client = client_of(ENDPOINTS);
}

fuzz_target!(|input: &[u8]| timed(input, run));

fn run(input: &[u8]) {
    let (words, kept) = words(input);
    provider_answers(|_| answer(&["400"], br#"{"error":"invalid_grant"}"#));
    match words[0] {
        "pending" => pending(kept),
        _ => tokens(kept),
    }
}

fn pending(kept: &[u8]) {
    let Ok(pending) = serde_json::from_slice::<PendingLogin>(kept) else { return };
    drop(check_stored(&pending));
    let Ok(read @ Value::Object(_)) = serde_json::from_slice(kept) else { return };
    let state = read["state"].as_str().unwrap();
    let home = pending.redirect_uri().to_owned();
    let came = |form: String| AuthorizationResponse::at(home.clone()).form(form);
    assert!(state.len() == 43 && pending.matches(came(format!("state={state}"))));
    for other in ["", "state=", &state[1..]] {
        assert!(!pending.matches(came(other.to_owned())));
    }
    assert!(!format!("{pending:?}").contains(state) || pending.provider_slug().contains(state));
    assert_eq!(pending.data(), read["data"].as_str());
    // A response without its state finishes nothing; with it, only at the provider and the client that it began with.
    let client = CLIENT.with(Client::clone);
    let again = || serde_json::from_slice::<PendingLogin>(kept).unwrap();
    let error = wait(client.finish(again(), came("code=x".to_owned()))).unwrap_err();
    assert!(matches!(error, Error::Validation(_)), "{error}");
    let error = wait(client.finish(pending, came(format!("code=x&state={state}")))).unwrap_err();
    let ours =
        read["provider"] == "acme" && read["client"] == CLIENT_ID && read["issuer"] == "https://acme.example";
    assert!(!matches!(error, Error::Server(_)) || ours, "{error}");
    check_error(&error, &[]);
}

fn tokens(kept: &[u8]) {
    let Ok(tokens) = serde_json::from_slice::<Tokens>(kept) else { return };
    check_tokens(&tokens);
    let Ok(read @ Value::Object(_)) = serde_json::from_slice::<Value>(kept) else { return };
    assert_eq!(read["access_token"], tokens.access_token().expose());
    assert_eq!(read["refresh_token"].as_str(), tokens.refresh_token().map(|token| token.expose()));
    assert_eq!(read["id_token"].as_str(), tokens.id_token().map(|token| token.expose()));
    assert!(tokens.scopes().all(|scope| !scope.is_empty()));
    assert!(!tokens.is_expired() || tokens.expires_within(Duration::MAX));
    if let Some(token) = tokens.id_token() {
        assert_eq!(token.claim("sub").unwrap().as_str(), Some(token.subject()));
    }
    let client = CLIENT.with(Client::clone);
    for outcome in [
        wait(client.refresh(&tokens)).map(drop),
        wait(client.revoke(&tokens)),
        wait(client.profile(&tokens)).map(drop),
    ] {
        check_error(&outcome.unwrap_err(), &[]);
    }
}
