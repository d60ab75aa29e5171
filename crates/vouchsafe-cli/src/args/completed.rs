//! Arguments that may be any text, of which shells complete the known values.
use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Error};
use vouchsafe_providers::{similar, slugs};
use vouchsafe_sandbox::Fault;

/// A provider: a slug of the catalogue, or the path of a file.
pub(super) fn provider() -> impl TypedValueParser<Value = String> {
    Completed(|| slugs().map(PossibleValue::new).collect())
}

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
