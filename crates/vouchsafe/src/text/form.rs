//! Reading and writing `application/x-www-form-urlencoded`.
use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value};
use url::form_urlencoded::byte_serialize;

/// A decoded parameter: its name and its value, each `None` if it is not UTF-8.
pub(crate) type Pair<'a> = (Option<Cow<'a, str>>, Option<Cow<'a, str>>);

/// The decoded parameters of a query or a form, in their order.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = Pair<'_>> {
    query.trim_start_matches('?').split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

/// Reads a form strictly: every part is `name=value`, is escaped correctly, and has a name of its own.
pub(crate) fn read_form(body: &[u8]) -> Option<Map<String, Value>> {
    let mut members = Map::new();
    for pair in std::str::from_utf8(body).ok()?.trim_end().split('&') {
        let (name, value) = pair.split_once('=')?;
        let escaped = |text: &str| {
            let well =
                |part: &str| part.get(..2).is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
            text.split('%').skip(1).all(well) && text.bytes().all(|b| b.is_ascii_graphic())
        };
        if name.is_empty() || !escaped(name) || !escaped(value) {
            return None;
        }
        if members.insert(decode(name)?.into_owned(), decode(value)?.into_owned().into()).is_some() {
            return None;
        }
    }
    Some(members)
}

/// Adds a parameter, unless its name is empty.
pub(crate) fn add(url: &mut String, name: &str, value: &str) {
    if name.is_empty() {
        return;
    }
    url.push('&');
    escape(url, name);
    url.push('=');
    escape(url, value);
}

/// Adds a text, escaped for a URL.
pub(crate) fn escape(url: &mut String, text: &str) {
    // Values that the library makes, and most others, need no escape: they are copied as a whole.
    if text
        .bytes()
        .fold(true, |plain, b| plain & (b.is_ascii_alphanumeric() | matches!(b, b'-' | b'_' | b'.')))
    {
        url.push_str(text);
    } else {
        url.extend(byte_serialize(text.as_bytes()));
    }
}

/// Adds a path segment, or a part of one. RFC 3986 section 2.3: every character that is not unreserved is escaped.
pub(crate) fn escape_segment(url: &mut String, text: &str) {
    url.extend(utf8_percent_encode(text, &UNRESERVED));
}

const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Decodes a name or a value; `None` if it is not UTF-8. The usual decoders put in replacement characters instead.
pub(crate) fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('+') {
        return percent_decode_str(text).decode_utf8().ok();
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
    Some(Cow::Owned(decoded.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_strictly() {
        let form = read_form(b"access_token=a%2Cb&scope=x+y&empty=").unwrap();
        assert_eq!(
            Value::Object(form),
            serde_json::json!({"access_token": "a,b", "scope": "x y", "empty": ""})
        );
        for wrong in
            ["", "a", "=b", "a=1&a=2", "a=%2", "a=%zz", "a=b c", "a=\u{e9}", "a=%ff", "a=1&", "<a=b>\n<c"]
        {
            assert!(read_form(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }
}
