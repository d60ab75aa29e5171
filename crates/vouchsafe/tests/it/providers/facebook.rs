use vouchsafe::error::Operation;
use vouchsafe::{Registration, providers};

use super::{ASKED, EXCHANGE, FORM, IN_FORM, PKCE, Stage};
use crate::scenario::{CLIENT_ID, REDIRECT_URI};

const TOKEN: &str = "POST https://graph.facebook.com/v25.0/oauth/access_token";
const PROFILE: &str = "GET https://graph.facebook.com/v25.0/me";

/// The HMAC-SHA-256 of the access token under the client secret, made by another implementation.
const PROOF: &str = "f2196a1fc9af565dd1c4d12d1be1960c2b632ebb99622d649370b2e32fef42a5";

#[tokio::test]
async fn a_login_at_facebook() {
    let stage = Stage::new("facebook", providers::facebook());
    stage.at(TOKEN, 200, "token");
    stage.at(PROFILE, 200, "profile");
    let (url, tokens) = stage.log_in("code=code-1&state=STATE").await;
    let tokens = tokens.unwrap();
    assert_eq!(
        url,
        format!(
            "https://www.facebook.com/v25.0/dialog/oauth?{ASKED}&scope=public_profile%2Cemail&state=*&{PKCE}"
        )
    );
    assert_eq!(
        stage.last(),
        format!("{TOKEN}\naccept: application/json\n{FORM}\n\n{EXCHANGE}&code_verifier=*&{IN_FORM}")
    );

    let identity = stage.client.identity(&tokens).await.unwrap();
    // The token stays out of the URL.
    assert_eq!(
        stage.last(),
        format!(
            "{PROFILE}?fields=id%2Cname%2Cemail%2Cpicture&appsecret_proof={PROOF}\naccept: application/json\nauthorization: Bearer EAABsample1short"
        )
    );
    assert_eq!((identity.subject(), identity.name()), ("10158823456789012", Some("Elaine Astolat")));
    assert_eq!((identity.email(), identity.email_verified()), (Some("elaine@astolat.example"), None));
    assert_eq!(identity.picture(), Some("https://platform-lookaside.example/pic?asid=10158823456789012"));

    stage.at(TOKEN, 200, "long_lived_token");
    let long = stage.client.long_lived_token(&tokens).await.unwrap();
    assert_eq!(long.access_token().expose(), "EAABsample1long");
    assert!(long.expires_within(std::time::Duration::from_secs(60 * 86_400)) && !long.is_expired());
    assert_eq!(
        stage.last(),
        format!(
            "{TOKEN}\naccept: application/json\n{FORM}\n\n\
             grant_type=fb_exchange_token&fb_exchange_token=EAABsample1short&{IN_FORM}"
        )
    );
    assert_eq!(stage.client.refresh(&tokens).await.unwrap_err().code(), "refresh_not_supported");
    assert_eq!(stage.client.revoke(&tokens).await.unwrap_err().code(), "revoke_not_supported");
}

#[tokio::test]
async fn facebook_gets_no_proof_of_a_secret_that_there_is_not() {
    let registration = Registration::new(CLIENT_ID).redirect_uri(REDIRECT_URI);
    let stage = Stage::with("facebook", providers::facebook(), registration);
    stage.at(PROFILE, 200, "profile");
    stage.client.manual().profile("EAABsample1short").await.unwrap();
    assert_eq!(
        stage.last(),
        format!(
            "{PROFILE}?fields=id%2Cname%2Cemail%2Cpicture\naccept: application/json\nauthorization: Bearer EAABsample1short"
        )
    );
}

#[tokio::test]
async fn refusals_of_facebook_are_told() {
    let stage = Stage::new("facebook", providers::facebook());
    stage.at(TOKEN, 400, "token_error");
    let error = stage.log_in("code=code-1&state=STATE").await.1.unwrap_err();
    // Errors are told apart by their number.
    assert_eq!(error.code(), "100");
    assert!(error.to_string().contains("This authorization code has been used."), "{error}");
    stage.at(TOKEN, 200, "token_no_expiry");
    stage.at(PROFILE, 200, "profile_no_email");
    let tokens = stage.log_in("code=code-1&state=STATE").await.1.unwrap();
    assert_eq!(tokens.expires_at(), None);
    assert_eq!(stage.client.identity(&tokens).await.unwrap().email(), None);
    stage.at(PROFILE, 400, "profile_error");
    let error = stage.client.identity(&tokens).await.unwrap_err();
    // 190: the token is no longer good.
    assert_eq!((error.operation(), error.code()), (Operation::Profile, "invalid_token"));
    assert!(error.needs_refresh() && !error.needs_login());
    assert!(
        stage.client.refresh(&tokens).await.unwrap_err().needs_login(),
        "there is nothing to refresh with"
    );
    assert!(error.to_string().contains("Session has expired"), "{error}");
    stage.at(TOKEN, 400, "token_error");
    let error = stage.client.long_lived_token(&tokens).await.unwrap_err();
    assert_eq!((error.operation(), error.code()), (Operation::LongLivedToken, "100"));
}
