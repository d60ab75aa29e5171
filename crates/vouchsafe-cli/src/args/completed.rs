//! Arguments that may be any text, of which shells complete the known values.
use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Error};
use vouchsafe_providers::{ClientAuth, similar, slugs};
use vouchsafe_sandbox::Fault;

/// A provider: a slug of the catalogue, or the path of a file.
pub(super) fn provider() -> impl TypedValueParser<Value = String> {
    Completed(|| slugs().map(PossibleValue::new).collect())
}

/// A method of client authentication.
pub(super) fn client_auth() -> impl TypedValueParser<Value = String> {
    Completed(|| ClientAuth::ALL.iter().map(|method| PossibleValue::new(method.as_str())).collect())
}

/// An algorithm that signs ID tokens. The library refuses those that it does not accept.
pub(super) fn id_token_alg() -> impl TypedValueParser<Value = String> {
    const ALGORITHMS: [&str; 10] =
        ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
    Completed(|| ALGORITHMS.map(PossibleValue::new).to_vec())
}

/// A page that the provider shows.
pub(super) fn prompt() -> impl TypedValueParser<Value = String> {
    Completed(|| PROMPTS.map(PossibleValue::new).to_vec())
}

/// The pages that a client can ask for (OpenID Connect Core section 3.1.2.1, Initiating User Registration).
pub(crate) const PROMPTS: [&str; 5] = ["none", "login", "consent", "select_account", "create"];

/// The host of a redirect URI on this machine.
pub(super) fn redirect_host() -> impl TypedValueParser<Value = String> {
    let expected = "expected 127.0.0.1, localhost or [::1]: a response over http must not leave this machine";
    let host = move |text: String| match text.as_str() {
        "::1" => Ok("[::1]".to_owned()),
        host if HOSTS.contains(&host) => Ok(text),
        _ => Err(expected),
    };
    Completed(|| HOSTS.map(PossibleValue::new).to_vec()).try_map(host)
}

const HOSTS: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// A fault of the sandbox.
pub(super) fn fault() -> impl TypedValueParser<Value = Fault> {
    Completed(|| {
        let value = |fault: &Fault| PossibleValue::new(fault.name()).help(fault.description());
        Fault::all().iter().map(value).collect()
    })
    .try_map(|name| fault_named(&name))
}

fn fault_named(name: &str) -> Result<Fault, String> {
    Fault::named(name).ok_or_else(|| {
        let names: Vec<_> = Fault::all().iter().map(Fault::name).collect();
        let near = similar(name, names.iter().map(String::as_str));
        match near.is_empty() {
            true => "there is no fault with this name; --list-faults shows all of them".to_owned(),
            false => format!("there is no fault with this name; did you mean {}?", near.join(" or ")),
        }
    })
}

/// Makes the known values.
#[derive(Clone)]
struct Completed(fn() -> Vec<PossibleValue>);

impl TypedValueParser for Completed {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.0)().into_iter()))
    }
}
