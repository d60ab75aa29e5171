//! The relying party of a task: its client at the provider, from a registration that is there or that is made.
use serde_json::{Value, json};
use vouchsafe::{
    Client, ClientAuth, ClientBuilder, ClientCertificate, ClientMetadata, Credential, Http, Profile,
    Provider, RegisteredClient, Registration, SigningKey,
};

use crate::failure::Failure;
use crate::task::Task;

/// Fetches the metadata of the provider.
pub(crate) async fn provider(task: &Task, http: &Http) -> Result<Provider, Failure> {
    let provider = Provider::openid(&task.issuer);
    let provider =
        if task.is_module("-userinfo-bearer-body") { provider.userinfo_token_in_body() } else { provider };
    Ok(provider.fetch_metadata(http).await?)
}

/// Makes the client, and registers it before if the task says so.
pub(crate) async fn client(task: &Task, provider: Provider, http: &Http) -> Result<Client, Failure> {
    let registration = match task.variant("client_registration") {
        "dynamic_client" => {
            let key = new_key("RS256")?;
            let registered = register(task, &provider, &key, http).await?;
            // A provider that registers another algorithm than the requested one cannot weaken the client.
            let registration = registered.registration().redirect_uri(&*task.redirect_uri);
            let registration = registration.id_token_algorithms([id_token_algorithm(task)]);
            match method(task) {
                "private_key_jwt" => registration.credential(Credential::private_key(key)),
                _ => registration.request_key(key),
            }
        }
        _ => known(task)?,
    };
    Ok(strong(task, Client::builder(provider, registration))?.build(http)?)
}

/// Registers a client with a key for its requests.
pub(crate) async fn register(
    task: &Task,
    provider: &Provider,
    key: &SigningKey,
    http: &Http,
) -> Result<RegisteredClient, Failure> {
    let method = ClientAuth::from_name(method(task))
        .ok_or_else(|| Failure::Unsupported(format!("client_auth_type {}", method(task))))?;
    let grants: &[_] = if task.flow == "refresh" {
        &["authorization_code", "refresh_token"]
    } else {
        &["authorization_code"]
    };
    let mut metadata = ClientMetadata::new()
        .redirect_uri(&*task.redirect_uri)
        .response_types(["code"])
        .grant_types(grants.iter().copied())
        .client_auth(method)
        .id_token_signed_response_alg(id_token_algorithm(task))
        .jwks(json!({"keys": [key.public_jwk()]}));
    if task.variant("request_type") == "request_uri" {
        let alg = if is_unsigned(task) { "none" } else { "RS256" };
        // Each login serves its request at a path of its own below this URL.
        metadata = metadata.request_uri(task.own_url("/request/")).request_object_signing_alg(alg);
    }
    if task.is_module("-userinfo-signed") {
        metadata = metadata.userinfo_signed_response_alg("RS256");
    }
    if task.flow == "third-party" {
        metadata = metadata.initiate_login_uri(task.own_url("/login"));
    }
    if !task.client.contains_key("contacts") {
        metadata = metadata.contact("operator@example.com");
    }
    for (name, value) in &task.client {
        metadata = match (name.as_str(), value.as_str()) {
            ("redirect_uri" | "client_id" | "client_secret" | "certificate" | "jwks", _) => metadata,
            ("post_logout_redirect_uri", Some(uri)) => metadata.post_logout_redirect_uri(uri),
            _ => metadata.set(name, value.clone()),
        };
    }
    Ok(provider.register(metadata, http).await?)
}

/// The registration that the provider has already.
fn known(task: &Task) -> Result<Registration, Failure> {
    let missing = |name: &str| Failure::task(format!("{name} is missing in the client of the task"));
    let id = task.registered("client_id").ok_or_else(|| missing("client_id"))?;
    let mut registration = Registration::new(id).redirect_uri(&*task.redirect_uri);
    let sender = task.variant("sender_constrain");
    match method(task) {
        "none" => {}
        "private_key_jwt" => registration = registration.credential(Credential::private_key(own_key(task)?)),
        "mtls" | "tls_client_auth" | "self_signed_tls_client_auth" => {
            registration = registration.certificate(certificate(task)?);
        }
        method => {
            let unknown = || Failure::Unsupported(format!("client_auth_type {method}"));
            let secret = task.registered("client_secret").ok_or_else(|| missing("client_secret"))?;
            let method = ClientAuth::from_name(method).ok_or_else(unknown)?;
            registration = registration.secret(secret).client_auth(method);
        }
    }
    match sender {
        "" => {}
        "dpop" => registration = registration.dpop(new_key("ES256")?),
        "mtls" => registration = registration.certificate(certificate(task)?),
        other => return Err(Failure::Unsupported(format!("sender_constrain {other}"))),
    }
    if signs_requests(task) {
        registration = registration.request_key(own_key(task)?);
    }
    Ok(registration)
}

/// Requests and responses that are signed or served, and the profile.
fn strong(task: &Task, mut builder: ClientBuilder) -> Result<ClientBuilder, Failure> {
    match task.variant("request_type") {
        "" | "plain_http_request" => {}
        "request_object" => builder = builder.signed_requests(),
        "request_uri" => {
            builder = builder.serve_requests_at(task.own_url("/request"));
            if is_unsigned(task) {
                builder = builder.unsigned_requests();
            }
        }
        other => return Err(Failure::Unsupported(format!("request_type {other}"))),
    }
    if !task.is_fapi() {
        return Ok(builder);
    }
    let is_jar = task.variant("fapi_request_method") == "signed_non_repudiation";
    let is_jarm = task.variant("fapi_response_mode") == "jarm";
    builder = builder.profile(match is_jar && is_jarm {
        true => Profile::Fapi2MessageSigning,
        false => Profile::Fapi2Security,
    });
    builder = if is_jar { builder.signed_requests() } else { builder };
    Ok(if is_jarm { builder.signed_responses() } else { builder })
}

/// How the client authenticates.
fn method(task: &Task) -> &str {
    match task.variant("client_auth_type") {
        _ if task.is_module("-client-secret-basic") => "client_secret_basic",
        "" => "client_secret_basic",
        method => method,
    }
}

/// The algorithm of ID tokens that a dynamic client registers.
fn id_token_algorithm(task: &Task) -> &str {
    task.registered("id_token_signed_response_alg").unwrap_or("RS256")
}

/// Whether request objects are without a signature.
fn is_unsigned(task: &Task) -> bool {
    task.is_module("-signed-none")
}

fn signs_requests(task: &Task) -> bool {
    let is_object = matches!(task.variant("request_type"), "request_object" | "request_uri");
    is_object && !is_unsigned(task) || task.variant("fapi_request_method") == "signed_non_repudiation"
}

/// The private key of a client that is registered already.
fn own_key(task: &Task) -> Result<SigningKey, Failure> {
    let keys = task.client.get("jwks").and_then(|set| set.get("keys")).and_then(Value::as_array);
    let private = keys.into_iter().flatten().find(|key| key.get("d").is_some());
    let jwk = match private {
        Some(key) => key.to_string(),
        None => task.key_file("client-jwk.json")?,
    };
    Ok(SigningKey::from_jwk(jwk)?)
}

fn certificate(task: &Task) -> Result<ClientCertificate, Failure> {
    let pem = task.key_file("client-cert.pem")? + "\n" + &task.key_file("client-cert-key.pem")?;
    Ok(ClientCertificate::from_pem(pem)?)
}

/// A key for this run alone.
pub(crate) fn new_key(algorithm: &str) -> Result<SigningKey, Failure> {
    let key = SigningKey::from_pem(SigningKey::generate_pem(algorithm)?)?.algorithm(algorithm)?;
    let id = key.thumbprint();
    Ok(key.key_id(id))
}
