//! The random values of a login: state, nonce and code verifier (RFC 6749 section 10.10, RFC 7636 section 4.1).
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroize;

/// 256 random bits in base64url.
#[derive(Clone)]
pub(crate) struct Random([u8; 43]);

impl Random {
    pub(crate) fn new(bits: &[u8; 32]) -> Self {
        let mut text = [0; 43];
        // 32 bytes are 43 characters: the slice is exactly long enough.
        let _ = URL_SAFE_NO_PAD.encode_slice(bits, &mut text);
        Self(text)
    }

    /// Reads a value that was stored.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let bytes: [u8; 43] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')).then_some(Self(bytes))
    }

    pub(crate) fn as_str(&self) -> &str {
        Self::text(&self.0)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn text(bytes: &[u8]) -> &str {
        // The bytes are always base64url or hexadecimal.
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl Drop for Random {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}
