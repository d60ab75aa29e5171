//! Walks every provider of the demo through all of its pages, and looks for secrets, wrong titles and buttons that do not work.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tower::ServiceExt as _;
use url::Url;
use vouchsafe_providers::{Definition, Kind};
use vouchsafe_sandbox::{Endpoint, Fault, Place, RecordedRequest, Step::Login};

use super::fault::setting;
use super::offers::Offer;
use super::session::App;

/// A browser at the demo, and what it has seen.
pub(super) struct Browser {
    pub(super) app: Arc<App>,
    router: Router,
    cookies: BTreeMap<String, String>,
    /// The secrets that the walk itself has found out.
    secrets: BTreeSet<String>,
}

pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) location: Option<String>,
    pub(super) html: String,
}

impl Browser {
    pub(super) fn new(app: &Arc<App>) -> Self {
        let (cookies, secrets) = (BTreeMap::new(), BTreeSet::new());
        Self { app: app.clone(), router: super::router(app.clone()), cookies, secrets }
    }

    fn headers(&self) -> HeaderMap {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        HeaderMap::from_iter([(COOKIE, cookies.join("; ").parse().unwrap())])
    }

    pub(super) async fn send(&mut self, method: Method, path: &str, form: String) -> Page {
        self.request(method, path, "application/x-www-form-urlencoded", form).await
    }

    pub(super) async fn post(&mut self, path: &str, kind: &str, body: String) -> Page {
        self.request(Method::POST, path, kind, body).await
    }

    async fn request(&mut self, method: Method, path: &str, kind: &str, body: String) -> Page {
        let path = path.strip_prefix(&self.app.origin).unwrap_or(path);
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        *request.headers_mut() = self.headers();
        request.headers_mut().insert(HOST, self.app.origin.trim_start_matches("http://").parse().unwrap());
        request.headers_mut().insert(CONTENT_TYPE, kind.parse().unwrap());
        let response = self.router.clone().oneshot(request).await.unwrap();
        for cookie in response.headers().get_all(SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let (value, attributes) = rest.split_once(';').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            }
        }
        let location = response.headers().get(LOCATION).map(|url| url.to_str().unwrap().to_owned());
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let html = String::from_utf8(body.to_vec()).unwrap();
        // The list of all providers is long, and always the same.
        let (before, list) = html.split_once("<ul class=\"many\"").unwrap_or((&html, ""));
        let html = format!("{before}{}", list.split_once("</ul>").map_or("", |(_, after)| after));
        Page { status, location, html }
    }

    pub(super) async fn open(&mut self, path: &str) -> Page {
        self.send(Method::GET, path, String::new()).await
    }

    /// The page to which the demo redirects after an action or a login.
    async fn home(&mut self) -> Page {
        let page = self.open("/").await;
        assert_eq!(page.status, StatusCode::OK);
        self.learn_tokens().await;
        self.shows_no_secret(&page);
        page
    }

    /// Presses a button of a page.
    async fn press(&mut self, page: &Page, action: &str) -> Page {
        let (_, form) =
            page.html.split_once(&format!("action=\"{action}\"")).expect("there is such a button");
        let csrf = form.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let done = self.send(Method::POST, action, format!("csrf={csrf}")).await;
        assert_eq!((done.status, done.location.as_deref()), (StatusCode::SEE_OTHER, Some("/")));
        self.home().await
    }

    /// Starts a login at a provider; the authorization URL.
    async fn start(&mut self, offer: &Offer) -> String {
        let definition = offer.provider.definition();
        let page = self.open(&format!("/login/{}", offer.slug)).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text());
        let url = page.location.unwrap();
        for name in ["state", "nonce"] {
            let name = definition.authorization.names.get(name).map_or(name, String::as_str);
            self.secrets.extend(param(&url, name));
        }
        url
    }

    /// Brings the provider's response to the demo, as a form if the provider posts it.
    async fn bring(&mut self, callback: &str, definition: &Definition) -> Page {
        self.secrets.extend(param(callback, "code").map(|code| {
            let suffix = definition.callback.code_suffix.as_deref().unwrap_or_default();
            code.strip_suffix(suffix).unwrap_or(&code).to_owned()
        }));
        let is_posted =
            definition.authorization.params.get("response_mode").is_some_and(|m| m == "form_post");
        match callback.split_once('?') {
            Some((path, form)) if is_posted => self.send(Method::POST, path, form.to_owned()).await,
            _ => self.open(callback).await,
        }
    }

    async fn learn_tokens(&mut self) {
        let Some(session) = self.app.sessions.find(&self.headers()) else { return };
        let visitor = session.visitor.lock().await;
        let Some(user) = &visitor.user else { return };
        let tokens = &user.login.tokens;
        self.secrets.insert(tokens.access_token().expose().to_owned());
        self.secrets.extend(tokens.refresh_token().map(|token| token.expose().to_owned()));
        self.secrets.extend(tokens.id_token().map(|token| token.expose().to_owned()));
    }

    /// The secrets that only the client knew before it sent them: verifiers, signed client secrets, credentials in headers.
    fn learn_requests(&mut self, requests: &[RecordedRequest], definition: &Definition) {
        for request in requests {
            let credentials = request.header("authorization").and_then(|value| value.rsplit(' ').next());
            self.secrets.extend(credentials.map(str::to_owned));
            let json: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            for name in ["code_verifier", "client_secret"] {
                let name = definition.token.names.get(name).map_or(name, String::as_str);
                let member = json.get(name).and_then(Value::as_str).map(str::to_owned);
                let found = [request.query_value(name), request.form_value(name), member];
                self.secrets.extend(found.into_iter().flatten().filter(|secret| !secret.is_empty()));
            }
            let proof = definition.userinfo.proof.as_ref().and_then(|name| request.query_value(name));
            self.secrets.extend(proof);
        }
    }

    #[track_caller]
    fn shows_no_secret(&self, page: &Page) {
        for secret in &self.secrets {
            assert!(!page.html.contains(secret.as_str()), "a page shows {secret}: {}", page.text());
            let encoded = STANDARD.encode(secret);
            assert!(!page.html.contains(encoded.trim_end_matches('=')), "a page shows {secret} in base64");
        }
        assert!(page.html.contains("vouchsafe demo"), "{}", page.text());
    }
}

impl Page {
    pub(super) fn text(&self) -> String {
        self.html.split('<').filter_map(|part| Some(part.split_once('>')?.1)).collect()
    }

    fn has(&self, action: &str) -> bool {
        self.html.contains(&format!("action=\"{action}\""))
    }

    pub(super) fn titles(&self) -> Vec<&str> {
        let titles = self.html.split("<span class=\"title\">").skip(1);
        titles.map(|title| title.split('<').next().unwrap().trim()).collect()
    }
}

fn param(url: &str, name: &str) -> Option<String> {
    let url = Url::parse(url).unwrap();
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// The title of a request by the endpoint that it went to.
fn title(request: &RecordedRequest, metadata: &Value, definition: &Definition) -> &'static str {
    let is_at = |endpoint: Option<&str>| endpoint.is_some_and(|url| fits(&marked(url), &request.path));
    let named = |name: &str| is_at(metadata.get(name).and_then(Value::as_str));
    let emails = definition.identity.emails.as_ref().and_then(|list| list.endpoint.as_deref());
    if request.path.contains("/.well-known/") || is_at(definition.discovery.as_deref()) {
        "Discovery"
    } else if is_at(definition.token_endpoint.as_deref()) || named("token_endpoint") {
        "Token request"
    } else if named("jwks_uri") {
        "Keys"
    } else if is_at(definition.userinfo_endpoint.as_deref()) || named("userinfo_endpoint") {
        "Profile"
    } else if is_at(emails) {
        "E-mail addresses"
    } else {
        panic!("{} is no endpoint", request.path)
    }
}

/// The path of an endpoint, with a star in place of each mark.
fn marked(url: &str) -> String {
    let mut parts = url.split('{');
    let first = parts.next().unwrap().to_owned();
    let url = parts.fold(first, |url, part| format!("{url}*{}", part.split_once('}').unwrap().1));
    let path = url.split_once("://").unwrap().1.split_once('/').unwrap().1.to_owned();
    format!("/{}", path.split('?').next().unwrap())
}

/// Whether a path fits a template: each segment with a star fits every segment.
fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    let fits = |(own, other): (&&str, &&str)| own == other || own.contains('*');
    template.len() == path.len() && template.iter().zip(&path).all(fits)
}

async fn walk(app: &Arc<App>, offer: &Offer) {
    let (sandbox, definition) = (&app.masks.sandbox, offer.provider.definition());
    let mut browser = Browser::new(app);
    let acted = sandbox.provider(offer.slug).filter(|_| offer.hint.is_none());
    browser
        .secrets
        .insert(acted.map_or(sandbox.client_secret().to_owned(), |acted| acted.client_secret().to_owned()));
    browser.secrets.remove("");

    // Sign in.
    sandbox.clear_requests();
    let url = browser.start(offer).await;
    let before = sandbox.requests();
    browser.home().await;
    let alice = sandbox.person("alice");
    let callback = alice.allow(&url).await.unwrap();
    sandbox.clear_requests();
    let done = browser.bring(&callback, definition).await;
    if definition.identity.subject.is_empty() && definition.kind == Kind::Oauth2 && offer.hint.is_none() {
        browser.shows_no_secret(&done);
        assert!(done.html.contains("This provider cannot say who you are"), "{}", done.text());
        assert_eq!(done.titles().last(), Some(&"Not signed in"));
        return;
    }
    assert_eq!(
        (done.status, done.location.as_deref()),
        (StatusCode::SEE_OTHER, Some("/")),
        "{}",
        done.text()
    );
    let after = sandbox.requests();
    browser.learn_requests(&after, definition);
    let metadata = metadata(app, &browser).await;
    let mut page = browser.home().await;
    let titles = |requests: &[RecordedRequest]| -> Vec<_> {
        requests.iter().map(|request| title(request, &metadata, definition)).collect()
    };
    let mut expected = vec!["Start of the login"];
    expected.extend(titles(&before));
    expected.extend(["Authorization request", "Sign-in and consent", "Authorization response"]);
    expected.extend(titles(&after));
    expected.push("Signed in");
    assert_eq!(page.titles().first(), expected.first());
    assert_eq!(page.titles().last(), expected.last());
    // Keys and tokens are requested at the same time.
    let sorted = |mut titles: Vec<_>| {
        titles.sort_unstable();
        titles.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(sorted(page.titles()), sorted(expected.clone()));
    let mut expected: Vec<_> = page.titles().into_iter().map(str::to_owned).collect();

    // Refresh and revoke, if the provider can.
    let has_refresh_token = page.html.contains("refresh_token") || definition.refreshing.access_token;
    assert!(page.has("/refresh") <= definition.refresh, "it does not refresh");
    assert!(page.has("/refresh") || !(definition.refresh && has_refresh_token), "it refreshes");
    let revokes = definition.revocation_endpoint.is_some() || metadata.get("revocation_endpoint").is_some();
    assert_eq!(page.has("/revoke"), revokes, "whether it revokes");
    if page.has("/refresh") {
        sandbox.clear_requests();
        page = refresh(&mut browser, &page, &mut expected).await;
        browser.learn_requests(&sandbox.requests(), definition);
        browser.home().await;
    }
    if page.has("/revoke") {
        sandbox.clear_requests();
        page = browser.press(&page, "/revoke").await;
        browser.learn_requests(&sandbox.requests(), definition);
        expected.push("Revocation".to_owned());
        assert!(page.html.contains("<b>Revoked</b>"), "{}", page.text());
        assert_eq!(page.titles(), expected);
        assert!(!page.has("/revoke"), "what is revoked cannot be revoked again");
        if page.has("/refresh") && page.html.contains("it will refuse") {
            assert!(page.html.contains("Try to refresh"));
            page = browser.press(&page, "/refresh").await;
            assert!(!page.html.contains("<b>Refreshed</b>"), "it said that it would refuse");
            assert!(page.html.contains("Sign out and sign in again"), "{}", page.text());
        } else if page.has("/refresh") {
            assert!(page.html.contains("a refresh still works"), "{}", page.text());
            page = refresh(&mut browser, &page, &mut expected).await;
        }
    }

    // Sign out, here and there.
    page = browser.press(&page, "/sign-out").await;
    assert!(page.html.contains("<b>Signed out</b>") && page.titles().is_empty());
    if page.html.contains("/provider-sign-out") {
        let there = browser.open("/provider-sign-out").await.location.unwrap();
        let back = alice.sign_out(&there).await.unwrap();
        assert_eq!(back.as_deref(), Some(&*format!("{}/", app.origin)));
        assert!(browser.home().await.html.contains("<b>Signed out everywhere</b>"));
    }
}

async fn refresh(browser: &mut Browser, page: &Page, expected: &mut Vec<String>) -> Page {
    let page = browser.press(page, "/refresh").await;
    assert!(page.html.contains("<b>Refreshed</b>"), "{}", page.text());
    expected.push("Refresh".to_owned());
    assert_eq!(page.titles(), *expected);
    page
}

async fn metadata(app: &App, browser: &Browser) -> Value {
    let session = app.sessions.find(&browser.headers()).unwrap();
    let visitor = session.visitor.lock().await;
    let metadata = visitor.user.as_ref().unwrap().client.metadata().await.unwrap();
    metadata.map(|metadata| serde_json::to_value(metadata).unwrap()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_provider_is_walked_through_without_a_secret_a_wrong_title_or_a_dead_button() {
    let walks = (0..WALKERS).map(|walker| {
        tokio::spawn(async move {
            let app = Arc::new(super::start(4711).await.unwrap());
            let mut failed = Vec::new();
            for at in (walker..app.offers.len()).step_by(WALKERS) {
                let (app, slug) = (app.clone(), app.offers[at].slug);
                let walked = tokio::spawn(async move { walk(&app, &app.offers[at]).await });
                failed.extend(walked.await.is_err().then_some(slug));
            }
            (app.offers.len(), failed)
        })
    });
    for walk in walks.collect::<Vec<_>>() {
        let (all, failed) = walk.await.unwrap();
        assert!(failed.is_empty(), "{failed:?}");
        assert_eq!(all, vouchsafe_providers::slugs().count());
    }
}

/// A login at the sandbox itself while it has a fault; the page on which it ends.
async fn attacked(app: &Arc<App>, fault: Fault) -> Page {
    let mut browser = Browser::new(app);
    let (sandbox, offer) = (&app.masks.sandbox, app.offer("openid").unwrap());
    let definition = offer.provider.definition();
    sandbox.fault(fault);
    if fault.endpoint() == Some(Endpoint::Metadata) {
        let page = browser.open("/login/openid").await;
        if page.status != StatusCode::SEE_OTHER {
            return page;
        }
    }
    let url = browser.start(offer).await;
    let callback = sandbox.person("alice").allow(&url).await.unwrap();
    sandbox.clear_requests();
    // No HTTP server reads a longer line.
    let callback: String = callback.chars().take(60_000).collect();
    let page = browser.bring(&callback, definition).await;
    if page.status != StatusCode::SEE_OTHER {
        browser.learn_requests(&sandbox.requests(), definition);
        browser.shows_no_secret(&page);
    }
    page
}

#[tokio::test]
async fn a_refused_attack_says_who_refused_it_and_why_and_marks_the_step() {
    let app = Arc::new(super::start(4711).await.unwrap());
    let (mut marks, mut signed_in) = (BTreeSet::new(), Vec::new());
    // The page of faults has clients with settings; this login has none.
    for fault in Fault::all().into_iter().filter(|fault| setting(fault).is_none()) {
        let is_encrypted = matches!(fault.place(), Place::Encryption | Place::EncryptedResponse);
        let refusal = fault.refusal().filter(|refusal| refusal.step == Login && !is_encrypted);
        let Some(refusal) = refusal.filter(|refusal| !["network", "local"].contains(&refusal.kind)) else {
            continue;
        };
        let page = attacked(&app, fault).await;
        app.masks.sandbox.clear_faults();
        let name = fault.name();
        if page.status == StatusCode::SEE_OTHER {
            // Only a client that asks for a recent sign-in notices these.
            signed_in.push(name);
            continue;
        }
        for excuse in ["sandbox was stopped", "was not as expected", "took too long"] {
            assert!(!page.html.contains(excuse), "{name}: {excuse}");
        }
        assert!(
            page.html.matches("class=\"badge bad\"").count() > 0,
            "{name} marks no step: {}",
            page.text()
        );
        let marked = page.html.split(" <span class=\"badge bad\">refused by").next().unwrap();
        let marked = marked.rsplit("class=\"title\">").next().unwrap();
        let because = page.html.split("because ").nth(1).unwrap_or_default().split('<').next().unwrap();
        assert!(because.len() > 20 || refusal.code == "access_denied", "{name} has no reason");
        if refusal.kind == "provider" && refusal.code != "access_denied" {
            assert!(
                page.html.contains("The provider refused this login, because "),
                "{name}: {}",
                page.text()
            );
        } else if refusal.kind != "provider" {
            assert!(page.html.contains("vouchsafe refused this login, because "), "{name}: {}", page.text());
            assert_eq!(page.html.matches(">refused by ").count(), 1, "{name}: {}", page.text());
            marks.insert(marked.to_owned());
        }
    }
    assert_eq!(signed_in, ["old-sign-in", "missing-sign-in", "wrong-type-auth-time"]);
    let expected = ["Authorization response", "Discovery", "Keys", "Profile", "Token request"];
    assert_eq!(marks, expected.map(str::to_owned).into());
}

#[tokio::test]
async fn two_tabs_at_two_providers_both_sign_in() {
    let app = Arc::new(super::start(4711).await.unwrap());
    let mut browser = Browser::new(&app);
    // And a third one, at the first provider again.
    let tabs = ["github", "google", "github"].map(|slug| app.offer(slug).unwrap());
    let mut urls = Vec::new();
    for offer in tabs {
        urls.push(browser.start(offer).await);
    }
    for (offer, url) in tabs.into_iter().zip(urls) {
        let callback = app.masks.sandbox.person("alice").allow(&url).await.unwrap();
        let done = browser.bring(&callback, offer.provider.definition()).await;
        assert_eq!(
            (done.status, done.location.as_deref()),
            (StatusCode::SEE_OTHER, Some("/")),
            "{}",
            done.html
        );
        let page = browser.home().await;
        assert!(page.html.contains(&format!("<dd>{}</dd>", offer.label)), "{}", page.text());
        let [first, .., last] = page.titles()[..] else { panic!("no steps: {}", page.text()) };
        assert_eq!((first, last), ("Start of the login", "Signed in"));
        assert!(page.html.contains(&format!("GET /login/{}", offer.slug)), "the steps are its own");
    }
}

const WALKERS: usize = 4;
