//! What makes an ID token believed, and what does not (OpenID Connect Core section 3.1.3.7, RFC 8725).
mod claims;
mod hmac;
mod keys;
mod ml_dsa;
mod signature;
