//! The outcome of a login: who signed in, and the tokens.
use std::time::SystemTime;

use serde_json::Value;
use vouchsafe::{Client, Identity, Tokens};

use crate::terminal::{Event, GOOD, Login, Output, SOFT, STRONG, Token, Who, paint};
use crate::text;

/// A login that succeeded.
pub(super) struct Report<'a> {
    pub(super) client: &'a Client,
    /// The provider's name, to show to a person.
    pub(super) name: &'a str,
    pub(super) tokens: &'a Tokens,
    pub(super) identity: Option<&'a Identity>,
    /// The name under which the login was saved.
    pub(super) saved: Option<&'a str>,
    /// Whether to print the profile document.
    pub(super) profile: bool,
}

impl Report<'_> {
    pub(super) fn print(&self, output: &mut Output) {
        let Self { tokens, identity, .. } = *self;
        let profile = identity.map(Identity::profile).filter(|_| self.profile);
        if let Some(profile) = profile {
            output.event(&Event::Profile { profile });
        }
        output.event(&Event::Login(Login {
            provider: self.client.provider_slug(),
            token: Token {
                access_token: tokens.access_token().expose(),
                token_type: tokens.token_type(),
                expires_at: tokens.expires_at().map(text::seconds),
                scope: tokens.scopes().collect(),
                refresh_token: tokens.refresh_token().map(|t| t.expose()),
                id_token: tokens.id_token().map(|t| t.expose()),
            },
            claims: tokens.id_token().map(|t| t.claims()),
            identity: identity.map(Who::of),
        }));
        let who = identity.map(|i| i.name().or(i.email()).unwrap_or(i.subject()));
        let who = who.map(|who| format!(" as {}", text::short(who, 120))).unwrap_or_default();
        let line = paint(&format!("Signed in at {}{who}.", self.name), STRONG);
        output.say(format!("{} {line}", paint("✓", GOOD)));
        if !output.is_quiet() {
            output.say("");
            self.rows(output);
        }
        if let Some(profile) = profile {
            output.section("Profile", pretty(profile));
        }
        output.tell("");
        let hint = match self.saved {
            Some(name) => {
                format!("Saved. For a valid access token at any time: vouchsafe token {}", word(name))
            }
            None => {
                "Nothing was saved, and no token is shown. To print the tokens for a program, use --json."
                    .to_owned()
            }
        };
        output.tell(paint(&hint, SOFT));
    }

    fn rows(&self, output: &mut Output) {
        let tokens = self.tokens;
        if let Some(identity) = self.identity {
            output.row("user ID", identity.subject());
            output.row("e-mail", &*email(identity));
        }
        output.row("access token", &*lifetime(tokens));
        let scope: Vec<&str> = tokens.scopes().collect();
        output.row("scopes", (!scope.is_empty()).then_some(&*scope.join(" ")));
        let refresh_token = match tokens.refresh_token() {
            Some(_) => "yes: it gets new access tokens without the user",
            None => "no: when the access token expires, the user has to sign in again",
        };
        output.row("refresh token", refresh_token);
    }
}

/// A name as a word for a shell.
fn word(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_alphanumeric() || "-_.@:".contains(c)) && !name.starts_with('-');
    if is_plain { name.to_owned() } else { format!("-- '{}'", text::legible(name).replace('\'', r"'\''")) }
}

/// A JSON document, a line each.
pub(in crate::commands) fn pretty(profile: &Value) -> Vec<String> {
    let text = serde_json::to_string_pretty(profile).unwrap_or_default();
    text.lines().map(text::legible).collect()
}

pub(in crate::commands) fn email(identity: &Identity) -> String {
    let Some(email) = identity.email() else { return "the provider shared none".to_owned() };
    let status = match identity.email_verified() {
        Some(true) => "verified by the provider",
        Some(false) => "NOT verified: it may belong to somebody else",
        None => "the provider does not say whether it is verified: do not rely on it",
    };
    format!("{} ({status})", text::short(email, 200))
}

fn lifetime(tokens: &Tokens) -> String {
    let now = SystemTime::now();
    match tokens.expires_at() {
        None => "valid until revoked; the provider gives no expiry time".to_owned(),
        Some(at) if at <= now => "expired already: check this machine's clock".to_owned(),
        Some(at) => {
            let date = text::date(at).map(|date| format!(", until {date}")).unwrap_or_default();
            format!("valid for {}{date}", text::duration(at.duration_since(now).unwrap_or_default()))
        }
    }
}
