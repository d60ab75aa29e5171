//! A session that is about to begin.
use std::fmt;
use std::time::SystemTime;

use vouchsafe::{IdToken, Identity};

use crate::session::record::Session;

/// Who signed in, for a session that is about to begin.
#[derive(Clone)]
#[non_exhaustive]
pub struct NewSession {
    /// The account, as the application names it.
    pub account: String,
    /// The name of the provider where the person signed in.
    pub provider: String,
    /// The issuer of the identity.
    pub issuer: String,
    /// The subject of the identity.
    pub subject: String,
    /// Who the person is in the provider's logout tokens: the issuer (`iss`) and the subject (`sub`) of the ID token. The identity
    /// has others at some providers.
    pub logout_as: Option<(String, String)>,
    /// The session at the provider (`sid` of the ID token).
    pub sid: Option<String>,
    /// The state of the session at the provider ([`Tokens::session_state`](vouchsafe::Tokens::session_state)).
    pub session_state: Option<String>,
    /// The e-mail address, verified or not.
    pub email: Option<String>,
    /// Whether the provider verified the e-mail address; `None` if it does not say.
    pub email_verified: Option<bool>,
    /// The name to show.
    pub name: Option<String>,
    /// The URL of a picture.
    pub picture: Option<String>,
    /// How the person signed in (`acr` of the ID token).
    pub acr: Option<String>,
    /// When the person signed in at the provider (`auth_time` of the ID token).
    pub auth_time: Option<SystemTime>,
    /// The same time by the clock of this machine, which may differ from the provider's.
    pub signed_in_at: Option<SystemTime>,
    /// When the provider wants the session to end (`session_expiry` of the ID token, IPSIE).
    pub session_expiry: Option<SystemTime>,
    /// The roles of the person in this application.
    pub roles: Vec<String>,
    /// The session that a step-up continues: the new session ends when this one would have ended, and has its tokens.
    pub continues: Option<Session>,
}

impl NewSession {
    /// A session of this account, for the subject of an ID token of the provider of this name, without a profile.
    pub fn of_id_token(account: impl Into<String>, provider: impl Into<String>, id_token: &IdToken) -> Self {
        let text = |name: &str| id_token.claim(name).and_then(|value| value.as_str()).map(str::to_owned);
        Self {
            account: account.into(),
            provider: provider.into(),
            issuer: id_token.issuer().to_owned(),
            subject: id_token.subject().to_owned(),
            logout_as: None,
            sid: id_token.sid().map(str::to_owned),
            session_state: None,
            email: text("email"),
            email_verified: id_token.claim("email_verified").and_then(|value| value.as_bool()),
            name: text("name"),
            picture: text("picture"),
            acr: id_token.acr().map(str::to_owned),
            auth_time: id_token.auth_time(),
            signed_in_at: signed_in_at(id_token),
            session_expiry: id_token.session_expiry(),
            roles: Vec::new(),
            continues: None,
        }
    }

    /// A session of this account, for an identity that signed in at the provider of this name. The ID token says how and when.
    pub fn new(
        account: impl Into<String>,
        provider: impl Into<String>,
        identity: &Identity,
        id_token: Option<&IdToken>,
    ) -> Self {
        Self {
            account: account.into(),
            provider: provider.into(),
            issuer: identity.issuer().to_owned(),
            subject: identity.subject().to_owned(),
            logout_as: id_token.map(|token| (token.issuer().to_owned(), token.subject().to_owned())),
            sid: id_token.and_then(IdToken::sid).map(str::to_owned),
            session_state: None,
            email: identity.email().map(str::to_owned),
            email_verified: identity.email_verified(),
            name: identity.name().map(str::to_owned),
            picture: identity.picture().map(str::to_owned),
            acr: id_token.and_then(IdToken::acr).map(str::to_owned),
            auth_time: id_token.and_then(IdToken::auth_time),
            signed_in_at: id_token.and_then(signed_in_at),
            session_expiry: id_token.and_then(IdToken::session_expiry),
            roles: Vec::new(),
            continues: None,
        }
    }
}

/// When the person signed in, by the clock of this machine: as long ago as the provider says in an ID token that it has just issued.
fn signed_in_at(token: &IdToken) -> Option<SystemTime> {
    let age = token.issued_at().duration_since(token.auth_time()?).unwrap_or_default();
    SystemTime::now().checked_sub(age)
}

impl fmt::Debug for NewSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSession").field("provider", &self.provider).finish_non_exhaustive()
    }
}
