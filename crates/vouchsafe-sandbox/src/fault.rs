//! What goes wrong on demand. A file a place: each has a table of what can go wrong there.

use std::fmt;
use std::time::Duration;

use axum::response::Response;
use serde_json::Value;

use crate::state::jwt::Jwt;
use crate::state::request::AuthorizationRequest;
use crate::wire::Incoming;

mod body;
mod callback;
mod id_token;
mod keys;
mod metadata;
mod people;
mod stages;
mod switch;
mod token;
mod userinfo;
mod weak;
mod wire;

pub(crate) use people::{person, shown};
pub(crate) use switch::Faults;

/// Something that goes wrong at a provider, on demand: at the sandbox's own endpoints and at those of every act.
///
/// It is an open value with constants. Each has a [name](Self::name), by which [`named`](Self::named) and the command
/// line find it, and says what it [meets](Self::refusal) at a client that does all its checks.
///
/// Switched on by [`Sandbox::fault`](crate::Sandbox::fault) until further notice, by
/// [`Sandbox::fault_once`](crate::Sandbox::fault_once) for the next request that it can happen to, and for one login by
/// signing in as a user who is named after it, such as `fault-slow`; the login page has a list. Nobody has signed in yet
/// when metadata is read: what goes wrong there has no user.
///
/// ```
/// use vouchsafe_sandbox::{Endpoint, Fault};
///
/// let fault = Fault::named("wrong-nonce").expect("there is one");
/// assert_eq!(fault, Fault::WRONG_NONCE);
/// assert_eq!(fault.refusal().expect("it is not lawful").code, "nonce_mismatch");
///
/// // What goes wrong on the wire does so at the token endpoint, or at another.
/// assert_eq!(Fault::named("html@userinfo"), Some(Fault::HTML.at(Endpoint::UserInfo)));
/// ```
#[derive(Clone, Copy)]
pub struct Fault {
    row: &'static Row,
    at: Endpoint,
    delay: Duration,
}

impl Fault {
    const fn new(row: &'static Row) -> Self {
        let at = match row.place {
            Place::Metadata => Endpoint::Metadata,
            Place::Keys => Endpoint::Keys,
            Place::UserInfo => Endpoint::UserInfo,
            Place::Callback | Place::Token | Place::IdToken | Place::Wire => Endpoint::Token,
        };
        Self { row, at, delay: Duration::from_secs(5) }
    }

    /// The endpoint takes this long to answer; five seconds by [name](Self::SLOW).
    pub fn slow(delay: Duration) -> Self {
        Self { delay, ..Self::SLOW }
    }

    /// The same at another endpoint, for what goes wrong on the wire. Everything else has its place.
    #[must_use]
    pub fn at(self, endpoint: Endpoint) -> Self {
        if self.row.place == Place::Wire { Self { at: endpoint, ..self } } else { self }
    }

    /// Everything that can go wrong, by place; what goes wrong on the wire at each endpoint.
    pub fn all() -> Vec<Self> {
        let placed = [callback::ALL, token::ALL, id_token::ALL, keys::ALL, metadata::ALL, userinfo::ALL];
        let wire = Endpoint::ALL.iter().flat_map(|at| wire::ALL.iter().map(|fault| fault.at(*at)));
        placed.concat().into_iter().chain(wire).collect()
    }

    /// The fault of this name: `wrong-nonce`, `html` or `html@userinfo`.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|fault| fault.name() == name)
    }

    /// Its name; on the wire elsewhere than at the token endpoint, with the endpoint behind an `@`.
    pub fn name(&self) -> String {
        match (self.row.place, self.at) {
            (Place::Wire, at) if at != Endpoint::Token => format!("{}@{}", self.row.name, at.name()),
            _ => self.row.name.to_owned(),
        }
    }

    /// What it is, in a sentence.
    pub fn description(&self) -> &'static str {
        self.row.what
    }

    /// Where it strikes.
    pub fn place(&self) -> Place {
        self.row.place
    }

    /// The endpoint, for what comes of one: all but the faults of the authorization response.
    pub fn endpoint(&self) -> Option<Endpoint> {
        (self.row.place != Place::Callback).then_some(self.at)
    }

    /// What it meets at a client that does all its checks. `None`: it is lawful, or the client can do without what is
    /// missing, and the login succeeds.
    pub fn refusal(&self) -> Option<Refusal> {
        let refusal = self.row.refusal?;
        match (self.row.place, self.at) {
            // What revocation answers with is its status alone (RFC 7009 section 2.2).
            (Place::Wire, Endpoint::Revocation) => {
                (refusal.kind != "malformed").then_some(Refusal { step: Step::Revocation, ..refusal })
            }
            // The ID token says who it is: UserInfo that cannot be had is no reason to refuse.
            (Place::Wire, Endpoint::UserInfo) if refusal.kind == "network" => None,
            _ => Some(refusal),
        }
    }
}

impl PartialEq for Fault {
    fn eq(&self, other: &Self) -> bool {
        (self.row.name, self.at, self.delay) == (other.row.name, other.at, other.delay)
    }
}

impl Eq for Fault {}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fault({})", self.name())
    }
}

/// Where a [`Fault`] strikes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Place {
    /// In the authorization response, which the browser brings.
    Callback,
    /// In the answer of the token endpoint.
    Token,
    /// In the ID token.
    IdToken,
    /// In the key set.
    Keys,
    /// In the metadata.
    Metadata,
    /// In the answer of the UserInfo endpoint.
    UserInfo,
    /// On the wire, at any endpoint that a client asks by itself.
    Wire,
}

impl Place {
    /// In plain words, to be a heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Callback => "In the authorization response",
            Self::Token => "In the token answer",
            Self::IdToken => "In the ID token",
            Self::Keys => "In the key set",
            Self::Metadata => "In the metadata",
            Self::UserInfo => "In the UserInfo answer",
            Self::Wire => "On the wire",
        }
    }
}

/// An endpoint that a client asks by itself, without a browser.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Endpoint {
    /// The token endpoint.
    Token,
    /// The metadata document.
    Metadata,
    /// The key set.
    Keys,
    /// The UserInfo endpoint, or the profile that an act has in its place.
    UserInfo,
    /// The revocation endpoint.
    Revocation,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Token, Self::Metadata, Self::Keys, Self::UserInfo, Self::Revocation];

    /// What stands for it in the name of a fault.
    pub fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Metadata => "metadata",
            Self::Keys => "keys",
            Self::UserInfo => "userinfo",
            Self::Revocation => "revocation",
        }
    }
}

/// How a client refuses that does all its checks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Refusal {
    /// At which step.
    pub step: Step,
    /// Who has to act: `security`, `malformed`, `network` or `provider`.
    pub kind: &'static str,
    /// A short word for what is wrong: the provider's own `error`, or one such as `nonce_mismatch`.
    pub code: &'static str,
}

/// The step at which a [`Refusal`] comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// The login does not succeed.
    Login,
    /// The login succeeds; refreshing does not.
    Refresh,
    /// The login succeeds; revocation does not.
    Revocation,
}

impl Step {
    /// What the step is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Refresh => "refresh",
            Self::Revocation => "revocation",
        }
    }
}

/// A row of a table of faults.
struct Row {
    name: &'static str,
    what: &'static str,
    place: Place,
    refusal: Option<Refusal>,
    strikes: &'static [Strike],
}

/// What a fault does.
#[derive(Clone, Copy)]
pub(crate) enum Strike {
    /// The user denies, whatever they click.
    Denial,
    /// The code is one that was made for such a request.
    Code(fn(&mut AuthorizationRequest)),
    /// Changes the parameters of the authorization response.
    Callback(fn(&mut Vec<(String, String)>)),
    /// Replaces the keys before the token endpoint answers.
    Rotation,
    /// Refuses to refresh.
    NoRefresh,
    /// Nobody vouches for the e-mail.
    UnverifiedEmail,
    /// Changes the JSON of the endpoint's response, before the provider gives it names and a shape of its own.
    Members(fn(&mut Value)),
    /// Changes an ID token before it is signed, and how.
    IdToken(fn(&mut Jwt<'_>)),
    /// The same, of a refreshed one alone.
    Refreshed(fn(&mut Jwt<'_>)),
    /// The endpoint takes its time.
    Delay,
    /// Answers in place of the endpoint.
    Answer(fn(&Incoming) -> Response),
    /// The same, but the first time alone.
    FirstAnswer(fn(&Incoming) -> Response),
    /// Changes the bytes of the endpoint's answer.
    Body(fn(&mut Vec<u8>)),
    /// Calls the endpoint's answer something else.
    Label(&'static str),
}

const fn refused(kind: &'static str, code: &'static str) -> Option<Refusal> {
    Some(Refusal { step: Step::Login, kind, code })
}

const fn security(code: &'static str) -> Option<Refusal> {
    refused("security", code)
}

const fn malformed(code: &'static str) -> Option<Refusal> {
    refused("malformed", code)
}

const fn network(code: &'static str) -> Option<Refusal> {
    refused("network", code)
}

const fn provider(code: &'static str) -> Option<Refusal> {
    refused("provider", code)
}

const fn at_refresh(refusal: Option<Refusal>) -> Option<Refusal> {
    match refusal {
        Some(refusal) => Some(Refusal { step: Step::Refresh, ..refusal }),
        None => None,
    }
}

/// It breaks no rule: a client gets along with it.
const LAWFUL: Option<Refusal> = None;

/// What is said to a request that was to be refused.
pub(crate) const TOLD: &str = "the sandbox was told to refuse";

/// An issuer that nobody asked for.
const ELSEWHERE: &str = "https://elsewhere.example";

/// A table of the faults of one place: what they are called in code and by name, what they are, what they meet, and what
/// they do.
macro_rules! faults {
    ($place:ident: $($constant:ident = ($name:literal, $what:literal, $refusal:expr, [$($strike:expr),+ $(,)?]);)*) => {
        impl $crate::fault::Fault {
            $(
                #[doc = concat!("`", $name, "`: ", $what, ".")]
                pub const $constant: Self = Self::new(&$crate::fault::Row {
                    name: $name,
                    what: $what,
                    place: $crate::fault::Place::$place,
                    refusal: $refusal,
                    strikes: &[$($strike),+],
                });
            )*
        }

        /// All of this place.
        pub(super) const ALL: &[$crate::fault::Fault] = &[$($crate::fault::Fault::$constant),*];
    };
}
use faults;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_fault_is_found_by_its_name_and_by_no_other() {
        let all = Fault::all();
        let names: BTreeSet<_> = all.iter().map(Fault::name).collect();
        assert_eq!(names.len(), all.len());
        for fault in all {
            assert_eq!(Fault::named(&fault.name()), Some(fault));
        }
        for name in ["", "slow@", "slow@token", "wrong-nonce@keys", "no-such-fault"] {
            assert_eq!(Fault::named(name), None, "{name}");
        }
    }

    #[test]
    fn what_a_fault_is_fits_into_a_sentence() {
        for fault in Fault::all() {
            let what = fault.description();
            assert!(what.len() < 110 && !what.ends_with('.') && !what.is_empty(), "{what}");
        }
    }
}
