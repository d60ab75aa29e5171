//! Writes the index of `providers/*.toml`, so that adding a provider is adding a file.
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or_else(unset)?);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or_else(unset)?);
    let folder = root.join("providers");
    println!("cargo::rerun-if-changed={}", folder.display());

    let mut slugs = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "toml")
            && let Some(slug) = path.file_stem().and_then(|s| s.to_str())
        {
            slugs.push((slug.to_owned(), path.clone()));
        }
    }
    slugs.sort();

    let mut index = String::from("&[\n");
    for (slug, path) in slugs {
        let _ = writeln!(index, "    ({slug:?}, include_str!({path:?})),");
    }
    index.push(']');
    fs::write(out.join("index.rs"), index)
}

fn unset() -> io::Error {
    io::Error::other("cargo sets CARGO_MANIFEST_DIR and OUT_DIR for build scripts")
}
