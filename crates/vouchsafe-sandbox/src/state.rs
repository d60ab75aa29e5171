//! The state of the sandbox: keys, requests, sessions, codes and tokens.

mod decryption;
mod jwt;
mod keys;
mod proofs;
mod record;
mod request;
mod secrets;
mod store;

pub(crate) use decryption::Decryption;
pub(crate) use jwt::{Jwt, Seal, signature};
pub(crate) use keys::{Attacker, Keys, SigningAlg, rsa_padded};
pub(crate) use proofs::Proofs;
pub(crate) use record::Record;
pub use record::RecordedRequest;
pub(crate) use request::{AuthorizationRequest, Challenge, ChallengeMethod, NO_ACR};
pub(crate) use secrets::Secrets;
pub(crate) use store::{
    Binding, Code, Decision, Device, Grant, Interaction, IssuedIdToken, Logout, Pushed, Session, SignedIn,
    Store, Token,
};
