//! The access token in the requests of a client made of tower services.
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::bearer::Bearer;

/// A layer that puts the token of a [`Bearer`] into requests. If the API refuses the token, it gets another one and sends the request once
/// more; the same if the API wants a proof with its nonce (RFC 9449 section 9).
///
/// The body has to be one that can be cloned, such as `Full<Bytes>` or `String`, because the request may be sent twice.
#[derive(Clone, Debug)]
pub struct BearerLayer {
    bearer: Bearer,
}

impl BearerLayer {
    /// The layer for these origins and this source.
    pub fn new(bearer: Bearer) -> Self {
        Self { bearer }
    }
}

impl<S> Layer<S> for BearerLayer {
    type Service = BearerService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        BearerService { bearer: self.bearer.clone(), inner }
    }
}

/// A service with the token of a [`Bearer`] in its requests: see [`BearerLayer`].
#[derive(Clone)]
pub struct BearerService<S> {
    bearer: Bearer,
    inner: S,
}

impl<S> fmt::Debug for BearerService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerService").field("bearer", &self.bearer).finish_non_exhaustive()
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl<S, B, R> Service<Request<B>> for BearerService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Clone + Send + 'static,
    R: Send,
{
    type Response = Response<R>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The service that is ready sends the request; its clone may not be ready.
        let clone = self.inner.clone();
        let (bearer, mut inner) = (self.bearer.clone(), std::mem::replace(&mut self.inner, clone));
        Box::pin(async move {
            let mut refused = Vec::new();
            loop {
                let again = request.clone();
                let Some(sent) = bearer.authorize(&mut request).await? else {
                    return inner.call(request).await.map_err(Into::into);
                };
                let response = inner.call(request).await.map_err(Into::into)?;
                // Once for each reason.
                match bearer.refused(&sent, response.status(), response.headers()) {
                    Some(reason) if !refused.contains(&reason) => refused.push(reason),
                    _ => return Ok(response),
                }
                request = again;
                std::future::poll_fn(|context| inner.poll_ready(context)).await.map_err(Into::into)?;
            }
        })
    }
}
