//! An API behind access tokens: the layer that checks them, the extractor of their claims, and the route of the API's metadata.
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, OriginalUri, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, StatusCode, Uri};
use tower::{Layer, Service};
use vouchsafe::{AccessTokenClaims, PeerCertificate, Refusal, ResourceServer};

/// The layer around the routes of an API: it lets only requests with a valid access token through, and gives their handlers
/// [`BearerClaims`].
///
/// ```no_run
/// # fn f(api: vouchsafe::ResourceServer) {
/// use axum::{Router, routing::get};
/// use vouchsafe_axum::{BearerClaims, Protected};
///
/// async fn orders(claims: BearerClaims) -> String {
///     format!("the orders of {}", claims.subject().unwrap_or("nobody"))
/// }
///
/// let protected = Protected::new(&api).scope("orders:read");
/// let app: Router =
///     Router::new().route("/orders", get(orders)).route_layer(protected.clone()).merge(protected.metadata_route());
/// # }
/// ```
///
/// A request that is refused gets the status and the challenges of its [`Refusal`], and a JSON body with `error` and
/// `error_description`. The response has the [`Refusal`] as an extension: its [`reason`](Refusal::reason) is for your log.
///
/// Access tokens that are bound to a certificate are compared with the [`PeerCertificate`] in the extensions of the request, or with the
/// one in the header of a proxy (`ResourceServerBuilder::certificate_header`). If the API demands nonces in DPoP proofs, each response has
/// the current one.
///
/// Browsers send CORS preflights without an access token: put the layer that answers them outside this one.
#[derive(Clone, Debug)]
pub struct Protected {
    api: ResourceServer,
    scopes: Arc<Vec<String>>,
}

impl Protected {
    /// Accepts every access token that is valid at this API.
    pub fn new(api: &ResourceServer) -> Self {
        Self { api: api.clone(), scopes: Arc::default() }
    }

    /// Requires this scope too.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.scopes).push(scope.into());
        self
    }

    /// The route of the API's metadata (RFC 9728), which everybody may read. Its path begins with `/.well-known`, so it belongs to the
    /// outermost router.
    pub fn metadata_route<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let document = Arc::<str>::from(self.api.metadata());
        let respond = move || async move {
            let headers = [(CONTENT_TYPE, "application/json"), (ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
            (headers, document.to_string())
        };
        Router::new().route(self.api.metadata_path(), get(respond))
    }

    async fn check(&self, parts: &Parts) -> Result<AccessTokenClaims, Refusal> {
        let scopes: Vec<_> = self.scopes.iter().map(String::as_str).collect();
        let certificate = parts.extensions.get::<PeerCertificate>();
        let api = certificate.map(|certificate| self.api.with_certificate(certificate.clone()));
        let api = api.as_ref().unwrap_or(&self.api);
        api.check(&parts.method, &path_of(parts), &parts.headers, &scopes).await
    }
}

impl<S> Layer<S> for Protected {
    type Service = ProtectedService<S>;

    fn layer(&self, inner: S) -> ProtectedService<S> {
        ProtectedService { protected: self.clone(), inner }
    }
}

/// A service inside the layer [`Protected`].
#[derive(Clone, Debug)]
#[doc(hidden)]
pub struct ProtectedService<S> {
    protected: Protected,
    inner: S,
}

impl<S> Service<Request> for ProtectedService<S>
where
    S: Service<Request, Response = Response> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // The service that is ready is used now; its clone has to become ready first.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let protected = self.protected.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match protected.check(&parts).await {
                Ok(claims) => {
                    parts.extensions.insert(BearerClaims(claims));
                    let mut response = inner.call(Request::from_parts(parts, body)).await?;
                    // RFC 9449 §8.2: the client has the next nonce before it needs it.
                    give_nonce(&mut response, protected.api.dpop_nonce().as_deref());
                    Ok(response)
                }
                Err(refusal) => Ok(refused(refusal)),
            }
        })
    }
}

/// The path as the client sent it: a nested router sees a part of it.
fn path_of(parts: &Parts) -> String {
    let original = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
    original
        .path_and_query()
        .map_or_else(|| Uri::default().path().to_owned(), |path| path.as_str().to_owned())
}

fn give_nonce(response: &mut Response, nonce: Option<&str>) {
    if let Some(nonce) = nonce.and_then(|nonce| HeaderValue::from_str(nonce).ok()) {
        response.headers_mut().insert("dpop-nonce", nonce);
    }
}

fn refused(refusal: Refusal) -> Response {
    let (code, text) = (refusal.code().unwrap_or("token_required"), refusal.description());
    let body = format!(r#"{{"error":"{code}","error_description":"{text}"}}"#);
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = refusal.status();
    give_nonce(&mut response, refusal.dpop_nonce());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for challenge in refusal.www_authenticate().filter_map(|text| HeaderValue::from_str(text).ok()) {
        headers.append(WWW_AUTHENTICATE, challenge);
    }
    if let Some(wait) = refusal.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    }
    response.extensions_mut().insert(refusal);
    response
}

/// The claims of the request's access token, in a handler inside the layer [`Protected`].
#[derive(Clone, Debug)]
pub struct BearerClaims(pub AccessTokenClaims);

impl Deref for BearerClaims {
    type Target = AccessTokenClaims;

    fn deref(&self) -> &AccessTokenClaims {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for BearerClaims {
    type Rejection = Response;

    /// Without the layer, nobody has checked the token: the response has the status 500.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let outside = || {
            let text = "The route is outside the layer vouchsafe_axum::Protected.";
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        };
        parts.extensions.get::<Self>().cloned().ok_or_else(outside)
    }
}
