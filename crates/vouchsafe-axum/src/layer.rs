//! The layer around the handlers, and ready-made routes.
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::{RawQuery, Request};
use axum::handler::Handler;
use axum::middleware::Next;
use axum::response::{Redirect, Response};
use axum::routing::get;
use tower::{Layer, Service};
use vouchsafe_web::RequestContext;

use crate::logins::Logins;
use crate::rejection::LoginRejection;
use crate::start::StartLogin;

impl Logins {
    /// Two routes inside this layer: `login` starts a login, and at `callback`, the path of the redirect URI, `handler`
    /// receives the user as [`LoggedIn`](crate::LoggedIn), from GET and POST requests.
    ///
    /// `/login?client=github&return_to=/inbox` chooses the client and the path to return to; both may be missing. To
    /// customise logins, write the route with [`StartLogin`] yourself.
    ///
    /// ```no_run
    /// # fn f(logins: vouchsafe_axum::Logins) {
    /// use axum::{Router, response::Redirect};
    /// use vouchsafe_axum::LoggedIn;
    ///
    /// async fn callback(user: LoggedIn) -> Redirect {
    ///     // Make a session here.
    ///     Redirect::to(&user.return_to)
    /// }
    ///
    /// let app: Router = Router::new().merge(logins.routes("/login", "/callback/{client}", callback));
    /// # }
    /// ```
    ///
    /// # Panics
    /// If axum refuses one of the paths, as [`Router::route`] says.
    pub fn routes<H, T, S>(self, login: &str, callback: &str, handler: H) -> Router<S>
    where
        H: Handler<T, S>,
        T: 'static,
        S: Clone + Send + Sync + 'static,
    {
        Router::new().route(login, get(start)).route(callback, get(handler.clone()).post(handler)).layer(self)
    }

    /// Applies the layer to one request: for applications that choose the logins by the request, for example by its tenant.
    /// Give each tenant its own redirect URI. If tenants share one, the provider of one tenant can receive the code of another
    /// tenant's provider, and the library cannot detect that.
    ///
    /// ```no_run
    /// use axum::extract::{Request, State};
    /// use axum::{middleware::Next, response::Response};
    /// # #[derive(Clone)] struct Tenants;
    /// # impl Tenants { fn logins(&self, _: &Request) -> vouchsafe_axum::Logins { unreachable!() } }
    ///
    /// async fn with_tenant(State(tenants): State<Tenants>, request: Request, next: Next) -> Response {
    ///     tenants.logins(&request).run(request, next).await
    /// }
    /// ```
    pub async fn run(self, mut request: Request, next: Next) -> Response {
        let context = enter(&self, &mut request);
        let mut response = next.run(request).await;
        context.write(response.headers_mut());
        response
    }
}

async fn start(RawQuery(query): RawQuery, login: StartLogin) -> Result<Redirect, LoginRejection> {
    StartLogin(login.0.by_query(&query.unwrap_or_default())?).await
}

fn enter(logins: &Logins, request: &mut Request) -> RequestContext {
    let context = RequestContext::new(logins.0.clone());
    request.extensions_mut().insert(context.clone());
    context
}

impl<S> Layer<S> for Logins {
    type Service = LoginsService<S>;

    fn layer(&self, inner: S) -> LoginsService<S> {
        LoginsService { logins: self.clone(), inner }
    }
}

/// A service inside the layer [`Logins`].
#[derive(Clone, Debug)]
#[doc(hidden)]
pub struct LoginsService<S> {
    logins: Logins,
    inner: S,
}

impl<S> Service<Request> for LoginsService<S>
where
    S: Service<Request, Response = Response>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let context = enter(&self.logins, &mut request);
        let response = self.inner.call(request);
        Box::pin(async move {
            let mut response = response.await?;
            context.write(response.headers_mut());
            Ok(response)
        })
    }
}
