//! Prints the public API that a file of rustdoc JSON describes, without what derives and blanket implementations add.
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args_os().nth(1).ok_or("usage: listing FILE")?;
    let api = public_api::Builder::from_rustdoc_json(file)
        .omit_auto_derived_impls(true)
        .omit_auto_trait_impls(true)
        .omit_blanket_impls(true)
        .build()?;
    for item in api.items() {
        let line = PRELUDE.iter().fold(item.to_string(), |line, path| line.replace(path, ""));
        println!("{line}");
    }
    Ok(())
}

/// The modules of types that every reader knows without their path.
const PRELUDE: [&str; 5] =
    ["alloc::boxed::", "alloc::string::", "alloc::vec::", "core::option::", "core::result::"];
