//! A request to an API with an access token (RFC 6750 section 2.1, RFC 9449 section 7.1).
use http::header::AUTHORIZATION;

use super::call::{Call, Outgoing};
use super::response::Incoming;
use crate::dpop::Proves;
use crate::error::{Error, Operation};
use crate::secret::Secret;
use crate::transport::{Request, Response};

/// A request of the application, to which the token is added.
pub(crate) struct ResourceRequest<'a> {
    pub(crate) request: &'a Request,
    pub(crate) access_token: &'a Secret,
    /// The token is bound to the client's key.
    pub(crate) is_bound: bool,
}

impl Call for ResourceRequest<'_> {
    type Output = Response;

    fn operation(&self) -> Operation {
        Operation::Resource
    }

    fn proves(&self) -> Proves<'_> {
        if self.is_bound { Proves::Token(self.access_token) } else { Proves::Nothing }
    }

    fn write<'a>(&'a self, to: &mut Outgoing<'a>) -> Result<(), Error> {
        to.whole(self.request);
        to.token(AUTHORIZATION, if self.is_bound { "DPoP" } else { "Bearer" }, self.access_token);
        Ok(())
    }

    /// The application reads the response, whatever its status.
    fn read(&self, from: Incoming<'_>) -> Result<Response, Error> {
        Ok(from.response)
    }
}
