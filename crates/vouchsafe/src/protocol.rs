//! Each request to a provider as a value: how it is written, and how its response is read.
//!
//! Nothing here waits, uses the network, reads a clock or makes random bytes: the callers pass responses, `now` and random bytes
//! as arguments.
pub(crate) mod authorization;
pub(crate) mod backchannel;
pub(crate) mod call;
pub(crate) mod challenge_request;
pub(crate) mod claim_sources;
pub(crate) mod client_auth;
pub(crate) mod client_registration;
pub(crate) mod device;
pub(crate) mod emails;
pub(crate) mod hex;
pub(crate) mod introspection;
pub(crate) mod jarm;
pub(crate) mod key_set;
pub(crate) mod metadata;
pub(crate) mod pkce;
pub(crate) mod protected_resource;
pub(crate) mod pushed_request;
pub(crate) mod quirks;
pub(crate) mod request_object;
pub(crate) mod resource_request;
pub(crate) mod response;
pub(crate) mod revocation;
pub(crate) mod token;
pub(crate) mod userinfo;
pub(crate) mod web_finger;
pub(crate) mod workload_request;
