//! The operations of a client, one file each. Each adds methods to `Client` and uses no other.
pub(crate) mod client_credentials;
pub(crate) mod device;
mod identity;
pub(crate) mod import;
mod introspect;
pub(crate) mod jwt_bearer;
pub(crate) mod login;
pub(crate) mod logout;
mod long_lived;
pub(crate) mod manual;
mod offline;
pub(crate) mod pending;
pub(crate) mod refresh;
pub(crate) mod register;
mod resource;
mod revoke;
pub(crate) mod token_exchange;
mod web_finger;
