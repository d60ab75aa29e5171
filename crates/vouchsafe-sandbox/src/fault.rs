//! Faults on demand: a table of faults for each place.

use std::fmt;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value;

use crate::state::{AuthorizationRequest, Jwt, Seal, SigningAlg};
use crate::wire::Incoming;

mod authorization;
mod backchannel;
mod body;
mod callback;
mod claims;
mod device;
mod dpop;
mod encrypted_response;
mod encryption;
mod exchange;
mod id_token;
mod introspection;
mod keys;
mod logout_token;
mod metadata;
mod pushed_request;
mod registration;
mod signed_response;
mod stages;
mod switch;
mod token;
mod userinfo;
mod weak;
mod web_finger;
mod wire;

pub(crate) use stages::Stages;
pub(crate) use switch::{Faults, person, shown};

/// A fault that a provider shows on demand: the sandbox's own provider and every acted one.
///
/// This is an open value with constants. Each fault has a [name](Self::name) for [`named`](Self::named) and for the command
/// line, and says how a client that does all its checks [refuses](Self::refusal) it.
///
/// [`Sandbox::fault`](crate::Sandbox::fault) switches it on until further notice,
/// [`Sandbox::fault_once`](crate::Sandbox::fault_once) for the next request that it applies to. For one login, sign in as
/// the user who is named after it, such as `fault-slow`; the login page lists these users. Faults of the metadata have no
/// user, because the metadata is read before anybody signs in.
///
/// ```
/// use vouchsafe_sandbox::{Endpoint, Fault};
///
/// let fault = Fault::named("wrong-nonce").expect("there is one");
/// assert_eq!(fault, Fault::WRONG_NONCE);
/// assert_eq!(fault.refusal().expect("a client refuses it").code, "nonce_mismatch");
///
/// // Faults in the HTTP response apply at the token endpoint, or at another one.
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
        Self { row, at: row.place.endpoint(), delay: Duration::from_secs(5) }
    }

    /// The endpoint responds after this time. By [name](Self::SLOW) it is five seconds.
    pub fn slow(delay: Duration) -> Self {
        Self { delay, ..Self::SLOW }
    }

    /// The same fault at another endpoint, for faults in the HTTP response. Every other fault has a fixed place.
    #[must_use]
    pub fn at(self, endpoint: Endpoint) -> Self {
        if self.row.place == Place::Wire { Self { at: endpoint, ..self } } else { self }
    }

    /// All faults by place; those in the HTTP response once for each endpoint.
    pub fn all() -> Vec<Self> {
        let placed = [
            authorization::ALL,
            pushed_request::ALL,
            callback::ALL,
            signed_response::ALL,
            encrypted_response::ALL,
            token::ALL,
            dpop::ALL,
            id_token::ALL,
            encryption::ALL,
            keys::ALL,
            metadata::ALL,
            userinfo::ALL,
            claims::ALL,
            introspection::ALL,
            logout_token::ALL,
            device::ALL,
            exchange::ALL,
            registration::ALL,
            web_finger::ALL,
            backchannel::ALL,
        ];
        let wire = Endpoint::ALL.iter().flat_map(|at| wire::ALL.iter().map(|fault| fault.at(*at)));
        placed.concat().into_iter().chain(wire).collect()
    }

    /// The fault of this name: `wrong-nonce`, `html` or `html@userinfo`.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|fault| fault.name() == name)
    }

    /// Its name: the name of its constant in lower case, with hyphens. A fault in the HTTP response of another endpoint than
    /// the token endpoint has the endpoint after an `@`.
    pub fn name(&self) -> String {
        let name = self.row.constant.to_ascii_lowercase().replace('_', "-");
        match (self.row.place, self.at) {
            (Place::Wire, at) if at != Endpoint::Token => format!("{name}@{}", at.name()),
            _ => name,
        }
    }

    /// A description in one sentence.
    pub fn description(&self) -> &'static str {
        self.row.description
    }

    /// The place at which it applies.
    pub fn place(&self) -> Place {
        self.row.place
    }

    /// The endpoint at which it applies. `None` for faults that only the browser sees, and for those of the logout token, which the
    /// sandbox sends.
    pub fn endpoint(&self) -> Option<Endpoint> {
        let is_elsewhere = matches!(
            self.row.place,
            Place::Authorization
                | Place::Callback
                | Place::SignedResponse
                | Place::EncryptedResponse
                | Place::LogoutToken
        );
        (!is_elsewhere).then_some(self.at)
    }

    /// How a client that does all its checks refuses it. `None` if the login succeeds: the fault breaks no rule, or the
    /// client does not need the missing data.
    pub fn refusal(&self) -> Option<Refusal> {
        let (kind, code) = self.row.refusal;
        let is_of_refresh = |strike: &Strike| matches!(strike, Strike::Refreshed(_) | Strike::NoRefresh);
        let step = match (self.row.place, self.at) {
            _ if kind == "lawful" => return None,
            // A revocation response is its status (RFC 7009 section 2.2).
            (Place::Wire, Endpoint::Revocation) if kind == "malformed" => return None,
            (Place::Wire, Endpoint::Revocation) => Step::Revocation,
            // The ID token names the user, so a failed UserInfo request is no reason to refuse.
            (Place::Wire, Endpoint::UserInfo) if kind != "security" => return None,
            (Place::LogoutToken, _) => Step::Logout,
            (Place::Device, _) => Step::Device,
            (Place::Exchange, _) => Step::Exchange,
            (Place::Registration, _) => Step::Registration,
            (Place::WebFinger, _) => Step::WebFinger,
            (Place::Backchannel, _) => Step::Backchannel,
            (Place::Introspection, _) => Step::Introspection,
            (Place::Claims, _) => Step::Claims,
            _ if self.row.strikes.iter().any(is_of_refresh) => Step::Refresh,
            _ => Step::Login,
        };
        Some(Refusal { step, kind, code })
    }
}

impl PartialEq for Fault {
    fn eq(&self, other: &Self) -> bool {
        (self.row.constant, self.at, self.delay) == (other.row.constant, other.at, other.delay)
    }
}

impl Eq for Fault {}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fault({})", self.name())
    }
}

/// An enum with a word for each variant.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $(#[$about:meta])* $word:ident: $($(#[$what:meta])* $variant:ident = $text:literal,)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$what])* $variant,)*
        }

        impl $name {
            $(#[$about])*
            pub fn $word(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

words! {
    /// The place at which a [`Fault`] applies.
    Place,
    /// A heading for the faults of this place.
    title:
    /// The authorization endpoint, which shows pages to the user.
    Authorization = "At the authorization endpoint",
    /// The response of the pushed authorization request endpoint. It applies to clients that push their requests.
    PushedRequest = "In the response to the pushed request",
    /// The signed authorization response. It applies to requests with the response mode `jwt`.
    SignedResponse = "In the signed authorization response",
    /// The encryption of the signed authorization response, for a client that is registered for it.
    EncryptedResponse = "In the encryption of the authorization response",
    /// The responses to DPoP proofs. It applies to clients that send them.
    Dpop = "In responses to DPoP proofs",
    /// The authorization response, which the browser carries.
    Callback = "In the authorization response",
    /// The response of the token endpoint.
    Token = "In the token response",
    /// The ID token.
    IdToken = "In the ID token",
    /// The encryption of the ID token and of UserInfo, for a client that is registered for it.
    Encryption = "In the encryption",
    /// The key set.
    Keys = "In the key set",
    /// The metadata.
    Metadata = "In the metadata",
    /// The response of the UserInfo endpoint.
    UserInfo = "In the UserInfo response",
    /// The aggregated or distributed claims of another provider's users.
    Claims = "In the claims of another source",
    /// The response of the introspection endpoint.
    Introspection = "In the introspection response",
    /// The logout token, which the sandbox sends to an application.
    LogoutToken = "In the logout token",
    /// The response of the device authorization endpoint.
    Device = "In the device authorization response",
    /// The response to a token exchange.
    Exchange = "In the response to a token exchange",
    /// The response of the registration endpoint.
    Registration = "In the registration response",
    /// The response of WebFinger.
    WebFinger = "In the response of WebFinger",
    /// The response of the backchannel authentication endpoint.
    Backchannel = "In the backchannel authentication response",
    /// The HTTP response of any endpoint that a login calls without a browser.
    Wire = "In the HTTP response",
}

impl Place {
    /// The endpoint at which its faults apply, if they are not moved to another one.
    const fn endpoint(self) -> Endpoint {
        match self {
            Self::Metadata => Endpoint::Metadata,
            Self::Keys => Endpoint::Keys,
            Self::UserInfo => Endpoint::UserInfo,
            Self::PushedRequest => Endpoint::PushedRequest,
            Self::Device => Endpoint::Device,
            Self::Registration => Endpoint::Registration,
            Self::WebFinger => Endpoint::WebFinger,
            Self::Claims => Endpoint::Claims,
            Self::Introspection => Endpoint::Introspection,
            Self::Backchannel => Endpoint::Backchannel,
            Self::Authorization
            | Self::Callback
            | Self::SignedResponse
            | Self::EncryptedResponse
            | Self::Dpop
            | Self::Token
            | Self::IdToken
            | Self::Encryption
            | Self::LogoutToken
            | Self::Exchange
            | Self::Wire => Endpoint::Token,
        }
    }
}

words! {
    /// An endpoint that a client calls without a browser.
    Endpoint,
    /// Its word in the name of a fault.
    name:
    /// The token endpoint.
    Token = "token",
    /// The metadata document.
    Metadata = "metadata",
    /// The key set.
    Keys = "keys",
    /// The UserInfo endpoint, or the profile of an acted provider.
    UserInfo = "userinfo",
    /// The revocation endpoint.
    Revocation = "revocation",
    /// The pushed authorization request endpoint.
    PushedRequest = "par",
    /// The device authorization endpoint.
    Device = "device",
    /// The registration endpoint.
    Registration = "registration",
    /// WebFinger.
    WebFinger = "webfinger",
    /// The endpoint for distributed claims.
    Claims = "claims",
    /// The introspection endpoint.
    Introspection = "introspection",
    /// The backchannel authentication endpoint.
    Backchannel = "backchannel",
}

impl Endpoint {
    /// The endpoints at which faults in the HTTP response apply: those of a login in a browser.
    pub const ALL: &[Self] =
        &[Self::Token, Self::Metadata, Self::Keys, Self::UserInfo, Self::Revocation, Self::PushedRequest];
}

words! {
    /// The step at which a client refuses.
    Step,
    /// The name of the step.
    name:
    /// The login does not succeed.
    Login = "login",
    /// The login succeeds, the refresh does not.
    Refresh = "refresh",
    /// The login succeeds, the revocation does not.
    Revocation = "revocation",
    /// The login succeeds, and the application refuses the logout token.
    Logout = "logout",
    /// A login on a device does not start. A login in a browser is not concerned.
    Device = "device",
    /// The token is not exchanged. A login is not concerned.
    Exchange = "exchange",
    /// The client is not registered. A login is not concerned.
    Registration = "registration",
    /// A login without a browser does not start. A login in a browser is not concerned.
    Backchannel = "backchannel",
    /// The provider is not found. A login is not concerned.
    WebFinger = "webfinger",
    /// The login succeeds, and the application is not told about the token.
    Introspection = "introspection",
    /// The login succeeds, and the claims of the other source are left out.
    Claims = "claims",
}

/// How a client that does all its checks refuses a fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Refusal {
    /// The step at which it refuses.
    pub step: Step,
    /// The kind of the refusal: `security`, `malformed`, `network` or `provider`; `unsupported` if the client has nothing in common
    /// with the provider, and does not send the browser there; `local` if no response arrives, and the client stops waiting.
    pub kind: &'static str,
    /// A word for the reason: the provider's own `error`, or one such as `nonce_mismatch`.
    pub code: &'static str,
}

/// A row of a table of faults.
struct Row {
    /// The name of its constant.
    constant: &'static str,
    description: &'static str,
    place: Place,
    /// The kind and the code of the refusal. The kind is `lawful` if a client accepts the response: the fault breaks no rule, or
    /// it is in a value that no login depends on.
    refusal: (&'static str, &'static str),
    strikes: &'static [Strike],
}

/// One change that a fault makes.
#[derive(Clone, Copy)]
pub(crate) enum Strike {
    /// The provider shows an error page of its own in place of the authorization response.
    NoReturn,
    /// The user denies the request, even with the button that allows it.
    Denial,
    /// Changes the request that the code belongs to.
    Code(fn(&mut AuthorizationRequest)),
    /// Changes the parameters of the authorization response.
    Callback(fn(&mut Vec<(String, String)>)),
    /// Replaces the keys before the token endpoint responds.
    Rotation,
    /// Refuses to refresh.
    NoRefresh,
    /// The provider does not vouch for the e-mail address.
    UnverifiedEmail,
    /// Changes the JSON of the endpoint's response, before the provider gives it names and a shape of its own.
    Members(fn(&mut Value)),
    /// Gives a member of that JSON this value.
    Set(&'static str, fn() -> Value),
    /// Removes a member of that JSON.
    Without(&'static str),
    /// Changes a member of that JSON, if it is present.
    InMember(&'static str, fn(&mut Value)),
    /// Changes an ID token before it is signed, and how it is signed. This and the following change the logout token in faults of that
    /// place.
    IdToken(fn(&mut Jwt<'_>)),
    /// The same, for refreshed ID tokens only.
    Refreshed(fn(&mut Jwt<'_>)),
    /// Gives a claim of the ID token this value.
    Claim(&'static str, fn() -> Value),
    /// Changes a claim, if it is present.
    InClaim(&'static str, fn(&mut Value)),
    /// Removes a claim.
    NoClaim(&'static str),
    /// Gives a member of the ID token's header this value.
    Header(&'static str, fn() -> Value),
    /// Removes a member of the header.
    NoHeader(&'static str),
    /// Signs the ID token this way, and names this algorithm in the header.
    Sealed(SigningAlg, Seal),
    /// Encodes the parts of the ID token this way.
    Spelled(fn(&[u8]) -> String),
    /// The endpoint is slow.
    Delay,
    /// Responds in place of the endpoint.
    Instead(fn(&Incoming) -> Response),
    /// The same, the first time only.
    InsteadOnce(fn(&Incoming) -> Response),
    /// Changes the bytes of the endpoint's response.
    Body(fn(&mut Vec<u8>)),
    /// Changes the content type of the endpoint's response.
    Label(&'static str),
    /// Gives the endpoint's response this status.
    Status(StatusCode),
    /// Refuses every nonce of a DPoP proof, and demands another one.
    EndlessNonce,
    /// Changes the header fields of every response of an endpoint that takes DPoP proofs.
    Head(fn(&mut HeaderMap)),
    /// Changes the parameters that carry a signed authorization response.
    Carried(fn(Carrier<'_>)),
}

/// The parameters that carry a signed authorization response.
pub(crate) struct Carrier<'a> {
    pub(crate) params: &'a mut Vec<(String, String)>,
    /// The parameters of the plain response.
    pub(crate) plain: &'a [(String, String)],
}

/// The description of an error that `Sandbox::refuse_once` requests.
pub(crate) const TOLD: &str = "the sandbox is configured to refuse this request";

/// An issuer that has nothing to do with the login.
const ELSEWHERE: &str = "https://elsewhere.example";

/// A table of the faults of one place: constant, description, refusal and changes.
macro_rules! faults {
    ($place:ident: $($constant:ident: $description:literal, $kind:ident $($code:literal)?, $($strike:expr),+;)*) => {
        impl $crate::fault::Fault {
            $(
                #[doc = concat!("A fault: ", $description, ".")]
                pub const $constant: Self = Self::new(&$crate::fault::Row {
                    constant: stringify!($constant),
                    description: $description,
                    place: $crate::fault::Place::$place,
                    refusal: (stringify!($kind), concat!($($code)?)),
                    strikes: &[$($strike),+],
                });
            )*
        }

        /// All faults of this place.
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
    fn description_of_a_fault_fits_into_a_sentence() {
        for fault in Fault::all() {
            let description = fault.description();
            assert!(description.len() < 110 && !description.ends_with('.'), "{description}");
            assert!(!description.is_empty());
        }
    }
}
