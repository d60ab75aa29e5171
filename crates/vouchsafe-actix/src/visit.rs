//! The extractor of a request inside a site.
use std::future::{Ready, ready};
use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use crate::failure::Failure;

/// A request inside a [`Site`](crate::Site): who reads the response, and the address of the browser. Its methods are those of
/// [`vouchsafe_web::Visit`].
///
/// ```no_run
/// use vouchsafe_actix::{Failure, Visit};
///
/// async fn home(visit: Visit) -> Result<String, Failure> {
///     let user = visit.user().await?;
///     Ok(format!("Hello {}", user.as_ref().and_then(|user| user.name()).unwrap_or("you")))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Visit(pub vouchsafe_web::Visit);

impl Visit {
    /// The visit of a request.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, Failure> {
        match request.extensions().get::<Self>() {
            Some(visit) => Ok(visit.clone()),
            // It says that the site is missing.
            None => Ok(Self(vouchsafe_web::Visit::of(&http::Extensions::new())?)),
        }
    }
}

impl Deref for Visit {
    type Target = vouchsafe_web::Visit;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl FromRequest for Visit {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}
