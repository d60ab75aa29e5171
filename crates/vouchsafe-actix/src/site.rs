//! The site as a middleware.
use std::future::{Ready, ready};
use std::ops::Deref;
use std::rc::Rc;

use actix_web::body::{BodyStream, EitherBody, MessageBody, to_bytes_limited};
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::error::InternalError;
use actix_web::http::header::HeaderMap;
use actix_web::rt::time::timeout;
use actix_web::{Error, HttpMessage, HttpResponse};
use vouchsafe::seal::KeyRing;
use vouchsafe_web::{FORM_TIME, MAX_FORM, SiteBuilder};

use crate::border::{self, LocalFuture};
use crate::visit::Visit;

/// Sign-in for a whole application: a middleware around all its routes, which answers `/sign-in`, `/login/{provider}`, `/logout`
/// and the other routes of a [`vouchsafe_web::Site`], and gives the handlers [`User`](crate::User) and
/// [`Require`](crate::Require).
///
/// Wrap the application with it last, so that it is around all other middlewares. Make the site once, outside the function that
/// makes the application for each worker.
///
/// ```no_run
/// use actix_web::{App, web};
/// use vouchsafe::seal::KeyRing;
/// use vouchsafe_actix::{Site, User};
///
/// # fn app(google: vouchsafe::Client, github: vouchsafe::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let site = Site::builder("https://app.example.com", KeyRing::generate()?).provider(google).provider(github).build()?;
/// let hello = async |user: User| format!("Hello {}", user.name().unwrap_or("you"));
/// let app = move || App::new().route("/", web::get().to(hello)).wrap(Site(site.clone()));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Site(pub vouchsafe_web::Site);

impl Site {
    /// A site at this public URL: see [`vouchsafe_web::Site::builder`].
    pub fn builder(public_url: impl Into<String>, keys: KeyRing) -> SiteBuilder {
        vouchsafe_web::Site::builder(public_url, keys)
    }
}

impl Deref for Site {
    type Target = vouchsafe_web::Site;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<S, B> Transform<S, ServiceRequest> for Site
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = SiteMiddleware<S>;
    type InitError = ();
    type Future = Ready<Result<SiteMiddleware<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(SiteMiddleware { site: self.0.clone(), inner: Rc::new(inner) }))
    }
}

/// A service inside the middleware [`Site`].
#[derive(Debug)]
#[doc(hidden)]
pub struct SiteMiddleware<S> {
    site: vouchsafe_web::Site,
    inner: Rc<S>,
}

impl<S, B> Service<ServiceRequest> for SiteMiddleware<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = LocalFuture<Result<Self::Response, Error>>;

    forward_ready!(inner);

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let (site, inner) = (self.site.clone(), self.inner.clone());
        Box::pin(async move {
            let Some(parts) = border::parts(request.request()) else {
                return Ok(request.into_response(HttpResponse::BadRequest().finish()).map_into_right_body());
            };
            let visit = site.enter(&parts, request.peer_addr().map(|peer| peer.ip()));
            let mut payload = Some(request.take_payload());
            let form = async {
                let body = BodyStream::new(payload.take()?);
                let read = timeout(FORM_TIME, to_bytes_limited(body, MAX_FORM)).await;
                Some(read.ok()?.ok()?.ok()?.into())
            };
            if let Some(response) = site.respond(&visit, &parts, form).await {
                let mut response = border::response(response);
                leave(&visit, response.headers_mut());
                return Ok(request.into_response(response).map_into_right_body());
            }
            request.set_payload(payload.unwrap_or(Payload::None));
            request.extensions_mut().insert(Visit(visit.clone()));
            match inner.call(request).await {
                Ok(mut response) => {
                    leave(&visit, response.headers_mut());
                    Ok(response.map_into_left_body())
                }
                // Another middleware gave an error: its response carries the cookies too.
                Err(error) => {
                    let mut response = error.error_response();
                    leave(&visit, response.headers_mut());
                    Err(InternalError::from_response(error, response).into())
                }
            }
        })
    }
}

/// Completes the headers of a response.
fn leave(visit: &vouchsafe_web::Visit, headers: &mut HeaderMap) {
    let mut all = border::headers(headers);
    visit.leave(&mut all);
    border::replace(headers, &all);
}
