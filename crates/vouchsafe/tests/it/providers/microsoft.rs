use serde_json::json;
use vouchsafe::{Client, Provider, providers};

use super::{ASKED, EXCHANGE, FORM, IN_FORM, PKCE, Stage};
use crate::forge;
use crate::scenario::web;
use crate::wire;

const TOKEN: &str = "POST https://login.microsoftonline.com/common/oauth2/v2.0/token";
const PROFILE: &str = "GET https://graph.microsoft.com/oidc/userinfo";

fn stage_of(provider: Provider, tenant: &str) -> Stage {
    let stage = Stage::new("microsoft", provider);
    let metadata = stage.sample("discovery_common");
    let place =
        format!("GET https://login.microsoftonline.com/{tenant}/v2.0/.well-known/openid-configuration");
    stage.metadata(&place, &metadata);
    stage
}

fn stage() -> Stage {
    stage_of(providers::microsoft("common"), "common")
}

/// Answers for the user of those claims, as Microsoft's UserInfo does: without `xms_edov`.
fn profile(stage: &Stage, claims: &serde_json::Value) {
    let profile = json!({"sub": claims["sub"], "name": claims["name"], "email": claims["email"]});
    stage.answer(PROFILE, wire::json(200, profile));
}

#[tokio::test]
async fn a_login_at_microsoft() {
    let stage = stage();
    let claims = stage.sample("id_token_claims_verified");
    profile(&stage, &claims);
    let (url, tokens) = stage.log_in_with(TOKEN, claims.clone()).await;
    let tokens = tokens.unwrap();
    assert_eq!(
        url,
        format!(
            "https://login.microsoftonline.com/common/oauth2/v2.0/authorize?{ASKED}&scope=openid+profile+email\
             &state=*&nonce=*&{PKCE}"
        )
    );
    assert_eq!(
        stage.letters("/common/oauth2/v2.0/token"),
        [format!("{TOKEN}\naccept: application/json\n{FORM}\n\n{EXCHANGE}&code_verifier=*&{IN_FORM}")]
    );
    let identity = stage.client.identity(&tokens).await.unwrap();
    assert_eq!(
        stage.last(),
        format!("{PROFILE}\naccept: application/json\nauthorization: Bearer ms-sample-access")
    );
    assert_eq!(identity.subject(), claims["sub"].as_str().unwrap());
    // One directory has many issuers: the account is at the one that the ID token names.
    assert_eq!(identity.issuer(), claims["iss"].as_str().unwrap());
    assert_eq!(identity.key().issuer(), identity.issuer());
    assert_eq!(identity.verified_email(), Some("morgan@avalon.example"));
    assert_eq!(identity.profile()["tid"].as_str(), claims["tid"].as_str());

    let mut refreshed = claims;
    refreshed["nonce"] = json!(null);
    stage.tokens(TOKEN, "refresh", refreshed);
    let fresh = stage.client.refresh(&tokens).await.unwrap();
    assert_eq!(fresh.refresh_token().unwrap().expose(), "M.sample-refresh-2");
    assert_eq!(
        stage.last(),
        format!(
            "{TOKEN}\naccept: application/json\n{FORM}\n\n\
             grant_type=refresh_token&refresh_token=M.sample-refresh&{IN_FORM}"
        )
    );
    assert_eq!(stage.client.revoke(&fresh).await.unwrap_err().code(), "revoke_not_supported");
}

#[tokio::test]
async fn an_email_at_microsoft_is_verified_by_its_domain_s_owner_alone() {
    for (sample, verified) in [
        ("id_token_claims_verified", Some("morgan@avalon.example")),
        ("id_token_claims_personal", Some("elaine@outlook.example")),
        // The administrator of any tenant can write any address there.
        ("id_token_claims_attack", None),
    ] {
        let stage = stage();
        let claims = stage.sample(sample);
        profile(&stage, &claims);
        let tokens = stage.log_in_with(TOKEN, claims.clone()).await.1.unwrap();
        let identity = stage.client.identity(&tokens).await.unwrap();
        assert_eq!(identity.email(), claims["email"].as_str());
        assert_eq!(identity.verified_email(), verified, "{sample}");
    }
}

#[tokio::test]
async fn a_token_that_names_another_tenant_than_its_issuer_is_refused() {
    let stage = stage();
    for (name, value, code) in [
        ("tid", json!("11111111-2222-4333-8444-555555555555"), "issuer_mismatch"),
        ("tid", json!(null), "missing_field"),
        ("iss", json!("https://login.microsoftonline.com/{tenantid}/v2.0"), "issuer_mismatch"),
        ("iss", json!("https://evil.example/72f988bf-0000-4000-8000-2d7cd011db47/v2.0"), "issuer_mismatch"),
    ] {
        let mut claims = stage.sample("id_token_claims_verified");
        claims[name] = value;
        assert_eq!(stage.log_in_with(TOKEN, claims).await.1.unwrap_err().code(), code, "{name}");
    }
}

/// The keys that Microsoft publishes, each with the issuer that it may sign for.
fn publish(stage: &Stage, keys: &[(&str, &str, serde_json::Value)]) {
    let keys: Vec<_> = keys
        .iter()
        .map(|(material, kid, issuer)| {
            let mut key = forge::jwk(material);
            key["kid"] = json!(kid);
            key["issuer"] = issuer.clone();
            key
        })
        .collect();
    let place = stage.sample("discovery_common")["jwks_uri"].as_str().unwrap().to_owned();
    stage.answer(&format!("GET {place}"), wire::json(200, json!({ "keys": keys })));
}

fn issuer_of(tenant: &str) -> serde_json::Value {
    json!(format!("https://login.microsoftonline.com/{tenant}/v2.0"))
}

const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
const TENANT: &str = "72f988bf-0000-4000-8000-2d7cd011db47";

#[tokio::test]
async fn a_key_of_another_tenant_signs_nobody_in() {
    let verdict = async |keys: &[(&str, &str, serde_json::Value)]| {
        let stage = stage();
        publish(&stage, keys);
        let (_, tokens) = stage.log_in_with(TOKEN, stage.sample("id_token_claims_verified")).await;
        tokens.map(|_| "ok".to_owned()).unwrap_or_else(|error| error.code().to_owned())
    };
    // The key of the consumers' tenant is a good key, and signs for a company's user here.
    assert_eq!(verdict(&[("rsa", "rsa", issuer_of(CONSUMERS))]).await, "issuer_mismatch");
    assert_eq!(verdict(&[("rsa", "rsa", issuer_of(TENANT))]).await, "ok");
    assert_eq!(verdict(&[("rsa", "rsa", issuer_of("{tenantid}"))]).await, "ok");
    assert_eq!(
        verdict(&[("rsa", "rsa", json!("https://evil.example/{tenantid}/v2.0"))]).await,
        "issuer_mismatch"
    );
    // An issuer that cannot be read is none that fits.
    for wrong in [json!(7), json!(null), json!([])] {
        assert_eq!(verdict(&[("rsa", "rsa", wrong)]).await, "unknown_key");
    }
    // One id stands there once for each issuer.
    let both = [("stranger", "rsa", issuer_of(CONSUMERS)), ("rsa", "rsa", issuer_of(TENANT))];
    assert_eq!(verdict(&both).await, "ok");
    let swapped = [("rsa", "rsa", issuer_of(CONSUMERS)), ("stranger", "rsa", issuer_of(TENANT))];
    assert_eq!(verdict(&swapped).await, "signature");
}

#[tokio::test]
async fn a_key_of_another_tenant_verifies_no_other_jwt_either() {
    let stage = stage();
    let jwt = |tenant: &str| {
        let mut claims = json!({"iss": issuer_of(tenant), "tid": tenant, "sub": "1"});
        claims["exp"] = (crate::scenario::now() + 300).into();
        forge::jwt("RS256", "rsa", &json!({"alg": "RS256", "kid": "rsa"}), &claims.to_string())
    };
    publish(&stage, &[("rsa", "rsa", issuer_of(CONSUMERS))]);
    assert!(stage.client.manual().verify_jwt(&jwt(CONSUMERS), None).await.is_ok());
    let error = stage.client.manual().verify_jwt(&jwt(TENANT), None).await.unwrap_err();
    assert_eq!(error.code(), "issuer_mismatch");
    assert!(error.to_string().contains("another tenant"), "{error}");
    // And where the client is for one tenant alone.
    let stage = stage_of(providers::microsoft(TENANT), TENANT);
    let mut metadata = stage.sample("discovery_common");
    metadata["issuer"] = issuer_of(TENANT);
    let place =
        format!("GET https://login.microsoftonline.com/{TENANT}/v2.0/.well-known/openid-configuration");
    stage.metadata(&place, &metadata);
    publish(&stage, &[("rsa", "rsa", issuer_of(CONSUMERS))]);
    let error = stage.client.manual().verify_jwt(&jwt(TENANT), None).await.unwrap_err();
    assert_eq!(error.code(), "issuer_mismatch");
}

#[tokio::test]
async fn a_tenant_of_one_s_own_lets_no_other_in() {
    let (tenant, issuer) =
        ("avalon.example", "https://login.microsoftonline.com/72f988bf-0000-4000-8000-2d7cd011db47/v2.0");
    let stage = stage_of(providers::microsoft(tenant), tenant);
    let mut metadata = stage.sample("discovery_common");
    metadata["issuer"] = json!(issuer);
    stage.metadata(
        &format!("GET https://login.microsoftonline.com/{tenant}/v2.0/.well-known/openid-configuration"),
        &metadata,
    );
    assert!(stage.log_in_with(TOKEN, stage.sample("id_token_claims_verified")).await.1.is_ok());
    let stranger = stage.log_in_with(TOKEN, stage.sample("id_token_claims_attack")).await.1;
    assert_eq!(stranger.unwrap_err().code(), "issuer_mismatch");
}

#[tokio::test]
async fn a_tenant_is_one_part_of_a_path() {
    let http = stage().wire.http();
    for tenant in ["../evil", "a/b", "a?b", "", "..", "a#b"] {
        let error = Client::new(providers::microsoft(tenant), web(), &http).unwrap_err();
        assert_eq!(error.code(), "invalid_param", "{tenant}");
    }
}

#[tokio::test]
async fn refusals_of_microsoft_are_told() {
    let stage = stage();
    stage.at(TOKEN, 400, "token_error");
    let error = stage.log_in("code=code-1&state=STATE").await.1.unwrap_err();
    assert_eq!(error.code(), "invalid_grant");
    assert!(error.to_string().contains("AADSTS70008"), "{error}");
    stage.at(PROFILE, 401, "profile_error");
    assert_eq!(stage.client.manual().profile("at").await.unwrap_err().code(), "InvalidAuthenticationToken");
}

#[tokio::test]
async fn a_tenant_s_identifier_gets_its_own_metadata_alone() {
    let tenant = "72f988bf-0000-4000-8000-2d7cd011db47";
    let ask = async |asked: &str, answered: &str| {
        let stage = stage_of(providers::microsoft(asked), asked);
        let mut metadata = stage.sample("discovery_common");
        metadata["issuer"] = json!(format!("https://login.microsoftonline.com/{answered}/v2.0"));
        let place =
            format!("GET https://login.microsoftonline.com/{asked}/v2.0/.well-known/openid-configuration");
        stage.metadata(&place, &metadata);
        let known = stage.client.metadata().await;
        (stage, known.map(|_| ()).map_err(|error| error.code().to_owned()))
    };
    let (stage, known) = ask(tenant, tenant).await;
    assert_eq!(known, Ok(()));
    assert!(stage.log_in_with(TOKEN, stage.sample("id_token_claims_verified")).await.1.is_ok());
    let stranger = stage.log_in_with(TOKEN, stage.sample("id_token_claims_attack")).await.1;
    assert_eq!(stranger.unwrap_err().code(), "issuer_mismatch");
    // Identifiers are the same in capitals.
    assert_eq!(ask(&tenant.to_uppercase(), tenant).await.1, Ok(()));

    let refused = Err("issuer_mismatch".to_owned());
    for answered in ["11111111-2222-4333-8444-555555555555", "{tenantid}", "common", "avalon.example"] {
        assert_eq!(ask(tenant, answered).await.1, refused, "{answered}");
    }
    assert_eq!(ask("avalon.example", "{tenantid}").await.1, refused);
    for words in ["common", "organizations", "consumers"] {
        assert_eq!(ask(words, "{tenantid}").await.1, Ok(()), "{words}");
        assert_eq!(ask(words, tenant).await.1, Ok(()), "{words}");
    }
}
