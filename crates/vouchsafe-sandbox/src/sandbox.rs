//! Starting and stopping a sandbox, and switching its faults.

use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use vouchsafe_providers::Definition;

use crate::config::{ClientConfig, Demands, Settings, User};
use crate::fault::Fault;
use crate::op::shared::{Shared, make_keys};
use crate::op::{self, LogoutNotice};
use crate::part::{ActedProvider, Part};
use crate::person::Person;
use crate::router;
use crate::state::{Decryption, Keys, RecordedRequest, SigningAlg};
use crate::tls::TlsListener;
use crate::wire::Tls;

mod strong;

/// A running OpenID Provider on a loopback address. It stops when this value is dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// use vouchsafe_sandbox::Sandbox;
///
/// let sandbox = Sandbox::start().await?;
/// println!("issuer: {}", sandbox.issuer());
/// sandbox.shutdown().await;
/// # Ok(()) }
/// ```
pub struct Sandbox {
    shared: Arc<Shared>,
    router: Router,
    /// Dropping it asks the server to stop.
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<io::Result<()>>,
    /// The listener with TLS.
    mtls: Option<Mtls>,
}

/// The listener with TLS, which stops when this value is dropped.
struct Mtls {
    authority: String,
    server: JoinHandle<()>,
}

impl Drop for Mtls {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Sandbox {
    /// Starts a sandbox with its defaults, on a free port.
    ///
    /// # Errors
    /// If no port is free, or the signing keys cannot be generated.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Configures a sandbox before it starts.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder {
            port: 0,
            clients: vec![
                ClientConfig::confidential(CLIENT_ID, CLIENT_SECRET),
                ClientConfig::public(PUBLIC_CLIENT_ID),
            ],
            signing_alg: SigningAlg::RS256.name().to_owned(),
            has_mtls: false,
            manages_sessions: false,
            settings: Settings {
                users: vec![User::alice(), User::bob(), User::carol()],
                access_token_lifetime: 3600,
                audience: None,
                consent: true,
                demands: Demands {
                    details_types: DETAILS_TYPES.map(str::to_owned).to_vec(),
                    ..Demands::default()
                },
                initial_access_token: None,
            },
        }
    }

    /// The issuer, `http://127.0.0.1:` and the port.
    pub fn issuer(&self) -> &str {
        &self.shared.issuer
    }

    /// The id of the built-in confidential client. It accepts every loopback redirect URI.
    pub fn client_id(&self) -> &str {
        CLIENT_ID
    }

    /// The secret of the built-in confidential client.
    pub fn client_secret(&self) -> &str {
        CLIENT_SECRET
    }

    /// The id of the built-in public client, which must use PKCE. It accepts every loopback redirect URI.
    pub fn public_client_id(&self) -> &str {
        PUBLIC_CLIENT_ID
    }

    /// The authority that has signed the certificate of the listener with TLS, in PEM; `None` without
    /// [`SandboxBuilder::mtls`].
    pub fn mtls_authority(&self) -> Option<&str> {
        self.mtls.as_ref().map(|mtls| mtls.authority.as_str())
    }

    /// A user who clicks through the pages, for tests without a browser. See [`Person`].
    pub fn person(&self, username: impl Into<String>) -> Person {
        Person::new(username.into(), self.shared.issuer.clone(), self.router.clone())
    }

    /// The latest requests, oldest first. They include those of a [`Person`].
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.record.all()
    }

    /// The latest requests to one path, such as `/token`, oldest first.
    pub fn requests_to(&self, path: &str) -> Vec<RecordedRequest> {
        self.requests().into_iter().filter(|request| request.path == path).collect()
    }

    /// Forgets the requests recorded so far.
    pub fn clear_requests(&self) {
        self.shared.record.clear();
    }

    /// The secrets that the sandbox issued or received, the oldest first: codes and tokens, also those that are no longer valid,
    /// and each `state`, `nonce`, code verifier and client secret among the parameters of a request. Leaves out the first ones, if you know these already.
    ///
    /// For a test that looks for secrets where none should be, and for a program that shows what it sends.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
    /// let sandbox = vouchsafe_sandbox::Sandbox::start().await?;
    /// let log = "the output of your application";
    /// assert!(sandbox.secrets(0).iter().all(|secret| !log.contains(secret)));
    /// # Ok(()) }
    /// ```
    pub fn secrets(&self, known: usize) -> Vec<String> {
        self.shared.secrets.after(known)
    }

    /// Registers a client's back-channel logout URI, or replaces it: for a client that knows its own port only after the sandbox has
    /// started. See [`ClientConfig::backchannel_logout_uri`].
    pub fn backchannel_logout_uri(&self, client_id: &str, uri: impl Into<String>) {
        self.shared.change_logout_uris(client_id, |uris| uris.backchannel = Some(uri.into()));
    }

    /// Registers a client's front-channel logout URI, or replaces it. See [`ClientConfig::frontchannel_logout_uri`].
    pub fn frontchannel_logout_uri(&self, client_id: &str, uri: impl Into<String>) {
        self.shared.change_logout_uris(client_id, |uris| uris.frontchannel = Some(uri.into()));
    }

    /// A new logout token about this user's latest session in which the client took part, to be posted by a test itself. `None` if
    /// the user has not signed in at the client.
    pub fn logout_token(&self, client_id: &str, username: &str) -> Option<String> {
        let signed_in = self.shared.store().latest_sign_in(client_id, username).cloned();
        op::logout_token(&self.shared, client_id, &signed_in?)
    }

    /// A source of aggregated claims (OpenID Connect Core section 5.6.2): the value of a member of `_claim_sources`, with the claims as
    /// a JWT that this sandbox has signed. Give it to a user of another sandbox with [`User::with_claim`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
    /// use serde_json::json;
    /// use vouchsafe_sandbox::{Sandbox, User};
    ///
    /// let bank = Sandbox::start().await?;
    /// let source = bank.aggregated_claims(&json!({ "credit_score": 650 }));
    /// let alice = User::alice()
    ///     .with_claim("_claim_names", json!({ "credit_score": "bank" }))
    ///     .with_claim("_claim_sources", json!({ "bank": source }));
    /// let sandbox = Sandbox::builder().user(alice).start().await?;
    /// # let _ = sandbox; Ok(()) }
    /// ```
    pub fn aggregated_claims(&self, claims: &Value) -> Value {
        json!({ "JWT": op::claims::signed(&self.shared, claims) })
    }

    /// A source of distributed claims: this sandbox keeps the claims, and gives them as a signed JWT for the access token in the
    /// source. See [`aggregated_claims`](Self::aggregated_claims).
    pub fn distributed_claims(&self, claims: &Value) -> Value {
        op::claims::distribute(&self.shared, claims)
    }

    /// Ends all sessions of this user at the sandbox, and posts a logout token for each to every client that took part and has a
    /// back-channel logout URI. Returns what was sent.
    ///
    /// The same happens when a browser signs out at the logout endpoint, for the session of that browser.
    pub async fn sign_out(&self, username: &str) -> Vec<LogoutNotice> {
        let ended = self.shared.store().end_sessions_of(username);
        op::notify(&self.shared, &ended).await
    }

    /// Lets the user of a login without a browser decide (OpenID Connect CIBA Core), by its `auth_req_id`. Returns the notification that a
    /// provider would post in ping mode, to be given to the client by a test itself: the value of its `Authorization` header field, if the
    /// client asked to be notified, and its body. `None` if there is no such login.
    pub fn decide_backchannel(&self, auth_req_id: &str, allows: bool) -> Option<(Option<String>, String)> {
        op::decide(&self.shared, auth_req_id, allows)
    }

    /// Moves the sandbox's clock ahead by whole seconds, so that a test of an expiry does not have to wait. The times that a
    /// client signs (in assertions, proofs and request objects) are still compared with the clock of the machine.
    pub fn advance_clock(&self, by: Duration) {
        self.shared.advance_clock(by);
    }

    /// Replaces all signing keys. The old ones disappear from the key set at once.
    ///
    /// # Errors
    /// If the keys cannot be generated.
    pub async fn rotate_keys(&self) -> io::Result<()> {
        self.shared.rotate_keys().await
    }

    /// Acts as a provider of the catalogue, below `/act/`. `None` if the catalogue has no provider with this slug.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
    /// let sandbox = vouchsafe_sandbox::Sandbox::start().await?;
    /// assert!(sandbox.provider("github").is_some());
    /// assert!(sandbox.provider("no-such-provider").is_none());
    /// # Ok(()) }
    /// ```
    pub fn provider(&self, slug: &str) -> Option<ActedProvider> {
        self.shared.act(slug).map(ActedProvider::new)
    }

    /// Acts as a provider with this definition. It replaces another one with the same slug.
    pub fn act(&self, definition: &Definition) -> ActedProvider {
        ActedProvider::new(self.shared.learn(definition))
    }

    /// Switches a fault on until [`clear_faults`](Self::clear_faults).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
    /// use vouchsafe_sandbox::{Fault, Sandbox};
    ///
    /// let sandbox = Sandbox::start().await?;
    /// sandbox.fault(Fault::SERVER_ERROR);
    /// # Ok(()) }
    /// ```
    pub fn fault(&self, fault: Fault) {
        self.shared.faults.switch_on(fault, false);
    }

    /// Switches a fault on for the next request that it applies to.
    pub fn fault_once(&self, fault: Fault) {
        self.shared.faults.switch_on(fault, true);
    }

    /// Makes the token endpoint refuse its next request with this error code, in the shape that the provider's errors have.
    /// The code or token in the request stays valid.
    pub fn refuse_once(&self, code: impl Into<String>) {
        self.shared.faults.refuse_once(code.into());
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// Runs until the server fails: for a program that only runs a sandbox.
    ///
    /// # Errors
    /// If the server fails.
    pub async fn wait(mut self) -> io::Result<()> {
        (&mut self.server).await.map_err(io::Error::other)?
    }

    /// Stops. It accepts no new connections, and open ones may finish their request.
    pub async fn shutdown(mut self) {
        self.stop = None;
        // A client that keeps its connection open must not delay the shutdown.
        if timeout(SHUTDOWN_GRACE, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("issuer", &self.shared.issuer).finish_non_exhaustive()
    }
}

/// The settings of a [`Sandbox`] before it starts. From [`Sandbox::builder`].
#[derive(Clone, Debug)]
#[must_use = "nothing runs until `start` is called"]
pub struct SandboxBuilder {
    port: u16,
    clients: Vec<ClientConfig>,
    signing_alg: String,
    settings: Settings,
    has_mtls: bool,
    manages_sessions: bool,
}

impl SandboxBuilder {
    /// The port on 127.0.0.1. The default, 0, takes a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Adds a user, or replaces the user of the same name.
    pub fn user(mut self, user: User) -> Self {
        self.settings.users.retain(|known| known.username() != user.username());
        self.settings.users.push(user);
        self
    }

    /// Registers another client, or replaces the client of the same id.
    pub fn client(mut self, client: ClientConfig) -> Self {
        self.clients.retain(|known| known.id != client.id);
        self.clients.push(client);
        self
    }

    /// The signature algorithm of ID tokens: `RS256` (the default, as in OpenID Connect), `RS384`, `RS512`, `PS256`, `PS384`,
    /// `PS512`, `ES256`, `ES384`, `ES512` or `EdDSA`.
    pub fn signing_alg(mut self, alg: impl Into<String>) -> Self {
        self.signing_alg = alg.into();
        self
    }

    /// Has a frame that tells applications whether the session has changed (OpenID Connect Session Management 1.0): the metadata has
    /// `check_session_iframe`, and authorization responses have `session_state`. The state of the browser is in a cookie that changes
    /// when somebody signs in or out in this browser. [`Sandbox::sign_out`] changes no cookie.
    pub fn session_management(mut self) -> Self {
        self.manages_sessions = true;
        self
    }

    /// The lifetime of access tokens in whole seconds. The default is one hour.
    pub fn access_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.access_token_lifetime = lifetime.as_secs();
        self
    }

    /// Makes the access tokens of the sandbox's own provider JWTs for this API (RFC 9068). Without it, they are random texts. The
    /// introspection endpoint names the same audience.
    pub fn jwt_access_tokens(mut self, audience: impl Into<String>) -> Self {
        self.settings.audience = Some(audience.into());
        self
    }

    /// Whether users are asked for consent. The default is yes. If not, only `prompt=consent` asks.
    pub fn consent(mut self, consent: bool) -> Self {
        self.settings.consent = consent;
        self
    }

    /// Lets programs register clients only with this token (RFC 7591 section 3). Without it, anybody may register.
    pub fn initial_access_token(mut self, token: impl Into<String>) -> Self {
        self.settings.initial_access_token = Some(token.into());
        self
    }

    /// Starts the sandbox on the current Tokio runtime.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if a signature algorithm is unknown. Other kinds if the port cannot be bound or the
    /// signing keys cannot be generated.
    pub async fn start(self) -> io::Result<Sandbox> {
        let signing_alg = SigningAlg::parse(&self.signing_alg)?;
        for client in &self.clients {
            client.check()?;
        }
        let algs =
            self.clients.iter().filter_map(|client| Some((client.signing_alg.as_deref()?, &client.secret)));
        for (alg, secret) in algs.chain([(&*self.signing_alg, &None)]) {
            // An HMAC needs the secret of one client.
            if SigningAlg::parse(alg)?.hmac().is_some() && secret.is_none() {
                let message = format!("signature algorithm `{alg}` is for a client with a secret");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            }
        }
        for recipient in self.clients.iter().flat_map(|client| client.encrypted.all()) {
            recipient.check()?;
        }
        let keys = make_keys(Keys::for_start).await?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await?;
        let port = listener.local_addr()?.port();
        let own = Part::own(&format!("http://127.0.0.1:{port}"), self.clients, self.manages_sessions);
        let mut shared = Shared::new(own, self.settings, keys, signing_alg);
        if shared.settings.demands.decrypts {
            shared.decryption = Some(make_keys(Decryption::generate).await?);
        }
        let tls = if self.has_mtls { Some(TlsListener::bind().await?) } else { None };
        shared.mtls_origin = tls.as_ref().map(|tls| tls.origin.clone());
        let shared = Arc::new(shared);
        let router = router::router(Arc::clone(&shared));
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = axum::serve(listener, router.clone()).with_graceful_shutdown(async {
            // Sent or dropped: either way the sandbox is gone.
            let _ = stopped.await;
        });
        let mtls = tls.map(|tls| {
            let (authority, router) = (tls.authority.clone(), router.clone());
            let serve = axum::serve(tls.accept(), router.into_make_service_with_connect_info::<Tls>());
            let server = tokio::spawn(async move { serve.await.unwrap_or_default() });
            Mtls { authority, server }
        });
        let server = tokio::spawn(async move { serve.await });
        Ok(Sandbox { shared, router, stop: Some(stop), server, mtls })
    }
}

const CLIENT_ID: &str = "sandbox-client";
const CLIENT_SECRET: &str = "sandbox-secret-for-development-only";
const PUBLIC_CLIENT_ID: &str = "sandbox-public-client";
/// The examples of RFC 9396 section 2.
const DETAILS_TYPES: [&str; 2] = ["account_information", "payment_initiation"];
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);
