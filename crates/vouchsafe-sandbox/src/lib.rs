//! An OpenID Provider in the process, to develop and test sign-in against without an account anywhere.
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
//! // In a browser this shows who can sign in, and asks for consent. In a test, a person does the clicking.
//! let callback = sandbox.person("alice").allow(&authorization_url).await?;
//! assert!(callback.starts_with("http://127.0.0.1:3000/callback?code="));
//! # Ok(()) }
//! ```
//!
//! # What it does
//!
//! The authorization code grant with PKCE (`S256`, and `plain` to be complete), refresh tokens that rotate, ID tokens
//! in every common signature algorithm, UserInfo, revocation, introspection, logout, and metadata that says just that.
//! A request without the scope `openid` is plain OAuth 2: no ID token, all else alike.
//!
//! It is as strict as the specifications let it be, so that what works here works elsewhere: parameters sent twice are
//! refused, a code used twice ends the tokens it gave, and so does a refresh token used twice.
//!
//! It answers to names of this machine alone (`localhost`, names below it, `127.0.0.0/8`, `[::1]`), and to none that leads
//! here by another way: it lets anybody be anybody.
//!
//! Where the specifications leave a choice:
//!
//! - Every token response has a refresh token, whether `offline_access` was asked for or not.
//! - Scopes that the sandbox has never heard of are granted as asked, so that an application can bring its own. A
//!   request without a scope gets `profile`.
//! - The first of the `acr_values` is granted, whatever it says; without any, `acr` is `0`.
//! - A code is good for a minute, an ID token for an hour, a refresh token for thirty days.
//!
//! # Acting other providers
//!
//! [`Sandbox::provider`] lets the sandbox act any provider of the catalogue `vouchsafe-providers`, and [`Sandbox::act`] one
//! that you have described yourself. What comes back has the definition with all its URLs moved under the sandbox: a client
//! that is made from it signs in here, and meets the quirks that the definition tells of. The parameters have that
//! provider's names, the answers its shape, a profile is where its pointers look, and what it would refuse is refused. The
//! people are the same; each act has one client, whose id and secret [`ActedProvider`] tells.
//!
//! What a definition does not say is as the protocol has it. Of what it does say, the introspection, device authorization
//! and logout endpoints are moved, but not played.
//!
//! # When something goes wrong
//!
//! [`Sandbox::fault`] and [`Sandbox::fault_once`] make it go wrong; see [`Fault`] for what there is. In a browser, the login
//! page has a list of people in whose login one of them happens: `fault-wrong-nonce`, `fault-slow` and so on.
//!
//! Each says what it should meet, so that an application can be tried against all of them:
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
//! # In a test
//!
//! - [`Sandbox::person`] clicks through the pages, in the process and without a browser.
//! - [`Sandbox::requests`] has what the client under test has sent, to the letter.
//! - [`Sandbox::advance_clock`] lets codes and tokens expire without waiting.
//! - [`Sandbox::rotate_keys`] changes the signing keys under the client's feet.
//!
//! # Who is there
//!
//! | | e-mail address | |
//! | --- | --- | --- |
//! | `alice` | `alice@example.com` | verified |
//! | `bob` | `bob@example.com` | not verified: an application must not trust it |
//! | `carol` | | has none: an application must get by without |
//!
//! # Security
//!
//! Everybody can sign in as anybody: this is no authorization server for real use. It binds to 127.0.0.1 only, and what
//! it remembers is bounded and in memory.
#![forbid(unsafe_code)]

mod config;
mod fault;
mod op;

mod pages;
mod part;

mod person;
mod router;
mod sandbox;
mod state;
mod wire;

pub use config::{ClientConfig, User};
pub use fault::{Endpoint, Fault, Place, Refusal, Step};
pub use part::{ActedProvider, ClientKey};
pub use person::{Person, PersonError};
pub use sandbox::{Sandbox, SandboxBuilder};
pub use state::record::RecordedRequest;
