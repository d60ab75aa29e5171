//! Proof Key for Code Exchange (RFC 7636).
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::hex;
use crate::error::{ConfigProblem, Error};
use crate::secret::Secret;

/// A code challenge (RFC 7636 section 4.2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CodeChallenge {
    /// A plain challenge is the verifier.
    pub(crate) value: Secret,
    /// The same hash for providers that take it in hexadecimal.
    pub(crate) hex: Option<String>,
    pub(crate) method: &'static str,
}

impl CodeChallenge {
    /// The SHA-256 of a verifier (`S256`). Use this one.
    ///
    /// # Errors
    /// [`Error::Config`] if the verifier is not what RFC 7636 section 4.1 requires.
    pub fn s256(verifier: &str) -> Result<Self, Error> {
        check_verifier(verifier)?;
        let value = Secret::new(String::from_utf8_lossy(&s256(verifier.as_bytes())));
        Ok(Self { value, hex: Some(hex(verifier)), method: "S256" })
    }

    /// The verifier itself (`plain`).
    ///
    /// # Security
    /// It does not protect the code from anybody who can read the authorization request (RFC 9700 section 2.1.1). It is for
    /// servers that support nothing else.
    ///
    /// # Errors
    /// [`Error::Config`] if the verifier is not what RFC 7636 section 4.1 requires.
    pub fn plain(verifier: &str) -> Result<Self, Error> {
        check_verifier(verifier)?;
        Ok(Self { value: Secret::new(verifier), hex: None, method: "plain" })
    }
}

/// RFC 7636 §4.1: a verifier has 43 to 128 of the unreserved characters.
fn check_verifier(verifier: &str) -> Result<(), Error> {
    let is_unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    if (43..=128).contains(&verifier.len()) && verifier.bytes().all(is_unreserved) {
        return Ok(());
    }
    let detail = "the code verifier must have 43 to 128 characters (letters, digits, '-', '.', '_' and '~'), and this one is different: \
                  make it of 32 random bytes in base64url";
    Err(Error::config(ConfigProblem::CodeVerifier, detail))
}

/// The code challenge of a verifier by `S256` (RFC 7636 section 4.2).
pub(crate) fn s256(verifier: &[u8]) -> [u8; 43] {
    let mut challenge = [0; 43];
    let hash = digest::digest(&digest::SHA256, verifier);
    // 32 bytes are 43 characters: the slice is exactly long enough.
    let _ = URL_SAFE_NO_PAD.encode_slice(hash, &mut challenge);
    challenge
}

/// The same hash in hexadecimal, as a few providers take it.
pub(crate) fn hex(verifier: &str) -> String {
    hex::text(digest::digest(&digest::SHA256, verifier.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_example_in_hexadecimal() {
        let challenge = hex("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge, "13d31e961a1ad8ec2f16b10c4c982e0876a878ad6df144566ee1894acb70f9c3");
    }

    #[test]
    fn the_example_of_rfc_7636_appendix_b() {
        // RFC 7636 §4.2.
        let challenge = s256(b"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(&challenge, b"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_verifier_has_a_length_and_an_alphabet() {
        let is_verifier = |text: &str| check_verifier(text).is_ok();
        assert!(is_verifier(&"a".repeat(43)) && is_verifier(&"~".repeat(128)));
        assert!(!is_verifier(&"a".repeat(42)) && !is_verifier(&"a".repeat(129)));
        assert!(!is_verifier(&" ".repeat(43)));
    }
}
