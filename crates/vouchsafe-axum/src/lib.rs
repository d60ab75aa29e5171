//! Sign-in for axum: login routes, the LoggedIn extractor and the sealed login cookie.
#![forbid(unsafe_code)]
