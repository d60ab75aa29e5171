//! Hashes in hexadecimal, as a few providers send and take them.
use aws_lc_rs::hmac;

use crate::secret::Secret;

/// The HMAC-SHA-256 of a text under a secret.
pub(crate) fn hmac(secret: &Secret, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    self::text(hmac::sign(&key, text.as_bytes()).as_ref())
}

/// Bytes as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    let digits =
        bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    digits.map(char::from).collect()
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";
