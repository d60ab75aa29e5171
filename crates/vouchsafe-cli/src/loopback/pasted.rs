//! A response that a person pastes into the terminal, because the browser cannot reach this machine.
use tokio::sync::oneshot;
use url::form_urlencoded;
use vouchsafe::PendingLogin;

use crate::loopback::listener::Callback;

/// The response in a pasted text, or what the person should paste instead.
///
/// The text is the URL that the browser ended on, or the bare code. A bare code gets the `state` of the login, and the issuer
/// where the provider announces one: the person vouches for where it came from, and PKCE binds it to this login.
pub(crate) fn pasted(text: &str, pending: &PendingLogin, issuer: Option<&str>) -> Result<Callback, String> {
    let text = text.trim().trim_matches(['"', '\'', '<', '>']);
    let uri = pending.redirect_uri();
    let (scheme, rest) = uri.split_once("://").unwrap_or(("", uri));
    if text.starts_with(uri) || text.contains("://") {
        return response(text.to_owned(), pending);
    }
    if text.starts_with(rest) {
        return response(format!("{scheme}://{text}"), pending);
    }
    if text.starts_with(['?', '/']) && text.contains('=') || text.contains("state=") {
        let query = text.split_once('?').map_or(text, |(_, query)| query);
        return response(format!("{uri}?{query}"), pending);
    }
    if text.len() < SHORTEST_CODE || text.contains(char::is_whitespace) {
        return Err(format!("This is neither the URL nor the code. {}", advice(pending)));
    }
    let kept = serde_json::to_value(pending).unwrap_or_default();
    let state = kept["state"].as_str().unwrap_or_default();
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("code", &decoded(text)).append_pair("state", state);
    issuer.map(|issuer| query.append_pair("iss", issuer));
    response(format!("{uri}?{}", query.finish()), pending)
}

fn response(url: String, pending: &PendingLogin) -> Result<Callback, String> {
    let callback = Callback::pasted(url, oneshot::channel().0);
    // The URL with which the login began has the state too, and no response.
    let is_response = ["code", "error", "response"].iter().any(|name| callback.param(name).is_some());
    match is_response {
        false => Err(format!("This URL holds no response. {}", advice(pending))),
        true if pending.matches(callback.response()) => Ok(callback),
        true => Err(format!("This URL belongs to another login or another page. {}", advice(pending))),
    }
}

fn advice(pending: &PendingLogin) -> String {
    format!("Paste the whole URL on which the browser ended: it begins with {}.", pending.redirect_uri())
}

/// A code as it is in a URL, with its escapes read.
fn decoded(code: &str) -> String {
    let pair = format!("code={}", code.replace('+', "%2B").replace('&', "%26"));
    let code = form_urlencoded::parse(pair.as_bytes()).next().map(|(_, code)| code.into_owned());
    code.unwrap_or_default()
}

/// Shorter texts are slips of the hand.
const SHORTEST_CODE: usize = 4;
