//! The token endpoint (RFC 6749 sections 4.1.3, 5 and 6).
mod authorization_code;
mod ciba;
mod client_credentials;
mod device_code;
mod jwt_bearer;
mod long_lived;
mod refresh;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod token_exchange;
