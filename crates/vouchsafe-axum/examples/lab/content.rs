//! What the routes of the lab show. It knows no framework.
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};
use vouchsafe_web::{Failure, User};

/// The notes of each account: the lab counts them only.
#[derive(Default)]
pub(crate) struct Notes(Mutex<HashMap<String, usize>>);

impl Notes {
    /// Adds a note, and gives their number.
    pub(crate) fn add(&self, user: &User) -> usize {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = notes.entry(user.account().to_owned()).or_default();
        *count += 1;
        *count
    }

    /// How many notes there are.
    pub(crate) fn count(&self, user: &User) -> usize {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.get(user.account()).copied().unwrap_or_default()
    }
}

/// A page with this title, above this HTML.
pub(crate) fn page(title: &str, html: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<style>body {{ background: Canvas; color: CanvasText; \
         font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }}\n\
         button, input {{ font: inherit; padding: 0.25rem 0.75rem; }}</style>\n</head>\n\
         <body>\n<main>\n<h1>{title}</h1>\n{html}\n</main>\n\
         </body>\n</html>\n"
    )
}

/// The start page, for everybody.
pub(crate) fn home(user: Option<&User>) -> String {
    let greeting = match user {
        Some(user) => format!("<p>Hello {}.</p>", escaped(user.name().unwrap_or("you"))),
        None => "<p>Nobody is signed in.</p>\n<p><a href=\"/sign-in\">Sign in</a></p>".to_owned(),
    };
    let links = ["/protected", "/fresh", "/strong", "/admin", "/account", "/devices", "/logout"];
    let links: String =
        links.iter().map(|path| format!("<li><a href=\"{path}\">{path}</a></li>\n")).collect();
    let watched = user.map(User::session_frame).unwrap_or_default();
    page("The lab", &format!("{greeting}\n<ul>\n{links}</ul>{watched}"))
}

/// A page for somebody who is signed in.
pub(crate) fn protected(title: &str, user: &User) -> String {
    let name = escaped(user.name().unwrap_or(user.subject()));
    page(
        title,
        &format!(
            "<p>Signed in as {name}.</p>\n<form method=\"post\" action=\"/notes\"><label>Note <input name=\"text\"></label> \
             <button>Add</button></form>\n<p><a href=\"/logout\">Sign out</a></p>{}",
            user.session_frame()
        ),
    )
}

/// The page about the account, after an identity was to be linked, too.
pub(crate) async fn account(user: &User, link: Option<&str>, providers: &[&str]) -> Result<String, Failure> {
    let sentence = match link {
        Some("linked") => "This way to sign in belongs to your account now.",
        Some("already_yours") => "This way to sign in belonged to your account already.",
        Some("in_use") => "This way to sign in belongs to another account, and stays there.",
        Some("needs_proof") => "Nothing was linked: please sign in to the account first, then link again.",
        _ => "",
    };
    let mut html = String::new();
    if !sentence.is_empty() {
        html += &format!("<p role=\"status\">{sentence}</p>\n");
    }
    html += "<ul>\n";
    for identity in user.identities().await? {
        html += &format!("<li>{}: {}</li>\n", escaped(&identity.provider), escaped(identity.key.subject()));
    }
    html += "</ul>\n";
    for name in providers {
        html +=
            &format!("<form method=\"post\" action=\"/link/{name}\"><button>Link {name}</button></form>\n");
    }
    html += &user.session_frame();
    Ok(page("Your account", &html))
}

/// What is known of the person.
pub(crate) async fn me(user: &User) -> Result<Value, Failure> {
    let identities = user.identities().await?;
    let identities: Vec<_> = identities
        .iter()
        .map(|identity| json!({ "provider": identity.provider, "subject": identity.key.subject() }))
        .collect();
    Ok(json!({
        "account": user.account(),
        "provider": user.provider(),
        "issuer": user.issuer(),
        "subject": user.subject(),
        "email": user.email(),
        "email_verified": user.email_verified(),
        "acr": user.acr(),
        "auth_time": user.auth_time().map(seconds),
        "roles": user.roles().collect::<Vec<_>>(),
        "identities": identities,
        "session": {
            "kind": if user.is_server_side() { "server" } else { "cookie" },
            "age": SystemTime::now().duration_since(user.created_at()).unwrap_or_default().as_secs(),
            "expires_at": seconds(user.expires_at()),
        },
    }))
}

/// A fingerprint of the person's token at a provider.
pub(crate) async fn token(user: &User, provider: &str) -> Result<Value, Failure> {
    let token = user.token(provider).await?;
    let hash = digest(&SHA256, token.expose().as_bytes());
    let fingerprint: String = hash.as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(json!({ "fingerprint": fingerprint, "expires_at": token.expires_at().map(seconds) }))
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
