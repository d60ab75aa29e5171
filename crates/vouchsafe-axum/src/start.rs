//! The extractor that starts a login.
use std::future::IntoFuture;
use std::pin::Pin;

use axum::extract::FromRequestParts;
use axum::response::Redirect;
use http::request::Parts;

use crate::web::rejection::LoginRejection;
use crate::web::start::StartLogin;

impl<S: Send + Sync> FromRequestParts<S> for StartLogin {
    type Rejection = LoginRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, LoginRejection> {
        Self::of(parts)
    }
}

impl IntoFuture for StartLogin {
    type Output = Result<Redirect, LoginRejection>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async {
            let context = self.context.clone();
            let started = self.start().await;
            started.map(|url| Redirect::to(&url)).map_err(|rejection| context.rejected(rejection))
        })
    }
}
