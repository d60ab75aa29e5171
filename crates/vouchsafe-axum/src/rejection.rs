//! The rejection as a response.
use std::fmt;
use std::ops::Deref;

use axum::body::Body;
use axum::response::{IntoResponse, Response};

/// Why nobody signed in: a [`vouchsafe_web::LoginRejection`], which as a response is its page.
#[derive(Clone, Debug)]
pub struct LoginRejection(pub vouchsafe_web::LoginRejection);

impl IntoResponse for LoginRejection {
    fn into_response(self) -> Response {
        self.0.page().map(Body::from)
    }
}

impl Deref for LoginRejection {
    type Target = vouchsafe_web::LoginRejection;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<E: Into<vouchsafe_web::LoginRejection>> From<E> for LoginRejection {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for LoginRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for LoginRejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
