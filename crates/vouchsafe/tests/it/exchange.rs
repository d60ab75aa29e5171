//! Token exchange (RFC 8693), the JWT bearer grant (RFC 7523 section 2.1), and client credentials (RFC 6749 section 4.4).
use serde_json::{Value, json};
use vouchsafe::http::Response;
use vouchsafe::{Client, Error, ExchangedToken, TokenType};

use crate::scenario::{Scenario, acme, web};
use crate::wire::{Wire, json};

fn client(answer: Response) -> (Client, Wire) {
    let wire = Wire::always(answer);
    (Client::new(acme(), web(), &wire.http()).unwrap(), wire)
}

fn issued(more: Value) -> Response {
    let mut usual = json!({
        "access_token": "issued-token", "token_type": "Bearer", "issued_token_type": TokenType::ACCESS_TOKEN.as_str(), "expires_in": 60,
    });
    for (name, value) in more.as_object().unwrap() {
        usual[name] = value.clone();
    }
    usual.as_object_mut().unwrap().retain(|_, value| *value != "absent");
    json(200, usual)
}

async fn exchanged(more: Value) -> Result<ExchangedToken, Error> {
    let (client, _) = client(issued(more));
    client.token_exchange("subject-token", TokenType::ACCESS_TOKEN).await
}

#[tokio::test]
async fn an_exchange_is_sent_to_the_letter() {
    // RFC 8693 §2.1.
    let (client, wire) = client(issued(json!({})));
    client
        .token_exchange("subject-token", TokenType::ACCESS_TOKEN)
        .actor("actor-token", TokenType::JWT)
        .requested_token_type(TokenType::ACCESS_TOKEN)
        .audience("billing")
        .audience("audit")
        .resource("https://api.example/a")
        .scopes(["read", "write"])
        .await
        .unwrap();
    assert_eq!(
        wire.only(),
        "POST https://acme.example/token\n\
         accept: application/json\n\
         authorization: Basic bXktY2xpZW50Om15LWNsaWVudC1zZWNyZXQ=\n\
         content-type: application/x-www-form-urlencoded\n\n\
         grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=subject-token&actor_token=actor-token&\
         subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token&\
         actor_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt&\
         requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token&\
         audience=billing&audience=audit&resource=https%3A%2F%2Fapi.example%2Fa&scope=read+write"
    );
}

#[tokio::test]
async fn without_an_actor_there_is_no_type_of_one() {
    // RFC 8693 §2.1: actor_token_type must not be sent without actor_token.
    let (client, wire) = client(issued(json!({})));
    client.token_exchange("subject-token", "urn:my:type").await.unwrap();
    assert!(!wire.only().contains("actor") && !wire.only().contains("requested"), "{}", wire.only());
    assert!(wire.only().contains("subject_token_type=urn%3Amy%3Atype"));
}

#[tokio::test]
async fn the_issued_token_says_what_it_is() {
    let token = exchanged(json!({"scope": "read"})).await.unwrap();
    assert_eq!(*token.issued_token_type(), TokenType::ACCESS_TOKEN);
    assert!(token.is_access_token() && token.expires_at().is_some());
    assert_eq!(token.scopes().collect::<Vec<_>>(), ["read"]);
    assert_eq!(token.into_tokens().unwrap().access_token().expose(), "issued-token");
    // RFC 8693 §2.2.1: N_A for what is no access token.
    for n_a in ["N_A", "n_a"] {
        let token = exchanged(json!({"token_type": n_a, "issued_token_type": TokenType::SAML2.as_str()}))
            .await
            .unwrap();
        assert!(!token.is_access_token());
        assert_eq!(token.expose(), "issued-token");
        assert!(!format!("{token:?}").contains("issued-token"));
        assert!(token.into_tokens().is_none());
    }
    // A JWT may be one.
    assert!(
        exchanged(json!({"issued_token_type": TokenType::JWT.as_str()})).await.unwrap().is_access_token()
    );
}

#[tokio::test]
async fn a_token_of_another_type_is_refused() {
    for (more, code) in [
        (json!({"issued_token_type": "absent"}), "missing_field"),
        (json!({"issued_token_type": null}), "missing_field"),
        (json!({"issued_token_type": 7}), "invalid_field"),
        (json!({"issued_token_type": ""}), "invalid_field"),
        (json!({"token_type": "N_A"}), "token_type"),
        (json!({"token_type": "DPoP"}), "token_type"),
        (json!({"token_type": "absent"}), "missing_field"),
        (json!({"access_token": "absent"}), "missing_field"),
        (json!({"error": "invalid_target"}), "invalid_target"),
    ] {
        let error = exchanged(more.clone()).await.unwrap_err();
        assert_eq!(error.code(), code, "{more}");
        assert!(!error.to_string().contains("issued-token"), "{error}");
    }
    let (client, _) = client(issued(json!({"issued_token_type": TokenType::JWT.as_str()})));
    let request = client.token_exchange("subject-token", TokenType::ACCESS_TOKEN);
    let error = request.requested_token_type(TokenType::SAML2).await.unwrap_err();
    assert_eq!(error.code(), "token_type");
}

#[tokio::test]
async fn n_a_is_a_type_in_an_exchange_alone() {
    // RFC 8693 §2.2.1.
    for kind in ["N_A", "n_a"] {
        let scenario = Scenario::openid().token("token_type", json!(kind));
        assert_eq!(scenario.verdict().await, "token_type");
        let (client, _) = client(json(200, json!({"access_token": "a", "token_type": kind})));
        assert_eq!(client.client_credentials().await.unwrap_err().code(), "token_type");
        assert_eq!(client.jwt_bearer("a.b.c").await.unwrap_err().code(), "token_type");
    }
}

#[tokio::test]
async fn an_assertion_is_sent_to_the_letter() {
    // RFC 7521 §4.1.
    // RFC 7523 §2.1.
    let (client, wire) = client(issued(json!({})));
    let tokens = client.jwt_bearer("a.b.c").scopes(["read"]).resource("https://api.example").await.unwrap();
    assert_eq!(tokens.scopes().collect::<Vec<_>>(), ["read"]);
    assert_eq!(
        wire.only(),
        "POST https://acme.example/token\n\
         accept: application/json\n\
         authorization: Basic bXktY2xpZW50Om15LWNsaWVudC1zZWNyZXQ=\n\
         content-type: application/x-www-form-urlencoded\n\n\
         grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=a.b.c&scope=read&resource=https%3A%2F%2Fapi.example"
    );
}

#[tokio::test]
async fn no_error_and_no_debug_output_shows_a_token() {
    let said = "no subject-token, actor-token or a.secret.jwt here";
    let (client, _) = client(json(400, json!({"error": "invalid_request", "error_description": said})));
    let exchange =
        client.token_exchange("subject-token", TokenType::JWT).actor("actor-token", TokenType::JWT);
    let bearer = client.jwt_bearer("a.secret.jwt");
    assert_eq!(format!("{exchange:?} {bearer:?}"), "TokenExchange(…) JwtBearer(…)");
    let error = exchange.await.unwrap_err();
    assert!(
        !error.to_string().contains("subject-token") && !error.to_string().contains("actor-token"),
        "{error}"
    );
    assert!(!bearer.await.unwrap_err().to_string().contains("a.secret.jwt"));
}

#[tokio::test]
async fn own_parameters_and_false_resources_are_refused() {
    let (client, wire) = client(issued(json!({})));
    for name in [
        "grant_type",
        "scope",
        "subject_token",
        "actor_token",
        "requested_token_type",
        "client_id",
        "client_assertion_type",
    ] {
        let request = client.token_exchange("t", TokenType::JWT).param(name, "x");
        assert_eq!(request.await.unwrap_err().code(), "reserved_param", "{name}");
    }
    assert_eq!(
        client.jwt_bearer("a.b.c").param("assertion", "x").await.unwrap_err().code(),
        "reserved_param"
    );
    // RFC 8693 §2.1, RFC 8707 §2: absolute, without a fragment.
    for uri in ["/api", "api.example", "https://api.example/#x", "https://api.example/ x"] {
        for error in [
            client.token_exchange("t", TokenType::JWT).resource(uri).await.unwrap_err(),
            client.jwt_bearer("a.b.c").resource(uri).await.unwrap_err(),
            client.client_credentials().resource(uri).await.unwrap_err(),
        ] {
            assert_eq!(error.code(), "resource", "{uri}");
        }
    }
    assert!(wire.seen().is_empty());
}

#[cfg(feature = "transport")]
#[tokio::test]
async fn tokens_go_from_grant_to_grant_at_the_sandbox() {
    use vouchsafe::{Http, Provider, Registration};
    let sandbox = vouchsafe_sandbox::Sandbox::start().await.unwrap();
    let registration = Registration::new(sandbox.client_id())
        .secret(sandbox.client_secret())
        .redirect_uri("http://127.0.0.1:9/cb");
    let client =
        Client::new(Provider::openid(sandbox.issuer()), registration, &Http::new().unwrap()).unwrap();
    let login = client.login().await.unwrap();
    let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
    let tokens = client.finish(login.pending, &callback).await.unwrap();

    let subject = tokens.access_token().expose();
    let narrower = client.token_exchange(subject, TokenType::ACCESS_TOKEN).scopes(["email"]).await.unwrap();
    assert_eq!(narrower.scopes().collect::<Vec<_>>(), ["email"]);
    let narrower = narrower.into_tokens().unwrap();
    assert_eq!(client.introspect(&narrower).await.unwrap()["username"], "alice");
    let more =
        client.token_exchange(narrower.access_token().expose(), TokenType::ACCESS_TOKEN).scopes(["profile"]);
    assert_eq!(more.await.unwrap_err().code(), "invalid_scope");

    // An assertion is no access token, and brings one.
    let id_token = tokens.id_token().unwrap().expose();
    let exchange =
        client.token_exchange(id_token, TokenType::ID_TOKEN).actor(subject, TokenType::ACCESS_TOKEN);
    let assertion = exchange.requested_token_type(TokenType::JWT).await.unwrap();
    assert!(!assertion.is_access_token());
    let tokens = client.jwt_bearer(assertion.expose()).scopes(["email"]).await.unwrap();
    assert_eq!(client.introspect(&tokens).await.unwrap()["username"], "alice");
    assert_eq!(client.jwt_bearer("not.an.assertion").await.unwrap_err().code(), "invalid_grant");

    let own = client.client_credentials().scopes(["reports"]).await.unwrap();
    let facts = client.introspect(&own).await.unwrap();
    assert_eq!((&facts["active"], &facts["scope"]), (&json!(true), &json!("reports")));
}
