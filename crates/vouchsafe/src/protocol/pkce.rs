//! Proof Key for Code Exchange (RFC 7636).
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The code challenge of a verifier by `S256` (RFC 7636 section 4.2).
pub(crate) fn s256(verifier: &str) -> [u8; 43] {
    let mut challenge = [0; 43];
    let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
    // 32 bytes are 43 characters: the slice is exactly long enough.
    let _ = URL_SAFE_NO_PAD.encode_slice(hash, &mut challenge);
    challenge
}

/// The same hash in hexadecimal, as a few providers take it.
pub(crate) fn hex(verifier: &str) -> [u8; 64] {
    let mut challenge = [0; 64];
    let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
    for (place, digit) in challenge.iter_mut().zip(in_hex(hash.as_ref())) {
        *place = digit;
    }
    challenge
}

/// The digits of bytes in hexadecimal.
pub(crate) fn in_hex(bytes: &[u8]) -> impl Iterator<Item = u8> {
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
}

/// RFC 7636 §4.1: 43 to 128 of the unreserved characters.
pub(crate) fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_example_in_hexadecimal() {
        let challenge = hex("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(&challenge, b"13d31e961a1ad8ec2f16b10c4c982e0876a878ad6df144566ee1894acb70f9c3");
    }

    #[test]
    fn the_example_of_rfc_7636_appendix_b() {
        let challenge = s256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(&challenge, b"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_verifier_has_a_length_and_an_alphabet() {
        assert!(is_verifier(&"a".repeat(43)) && is_verifier(&"~".repeat(128)));
        assert!(!is_verifier(&"a".repeat(42)) && !is_verifier(&"a".repeat(129)));
        assert!(!is_verifier(&" ".repeat(43)));
    }
}
