//! What people and programs do with a client, a file each. Each adds methods to `Client`; none knows another.
mod identity;
pub(crate) mod import;
pub(crate) mod login;
mod long_lived;
pub(crate) mod manual;
pub(crate) mod pending;
mod refresh;
mod revoke;
