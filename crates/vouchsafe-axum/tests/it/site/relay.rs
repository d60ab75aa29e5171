//! Preview deployments that sign people in through the redirect URIs of another site.
use axum::http::{Method, StatusCode};
use vouchsafe::seal::KeyRing;
use vouchsafe_axum::Site;

use crate::scenario::Browser;
use crate::site::scenario::{PUBLIC, Whole, app, builder};

const FIXED: &str = "http://127.0.0.1:4000";

fn shared() -> KeyRing {
    KeyRing::new(&[9; 32]).unwrap()
}

#[tokio::test]
async fn a_preview_signs_people_in_through_the_fixed_site() {
    let whole = Whole::with(|builder, store| builder.store(store).via_relay(FIXED, shared())).await;
    let fixed = |origins: [&str; 1]| {
        let site = builder(FIXED, &whole.first, &whole.second).relay_for(shared(), origins);
        Browser::at(app(Site(site.build().unwrap())))
    };
    let mut preview = whole.browser();
    let url = preview.open("/login/a?return_to=/protected").await.location();
    assert!(url.contains("redirect_uri=http%3A%2F%2F127.0.0.1%3A4000%2Fcallback%2Fa&"), "{url}");
    let callback = whole.first.person("alice").allow(&url).await.unwrap();
    let callback = callback.strip_prefix(FIXED).unwrap();

    let page = fixed(["http://127.0.0.1:5000"]).open(callback).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "not an origin that it serves");
    let mut fixed = fixed([PUBLIC]);
    let page = fixed.ask(crate::site::scenario::navigation(Method::HEAD, callback), Default::default()).await;
    assert!(page.status.is_client_error(), "nobody looks");
    let place = fixed.open(callback).await.location();
    assert!(place.starts_with(&format!("{PUBLIC}/callback/a?")), "{place}");
    assert!(whole.first.requests_to("/token").is_empty(), "the fixed site spends no code");

    // In another browser it is worth nothing.
    assert_eq!(whole.browser().open(&place).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(preview.open(&place).await.location(), "/protected");
    assert_eq!(preview.open("/").await.text, "in");

    // The fixed site signs its own people in.
    let url = fixed.open("/login/a").await.location();
    let callback = whole.first.person("bob").allow(&url).await.unwrap();
    assert_eq!(fixed.open(callback.strip_prefix(FIXED).unwrap()).await.location(), "/");
}

#[tokio::test]
async fn a_state_that_nobody_signed_goes_nowhere() {
    // RFC 9700 §2.1.
    let whole = Whole::with(|builder, store| builder.store(store).relay_for(shared(), [PUBLIC])).await;
    let mut browser = whole.browser();
    let foreign =
        KeyRing::new(&[8; 32]).unwrap().seal("vouchsafe relay", "state", "S https://evil.example").unwrap();
    for state in [&*foreign, "S", "https://evil.example"] {
        let page = browser.open(&format!("/callback/a?code=c&state={state}")).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{state}");
    }
    for pattern in ["https://*", "evil.example", "https://*.com", "http://preview.example.com"] {
        let site = builder(PUBLIC, &whole.first, &whole.second).relay_for(shared(), [pattern]);
        assert!(site.build().unwrap_err().to_string().contains("https://*.preview.example.com"), "{pattern}");
    }
}
