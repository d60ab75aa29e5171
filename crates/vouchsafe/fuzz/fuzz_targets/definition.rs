//! A provider's definition (TOML).
#![no_main]

use libfuzzer_sys::fuzz_target;
use url::Url;
use vouchsafe::{Client, Definition, Error, Provider};
use vouchsafe_fuzz::*;

fuzz_target!(|input: &[u8]| timed(input, run));

fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let definition = match Definition::from_toml(text) {
        Ok(definition) => definition,
        Err(error) => {
            assert!(!error.to_string().contains('\n'), "{error}");
            return;
        }
    };
    // What is read, written and read again is the same.
    let written = serde_json::to_string(&definition).unwrap();
    assert_eq!(serde_json::from_str::<Definition>(&written).unwrap(), definition);

    let mut provider = Provider::from(definition.clone());
    for (name, param) in &definition.params {
        if let Some(example) = &param.example {
            provider = provider.param(name, example);
        }
    }
    provider_answers(|_| answer(&["200"], &metadata()));
    let client = match Client::new(provider, registration(), &http()) {
        Ok(client) => client,
        Err(error) => {
            assert!(matches!(error, Error::Config(_)), "{error:?}");
            return check_error(&error, &[]);
        }
    };
    match wait(client.login()) {
        Ok(login) => {
            let url = Url::parse(&login.url).expect("where people are sent is a URL");
            assert!(url.scheme() == "https" || url.scheme() == "http");
            assert!(definition.authorization.fragment.is_some() || url.fragment().is_none(), "{url}");
            for (name, value) in definition.authorization.params.iter().filter(|(name, _)| !name.is_empty()) {
                let is_there = url.query_pairs().any(|(known, sent)| known == *name && sent == *value);
                assert!(is_there || value.contains('{'), "{name} is not in {url}");
            }
            drop(check_stored(&login.pending));
        }
        Err(error) => check_error(&error, &[]),
    }
}
