use std::sync::LazyLock;

use aws_lc_rs::digest;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::config::User;
use crate::fault::{self, Fault, Place};
use crate::html::Html;
use crate::op::shared::Shared;
use crate::state::request::{AuthorizationRequest, ChallengeMethod};

mod device;

pub(crate) use device::{device, device_decided};

/// What a page asks for. It travels beside the page for a [`Person`](crate::Person), who need not read HTML.
#[derive(Clone)]
pub(crate) enum Shown {
    Login(String),
    Consent(String),
    Logout(String),
    /// The form of an authorization response, written as a query of the redirect URI.
    FormPost(String),
    /// The user code that is to be confirmed.
    Device(String),
    DeviceDecided,
    Problem(String),
}

/// An error page: what was wrong, and what to do.
pub(crate) struct Problem {
    status: StatusCode,
    title: String,
    text: String,
    details: Vec<(&'static str, String)>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, title: impl Into<String>, text: impl Into<String>) -> Self {
        Self { status, title: title.into(), text: text.into(), details: Vec::new() }
    }

    /// What the request said, for whoever has to find the mistake.
    pub(crate) fn detail(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        let mut value: String = value.as_ref().chars().take(MAX_DETAIL + 1).collect();
        if value.chars().count() > MAX_DETAIL {
            value.pop();
            value.push('…');
        }
        self.details.push((name, value));
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = Html::new("<div class=\"card\"><p class=\"mark\">Error ")
            .text(self.status.as_str())
            .markup("</p><h1>")
            .text(&self.title)
            .markup("</h1><p class=\"soft\">")
            .text(&self.text)
            .markup("</p>");
        if !self.details.is_empty() {
            body = body
                .markup("<dl>")
                .each(self.details, |html, (name, value)| entry(html, name, &value))
                .markup("</dl>");
        }
        body = body.markup("<p class=\"note\"><a href=\"/\">Start page of the sandbox</a></p></div>");
        let shown = Shown::Problem(format!("{}: {}", self.title, self.text));
        page(self.status, &self.title, "", body, Some(shown))
    }
}

/// Who are you? One click each.
pub(crate) fn login(shared: &Shared, id: &str, request: &AuthorizationRequest) -> Response {
    let hinted = |user: &User| {
        let hint = request.login_hint.as_deref();
        hint.is_some_and(|hint| hint == user.username() || Some(hint) == user.email())
            || request.only_user.as_deref() == Some(user.username())
    };
    let mut users: Vec<_> = shared.users.iter().enumerate().collect();
    users.sort_by_key(|(_, user)| !hinted(user));
    let body = headed(request).markup(
        "<h1>Who would you like to be?</h1><p class=\"lead\">Sign in to <strong>",
    )
    .text(&request.client_id)
    .markup(
        "</strong> with one click. There are no passwords here.</p><form method=\"post\" action=\"/login\">",
    )
    .html(hidden("interaction", id))
    .markup("<ul>")
    .each(users, |html, (tone, user)| {
        let class = if hinted(user) { "person hinted" } else { "person" };
        html.markup("<li><button class=\"")
            .markup(class)
            .markup("\" name=\"user\" value=\"")
            .text(user.username())
            .markup("\">")
            .html(face(user, tone))
            .html(who(user, hinted(user)))
            .markup("<span class=\"arrow\" aria-hidden=\"true\">→</span></button></li>")
    })
    .markup("</ul>")
    .html(with_a_fault(request))
    .markup("</form><form method=\"post\" action=\"/consent\">")
    .html(hidden("interaction", id))
    .markup("<button class=\"quiet\" name=\"decision\" value=\"deny\">Cancel and go back</button></form>")
    .html(for_developers(request))
    .markup("</div>");
    page(StatusCode::OK, "Sign in", "", body, Some(Shown::Login(id.to_owned())))
}

/// May the application do this?
pub(crate) fn consent(shared: &Shared, id: &str, request: &AuthorizationRequest, username: &str) -> Response {
    let own = shared.users.iter().enumerate().find(|(_, user)| user.username() == username);
    let user = own.or_else(|| Some((shared.users.len(), &fault::person(username)?.0)));
    let signed_in = match user {
        Some((tone, user)) => Html::new("<div class=\"signed-in\">")
            .html(face(user, tone))
            .html(who(user, false))
            .markup("<a class=\"switch\" href=\"/login?interaction=")
            .text(id)
            .markup("\" aria-label=\"Switch user\">Switch</a></div>"),
        None => Html::default(),
    };
    let body = headed(request)
        .markup("<h1>Allow ")
        .text(&request.client_id)
        .markup("?</h1><p class=\"lead\">This application would like to:</p><ul class=\"scopes\">")
        .each(request.scopes.iter(), |html, scope| {
            html.html(in_plain_words(scope, user.map(|(_, user)| user)))
        })
        .markup("</ul>")
        .html(signed_in)
        .markup("<form method=\"post\" action=\"/consent\">")
        .html(hidden("interaction", id))
        .markup(
            "<div class=\"choice\"><button class=\"button\" name=\"decision\" value=\"deny\">Deny</button>",
        )
        .markup("<button class=\"button main\" name=\"decision\" value=\"allow\">Allow</button></div></form>")
        .html(where_next(request))
        .html(for_developers(request))
        .markup("</div>");
    page(StatusCode::OK, "Allow access", "", body, Some(Shown::Consent(id.to_owned())))
}

/// The authorization response as a form that posts itself; with a button for browsers without script.
pub(crate) fn form_post(redirect_uri: &str, params: &[(String, String)], as_url: String) -> Response {
    let body = Html::new(
        "<div class=\"card\"><h1>Back to the application</h1><p class=\"lead\">You return to <code>",
    )
    .text(redirect_uri)
    .markup("</code>. If nothing happens, press the button.</p><form method=\"post\" action=\"")
    .text(redirect_uri)
    .markup("\">")
    .each(params, |html, (name, value)| {
        html.markup("<input type=\"hidden\" name=\"")
            .text(name)
            .markup("\" value=\"")
            .text(value)
            .markup("\">")
    })
    .markup(
        "<div class=\"choice\"><button class=\"button main\">Continue</button></div></form></div><script>",
    )
    .markup(SUBMIT)
    .markup("</script>");
    let mut response =
        page(StatusCode::OK, "Back to the application", "", body, Some(Shown::FormPost(as_url)));
    if let Ok(policy) = HeaderValue::from_str(&SUBMITTING_POLICY) {
        response.headers_mut().insert("content-security-policy", policy);
    }
    response
}

/// Sign out?
pub(crate) fn logout(shared: &Shared, id: &str, username: &str) -> Response {
    let name = shared.user(username).map_or_else(|| username.to_owned(), User::display_name);
    let body = Html::new("<div class=\"card\"><h1>Sign out of the sandbox?</h1><p class=\"lead\">You are signed in as <strong>")
        .text(name)
        .markup("</strong>. An application asks to end that.</p><form method=\"post\" action=\"/end_session/confirm\">")
        .html(hidden("logout", id))
        .markup("<div class=\"choice\"><button class=\"button main\">Sign out</button></div></form></div>");
    page(StatusCode::OK, "Sign out", "", body, Some(Shown::Logout(id.to_owned())))
}

pub(crate) fn signed_out() -> Response {
    let body = Html::new("<div class=\"card\"><p class=\"mark good\">Done</p><h1>You are signed out</h1>")
        .markup("<p class=\"soft\">The next sign-in will ask again who you are. You can close this page.</p></div>");
    page(StatusCode::OK, "Signed out", "", body, None)
}

/// What an application needs to be told to sign in here.
pub(crate) fn home(shared: &Shared) -> Response {
    let issuer = &shared.issuer;
    let body = Html::new("<div class=\"card\"><h1>The sandbox is running</h1><p class=\"lead\">An OpenID Provider to develop and ")
        .markup("test against. Give your application these settings.</p><dl><dt>Issuer</dt><dd><code>")
        .text(issuer)
        .markup("</code></dd></dl>")
        .each(&shared.own.clients, |html, client| {
            let html = html
                .markup("<h2>")
                .markup(if client.secret.is_some() { "Confidential client" } else { "Public client" })
                .markup("</h2><dl><dt>Client id</dt><dd><code>")
                .text(&client.id)
                .markup("</code></dd><dt>Client secret</dt><dd>");
            let html = match &client.secret {
                Some(secret) => html.markup("<code>").text(secret).markup("</code>"),
                None => html.markup("none; use PKCE"),
            };
            let html = html.markup("</dd><dt>Redirect URI</dt><dd>");
            match client.redirect_uris.as_slice() {
                [] => html.markup("any on <code>127.0.0.1</code>, <code>[::1]</code> or <code>localhost</code>"),
                uris => html.markup("<code>").text(uris.join(" ")).markup("</code>"),
            }
            .markup("</dd></dl>")
        })
        .markup("<h2>People</h2><ul class=\"people\">")
        .each(shared.users.iter().enumerate(), |html, (tone, user)| {
            html.markup("<li class=\"person\">").html(face(user, tone)).html(who(user, false)).markup("</li>")
        })
        .markup("</ul><h2>Endpoints</h2><dl>")
        .each(ENDPOINTS, |html, (name, path)| entry(html, name, &format!("{issuer}{path}")))
        .markup("</dl></div>");
    page(StatusCode::OK, "Sandbox", "wide", body, None)
}

const MAX_DETAIL: usize = 300;
const STYLE: &str = include_str!("style.css");

const ENDPOINTS: [(&str, &str); 8] = [
    ("Metadata", "/.well-known/openid-configuration"),
    ("Authorization", "/authorize"),
    ("Token", "/token"),
    ("UserInfo", "/userinfo"),
    ("Key set", "/jwks"),
    ("Revocation", "/revoke"),
    ("Introspection", "/introspect"),
    ("Logout", "/end_session"),
];

const SUBMIT: &str = "document.forms[0].submit()";

/// No script, nothing from elsewhere, our one style sheet. There is no `form-action`: Chromium applies it to the redirect
/// after a form as well, and that one leads to the application.
static CONTENT_SECURITY_POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = hash_source(STYLE);
    format!("default-src 'none'; style-src {hash}; img-src data:; base-uri 'none'; frame-ancestors 'none'")
});

/// The same with the one script that posts an authorization response.
static SUBMITTING_POLICY: LazyLock<String> =
    LazyLock::new(|| format!("{}; script-src {}", *CONTENT_SECURITY_POLICY, hash_source(SUBMIT)));

fn hash_source(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(digest::digest(&digest::SHA256, text.as_bytes())))
}

fn page(status: StatusCode, title: &str, class: &'static str, body: Html, shown: Option<Shown>) -> Response {
    let html = Html::new("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>")
        .text(title)
        .markup(" – vouchsafe sandbox</title><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")
        .markup("<meta name=\"color-scheme\" content=\"light dark\"><link rel=\"icon\" href=\"")
        .markup(ICON)
        .markup("\"><style>")
        .markup(STYLE)
        .markup("</style></head><body><header class=\"banner\"><strong>Sandbox.</strong> ")
        .markup("This is not a real provider. Never type a real password.</header><main class=\"")
        .markup(class)
        .markup("\">")
        .html(body)
        .markup("</main><footer>vouchsafe sandbox · for development and tests</footer></body></html>\n");
    let mut response = (status, html.to_string()).into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(&CONTENT_SECURITY_POLICY) {
        headers.insert("content-security-policy", policy);
    }
    if let Some(shown) = shown {
        response.extensions_mut().insert(shown);
    }
    response
}

const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' \
    height='16' rx='4' fill='%23f0b400'/%3E%3Cpath d='M4 5l4 7 4-7' fill='none' stroke='%23422d00' stroke-width='2'/%3E%3C/svg%3E";

/// The head of a page, which says whom the sandbox acts.
fn headed(request: &AuthorizationRequest) -> Html {
    let html = Html::new("<div class=\"card\">");
    match request.part.is_own {
        false => html
            .markup("<p class=\"acting\">The sandbox acts <strong>")
            .text(&request.part.definition.display_name)
            .markup("</strong></p>"),
        true => html,
    }
}

/// People in whose login something goes wrong.
fn with_a_fault(request: &AuthorizationRequest) -> Html {
    let has_id_token = request.part.has_id_token();
    let of_id_tokens = |fault: &Fault| matches!(fault.place(), Place::IdToken | Place::Keys);
    let groups = fault::shown().map(|(title, people)| {
        let fits = |(_, fault): &&(User, Fault)| has_id_token || !of_id_tokens(fault);
        (title, people.into_iter().filter(fits).collect::<Vec<_>>())
    });
    Html::new("<details class=\"faults\"><summary>Let something go wrong</summary>")
        .each(groups.filter(|(_, people)| !people.is_empty()), |html, (title, people)| {
            html.markup("<details><summary>")
                .markup(title)
                .markup(" <span class=\"count\">")
                .text(people.len().to_string())
                .markup("</span></summary><ul>")
                .each(people, |html, (user, fault)| {
                    html.markup("<li><button class=\"fault\" name=\"user\" value=\"")
                        .text(user.username())
                        .markup("\"><b>")
                        .text(fault.name())
                        .markup("</b><span>")
                        .text(fault.description())
                        .markup("</span></button></li>")
                })
                .markup("</ul></details>")
        })
        .markup("</details>")
}

fn hidden(name: &'static str, value: &str) -> Html {
    Html::new("<input type=\"hidden\" name=\"").markup(name).markup("\" value=\"").text(value).markup("\">")
}

fn face(user: &User, tone: usize) -> Html {
    let initial: String = user.display_name().chars().take(1).flat_map(char::to_uppercase).collect();
    let tones = ["tone0", "tone1", "tone2", "tone3", "tone4", "tone5"];
    Html::new("<span class=\"face ")
        .markup(tones[tone % tones.len()])
        .markup("\" aria-hidden=\"true\">")
        .text(initial)
        .markup("</span>")
}

fn who(user: &User, hinted: bool) -> Html {
    let html = Html::new("<span class=\"who\"><b>").text(user.display_name()).markup("</b>");
    let html = match user.email() {
        Some(email) => {
            let (class, word) =
                if user.email_verified() { ("good", "verified") } else { ("warn", "not verified") };
            html.markup("<span>")
                .text(email)
                .markup("</span><span class=\"")
                .markup(class)
                .markup("\">e-mail ")
                .markup(word)
        }
        None => html.markup("<span class=\"warn\">no e-mail address"),
    };
    let html = html.markup("</span>");
    if hinted {
        html.markup("<span>suggested by the application</span></span>")
    } else {
        html.markup("</span>")
    }
}

fn in_plain_words(scope: &str, user: Option<&User>) -> Html {
    let html = Html::new("<li><b>");
    match scope {
        "openid" => html.markup("Know who you are</b><span>An identifier that stays the same each time"),
        "profile" => {
            html.markup("See your name</b><span>").text(user.map_or_else(String::new, User::display_name))
        }
        "email" => {
            let html = html.markup("See your e-mail address</b><span>");
            match user.and_then(User::email) {
                Some(email) => html.text(email),
                None => html.markup("You have none, so it will see none"),
            }
        }
        "offline_access" => {
            html.markup("Stay connected</b><span>Keep access while you are away, until you end it")
        }
        other => html
            .markup("Use <code>")
            .text(other)
            .markup("</code></b><span>A scope of the application’s own choosing"),
    }
    .markup("</span></li>")
}

fn where_next(request: &AuthorizationRequest) -> Html {
    match request.device {
        Some(_) => Html::new(
            "<p class=\"note\">Allow it only if the device is yours and you have it before you.</p>",
        ),
        None => Html::new("<p class=\"note\">Either way you return to <code>")
            .text(&request.redirect_uri)
            .markup("</code></p>"),
    }
}

fn for_developers(request: &AuthorizationRequest) -> Html {
    let present = |there: bool| if there { "yes" } else { "none" };
    let challenge = match &request.challenge {
        Some(challenge) if challenge.method == ChallengeMethod::Plain => "plain",
        Some(_) => "S256",
        None => "none",
    };
    let html = Html::new("<details><summary>What the application sent</summary><dl>");
    let html = entry(html, "client_id", &request.client_id);
    let html = match request.device {
        Some(_) => html,
        None => entry(html, "redirect_uri", &request.redirect_uri),
    };
    let html = entry(html, "scope", &request.scopes.to_string());
    let html = entry(html, "PKCE", challenge);
    let html = entry(html, "state", present(request.state.is_some()));
    entry(html, "nonce", present(request.nonce.is_some())).markup("</dl></details>")
}

fn entry(html: Html, name: &'static str, value: &str) -> Html {
    html.markup("<dt>").markup(name).markup("</dt><dd><code>").text(value).markup("</code></dd>")
}
