use vouchsafe::{Error, Tokens, providers};

use super::{ASKED, EXCHANGE, FORM, IN_FORM, Stage};
use crate::scenario::{CLIENT_SECRET, arrived};
use crate::wire::param;

const TOKEN: &str = "POST https://cameliard.myshopify.com/admin/oauth/access_token";
const PROFILE: &str = "POST https://cameliard.myshopify.com/admin/api/2026-10/graphql.json";

fn stage() -> Stage {
    Stage::new("shopify", providers::shopify("cameliard"))
}

/// A login that comes back from a shop, signed; to the URL and the outcome.
async fn log_in(stage: &Stage, shop: &str) -> (String, Result<Tokens, Error>) {
    let login = stage.client.login().await.unwrap();
    let state = param(&login.url, "state").unwrap();
    let message = format!("code=code-1&shop={shop}&state={state}&timestamp=1795430400");
    let outcome =
        stage.client.finish(login.pending, arrived(&format!("{message}&hmac={}", tag(&message)))).await;
    (super::masked(&login.url), outcome)
}

/// What the shop signs a message with.
fn tag(message: &str) -> String {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, CLIENT_SECRET.as_bytes());
    let tag = aws_lc_rs::hmac::sign(&key, message.as_bytes());
    tag.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

#[tokio::test]
async fn a_login_at_shopify() {
    let stage = stage();
    stage.at(TOKEN, 200, "token_expiring");
    stage.at(PROFILE, 200, "profile");
    let (url, tokens) = log_in(&stage, "cameliard.myshopify.com").await;
    let tokens = tokens.unwrap();
    assert_eq!(
        url,
        format!("https://cameliard.myshopify.com/admin/oauth/authorize?{ASKED}&scope=read_products&state=*")
    );
    assert_eq!(
        stage.last(),
        format!("{TOKEN}\naccept: application/json\n{FORM}\n\n{EXCHANGE}&{IN_FORM}&expiring=1")
    );
    let identity = stage.client.identity(&tokens).await.unwrap();
    assert_eq!(
        stage.last(),
        format!(
            "{PROFILE}\naccept: application/json\ncontent-type: application/json\n\
             x-shopify-access-token: shpat_sampleexpiring000000000000000\n\n\
             {{\"query\":\"{{shop{{id name email myshopifyDomain}}}}\"}}"
        )
    );
    assert_eq!((identity.subject(), identity.name()), ("548380009", Some("Cameliard Cloth")));
    assert_eq!((identity.email(), identity.email_verified()), (Some("owner@cameliard.example"), None));

    stage.at(TOKEN, 200, "refresh");
    let fresh = stage.client.refresh(&tokens).await.unwrap();
    assert_eq!(fresh.refresh_token().unwrap().expose(), "shprt_samplerefresh0000000000000001");
    assert_eq!(
        stage.last(),
        format!(
            "{TOKEN}\naccept: application/json\n{FORM}\n\n\
             grant_type=refresh_token&refresh_token=shprt_samplerefresh0000000000000000&{IN_FORM}&expiring=1"
        )
    );
}

#[tokio::test]
async fn a_response_of_another_shop_is_refused() {
    let stage = stage();
    for shop in ["camelot.myshopify.com", "cameliard.myshopify.com.evil.example", ""] {
        assert_eq!(log_in(&stage, shop).await.1.unwrap_err().code(), "issuer_mismatch", "{shop}");
    }
    let unsigned = stage.log_in("code=code-1&shop=cameliard.myshopify.com&state=STATE").await.1;
    assert_eq!(unsigned.unwrap_err().code(), "signature");
    assert!(stage.wire.seen().is_empty(), "no code and no secret left this machine");
}

#[tokio::test]
async fn a_signed_parameter_does_not_swallow_its_neighbours() {
    let stage = stage();
    stage.at(TOKEN, 200, "token");
    let shop = "shop=cameliard.myshopify.com";
    // In each, the query has the letters of what was signed, but other parameters.
    for query in [
        "code=code-1%26host%3Dx&shop=cameliard.myshopify.com&state=STATE",
        "code%3Dcode-1%26host=x&shop=cameliard.myshopify.com&state=STATE",
        "code=code-1&host=x%26shop%3Dcameliard.myshopify.com&shop=cameliard.myshopify.com&state=STATE",
    ] {
        let login = stage.client.login().await.unwrap();
        let state = param(&login.url, "state").unwrap();
        let signed = query.replace("STATE", &state).replace("%26", "&").replace("%3D", "=");
        let query = format!("{}&hmac={}", query.replace("STATE", &state), tag(&signed));
        let error = stage.client.finish(login.pending, arrived(&query)).await.unwrap_err();
        assert_eq!(error.code(), "signature", "{query}");
    }
    assert!(stage.wire.seen().is_empty());
    // What Shopify signs: `%` and `&` escaped, `=` in names alone.
    let login = stage.client.login().await.unwrap();
    let state = param(&login.url, "state").unwrap();
    let signed = tag(&format!("a%3Db=c=d&code=1%25%262&{shop}&state={state}"));
    let query = format!("a%3Db=c%3Dd&code=1%25%262&{shop}&state={state}&hmac={signed}");
    stage.client.finish(login.pending, arrived(&query)).await.unwrap();
    assert!(stage.last().contains("&code=1%25%262&"), "{}", stage.last());
}

#[tokio::test]
async fn a_token_of_shopify_needs_neither_type_nor_expiry() {
    let stage = stage();
    stage.at(TOKEN, 200, "token");
    let tokens = log_in(&stage, "cameliard.myshopify.com").await.1.unwrap();
    assert_eq!(tokens.scopes().collect::<Vec<_>>(), ["read_products", "read_orders"]);
    assert_eq!(tokens.expires_at(), None);
    stage.at(PROFILE, 401, "profile_error");
    assert_eq!(stage.client.profile(&tokens).await.unwrap_err().status(), Some(401));
    stage.at(TOKEN, 400, "token_error");
    assert_eq!(log_in(&stage, "cameliard.myshopify.com").await.1.unwrap_err().code(), "invalid_request");
}

#[tokio::test]
async fn only_names_of_shops_are_shops() {
    let names = stage().sample("shop_names");
    let client = |shop: &str| {
        let http = stage().wire.http();
        vouchsafe::Client::new(providers::shopify(shop), crate::scenario::web(), &http)
    };
    for shop in names["accept"].as_array().unwrap() {
        assert!(client(shop.as_str().unwrap()).is_ok(), "{shop}");
    }
    for shop in names["refuse"].as_array().unwrap() {
        let error = client(shop.as_str().unwrap()).unwrap_err();
        assert_eq!(error.code(), "invalid_param", "{shop}");
        assert!(error.to_string().contains("lower case letters, digits and inner hyphens"), "{error}");
    }
}
