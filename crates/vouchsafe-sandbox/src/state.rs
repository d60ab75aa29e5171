//! The state of the sandbox: keys, requests, sessions, codes and tokens.

mod jwt;
mod keys;
mod record;
mod request;
mod secrets;
mod store;

pub(crate) use jwt::{Jwt, Seal, signature};
pub(crate) use keys::{Attacker, Keys, SigningAlg, rsa_padded};
pub(crate) use record::Record;
pub use record::RecordedRequest;
pub(crate) use request::{AuthorizationRequest, Challenge, ChallengeMethod, NO_ACR};
pub(crate) use secrets::Secrets;
pub(crate) use store::{
    Code, Decision, Device, Grant, Interaction, IssuedIdToken, Logout, Session, SignedIn, Store, Token,
};
