//! Sign-in for web applications, without a framework: this crate takes requests and gives responses of the crate [`http`].
//!
//! [vouchsafe-axum] puts it into axum. Use this crate to put it into another framework.
//!
//! [vouchsafe-axum]: https://docs.rs/vouchsafe-axum
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod accounts;
mod cookies;
mod login;
mod origin;
mod page;
mod session;
mod site;

pub use accounts::account::{AccountError, AccountIdentity, Accounts, Link};
pub use accounts::stored::StoredAccounts;
pub use login::context::RequestContext;
pub use login::finish::{FORM_TIME, LoggedIn, MAX_FORM};
pub use login::logins::Logins;
pub use login::rejection::{LoginFault, LoginRejection};
pub use login::start::StartLogin;
pub use origin::{InvalidOrigin, Origin};
pub use page::language::Language;
pub use page::session_frame::SessionFrame;
pub use page::sign_in::SignInPage;
pub use session::device::Device;
pub use session::error::{SessionError, TooLarge};
pub use session::new::NewSession;
pub use session::record::{Session, SessionRef};
pub use session::sessions::{Begun, Found, Sessions, forget_ended};
pub use site::builder::{InvalidSite, SiteBuilder};
pub use site::caller::Caller;
pub use site::failure::Failure;
pub use site::fault::Fault;
pub use site::providers::{ProviderSource, SourceError};
pub use site::require::Require;
pub use site::state::Site;
pub use site::user::User;
pub use site::visit::Visit;
