//! Random tokens, hashes and keys, as text.

use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// 256 random bits as text, after a prefix that names their purpose.
pub(crate) fn random_token(prefix: &str) -> String {
    let mut bytes = [0; 32];
    // AWS-LC ends the process if the system has no randomness, so this cannot fail.
    rand::fill(&mut bytes).expect("the system has randomness");
    format!("{prefix}{}", base64url(&bytes))
}

/// A code for people to type, RFC 8628 section 6.1: consonants only, so that it spells no word, in two groups.
pub(crate) fn random_user_code() -> String {
    const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
    let mut bytes = [0; 8];
    // As above.
    rand::fill(&mut bytes).expect("the system has randomness");
    let letter = |byte: &u8| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]);
    let (first, second) = bytes.split_at(4);
    first.iter().map(letter).chain(['-']).chain(second.iter().map(letter)).collect()
}

pub(crate) fn sha256_base64url(text: &str) -> String {
    base64url(&sha256(text.as_bytes()))
}

pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

pub(crate) fn sha256_hex(text: &str) -> String {
    hex(&sha256(text.as_bytes()))
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
