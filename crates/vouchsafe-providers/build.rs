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
    if env::var_os("CARGO_FEATURE_REGISTRATION").is_some() {
        fs::write(out.join("registration.rs"), index(&root.join("registration"), "toml")?)?;
    }
    Ok(())
}

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
