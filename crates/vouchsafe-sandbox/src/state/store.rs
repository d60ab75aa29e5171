//! Everything the sandbox remembers between two requests.

use std::collections::{HashMap, VecDeque};

use crate::config::User;
use crate::part::Part;
use crate::state::request::AuthorizationRequest;
use crate::wire::Scopes;
use crate::wire::random_token;

/// Everything the sandbox remembers. All of it is bounded: the oldest entry makes room for the newest.
#[derive(Default)]
pub(crate) struct Store {
    pub(crate) sessions: Bounded<Session>,
    pub(crate) interactions: Bounded<Interaction>,
    pub(crate) logouts: Bounded<Logout>,
    pub(crate) codes: Bounded<Code>,
    pub(crate) grants: Bounded<Grant>,
    pub(crate) access_tokens: Bounded<AccessToken>,
    pub(crate) refresh_tokens: Bounded<RefreshToken>,
    /// By the hash of the ID token, to recognise it as an `id_token_hint`.
    pub(crate) id_tokens: Bounded<IssuedIdToken>,
    /// By device code.
    pub(crate) devices: Bounded<Device>,
    /// Device codes, by user code.
    pub(crate) user_codes: Bounded<String>,
    /// Provider and user, where the provider sends the profile in the first response only.
    pub(crate) introduced: Bounded<()>,
}

impl Store {
    /// Signs a user in and gives the session a new name, so that a name that an attacker has planted is useless.
    pub(crate) fn sign_in(&mut self, old: &str, signed_in: SignedIn) -> String {
        let mut session = self.sessions.remove(old).unwrap_or_default();
        if session.signed_in.as_ref().is_some_and(|before| before.username != signed_in.username) {
            session.consents.clear();
        }
        session.signed_in = Some(signed_in);
        let new = random_token("");
        self.sessions.insert(new.clone(), session);
        // Another tab may still show a page of the same browser.
        for interaction in self.interactions.values_mut().filter(|interaction| interaction.session == old) {
            interaction.session.clone_from(&new);
        }
        new
    }

    /// The grant of an access token that is valid now.
    pub(crate) fn active_access_token(&self, token: &str, now: u64) -> Option<(&AccessToken, &Grant)> {
        let access = self.access_tokens.get(token).filter(|access| access.expires_at > now)?;
        Some((access, self.active_grant(&access.grant)?))
    }

    /// The grant of a refresh token that is valid now.
    pub(crate) fn active_refresh_token(&self, token: &str, now: u64) -> Option<(&RefreshToken, &Grant)> {
        let refresh =
            self.refresh_tokens.get(token).filter(|refresh| !refresh.used && refresh.expires_at > now)?;
        Some((refresh, self.active_grant(&refresh.grant)?))
    }

    /// The user of this code or token.
    pub(crate) fn username_of(&self, secret: &str) -> Option<&str> {
        let by_grant = |id: &str| Some(self.grants.get(id)?.signed_in.username.as_str());
        let by_code = || Some(self.codes.get(secret)?.signed_in.username.as_str());
        let by_refresh = || by_grant(&self.refresh_tokens.get(secret)?.grant);
        let by_access = || by_grant(&self.access_tokens.get(secret)?.grant);
        let by_device = || match &self.devices.get(secret)?.decision {
            Some(Decision::Allowed(signed_in)) => Some(signed_in.username.as_str()),
            _ => None,
        };
        by_code().or_else(by_refresh).or_else(by_access).or_else(by_device)
    }

    fn active_grant(&self, id: &str) -> Option<&Grant> {
        self.grants.get(id).filter(|grant| !grant.revoked)
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
    pub(crate) client_id: String,
    pub(crate) signed_in: SignedIn,
    pub(crate) scopes: Scopes,
    pub(crate) acr: String,
    pub(crate) revoked: bool,
    /// The base of the part that has issued it.
    pub(crate) base: String,
    /// The issuer of its ID tokens.
    pub(crate) issuer: String,
    /// Parameters of the authorization response that must come back with each refresh.
    pub(crate) forwarded: Vec<(String, String)>,
    /// A fault has made the e-mail address unverified.
    pub(crate) email_unverified: bool,
}

impl Grant {
    pub(crate) fn is_of(&self, part: &Part) -> bool {
        self.base == part.base
    }

    /// Whether the provider vouches for the user's e-mail address in the responses of this login.
    pub(crate) fn vouches_for(&self, user: &User) -> bool {
        user.email_verified() && !self.email_unverified
    }
}

#[derive(Clone)]
pub(crate) struct AccessToken {
    pub(crate) grant: String,
    pub(crate) scopes: Scopes,
    pub(crate) issued_at: u64,
    pub(crate) expires_at: u64,
}

#[derive(Clone)]
pub(crate) struct RefreshToken {
    pub(crate) grant: String,
    pub(crate) issued_at: u64,
    pub(crate) expires_at: u64,
    pub(crate) used: bool,
}

#[derive(Clone)]
pub(crate) struct IssuedIdToken {
    pub(crate) client_id: String,
    pub(crate) username: String,
}

/// A map that forgets its oldest entries.
pub(crate) struct Bounded<V> {
    map: HashMap<String, V>,
    /// Every key that was inserted, removed ones included. The bound counts these.
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

    /// Inserts a key, and says whether it is new.
    pub(crate) fn insert_new(&mut self, key: String) -> bool
    where
        V: Default,
    {
        let new = !self.map.contains_key(&key);
        if new {
            self.insert(key, V::default());
        }
        new
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

    pub(crate) fn get(&self, key: &str) -> Option<&V> {
        self.map.get(key)
    }
}

impl<V> Default for Bounded<V> {
    fn default() -> Self {
        Self { map: HashMap::new(), order: VecDeque::new() }
    }
}

const CAPACITY: usize = 10_000;

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
