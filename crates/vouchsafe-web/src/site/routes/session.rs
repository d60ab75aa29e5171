//! `/session/frame` and `/session/check`: watch the session at the provider (OpenID Connect Session Management 1.0 section 3).
use http::Response;
use http::request::Parts;
use vouchsafe::{AuthorizationResponse, Client, Tokens};

use crate::login::finish::exchange;
use crate::login::rejection::{LoginFault, LoginRejection};
use crate::login::stored::StoredLogin;
use crate::login::visit::may_finish;
use crate::page::session_frame::{SessionFrame, idle, outcome};
use crate::session::record::{Session, SessionRef};
use crate::site::failure::{Failure, LOG};
use crate::site::login::{Intent, Quiet, Start};
use crate::site::routes::asked::Asked;
use crate::site::visit::Visit;

/// The page that asks the provider's frame.
pub(super) async fn frame(asked: &Asked<'_>) -> Result<Response<String>, Failure> {
    let visit = asked.visit;
    let Some(session) = visit.session().await? else { return Ok(idle()) };
    let Some(client) = visit.site().find(session.provider()).await? else { return Ok(idle()) };
    let Some(check) = check_of(&client, session.session_state()).await else { return Ok(idle()) };
    let (path, returns_to) = (visit.site().path("/session/check"), visit.site().returns_to().to_string());
    Ok(SessionFrame::new(check).confirmed_at(path, returns_to).response())
}

/// Asks the provider with `prompt=none` who is signed in there, in a frame inside that page.
pub(super) async fn check(asked: &Asked<'_>) -> Result<Response<String>, Failure> {
    let Asked { visit, parts, query } = asked;
    if !is_own_frame(parts) {
        return Err(LoginRejection::no_visit().into());
    }
    let site = visit.site();
    let Some(session) = visit.session().await? else { return Ok(outcome("ended", None)) };
    let name = session.provider();
    let Some(client) = site.find(name).await? else { return Ok(outcome("unknown", None)) };
    let vault = site.vault(name, client.clone());
    let stored = vault.stored_tokens(session.tokens_of(), name).await;
    let hint = stored.unwrap_or_else(|error| {
        tracing::warn!(target: LOG, %error, "the ID token of a session could not be read: the provider is asked without it");
        None
    });
    let intent = Intent::Check { is_trial: query.one("trial")?.is_some() };
    let start = Start { quiet: Some(Quiet { hint }), ..Start::new(name, client, intent) };
    start.start(visit, parts).await
}

/// A question that was asked in a session.
pub(super) struct Question {
    /// The session of the browser that brings the response.
    pub(super) session: Option<Session>,
    pub(super) asked_in: Option<SessionRef>,
    pub(super) is_trial: bool,
}

impl Question {
    /// Ends the session or goes on with it, by the response of the provider.
    pub(super) async fn answered(
        self,
        visit: &Visit,
        client: &Client,
        login: StoredLogin,
        response: AuthorizationResponse<'_>,
    ) -> Result<Response<String>, Failure> {
        let tokens = exchange(client, login, response).await;
        let Some(session) = self.session else { return Ok(outcome("ended", None)) };
        // Somebody may have signed in since.
        if self.asked_in != Some(session.reference()) {
            return Ok(outcome("unknown", None));
        }
        let (site, name) = (visit.site(), session.provider());
        match verdict(&session, &tokens) {
            Verdict::Same(tokens) => go_on(visit, client, &session, tokens).await,
            // The browser may keep the cookies of the provider from a frame.
            Verdict::NotSignedIn if self.is_trial => Ok(outcome("kept", None)),
            Verdict::NotSignedIn | Verdict::Another => {
                tracing::info!(target: LOG, provider = name, "the session at the provider is over: the session here ends");
                site.sessions().end(&session).await?;
                site.forget([session.tokens_of()]).await;
                visit.becomes(None, site.sessions().removal(site.public_url()));
                Ok(outcome("ended", None))
            }
            Verdict::Unknown(reason) => {
                tracing::info!(target: LOG, provider = name, reason, "the provider did not tell who is signed in");
                Ok(outcome("unknown", None))
            }
        }
    }
}

/// The provider's word on the person of a session.
enum Verdict<'t> {
    Same(&'t Tokens),
    Another,
    NotSignedIn,
    Unknown(String),
}

fn verdict<'t>(session: &Session, tokens: &'t Result<Tokens, LoginRejection>) -> Verdict<'t> {
    match tokens {
        Ok(tokens) => match tokens.id_token() {
            Some(token) if session.is_of(token.issuer(), token.subject()) => Verdict::Same(tokens),
            Some(_) => Verdict::Another,
            None => Verdict::Unknown("there is no ID token in the response".to_owned()),
        },
        Err(rejection) => match rejection.fault() {
            LoginFault::InteractionRequired | LoginFault::Denied => Verdict::NotSignedIn,
            _ => Verdict::Unknown(rejection.to_string()),
        },
    }
}

async fn go_on(
    visit: &Visit,
    client: &Client,
    session: &Session,
    tokens: &Tokens,
) -> Result<Response<String>, Failure> {
    let (sessions, origin) = (visit.site().sessions(), visit.site().public_url());
    let state = tokens.session_state();
    let sid = tokens.id_token().and_then(|token| token.sid());
    let Some(found) = sessions.go_on(origin, session, sid, state).await? else {
        return Ok(outcome("ended", None));
    };
    visit.becomes(Some(found.session), found.set_cookie);
    let check = check_of(client, state).await;
    Ok(outcome("same", check.as_ref().map(|check| check.message())))
}

/// How the provider's frame is asked, if it has one. If the metadata cannot be had, nothing is asked.
async fn check_of(client: &Client, state: Option<&str>) -> Option<vouchsafe::SessionCheck> {
    client.session_check(state?).await.unwrap_or_else(|error| {
        tracing::warn!(target: LOG, %error, "the session at the provider is not watched");
        None
    })
}

/// Whether the page of this site asks. A browser that does not send these headers passes: the provider decides, and no other site can
/// answer for it.
fn is_own_frame(parts: &Parts) -> bool {
    let all = |name: &str, value: &str| parts.headers.get_all(name).iter().all(|sent| sent == value);
    may_finish(parts) && all("sec-fetch-dest", "iframe") && all("sec-fetch-site", "same-origin")
}
