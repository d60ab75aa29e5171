//! Each exchange with a provider as a value: the request it sends, and how it reads the answer.
//!
//! Nothing here waits, sends, asks the time or throws dice: requests and responses go in and out, `now` and random
//! bytes are arguments.
pub(crate) mod authorization;
pub(crate) mod call;
pub(crate) mod client_auth;
pub(crate) mod emails;
pub(crate) mod key_set;
pub(crate) mod long_lived;
pub(crate) mod metadata;
pub(crate) mod pkce;
pub(crate) mod quirks;
pub(crate) mod response;
pub(crate) mod revocation;
pub(crate) mod token;
pub(crate) mod userinfo;
