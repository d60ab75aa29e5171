use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use vouchsafe::{IdToken, Identity};
use vouchsafe_axum::{LoginFault, LoginRejection};

use super::diagram::diagram;
use super::html::{Html, for_people, utc};
use super::record::masked;
use super::session::{Notice, Offer, Session, User, Visitor, left};

/// Nobody is signed in.
pub(super) fn start(offers: &[Offer], visitor: &Visitor, session: Option<&Session>) -> Response {
    let notice = visitor.notice.as_ref();
    let mut body = notice.map(told).unwrap_or_default();
    if visitor.end_session.is_some() {
        body = body
            .raw("<p class=\"card also\"><span>The provider still knows you: the next sign-in there takes one click less.</span> ")
            .raw("<a class=\"button\" href=\"/provider-sign-out\">Sign out at the provider too</a></p>");
    }
    let body = body
        .raw("<div class=\"hero\"><section class=\"card\"><h1>Sign in, and watch how it is done</h1>")
        .raw("<p class=\"lead\">The provider is a sandbox on this very computer. You need no account and no password: ")
        .raw("you choose whom to be. Afterwards you see every message that went over the wire.</p>")
        .html(buttons(offers))
        .raw("</section><section class=\"aside\" aria-labelledby=\"people\"><h2 id=\"people\">Whom you can be</h2><ul class=\"people\">")
        .raw("<li><span class=\"face alice\" aria-hidden=\"true\">A</span><span><b>Alice</b> has an e-mail address that the provider has verified.</span></li>")
        .raw("<li><span class=\"face bob\" aria-hidden=\"true\">B</span><span><b>Bob</b> has one that nobody verified. An app must not trust it.</span></li>")
        .raw("<li><span class=\"face carol\" aria-hidden=\"true\">C</span><span><b>Carol</b> has none. An app must get by without.</span></li>")
        .raw("</ul><p class=\"soft\">Or say no when you are asked, and see what the app makes of that.</p></section></div>");
    let steps = session.map(|s| s.trace.steps()).unwrap_or_default();
    page(StatusCode::OK, "Sign in", body.html(diagram(&steps)))
}

/// Somebody is.
pub(super) fn signed_in(
    offers: &[Offer],
    user: &User,
    notice: Option<&Notice>,
    session: &Session,
) -> Response {
    let label = offers.iter().find(|o| o.slug == user.slug).map_or("", |o| o.label.as_str());
    let body = notice
        .map(told)
        .unwrap_or_default()
        .raw("<div class=\"pair\">")
        .html(identity(&user.identity, label, &session.csrf))
        .html(tokens(user, &session.csrf))
        .raw("</div>");
    let body = match user.tokens.id_token() {
        Some(token) => body.html(claims(token)),
        None => body,
    };
    let title = format!("Signed in as {}", name_of(&user.identity));
    page(StatusCode::OK, &title, body.html(diagram(&session.trace.steps())))
}

/// A login failed.
pub(super) fn failed(offers: &[Offer], rejection: &LoginRejection, session: &Session) -> Response {
    let (title, advice, again) = match rejection.fault() {
        LoginFault::Denied => (
            "You said no, and that is fine",
            "The provider has told the demo nothing about you. Nobody is signed in, and nothing was kept.",
            "Changed your mind?",
        ),
        LoginFault::Stale => (
            "This sign-in is no longer valid",
            "It took too long, was used already, or was started in another browser. Nothing was lost.",
            "Start again",
        ),
        LoginFault::NoVisit => (
            "Please open this page yourself",
            "Signing in starts and ends when you open a page, not when another page or a program looks at it.",
            "Start here",
        ),
        LoginFault::UnknownClient => (
            "There is no such way to sign in",
            "The address names a provider that this demo has not.",
            "There are these",
        ),
        LoginFault::Provider => (
            "The provider could not sign you in",
            "It did not answer as it should. You did nothing wrong. If the sandbox was stopped, start the demo again.",
            "Try again",
        ),
        _ => (
            "Sign-in is not set up right",
            "You did nothing wrong, and trying again will hardly help: the demo has to be mended.",
            "Try again nevertheless",
        ),
    };
    let body = Html::new("<section class=\"card alone\"><h1>")
        .raw(title)
        .raw("</h1><p class=\"lead\">")
        .raw(advice)
        .raw("</p><h2>")
        .raw(again)
        .raw("</h2>")
        .html(buttons(offers))
        .raw("<p class=\"soft small\">In the library’s words: ")
        .text(rejection.to_string())
        .raw(".</p></section>");
    page(rejection.status(), title, body.html(diagram(&session.trace.steps())))
}

pub(super) fn out_of_date() -> Response {
    let text = "It was open for too long, or in another window somebody signed in or out. Nothing was done.";
    plain(StatusCode::FORBIDDEN, "This page was out of date", text)
}

pub(super) fn no_visit() -> Response {
    let text =
        "Signing in starts and ends when you open a page, not when another page or a program looks at it.";
    plain(StatusCode::FORBIDDEN, "Please open this page yourself", text)
}

pub(super) fn not_found() -> Response {
    plain(StatusCode::NOT_FOUND, "There is nothing here", "The address leads to no page of this demo.")
}

pub(super) fn broken(detail: &str) -> Response {
    plain(StatusCode::INTERNAL_SERVER_ERROR, "The demo cannot go on", detail)
}

fn plain(status: StatusCode, title: &'static str, text: &str) -> Response {
    let body = Html::new("<section class=\"card alone\"><h1>")
        .raw(title)
        .raw("</h1><p class=\"lead\">")
        .text(text)
        .raw("</p><p><a class=\"button main\" href=\"/\">Go to the start page</a></p></section>");
    page(status, title, body)
}

fn buttons(offers: &[Offer]) -> Html {
    let (special, catalogue): (Vec<_>, Vec<_>) = offers.iter().partition(|offer| offer.hint.is_some());
    let html = Html::new("<ul class=\"offers\">")
        .each(special, |html, offer| {
            html.raw("<li><a class=\"offer\" href=\"/login/")
                .text(&offer.slug)
                .raw("\">")
                .raw(offer.mark)
                .raw("<span><b>Continue with ")
                .text(&offer.label)
                .raw("</b><small>")
                .raw(offer.hint.unwrap_or_default())
                .raw("</small></span><span class=\"go\" aria-hidden=\"true\">→</span></a></li>")
        })
        .raw("</ul>");
    if catalogue.is_empty() {
        return html;
    }
    html.raw("<details class=\"catalogue\"><summary>Or with one of ")
        .number(catalogue.len() as u64)
        .raw(" providers that the sandbox acts</summary><ul class=\"many\" data-many>")
        .each(catalogue, |html, offer| {
            html.raw("<li><a class=\"offer small\" href=\"/login/")
                .text(&offer.slug)
                .raw("\">")
                .raw(offer.mark)
                .raw("<span><span class=\"unseen\">Continue with </span>")
                .text(&offer.label)
                .raw("</span></a></li>")
        })
        .raw("</ul></details>")
}

fn told(notice: &Notice) -> Html {
    let class = if notice.good { "notice good" } else { "notice bad" };
    Html::new("<div class=\"")
        .raw(class)
        .raw("\" role=\"status\"><span class=\"mark\" aria-hidden=\"true\">")
        .raw(if notice.good { "✓" } else { "!" })
        .raw("</span><div><b>")
        .text(&notice.title)
        .raw("</b><p>")
        .text(&notice.text)
        .raw("</p></div></div>")
}

fn name_of(identity: &Identity) -> &str {
    identity.name().or(identity.email()).unwrap_or(identity.subject())
}

fn identity(identity: &Identity, label: &str, csrf: &str) -> Html {
    let name = name_of(identity);
    let initial: String = name.chars().take(1).flat_map(char::to_uppercase).collect();
    let html = Html::new("<section class=\"card\" aria-labelledby=\"who\"><div class=\"who\"><span class=\"face big\" aria-hidden=\"true\">")
        .text(initial)
        .raw("</span><div><p class=\"soft\">You are signed in as</p><h1 id=\"who\">")
        .text(name)
        .raw("</h1></div></div><dl class=\"facts\"><dt>Id</dt><dd><code data-subject>")
        .text(identity.subject())
        .raw("</code></dd><dt>E-mail</dt><dd>");
    let html = match (identity.email(), identity.email_verified()) {
        (None, _) => html.raw("<span class=\"badge unknown\" data-email>the provider shared none</span>"),
        (Some(email), verified) => {
            let (class, words) = match verified {
                Some(true) => ("badge good", "✓ verified by the provider"),
                Some(false) => ("badge bad", "! not verified: do not trust it"),
                None => ("badge unknown", "? the provider does not say whether it is verified"),
            };
            html.text(email).raw(" <span data-email class=\"").raw(class).raw("\">").raw(words).raw("</span>")
        }
    };
    let html = html.raw("</dd><dt>By</dt><dd>").text(label).raw("</dd></dl>");
    match identity.profile_error() {
        Some(error) => html
            .raw("<p class=\"soft small\">The profile could not be had: ")
            .text(error.to_string())
            .raw("</p>"),
        None => html,
    }
    .raw("<div class=\"actions\">")
    .html(action("/sign-out", "Sign out", "button", csrf))
    .raw("</div></section>")
}

fn tokens(user: &User, csrf: &str) -> Html {
    let tokens = &user.tokens;
    let html = Html::new(
        "<section class=\"card\" aria-labelledby=\"tokens\"><h2 id=\"tokens\">The access token</h2>",
    );
    let html = match (left(tokens), tokens.expires_at()) {
        _ if user.revoked => {
            html.raw("<p class=\"life-words\" data-state=\"revoked\">Revoked: the provider refuses it.</p>")
        }
        (Some(left), Some(at)) => {
            let (left, life) = (left.as_secs(), user.life.unwrap_or(left).as_secs());
            let words = match left {
                0 => "Expired: refresh to go on".to_owned(),
                left => format!("{} left", for_people(left)),
            };
            html.raw("<div class=\"life\" data-left=\"")
                .number(left)
                .raw("\"><p class=\"life-words\" data-words>")
                .text(words)
                .raw("</p><progress aria-label=\"Life of the access token that is left\" max=\"")
                .number(life)
                .raw("\" value=\"")
                .number(left)
                .raw("\"></progress><p class=\"soft small\">until ")
                .text(utc(at))
                .raw("</p></div>")
        }
        _ => html.raw("<p class=\"life-words\">The provider does not say how long it is good for.</p>"),
    };
    let scopes: Vec<_> = tokens.scopes().collect();
    let html = html
        .raw("<dl class=\"facts\"><dt>Token</dt><dd><code>")
        .text(masked(tokens.access_token().expose()))
        .raw("</code></dd><dt>Scopes</dt><dd><ul class=\"chips\">")
        .each(scopes, |html, scope| html.raw("<li><code>").text(scope).raw("</code></li>"))
        .raw("</ul></dd><dt>Refreshed</dt><dd data-refreshes>");
    let html = match user.refreshes {
        0 => html.raw("not yet"),
        1 => html.raw("once"),
        times => html.number(times).raw(" times"),
    };
    html.raw("</dd></dl><div class=\"actions\">")
        .html(action(
            "/refresh",
            if user.revoked { "Try to refresh" } else { "Refresh" },
            "button main",
            csrf,
        ))
        .html(action("/revoke", "Revoke", "button", csrf))
        .raw("</div></section>")
}

fn action(path: &'static str, label: &'static str, class: &'static str, csrf: &str) -> Html {
    Html::new("<form method=\"post\" action=\"")
        .raw(path)
        .raw("\"><input type=\"hidden\" name=\"csrf\" value=\"")
        .text(csrf)
        .raw("\"><button class=\"")
        .raw(class)
        .raw("\">")
        .raw(label)
        .raw("</button></form>")
}

fn claims(token: &IdToken) -> Html {
    let claims = token.claims();
    let names: Vec<_> = claims.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    Html::new("<details class=\"card claims\"><summary><h2>What the ID token says</h2><span class=\"soft\">")
        .number(names.len() as u64)
        .raw(" claims, signed by the provider and verified</span></summary><dl>")
        .each(names, |html, name| {
            let value = claims.get(name);
            let text = match value.and_then(|v| v.as_str()) {
                Some(text) if name == "nonce" => masked(text),
                Some(text) => text.to_owned(),
                None => value.map(ToString::to_string).unwrap_or_default(),
            };
            let html = html
                .raw("<div><dt><code>")
                .text(name)
                .raw("</code></dt><dd><code>")
                .text(text)
                .raw("</code>");
            let time = match name {
                "exp" | "iat" | "auth_time" | "nbf" => value.and_then(|v| u64::try_from(v.as_i64()?).ok()),
                _ => None,
            };
            let html = match time
                .and_then(|s| std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(s)))
            {
                Some(time) => html.raw("<br><span class=\"soft small\">").text(utc(time)).raw("</span>"),
                None => html,
            };
            html.raw("</dd><dd class=\"soft\">").raw(meaning(name)).raw("</dd></div>")
        })
        .raw("</dl></details>")
}

fn meaning(claim: &str) -> &'static str {
    match claim {
        "iss" => "who says so: the provider",
        "sub" => "who signed in: never reassigned",
        "aud" => "for whom it was made: this app",
        "azp" => "the app that asked for it",
        "exp" => "not to be believed after",
        "iat" => "when it was made",
        "nbf" => "not to be believed before",
        "auth_time" => "when the person really signed in",
        "nonce" => "ties it to this one login",
        "at_hash" => "ties it to the access token",
        "c_hash" => "ties it to the code",
        "acr" => "how strongly the person signed in",
        "amr" => "by which means the person signed in",
        "sid" => "the provider’s session",
        "name" | "given_name" | "family_name" | "preferred_username" => "what people call them",
        "email" => "where to write to",
        "email_verified" => "whether the provider vouches for it",
        _ => "",
    }
}

fn page(status: StatusCode, title: &str, body: Html) -> Response {
    let html = Html::new("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>")
        .text(title)
        .raw(" – vouchsafe demo</title><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")
        .raw("<meta name=\"color-scheme\" content=\"light dark\"><link rel=\"icon\" href=\"/icon.svg\">")
        .raw("<link rel=\"stylesheet\" href=\"/style.css\"><script src=\"/script.js\" defer></script></head><body>")
        .raw("<a class=\"skip\" href=\"#main\">Skip to the content</a><header class=\"top\"><a class=\"brand\" href=\"/\">")
        .raw("<img src=\"/icon.svg\" alt=\"\" width=\"28\" height=\"28\"> vouchsafe <span>demo</span></a></header>")
        .raw("<main id=\"main\" tabindex=\"-1\">")
        .html(body)
        .raw("</main><footer>Everything here runs on this computer and is forgotten when the demo ends.</footer></body></html>\n");
    (status, [(CONTENT_TYPE, "text/html; charset=utf-8")], html.to_string()).into_response()
}
