//! The access token in the requests of a reqwest client.
use reqwest::{Client, Request, Response};
use vouchsafe::vault::Bearer;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Sends a request with the token, and once more if the API refuses the token.
pub(crate) async fn send(
    client: &Client,
    bearer: &Bearer,
    mut request: Request,
) -> Result<Response, BoxError> {
    let (method, url) = (request.method().clone(), request.url().clone());
    // A body that is a stream cannot be sent twice.
    let again = request.try_clone();
    let Some((headers, sent)) = bearer.headers(&method, url.as_str()).await? else {
        return Ok(client.execute(request).await?);
    };
    request.headers_mut().extend(headers);
    let response = client.execute(request).await?;
    // reqwest does not take the token along to another origin, so the response from there says nothing about it.
    let is_from_api = response.url().origin() == url.origin();
    if !is_from_api || !bearer.is_refused(&sent, response.status(), response.headers()) {
        return Ok(response);
    }
    let Some(mut again) = again else { return Ok(response) };
    if let Some((headers, _)) = bearer.headers(&method, url.as_str()).await? {
        again.headers_mut().extend(headers);
    }
    Ok(client.execute(again).await?)
}
