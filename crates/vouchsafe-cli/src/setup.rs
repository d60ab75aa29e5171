//! The library's three nouns from the arguments of a command: provider, registration, HTTP.
mod facts;
mod file;
mod http;
mod provider;
mod redirect;
mod registration;

pub(crate) use self::facts::{facts, hurdles, meaning, refused_redirect};
pub(crate) use self::file::{read, read_text};
pub(crate) use self::http::{http, transport};
pub(crate) use self::provider::{
    Target, definition, definition_file, from_catalogue, not_empty, openid, provider,
};
pub(crate) use self::redirect::{is_elsewhere, loopback_host, redirect_uri};
pub(crate) use self::registration::{make_keys, registration, registration_with, requests, secret};
