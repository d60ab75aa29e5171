//! The sandbox from outside: bare HTTP over TCP in place of a client, a `Person` in place of a browser.

mod acts;
mod authorization;
mod device;
mod disclosure;
mod discovery;
mod faults;
mod form_post;
mod id_token;
mod introspection;
mod logout;
mod logout_token;
mod pages;
mod player;
mod profiles;
mod quirks;
mod refresh;
mod registration;
mod revocation;
mod scenario;
mod server;
mod signed_secret;
mod token;
mod userinfo;
