//! An API behind access tokens, from the login of its client to the claims in its handler, at the sandbox.
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use axum::routing::get;
use serde_json::Value;
use tower::ServiceExt as _;
use vouchsafe::{
    AccessTokenIssuer, Client, ClientCertificate, Http, PeerCertificate, Provider, Refusal, Registration,
    ResourceServer, SigningKey,
};
use vouchsafe_axum::{BearerClaims, Protected};
use vouchsafe_sandbox::{ClientConfig, Sandbox};

const API: &str = "https://api.example/v1";

async fn who(claims: BearerClaims) -> String {
    format!("{} by {}", claims.subject().unwrap(), claims.client_id().unwrap())
}

/// The API, nested as applications nest it.
fn app(api: &ResourceServer) -> Router {
    let protected = Protected::new(api).scope("email");
    let inner = Router::new().route("/who", get(who)).route_layer(protected.clone());
    let strict = Router::new().route("/strict", get(who)).route_layer(Protected::new(api).scope("admin"));
    Router::new().nest("/v1", inner.merge(strict)).merge(protected.metadata_route()).route("/open", get(who))
}

async fn ask(app: &Router, path: &str, token: Option<&str>) -> Response {
    let mut request = Request::get(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn text(response: Response) -> String {
    String::from_utf8(to_bytes(response.into_body(), 65536).await.unwrap().to_vec()).unwrap()
}

/// An access token that alice has allowed.
async fn token(sandbox: &Sandbox) -> String {
    let registration = Registration::new(sandbox.client_id())
        .secret(sandbox.client_secret())
        .redirect_uri("http://127.0.0.1:9/cb");
    let client =
        Client::new(Provider::openid(sandbox.issuer()), registration, &Http::new().unwrap()).unwrap();
    let login = client.login().await.unwrap();
    let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
    client.finish(login.pending, &callback).await.unwrap().access_token().expose().to_owned()
}

#[tokio::test]
async fn a_jwt_of_the_provider_opens_the_api() {
    let sandbox = Sandbox::builder().jwt_access_tokens(API).start().await.unwrap();
    let api = ResourceServer::builder(API).issuer(AccessTokenIssuer::jwt(sandbox.issuer()));
    let app = app(&api.build(&Http::new().unwrap()).unwrap());
    let token = token(&sandbox).await;
    let response = ask(&app, "/v1/who", Some(&token)).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(text(response).await, "sandbox-user-alice by sandbox-client");
    // New keys of the provider, which the API has not seen yet.
    sandbox.rotate_keys().await.unwrap();
    let newer = self::token(&sandbox).await;
    assert_eq!(ask(&app, "/v1/who", Some(&newer)).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_opaque_token_is_asked_about_and_an_id_token_opens_nothing() {
    let sandbox = Sandbox::start().await.unwrap();
    let registration = Registration::new(sandbox.client_id()).secret(sandbox.client_secret());
    let issuer = AccessTokenIssuer::introspection(sandbox.issuer(), registration);
    // The sandbox names the client as the audience of its opaque tokens.
    let api = ResourceServer::builder(API).audience(sandbox.client_id()).issuer(issuer);
    let app = app(&api.build(&Http::new().unwrap()).unwrap());
    let token = token(&sandbox).await;
    assert_eq!(ask(&app, "/v1/who", Some(&token)).await.status(), StatusCode::OK);
    assert_eq!(ask(&app, "/v1/who", Some("another")).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_refusal_has_its_status_challenges_and_reason() {
    let sandbox = Sandbox::builder().jwt_access_tokens(API).start().await.unwrap();
    let api = ResourceServer::builder(API).issuer(AccessTokenIssuer::jwt(sandbox.issuer()));
    let app = app(&api.build(&Http::new().unwrap()).unwrap());
    let response = ask(&app, "/v1/who", None).await;
    assert_eq!(
        (response.status(), &response.headers()["cache-control"]),
        (StatusCode::UNAUTHORIZED, &"no-store".parse().unwrap())
    );
    let challenges: Vec<_> =
        response.headers().get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect();
    let metadata = r#"resource_metadata="https://api.example/.well-known/oauth-protected-resource/v1""#;
    assert_eq!(challenges[0], format!(r#"Bearer scope="email", {metadata}"#));
    assert!(challenges[1].starts_with("DPoP "), "{challenges:?}");
    assert_eq!(
        text(response).await,
        r#"{"error":"token_required","error_description":"the request needs an access token"}"#
    );

    let response = ask(&app, "/v1/strict", Some(&token(&sandbox).await)).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let refusal = response.extensions().get::<Refusal>().unwrap();
    assert_eq!((refusal.code(), refusal.reason().unwrap().code()), (Some("insufficient_scope"), "scope"));
    let body: Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!(body["error"], "insufficient_scope");
}

#[tokio::test]
async fn a_provider_that_is_away_is_told_with_the_time_to_wait() {
    let api = ResourceServer::builder(API).issuer(AccessTokenIssuer::jwt("http://127.0.0.1:1"));
    let app = app(&api.build(&Http::new().unwrap()).unwrap());
    // A JWT that names this issuer: {"alg":"RS256"} and {"iss":"http://127.0.0.1:1"}.
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwOi8vMTI3LjAuMC4xOjEifQ.AAAA";
    let response = ask(&app, "/v1/who", Some(token)).await;
    assert_eq!(
        (response.status(), &response.headers()["retry-after"]),
        (StatusCode::SERVICE_UNAVAILABLE, &"30".parse().unwrap())
    );
    assert!(response.headers().get("www-authenticate").is_none());
}

#[tokio::test]
async fn everybody_reads_the_metadata_of_the_api() {
    let api = ResourceServer::builder(API).issuer(AccessTokenIssuer::jwt("https://as.example"));
    let app = app(&api.build(&Http::new().unwrap()).unwrap());
    let response = ask(&app, "/.well-known/oauth-protected-resource/v1", None).await;
    assert_eq!(
        (response.status(), &response.headers()["content-type"]),
        (StatusCode::OK, &"application/json".parse().unwrap())
    );
    let document: Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!(
        (&document["resource"], &document["authorization_servers"][0]),
        (&API.into(), &"https://as.example".into())
    );
}

#[tokio::test]
async fn a_handler_outside_the_layer_gets_no_claims() {
    let api = ResourceServer::builder(API).issuer(AccessTokenIssuer::jwt("https://as.example"));
    let app = app(&api.build(&Http::new().unwrap()).unwrap());
    assert_eq!(ask(&app, "/open", Some("token")).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn an_api_that_demands_nonces_is_called_by_a_client_with_a_key() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = format!("http://{}", listener.local_addr().unwrap());
    let sandbox = Sandbox::builder().jwt_access_tokens(&place).start().await.unwrap();
    let api = ResourceServer::builder(&place).issuer(AccessTokenIssuer::jwt(sandbox.issuer()));
    let api = api.require_dpop().require_dpop_nonces().build(&Http::new().unwrap()).unwrap();
    let app = Router::new().route("/who", get(who)).route_layer(Protected::new(&api));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });

    let key = SigningKey::from_pem(SigningKey::generate_pem("ES256").unwrap()).unwrap();
    let registration = Registration::new(sandbox.client_id())
        .secret(sandbox.client_secret())
        .dpop(key)
        .redirect_uri("http://127.0.0.1:9/cb");
    let http = Http::builder().no_proxy().build().unwrap();
    let client = Client::new(Provider::openid(sandbox.issuer()), registration, &http).unwrap();
    let login = client.login().await.unwrap();
    let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
    let tokens = client.finish(login.pending, &callback).await.unwrap();
    let call = async || {
        let request = Request::get(format!("{place}/who")).body(Vec::new()).unwrap();
        client.call_api(&tokens, request).await.unwrap()
    };
    // RFC 9449 §9: the first proof has no nonce, and the request goes once more.
    let response = call().await;
    assert_eq!(response.status(), StatusCode::OK);
    // RFC 9449 §8.2.
    assert!(response.headers()["dpop-nonce"].len() > 20);
    assert_eq!(call().await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_refused_proof_brings_the_nonce_of_the_api() {
    let sandbox = Sandbox::builder().jwt_access_tokens(API).start().await.unwrap();
    let api = ResourceServer::builder(API).issuer(AccessTokenIssuer::jwt(sandbox.issuer()));
    let api = api.require_dpop_nonces().build(&Http::new().unwrap()).unwrap();
    let response = ask(&app(&api), "/v1/who", None).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(response.headers()["dpop-nonce"].len() > 20);
    let open = ResourceServer::builder(API).issuer(AccessTokenIssuer::jwt(sandbox.issuer()));
    let open = open.build(&Http::new().unwrap()).unwrap();
    assert!(!ask(&app(&open), "/v1/who", None).await.headers().contains_key("dpop-nonce"));
}

#[tokio::test]
async fn the_certificate_of_the_connection_opens_the_api_for_a_token_that_is_bound_to_it() {
    let own = rcgen::generate_simple_self_signed(["bank".to_owned()]).unwrap();
    let (der, pem) = (own.cert.der().to_vec(), own.cert.pem() + &own.signing_key.serialize_pem());
    let config = ClientConfig::public("bank").certificate(own.cert.pem()).certificate_bound_access_tokens();
    let sandbox = Sandbox::builder().client(config).jwt_access_tokens(API).mtls().start().await.unwrap();
    let authority = sandbox.mtls_authority().unwrap().to_owned();
    let http = Http::builder().no_proxy().certificate_authority(authority).build().unwrap();
    let registration = Registration::new("bank")
        .redirect_uri("http://127.0.0.1:9/cb")
        .certificate(ClientCertificate::from_pem(pem).unwrap());
    let client = Client::new(Provider::openid(sandbox.issuer()), registration, &http).unwrap();
    let login = client.login().await.unwrap();
    let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
    let tokens = client.finish(login.pending, &callback).await.unwrap();

    let api = ResourceServer::builder(API).issuer(AccessTokenIssuer::jwt(sandbox.issuer()));
    let app = app(&api.build(&Http::new().unwrap()).unwrap());
    let ask = |certificate: Option<Vec<u8>>| {
        let mut request = Request::get("/v1/who")
            .header("authorization", format!("Bearer {}", tokens.access_token().expose()))
            .body(Body::empty())
            .unwrap();
        // What the server of the application does, which ends TLS.
        if let Some(der) = certificate {
            request.extensions_mut().insert(PeerCertificate::from_der(der));
        }
        app.clone().oneshot(request)
    };
    assert_eq!(ask(Some(der)).await.unwrap().status(), StatusCode::OK);
    assert_eq!(ask(None).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let other = rcgen::generate_simple_self_signed(["other".to_owned()]).unwrap();
    assert_eq!(ask(Some(other.cert.der().to_vec())).await.unwrap().status(), StatusCode::UNAUTHORIZED);
}
