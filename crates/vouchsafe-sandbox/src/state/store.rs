//! Everything the sandbox remembers between two requests.

use std::collections::{HashMap, VecDeque};

use serde_json::{Value, json};

use crate::config::User;
use crate::part::Part;
use crate::state::request::AuthorizationRequest;
use crate::wire::{Params, Scopes, random_token};

/// Everything the sandbox remembers. All of it is bounded: the oldest entry makes room for the newest.
#[derive(Default)]
pub(crate) struct Store {
    pub(crate) sessions: Bounded<Session>,
    pub(crate) interactions: Bounded<Interaction>,
    pub(crate) logouts: Bounded<Logout>,
    pub(crate) codes: Bounded<Code>,
    pub(crate) grants: Bounded<Grant>,
    pub(crate) tokens: Bounded<Token>,
    /// By `sid`.
    pub(crate) sign_ins: Bounded<SignIn>,
    /// By the hash of the ID token, to recognise it as an `id_token_hint`.
    pub(crate) id_tokens: Bounded<IssuedIdToken>,
    /// By device code.
    pub(crate) devices: Bounded<Device>,
    /// Device codes, by user code.
    pub(crate) user_codes: Bounded<String>,
    /// By `request_uri`.
    pub(crate) pushed: Bounded<Pushed>,
    /// The tokens of notifications, by `auth_req_id`.
    pub(crate) notifications: Bounded<String>,
    /// By the hash of a JWT that a token exchange issued: its user, its scopes and its end.
    pub(crate) assertions: Bounded<(SignedIn, Scopes, u64)>,
    /// Provider and user, where the provider sends the profile in the first response only.
    pub(crate) introduced: Bounded<()>,
}

impl Store {
    /// Signs a user in and gives the session a new name, so that a name that an attacker has planted is useless.
    pub(crate) fn sign_in(&mut self, old: &str, user: &User, now: u64) -> (String, SignedIn) {
        let mut session = self.sessions.remove(old).unwrap_or_default();
        let before = session.signed_in.take();
        let same = before.filter(|before| before.username == user.username());
        if same.is_none() {
            session.consents.clear();
        }
        // Who signs in again stays in the same session of the applications.
        let sid = same.map_or_else(|| random_token("sandbox-sid-"), |same| same.sid);
        let signed_in = SignedIn { username: user.username().to_owned(), auth_time: now, sid };
        session.signed_in = Some(signed_in.clone());
        let new = random_token("");
        self.sessions.insert(new.clone(), session);
        // Another tab may still show a page of the same browser.
        for interaction in self.interactions.values_mut().filter(|interaction| interaction.session == old) {
            interaction.session.clone_from(&new);
        }
        (new, signed_in)
    }

    /// Notes that a client has an ID token of this sign-in.
    pub(crate) fn take_part(&mut self, client_id: &str, signed_in: &SignedIn) {
        if self.sign_ins.get(&signed_in.sid).is_none() {
            let sign_in = SignIn { signed_in: signed_in.clone(), clients: Vec::new() };
            self.sign_ins.insert(signed_in.sid.clone(), sign_in);
        }
        if let Some(sign_in) = self.sign_ins.get_mut(&signed_in.sid)
            && !sign_in.clients.iter().any(|known| known == client_id)
        {
            sign_in.clients.push(client_id.to_owned());
        }
    }

    /// The latest sign-in of this user in which the client took part.
    pub(crate) fn latest_sign_in(&self, client_id: &str, username: &str) -> Option<&SignedIn> {
        let is_theirs = |sign_in: &&SignIn| {
            sign_in.signed_in.username == username && sign_in.clients.iter().any(|known| known == client_id)
        };
        self.sign_ins.latest().find(is_theirs).map(|sign_in| &sign_in.signed_in)
    }

    /// Ends the browsers' sessions of this user. Returns those that have ended.
    pub(crate) fn end_sessions_of(&mut self, username: &str) -> Vec<SignedIn> {
        let is_theirs = |signed_in: &SignedIn| signed_in.username == username;
        self.sessions
            .values_mut()
            .filter_map(|session| session.signed_in.take_if(|by| is_theirs(by)))
            .collect()
    }

    /// A token that is valid now, and its grant.
    pub(crate) fn active_token(&self, token: &str, now: u64) -> Option<(&Token, &Grant)> {
        let token = self.tokens.get(token).filter(|token| !token.is_used && token.expires_at > now)?;
        Some((token, self.grants.get(&token.grant).filter(|grant| !grant.revoked)?))
    }

    /// An access token of this part that is valid now, and its grant.
    pub(crate) fn access_token(&self, part: &Part, token: &str, now: u64) -> Option<(&Token, &Grant)> {
        self.active_token(token, now).filter(|(token, grant)| !token.is_refresh && grant.is_of(part))
    }

    /// The user of this code or token.
    pub(crate) fn username_of(&self, secret: &str) -> Option<&str> {
        let by_code = || Some(&self.codes.get(secret)?.signed_in);
        let by_token = || Some(&self.grants.get(&self.tokens.get(secret)?.grant)?.signed_in);
        let by_device = || match &self.devices.get(secret)?.decision {
            Some(Decision::Allowed(signed_in)) => Some(signed_in),
            _ => None,
        };
        let signed_in = by_code().or_else(by_token).or_else(by_device)?;
        Some(&signed_in.username)
    }

    /// Revokes every token of a grant.
    pub(crate) fn revoke_grant(&mut self, id: &str) {
        if let Some(grant) = self.grants.get_mut(id) {
            grant.revoked = true;
        }
    }
}

/// The session of one browser.
#[derive(Clone, Default)]
pub(crate) struct Session {
    pub(crate) signed_in: Option<SignedIn>,
    /// The scopes that were allowed, by client.
    pub(crate) consents: HashMap<String, Scopes>,
}

#[derive(Clone)]
pub(crate) struct SignedIn {
    pub(crate) username: String,
    pub(crate) auth_time: u64,
    /// The name of this session in ID tokens and logout tokens.
    pub(crate) sid: String,
}

/// A sign-in, and the clients that have an ID token of it.
#[derive(Clone)]
pub(crate) struct SignIn {
    pub(crate) signed_in: SignedIn,
    pub(crate) clients: Vec<String>,
}

/// An authorization request that waits for its user. Its key is unguessable and works in its own session only, so it
/// also protects the forms against cross-site request forgery.
#[derive(Clone)]
pub(crate) struct Interaction {
    pub(crate) session: String,
    pub(crate) request: AuthorizationRequest,
    pub(crate) signed_in: Option<SignedIn>,
}

/// A logout that waits for the user to confirm it.
#[derive(Clone)]
pub(crate) struct Logout {
    pub(crate) session: String,
    pub(crate) return_to: Option<String>,
}

#[derive(Clone)]
pub(crate) struct Code {
    pub(crate) request: AuthorizationRequest,
    pub(crate) signed_in: SignedIn,
    pub(crate) expires_at: u64,
    /// The grant it was redeemed for. The code is kept, to notice a second use.
    pub(crate) redeemed: Option<String>,
}

/// A device that waits for its user, RFC 8628.
#[derive(Clone)]
pub(crate) struct Device {
    pub(crate) request: AuthorizationRequest,
    pub(crate) expires_at: u64,
    /// The seconds that it waits between two polls.
    pub(crate) interval: u64,
    pub(crate) polled_at: Option<u64>,
    pub(crate) decision: Option<Decision>,
}

#[derive(Clone)]
pub(crate) enum Decision {
    Allowed(SignedIn),
    Denied,
}

#[derive(Clone)]
pub(crate) struct Grant {
    pub(crate) id: String,
    pub(crate) request: AuthorizationRequest,
    pub(crate) signed_in: SignedIn,
    pub(crate) revoked: bool,
    /// A fault has made the e-mail address unverified.
    pub(crate) email_unverified: bool,
}

impl Grant {
    pub(crate) fn is_of(&self, part: &Part) -> bool {
        self.request.part.base == part.base
    }

    /// The issuer of its ID tokens.
    pub(crate) fn issuer(&self) -> String {
        self.request.part.token_issuer(&self.request.marks)
    }

    /// Whether the provider vouches for the user's e-mail address in the responses of this login.
    pub(crate) fn vouches_for(&self, user: &User) -> bool {
        user.email_verified() && !self.email_unverified
    }
}

/// An access token or a refresh token.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) grant: String,
    pub(crate) scopes: Scopes,
    pub(crate) issued_at: u64,
    pub(crate) expires_at: u64,
    pub(crate) is_refresh: bool,
    /// A refresh token that was used is kept, to notice a second use.
    pub(crate) is_used: bool,
    /// The key or certificate that its sender must prove to have.
    pub(crate) binding: Option<Binding>,
    /// The resources that it is for, RFC 8707. If there are none, it is for every one.
    pub(crate) audience: Vec<String>,
    pub(crate) details: Option<Value>,
}

/// The key or the certificate that the sender of a token must prove to have.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Binding {
    /// The key with this thumbprint, RFC 9449.
    Key(String),
    /// The certificate with this thumbprint, RFC 8705.
    Certificate(String),
}

impl Binding {
    /// The claim `cnf`, RFC 9449 section 6.1 and RFC 8705 section 3.1.
    pub(crate) fn confirmation(&self) -> Value {
        match self {
            Self::Key(thumbprint) => json!({ "jkt": thumbprint }),
            Self::Certificate(thumbprint) => json!({ "x5t#S256": thumbprint }),
        }
    }

    pub(crate) fn token_type(binding: Option<&Self>) -> &'static str {
        if matches!(binding, Some(Self::Key(_))) { "DPoP" } else { "Bearer" }
    }
}

/// An authorization request that its client has pushed, RFC 9126.
#[derive(Clone)]
pub(crate) struct Pushed {
    pub(crate) client_id: String,
    pub(crate) params: Params,
    pub(crate) is_signed: bool,
    /// The thumbprint of the key in the proof that came with it.
    pub(crate) jkt: Option<String>,
    pub(crate) expires_at: u64,
}

impl Token {
    /// An access token.
    pub(crate) fn access(grant: String, scopes: Scopes, issued_at: u64, expires_at: u64) -> Self {
        Self {
            grant,
            scopes,
            issued_at,
            expires_at,
            is_refresh: false,
            is_used: false,
            binding: None,
            audience: Vec::new(),
            details: None,
        }
    }
}

#[derive(Clone)]
pub(crate) struct IssuedIdToken {
    pub(crate) client_id: String,
    pub(crate) username: String,
}

/// A map that forgets its oldest entries.
pub(crate) struct Bounded<V> {
    map: HashMap<String, V>,
    /// Every key that was inserted, even if it was removed since. The bound counts them all.
    order: VecDeque<String>,
}

impl<V> Bounded<V> {
    pub(crate) fn insert(&mut self, key: String, value: V) {
        if self.order.len() >= CAPACITY
            && let Some(oldest) = self.order.pop_front()
        {
            self.map.remove(&oldest);
        }
        self.order.push_back(key.clone());
        self.map.insert(key, value);
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<V> {
        self.map.remove(key)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut V> {
        self.map.get_mut(key)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.map.values_mut()
    }

    /// The values, the latest first.
    pub(crate) fn latest(&self) -> impl Iterator<Item = &V> {
        self.order.iter().rev().filter_map(|key| self.map.get(key))
    }

    pub(crate) fn get(&self, key: &str) -> Option<&V> {
        self.map.get(key)
    }
}

impl<V> Default for Bounded<V> {
    fn default() -> Self {
        Self { map: HashMap::new(), order: VecDeque::new() }
    }
}

const CAPACITY: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oldest_entry_makes_room_for_the_newest() {
        let mut bounded = Bounded::default();
        for i in 0..=CAPACITY {
            bounded.insert(i.to_string(), i);
        }
        assert!(bounded.get("0").is_none());
        assert_eq!(bounded.get(&CAPACITY.to_string()), Some(&CAPACITY));
        assert_eq!(bounded.map.len(), CAPACITY);
    }
}
