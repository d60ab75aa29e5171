//! An OpenID Provider inside your process, to develop and test sign-in without an account at any provider.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use vouchsafe_sandbox::Sandbox;
//!
//! // A provider on a free port of 127.0.0.1, with two clients and three users.
//! let sandbox = Sandbox::start().await?;
//! let authorization_url = format!(
//!     "{}/authorize?response_type=code&client_id={}&redirect_uri=http://127.0.0.1:3000/callback&scope=openid+email",
//!     sandbox.issuer(),
//!     sandbox.client_id(),
//! );
//!
//! // In a browser this URL shows a login page and a consent page. In a test, a person clicks through them.
//! let callback = sandbox.person("alice").allow(&authorization_url).await?;
//! assert!(callback.starts_with("http://127.0.0.1:3000/callback?code="));
//! # Ok(()) }
//! ```
//!
//! # What it does
//!
//! The sandbox supports the authorization code grant with PKCE (`S256` and `plain`), refresh tokens that rotate, ID tokens
//! in every common signature algorithm, UserInfo, revocation, introspection, logout, and metadata that describes all this.
//! A request without the scope `openid` is plain OAuth 2: its response has no ID token. Everything else is the same.
//!
//! It is as strict as the specifications allow, so an application that works here also works elsewhere. For example, it refuses
//! duplicate parameters. If a code or a refresh token is used twice, it revokes all tokens of the grant.
//!
//! Where the specifications leave a choice:
//!
//! - Every token response has a refresh token, whether `offline_access` was requested or not.
//! - Unknown scopes are granted, so that an application can use its own. A request without a scope gets `profile`.
//! - The first of the `acr_values` is always granted. If the request has none, `acr` is `0`.
//! - Access tokens are random texts, or JWTs for your API with [`SandboxBuilder::jwt_access_tokens`].
//! - A code expires after one minute, an ID token after one hour, a refresh token after thirty days.
//!
//! # Acting as other providers
//!
//! [`Sandbox::provider`] makes the sandbox act as a provider of the catalogue `vouchsafe-providers`. [`Sandbox::act`] makes it act
//! as a provider that you describe yourself. Both return the provider's definition with all URLs moved to the sandbox. A client built
//! from it signs in at the sandbox, which behaves as the definition says:
//!
//! - parameters have the names that the provider gives them;
//! - responses have the provider's shape, and a profile has its values at the pointers of the definition;
//! - a request that the provider would refuse is refused.
//!
//! If the definition says nothing, the protocol applies. The users are the same. Each acted provider has one client;
//! [`ActedProvider`] has its id and secret.
//!
//! # Faults
//!
//! [`Sandbox::fault`] and [`Sandbox::fault_once`] switch on a [`Fault`]: a wrong nonce, an unsigned ID token, a response
//! that never ends. [`Fault::at`] moves a fault in an HTTP response to another endpoint. [`Sandbox::clear_faults`] switches all
//! faults off, and [`Sandbox::refuse_once`] lets the token endpoint return an error of your choice. In a browser, the login page
//! lists users with one fault each, such as `fault-wrong-nonce`.
//!
//! Each fault says how a client should refuse it, so that you can test an application against all of them. With some faults the
//! login succeeds: they break no rule, or concern a value that a client can do without. If `vouchsafe` leaves
//! a value out, it adds a warning.
//!
//! ```
//! use vouchsafe_sandbox::Fault;
//!
//! for fault in Fault::all() {
//!     match fault.refusal() {
//!         Some(refusal) => println!("{}: refused as {} {}", fault.name(), refusal.kind, refusal.code),
//!         None => println!("{}: the login succeeds", fault.name()),
//!     }
//! }
//! ```
//!
//! # Strong clients
//!
//! The sandbox's own provider also serves clients that do more than send a secret. These features are always on, and the metadata
//! names them:
//!
//! | | |
//! | --- | --- |
//! | client authentication | `private_key_jwt` and `client_secret_jwt` (RFC 7523), attestations; [certificates](SandboxBuilder::mtls) (RFC 8705) |
//! | tokens bound to a key | DPoP (RFC 9449) at the token, PAR and UserInfo endpoints, and at the protected resource `/resource`, which says which token it got |
//! | authorization requests | pushed (RFC 9126) at `/par`; signed, by value or by reference (RFC 9101) |
//! | authorization responses | signed: `response_mode` `jwt`, `query.jwt` and `form_post.jwt` (JARM) |
//! | purposes of tokens | `resource` (RFC 8707), `authorization_details` (RFC 9396), `claims` (OpenID Connect Core section 5.5) |
//!
//! [`ClientConfig`] registers keys, certificates, and demands on one client. [`SandboxBuilder`] has demands on all clients:
//! [nonces in proofs](SandboxBuilder::dpop_nonces), [pushed](SandboxBuilder::require_pushed_authorization_requests) or
//! [signed](SandboxBuilder::require_signed_request_object) requests, or all that [FAPI 2.0](SandboxBuilder::fapi2) demands. An error
//! says which check failed, and names the section.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
//! use vouchsafe_sandbox::{ClientConfig, DpopNonces, Sandbox};
//!
//! let key = serde_json::json!({
//!     "kty": "EC", "crv": "P-256", "kid": "bank-1",
//!     "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
//! });
//! let bank = ClientConfig::public("bank").jwks(key).redirect_uri("https://bank.example/callback");
//! let sandbox = Sandbox::builder().client(bank).fapi2().dpop_nonces(DpopNonces::Changing).start().await?;
//! # drop(sandbox);
//! # Ok(()) }
//! ```
//!
//! A client assertion is good once and for ten minutes at most, and its audience is the issuer as one text. A proof is good once, for
//! five minutes. The [place](Fault::place) of a fault says which of these clients it concerns.
//!
//! # Logout
//!
//! The logout endpoint ends the session of a browser. Clients with a back-channel logout URI get a logout token, and clients with a
//! front-channel logout URI are shown in a frame. [`Sandbox::sign_out`] ends all sessions of a user without a browser, and
//! [`Sandbox::logout_token`] gives a logout token for a test that posts it itself.
//!
//! # In a test
//!
//! - [`Sandbox::person`] clicks through the pages, inside the process and without a browser.
//! - [`Sandbox::requests`] returns the requests of the client under test, exactly as they were sent.
//! - [`Sandbox::advance_clock`] lets codes and tokens expire without waiting.
//! - [`Sandbox::rotate_keys`] replaces the signing keys while the client still has the old ones.
//!
//! # Users
//!
//! | | e-mail address | |
//! | --- | --- | --- |
//! | `alice` | `alice@example.com` | verified |
//! | `bob` | `bob@example.com` | not verified: an application must not trust it |
//! | `carol` | none | an application must work without it |
//!
//! # Security
//!
//! Everybody can sign in as anybody, so never use the sandbox as a real authorization server. It binds to 127.0.0.1 only,
//! serves only names of this machine (`localhost`, names below it, `127.0.0.0/8`, `[::1]`), and keeps a limited amount of
//! data in memory.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod config;
mod fault;
mod jose;
mod op;
mod pages;
mod part;
mod person;
mod router;
mod sandbox;
mod state;
mod tls;
mod wire;

pub use config::{ClientConfig, DpopNonces, User};
pub use fault::{Endpoint, Fault, Place, Refusal, Step};
pub use op::LogoutNotice;
pub use part::{ActedProvider, ClientKey};
pub use person::{Person, PersonError};
pub use sandbox::{Sandbox, SandboxBuilder};
pub use state::RecordedRequest;

/// The README's code compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
