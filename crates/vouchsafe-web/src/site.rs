//! Sign-in for a whole application: logins, sessions, accounts and logout behind the routes of one site.
//!
//! From the ground up, each file knows only those before it: `caller`, `networks`, `address`, `same_origin`, `headers`, `pages`,
//! `fault`, `response`, `failure`, `query`, `providers`, `relay`, `requests`, `state`, `builder`, `visit`, `user`, `require`, `login` and `routes`.
pub(crate) mod address;
pub(crate) mod builder;
pub(crate) mod caller;
pub(crate) mod failure;
pub(crate) mod fault;
pub(crate) mod headers;
pub(crate) mod login;
pub(crate) mod networks;
pub(crate) mod pages;
pub(crate) mod providers;
pub(crate) mod query;
pub(crate) mod relay;
pub(crate) mod requests;
pub(crate) mod require;
pub(crate) mod response;
pub(crate) mod routes;
pub(crate) mod same_origin;
pub(crate) mod state;
pub(crate) mod user;
pub(crate) mod visit;
