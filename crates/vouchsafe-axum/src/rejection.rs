//! The rejection as a response.
use axum::body::Body;
use axum::response::{IntoResponse, Response};

use crate::web::rejection::LoginRejection;

impl IntoResponse for LoginRejection {
    fn into_response(self) -> Response {
        self.page().map(Body::from)
    }
}
