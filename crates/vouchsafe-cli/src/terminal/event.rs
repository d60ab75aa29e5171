//! The machine output: one JSON object a line.
use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};
use vouchsafe::Identity;

use crate::failure::Failure;
use crate::text;

/// A line of the machine output.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event<'a> {
    AuthorizationUrl {
        url: &'a str,
        redirect_uri: &'a str,
    },
    DeviceCode(DeviceCode<'a>),
    Backchannel {
        expires_in: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        binding_message: Option<&'a str>,
    },
    Profile {
        profile: &'a Value,
    },
    Login(Login<'a>),
    Token(Token<'a>),
    Identity(Identified<'a>),
    Saved(Saved<'a>),
    Introspection {
        token: &'a Value,
    },
    Revoked,
    LogoutUrl {
        url: &'a str,
    },
    LoggedOut,
    Response {
        status: u16,
        headers: &'a BTreeMap<&'a str, String>,
        body: &'a str,
    },
    Provider(Value),
    Checked(Value),
    Setup(Value),
    Credentials {
        verdict: &'a str,
        message: &'a str,
    },
    Written {
        file: &'a str,
        variables: &'a [String],
    },
    Metadata(Value),
    Jwt(Value),
    Listening(Value),
    Acted(Value),
    Fault(BTreeMap<&'a str, &'a str>),
    Warning {
        code: &'a str,
        message: &'a str,
    },
    Error(&'a Failure),
}

/// The code of a login on another device.
#[derive(Debug, Serialize)]
pub(crate) struct DeviceCode<'a> {
    pub(crate) verification_uri: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verification_uri_complete: Option<&'a str>,
    pub(crate) user_code: &'a str,
    pub(crate) expires_in: u64,
}

/// A login that succeeded.
#[derive(Debug, Serialize)]
pub(crate) struct Login<'a> {
    pub(crate) provider: &'a str,
    pub(crate) token: Token<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) claims: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) identity: Option<Who<'a>>,
}

/// Its tokens.
#[derive(Debug, Serialize)]
pub(crate) struct Token<'a> {
    pub(crate) access_token: &'a str,
    pub(crate) token_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) scope: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id_token: Option<&'a str>,
}

/// Who signed in.
#[derive(Debug, Serialize)]
pub(crate) struct Who<'a> {
    pub(crate) subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<&'a str>,
    /// `null` if the provider does not say.
    pub(crate) email_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) picture: Option<&'a str>,
}

impl<'a> Who<'a> {
    pub(crate) fn of(identity: &'a Identity) -> Self {
        Self {
            subject: identity.subject(),
            email: identity.email(),
            email_verified: identity.email_verified(),
            name: identity.name(),
            picture: identity.picture(),
        }
    }
}

/// Who signed in, and where.
#[derive(Debug, Serialize)]
pub(crate) struct Identified<'a> {
    pub(crate) provider: &'a str,
    #[serde(flatten)]
    pub(crate) who: Who<'a>,
}

/// A saved login.
#[derive(Debug, Serialize)]
pub(crate) struct Saved<'a> {
    pub(crate) name: &'a str,
    pub(crate) provider: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refresh_expires_at: Option<u64>,
    pub(crate) state: &'static str,
}

impl Event<'_> {
    /// The line with its line break.
    pub(super) fn line(&self) -> Vec<u8> {
        // JSON can represent every event: the keys are text, and the numbers are finite.
        let mut line = json(self).unwrap_or_default();
        line.push(b'\n');
        line
    }
}

fn json(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut line = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut line, Printable))?;
    Ok(line)
}

/// Escapes every character that could control a terminal.
struct Printable;

impl Formatter for Printable {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for c in fragment.chars() {
            if !text::is_unfit(c) {
                writer.write_all(c.encode_utf8(&mut [0; 4]).as_bytes())?;
                continue;
            }
            // RFC 8259 §7: a character outside the Basic Multilingual Plane is written as a surrogate pair.
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_lines_hold_nothing_that_controls_a_terminal() {
        let text = "a\u{1b}[31m\u{9b}b\u{202e}c\"é\n\u{e0041}";
        let line = String::from_utf8(json(&text).unwrap()).unwrap();
        assert_eq!(line, "\"a\\u001b[31m\\u009bb\\u202ec\\\"é\\n\\udb40\\udc41\"");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
    }
}
