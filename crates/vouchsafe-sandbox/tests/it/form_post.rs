//! Authorization responses that the browser posts, OAuth 2.0 Form Post Response Mode.

use serde_json::{Value, json};
use vouchsafe_sandbox::{ClientConfig, Sandbox};

use crate::player::Player;
use crate::scenario::{Reply, Scenario, query_value};

const FORM_POST: (&str, &str) = ("response_mode", "form_post");

async fn get(scenario: &Scenario, url: &str) -> Reply {
    scenario.get(url.strip_prefix(scenario.sandbox.issuer()).unwrap()).await
}

#[tokio::test]
async fn the_response_is_a_form_that_posts_itself() {
    let scenario = Scenario::new().await;
    let url = scenario.authorization_url(&[FORM_POST, ("prompt", "none"), ("state", "<\"s&t\">")]);
    let page = get(&scenario, &url).await;
    assert_eq!(page.status, 200, "it is no redirect");
    assert_eq!(page.header("location"), None);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let form = page.body.split_once("<form ").unwrap().1.split_once("</form>").unwrap().0;
    assert!(form.starts_with("method=\"post\" action=\"http://127.0.0.1:3000/callback\">"), "{form}");
    for field in [
        "name=\"error\" value=\"login_required\"",
        "name=\"state\" value=\"&lt;&quot;s&amp;t&quot;&gt;\"",
        &format!("name=\"iss\" value=\"{}\"", scenario.sandbox.issuer()),
    ] {
        assert!(form.contains(field), "{field} in {form}");
    }
    assert!(form.contains("<button"), "for browsers without script");
}

#[tokio::test]
async fn policy_allows_its_one_script_and_no_other() {
    let scenario = Scenario::new().await;
    let page = get(&scenario, &scenario.authorization_url(&[FORM_POST, ("prompt", "none")])).await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    // openssl dgst -sha256 -binary | base64, of what stands in the page.
    assert!(page.body.contains("<script>document.forms[0].submit()</script>"), "{}", page.body);
    assert!(
        policy.ends_with("; script-src 'sha256-ePniVEkSivX/c7XWBGafqh8tSpiRrKiqYeqbG7N1TOE='"),
        "{policy}"
    );
    assert_eq!(page.body.matches("<script").count(), 1);
    assert!(!policy.contains("form-action") && !policy.contains("unsafe"), "{policy}");
}

#[tokio::test]
async fn a_person_gets_the_form_as_a_query() {
    let shop = ClientConfig::confidential("shop", "secret").redirect_uri("https://shop.example/cb?tenant=a");
    let scenario = Scenario::with(Sandbox::builder().client(shop)).await;
    let callback = scenario.person().allow(&scenario.authorization_url(&[FORM_POST])).await.unwrap();
    assert_eq!(query_value(&callback, "state").unwrap(), "the state");
    let code = query_value(&callback, "code").unwrap();
    assert_eq!(scenario.redeem(&code, &[]).await.status, 200);
    let denied = scenario.person().deny(&scenario.authorization_url(&[FORM_POST])).await.unwrap();
    assert_eq!(query_value(&denied, "error").unwrap(), "access_denied");
    let own = [FORM_POST, ("client_id", "shop"), ("redirect_uri", "https://shop.example/cb?tenant=a")];
    let callback = scenario.person().allow(&scenario.authorization_url(&own)).await.unwrap();
    assert!(callback.starts_with("https://shop.example/cb?tenant=a&code="), "{callback}");
}

#[tokio::test]
async fn the_mode_is_announced() {
    let scenario = Scenario::new().await;
    let metadata = scenario.get("/.well-known/openid-configuration").await.json();
    let with_signed = json!(["query", "form_post", "jwt", "query.jwt", "form_post.jwt"]);
    assert_eq!(metadata["response_modes_supported"], with_signed);
    let apple = Player::new(&scenario, "apple").await;
    assert_eq!(apple.metadata()["response_modes_supported"], json!(["query", "form_post"]));
}

#[tokio::test]
async fn apple_responds_with_a_form_if_a_scope_is_requested() {
    let scenario = Scenario::new().await;
    let apple = Player::new(&scenario, "apple").await;
    let page = get(&scenario, &apple.authorization_url(&[("prompt", "none")])).await;
    assert!(
        page.status == 200 && page.body.contains("<form method=\"post\" action=\"http://127.0.0.1:3000/")
    );
    for (mode, scope, error) in [
        ("query", "openid name", Some("invalid_request")),
        ("query", "openid", None),
        ("fragment", "openid", Some("invalid_request")),
    ] {
        let url = apple.authorization_url(&[("response_mode", mode), ("scope", scope)]);
        let callback = scenario.person().allow(&url).await.unwrap();
        assert_eq!(query_value(&callback, "error").as_deref(), error, "{mode} {scope}");
    }
}

#[tokio::test]
async fn apple_sends_the_name_with_the_first_response_only() {
    let scenario = Scenario::new().await;
    let apple = Player::new(&scenario, "apple").await;
    let nameless = apple.authorization_url(&[("scope", "openid email")]);
    let callback = scenario.person().allow(&nameless).await.unwrap();
    assert_eq!(query_value(&callback, "user"), None, "nobody asked");
    let callback = apple.callback("alice").await;
    let user: Value = serde_json::from_str(&query_value(&callback, "user").unwrap()).unwrap();
    let expected =
        json!({ "name": { "firstName": "Alice", "lastName": "Liddell" }, "email": "alice@example.com" });
    assert_eq!(user, expected);
    assert_eq!(query_value(&apple.callback("alice").await, "user"), None);
    let carol = query_value(&apple.callback("carol").await, "user").unwrap();
    assert_eq!(carol, r#"{"name":{"firstName":"Carol","lastName":"Kennicott"}}"#);
}
