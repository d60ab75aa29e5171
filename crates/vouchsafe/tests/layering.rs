//! Who may know whom: what a machine can enforce of the workspace's layers.
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The names of the crates that a `cargo tree` shows.
fn tree(arguments: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--prefix", "none", "--no-dedupe", "--format", "{p}"])
        .args(arguments.split(' '))
        .current_dir(root())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree {arguments}: {errors}");
    let names = String::from_utf8(output.stdout).unwrap();
    names.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// The code of every file in a folder of the library, or of one file: without comments and unit tests.
fn code(path: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path);
    let mut files = vec![path];
    while let Some(at) = files.iter().position(|path| path.is_dir()) {
        let folder = files.swap_remove(at);
        files.extend(fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()));
    }
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let lines: Vec<_> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        (file.display().to_string(), lines.join("\n"))
    };
    files.into_iter().map(read).collect()
}

/// What stands before `::` anywhere in the code, from the left: `crate::json`, `serde_json`, `std`.
fn paths(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("::") {
        let before = code[..at].trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
        let name = &code[before.len()..at];
        // Only the leftmost part, and of those only modules and crates.
        if before.ends_with("::") || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            continue;
        }
        if name == "crate" {
            let rest = &code[at + 2..];
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            found.insert(format!("crate::{}", &rest[..end]));
        } else {
            found.insert(name.to_owned());
        }
    }
    found
}

fn assert_without(path: &str, words: &[&str]) {
    for (file, code) in code(path) {
        for word in words {
            assert!(!code.contains(word), "{file} holds {word}");
        }
    }
}

#[test]
fn protocol_and_jose_neither_wait_nor_ask_the_time_nor_throw_dice() {
    for room in ["protocol", "jose"] {
        assert_without(
            room,
            &[
                "async ",
                ".await",
                "SystemTime::now",
                "Instant",
                "rand::",
                "getrandom",
                "thread::",
                "HttpClient",
            ],
        );
    }
}

#[test]
fn protocol_and_jose_know_no_room_above_them() {
    let below = ["crate::error", "crate::json", "crate::legible", "crate::secret"];
    let (protocol, jose) = (["crate::endpoint", "crate::http", "crate::protocol", "crate::registration"], []);
    for (room, beside) in [("protocol", &protocol[..]), ("jose", &jose[..])] {
        for (file, code) in code(room) {
            for path in paths(&code).into_iter().filter(|path| path.starts_with("crate::")) {
                assert!(below.iter().chain(beside).any(|known| path == *known), "{file} uses {path}");
            }
            // Of the transport they know the messages, never the handle that sends them.
            for message in code.lines().filter(|line| line.contains("crate::http::")) {
                assert!(!message.contains("Http,") && !message.contains("Http;"), "{file}: {message}");
            }
        }
    }
}

#[test]
fn protocol_and_jose_use_few_crates() {
    let crates = tree("-p vouchsafe -e normal --depth 1").into_iter().map(|name| name.replace('-', "_"));
    let others: BTreeSet<String> = crates
        .filter(|name| {
            ![
                "vouchsafe",
                "aws_lc_rs",
                "base64",
                "http",
                "serde",
                "serde_json",
                "url",
                "vouchsafe_providers",
                "zeroize",
            ]
            .contains(&name.as_str())
        })
        .collect();
    assert!(others.contains("reqwest"), "{others:?}");
    for (file, code) in code("protocol").into_iter().chain(code("jose")) {
        let wrong: Vec<_> = paths(&code).intersection(&others).cloned().collect();
        assert!(wrong.is_empty(), "{file} uses {wrong:?}");
    }
}

#[test]
fn client_and_login_assemble_neither_json_nor_base64_nor_headers() {
    for file in ["client.rs", "client", "discovery.rs", "login.rs", "manual.rs"] {
        assert_without(
            file,
            &[
                "serde_json",
                "base64",
                "json::parse",
                "json::read",
                "HeaderMap",
                "HeaderValue",
                "header::",
                "byte_serialize",
            ],
        );
    }
}

#[test]
fn without_default_features_there_is_no_network_and_no_runtime() {
    let crates = tree("-p vouchsafe --no-default-features -e normal");
    for absent in ["reqwest", "hyper", "hyper-util", "tokio", "rustls", "mio", "socket2", "async-std", "smol"]
    {
        assert!(!crates.contains(absent), "{absent} is there");
    }
    assert!(tree("-p vouchsafe -e normal").contains("reqwest"), "the tree is read as it should be");
}

#[test]
fn the_sandbox_never_uses_the_library() {
    // It is the independent witness: shared code would share faults.
    assert!(!tree("-p vouchsafe-sandbox -e normal,build,dev --depth 1").contains("vouchsafe"));
    assert!(!tree("-p vouchsafe-sandbox -e normal,build").contains("vouchsafe"));
}

#[test]
fn the_catalogue_is_data() {
    let crates = tree("-p vouchsafe-providers -e normal --depth 1");
    assert_eq!(crates, BTreeSet::from(["serde", "toml", "vouchsafe-providers"].map(str::to_owned)));
}

#[test]
fn a_minimal_login_program_stays_small() {
    let mut crates = tree("-p vouchsafe -e normal");
    crates.extend(["tokio", "tokio-macros"].map(str::to_owned));
    assert!(crates.len() <= MOST_CRATES, "{} crates: {crates:?}", crates.len());
}

#[test]
fn every_crate_forbids_unsafe_code() {
    let mut roots = 0;
    for member in fs::read_dir(root().join("crates")).unwrap() {
        for file in ["src/lib.rs", "src/main.rs"] {
            let path = member.as_ref().unwrap().path().join(file);
            let Ok(text) = fs::read_to_string(&path) else { continue };
            assert!(text.contains("#![forbid(unsafe_code)]"), "{}", path.display());
            roots += 1;
        }
    }
    assert!(roots >= 5);
}

/// What a login costs in crates, the program's own and tokio's included.
const MOST_CRATES: usize = 110;
