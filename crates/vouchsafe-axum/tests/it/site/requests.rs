//! Authorization requests that the provider fetches from the site.
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use url::Url;
use vouchsafe::{Client, Http, Provider, Registration, SigningKey};
use vouchsafe_sandbox::Sandbox;

use super::scenario::{PUBLIC, Whole};
use crate::scenario::Browser;

/// A client whose requests the provider fetches at this URL.
fn signing(sandbox: &Sandbox, base: &str) -> Client {
    let key = SigningKey::from_pem(SigningKey::generate_pem("ES256").unwrap()).unwrap();
    let registration =
        Registration::new(sandbox.client_id()).secret(sandbox.client_secret()).request_key(key);
    let builder = Client::builder(Provider::openid(sandbox.issuer()), registration);
    builder.serve_requests_at(base).build(&Http::new().unwrap()).unwrap()
}

#[tokio::test]
async fn the_provider_fetches_the_request_of_a_login_at_any_instance() {
    let whole = Whole::new().await;
    let base = format!("{PUBLIC}/request");
    let [one, other] = [(); 2].map(|()| whole.rebuilt(|first, _| signing(first, &base)));
    let url = Url::parse(&Browser::at(one).open("/login/a").await.location()).unwrap();
    let value = |name: &str| {
        let mut values = url.query_pairs().filter(|(known, _)| known == name);
        values.next().map(|(_, value)| value.into_owned())
    };
    let uri = value("request_uri").unwrap();
    assert!(uri.starts_with(&base) && value("redirect_uri").is_none(), "{url}");
    for _ in 0..2 {
        let page = Browser::at(other.clone()).open(&uri).await;
        assert_eq!(page.status, StatusCode::OK);
        assert_eq!(page.headers[CONTENT_TYPE], "application/oauth-authz-req+jwt");
        assert_eq!(page.headers[CACHE_CONTROL], "no-store");
        assert_eq!(page.text.split('.').count(), 3, "{}", page.text);
        assert!(!page.headers.contains_key("set-cookie"));
    }
    let unknown = Browser::at(other).open(&format!("{uri}x")).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_login_whose_request_nobody_would_serve_does_not_start() {
    let whole = Whole::new().await;
    for base in ["http://127.0.0.1:3000/requests", "https://elsewhere.example/request"] {
        let app = whole.rebuilt(|first, _| signing(first, base));
        let page = Browser::at(app).open("/login/a").await;
        assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR, "{base}");
        assert!(!page.headers.contains_key("set-cookie"), "{base}");
    }
}
