//! The page with the sessions of a person.
use std::fmt::Write as _;
use std::time::SystemTime;

use http::{Response, StatusCode};

use crate::page::language::Language;
use crate::session::record::Session;
use crate::site::pages::{escaped, page as framed};

/// The page at this path. `own` is the id of the session that looks at it.
pub(crate) fn page(language: Language, sessions: &[Session], own: &str, path: &str) -> Response<String> {
    let mut html = format!("<p>{}</p>\n<ul>\n", language.say("You are signed in on these devices."));
    for session in sessions {
        let device = session.device();
        let unknown = language.say("Unknown browser");
        let name = escaped(device.and_then(|device| device.user_agent()).unwrap_or(unknown));
        let address = device.and_then(|device| device.address()).map(|address| address.to_string());
        let when = match &address {
            None => language.say("Signed in {when}, last seen {seen}").to_owned(),
            Some(address) => {
                let text = language.say("Signed in {when} from {address}, last seen {seen}");
                text.replace("{address}", &escaped(address))
            }
        };
        let when = when.replace("{when}", &ago(language, session.created_at()));
        let when = when.replace("{seen}", &ago(language, session.last_seen_at()));
        let is_own = session.id() == own;
        let this = if is_own { format!(" ({})", language.say("this device")) } else { String::new() };
        let (id, sign_out) = (escaped(session.id()), language.say("Sign out"));
        let _ = writeln!(
            html,
            "<li><strong>{name}</strong>{this}<br><small>{when}</small>\
             <form method=\"post\" action=\"{path}/{id}/revoke\"><button>{sign_out}<span class=\"hidden\"> {name}</span></button></form></li>"
        );
    }
    let _ = write!(
        html,
        "</ul>\n<form method=\"post\" action=\"{path}/revoke-all\"><button class=\"main\">{}</button></form>",
        language.say("Sign out everywhere")
    );
    framed((StatusCode::OK, language), "Your devices", &html)
}

/// How long ago a time is, in words.
fn ago(language: Language, time: SystemTime) -> String {
    let seconds = SystemTime::now().duration_since(time).unwrap_or_default().as_secs();
    let (count, one, many) = match seconds {
        0..60 => return language.say("just now").to_owned(),
        60..3600 => (seconds / 60, "1 minute ago", "{} minutes ago"),
        3600..86400 => (seconds / 3600, "1 hour ago", "{} hours ago"),
        _ => (seconds / 86400, "1 day ago", "{} days ago"),
    };
    language.say(if count == 1 { one } else { many }).replace("{}", &count.to_string())
}
