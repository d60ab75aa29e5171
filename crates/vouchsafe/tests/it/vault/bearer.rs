//! The access token in requests to an API.
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, Request, StatusCode};
use vouchsafe::vault::Bearer;

use super::provider::{Expire, Rotating};
use super::source::source;

const API: &str = "https://api.example";

fn request(url: &str) -> Request<&'static str> {
    Request::builder().uri(url).body("body").unwrap()
}

fn challenge(text: Option<&str>) -> HeaderMap {
    text.into_iter().map(|text| (WWW_AUTHENTICATE, text.parse().unwrap())).collect()
}

async fn bearer(provider: &Rotating) -> Bearer {
    Bearer::new(source(provider, Expire::In(3600)).await, [API]).unwrap()
}

#[tokio::test]
async fn the_token_goes_to_the_named_origins_and_to_no_others() {
    let bearer = bearer(&Rotating::new()).await;
    for url in ["https://api.example/me", "https://api.example:443/a?b#c", "https://API.example"] {
        let mut request = request(url);
        assert!(bearer.authorize(&mut request).await.unwrap().is_some());
        let value = &request.headers()["authorization"];
        assert!(value == "Bearer access-1" && value.is_sensitive(), "{url}");
    }
    for url in [
        "http://api.example/me",
        "https://api.example:8443/me",
        "https://api.example.evil.example/me",
        "https://evil.example/https://api.example",
        "https://api.example@evil.example/",
        "https://sub.api.example/",
        "/me",
    ] {
        let mut request = request(url);
        assert!(bearer.authorize(&mut request).await.unwrap().is_none(), "{url}");
        assert!(request.headers().is_empty(), "{url}");
    }
}

#[tokio::test]
async fn a_text_that_is_no_origin_is_refused() {
    let provider = Rotating::new();
    for text in [
        "api.example",
        "https://api.example/v1",
        "http://api.example",
        "https://a@api.example",
        "*",
        "https://api.example?x",
    ] {
        let error = Bearer::new(source(&provider, Expire::In(3600)).await, [text]).unwrap_err();
        assert!(error.to_string().contains("is not an origin"), "{error}");
    }
    assert!(Bearer::new(source(&provider, Expire::In(3600)).await, ["http://127.0.0.1:8080"]).is_ok());
}

#[tokio::test]
async fn a_refused_token_is_replaced_and_other_refusals_replace_nothing() {
    let provider = Rotating::new();
    let bearer = bearer(&provider).await;
    let mut request = request("https://api.example/me");
    for (text, replaces) in [
        (Some(r#"Bearer error="insufficient_scope", scope="admin""#), false),
        (Some(r#"Bearer realm="x", error="invalid_token""#), true),
        (Some("Bearer"), true),
        (None, true),
    ] {
        let token = bearer.authorize(&mut request).await.unwrap().unwrap();
        let before = provider.requests();
        assert_eq!(
            bearer.is_refused(&token, StatusCode::UNAUTHORIZED, &challenge(text)),
            replaces,
            "{text:?}"
        );
        bearer.authorize(&mut request).await.unwrap();
        assert_eq!(provider.requests() - before, u32::from(replaces));
    }
    let token = bearer.authorize(&mut request).await.unwrap().unwrap();
    assert!(!bearer.is_refused(&token, StatusCode::FORBIDDEN, &challenge(None)));
}

#[cfg(feature = "tower")]
#[tokio::test]
async fn the_layer_sends_a_refused_request_once_more_with_another_token() {
    use std::convert::Infallible;
    use std::sync::{Arc, Mutex};

    use http::Response;
    use tower::{Layer, ServiceExt, service_fn};
    use vouchsafe::vault::BearerLayer;

    for (always, expected) in [
        (false, &["Bearer access-1", "Bearer access-2"][..]),
        (true, &["Bearer access-1", "Bearer access-2"]),
    ] {
        let provider = Rotating::new();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let api = service_fn({
            let seen = seen.clone();
            move |request: Request<&'static str>| {
                let value = request.headers()["authorization"].to_str().unwrap().to_owned();
                let is_old = always || value.ends_with('1');
                seen.lock().unwrap().push(value);
                let status = if is_old { 401 } else { 200 };
                async move { Ok::<_, Infallible>(Response::builder().status(status).body(()).unwrap()) }
            }
        });
        let service = BearerLayer::new(bearer(&provider).await).layer(api);
        let response = service.oneshot(request("https://api.example/me")).await.unwrap();
        assert_eq!(response.status().as_u16(), if always { 401 } else { 200 });
        assert_eq!(*seen.lock().unwrap(), expected);
    }
}
