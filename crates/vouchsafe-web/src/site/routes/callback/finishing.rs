//! The end of a login, decided by its intent.
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use vouchsafe::{AuthorizationResponse, Client, Identity, Tokens};

use crate::accounts::account::Link;
use crate::login::finish::{LoggedIn, redeem};
use crate::login::rejection::{LoginFault, LoginRejection};
use crate::login::stored::StoredLogin;
use crate::session::device::Device;
use crate::session::error::SessionError;
use crate::session::new::NewSession;
use crate::session::record::Session;
use crate::site::failure::{Failure, LOG};
use crate::site::fault::Fault;
use crate::site::login::{Intent, Note, Whom};
use crate::site::state::Site;

/// How a login ended, for each request that brought its response.
#[derive(Clone)]
pub(super) struct Ended {
    /// Where the browser goes on.
    pub(super) place: Result<String, Failure>,
    /// Whether the login cookie is of no use any more.
    pub(super) is_spent: bool,
    /// The session that began, and its cookie.
    session: Arc<Mutex<Option<(Session, HeaderValue)>>>,
}

impl Ended {
    fn new(place: Result<String, Failure>, is_spent: bool) -> Self {
        Self { place, is_spent, session: Arc::default() }
    }

    /// The session that began, and its cookie, for one response.
    pub(super) fn take_session(&self) -> Option<(Session, HeaderValue)> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A place, and the session that begins there.
type Outcome = (String, Option<(Session, HeaderValue)>);

/// A response that belongs to a login of this browser.
pub(super) struct Finishing {
    pub(super) site: Site,
    /// The browser.
    pub(super) device: Device,
    /// The provider.
    pub(super) name: String,
    pub(super) client: Client,
    pub(super) return_to: String,
    pub(super) session: Option<Session>,
}

impl Finishing {
    pub(super) async fn finish(
        self,
        login: StoredLogin,
        note: Note,
        response: AuthorizationResponse<'static>,
    ) -> Ended {
        let is_first = match is_first(&self.site, &login).await {
            Ok(is_first) => is_first,
            Err(error) => return Ended::new(Err(error.into()), false),
        };
        if !is_first {
            return Ended::new(Err(self.repeated(LoginRejection::repeated())), true);
        }
        // The code is spent, however this ends.
        match self.decide(login, note, response).await {
            Ok((place, session)) => {
                Ended { session: Arc::new(Mutex::new(session)), ..Ended::new(Ok(place), true) }
            }
            Err(failure) => Ended::new(Err(failure), true),
        }
    }

    async fn decide(
        &self,
        login: StoredLogin,
        note: Note,
        response: AuthorizationResponse<'static>,
    ) -> Result<Outcome, Failure> {
        let is_silent = login.is_silent;
        let (identity, tokens) = match redeem(&self.client, login, response).await {
            Ok(both) => both,
            Err(rejection) if rejection.is_repetition() => return Err(self.repeated(rejection)),
            Err(rejection) if is_silent && rejection.fault() == LoginFault::InteractionRequired => {
                return Err(Failure::from(rejection).going_on(&*self.return_to));
            }
            Err(rejection) => return Err(rejection.into()),
        };
        for warning in tokens.warnings().iter().chain(identity.warnings()) {
            tracing::info!(target: LOG, %warning, "a value was left out of a sign-in");
        }
        match note.intent {
            Intent::SignIn(()) => self.sign_in(note, identity, tokens, None).await,
            Intent::StepUp(whom, max_age) => {
                check_age(&tokens, max_age)?;
                let now = self.session.as_ref().map(|own| Whom::identity(own.issuer(), own.subject()));
                let confirmed = Whom::identity(identity.issuer(), identity.subject());
                // Somebody else may have signed in since the login started.
                if confirmed != whom || now.is_some_and(|now| now != confirmed) {
                    let detail = "the provider confirmed another identity than that of the session";
                    return Err(Failure::new(Fault::SubjectMismatch, detail));
                }
                let continues = self.session.clone();
                let note = Note { session: note.session, intent: Intent::SignIn(()) };
                self.sign_in(note, identity, tokens, continues).await
            }
            Intent::Link(whom) => self.link(whom, identity, tokens).await,
            // A question about the session begins none.
            Intent::Check { .. } => Err(LoginRejection::stale().into()),
        }
    }

    /// Another request finishes the login, or did: the person goes on where that one leads.
    fn repeated(&self, rejection: LoginRejection) -> Failure {
        Failure::from(rejection).going_on(&*self.return_to)
    }

    async fn sign_in(
        &self,
        note: Note,
        identity: Identity,
        tokens: Tokens,
        continues: Option<Session>,
    ) -> Result<Outcome, Failure> {
        let site = &self.site;
        let login = self.logged_in(identity, tokens);
        let account = match &continues {
            Some(session) => session.account().to_owned(),
            None => site.inner.accounts.sign_in(&login).await?,
        };
        let LoggedIn { identity, tokens, .. } = login;
        let mut new = NewSession::new(account, &*self.name, &identity, tokens.id_token());
        let claims = tokens.id_token().map_or(identity.profile(), |token| token.claims());
        new.roles = roles(claims, &site.inner.roles);
        new.session_state = tokens.session_state().map(str::to_owned);
        new.continues = continues;
        let before: Vec<_> =
            self.session.as_ref().map(Session::reference).into_iter().chain(note.session).collect();
        let begun = site.sessions().begin(site.public_url(), new, self.device.clone(), &before).await?;
        let vault = site.vault(&self.name, self.client.clone());
        if let Err(error) = vault.connect(begun.session.tokens_of(), tokens).identity(&identity).await {
            // Nobody has its cookie.
            let _ = site.sessions().end(&begun.session).await;
            return Err(error.into());
        }
        let mut forget = begun.forget;
        if !site.sessions().is_server_side() {
            forget.extend(self.session.as_ref().map(|session| session.tokens_of().to_owned()));
            forget.retain(|user| user != begun.session.tokens_of());
        }
        site.forget(forget).await;
        site.sweep().await;
        Ok((self.return_to.clone(), Some((begun.session, begun.set_cookie))))
    }

    async fn link(&self, whom: Whom, identity: Identity, tokens: Tokens) -> Result<Outcome, Failure> {
        let site = &self.site;
        let session = self.session.clone().filter(|session| Whom::account(session) == whom);
        let result = |word: &str| Ok((format!("{}?link={word}", site.inner.account_page), None));
        let Some(session) = session else { return result("needs_proof") };
        let login = self.logged_in(identity, tokens);
        let link = site.inner.accounts.link(session.account(), &login).await?;
        if link != Link::InUse {
            let vault = site.vault(&self.name, self.client.clone());
            let user = session.tokens_of();
            // An identity that was linked before changes nothing, unless this session has no token there yet.
            if link == Link::Linked || vault.stored_tokens(user, &self.name).await?.is_none() {
                vault.connect(user, login.tokens).identity(&login.identity).await?;
            }
        }
        result(match link {
            Link::Linked => "linked",
            Link::AlreadyYours => "already_yours",
            Link::InUse => "in_use",
        })
    }

    fn logged_in(&self, identity: Identity, tokens: Tokens) -> LoggedIn {
        let (client_name, return_to) = (self.name.clone(), self.return_to.clone());
        LoggedIn { client_name, identity, tokens, return_to, data: None }
    }
}

/// Whether a login is finished for the first time. One process sends a code once; with a store, all processes together do.
pub(super) async fn is_first(site: &Site, login: &StoredLogin) -> Result<bool, SessionError> {
    let sessions = site.sessions();
    let Some(id) = login.id.filter(|_| sessions.is_server_side()) else { return Ok(true) };
    sessions.once("login", &URL_SAFE_NO_PAD.encode(id), login.pending.expires_at()).await
}

/// Refuses a sign-in that is older than was asked for. The client has compared it with the clock of this machine, and with tolerance
/// for that of the provider: a sign-in between the two would send the person to the provider again and again.
fn check_age(tokens: &Tokens, max_age: Option<u64>) -> Result<(), Failure> {
    let (Some(max_age), Some(token)) = (max_age, tokens.id_token()) else { return Ok(()) };
    let age = token.auth_time().and_then(|at| token.issued_at().duration_since(at).ok()).unwrap_or_default();
    // Both times are whole seconds.
    if age.as_secs() <= max_age.saturating_add(1) {
        return Ok(());
    }
    let detail = format!(
        "the user must have signed in within the last {max_age} seconds (max_age), and the ID token was issued {} seconds after \
         the sign-in (auth_time)",
        age.as_secs()
    );
    Err(Failure::new(Fault::NotDelivered, detail).coded("auth_time"))
}

/// The roles in the claims: those texts of the list that have a length.
fn roles(claims: &serde_json::Value, pointer: &str) -> Vec<String> {
    let list = claims.pointer(pointer).and_then(|list| list.as_array()).into_iter().flatten();
    list.filter_map(|role| role.as_str()).filter(|role| !role.is_empty()).map(str::to_owned).collect()
}
