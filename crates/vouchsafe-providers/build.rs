//! Writes the indexes of `providers/*.toml` and `marks/*.svg`, so that adding a provider is adding a file.
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or_else(unset)?);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or_else(unset)?);
    fs::write(out.join("index.rs"), index(&root.join("providers"), "toml")?)?;
    fs::write(out.join("marks.rs"), index(&root.join("marks"), "svg")?)?;
    // Facts for people are not compiled into programs that do not ask for them.
    #[cfg(feature = "registration")]
    {
        let folder = root.join("registration");
        fs::write(out.join("registration.rs"), index(&folder, "toml")?)?;
        check(&folder)?;
    }
    Ok(())
}

/// Reads each file as the crate does. A mistake ends the build, and names the file, the line and the field.
#[cfg(feature = "registration")]
fn check(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        println!("cargo::rerun-if-changed={}", path.display());
        if let Err(mistake) = registration::RegistrationFacts::from_toml(&fs::read_to_string(&path)?) {
            println!("cargo::error={}: {mistake}", path.display());
        }
    }
    Ok(())
}

#[cfg(feature = "registration")]
#[allow(unreachable_pub, reason = "it is public within the crate")]
#[path = "src/locate.rs"]
mod locate;
#[cfg(feature = "registration")]
#[allow(dead_code, unreachable_pub, reason = "the crate needs more of it")]
#[path = "src/mistake.rs"]
mod mistake;
#[cfg(feature = "registration")]
#[allow(dead_code, unreachable_pub, reason = "the crate needs more of it")]
#[path = "src/registration.rs"]
mod registration;
#[cfg(feature = "registration")]
#[allow(dead_code, unreachable_pub, reason = "the crate needs more of it")]
#[path = "src/values.rs"]
mod values;

/// The files of a folder, by their names without the extension, as a sorted slice of pairs.
fn index(folder: &Path, extension: &str) -> io::Result<String> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == extension)
            && let Some(name) = path.file_stem().and_then(|s| s.to_str())
        {
            files.push((name.to_owned(), path.clone()));
        }
    }
    files.sort();

    let mut index = String::from("&[\n");
    for (name, path) in files {
        let _ = writeln!(index, "    ({name:?}, include_str!({path:?})),");
    }
    index.push(']');
    Ok(index)
}

fn unset() -> io::Error {
    io::Error::other("cargo sets CARGO_MANIFEST_DIR and OUT_DIR for build scripts")
}
