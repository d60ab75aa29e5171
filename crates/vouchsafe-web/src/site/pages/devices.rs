//! The page with the sessions of a person.
use std::fmt::Write as _;
use std::time::SystemTime;

use http::{Response, StatusCode};

use crate::session::record::Session;
use crate::site::pages::{escaped, page as framed};

/// The page at this path. `own` is the id of the session that looks at it.
pub(crate) fn page(sessions: &[Session], own: &str, path: &str) -> Response<String> {
    let mut html = String::from("<p>You are signed in on these devices.</p>\n<ul>\n");
    for session in sessions {
        let device = session.device();
        let name = device.and_then(|device| device.user_agent()).unwrap_or("Unknown browser");
        let address = device.and_then(|device| device.address()).map(|address| format!(" from {address}"));
        let (id, is_own) = (escaped(session.id()), session.id() == own);
        let _ = writeln!(
            html,
            "<li><strong>{}</strong>{}<br><small>Signed in {}{}, last seen {}</small>\
             <form method=\"post\" action=\"{path}/{id}/revoke\"><button>Sign out<span class=\"hidden\"> {}</span></button></form></li>",
            escaped(name),
            if is_own { " (this device)" } else { "" },
            ago(session.created_at()),
            escaped(&address.unwrap_or_default()),
            ago(session.last_seen_at()),
            escaped(name),
        );
    }
    let _ = write!(
        html,
        "</ul>\n<form method=\"post\" action=\"{path}/revoke-all\"><button class=\"main\">Sign out everywhere</button></form>",
    );
    framed(StatusCode::OK, "Your devices", &html)
}

/// How long ago a time is, in words.
fn ago(time: SystemTime) -> String {
    let seconds = SystemTime::now().duration_since(time).unwrap_or_default().as_secs();
    let (count, unit) = match seconds {
        0..60 => return "just now".to_owned(),
        60..3600 => (seconds / 60, "minute"),
        3600..86400 => (seconds / 3600, "hour"),
        _ => (seconds / 86400, "day"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}
