//! The site as a layer.
use std::net::SocketAddr;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, OriginalUri, Request};
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;
use tower::{Layer, Service};
use vouchsafe::seal::KeyRing;
use vouchsafe_web::{FORM_TIME, MAX_FORM, SiteBuilder};

/// Sign-in for a whole application: a layer around all its routes, which answers `/sign-in`, `/login/{provider}`, `/logout` and the
/// other routes of a [`vouchsafe_web::Site`], and gives the handlers [`User`](crate::User) and [`Require`](crate::Require).
///
/// ```no_run
/// use axum::{Router, routing::get};
/// use vouchsafe::seal::KeyRing;
/// use vouchsafe_axum::{Site, User};
///
/// # fn app(google: vouchsafe::Client, github: vouchsafe::Client) -> Result<Router, Box<dyn std::error::Error>> {
/// let site = Site::builder("https://app.example.com", KeyRing::generate()?).provider(google).provider(github).build()?;
/// let hello = |user: User| async move { format!("Hello {}", user.name().unwrap_or("you")) };
/// let app: Router = Router::new().route("/", get(hello)).layer(Site(site));
/// # Ok(app) }
/// ```
///
/// Add it last, so that it is around all other layers and routes. Serve the application with
/// `into_make_service_with_connect_info::<SocketAddr>()`: without the address of the browser, no proxy is trusted, and the list of
/// devices shows no addresses.
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

impl<S> Layer<S> for Site {
    type Service = SiteService<S>;

    fn layer(&self, inner: S) -> SiteService<S> {
        SiteService { site: self.0.clone(), inner }
    }
}

/// A service inside the layer [`Site`].
#[derive(Clone, Debug)]
#[doc(hidden)]
pub struct SiteService<S> {
    site: vouchsafe_web::Site,
    inner: S,
}

impl<S> Service<Request> for SiteService<S>
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
        let site = self.site.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
            // A nested router removes its own part of the path.
            let whole = parts.extensions.get::<OriginalUri>().map(|OriginalUri(uri)| uri.clone());
            let routed = whole.map(|whole| std::mem::replace(&mut parts.uri, whole));
            let visit = site.enter(&parts, peer);
            let mut body = Some(body);
            let form = async {
                let body = body.take()?;
                Some(timeout(FORM_TIME, to_bytes(body, MAX_FORM)).await.ok()?.ok()?.into())
            };
            let mut response = match site.respond(&visit, &parts, form).await {
                Some(response) => response.map(Body::from),
                None => {
                    if let Some(routed) = routed {
                        parts.uri = routed;
                    }
                    parts.extensions.insert(visit.clone());
                    let request = Request::from_parts(parts, body.unwrap_or_default());
                    inner.call(request).await?.into_response()
                }
            };
            visit.leave(response.headers_mut());
            Ok(response)
        })
    }
}
