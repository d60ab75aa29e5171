//! Responses with JSON, and the paths to which people are sent.
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use serde_json::Value;
use url::form_urlencoded;

/// A response with JSON.
pub(crate) fn json(status: StatusCode, value: &Value) -> Response<String> {
    let mut response = Response::new(value.to_string());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A path of this site, with the path to return to.
pub(crate) fn with_return_to(path: &str, return_to: Option<&str>) -> String {
    match return_to {
        Some(to) => format!(
            "{path}?{}",
            form_urlencoded::Serializer::new(String::new()).append_pair("return_to", to).finish()
        ),
        None => path.to_owned(),
    }
}
