//! Sealed text opens for its purpose and its record, under a key that is still in the ring.
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use vouchsafe::seal::{KeyRing, SealError};

fn ring(byte: u8) -> KeyRing {
    KeyRing::new(&[byte; 32]).unwrap()
}

fn open(keys: &KeyRing, purpose: &str, record: &str, sealed: &str) -> Option<String> {
    keys.open(purpose, record, sealed).map(|text| text.expose().to_owned())
}

#[test]
fn a_key_needs_a_secret_of_some_length() {
    assert_eq!(KeyRing::new(&[7; 31]).err(), Some(SealError::ShortSecret));
    assert_eq!(ring(7).previous(&[8; 31]).err(), Some(SealError::ShortSecret));
    assert_eq!(KeyRing::new(b"").err(), Some(SealError::ShortSecret));
    assert!(KeyRing::new(&[7; 32]).is_ok());
}

#[test]
fn a_sealed_text_opens_under_its_own_key_purpose_and_record_alone() {
    let sealed = ring(7).seal("purpose", "record", "text").unwrap();
    assert_eq!(open(&ring(7), "purpose", "record", &sealed).as_deref(), Some("text"));
    assert_eq!(open(&ring(7), "session", "record", &sealed), None);
    assert_eq!(open(&ring(7), "purpose", "another", &sealed), None);
    assert_eq!(open(&ring(7), "record", "purpose", &sealed), None);
    // What is moved from the one to the other makes another.
    assert_eq!(open(&ring(7), "purposer", "ecord", &sealed), None);
    assert_eq!(open(&ring(7), "purpos", "erecord", &sealed), None);
    assert_eq!(open(&ring(7), "", "purposerecord", &sealed), None);
    assert_eq!(open(&ring(8), "purpose", "record", &sealed), None);
    for broken in
        ["", "AAAA", &sealed[1..], &format!("{sealed}="), &format!("{sealed}A"), &format!(" {sealed}")]
    {
        assert_eq!(open(&ring(7), "purpose", "record", broken), None, "{broken}");
    }
}

#[test]
fn previous_keys_open_and_never_seal() {
    let rotated = ring(9).previous(&[8; 32]).unwrap().previous(&[7; 32]).unwrap();
    for old in [7, 8, 9] {
        let sealed = ring(old).seal("a", "b", "text").unwrap();
        assert_eq!(open(&rotated, "a", "b", &sealed).as_deref(), Some("text"), "{old}");
        assert_eq!(open(&rotated, "a", "c", &sealed), None, "{old}");
    }
    assert_eq!(open(&rotated, "a", "b", &ring(6).seal("a", "b", "text").unwrap()), None);
    let sealed = rotated.seal("a", "b", "text").unwrap();
    assert_eq!(open(&ring(9), "a", "b", &sealed).as_deref(), Some("text"));
    assert_eq!(open(&ring(8), "a", "b", &sealed), None);
    assert_eq!(rotated.key_id(), ring(9).key_id());
    assert_eq!(rotated.key_ids().collect::<Vec<_>>(), [9, 8, 7].map(|old| ring(old).key_id().to_owned()));
    let again = ring(9).previous(&[9; 32]).unwrap().previous(&[8; 32]).unwrap().previous(&[8; 32]).unwrap();
    assert_eq!(again.key_ids().count(), 2, "a key is in the ring once");
}

#[test]
fn what_one_version_seals_the_next_one_opens() {
    // Rows of a store outlive the program, and other versions at other instances share the cookies. Sealed with another
    // implementation of RFC 5869 and RFC 8452, Python's `cryptography`.
    assert_eq!(ring(7).key_id(), "01b585a5c35a");
    let sealed = "AAECAwQFBgcICQoL8irjj-z5Eo8xftv5wlBtOvbDAc0";
    assert_eq!(open(&ring(7), "purpose", "record", sealed).as_deref(), Some("text"));
}

#[test]
fn a_key_has_a_name_of_its_own_that_tells_nothing() {
    assert_ne!(ring(7).key_id(), ring(8).key_id());
    assert!(ring(8).key_id().bytes().all(|b| b.is_ascii_hexdigit()));
    assert_ne!(KeyRing::generate().unwrap().key_id(), KeyRing::generate().unwrap().key_id());
}

#[test]
fn every_changed_bit_of_a_sealed_text_is_noticed() {
    let keys = KeyRing::generate().unwrap();
    let raw = URL_SAFE_NO_PAD.decode(keys.seal("a", "b", "text").unwrap()).unwrap();
    for bit in 0..raw.len() * 8 {
        let mut changed = raw.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(open(&keys, "a", "b", &URL_SAFE_NO_PAD.encode(changed)), None, "bit {bit}");
    }
    for length in 0..raw.len() {
        assert_eq!(open(&keys, "a", "b", &URL_SAFE_NO_PAD.encode(&raw[..length])), None, "{length} bytes");
    }
}

#[test]
fn two_seals_of_one_text_differ() {
    assert_ne!(ring(7).seal("a", "b", "text"), ring(7).seal("a", "b", "text"));
}

#[test]
fn neither_debug_output_nor_errors_hold_a_secret() {
    let secret = b"marked-secret-marked-secret-marked-secret";
    let keys = KeyRing::new(secret).unwrap().previous(&[7; 32]).unwrap();
    assert_eq!(format!("{keys:?} {keys:#?}"), "KeyRing(…) KeyRing(…)");
    let error = KeyRing::new(b"marked-short").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("marked"), "{error}");
    assert!(error.to_string().contains("32"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_comes_back_for_its_purpose_and_record(
        [purpose, record, text, other] in [any::<String>(), any::<String>(), any::<String>(), any::<String>()],
    ) {
        let sealed = ring(7).seal(&purpose, &record, &text).unwrap();
        prop_assert!(sealed.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')));
        prop_assert_eq!(open(&ring(7), &purpose, &record, &sealed), Some(text));
        prop_assert!(other == record || open(&ring(7), &purpose, &other, &sealed).is_none());
        prop_assert!(other == purpose || open(&ring(7), &other, &record, &sealed).is_none());
    }

    #[test]
    fn any_changed_character_is_noticed(text in any::<String>(), at in any::<prop::sample::Index>(), other in any::<char>()) {
        let sealed = ring(7).seal("a", "b", &text).unwrap();
        let at = at.index(sealed.len());
        // In its place, behind it, and it left out.
        for (from, to) in [(at, at + 1), (at, at)] {
            let changed = format!("{}{other}{}", &sealed[..from], &sealed[to..]);
            prop_assert!(changed == sealed || open(&ring(7), "a", "b", &changed).is_none(), "{}", changed);
        }
        prop_assert_eq!(open(&ring(7), "a", "b", &format!("{}{}", &sealed[..at], &sealed[at + 1..])), None);
    }

    #[test]
    fn a_value_that_nobody_sealed_does_not_open(value in "[A-Za-z0-9_-]{0,200}") {
        prop_assert_eq!(open(&ring(7), "a", "b", &value), None);
    }
}

#[test]
fn a_text_has_one_name_for_each_purpose_and_key_and_the_name_does_not_show_it() {
    let names = |keys: &KeyRing, purpose: &str, text: &str| keys.names(purpose, text).collect::<Vec<_>>();
    let one = |byte, purpose: &str, text: &str| names(&ring(byte), purpose, text).concat();
    let [name] = &names(&ring(7), "account", "alice@example.com")[..] else { panic!("one key, one name") };
    assert_eq!(name.len(), 43);
    assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{name}");
    assert_eq!(one(7, "account", "alice@example.com"), *name);
    for (purpose, text) in [
        ("account", "bob@example.com"),
        ("session", "alice@example.com"),
        ("accounta", "lice@example.com"),
        ("", "accountalice@example.com"),
    ] {
        assert_ne!(one(7, purpose, text), *name, "{purpose} {text}");
    }
    assert_ne!(one(8, "account", "alice@example.com"), *name, "nobody makes it without the key");
    let rotated = ring(9).previous(&[7; 32]).unwrap();
    let expected = [ring(9), ring(7)].map(|keys| names(&keys, "account", "x").remove(0));
    assert_eq!(names(&rotated, "account", "x"), expected, "the name of the current key comes first");
}
