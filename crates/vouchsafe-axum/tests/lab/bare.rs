//! The pages of logins without a site, for everybody.
use axum::Router;
use tokio::net::TcpListener;
use vouchsafe::seal::KeyRing;
use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_axum::{LoggedIn, Logins};
use vouchsafe_sandbox::Sandbox;

use crate::all::axe;
use crate::all::chromium::in_browser;

#[tokio::test]
async fn everybody_can_use_the_pages_of_logins() {
    if !axe::is_installed() {
        return;
    }
    let application = async {
        let sandbox = Sandbox::start().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let registration = Registration::new(sandbox.client_id()).secret(sandbox.client_secret());
        let registration = registration.redirect_uri(format!("{url}/callback"));
        let client =
            Client::new(Provider::openid(sandbox.issuer()), registration, &Http::new().unwrap()).unwrap();
        let logins = Logins::new(client, KeyRing::generate().unwrap()).retry_at("/login");
        let app = Router::new().merge(logins.routes("/login", "/callback", |_: LoggedIn| async { "in" }));
        let server = tokio::spawn(async { axum::serve(listener, app).await });
        ((sandbox, server), url)
    };
    in_browser(application, async |browser, _| {
        browser.open("/login").await;
        browser.click_at("//button[@name='user'][@value='alice']").await;
        browser.click("Deny").await;
        browser.sees("You were not signed in").await;
        browser.is_accessible("a login that was declined").await;
        for language in ["en", "de", "fr", "es", "ko", "ja"] {
            browser.prefers(language).await;
            for path in
                ["/callback?code=x&state=y", "/login?client=nobody", "/login?return_to=//evil.example"]
            {
                browser.open(path).await;
                assert_eq!(browser.run("return document.documentElement.lang").await, language, "{path}");
                browser.is_accessible(&format!("{path} in {language}")).await;
            }
        }
    })
    .await;
}
