//! Providers that are found at run time.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::StatusCode;
use vouchsafe::Client;
use vouchsafe::http::BoxFuture;
use vouchsafe::seal::KeyRing;
use vouchsafe_axum::Site;
use vouchsafe_sandbox::Sandbox;
use vouchsafe_web::{ProviderSource, SourceError};

use crate::scenario::{Browser, SECRET};
use crate::site::scenario::{PUBLIC, app, client};

/// The providers of tenants, and how often they were looked up.
struct Tenants {
    acme: Client,
    issuer: String,
    lookups: Arc<AtomicUsize>,
}

impl ProviderSource for Tenants {
    fn provider<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Client>, SourceError>> {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            match name {
                "acme" => Ok(Some(self.acme.clone())),
                "broken" => Err("the database is away".into()),
                _ => Ok(None),
            }
        })
    }

    fn name_for_domain<'a>(&'a self, domain: &'a str) -> BoxFuture<'a, Result<Option<String>, SourceError>> {
        Box::pin(async move { Ok((domain == "acme.example").then(|| "acme".to_owned())) })
    }

    fn name_for_issuer<'a>(&'a self, issuer: &'a str) -> BoxFuture<'a, Result<Option<String>, SourceError>> {
        Box::pin(async move { Ok((issuer == self.issuer).then(|| "acme".to_owned())) })
    }
}

#[tokio::test]
async fn a_person_of_a_tenant_signs_in_at_the_tenant_s_provider() {
    let sandbox = Sandbox::start().await.unwrap();
    let lookups = Arc::new(AtomicUsize::new(0));
    let tenants =
        Tenants { acme: client(&sandbox), issuer: sandbox.issuer().to_owned(), lookups: lookups.clone() };
    let site = Site::builder(PUBLIC, KeyRing::new(&SECRET).unwrap()).provider_source(tenants);
    let mut browser = Browser::at(app(Site(site.build().unwrap())));

    let page = browser.open("/sign-in?return_to=/protected").await;
    assert!(page.text.contains("<label for=\"sign-in-address\">"), "{}", page.text);
    assert!(page.text.contains("method=\"post\" action=\"/sign-in\""), "{}", page.text);
    let page = browser.submit("/sign-in", "email=jane@other.example").await;
    assert!(page.text.contains("No organisation here uses this address"), "{}", page.text);
    // An address is in no URL of this site, and one that is there does nothing.
    let page = browser.open("/sign-in?email=Jane@ACME.example").await;
    assert_eq!(page.status, StatusCode::OK);
    let evil = browser.submit_from("https://evil.example", "/sign-in", "email=Jane@ACME.example").await;
    assert_eq!(evil.status, StatusCode::FORBIDDEN);
    let url = browser.submit("/sign-in", "email=Jane@ACME.example&return_to=/protected").await.location();
    assert!(url.starts_with(sandbox.issuer()) && url.contains("login_hint=Jane%40ACME.example"), "{url}");
    assert!(url.contains("redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fcallback%2Facme&"), "{url}");
    let callback = sandbox.person("alice").allow(&url).await.unwrap();
    assert_eq!(browser.open(&callback).await.location(), "/protected");
    assert_eq!(browser.json("/api/me").await["identities"][0], "acme");
    assert_eq!(browser.open("/api/token/acme").await.status, StatusCode::OK);
    assert_eq!(lookups.load(Ordering::Relaxed), 1, "it is remembered");

    let place = format!("/initiate-login?iss={}", sandbox.issuer());
    assert!(browser.open(&place).await.location().starts_with(sandbox.issuer()));
    assert_eq!(browser.open("/login/nobody").await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.open("/login/broken").await.status, StatusCode::SERVICE_UNAVAILABLE);
    let before = lookups.load(Ordering::Relaxed);
    for name in ["a.b", "%61cme", "a%20b", &"x".repeat(65)] {
        assert_eq!(browser.open(&format!("/login/{name}")).await.status, StatusCode::NOT_FOUND, "{name}");
    }
    assert_eq!(lookups.load(Ordering::Relaxed), before, "such names are not looked up");
}
