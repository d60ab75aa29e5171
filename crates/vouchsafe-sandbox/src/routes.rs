//! One file an endpoint.

pub(crate) mod authorization_response;
pub(crate) mod authorize;
mod bearer;
pub(crate) mod client_auth;
pub(crate) mod device;
pub(crate) mod end_session;
pub(crate) mod interaction;
pub(crate) mod introspect;
pub(crate) mod jwks;
pub(crate) mod metadata;
pub(crate) mod revoke;
mod session;
pub(crate) mod token;
pub(crate) mod userinfo;
