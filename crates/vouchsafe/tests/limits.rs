//! What the guide says of limits is what the code does.
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Where each row of the guide has its number: the file, and the constant or what else stands before the number there.
const ROWS: &[(&str, &str, &str)] = &[
    ("lease of a process that refreshes stored tokens", "vouchsafe/src/vault/renew.rs", "LEASE"),
    ("time to wait for the refresh of another process", "vouchsafe/src/vault/renew.rs", "LONGEST_WAIT"),
    ("time to try to save new tokens", "vouchsafe/src/vault/renew.rs", "SAVING"),
    ("repetitions of a refresh after 429 or 503", "vouchsafe/src/vault/renew.rs", "BUSY_RETRIES"),
    (
        "time in which all callers get the error of a failed refresh, and nothing is sent",
        "vouchsafe/src/vault/source.rs",
        "FAILURE_PAUSE",
    ),
    (
        "maximum of that time, if the provider sends `Retry-After`",
        "vouchsafe/src/vault/record.rs",
        "LONGEST_WAIT",
    ),
    (
        "time after which a source asks its store or its function again, if `Retry-After` is longer",
        "vouchsafe/src/vault/source.rs",
        "LONGEST_PAUSE",
    ),
    ("pause after an early refresh that failed", "vouchsafe/src/vault/source.rs", "EARLY_PAUSE"),
    ("time in which a vault does not look at the store again", "vouchsafe/src/vault.rs", "UNCHECKED"),
    ("logins of a vault kept in memory beside the store", "vouchsafe/src/vault.rs", "MOST_SOURCES"),
    ("events that wait for a slow listener", "vouchsafe/src/vault/listeners.rs", "WAITING"),
    // There is none.
    ("time of one call, with all its requests and retries", "", ""),
    ("time to connect, a part of the time of one request", "vouchsafe/src/transport.rs", "TIMEOUT"),
    (
        "time of one request, from connecting to the last byte, retries included",
        "vouchsafe/src/transport.rs",
        "TIMEOUT",
    ),
    ("retries of requests that only read", "vouchsafe/src/transport.rs", "RETRIES"),
    (
        "longest pause before the first retry, if the provider sends no `Retry-After`; doubled for each further retry",
        "vouchsafe/src/transport/retry.rs",
        "FIRST_PAUSE",
    ),
    ("longest `Retry-After` that is reported", "vouchsafe/src/transport/retry.rs", "MAX_WAIT"),
    ("body of a response", "vouchsafe/src/transport.rs", "MAX_BODY"),
    // By behaviour: tests/it/transport.rs, and below.
    ("headers of a response", "", ""),
    ("depth of nested JSON", "", ""),
    ("idle connections kept to one host, each for 90 s", "vouchsafe/src/transport/built_in.rs", "MAX_IDLE"),
    (
        "concurrent DNS lookups with `public_addresses_only`",
        "vouchsafe/src/transport/public_only.rs",
        "MAX_LOOKUPS",
    ),
    (
        "earlier DNS results, used only while no further lookup can start",
        "vouchsafe/src/transport/public_only.rs",
        "MAX_FOUND",
    ),
    (
        "age up to which an earlier DNS result is used",
        "vouchsafe/src/transport/public_only.rs",
        "FOUND_LATELY",
    ),
    (
        "time for a login, and lifetime of its cookie in `vouchsafe-axum`",
        "vouchsafe/src/client/builder.rs",
        "LOGIN_LIMIT",
    ),
    ("maximum of the time for a login", "vouchsafe/src/client/builder.rs", "MAX_LOGIN_LIMIT"),
    ("tolerance for the provider's clock", "vouchsafe/src/provider/live.rs", "CLOCK_SKEW"),
    ("maximum of that tolerance", "vouchsafe/src/provider/live.rs", "MAX_CLOCK_SKEW"),
    ("age of a logout token", "vouchsafe/src/jose/logout_token.rs", "MAX_AGE"),
    ("age at which metadata is fetched again", "vouchsafe/src/provider/live.rs", "METADATA_AGE"),
    ("age at which keys are fetched again", "vouchsafe/src/provider/live.rs", "KEYS_AGE"),
    ("age up to which keys are used if the fetch fails", "vouchsafe/src/provider/live.rs", "KEYS_END"),
    (
        "pause after a forced or failed fetch of metadata or keys",
        "vouchsafe/src/provider/live.rs",
        "COOL_DOWN",
    ),
    ("keys read from a key set; further keys are ignored", "vouchsafe/src/provider/live.rs", "MAX_KEYS"),
    ("keys tried for one signature", "vouchsafe/src/jose/jwk.rs", "MAX_TRIES"),
    ("header of an encrypted JWT, in base64url", "vouchsafe/src/jose/jwe.rs", "MAX_HEADER"),
    ("decryption keys tried for one JWT", "vouchsafe/src/jose/jwe.rs", "MAX_TRIES"),
    (
        "sources of aggregated and distributed claims in a profile; further ones are left out",
        "vouchsafe/src/protocol/claim_sources.rs",
        "MAX_SOURCES",
    ),
    (
        "time for one source of claims, with its metadata and keys",
        "vouchsafe/src/flows/claim_sources.rs",
        "SOURCE_TIME",
    ),
    ("response of a source of claims", "vouchsafe/src/flows/claim_sources.rs", "SOURCE_BODY"),
    ("access token that an API reads", "vouchsafe/src/resource/request.rs", "MAX_TOKEN"),
    ("DPoP proof that an API reads", "vouchsafe/src/resource/request.rs", "MAX_PROOF"),
    ("age of a DPoP proof", "vouchsafe/src/jose/dpop_proof.rs", "MAX_AGE"),
    (
        "DPoP proofs that an API remembers; with more, it refuses requests",
        "vouchsafe/src/resource/builder.rs",
        "MAX_PROOFS",
    ),
    (
        "time for which the response of an introspection endpoint is used",
        "vouchsafe/src/resource/builder.rs",
        "INTROSPECTION_AGE",
    ),
    ("maximum of that time", "vouchsafe/src/resource/builder.rs", "MAX_INTROSPECTION_AGE"),
    ("responses of an introspection endpoint that are kept", "vouchsafe/src/resource/cache.rs", "MAX_TOKENS"),
    ("smallest RSA key, in bits", "vouchsafe/src/jose/jwk.rs", "MIN_RSA_BITS"),
    ("largest RSA key, in bits", "vouchsafe/src/jose/jwk.rs", "MAX_RSA_BITS"),
    ("largest RSA exponent, in bytes", "vouchsafe/src/jose/jwk.rs", "MAX_EXPONENT"),
    (
        "query of the redirect URI, or the form posted to it",
        "vouchsafe/src/protocol/authorization/response.rs",
        "MAX_QUERY",
    ),
    (
        "state of the session at the provider (`session_state`)",
        "vouchsafe/src/protocol/authorization/response.rs",
        "MAX_SESSION_STATE",
    ),
    ("profile in that query or form", "vouchsafe/src/protocol/authorization/response.rs", "MAX_PROFILE"),
    ("lifetime of a client secret that is a JWT", "vouchsafe/src/authenticator.rs", "APPLE_LIFETIME"),
    (
        "lifetime of an assertion by which a client authenticates",
        "vouchsafe/src/authenticator.rs",
        "LIFETIME",
    ),
    (
        "shortest client secret that is a key (`client_secret_jwt`)",
        "vouchsafe/src/protocol/client_auth.rs",
        "MIN_HMAC_KEY",
    ),
    ("lifetime of a signed authorization request", "vouchsafe/src/protocol/request_object.rs", "LIFETIME"),
    ("reference to a pushed authorization request", "vouchsafe/src/protocol/pushed_request.rs", "MAX_URI"),
    ("nonce of a server for DPoP proofs", "vouchsafe/src/dpop.rs", "MAX_NONCE"),
    ("servers whose nonces a client keeps", "vouchsafe/src/dpop.rs", "MAX_SERVERS"),
    ("challenge of a server for an attestation", "vouchsafe/src/attestation.rs", "MAX_CHALLENGE"),
    (
        "client certificates whose connections are kept",
        "vouchsafe/src/transport/built_in.rs",
        "MAX_CERTIFICATES",
    ),
    ("user code of a device, in bytes", "vouchsafe/src/protocol/device.rs", "MAX_USER_CODE"),
    ("interval of a device, if the provider sets none", "vouchsafe/src/protocol/device.rs", "INTERVAL"),
    ("smallest interval of a device", "vouchsafe/src/protocol/device.rs", "SHORTEST"),
    (
        "interval of a device up to which failed connections double it",
        "vouchsafe/src/client/polling.rs",
        "SLOWEST",
    ),
    ("lifetime of a device code", "vouchsafe/src/protocol/device.rs", "LONGEST"),
    ("length kept of an `error`, in characters", "vouchsafe/src/error/server.rs", "MAX_CODE"),
    (
        "length shown of a wrong issuer, in characters",
        "vouchsafe/src/protocol/authorization/response.rs",
        "MAX_ISSUER",
    ),
    (
        "length shown of a wrong `token_type`, in characters",
        "vouchsafe/src/protocol/token/response.rs",
        "MAX_TYPE",
    ),
    ("length shown of a text from the provider, in characters", "vouchsafe/src/text/redact.rs", "MAX_TEXT"),
    (
        "logins in progress in one browser; a further login replaces the oldest",
        "vouchsafe-web/src/login/cookie.rs",
        "MAX_OPEN",
    ),
    (
        "logins of which a process remembers that their code was sent; with more, it forgets those that expire first",
        "vouchsafe-web/src/login/once.rs",
        "MAX_LOGINS",
    ),
    ("login cookie, name and value together, in bytes", "vouchsafe-web/src/login/cookie.rs", "MAX_COOKIE"),
    ("session without a request", "vouchsafe-web/src/session/sessions.rs", "IDLE_TIMEOUT"),
    ("session, however often it is used", "vouchsafe-web/src/session/sessions.rs", "ABSOLUTE_TIMEOUT"),
    (
        "time in which a session that is used is not written again",
        "vouchsafe-web/src/session/sessions.rs",
        "LONGEST_PAUSE",
    ),
    (
        "session cookie, name and value together, in bytes",
        "vouchsafe-web/src/session/cookie.rs",
        "MAX_COOKIE",
    ),
    ("session cookies of one request that are tried", "vouchsafe-web/src/session/sessions.rs", "MAX_COOKIES"),
    ("length kept of a `User-Agent`, in characters", "vouchsafe-web/src/session/device.rs", "MAX_USER_AGENT"),
    (
        "records of a store that are looked at when a session begins, to delete what is over",
        "vouchsafe-web/src/session/store.rs",
        "SWEPT",
    ),
    (
        "time between two questions to a provider's frame for session management",
        "vouchsafe-web/src/page/session_frame.rs",
        "PAUSE",
    ),
    (
        "questions to that frame without an answer, after which it is asked no more",
        "vouchsafe-web/src/page/session_frame.rs",
        "SILENCE",
    ),
    (
        "requests with `prompt=none` while that frame says only that the session has changed",
        "vouchsafe-web/src/page/session_frame.rs",
        "CHECKS",
    ),
    ("time to wait for such a request", "vouchsafe-web/src/page/session_frame.rs", "PATIENCE"),
    ("path to return to, in bytes", "vouchsafe-web/src/login/return_to.rs", "MAX_PATH"),
    (
        "posted response that is brought once more by a redirect, because the session stayed behind, in bytes",
        "vouchsafe-web/src/site/routes/callback.rs",
        "MAX_HOP",
    ),
    ("name of a provider, in characters", "vouchsafe-web/src/site/providers.rs", "MAX_NAME"),
    ("domain of an e-mail address, in bytes", "vouchsafe-web/src/site/providers.rs", "MAX_DOMAIN"),
    (
        "time in which a provider of a `ProviderSource` is not looked up again",
        "vouchsafe-web/src/site/providers.rs",
        "AGE",
    ),
    ("providers of a `ProviderSource` that are remembered", "vouchsafe-web/src/site/providers.rs", "MOST"),
    (
        "length shown of the address at which a browser sees the site, in characters",
        "vouchsafe-web/src/site/address.rs",
        "MAX_SHOWN",
    ),
    (
        "messages of one process about browsers at another address than the public URL",
        "vouchsafe-web/src/site/login.rs",
        "MOST_TOLD",
    ),
    ("posted response", "vouchsafe-web/src/login/finish.rs", "MAX_FORM"),
    ("time to receive a posted response", "vouchsafe-web/src/login/finish.rs", "FORM_TIME"),
    ("connections to the redirect URI at once", "vouchsafe-cli/src/loopback/listener.rs", "MAX_CONNECTIONS"),
    ("browsers that wait for their page", "vouchsafe-cli/src/loopback/listener.rs", "MAX_CALLBACKS"),
    ("request to the redirect URI, with its form", "vouchsafe-cli/src/loopback/listener.rs", "MAX_BUFFER"),
    ("time for a browser to send its request", "vouchsafe-cli/src/loopback/listener.rs", "HEADERS"),
    (
        "time until the page says that the login takes longer",
        "vouchsafe-cli/src/loopback/listener.rs",
        "PATIENCE",
    ),
    ("time to send the last page", "vouchsafe-cli/src/loopback/listener.rs", "CLOSING"),
    (
        "file that is read: certificates, a definition, a secret",
        "vouchsafe-cli/src/setup/file.rs",
        "MAX_FILE",
    ),
    ("JWT that is inspected", "vouchsafe-cli/src/commands/inspect.rs", "MAX_INPUT"),
    ("time for the person to sign in", "vouchsafe-cli/src/args.rs", "wait"),
];

/// Constants of such a name that bound nothing a reader could meet.
const NO_LIMITS: [&str; 2] = ["MAX_SECONDS", "MAX_DOUBLINGS"];

fn crates() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn guide() -> String {
    fs::read_to_string(crates().join("vouchsafe/src/docs/limits.md")).unwrap()
}

/// What the guide's tables say, by what it is about.
fn rows() -> Vec<(String, String)> {
    let text = guide();
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows = text.lines().filter(|line| line.starts_with("| ")).map(cells);
    rows.filter(|cells| cells[1] != "what" && cells[1] != "---")
        .map(|cells| (cells[1].clone(), cells[2].clone()))
        .collect()
}

/// A number with its unit, in milliseconds, bytes or pieces.
fn said(text: &str) -> u64 {
    let mut words = text.split([' ', ',']);
    let number: u64 = words.next().unwrap().parse().unwrap_or_else(|_| panic!("{text} is no number"));
    number
        * match words.next() {
            None | Some("" | "ms") => 1,
            Some("s") => 1000,
            Some("min") => 60_000,
            Some("h") => 3_600_000,
            Some("d") => 86_400_000,
            Some("KiB") => 1024,
            Some("MiB") => 1024 * 1024,
            Some(unit) => panic!("{unit} is no unit"),
        }
}

/// The value of a constant in a source, in the same units.
fn coded(source: &str, name: &str) -> Option<u64> {
    let (_, rest) = source.split_once(&format!("const {name}: "))?;
    let (_, value) = rest.split(';').next()?.split_once(" = ")?;
    let (unit, value) = match value.split_once('(') {
        Some(("Duration::from_secs", seconds)) => (1000, seconds),
        Some(("Duration::from_millis", millis)) => (1, millis),
        Some(_) => return None,
        None => (1, value),
    };
    let factors =
        value.trim_end_matches(')').split('*').map(|factor| factor.trim().replace('_', "").parse::<u64>());
    factors.product::<Result<u64, _>>().ok().map(|value| value * unit)
}

#[test]
fn the_guide_says_what_the_code_does() {
    let rows: Vec<_> = rows();
    let by_name: BTreeMap<_, _> = rows.iter().cloned().collect();
    for (what, file, name) in
        ROWS.iter().filter(|(_, file, _)| file.ends_with(".rs") && !file.ends_with("args.rs"))
    {
        let source = fs::read_to_string(crates().join(file)).unwrap();
        let code = coded(&source, name).unwrap_or_else(|| panic!("{file} has no number named {name}"));
        let told = by_name.get(*what).unwrap_or_else(|| panic!("the guide has no row for {what}"));
        assert_eq!(said(told), code, "{what}: the guide says {told}, {name} in {file} says otherwise");
    }
    // The command's own words for its defaults.
    let args = fs::read_to_string(crates().join("vouchsafe-cli/src/args.rs")).unwrap();
    for (what, option) in [("time for the person to sign in", "wait"), ("time of one request", "timeout")] {
        let (before, _) = args.split_once(&format!("pub(crate) {option}: Duration")).unwrap();
        let (_, default) = before.rsplit_once("default_value = \"").unwrap();
        let seconds: u64 = default.split('"').next().unwrap().parse().unwrap();
        assert_eq!(said(&by_name[what]), seconds * 1000, "{what}");
    }
    for (what, _) in &rows {
        let known = ROWS.iter().any(|(row, ..)| row == what) || what == "time of one request";
        assert!(known, "nothing compares the row \"{what}\" with the code: add it to ROWS");
    }
}

#[test]
fn every_limit_of_the_libraries_has_its_row() {
    let mut folders: Vec<PathBuf> = ["vouchsafe/src", "vouchsafe-axum/src", "vouchsafe-web/src"]
        .map(|folder| crates().join(folder))
        .into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(source) = fs::read_to_string(&path) else { continue };
            let code = source.split("#[cfg(test)]\nmod tests").next().unwrap();
            for (at, _) in code.match_indices("const MAX_") {
                let name = code[at + 6..].split(':').next().unwrap();
                let known = ROWS.iter().any(|(_, file, row)| *row == name && path.ends_with(file))
                    || NO_LIMITS.contains(&name);
                assert!(
                    known,
                    "{name} in {} is not in the guide's table: {}",
                    path.display(),
                    "src/docs/limits.md"
                );
            }
        }
    }
}

#[test]
fn json_is_as_deep_as_the_guide_says() {
    let (_, told) = rows().into_iter().find(|(what, _)| what == "depth of nested JSON").unwrap();
    let deep = |levels: u64| {
        // The outermost level is the object itself.
        let arrays = usize::try_from(levels).unwrap() - 1;
        let profile = format!("{}{}", "[".repeat(arrays), "]".repeat(arrays));
        let stored =
            r#"{"v":1,"provider":"p","issuer":"i","subject":"s","profile":"#.to_owned() + &profile + "}";
        serde_json::from_str::<vouchsafe::Identity>(&stored)
    };
    assert!(deep(said(&told)).is_ok());
    assert!(deep(said(&told) + 1).is_err());
}
