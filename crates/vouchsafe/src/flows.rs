//! The operations of a client, one file each. Each adds methods to `Client` and uses no other.
pub(crate) mod claim_sources;
pub(crate) mod client_credentials;
mod identity;
pub(crate) mod import;
mod introspect;
pub(crate) mod login;
pub(crate) mod logout;
mod long_lived;
pub(crate) mod manual;
mod offline;
pub(crate) mod pending;
mod refresh;
mod resource;
mod revoke;
