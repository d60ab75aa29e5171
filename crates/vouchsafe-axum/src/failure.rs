//! A failure as a response.
use std::fmt;
use std::ops::Deref;

use axum::body::Body;
use axum::response::{IntoResponse, Response};

/// Why a request does not go on: a [`vouchsafe_web::Failure`], which as a response is a page or a redirect for a person, and JSON
/// for a script.
#[derive(Clone, Debug)]
pub struct Failure(pub vouchsafe_web::Failure);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.0.response().map(Body::from)
    }
}

impl Deref for Failure {
    type Target = vouchsafe_web::Failure;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<E: Into<vouchsafe_web::Failure>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
