//! The authorization request and its response (RFC 6749 section 4.1, RFC 9207, OpenID Connect Core section 3.1.2).
use std::borrow::Cow;
use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use url::form_urlencoded::byte_serialize;
use vouchsafe_providers::{AuthorizationQuirks, CallbackQuirks};

use super::params::{UNCHANGED, called};
use crate::endpoint::Endpoint;
use crate::error::{Check, Error, Fault, Operation, printable};
use crate::json::{self, Json};
use crate::secret::Secret;

/// What is asked for, and does not change from login to login.
pub(crate) struct AuthorizationRequest<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) redirect_uri: &'a str,
    pub(crate) scopes: &'a [String],
    pub(crate) scope_separator: &'a str,
    /// All other parameters, but for those of one login.
    pub(crate) params: &'a [(Cow<'a, str>, Cow<'a, str>)],
    /// What parameters are called here, if not as in the RFCs.
    pub(crate) names: &'a BTreeMap<String, String>,
    /// In which order the first four stand, where that matters.
    pub(crate) order: &'a [String],
}

impl AuthorizationRequest<'_> {
    /// The beginning of the URL. Parameters in the endpoint's own query are kept (RFC 6749 section 3.1).
    pub(crate) fn begin(&self, endpoint: &Endpoint) -> String {
        let mut url = String::with_capacity(256);
        url.push_str(endpoint.as_str());
        let own = |name: &'static str| called([self.names, &UNCHANGED], name);
        let scope = self.scopes.join(self.scope_separator);
        let mut first = [
            ("response_type", "code"),
            ("client_id", self.client_id),
            ("redirect_uri", self.redirect_uri),
            ("scope", &scope),
        ];
        let place = |name: &str| self.order.iter().position(|known| known == name).unwrap_or(usize::MAX);
        first.sort_by_key(|(name, _)| place(name));
        for (name, value) in first {
            if name != "scope" || !self.scopes.is_empty() {
                add(&mut url, own(name), value);
            }
        }
        for (name, value) in self.params {
            add(&mut url, name, value);
        }
        // What comes first begins the query, unless the endpoint has one.
        let end = endpoint.as_str().len();
        if !endpoint.as_str().contains('?') {
            url.replace_range(end..url.len().min(end + 1), "?");
        }
        url
    }
}

/// What is another at each login: text that needs no escape, as what the library makes, or that [`escaped`] has made so.
pub(crate) struct OneLogin<'a> {
    pub(crate) state: Option<&'a str>,
    pub(crate) nonce: Option<&'a str>,
    /// The code challenge and its method (RFC 7636 section 4.3).
    pub(crate) challenge: Option<(&'a str, &'a str)>,
    pub(crate) quirks: &'a AuthorizationQuirks,
}

impl OneLogin<'_> {
    /// The URL to send the browser to.
    pub(crate) fn url(&self, begun: &str) -> String {
        let mut url = String::with_capacity(begun.len() + 256);
        url.push_str(begun);
        let mut add = |name: &'static str, value: Option<&str>| {
            let names = &self.quirks.names;
            let own = if names.is_empty() { name } else { called([names, &UNCHANGED], name) };
            let Some(value) = value.filter(|_| !own.is_empty()) else { return };
            url.push('&');
            if names.is_empty() {
                url.push_str(own);
            } else {
                escape(&mut url, own);
            }
            url.push('=');
            url.push_str(value);
        };
        add("state", self.state);
        add("nonce", self.nonce);
        add("code_challenge_method", self.challenge.map(|(_, method)| method));
        add("code_challenge", self.challenge.map(|(challenge, _)| challenge));
        if let Some(fragment) = &self.quirks.fragment {
            url.push('#');
            url.push_str(fragment);
        }
        url
    }
}

/// Refuses an extra parameter that the protocol owns, or that has a value which the provider does not know.
pub(crate) fn check_extra(quirks: &AuthorizationQuirks, name: &str, value: &str) -> Result<(), Error> {
    if quirks.owns(name) {
        let detail = format!(
            "{} is set by the library: it has a method of its own, or must not be chosen",
            printable(name, 60)
        );
        return Err(Error::config("reserved_param", detail));
    }
    let Some(option) = quirks.options.get(name).filter(|option| !option.values.is_empty()) else {
        return Ok(());
    };
    // Several values go into one parameter, separated by spaces (OpenID Connect Core §3.1.2.1) or by commas.
    let known = |value: &str| option.values.iter().any(|known| known == value);
    if known(value) || value.split([' ', ',']).all(known) {
        return Ok(());
    }
    let detail = format!(
        "the parameter {name} cannot be {}; the provider knows: {}",
        printable(value, 60),
        option.values.join(", ")
    );
    Err(Error::config("invalid_option", detail))
}

/// What came back at the redirect URI, unchecked.
#[derive(Default)]
pub(crate) struct ResponseParams<'a> {
    pub(crate) code: Option<Cow<'a, str>>,
    pub(crate) state: Option<Cow<'a, str>>,
    pub(crate) iss: Option<Cow<'a, str>>,
    pub(crate) error: Option<Cow<'a, str>>,
    pub(crate) error_description: Option<Cow<'a, str>>,
    pub(crate) error_uri: Option<Cow<'a, str>>,
}

impl<'a> ResponseParams<'a> {
    /// Reads the query of the redirect URI, or the form that was posted to it.
    pub(crate) fn read(query: &'a str) -> Result<Self, Error> {
        let invalid =
            |what: &'static str| Error::response(Operation::Authorization, Fault::InvalidField, what);
        if query.len() > MAX_QUERY {
            return Err(invalid("the redirect URI's query is longer than any provider's"));
        }
        let mut response = Self::default();
        for pair in query.trim_start_matches('?').split('&').filter(|p| !p.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (decode(name), decode(value)) else {
                return Err(invalid("the redirect URI's query is not valid UTF-8"));
            };
            let field = match &*name {
                "code" => &mut response.code,
                "state" => &mut response.state,
                "iss" => &mut response.iss,
                "error" => &mut response.error,
                "error_description" => &mut response.error_description,
                "error_uri" => &mut response.error_uri,
                _ => continue,
            };
            // RFC 6749 §3.1: parameters must not come more than once. Which one counts is anybody's guess.
            if field.replace(value).is_some() {
                let detail =
                    format!("the redirect URI's query holds {} more than once", printable(&name, 40));
                return Err(Error::validation(Operation::Authorization, Check::DuplicateParameter, detail));
            }
        }
        Ok(response)
    }
}

/// All parameters in a query, each of them once.
fn pairs(query: &str) -> Result<BTreeMap<Cow<'_, str>, Cow<'_, str>>, Error> {
    let mut pairs = BTreeMap::new();
    for pair in query.trim_start_matches('?').split('&').filter(|p| !p.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(name), Some(value)) = (decode(name), decode(value)) else {
            let detail = "the redirect URI's query is not valid UTF-8";
            return Err(Error::response(Operation::Authorization, Fault::InvalidField, detail));
        };
        if pairs.insert(name, value).is_some() {
            let detail = "the redirect URI's query holds a parameter more than once";
            return Err(Error::validation(Operation::Authorization, Check::DuplicateParameter, detail));
        }
    }
    Ok(pairs)
}

/// Checks what the definition asks of a response besides the RFCs, and gives what goes on into the token request.
pub(crate) fn check_response(
    quirks: &CallbackQuirks,
    query: &str,
    secret: Option<&Secret>,
) -> Result<Vec<(String, String)>, Error> {
    if quirks.hmac.is_none() && quirks.expect.is_empty() && quirks.forward.is_empty() {
        return Ok(Vec::new());
    }
    if query.len() > MAX_QUERY {
        let detail = "the redirect URI's query is longer than any provider's";
        return Err(Error::response(Operation::Authorization, Fault::InvalidField, detail));
    }
    let refuse = |check, detail: &'static str| Error::validation(Operation::Authorization, check, detail);
    let mut pairs = pairs(query)?;
    if let Some(name) = &quirks.hmac {
        let Some(secret) = secret else {
            let detail = "the provider's responses are checked with the client secret, and there is none";
            return Err(Error::config("client_secret", detail));
        };
        let tag = pairs.remove(name.as_str());
        // Shopify escapes what would end a value or a name before it signs them: else one parameter could swallow its
        // neighbour and the signature would stay the same.
        let signed = |text: &str| text.replace('%', "%25").replace('&', "%26");
        let pair = |(name, value): (&Cow<'_, str>, &Cow<'_, str>)| {
            format!("{}={}", signed(name).replace('=', "%3D"), signed(value))
        };
        let message = pairs.iter().map(pair).collect::<Vec<_>>().join("&");
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        let genuine = tag
            .and_then(|tag| unhex(&tag))
            .is_some_and(|tag| hmac::verify(&key, message.as_bytes(), &tag).is_ok());
        if !genuine {
            let detail = "the response does not come from the provider: its signature is missing or wrong";
            return Err(refuse(Check::Signature, detail));
        }
    }
    for (name, expected) in &quirks.expect {
        if pairs.get(name.as_str()).is_none_or(|value| value != expected) {
            let detail = "the response comes from somewhere else than where the user was sent";
            return Err(refuse(Check::IssuerMismatch, detail));
        }
    }
    let forwarded = quirks.forward.iter().filter_map(|name| {
        let value = pairs.get(name.as_str())?;
        Some((name.clone(), value.clone().into_owned()))
    });
    Ok(forwarded.collect())
}

/// The profile that came with a response, where the provider tells it there. What cannot be read is as good as none:
/// nothing depends on it.
pub(crate) fn profile(quirks: &CallbackQuirks, query: &str) -> Option<(String, Json)> {
    let wanted = quirks.profile.as_ref()?;
    let named = query.trim_start_matches('?').split('&').filter_map(|pair| pair.split_once('='));
    let mut values =
        named.filter(|(name, _)| decode(name).as_deref() == Some(wanted)).map(|(_, value)| value);
    let value = values.next().filter(|value| value.len() <= MAX_PROFILE)?;
    // Which of two would count is anybody's guess.
    if values.next().is_some() {
        return None;
    }
    let profile = json::parse(decode(value)?.as_bytes()).ok()?;
    profile.value().is_object().then(|| (wanted.clone(), profile))
}

/// A SHA-256 in hexadecimal.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// The values of `state` in a query; a provider sends one.
pub(crate) fn states(query: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let pairs = query.trim_start_matches('?').split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| decode(name).as_deref() == Some("state")).filter_map(|(_, value)| decode(value))
}

/// Adds a parameter; none where its name is empty.
fn add(url: &mut String, name: &str, value: &str) {
    if name.is_empty() {
        return;
    }
    url.push('&');
    escape(url, name);
    url.push('=');
    escape(url, value);
}

/// Text as it stands in a URL.
pub(crate) fn escaped(text: &str) -> String {
    let mut url = String::with_capacity(text.len() + 8);
    escape(&mut url, text);
    url
}

fn escape(url: &mut String, text: &str) {
    // What the library makes, and most names and values, need no escape: they are copied as a whole.
    if text
        .bytes()
        .fold(true, |plain, b| plain & (b.is_ascii_alphanumeric() | matches!(b, b'-' | b'_' | b'.')))
    {
        url.push_str(text);
    } else {
        url.extend(byte_serialize(text.as_bytes()));
    }
}

/// Form decoding that keeps invalid UTF-8 out, where the usual one puts in replacement characters.
pub(crate) fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['%', '+']) {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        let hex = |at: usize| tail.get(at).and_then(|b| (*b as char).to_digit(16));
        match (first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &tail[2..];
            }
            (b'+', ..) => bytes.push(b' '),
            _ => bytes.push(first),
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// The longest query that is read, in bytes. Codes may be long, but browsers send no more than this.
const MAX_QUERY: usize = 64 * 1024;
/// The longest profile in a response that is read, in bytes as they were sent.
const MAX_PROFILE: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn request<'a>(
        params: &'a [(Cow<'a, str>, Cow<'a, str>)],
        scopes: &'a [String],
    ) -> AuthorizationRequest<'a> {
        let (client_id, redirect_uri) = ("my id", "https://app.example/cb?x=1");
        AuthorizationRequest {
            client_id,
            redirect_uri,
            scopes,
            scope_separator: " ",
            params,
            names: &UNCHANGED,
            order: &[],
        }
    }

    #[test]
    fn parameters_of_the_endpoint_are_kept() {
        let endpoint = Endpoint::parse("https://a.example/authorize?tenant=7").unwrap();
        assert_eq!(
            request(&[], &[]).begin(&endpoint),
            "https://a.example/authorize?tenant=7&response_type=code&client_id=my+id\
             &redirect_uri=https%3A%2F%2Fapp.example%2Fcb%3Fx%3D1"
        );
    }

    #[test]
    fn every_parameter_is_escaped() {
        let endpoint = Endpoint::parse("https://a.example/authorize").unwrap();
        let params = [(Cow::Borrowed("a b"), Cow::Borrowed("c&d=é#"))];
        let scopes = ["one".to_owned(), "two&x=y".to_owned()];
        let begun = request(&params, &scopes).begin(&endpoint);
        assert!(begun.ends_with("&scope=one+two%26x%3Dy&a+b=c%26d%3D%C3%A9%23"), "{begun}");

        let quirks = &AuthorizationQuirks::default();
        let state = escaped("s&t");
        let one = OneLogin { state: Some(&state), nonce: Some("n"), challenge: Some(("c", "plain")), quirks };
        assert_eq!(one.url("x?y"), "x?y&state=s%26t&nonce=n&code_challenge_method=plain&code_challenge=c");
    }

    #[test]
    fn a_parameter_that_comes_twice_is_refused() {
        for query in ["code=a&code=b", "state=a&state=a", "iss=x&iss=x", "error=a&error=b", "code=a&c%6fde=b"]
        {
            let error = ResponseParams::read(query).err().map(|e| e.code().to_owned());
            assert_eq!(error.as_deref(), Some("duplicate_parameter"), "{query}");
        }
        assert!(ResponseParams::read("code=a&session_state=x&session_state=y").is_ok());
    }

    #[test]
    fn the_query_is_decoded_strictly() {
        let response = ResponseParams::read("?code=a%2Bb+c&state=%zz").ok().unwrap();
        assert_eq!(response.code.as_deref(), Some("a+b c"));
        assert_eq!(response.state.as_deref(), Some("%zz"));
        assert!(ResponseParams::read("code=%ff").is_err());
        assert!(ResponseParams::read(&format!("code={}", "a".repeat(MAX_QUERY))).is_err());
    }

    #[test]
    fn where_nothing_comes_first_the_query_begins_all_the_same() {
        let names =
            ["response_type", "client_id", "redirect_uri"].map(|name| (name.to_owned(), String::new()));
        let names = BTreeMap::from(names);
        let endpoint = Endpoint::parse("https://a.example/authorize").unwrap();
        let begun = AuthorizationRequest { names: &names, ..request(&[], &[]) }.begin(&endpoint);
        assert_eq!(begun, "https://a.example/authorize?");
    }

    #[test]
    fn a_query_is_read_up_to_64_kib() {
        let mut quirks = CallbackQuirks::default();
        quirks.forward.push("realm".to_owned());
        let query = |length: usize| format!("realm={}", "a".repeat(length - "realm=".len()));
        let (longest, longer, endless) = (query(65_536), query(65_537), query(65_600));
        assert!(ResponseParams::read(&longest).is_ok());
        assert_eq!(check_response(&quirks, &longest, None).unwrap()[0].1.len(), 65_530);
        for query in [&*longer, &*endless, "realm=%ff", "%ff=realm"] {
            let error = ResponseParams::read(query).err().unwrap();
            assert_eq!(error.code(), "invalid_field");
            assert_eq!(check_response(&quirks, query, None).unwrap_err().code(), "invalid_field");
        }
    }

    #[test]
    fn a_profile_is_read_once_and_up_to_8_kib() {
        let mut quirks = CallbackQuirks::default();
        quirks.profile = Some("user".to_owned());
        let query = |length: usize| format!("user={{\"a\":\"{}\"}}", "b".repeat(length - 8));
        assert!(profile(&quirks, &query(8_192)).is_some_and(|(name, _)| name == "user"));
        for query in [&query(8_193), "user={}&user={}", "user=[]", "user={", "user=%ff", "other={}"] {
            assert!(profile(&quirks, query).is_none(), "{query}");
        }
    }

    #[test]
    fn a_signature_is_64_hexadecimal_digits() {
        let hash = [&[0x0f; 31][..], &[0xa9]].concat();
        let text = "0f".repeat(31) + "a9";
        assert_eq!(unhex(&text).as_ref().map(<[u8; 32]>::as_slice), Some(&hash[..]));
        for wrong in
            [&text[1..], &format!("{text}00"), &text.replace("0f", "+f"), &text.replace("0f", "é"), ""]
        {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
    }
}
