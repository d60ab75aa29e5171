//! A failure as a response.
use std::fmt;
use std::ops::Deref;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};

use crate::border;

/// Why a request does not go on: a [`vouchsafe_web::Failure`], which as a response is a page or a redirect for a person, and JSON
/// for a script.
#[derive(Clone, Debug)]
pub struct Failure(pub vouchsafe_web::Failure);

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status().as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        border::response(self.0.clone().response())
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
