//! `/request/{id}`: an authorization request that its provider fetches (`request_uri`, RFC 9101 section 5.2).
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};

use crate::site::failure::Failure;
use crate::site::routes::asked::Asked;

pub(super) async fn respond(asked: &Asked<'_>, id: &str) -> Result<Response<String>, Failure> {
    let found = asked.visit.site().inner.requests.find(id).await?;
    let object = found.ok_or_else(|| {
        Failure::not_found("not_found", "there is no authorization request of this name: its login is over")
    })?;
    let mut response = Response::new(object.expose().to_owned());
    let kind = HeaderValue::from_static("application/oauth-authz-req+jwt");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}
