//! Sign-in for [actix-web]: a middleware with all routes of a site, and extractors for the handlers.
//!
//! ```no_run
//! use actix_web::{App, HttpServer, web};
//! use vouchsafe::seal::KeyRing;
//! use vouchsafe::{Client, Http, Registration, providers};
//! use vouchsafe_actix::{Site, User};
//!
//! async fn hello(user: User) -> String {
//!     format!("Hello {}", user.name().unwrap_or("you"))
//! }
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let me = Registration::new("id").secret("secret");
//! let client = Client::new(providers::google(), me, &Http::new()?)?;
//! let site = Site::builder("https://app.example.com", KeyRing::generate()?).provider(client).build()?;
//! let app = move || App::new().route("/", web::get().to(hello)).wrap(Site(site.clone()));
//! HttpServer::new(app).bind("127.0.0.1:8080")?.run().await?;
//! # Ok(()) }
//! ```
//!
//! # How it works
//!
//! [`Site`] is a middleware around the whole application. It answers `/sign-in`, `/login/{provider}`, `/callback/{provider}`,
//! `/logout` and the other routes of a [`vouchsafe_web::Site`], sets the cookies, and refuses requests of other sites that would
//! change something.
//!
//! Handlers take [`User`], somebody who is signed in, or [`Visit`], the request with or without a person. [`Require`] is a
//! middleware with demands: to be signed in, to have signed in lately or in a strong way, to have a role.
//!
//! [actix-web]: https://docs.rs/actix-web
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod border;
mod failure;
mod require;
mod site;
mod user;
mod visit;

pub use failure::Failure;
pub use require::{Require, RequireMiddleware};
pub use site::{Site, SiteMiddleware};
pub use user::User;
pub use visit::Visit;
pub use vouchsafe_web::{Caller, Fault};

/// The code in the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
