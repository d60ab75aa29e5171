//! The library as its users see it, against the sandbox provider and against answers forged to the letter.
mod forge;
mod scenario;
mod wire;

#[cfg(feature = "reqwest")]
mod acted_issuer;
#[cfg(feature = "reqwest")]
mod addresses;
mod authorization_url;
mod call_timeout;
mod callback;
#[cfg(feature = "reqwest")]
mod catalogue;
mod client_auth;
mod definitions;
mod discovery;
mod found_by_fuzzing;
mod hostile_answers;
mod hostile_jwt;
mod hostile_keys;
mod hostile_metadata;
#[cfg(feature = "reqwest")]
mod hostile_transport;
mod http;
mod id_token;
mod identity;
#[cfg(feature = "reqwest")]
mod login;
mod properties;
mod providers;
mod quirks;
mod redaction;
mod redirect_uri;
mod refresh;
mod retries;
mod revocation;
mod seal;
mod secrets;
#[cfg(feature = "reqwest")]
mod sent_once;
mod servers;
mod step_up;
mod times;
mod token_request;
mod tokens;
#[cfg(feature = "reqwest")]
mod transport;
mod under_load;
mod userinfo;
