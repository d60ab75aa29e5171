//! `/callback/{provider}`: finishes a login, and decides by its intent.
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Method, Response};
use vouchsafe::{AuthorizationResponse, Client, Identity, Tokens};

use crate::accounts::account::Link;
use crate::login::cookie::{self, SameSite};
use crate::login::finish::{LoggedIn, belonging, is_form, open_logins, redeem, response};
use crate::login::rejection::{LoginFault, LoginRejection};
use crate::login::stored::StoredLogin;
use crate::login::visit::may_finish;
use crate::session::device::Device;
use crate::session::new::NewSession;
use crate::session::record::Session;
use crate::site::failure::{Failure, see_other};
use crate::site::fault::Fault;
use crate::site::login::{Intent, Note, Whom};
use crate::site::routes::asked::Asked;
use crate::site::routes::login;
use crate::site::routes::session::Question;
use crate::site::visit::Visit;

pub(super) async fn respond(
    asked: &Asked<'_>,
    name: &str,
    form: impl Future<Output = Option<Vec<u8>>>,
) -> Result<Response<String>, Failure> {
    let Asked { visit, parts, query } = asked;
    let site = visit.site();
    let form = match &site.inner.relayed {
        None => Either::Coming(form),
        Some(relayed) => {
            let posted = if parts.method == Method::POST && is_form(parts) { form.await } else { None };
            let query = parts.uri.query().unwrap_or_default();
            let response = posted.as_deref().map_or(query.into(), |form| String::from_utf8_lossy(form));
            if let Some(place) = relayed.place(parts.uri.path(), &response) {
                return if may_finish(parts) {
                    see_other(&place?)
                } else {
                    Err(LoginRejection::no_visit().into())
                };
            }
            Either::Here(posted)
        }
    };
    let client = login::provider(asked, name).await?;
    let stale = || Failure::from(LoginRejection::stale()).naming(site.public_url().as_str());
    let opened = open_logins(parts, &site.inner.keys)?;
    // First of all: without a login that it may finish, no form is worth waiting for.
    if opened.is_empty() {
        return Err(stale());
    }
    let path = parts.uri.path();
    let hop = query.one(HOP)?.filter(|_| parts.method == Method::GET);
    let (response, same_site, form) = match hop {
        None => {
            let mut posted = None;
            let form = async {
                posted = match form {
                    Either::Coming(form) => form.await,
                    Either::Here(form) => form,
                };
                posted.clone()
            };
            let url = parts.uri.path_and_query().map_or(path, |path| path.as_str());
            let (response, same_site) = response(parts, url, form).await?;
            (response, same_site, posted)
        }
        Some(sealed) => {
            let posted = site.inner.keys.open(HOP_PURPOSE, path, sealed).ok_or_else(stale)?;
            (AuthorizationResponse::at(path).form(posted.expose().to_owned()), SameSite::None, None)
        }
    };
    let (login, cookie) = belonging(opened, &response).map_err(|_| stale())?;
    let note = login.note.clone().and_then(|note| serde_json::from_value::<Note>(note).ok());
    let Some(note) = note.filter(|_| login.client == name) else { return Err(stale()) };

    let mut session = visit.session().await?;
    if session.is_none() && !matches!(note.intent, Intent::SignIn(())) {
        session = match (&note.intent, &note.session) {
            (Intent::StepUp(..) | Intent::Check { .. }, Some(reference)) => {
                site.sessions().alive(reference).await?
            }
            _ => None,
        };
        // The browser keeps its session back when another site posts a form: it comes along with a redirect.
        if let Some(form) = form.filter(|_| session.is_none()) {
            return hop_to(visit, path, &form);
        }
    }
    let return_to = login.return_to.clone().unwrap_or_else(|| "/".to_owned());
    let finishing = Finishing { visit, name, client: &client, return_to: &return_to, session };
    finishing
        .finish(login, (cookie, same_site), note, response)
        .await
        .map_err(|failure| failure.returning(Some(&return_to)))
}

/// A posted response, which the relay may have read already.
enum Either<F> {
    Coming(F),
    Here(Option<Vec<u8>>),
}

/// A response that belongs to a login of this browser.
struct Finishing<'a> {
    visit: &'a Visit,
    name: &'a str,
    client: &'a Client,
    return_to: &'a str,
    session: Option<Session>,
}

impl Finishing<'_> {
    async fn finish(
        self,
        login: StoredLogin,
        (cookie, same_site): (String, SameSite),
        note: Note,
        response: AuthorizationResponse<'_>,
    ) -> Result<Response<String>, Failure> {
        let sessions = self.visit.site().sessions();
        // One process sends a code once; with a store, all processes together do.
        let mut is_first = true;
        if sessions.is_server_side() {
            let id = URL_SAFE_NO_PAD.encode(login.id.ok_or_else(LoginRejection::stale)?);
            is_first = sessions.once("login", &id, login.pending.expires_at()).await?;
        }
        // The code is spent, however this ends.
        self.visit.add_login_cookie(cookie::remove(&cookie, same_site));
        if !is_first {
            return Err(self.repeated(LoginRejection::repeated()));
        }
        if let Intent::Check { is_trial } = note.intent {
            let question = Question { session: self.session, asked_in: note.session, is_trial };
            return question.answered(self.visit, self.client, login, response).await;
        }
        let is_silent = login.is_silent;
        let (identity, tokens) = match redeem(self.client, login, response).await {
            Ok(both) => both,
            Err(rejection) if rejection.fault() == LoginFault::Repeated => {
                return Err(self.repeated(rejection));
            }
            Err(rejection) if is_silent && rejection.fault() == LoginFault::InteractionRequired => {
                return Err(Failure::from(rejection).going_on(self.return_to));
            }
            Err(rejection) => return Err(rejection.into()),
        };
        for warning in tokens.warnings().iter().chain(identity.warnings()) {
            tracing::info!(target: crate::site::failure::LOG, %warning, "a value was left out of a sign-in");
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
            // No account is looked for.
            Intent::Check { .. } => Err(LoginRejection::stale().into()),
        }
    }

    /// The browser sent the response twice, and the first is being handled: the person goes on where that one leads.
    fn repeated(&self, rejection: LoginRejection) -> Failure {
        Failure::from(rejection).going_on(self.return_to)
    }

    async fn sign_in(
        self,
        note: Note,
        identity: Identity,
        tokens: Tokens,
        continues: Option<Session>,
    ) -> Result<Response<String>, Failure> {
        let (site, visit) = (self.visit.site(), self.visit);
        let login = self.logged_in(identity, tokens);
        let account = match &continues {
            Some(session) => session.account().to_owned(),
            None => site.inner.accounts.sign_in(&login).await?,
        };
        let LoggedIn { identity, tokens, .. } = login;
        let mut new = NewSession::new(account, self.name, &identity, tokens.id_token());
        let claims = tokens.id_token().map_or(identity.profile(), |token| token.claims());
        new.roles = roles(claims, &site.inner.roles);
        new.session_state = tokens.session_state().map(str::to_owned);
        new.continues = continues;
        let before: Vec<_> =
            self.session.as_ref().map(Session::reference).into_iter().chain(note.session).collect();
        // A session in a cookie does not keep it.
        let device = if site.sessions().is_server_side() { visit.device() } else { Device::default() };
        let begun = site.sessions().begin(site.public_url(), new, device, &before).await?;
        let vault = site.vault(self.name, self.client.clone());
        if let Err(error) = vault.connect(begun.session.tokens_of(), tokens).identity(&identity).await {
            // Nobody has its cookie.
            let _ = site.sessions().end(&begun.session).await;
            return Err(error.into());
        }
        let mut forget = begun.forget;
        if !site.sessions().is_server_side() {
            forget.extend(self.session.map(|session| session.tokens_of().to_owned()));
            forget.retain(|user| user != begun.session.tokens_of());
        }
        visit.becomes(Some(begun.session), Some(begun.set_cookie));
        site.forget(forget).await;
        site.sweep().await;
        see_other(self.return_to)
    }

    async fn link(self, whom: Whom, identity: Identity, tokens: Tokens) -> Result<Response<String>, Failure> {
        let site = self.visit.site();
        let session = self.session.clone().filter(|session| Whom::account(session) == whom);
        let result = |word: &str| see_other(&format!("{}?link={word}", site.inner.account_page));
        let Some(session) = session else { return result("needs_proof") };
        let login = self.logged_in(identity, tokens);
        let link = site.inner.accounts.link(session.account(), &login).await?;
        if link != Link::InUse {
            let vault = site.vault(self.name, self.client.clone());
            let user = session.tokens_of();
            // An identity that was linked before changes nothing, unless this session has no token there yet.
            if link == Link::Linked || vault.stored_tokens(user, self.name).await?.is_none() {
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
        let (client_name, return_to) = (self.name.to_owned(), self.return_to.to_owned());
        LoggedIn { client_name, identity, tokens, return_to, data: None }
    }
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

/// Lets the browser bring a posted response once more, by a redirect that carries its session.
fn hop_to(visit: &Visit, path: &str, form: &[u8]) -> Result<Response<String>, Failure> {
    let too_long = || Failure::new(Fault::Malformed, "the posted response is longer than a URL may be");
    let form = str::from_utf8(form).ok().filter(|form| form.len() <= MAX_HOP).ok_or_else(too_long)?;
    let sealed =
        visit.site().inner.keys.seal(HOP_PURPOSE, path, form).map_err(|_| LoginRejection::no_cookie())?;
    see_other(&format!("{path}?{HOP}={sealed}"))
}

/// The roles in the claims: those texts of the list that have a length.
fn roles(claims: &serde_json::Value, pointer: &str) -> Vec<String> {
    let list = claims.pointer(pointer).and_then(|list| list.as_array()).into_iter().flatten();
    list.filter_map(|role| role.as_str()).filter(|role| !role.is_empty()).map(str::to_owned).collect()
}

/// The parameter with a posted response.
const HOP: &str = "posted";
const HOP_PURPOSE: &str = "vouchsafe posted response";
/// The longest response that is brought once more, in bytes: servers and proxies accept a request line of 8 kB.
const MAX_HOP: usize = 4096;
