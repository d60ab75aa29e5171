//! Who may know whom: what a machine can enforce of the workspace's layers.
use std::collections::{BTreeMap, BTreeSet};
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
    code_of(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path))
}

/// The same for any folder or file.
fn code_of(path: PathBuf) -> Vec<(String, String)> {
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

/// The rooms that the files of a room use, by the `crate::…` in their code.
fn imports(name: &str, room: &str) -> Vec<(String, BTreeSet<String>)> {
    let src = root().join("crates").join(name).join("src");
    let files = [src.join(format!("{room}.rs")), src.join(room)].into_iter().filter(|path| path.exists());
    let files: Vec<_> = files.flat_map(code_of).collect();
    assert!(!files.is_empty(), "{name}: there is no room {room}");
    let room_of = |path: String| Some(path.strip_prefix("crate::")?.split("::").next()?.to_owned());
    let rooms = |code: &str| written_paths(code).into_iter().filter_map(room_of).collect();
    files.into_iter().map(|(file, code)| (file, rooms(&code))).collect()
}

/// Which files of a crate use which, by `crate::…` and `super::…`. A file that shows the parts of its own folder to others
/// does not use them in this sense.
fn files_that_know_each_other(name: &str) -> BTreeMap<String, BTreeSet<String>> {
    let src = root().join("crates").join(name).join("src");
    let module = |file: &str| {
        let path = Path::new(file).strip_prefix(&src).unwrap().with_extension("");
        path.to_str().unwrap().replace('/', "::")
    };
    let files: BTreeMap<String, String> =
        code_of(src.clone()).into_iter().map(|(file, code)| (module(&file), code)).collect();
    let file_of = |path: &str| {
        let mut path = path;
        loop {
            if files.contains_key(path) {
                return Some(path.to_owned());
            }
            path = path.rsplit_once("::")?.0;
        }
    };
    let mut graph = BTreeMap::new();
    for (file, code) in &files {
        let parent = file.rsplit_once("::").map_or("", |(parent, _)| parent);
        let mut used = BTreeSet::new();
        for path in written_paths(code) {
            let path = match path.strip_prefix("super::") {
                Some(rest) if parent.is_empty() => rest.to_owned(),
                Some(rest) => format!("{parent}::{rest}"),
                None => path.strip_prefix("crate::").map(str::to_owned).unwrap_or_default(),
            };
            used.extend(
                file_of(&path).filter(|used| used != file && !used.starts_with(&format!("{file}::"))),
            );
        }
        graph.insert(file.clone(), used);
    }
    graph
}

/// The paths that begin with `crate::` or `super::`, those in braces one by one.
fn written_paths(code: &str) -> Vec<String> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let mut paths = Vec::new();
    for begin in ["crate::", "super::"] {
        for (at, _) in code.match_indices(begin) {
            if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let rest = &code[at..];
            let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            let (path, behind) = rest.split_at(end);
            match behind.strip_prefix('{').filter(|_| path.ends_with("::")) {
                // Braces within braces are as good as one level: what counts is the file.
                Some(inner) => {
                    let names = inner.split(['}', ';']).next().unwrap_or_default().split([',', '{']);
                    paths.extend(names.map(|name| format!("{path}{}", name.trim())));
                }
                None => paths.push(path.trim_end_matches(':').to_owned()),
            }
        }
    }
    paths
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
fn each_room_knows_only_rooms_below_it() {
    for (name, rooms) in ROOMS {
        let mut known: Vec<&str> = Vec::new();
        for room in *rooms {
            for (file, uses) in imports(name, room) {
                let above: Vec<_> =
                    uses.iter().filter(|used| *used != room && !known.contains(&&***used)).collect();
                assert!(above.is_empty(), "{file} of the room {room} uses {above:?}");
            }
            known.push(room);
        }
        for entry in fs::read_dir(root().join("crates").join(name).join("src")).unwrap() {
            let path = entry.unwrap().path();
            let room = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let is_known = rooms.contains(&&*room) || FRONT.contains(&&*room) || path.is_dir();
            assert!(is_known, "{name}: the table lacks the room {room}");
        }
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    for (name, _) in ROOMS {
        let graph = files_that_know_each_other(name);
        // Whoever knows nobody but those already taken away is in no circle.
        let mut left = graph.clone();
        while let Some(file) = left.iter().find(|(_, uses)| uses.iter().all(|used| !left.contains_key(used)))
        {
            let file = file.0.clone();
            left.remove(&file);
        }
        assert!(left.is_empty(), "{name}: in or above a circle: {left:#?}");
    }
}

#[test]
fn sign_in_knows_no_framework_where_it_needs_none() {
    let files = code_of(root().join("crates/vouchsafe-web/src"));
    assert!(files.iter().any(|(file, _)| file.ends_with("finish.rs")), "{files:?}");
    // A file of unit tests needs a runtime.
    let is_code =
        |file: &str| file.ends_with(".rs") && !file.ends_with("/tests.rs") && !file.contains("/tests/");
    for (file, code) in files.into_iter().filter(|(file, _)| is_code(file)) {
        for framework in ["actix_web", "axum", "hyper", "tokio", "tower"] {
            assert!(!paths(&code).contains(framework), "{file} uses {framework}");
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
                "rustls_pki_types",
                "serde",
                "serde_json",
                "url",
                "vouchsafe_providers",
                "zeroize",
            ]
            .contains(&name.as_str())
        })
        .collect();
    assert!(others.contains("hyper"), "{others:?}");
    for (file, code) in code("protocol").into_iter().chain(code("jose")) {
        let wrong: Vec<_> = paths(&code).intersection(&others).cloned().collect();
        assert!(wrong.is_empty(), "{file} uses {wrong:?}");
    }
}

#[test]
fn client_and_flows_assemble_neither_json_nor_base64_nor_headers() {
    for file in ["client.rs", "client", "flows", "provider/live.rs"] {
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
    let with = tree("-p vouchsafe -e normal");
    assert!(with.contains("hyper"), "the tree is read as it should be");
    // Its features would be those of every other crate of the program.
    assert!(!with.contains("reqwest") && !with.contains("native-tls"));
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
    assert!(roots >= 6);
}

/// The rooms of each crate, from the ground up: each may know those before it, and none behind it.
const ROOMS: &[(&str, &[&str])] = &[
    (
        "vouchsafe",
        &[
            "secret",
            "seal",
            "text",
            "error",
            "provenance",
            "endpoint",
            "endpoints",
            "jose",
            "signing",
            "credential",
            "certificate",
            "registration",
            "identity",
            "transport",
            "shared",
            "dpop",
            "attestation",
            "protocol",
            "authenticator",
            "call",
            "workload",
            "tokens",
            "provider",
            "providers",
            "resource",
            "client",
            "flows",
            "vault",
        ],
    ),
    (
        "vouchsafe-providers",
        &[
            "similar",
            "template",
            "mistake",
            "locate",
            "values",
            "registration",
            "registered",
            "quirks",
            "endpoints",
            "definition",
            "owned",
            "subject",
            "check",
            "read",
        ],
    ),
    (
        "vouchsafe-sandbox",
        &[
            "wire", "jose", "config", "part", "state", "fault", "pages", "op", "router", "tls", "person",
            "sandbox",
        ],
    ),
    ("vouchsafe-store", &["shared", "sqlite", "postgres", "redis"]),
    ("vouchsafe-web", &["cookies", "origin", "page", "login", "session", "accounts", "site"]),
    ("vouchsafe-actix", &["border", "failure", "visit", "require", "user", "site"]),
    (
        "vouchsafe-axum",
        &[
            "resource",
            "rejection",
            "start",
            "logged_in",
            "logins",
            "layer",
            "failure",
            "user",
            "visit",
            "require",
            "site",
            "tower_sessions",
        ],
    ),
    (
        "vouchsafe-cli",
        &[
            "text", "json", "failure", "system", "terminal", "loopback", "args", "setup", "saved", "demo",
            "commands",
        ],
    ),
];
/// What stands in front of the rooms and shows them.
const FRONT: [&str; 3] = ["lib", "main", "guide"];

/// What a login costs in crates, the program's own and tokio's included. Five of them are for tokens that stay fresh: the
/// pointer that is replaced while others read it, and the quick clock.
const MOST_CRATES: usize = 94;
