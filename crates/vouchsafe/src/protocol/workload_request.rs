//! The request for the ID token of a GitHub Actions job.
use http::Method;
use http::header::AUTHORIZATION;
use serde_json::Value;
use vouchsafe_providers::Encoding;

use super::call::{Call, Outgoing};
use super::quirks::UNCHANGED;
use super::response::Incoming;
use crate::error::{Error, Malformed, Operation};
use crate::secret::Secret;

/// A request for the token of the job that this program runs in.
pub(crate) struct WorkloadRequest<'a> {
    /// The token that authenticates the job.
    pub(crate) token: &'a Secret,
    pub(crate) audience: &'a str,
}

impl Call for WorkloadRequest<'_> {
    type Output = Secret;

    fn operation(&self) -> Operation {
        Operation::Assertion
    }

    fn write<'a>(&'a self, to: &mut Outgoing<'a>) -> Result<(), Error> {
        to.encode(Encoding::Query, [&UNCHANGED; 2]);
        to.method(Method::GET);
        to.add("audience", self.audience);
        to.token(AUTHORIZATION, "bearer", self.token);
        Ok(())
    }

    fn read(&self, from: Incoming<'_>) -> Result<Secret, Error> {
        from.check_status()?;
        match from.object()?.get("value") {
            Some(Value::String(jwt)) => Ok(Secret::new(jwt.as_str())),
            _ => {
                Err(from
                    .malformed(Malformed::MissingField, "has no value, which must be the token of the job"))
            }
        }
    }
}
