//! What routes demand, as a middleware.
use std::future::{Ready, ready};
use std::rc::Rc;
use std::time::Duration;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::{Error, HttpRequest, ResponseError};

use crate::border::{self, LocalFuture};
use crate::failure::Failure;
use crate::visit::Visit;

/// What routes demand of the person who opens them: a middleware with the demands of [`vouchsafe_web::Require`].
///
/// ```no_run
/// use std::time::Duration;
/// use actix_web::web;
/// use vouchsafe_actix::Require;
///
/// let admin = web::resource("/admin")
///     .wrap(Require::role("admin").and_fresh(Duration::from_secs(300)))
///     .to(async || "Hello");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Require(pub vouchsafe_web::Require);

impl Require {
    /// To be signed in.
    pub fn signed_in() -> Self {
        Self::default()
    }

    /// To have signed in at the provider at most this long ago: see [`vouchsafe_web::Require::fresh`].
    pub fn fresh(max_age: Duration) -> Self {
        Self(vouchsafe_web::Require::fresh(max_age))
    }

    /// To have signed in with this authentication context class: see [`vouchsafe_web::Require::acr`].
    pub fn acr(acr: impl Into<String>) -> Self {
        Self(vouchsafe_web::Require::acr(acr))
    }

    /// To have this role: see [`vouchsafe_web::Require::role`].
    pub fn role(role: impl Into<String>) -> Self {
        Self(vouchsafe_web::Require::role(role))
    }

    /// Demands [`Require::fresh`] too.
    #[must_use]
    pub fn and_fresh(self, max_age: Duration) -> Self {
        Self(self.0.and_fresh(max_age))
    }

    /// Demands [`Require::acr`] too.
    #[must_use]
    pub fn and_acr(self, acr: impl Into<String>) -> Self {
        Self(self.0.and_acr(acr))
    }

    /// Demands [`Require::role`] too.
    #[must_use]
    pub fn and_role(self, role: impl Into<String>) -> Self {
        Self(self.0.and_role(role))
    }
}

/// The person, if they meet the demands.
pub(crate) fn check(
    require: &vouchsafe_web::Require,
    request: &HttpRequest,
) -> impl Future<Output = Result<vouchsafe_web::User, Failure>> + use<> {
    let (visit, parts) = (Visit::of(request), border::parts(request));
    let require = require.clone();
    async move {
        let visit = visit?;
        // The site has refused the request if it has no parts.
        let (parts, ()) = parts.map_or_else(|| http::Request::new(()).into_parts(), |parts| (parts, ()));
        Ok(require.check(&visit, &parts).await?)
    }
}

impl<S, B> Transform<S, ServiceRequest> for Require
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = RequireMiddleware<S>;
    type InitError = ();
    type Future = Ready<Result<RequireMiddleware<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(RequireMiddleware { require: self.0.clone(), inner: Rc::new(inner) }))
    }
}

/// A service behind [`Require`].
#[derive(Debug)]
#[doc(hidden)]
pub struct RequireMiddleware<S> {
    require: vouchsafe_web::Require,
    inner: Rc<S>,
}

impl<S, B> Service<ServiceRequest> for RequireMiddleware<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = LocalFuture<Result<Self::Response, Error>>;

    forward_ready!(inner);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (checked, inner) = (check(&self.require, request.request()), self.inner.clone());
        Box::pin(async move {
            match checked.await {
                Ok(_) => Ok(inner.call(request).await?.map_into_left_body()),
                Err(failure) => Ok(request.into_response(failure.error_response()).map_into_right_body()),
            }
        })
    }
}
