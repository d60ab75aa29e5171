//! The examples run, and show what they promise.
use std::process::Command;

/// What an example prints.
fn run(name: &str) -> String {
    let tests = std::env::current_exe().unwrap();
    let example = tests.ancestors().nth(2).unwrap().join("examples").join(name);
    let example = example.with_extension(std::env::consts::EXE_EXTENSION);
    assert!(example.exists(), "build the examples first: {} is missing", example.display());
    let output = Command::new(example).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[cfg(feature = "transport")]
#[test]
fn a_login_in_the_terminal() {
    let shown = run("login");
    assert!(shown.contains("Signed in: sandbox-user-alice <alice@example.com>"), "{shown}");
    assert!(shown.trim_end().ends_with("Revoked."), "{shown}");
}

#[cfg(feature = "transport")]
#[test]
fn a_login_by_hand() {
    let shown = run("manual");
    assert_eq!(shown, "Signed in: alice@example.com\nRefreshed, and revoked.\n");
}

#[cfg(feature = "transport")]
#[test]
fn a_token_in_the_requests_of_reqwest() {
    let shown = run("bearer_reqwest");
    assert_eq!(shown, "The API says 200 OK.\nThe API says 200 OK.\n3 requests to the API\n");
}

#[cfg(feature = "transport")]
#[test]
fn a_login_over_a_reqwest_client_of_ones_own() {
    let shown = run("own_reqwest");
    assert!(shown.ends_with("Signed in: sandbox-user-alice <alice@example.com>\n"), "{shown}");
    assert_eq!(shown.matches("POST ").count(), 1, "{shown}");
}

#[test]
fn a_login_over_an_http_client_of_ones_own() {
    let shown = run("own_http_client");
    assert!(shown.ends_with("Signed in: sandbox-user-alice <alice@example.com>\n"), "{shown}");
    assert_eq!(shown.matches("POST ").count(), 1, "{shown}");
}
