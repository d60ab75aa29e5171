//! The extractor of a request inside a site.
use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::failure::Failure;

/// A request inside a [`Site`](crate::Site): who reads the response, and the address of the browser. Its methods are those of
/// [`vouchsafe_web::Visit`].
#[derive(Clone, Debug)]
pub struct Visit(pub vouchsafe_web::Visit);

impl Deref for Visit {
    type Target = vouchsafe_web::Visit;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self(vouchsafe_web::Visit::of(&parts.extensions)?))
    }
}
