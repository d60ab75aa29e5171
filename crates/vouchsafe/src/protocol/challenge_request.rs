//! The request for a challenge (draft-ietf-oauth-attestation-based-client-auth section 6.1).
use http::Method;
use serde_json::Value;

use super::call::{Call, Outgoing};
use super::response::Incoming;
use crate::attestation::is_challenge;
use crate::error::{Error, Malformed, Operation};

/// A request for a challenge, which the next proof of the attestation contains.
pub(crate) struct ChallengeRequest;

impl Call for ChallengeRequest {
    type Output = String;

    fn operation(&self) -> Operation {
        Operation::Challenge
    }

    fn write<'a>(&'a self, to: &mut Outgoing<'a>) -> Result<(), Error> {
        to.method(Method::POST);
        Ok(())
    }

    fn read(&self, from: Incoming<'_>) -> Result<String, Error> {
        from.check()?;
        match from.object()?.get("attestation_challenge") {
            Some(Value::String(challenge)) if is_challenge(challenge) => Ok(challenge.clone()),
            Some(_) => {
                let what = "has an attestation_challenge that is empty, too long or not visible ASCII: the provider has to correct it";
                Err(from.malformed(Malformed::InvalidField, what))
            }
            None => {
                let what = "has no attestation_challenge: check the challenge_endpoint in the metadata";
                Err(from.malformed(Malformed::MissingField, what))
            }
        }
    }
}
