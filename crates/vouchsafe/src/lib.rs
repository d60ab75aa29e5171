//! An OAuth 2 and OpenID Connect client: sign-in done right, and tokens that stay valid.
#![forbid(unsafe_code)]
