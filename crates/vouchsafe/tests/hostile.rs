//! Logins at a provider where something goes wrong: each fault that the sandbox has meets the refusal that it should, in
//! time, in little memory, and without a secret in what is said. A binary of its own: the peak is that of the process.
#![cfg(feature = "transport")]
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use rcgen::generate_simple_self_signed;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use vouchsafe::{
    Client, ClientCertificate, Credential, DecryptionKey, Error, Http, Provider, Registration, Secret,
    SigningKey, Tokens,
};
use vouchsafe_providers::Definition;
use vouchsafe_sandbox::{ClientConfig, DpopNonces, Endpoint, Fault, Place, Sandbox, Step};

const REDIRECT_URI: &str = "http://127.0.0.1:9/callback";
/// Of one exchange: short where it will be used up, and long where it must not.
const SHORT: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(20);
/// A few exchanges that each take all of the short time, on a machine that has other things to do.
const IN_TIME: Duration = Duration::from_secs(10);
const AT_ONCE: usize = 8;
const ACTED: &str = r#"
    slug = "own"
    display_name = "Own"
    documentation = "https://own.example"
    checked = "2026-11-23"
    kind = "openid"
    issuer = "https://own.example"
    scopes = ["openid", "email"]
    [identity]
    subject = ["/sub"]
    email = ["/email"]
    email_verified = ["/email_verified"]
"#;
/// In KiB.
#[cfg(target_os = "linux")]
const LITTLE_MEMORY: u64 = 64 * 1024;

/// A sandbox where something goes wrong, and a client that does not know.
struct Visit {
    sandbox: Sandbox,
    client: Client,
    faults: Vec<Fault>,
    /// The API that is called with bound tokens.
    api: Option<String>,
    /// What must not be seen in an error.
    secrets: Vec<String>,
}

impl Visit {
    async fn with(faults: &[Fault]) -> Self {
        Self::by(&Http::new().unwrap(), faults).await
    }

    async fn by(http: &Http, faults: &[Fault]) -> Self {
        let is_of = |place| faults.iter().any(|fault| fault.place() == place);
        let (sandbox, registration) = if is_of(Place::Encryption) || is_of(Place::EncryptedResponse) {
            encrypting(is_of(Place::EncryptedResponse)).await
        } else {
            let nonces = if is_of(Place::Dpop) { DpopNonces::Changing } else { DpopNonces::Off };
            let bank = ClientConfig::public(BANK).jwks(bank_key().public_jwk());
            let sandbox = Sandbox::builder().client(bank).dpop_nonces(nonces).start().await.unwrap();
            let registration = Registration::new(sandbox.client_id()).secret(sandbox.client_secret());
            (sandbox, registration)
        };
        faults.iter().for_each(|fault| sandbox.fault(*fault));
        let timeout = if faults.iter().any(uses_up_time) { SHORT } else { LONG };
        let http = http.clone().timeout(timeout);
        let api = is_of(Place::Dpop).then(|| format!("{}/resource", sandbox.issuer()));
        let client = meeting(faults, Provider::openid(sandbox.issuer()), registration, &http);
        Self {
            faults: faults.to_vec(),
            api,
            secrets: vec![sandbox.client_secret().to_owned()],
            sandbox,
            client,
        }
    }

    async fn log_in(&mut self, person: &str) -> Result<Tokens, Error> {
        let login = self.client.login().max_age(Duration::from_secs(3600)).await?;
        let callback = self.sandbox.person(person).allow(&login.url).await;
        let callback = callback.unwrap_or_else(|error| panic!("{:?}: {error}", self.faults));
        let (_, query) = callback.split_once('?').unwrap();
        let value = |pair: &str| Some(pair.strip_prefix("code=")?.to_owned());
        self.secrets.extend(query.split('&').filter_map(value));
        let tokens = self.client.finish(login.pending, &callback).await;
        for request in self.sandbox.requests_to("/token") {
            self.secrets.extend(request.form_value("code_verifier"));
        }
        let tokens = tokens?;
        self.secrets.push(tokens.access_token().expose().to_owned());
        self.client.identity(&tokens).await?;
        if let Some(api) = &self.api {
            let request = http::Request::get(api).body(Vec::new()).unwrap();
            assert_eq!(self.client.call_api(&tokens, request).await?.status(), 200, "{:?}", self.faults);
        }
        Ok(tokens)
    }

    /// The step at which it ended, and why.
    async fn ends(&mut self, person: &str) -> Option<(Step, Error)> {
        let tokens = match self.log_in(person).await {
            Ok(tokens) => tokens,
            Err(error) => return Some((Step::Login, error)),
        };
        let tokens = match self.client.refresh(&tokens).await {
            Ok(tokens) => tokens,
            Err(error) => return Some((Step::Refresh, error)),
        };
        if let Err(error) = self.client.revoke(&tokens).await {
            return Some((Step::Revocation, error));
        }
        // What the sandbox acts has no logout tokens.
        let token = self.sandbox.logout_token(self.client.client_id(), person)?;
        let error = self.client.logout_token(&token).await.err();
        self.secrets.push(token);
        error.map(|error| (Step::Logout, error))
    }

    /// From now on the provider is one that the sandbox acts. It has no API.
    fn act(&mut self, http: &Http) {
        let acted = self.sandbox.act(&Definition::from_toml(ACTED).unwrap());
        let registration = Registration::new(acted.client_id()).secret(acted.client_secret());
        self.client = meeting(&self.faults, Provider::from(acted.definition()), registration, http);
        self.api = None;
    }

    /// From now on the client is one with keys: for itself and its requests, which it pushes, and for its tokens.
    fn strengthen(&mut self, http: &Http) {
        let registration = Registration::new(BANK).credential(Credential::private_key(bank_key()));
        let registration = registration.dpop(bank_key()).redirect_uri(REDIRECT_URI);
        let client = Client::builder(Provider::openid(self.sandbox.issuer()), registration);
        self.client = client.pushed_requests().signed_requests().build(http).unwrap();
        self.api = Some(format!("{}/resource", self.sandbox.issuer()));
    }

    /// From now on the client is one with a certificate, at the endpoints for it.
    async fn certify(&mut self) {
        let own = generate_simple_self_signed([BANK.to_owned()]).unwrap();
        let pem = format!("{}{}", own.cert.pem(), own.signing_key.serialize_pem());
        let config = ClientConfig::public(BANK).certificate(own.cert.pem()).certificate_bound_access_tokens();
        self.sandbox = Sandbox::builder().client(config).mtls().start().await.unwrap();
        self.faults.iter().for_each(|fault| self.sandbox.fault(*fault));
        let authority = self.sandbox.mtls_authority().unwrap().to_owned();
        let http = Http::builder().no_proxy().certificate_authority(authority).timeout(LONG).build().unwrap();
        let certificate = ClientCertificate::from_pem(pem).unwrap();
        let registration = Registration::new(BANK).certificate(certificate);
        self.client = meeting(&[], Provider::openid(self.sandbox.issuer()), registration, &http);
    }

    /// What is said is for people, and tells no secret.
    fn check(&self, error: &Error, name: &str) {
        let (said, debug) = (error.to_string(), format!("{error:?}"));
        assert!(!said.chars().any(char::is_control), "{name}: {said:?}");
        assert!(!said.contains(['\u{202e}', '\u{2066}']), "{name}: {said:?}");
        assert!((20..2000).contains(&said.len()), "{name}: {said}");
        for secret in &self.secrets {
            assert!(secret.len() > 6, "{name}");
            assert!(!said.contains(secret.as_str()) && !debug.contains(secret.as_str()), "{name}: {said}");
        }
    }
}

const BANK: &str = "bank";

fn bank_key() -> SigningKey {
    static PEM: LazyLock<Secret> = LazyLock::new(|| SigningKey::generate_pem("ES256").unwrap());
    SigningKey::from_pem(PEM.clone()).unwrap().key_id("1")
}

/// A client that meets these faults: it pushes its requests, asks for signed responses, or has a key for its tokens.
fn meeting(faults: &[Fault], provider: Provider, registration: Registration, http: &Http) -> Client {
    let is_of = |place| faults.iter().any(|fault| fault.place() == place);
    let mut registration = registration.redirect_uri(REDIRECT_URI);
    if is_of(Place::Dpop) {
        let pem = SigningKey::generate_pem("ES256").unwrap();
        registration = registration.dpop(SigningKey::from_pem(pem).unwrap());
    }
    let mut client = Client::builder(provider, registration);
    if faults.iter().any(|fault| fault.endpoint() == Some(Endpoint::PushedRequest)) {
        client = client.pushed_requests();
    }
    if is_of(Place::SignedResponse) || is_of(Place::EncryptedResponse) {
        client = client.signed_responses();
    }
    client.build(http).unwrap()
}

/// A sandbox that encrypts for its client, and the registration of the client: ID tokens, or authorization responses.
async fn encrypting(responses: bool) -> (Sandbox, Registration) {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../src/jose/jwe/vectors.json")).unwrap();
    let (id, jwk, alg, enc) = ("encrypting-client", vectors[0]["jwk"].clone(), "RSA-OAEP-256", "A256GCM");
    let secret = "the secret of the encrypting client";
    let registration = Registration::new(id)
        .secret(secret)
        .decryption_key(DecryptionKey::from_jwk(jwk.to_string()).unwrap());
    let config = ClientConfig::confidential(id, secret).encryption_key(jwk);
    let (config, registration) = if responses {
        let registration = registration.authorization_response_encryption(alg, enc);
        (config.authorization_response_encryption(alg, enc), registration)
    } else {
        (config.id_token_encryption(alg, enc), registration.id_token_encryption(alg, enc))
    };
    (Sandbox::builder().client(config).start().await.unwrap(), registration)
}

fn uses_up_time(fault: &Fault) -> bool {
    ["slow", "dripping-body"].iter().any(|name| fault.name().starts_with(name))
}

/// No login in a browser meets it.
fn is_elsewhere(fault: &Fault) -> bool {
    use Place::{Backchannel, Claims, Device, Exchange, Introspection, Registration, WebFinger};
    [Backchannel, Claims, Device, Exchange, Introspection, Registration, WebFinger].contains(&fault.place())
}

fn kind(error: &Error) -> &'static str {
    match error {
        Error::Server(_) => "provider",
        Error::Validation(_) => "security",
        Error::Response(_) => "malformed",
        Error::Http(_) => "network",
        Error::Unsupported(_) => "unsupported",
        _ => "another kind",
    }
}

/// What is not as it should be, of one fault.
async fn complaints(fault: Fault, http: &Http, prepare: fn(&mut Visit, &Http)) -> Vec<String> {
    let name = fault.name();
    let mut visit = Visit::by(http, &[fault]).await;
    prepare(&mut visit, http);
    let start = Instant::now();
    let ended = visit.ends("alice").await;
    let took = start.elapsed();
    let mut complaints = Vec::new();
    if took > IN_TIME {
        complaints.push(format!("{name}: took {took:?}"));
    }
    let met = ended.as_ref().map(|(step, error)| (*step, kind(error), error.code().to_owned()));
    let expected = fault.refusal().map(|refusal| (refusal.step, refusal.kind, refusal.code.to_owned()));
    if met != expected {
        complaints.push(format!("{name}: {met:?} in place of {expected:?}"));
    }
    if let Some((_, error)) = &ended {
        visit.check(error, &name);
    }
    complaints
}

async fn at_every_fault(is_meant: fn(&Fault) -> bool, prepare: fn(&mut Visit, &Http)) {
    let http = Http::new().unwrap();
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut visits = JoinSet::new();
    // Where the browser never comes back, the client has nothing to refuse.
    let comes_back = |fault: &Fault| fault.place() != Place::Authorization && !is_elsewhere(fault);
    for fault in Fault::all().into_iter().filter(comes_back).filter(is_meant) {
        let (room, http) = (room.clone(), http.clone());
        visits.spawn(async move {
            let _permit = room.acquire_owned().await.unwrap();
            complaints(fault, &http, prepare).await
        });
    }
    let complaints = visits.join_all().await.concat();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// In a process of its own: the memory of the other tests must not count.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_meets_its_refusal_in_time_and_in_little_memory() {
    const ALONE: &str = "VOUCHSAFE_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let name = "every_fault_meets_its_refusal_in_time_and_in_little_memory";
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "--nocapture", name]).env(ALONE, "1");
        let output = tokio::task::spawn_blocking(move || child.output().unwrap()).await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    at_every_fault(|_| true, |_, _| {}).await;
    #[cfg(target_os = "linux")]
    {
        let peak = peak();
        assert!((1..LITTLE_MEMORY).contains(&peak), "{peak} KiB");
    }
}

/// The most memory that the process has had at once, in KiB.
#[cfg(target_os = "linux")]
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Faults that meet what a walk of its own does: `None` if nothing goes wrong there.
async fn at_every_fault_of(place: Place, walk: impl AsyncFn(&Visit) -> Result<(), Error>) {
    let faults: Vec<_> = Fault::all().into_iter().filter(|fault| fault.place() == place).collect();
    assert!(faults.len() > 3, "{}", place.title());
    for fault in faults {
        let visit = Visit::with(&[fault]).await;
        let error = walk(&visit).await.err();
        let met = error.as_ref().map(|error| (kind(error), error.code()));
        let expected = fault.refusal().map(|refusal| (refusal.kind, refusal.code));
        assert_eq!(met, expected, "{}: {error:?}", fault.name());
        if let Some(error) = &error {
            visit.check(error, &fault.name());
        }
    }
}

#[tokio::test]
async fn a_device_shows_nothing_that_harms_its_user() {
    at_every_fault_of(Place::Device, async |visit| {
        let device = visit.client.device().await?;
        let day = Duration::from_secs(24 * 60 * 60);
        assert!(device.expires_at() <= std::time::SystemTime::now() + day);
        assert!(
            (Duration::from_millis(500)..Duration::from_secs(6)).contains(&device.wait()),
            "{:?}",
            device.wait()
        );
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_registration_that_is_not_as_requested_is_not_used() {
    // RFC 7591 §3.2.1.
    at_every_fault_of(Place::Registration, async |visit| {
        let metadata = vouchsafe::ClientMetadata::new().redirect_uri(REDIRECT_URI).client_name("Mine");
        let registered =
            Provider::openid(visit.sandbox.issuer()).register(metadata, &Http::new().unwrap()).await?;
        assert_eq!(registered.warnings().len(), 1);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn webfinger_leads_to_no_issuer_that_is_none() {
    at_every_fault_of(Place::WebFinger, async |visit| {
        let joe = format!("{}/joe", visit.sandbox.issuer());
        let found = Provider::webfinger(&joe, &Http::new().unwrap()).await?;
        assert!(found.metadata().is_some());
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_exchanged_token_is_the_one_that_was_requested() {
    at_every_fault_of(Place::Exchange, async |visit| {
        visit.sandbox.clear_faults();
        let login = visit.client.login().await?;
        let callback = visit.sandbox.person("alice").allow(&login.url).await.unwrap();
        let tokens = visit.client.finish(login.pending, &callback).await?;
        visit.faults.iter().for_each(|fault| visit.sandbox.fault(*fault));
        let kind = vouchsafe::TokenType::ACCESS_TOKEN;
        let exchange = visit.client.token_exchange(tokens.access_token().expose(), kind.clone());
        exchange.requested_token_type(kind).await.map(drop)
    })
    .await;
}

#[tokio::test]
async fn a_backchannel_login_starts_soundly_or_not_at_all() {
    at_every_fault_of(Place::Backchannel, async |visit| {
        visit.client.backchannel().login_hint("alice").await.map(drop)
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_unknown_keys_is_not_passed_on() {
    let mut visit = Visit::with(&[Fault::UNKNOWN_KEY]).await;
    for _ in 0..5 {
        assert_eq!(visit.log_in("alice").await.unwrap_err().code(), "unknown_key");
    }
    // Beside the token request of the first login, once more because a key may be new, and once for those after it.
    assert_eq!(visit.sandbox.requests_to("/jwks").len(), 3);
}

#[tokio::test]
async fn a_key_set_that_recovers_lets_the_next_login_succeed() {
    let mut visit = Visit::with(&[Fault::KEY_SET_FAILS_ONCE]).await;
    assert_eq!(visit.log_in("alice").await.unwrap_err().status(), Some(500));
    visit.log_in("alice").await.unwrap();
}

#[tokio::test]
async fn metadata_cannot_talk_a_login_out_of_s256() {
    // RFC 7636 §4.2, §7.2.
    let mut visit = Visit::with(&[Fault::PKCE_UNANNOUNCED]).await;
    visit.log_in("alice").await.unwrap();
    let request = &visit.sandbox.requests_to("/authorize")[0];
    assert_eq!(request.query_value("code_challenge_method").as_deref(), Some("S256"));
    // Where there is nothing but plain, the browser does not go there at all.
    let mut visit = Visit::with(&[Fault::PLAIN_PKCE_ONLY]).await;
    assert_eq!(visit.log_in("alice").await.unwrap_err().code(), "s256_not_supported");
    assert!(visit.sandbox.requests_to("/authorize").is_empty());
}

#[tokio::test]
async fn userinfo_that_cannot_be_had_leaves_the_id_token() {
    let mut visit = Visit::with(&[Fault::SERVER_ERROR.at(Endpoint::UserInfo)]).await;
    let tokens = visit.log_in("alice").await.unwrap();
    let identity = visit.client.identity(&tokens).await.unwrap();
    assert_eq!(identity.verified_email(), Some("alice@example.com"));
    assert_eq!(identity.warnings()[0].error().unwrap().status(), Some(500));
}

#[tokio::test]
async fn an_email_that_nobody_vouches_for_is_not_verified() {
    for (fault, verified) in [(Fault::UNVERIFIED_EMAIL, Some(false)), (Fault::VERIFIED_BY_WORD, None)] {
        let mut visit = Visit::with(&[fault]).await;
        let tokens = visit.log_in("alice").await.unwrap();
        let identity = visit.client.identity(&tokens).await.unwrap();
        assert_eq!((identity.email_verified(), identity.verified_email()), (verified, None), "{fault:?}");
    }
}

/// One login at a time goes wrong: that of whoever is named after the fault. A client that has no keys yet asks for them
/// on behalf of that login.
#[tokio::test]
async fn who_is_named_after_a_fault_meets_what_it_meets() {
    for fault in [
        Fault::WRONG_NONCE,
        Fault::FOREIGN_CODE,
        Fault::DPOP_UNASKED,
        Fault::EXPONENT_ONE,
        Fault::EMPTY_KEY_SET,
        Fault::ANOTHER_USERS_USERINFO,
        Fault::HTML,
        Fault::HTML.at(Endpoint::Keys),
        Fault::REDIRECT.at(Endpoint::UserInfo),
        Fault::REFRESHED_SUBJECT,
        Fault::SERVER_ERROR.at(Endpoint::Revocation),
    ] {
        let mut visit = Visit::with(&[]).await;
        let ended = visit.ends(&format!("fault-{}", fault.name())).await;
        let (step, error) = ended.unwrap_or_else(|| panic!("{fault:?} met nothing"));
        let expected = fault.refusal().unwrap();
        assert_eq!(
            (step, kind(&error), error.code()),
            (expected.step, expected.kind, expected.code),
            "{fault:?}"
        );
        let mut visit = Visit::with(&[]).await;
        assert!(visit.ends("alice").await.is_none());
    }
}

/// No check is lost on the way of a strong client.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strong_client_refuses_what_a_plain_one_refuses() {
    let has_it = |fault: &Fault| {
        // It has all that these demand.
        let satisfied = [Fault::SIGNED_REQUESTS_ONLY, Fault::KEY_AUTHENTICATION_ONLY, Fault::DPOP_UNASKED]
            .contains(fault);
        let is_of_others =
            matches!(fault.place(), Place::Encryption | Place::EncryptedResponse | Place::SignedResponse);
        !satisfied && !is_of_others && !uses_up_time(fault)
    };
    at_every_fault(has_it, |visit, http| visit.strengthen(http)).await;
}

/// Nor on the way of a client with a certificate.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_with_a_certificate_refuses_what_a_plain_one_refuses() {
    let has_it = |fault: &Fault| {
        let places =
            [Place::Callback, Place::Token, Place::IdToken, Place::Keys, Place::UserInfo, Place::Wire];
        let pushes = fault.endpoint() == Some(Endpoint::PushedRequest);
        places.contains(&fault.place()) && !pushes && !uses_up_time(fault)
    };
    let certify = |visit: &mut Visit, _: &Http| {
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(visit.certify()));
    };
    at_every_fault(has_it, certify).await;
}

/// What the sandbox acts is played by other code, with the same faults; but for `iss`, which an act does not announce, and for all
/// that an act has not: logout tokens, encryption, pushed requests, signed responses, and tokens that are bound to a key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_act_has_the_same_faults() {
    let has_it = |fault: &Fault| {
        let is_of_own = matches!(
            fault.place(),
            Place::LogoutToken
                | Place::Encryption
                | Place::EncryptedResponse
                | Place::SignedResponse
                | Place::Dpop
        ) || fault.endpoint() == Some(Endpoint::PushedRequest);
        *fault != Fault::MISSING_ISSUER && !is_of_own && !uses_up_time(fault)
    };
    at_every_fault(has_it, |visit, http| visit.act(http)).await;
}
