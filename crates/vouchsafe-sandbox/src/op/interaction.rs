//! The pages between an authorization request and its response: login and consent.

use axum::response::{IntoResponse, Redirect, Response};

use super::authorization_response::{device_decided, never_returns, with_code, with_error};
use super::session::{self, Visit};
use super::shared::Shared;
use crate::fault::Strike;
use crate::pages::{self, Problem};
use crate::state::{AuthorizationRequest, Code, Decision, Interaction, SignedIn};
use crate::wire::{Incoming, OAuthError, Params, error, random_token};

/// Responds to a valid authorization request: with a page, or at once if there is nothing to ask.
pub(super) fn begin(shared: &Shared, incoming: &Incoming, request: AuthorizationRequest) -> Response {
    let session = session::find_or_start(shared, incoming);
    let refuse = |code, description: &str| with_error(shared, &request, &error(code, description));
    let signed_in = usable_sign_in(shared, &session, &request);
    let asks_consent = signed_in.is_some() && needs_consent(shared, &session, &request);
    let response = match signed_in {
        // OpenID Connect Core section 3.1.2.6.
        None if request.prompts("none") => refuse("login_required", "nobody is signed in"),
        Some(_) if asks_consent && request.prompts("none") => {
            refuse("consent_required", "the user has not allowed this yet")
        }
        Some(signed_in) if !asks_consent => issue_code(shared, request, signed_in),
        signed_in => {
            let id = random_token("");
            let interaction = Interaction { session: session.clone(), request, signed_in };
            let page = question(shared, &id, &interaction);
            shared.store().interactions.insert(id, interaction);
            page
        }
    };
    session::remember(shared, &session, response)
}

/// The page for the next question: who signs in, then whether the application may have access.
fn question(shared: &Shared, id: &str, interaction: &Interaction) -> Response {
    let signed_in = interaction.signed_in.as_ref();
    match signed_in.and_then(|signed_in| shared.user(&signed_in.username)) {
        Some(user) => pages::consent(id, &interaction.request, user),
        None => pages::login(&shared.settings.users, id, &interaction.request),
    }
}

/// The login page again, to choose another user.
pub(crate) async fn show_login(Visit { shared, incoming }: Visit) -> Result<Response, Problem> {
    let (id, interaction) = find(&shared, &incoming, &incoming.query)?;
    Ok(pages::login(&shared.settings.users, &id, &interaction.request))
}

/// One click on a user.
pub(crate) async fn login(Visit { shared, incoming }: Visit) -> Result<Response, Problem> {
    let form = incoming.form().unwrap_or_default();
    let (id, interaction) = find(&shared, &incoming, &form)?;
    let username = form.get("user").unwrap_or_default();
    let unknown = || {
        let advice = "Go back and choose a user on the page. You can add users when you start the sandbox.";
        Problem::bad_request("This user does not exist", advice).detail("User", username)
    };
    let user = shared.user(username).ok_or_else(unknown)?;
    let request = &interaction.request;
    if request.only_user.as_deref().is_some_and(|only| only != user.username()) {
        // OpenID Connect Core section 3.1.2.2: never a token for another user than the hint names.
        shared.store().interactions.remove(&id);
        let error = error("login_required", "the ID token hint names another user");
        return Ok(with_error(&shared, request, &error));
    }
    let (session, signed_in) = shared.store().sign_in(&interaction.session, user, shared.now());
    let response = if needs_consent(&shared, &session, request) {
        if let Some(interaction) = shared.store().interactions.get_mut(&id) {
            interaction.signed_in = Some(signed_in);
        }
        Redirect::to(&format!("/consent?interaction={id}")).into_response()
    } else {
        shared.store().interactions.remove(&id);
        issue_code(&shared, interaction.request, signed_in)
    };
    Ok(session::remember(&shared, &session, response))
}

/// The consent page.
pub(crate) async fn show_consent(Visit { shared, incoming }: Visit) -> Result<Response, Problem> {
    let (id, interaction) = find(&shared, &incoming, &incoming.query)?;
    Ok(question(&shared, &id, &interaction))
}

/// Allow or deny.
pub(crate) async fn consent(Visit { shared, incoming }: Visit) -> Result<Response, Problem> {
    let form = incoming.form().unwrap_or_default();
    let (id, interaction) = find(&shared, &incoming, &form)?;
    let request = interaction.request;
    match (form.get("decision"), interaction.signed_in) {
        (Some("allow"), Some(signed_in)) => {
            let mut store = shared.store();
            store.interactions.remove(&id);
            if let Some(session) = store.sessions.get_mut(&interaction.session) {
                session.consents.entry(request.consent_key()).or_default().extend(&request.scopes);
            }
            drop(store);
            Ok(issue_code(&shared, request, signed_in))
        }
        (Some("deny"), _) => {
            shared.store().interactions.remove(&id);
            Ok(with_error(&shared, &request, &denied()))
        }
        _ => Err(stale()),
    }
}

const CODE_LIFETIME: u64 = 60;

fn issue_code(shared: &Shared, mut request: AuthorizationRequest, signed_in: SignedIn) -> Response {
    if shared.faults.deals(Strike::NoReturn, Some(&signed_in.username)) {
        return never_returns(&request).into_response();
    }
    if shared.faults.deals(Strike::Denial, Some(&signed_in.username)) {
        return with_error(shared, &request, &denied());
    }
    if let Some(device_code) = &request.device {
        return device_decided(shared, device_code, Decision::Allowed(signed_in));
    }
    let code = random_token("sandbox-code-");
    let response = with_code(shared, &request, &signed_in, &code);
    shared.faults.change_code(&mut request, &signed_in.username);
    let expires_at = shared.now().saturating_add(CODE_LIFETIME);
    shared.secrets.note(&code);
    shared.store().codes.insert(code, Code { request, signed_in, expires_at, redeemed: None });
    response
}

/// The signed-in user, if the request accepts that sign-in.
fn usable_sign_in(shared: &Shared, session: &str, request: &AuthorizationRequest) -> Option<SignedIn> {
    let now = shared.now();
    let signed_in = shared.store().sessions.get(session)?.signed_in.clone()?;
    let too_old = request.max_age.is_some_and(|max_age| {
        // OpenID Connect Core section 3.1.2.1: `max_age=0` means the same as `prompt=login`.
        max_age == 0 || now.saturating_sub(signed_in.auth_time) > max_age
    });
    let other = request.only_user.as_ref().is_some_and(|only| *only != signed_in.username);
    let anew = request.prompts("login") || request.prompts("select_account");
    (!anew && !too_old && !other).then_some(signed_in)
}

fn needs_consent(shared: &Shared, session: &str, request: &AuthorizationRequest) -> bool {
    if request.prompts("consent") {
        return true;
    }
    let store = shared.store();
    let allowed =
        store.sessions.get(session).and_then(|session| session.consents.get(&request.consent_key()));
    shared.settings.consent && !allowed.is_some_and(|allowed| allowed.covers(&request.scopes))
}

/// The interaction that a form or a URL names, if it belongs to this browser.
fn find(shared: &Shared, incoming: &Incoming, params: &Params) -> Result<(String, Interaction), Problem> {
    let id = params.get("interaction").ok_or_else(stale)?;
    let session = session::find(shared, incoming).ok_or_else(stale)?;
    let interaction = shared.store().interactions.get(id).cloned();
    let interaction = interaction.filter(|interaction| interaction.session == session).ok_or_else(stale)?;
    Ok((id.to_owned(), interaction))
}

fn denied() -> OAuthError {
    error("access_denied", "the user has denied the request")
}

fn stale() -> Problem {
    Problem::bad_request(
        "This page has expired",
        "It was used already, belongs to another browser, or its cookie is gone. Go back to your application and sign \
         in again.",
    )
}
