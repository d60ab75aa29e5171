//! OpenID Connect Session Management: the frame, its cookie, and the state in the response.

use aws_lc_rs::digest::{SHA256, digest};
use vouchsafe_sandbox::{Fault, Sandbox};

use crate::scenario::query_value;

async fn sandbox() -> Sandbox {
    Sandbox::builder().session_management().start().await.unwrap()
}

fn url(sandbox: &Sandbox, more: &str) -> String {
    let client = sandbox.client_id();
    let back = "http%3A%2F%2F127.0.0.1%3A3000%2Fcallback";
    format!(
        "{}/authorize?response_type=code&client_id={client}&redirect_uri={back}&scope=openid{more}",
        sandbox.issuer()
    )
}

#[tokio::test]
async fn the_state_is_the_hash_of_client_origin_browser_and_salt() {
    let sandbox = sandbox().await;
    let callback = sandbox.person("alice").allow(&url(&sandbox, "")).await.unwrap();
    let state = query_value(&callback, "session_state").unwrap();
    let (hash, salt) = state.split_once('.').unwrap();
    assert!(hash.len() == 64 && salt.len() > 20 && !state.contains(' '), "{state}");
    // Without the cookie of the browser, the hash is another.
    let text = format!("{} http://127.0.0.1:3000  {salt}", sandbox.client_id());
    let without: String =
        digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_ne!(hash, without);
}

#[tokio::test]
async fn a_sandbox_without_the_frame_sends_no_state() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.fault(Fault::ANOTHER_SESSION_STATE);
    let callback = sandbox.person("alice").allow(&url(&sandbox, "")).await.unwrap();
    assert_eq!(query_value(&callback, "session_state"), None);
    sandbox.person("alice").allow(&format!("{}/session", sandbox.issuer())).await.unwrap_err();
}

#[tokio::test]
async fn faults_of_the_state_change_it() {
    let sandbox = sandbox().await;
    for (fault, state) in [
        (Fault::MISSING_SESSION_STATE, None),
        (Fault::ANOTHER_SESSION_STATE, Some("0.another-salt")),
        (Fault::MALFORMED_SESSION_STATE, Some("no-salt")),
    ] {
        sandbox.fault_once(fault);
        let callback = sandbox.person("alice").allow(&url(&sandbox, "")).await.unwrap();
        assert_eq!(query_value(&callback, "session_state").as_deref(), state, "{fault:?}");
    }
}
