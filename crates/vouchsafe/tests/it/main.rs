//! The library as its users see it, against the sandbox provider and against answers forged to the letter.
mod forge;
mod scenario;
mod wire;

mod authorization_url;
mod callback;
#[cfg(feature = "reqwest")]
mod catalogue;
mod client_auth;
mod discovery;
mod found_by_fuzzing;
mod http;
mod id_token;
mod identity;
#[cfg(feature = "reqwest")]
mod login;
mod manners;
mod marked;
mod properties;
mod redaction;
mod refresh;
mod revocation;
mod thirteen;
mod token_request;
mod tokens;
#[cfg(feature = "reqwest")]
mod transport;
mod userinfo;
