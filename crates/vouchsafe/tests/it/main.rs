//! The library as its users see it, against the sandbox provider and against answers forged to the letter.
mod forge;
mod scenario;
mod wire;

#[cfg(feature = "transport")]
mod acted_issuer;
#[cfg(feature = "transport")]
mod addresses;
mod authorization_url;
mod backchannel;
mod call_timeout;
mod callback;
#[cfg(feature = "transport")]
mod catalogue;
#[cfg(feature = "transport")]
mod claim_sources;
mod client_auth;
mod client_registration;
mod definitions;
mod device;
mod discovery;
#[cfg(feature = "transport")]
mod encrypted;
mod exchange;
mod found_by_fuzzing;
mod hostile_jwt;
mod hostile_keys;
mod hostile_metadata;
mod hostile_responses;
#[cfg(feature = "transport")]
mod hostile_transport;
mod http;
mod id_token;
mod identity;
mod introspection;
#[cfg(feature = "transport")]
mod login;
mod logout;
mod logout_token;
mod narrow;
mod offline;
mod properties;
mod providers;
mod quirks;
mod real_servers;
mod redaction;
mod redirect_uri;
mod refresh;
mod refreshed_together;
mod registrations;
mod resource;
mod retries;
mod revocation;
mod seal;
mod secrets;
#[cfg(feature = "transport")]
mod sent_once;
mod servers;
mod session_check;
#[cfg(feature = "transport")]
mod signed_introspection;
mod step_up;
#[cfg(feature = "transport")]
mod strong;
mod times;
mod token_request;
mod tokens;
#[cfg(feature = "transport")]
mod transport;
mod under_load;
mod userinfo;
mod vault;
mod web_finger;
