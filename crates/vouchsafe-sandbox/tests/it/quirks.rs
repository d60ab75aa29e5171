//! The quirks of providers, one by one: each is kept, and a request that departs from it is refused.

use serde_json::json;
use vouchsafe_providers::Encoding;

use crate::player::{Player, own, pairs};
use crate::scenario::{REDIRECT_URI, Scenario, claims, query_value};

#[tokio::test]
async fn every_url_is_moved_and_keeps_its_query_and_marks() {
    let scenario = Scenario::new().await;
    let toml = r#"
        kind = "openid"
        issuer = "https://login.own.example/{tenant}"
        issuer_aliases = ["https://old.own.example"]
        issuer_template = "https://login.own.example/{tid}/v2"
        discovery = "https://own.example/.well-known/openid-configuration?p={tenant}"
        userinfo_endpoint = "https://login.own.example/me?fields=id,name"
        [long_lived]
        endpoint = "https://graph.own.example/long"
        grant_type = "long"
        token_name = "token"
        [identity.emails]
        endpoint = "https://api.own.example/emails"
        email = "/email"
        [params.tenant]
        rule = "label"
        example = "acme"
    "#;
    let moved = Player::own(&scenario, toml).await.definition;
    let base = format!("{}/act/own", scenario.sandbox.issuer());
    assert_eq!(moved.issuer.unwrap(), format!("{base}/login.own.example/{{tenant}}"));
    assert_eq!(moved.issuer_aliases, [format!("{base}/old.own.example")]);
    assert_eq!(moved.issuer_template.unwrap(), format!("{base}/login.own.example/{{tid}}/v2"));
    let document = format!("{base}/own.example/.well-known/openid-configuration?p={{tenant}}");
    assert_eq!(moved.discovery.unwrap(), document);
    assert_eq!(moved.userinfo_endpoint.unwrap(), format!("{base}/login.own.example/me?fields=id,name"));
    assert_eq!(moved.long_lived.unwrap().endpoint.unwrap(), format!("{base}/graph.own.example/long"));
    assert_eq!(moved.identity.emails.unwrap().endpoint.unwrap(), format!("{base}/api.own.example/emails"));
}

#[tokio::test]
async fn pages_name_the_provider_that_the_sandbox_acts_as() {
    let scenario = Scenario::new().await;
    let player = Player::new(&scenario, "github").await;
    let page = player.get(&player.authorization_url(&[])).await;
    assert!(page.body.contains("The sandbox acts as <strong>GitHub</strong>"), "{}", page.body);
    assert!(page.body.contains("fault-html"));
    assert!(!page.body.contains("fault-wrong-nonce"), "there is no ID token that could have one");
    let google = Player::new(&scenario, "google").await;
    assert!(google.get(&google.authorization_url(&[])).await.body.contains("fault-wrong-nonce"));
}

#[tokio::test]
async fn unknown_paths_and_clients_are_refused_with_a_page() {
    let scenario = Scenario::new().await;
    let player = Player::new(&scenario, "github").await;
    for path in ["/act/no-such-provider/x", "/act/github/github.com/elsewhere", "/act/github/github.com"] {
        assert_eq!(scenario.get(path).await.status, 404, "{path}");
    }
    for change in [("client_id", "somebody"), ("client_id", ""), ("redirect_uri", "https://evil.example/")] {
        assert_eq!(player.get(&player.authorization_url(&[change])).await.status, 400, "{change:?}");
    }
}

#[tokio::test]
async fn parameters_have_the_provider_s_names_and_no_other() {
    let scenario = Scenario::new().await;
    let toml = own(r#"
        client_auth = "client_secret_post"
        scope_separator = ","
        scopes = ["a", "b"]
        [authorization]
        names = { client_id = "client_key", scope = "user_scope" }
        params = { access_type = "offline" }
        [token]
        names = { client_id = "client_key", redirect_uri = "" }
        grant_types = { authorization_code = "web_server" }
        params = { flavour = "sweet" }
        headers = { "x-client" = "{client_id}" }
        scope_separators = " ,"
    "#);
    let player = Player::own(&scenario, &toml).await;
    let answer = player.login("alice").await;
    assert_eq!(answer.tokens["scope"], "a,b");
    let url = player.authorization_url(&[("client_key", ""), ("client_id", player.acted.client_id())]);
    assert_eq!(player.get(&url).await.status, 400);
    let refused = scenario.person().allow(&player.authorization_url(&[("access_type", "")])).await.unwrap();
    assert_eq!(query_value(&refused, "error").as_deref(), Some("invalid_request"));
    for (name, value, error) in [
        ("grant_type", "authorization_code", "unsupported_grant_type"),
        ("flavour", "sour", "invalid_request"),
        ("client_key", "", "invalid_client"),
    ] {
        let callback = player.callback("alice").await;
        let answer = player.redeem(&callback, &[(name, value)]).await;
        assert_eq!(answer.whole["error"], error, "{name}");
    }
    let callback = player.callback("alice").await;
    let (params, _) = player.code_request(&callback, &[]);
    let token = player.definition.token_endpoint.clone().unwrap();
    let reply = player.send(&token, Encoding::Form, None, &[], params).await;
    assert!(reply.body.contains("x-client"), "{}", reply.body);
}

#[tokio::test]
async fn token_request_needs_the_scopes_if_the_definition_says_so() {
    let scenario = Scenario::new().await;
    let toml = own("scope_separator = \",\"\nscopes = [\"a\", \"b\"]\n[token]\nscope = true");
    let player = Player::own(&scenario, &toml).await;
    let callback = player.callback("alice").await;
    for wrong in ["", "a", "a b", "a,b,c"] {
        let answer = player.redeem(&callback, &[("scope", wrong)]).await;
        assert_eq!(answer.whole["error"], "invalid_request", "{wrong}");
    }
    assert_eq!(player.redeem(&callback, &[]).await.reply.status, 200);
}

#[tokio::test]
async fn another_encoding_is_refused() {
    let scenario = Scenario::new().await;
    let encodings = [("form", Encoding::Form), ("json", Encoding::Json), ("query", Encoding::Query)];
    for (word, encoding) in encodings {
        let player = Player::own(&scenario, &own(&format!("[token]\nencoding = \"{word}\""))).await;
        assert_eq!(player.login("alice").await.reply.status, 200, "{word}");
        let callback = player.callback("alice").await;
        let (params, headers) = player.code_request(&callback, &[]);
        let token = player.definition.token_endpoint.clone().unwrap();
        for (_, other) in encodings.into_iter().filter(|(_, other)| *other != encoding) {
            let reply = player.send(&token, other, None, &headers, params.clone()).await;
            assert_eq!(reply.json()["error"], "invalid_request", "{word} sent as {other:?}");
        }
    }
}

#[tokio::test]
async fn another_client_authentication_is_refused() {
    let scenario = Scenario::new().await;
    let methods = ["client_secret_basic", "client_secret_post", "none"];
    for method in methods {
        for other in methods {
            let toml = own(&format!("client_auth = \"{other}\"\n"));
            let mut player = Player::own(&scenario, &toml).await;
            let known = Player::own(&scenario, &own(&format!("client_auth = \"{method}\"\n"))).await;
            player.acted = known.acted;
            let answer = player.login("alice").await;
            if method == other {
                assert_eq!(answer.reply.status, 200, "{method}: {}", answer.whole);
            } else {
                assert_eq!(answer.reply.status, 401, "{other} at {method}: {}", answer.whole);
                assert_eq!(answer.whole["error"], "invalid_client");
            }
        }
    }
}

#[tokio::test]
async fn pkce_is_as_the_definition_has_it() {
    let scenario = Scenario::new().await;
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    let with = [("code_challenge", crate::scenario::CHALLENGE), ("code_challenge_method", "S256")];
    for (pkce, change, fits) in [
        ("supported", &without, true),
        ("supported", &with, true),
        ("required", &without, false),
        ("required", &with, true),
        ("unsupported", &without, true),
        ("unsupported", &with, false),
        ("hex", &with, false),
        ("hex", &without, false),
    ] {
        let player = Player::own(&scenario, &own(&format!("pkce = \"{pkce}\"\n"))).await;
        let callback = scenario.person().allow(&player.authorization_url(change)).await.unwrap();
        assert_eq!(query_value(&callback, "code").is_some(), fits, "{pkce} {change:?}: {callback}");
    }
    let player = Player::own(&scenario, &own("pkce = \"hex\"\n")).await;
    assert_eq!(player.login("alice").await.reply.status, 200);
    let callback = player.callback("alice").await;
    let wrong =
        player.redeem(&callback, &[("code_verifier", "wrong-verifier-wrong-verifier-wrong-verifier")]).await;
    assert_eq!(wrong.whole["error"], "invalid_grant");
}

#[tokio::test]
async fn callback_has_suffix_forwarded_parameters_and_signature() {
    let scenario = Scenario::new().await;
    let toml = r##"
        kind = "oauth2"
        authorization_endpoint = "https://{shop}.own.example/authorize"
        token_endpoint = "https://{shop}.own.example/token"
        [callback]
        code_suffix = "#_"
        forward = ["device_id", "state"]
        hmac = "hmac"
        expect = { shop = "{shop}.own.example" }
        [params.shop]
        rule = "label"
        example = "teapots"
    "##;
    let player = Player::own(&scenario, toml).await;
    let callback = player.callback("alice").await;
    assert!(query_value(&callback, "code").unwrap().ends_with("#_"));
    assert_eq!(query_value(&callback, "shop").as_deref(), Some("teapots.own.example"));
    assert_eq!(query_value(&callback, "hmac").unwrap().len(), 64);
    assert!(query_value(&callback, "timestamp").is_some());
    for name in ["device_id", "state"] {
        let answer = player.redeem(&callback, &[(name, "another")]).await;
        assert_eq!(answer.whole["error"], "invalid_request");
    }
    assert_eq!(player.redeem(&callback, &[]).await.reply.status, 200);
}

#[tokio::test]
async fn responses_are_wrapped_renamed_and_labelled() {
    let scenario = Scenario::new().await;
    let toml = own(r#"
        [token]
        response = ["/data/0", ""]
        response_names = { access_token = "accessToken", refresh_token = "refreshToken" }
        content_types = ["text/javascript"]
        expires_in_milliseconds = true
        token_type_absent = true
        error_codes = { code_expired = "invalid_grant" }
        [token.failure]
        code = "/errcode"
        success = ["0"]
        description = "/errmsg"
    "#);
    let player = Player::own(&scenario, &toml).await;
    let answer = player.login("alice").await;
    assert_eq!(answer.reply.header("content-type"), Some("text/javascript"));
    assert_eq!(answer.whole["errcode"], 0);
    let inner = &answer.whole["data"][0];
    assert_eq!(inner["expires_in"], 3_600_000);
    assert!(inner["accessToken"].is_string() && inner["refreshToken"].is_string());
    assert!(inner.get("token_type").is_none() && inner.get("access_token").is_none());

    // What comes later is wrapped in the other way.
    let refreshed = player.refresh(&answer.tokens, &[]).await;
    assert!(refreshed.whole["accessToken"].is_string(), "{}", refreshed.whole);
    assert!(refreshed.whole.get("data").is_none());

    let callback = player.callback("alice").await;
    let refused = player.redeem(&callback, &[("code", "wrong")]).await;
    assert_eq!(refused.reply.status, 200);
    assert_eq!(refused.whole, json!({ "errcode": "code_expired", "errmsg": "the code is unknown" }));
}

#[tokio::test]
async fn response_is_a_form_unless_json_is_requested() {
    let scenario = Scenario::new().await;
    let player = Player::own(&scenario, &own("[token]\nform_response = true")).await;
    assert_eq!(player.login("alice").await.reply.header("content-type"), Some("application/json"));
    let callback = player.callback("alice").await;
    let (params, mut headers) = player.code_request(&callback, &[]);
    headers.extend(pairs(&[("accept", "*/*")]));
    let token = player.definition.token_endpoint.clone().unwrap();
    let reply = player.send(&token, Encoding::Form, None, &headers, params).await;
    assert!(reply.body.contains("access_token=sandbox-at-"), "{}", reply.body);
    assert!(reply.header("content-type").unwrap().starts_with("application/x-www-form-urlencoded"));
}

#[tokio::test]
async fn refreshing_has_quirks_of_its_own() {
    let scenario = Scenario::new().await;
    let toml = own(r#"
        scopes = ["a"]
        refresh_endpoint = "https://own.example/refresh"
        [refreshing]
        encoding = "query"
        names = { refresh_token = "old" }
        params = { again = "yes" }
        redirect_uri = true
        scope = true
        forward = ["device_id"]
        [callback]
        forward = ["device_id", "state"]
    "#);
    let player = Player::own(&scenario, &toml).await;
    let tokens = player.login("alice").await.tokens;
    for missing in ["redirect_uri", "scope", "again", "old", "device_id"] {
        assert_eq!(player.refresh(&tokens, &[(missing, "")]).await.reply.status, 400, "{missing}");
    }
    let refreshed = player.refresh(&tokens, &[]).await;
    assert_eq!(refreshed.reply.status, 200, "{}", refreshed.whole);
    assert_eq!(player.refresh(&tokens, &[]).await.whole["error"], "invalid_grant");

    let player = Player::own(
        &scenario,
        &own("[refreshing]\naccess_token = true\nnames = { refresh_token = \"access_token\" }"),
    )
    .await;
    let tokens = player.login("alice").await.tokens;
    assert!(tokens.get("refresh_token").is_none());
    assert_eq!(player.refresh(&tokens, &[]).await.reply.status, 200);

    let player = Player::own(&scenario, &own("refresh = false\n")).await;
    assert!(player.login("alice").await.tokens.get("refresh_token").is_none());
}

#[tokio::test]
async fn revocation_has_quirks_of_its_own() {
    let scenario = Scenario::new().await;
    let endpoint = "revocation_endpoint = \"https://own.example/token\"\n";
    let toml = own(&format!(
        "{endpoint}revocation_auth = \"client_secret_post\"\n[revocation]\nencoding = \"query\"\nmethod = \"GET\"\n\
         token_name = \"access_token\"\nparams = {{ grant_type = \"delete\" }}\nonly = \"access_token\"\n\
         [revocation.failure]\ncode = \"/result\"\nsuccess = [\"success\"]"
    ));
    let player = Player::own(&scenario, &toml).await;
    let answer = player.login("alice").await;
    let refused = player.revoke(answer.tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(refused.json()["result"], "unsupported_token_type");
    let reply = player.revoke(answer.tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(reply.json(), json!({ "result": "success" }));
    assert_eq!(player.ask(&answer, &[]).await.status, 401);

    let toml = own(&format!(
        "{endpoint}[revocation]\nbearer = true\ntoken_name = \"\"\nparams = {{ really = \"yes\" }}"
    ));
    let player = Player::own(&scenario, &toml).await;
    let answer = player.login("alice").await;
    assert_eq!(player.revoke(answer.tokens["access_token"].as_str().unwrap()).await.status, 200);
    assert_eq!(player.ask(&answer, &[]).await.status, 401);
}

#[tokio::test]
async fn revocation_has_names_of_its_own() {
    let scenario = Scenario::new().await;
    let toml =
        own("revocation_endpoint = \"https://own.example/revoke\"\nclient_auth = \"client_secret_post\"\n\
         [revocation]\nnames = { client_id = \"client_key\", token = \"old\" }");
    let mut player = Player::own(&scenario, &toml).await;
    let answer = player.login("alice").await;
    let token = answer.tokens["access_token"].as_str().unwrap();
    let names = std::mem::take(&mut player.definition.revocation.names);
    assert_eq!(player.revoke(token).await.json()["error"], "invalid_client");
    player.definition.revocation.names.insert("client_id".into(), "client_key".into());
    assert_eq!(player.revoke(token).await.json()["error"], "invalid_request");
    player.definition.revocation.names = names;
    assert_eq!(player.revoke(token).await.status, 200);
    assert_eq!(player.ask(&answer, &[]).await.status, 401);
}

#[tokio::test]
async fn order_of_the_authorization_parameters_is_checked_if_the_definition_has_one() {
    let scenario = Scenario::new().await;
    let toml = own("scopes = [\"a\"]\n[authorization]\nnames = { client_id = \"appid\" }\n\
         order = [\"client_id\", \"redirect_uri\", \"response_type\", \"scope\"]");
    let mut player = Player::own(&scenario, &toml).await;
    let url = player.authorization_url(&[]);
    let places = ["appid=", "redirect_uri=", "response_type=", "scope="].map(|name| url.find(name).unwrap());
    assert!(places.is_sorted(), "{url}");
    assert!(query_value(&player.callback("alice").await, "code").is_some());
    player.definition.authorization.order.clear();
    let refused = player.callback("alice").await;
    assert_eq!(query_value(&refused, "error").as_deref(), Some("invalid_request"));
}

#[tokio::test]
async fn short_lived_token_becomes_a_long_lived_one() {
    let scenario = Scenario::new().await;
    let toml = own(
        "client_auth = \"client_secret_post\"\n[long_lived]\nencoding = \"query\"\ngrant_type = \"swap\"\ntoken_name = \"swap_token\"",
    );
    let player = Player::own(&scenario, &toml).await;
    let answer = player.login("alice").await;
    let long = player.long_lived(&answer.tokens).await;
    assert_eq!(long.tokens["expires_in"], 60 * 24 * 3600, "{}", long.whole);
    scenario.sandbox.advance_clock(std::time::Duration::from_secs(24 * 3600));
    assert_eq!(player.ask(&answer, &[]).await.status, 401);
    assert_eq!(player.ask(&long, &[]).await.status, 200);
}

#[tokio::test]
async fn tenants_share_one_document_and_tokens_name_their_tenant() {
    let scenario = Scenario::new().await;
    let toml = r#"
        kind = "openid"
        issuer = "https://login.own.example/{tenant}/v2.0"
        issuer_template = "https://login.own.example/{tid}/v2.0"
        scopes = ["openid"]
        nonce = false
        [identity]
        subject = ["/oid", "/sub"]
        [params.tenant]
        rule = "segment"
        default = "common"
    "#;
    let player = Player::own(&scenario, toml).await;
    let base = format!("{}/act/own/login.own.example", scenario.sandbox.issuer());
    assert_eq!(player.metadata()["issuer"], format!("{base}/{{tenantid}}/v2.0"));
    let claims = claims(&player.login("alice").await.tokens["id_token"]);
    assert_eq!(claims["iss"], format!("{base}/{}/v2.0", claims["tid"].as_str().unwrap()));
    assert_ne!(claims["tid"], "common");
    assert!(claims.get("nonce").is_none(), "this provider sends no nonce back");

    // Who asks for one tenant gets the document of that one.
    let tenant = "0b0b0b0b-0000-4000-8000-00000000cafe";
    let one = format!("{base}/{tenant}/v2.0");
    let document = player.get(&format!("{one}/.well-known/openid-configuration")).await.json();
    assert_eq!(document["issuer"], one);
    assert!(claims["oid"].is_string() && claims["sub"].is_string());

    // A domain is one tenant's, and the document tells whose.
    let document = format!("{base}/contoso.example/v2.0/.well-known/openid-configuration");
    let document = player.get(&document).await.json();
    assert_eq!(document["issuer"], claims["iss"]);
}

#[tokio::test]
async fn openid_provider_is_found_by_its_moved_issuer() {
    let scenario = Scenario::new().await;
    let player = Player::new(&scenario, "google").await;
    let issuer = player.definition.issuer.clone().unwrap();
    assert_eq!(player.metadata()["issuer"], issuer);
    let path = issuer.strip_prefix(scenario.sandbox.issuer()).unwrap();
    let other = scenario.get(&format!("/.well-known/oauth-authorization-server{path}")).await;
    assert_eq!(other.json()["issuer"], issuer);
    let keys = player.get(player.metadata()["jwks_uri"].as_str().unwrap()).await.json();
    assert_eq!(keys, scenario.get("/jwks").await.json());
}

#[tokio::test]
async fn requests_to_acted_providers_are_recorded_and_follow_the_clock() {
    let scenario = Scenario::new().await;
    let player = Player::new(&scenario, "github").await;
    let callback = player.callback("alice").await;
    scenario.sandbox.advance_clock(std::time::Duration::from_secs(61));
    assert_eq!(player.redeem(&callback, &[]).await.whole["error"], "bad_verification_code");
    let requests = scenario.sandbox.requests_to("/act/github/github.com/login/oauth/access_token");
    assert_eq!(requests[0].form_value("redirect_uri").as_deref(), Some(REDIRECT_URI));
}

#[tokio::test]
async fn code_of_one_provider_is_useless_at_another() {
    let scenario = Scenario::new().await;
    let github = Player::new(&scenario, "github").await;
    let own = Player::own(&scenario, &own("")).await;
    let callback = github.callback("alice").await;
    assert_eq!(own.redeem(&callback, &[]).await.whole["error"], "invalid_grant");
    let answer = github.redeem(&callback, &[]).await;
    assert_eq!(own.ask(&answer, &[]).await.status, 401);
    let token = answer.tokens["access_token"].as_str().unwrap();
    assert_eq!(scenario.userinfo(token).await.status, 401);
    assert_eq!(scenario.introspect(token).await["active"], false);
    assert_eq!(github.redeem(&callback, &[]).await.whole["error"], "bad_verification_code");
    assert_eq!(github.ask(&answer, &[]).await.status, 401, "a code used twice ends its tokens");
}

#[tokio::test]
async fn key_of_a_directory_names_the_issuer_that_it_may_sign_for() {
    let scenario = Scenario::new().await;
    let player = Player::new(&scenario, "microsoft").await;
    let metadata = player.metadata();
    let keys = player.get(metadata["jwks_uri"].as_str().unwrap()).await.json();
    for key in keys["keys"].as_array().unwrap() {
        assert_eq!(key["issuer"], metadata["issuer"]);
    }
    // Nobody else's key does.
    assert!(scenario.get("/jwks").await.json()["keys"][0]["issuer"].is_null());
}
