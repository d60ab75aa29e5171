//! What routes demand, as a layer.
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use tower::{Layer, Service};

use crate::failure::Failure;
use crate::user::check;

/// What routes demand of the person who opens them: a layer with the demands of [`vouchsafe_web::Require`]. Add it with
/// `route_layer`, which leaves paths without a route alone.
///
/// ```no_run
/// use std::time::Duration;
/// use axum::{Router, routing::get};
/// use vouchsafe_axum::Require;
///
/// let admin: Router = Router::new()
///     .route("/admin", get("Hello"))
///     .route_layer(Require::role("admin").and_fresh(Duration::from_secs(300)));
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

impl<S> Layer<S> for Require {
    type Service = RequireService<S>;

    fn layer(&self, inner: S) -> RequireService<S> {
        RequireService { require: self.clone(), inner }
    }
}

/// A service behind the layer [`Require`].
#[derive(Clone, Debug)]
#[doc(hidden)]
pub struct RequireService<S> {
    require: Require,
    inner: S,
}

impl<S> Service<Request> for RequireService<S>
where
    S: Service<Request> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let require = self.require.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match check(&require.0, &mut parts).await {
                Ok(_) => Ok(inner.call(Request::from_parts(parts, body)).await?.into_response()),
                Err(failure) => Ok(Failure(failure).into_response()),
            }
        })
    }
}
