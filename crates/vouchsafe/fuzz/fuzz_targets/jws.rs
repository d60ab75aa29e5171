//! A token as it comes, against a provider's genuine keys.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vouchsafe::Client;
use vouchsafe_fuzz::*;

const GENUINE: [&str; 3] = [
    include_str!("../genuine/rs256.jwt"),
    include_str!("../genuine/es256.jwt"),
    include_str!("../genuine/eddsa.jwt"),
];

thread_local! {
    static CLIENT: Client = openid_client();
}

fuzz_target!(|input: &[u8]| timed(input, run));

fn run(input: &[u8]) {
    let Ok(jwt) = std::str::from_utf8(input) else { return };
    provider_answers(move |request| match request.uri().path() {
        "/jwks" => answer(&["200", "application/json"], include_bytes!("../genuine/jwks.json")),
        _ => answer(&["200", "application/json"], &metadata()),
    });
    let client = CLIENT.with(Client::clone);
    let outcome = wait(client.manual().verify_id_token(jwt, Some("n-1")));
    // To the letter: another spelling of the same would be another token to whoever keeps a list of those that were used.
    assert_eq!(outcome.is_ok(), GENUINE.iter().any(|genuine| genuine.trim() == jwt), "{jwt}");
    for error in
        [outcome.err(), wait(client.manual().verify_jwt(jwt, Some(CLIENT_ID))).err()].into_iter().flatten()
    {
        check_error(&error, &[]);
    }
}
