use std::iter;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use crate::acts::authorize::Acting;
use crate::config::ClientConfig;
use crate::pages::Problem;
use crate::routes::authorization_response::{ResponseMode, respond};
use crate::routes::device;
use crate::routes::interaction;
use crate::sandbox::Shared;
use crate::state::store::Decision;
use crate::wire::Params;
use crate::wire::Scopes;
use crate::wire::printable;
use crate::wire::{sha256_base64url, sha256_hex};

/// The authorization endpoint by GET, RFC 6749 §3.1.
pub(crate) async fn by_query(State(shared): State<Arc<Shared>>, headers: HeaderMap, uri: Uri) -> Response {
    answer(&shared, &headers, &Params::from_query(&uri))
}

/// The authorization endpoint by POST, which OpenID Connect Core §3.1.2.1 asks for.
pub(crate) async fn by_form(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    match Params::from_body(&headers, &body) {
        Some(params) => answer(&shared, &headers, &params),
        None => Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "That is not a form",
            "An authorization request by POST has the content type application/x-www-form-urlencoded.",
        )
        .into_response(),
    }
}

fn answer(shared: &Shared, headers: &HeaderMap, params: &Params) -> Response {
    match AuthorizationRequest::read(shared, params) {
        Ok(request) => interaction::begin(shared, headers, request),
        Err(Refusal::Page(problem)) => problem.into_response(),
        Err(Refusal::Redirect(redirect)) => redirect.into_response(),
    }
}

/// A valid authorization request.
#[derive(Clone)]
pub(crate) struct AuthorizationRequest {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    /// Left out, as RFC 6749 §3.1.2.3 allows when there is only one it can be.
    pub(crate) redirect_uri_omitted: bool,
    pub(crate) response_mode: ResponseMode,
    pub(crate) scopes: Scopes,
    pub(crate) state: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) max_age: Option<u64>,
    pub(crate) prompt: Prompt,
    pub(crate) login_hint: Option<String>,
    /// Whom the `id_token_hint` names; the request is for nobody else.
    pub(crate) only_user: Option<String>,
    /// The first of the `acr_values`: the sandbox grants whatever is asked for.
    pub(crate) acr: String,
    /// The provider that the sandbox acts in this login, if it acts one.
    pub(crate) acting: Option<Acting>,
    /// The device code of the device that waits for this decision; nobody is redirected then.
    pub(crate) device: Option<String>,
}

impl AuthorizationRequest {
    fn read(shared: &Shared, params: &Params) -> Result<Self, Refusal> {
        // RFC 6749 §4.1.2.1: until client and redirect URI are known to be good, the browser must not be sent anywhere.
        let client = read_client(shared, params)?;
        let (redirect_uri, redirect_uri_omitted) = read_redirect_uri(client, params)?;
        let state = params.get("state").filter(|_| !params.is_duplicate("state")).map(str::to_owned);
        let response_mode = ResponseMode::read(params.get("response_mode"));
        let refuse = |error, description: String| {
            Refusal::Redirect(ErrorRedirect {
                redirect_uri: redirect_uri.clone(),
                response_mode: response_mode.unwrap_or_default(),
                state: state.clone(),
                issuer: shared.issuer.clone(),
                error,
                description,
            })
        };
        let invalid = |description: &str| refuse("invalid_request", description.to_owned());
        if let Some(name) = params.duplicate() {
            return Err(invalid(&format!("parameter {name} is there more than once")));
        }
        let Some(response_mode) = response_mode else {
            return Err(invalid("the sandbox answers in the query or by form_post only"));
        };
        read_unsupported(params).map_err(|(error, description)| refuse(error, description.to_owned()))?;
        let scopes = Scopes::parse(
            params.get("scope").filter(|scope| !scope.trim().is_empty()).unwrap_or(DEFAULT_SCOPE),
        )
        .ok_or_else(|| {
            refuse(
                "invalid_scope",
                "scope has characters that no scope may have, or too many values".to_owned(),
            )
        })?;
        let max_age = match params.get("max_age").map(str::parse) {
            Some(Err(_)) => return Err(invalid("max_age is not a number of seconds")),
            Some(Ok(seconds)) => Some(seconds),
            None => None,
        };
        let only_user = match params.get("id_token_hint") {
            Some(hint) => match shared.store().id_tokens.get(&sha256_base64url(hint)) {
                Some(issued) => Some(issued.username.clone()),
                None => return Err(invalid("id_token_hint is not an ID token of this sandbox")),
            },
            None => None,
        };
        Ok(Self {
            challenge: Challenge::read(client, params).map_err(invalid)?,
            prompt: Prompt::read(params.get("prompt")).map_err(invalid)?,
            client_id: client.id.clone(),
            redirect_uri: redirect_uri.clone(),
            redirect_uri_omitted,
            response_mode,
            scopes,
            state: state.clone(),
            nonce: params.get("nonce").map(str::to_owned),
            max_age,
            login_hint: params.get("login_hint").map(str::to_owned),
            only_user,
            acr: params.get("acr_values").and_then(|acr| acr.split(' ').next()).unwrap_or(NO_ACR).to_owned(),
            acting: None,
            device: None,
        })
    }

    /// The authorization response that carries a code.
    pub(crate) fn redirect_with_code(&self, shared: &Shared, username: &str, code: &str) -> Response {
        let params: Vec<_> = match &self.acting {
            Some(acting) => acting.response(shared, self, username, code),
            None => {
                let state = self.state.iter().map(|state| ("state".to_owned(), state.clone()));
                iter::once(("code".to_owned(), code.to_owned())).chain(state).collect()
            }
        };
        self.redirect(shared, params, Some(username))
    }

    /// The authorization response that carries an error.
    pub(crate) fn redirect_with_error(
        &self,
        shared: &Shared,
        error: &'static str,
        description: &str,
    ) -> Response {
        if let Some(device_code) = &self.device {
            return device::decide(shared, device_code, Decision::Denied);
        }
        self.redirect(shared, error_params(error, description, self.state.as_deref()), None)
    }

    /// RFC 9207 is what few providers do, and no definition speaks of it: an act has `iss` where it is told to.
    fn redirect(
        &self,
        shared: &Shared,
        mut params: Vec<(String, String)>,
        username: Option<&str>,
    ) -> Response {
        let issuer = match &self.acting {
            Some(acting) => acting.response_issuer(),
            None => Some(shared.issuer.clone()),
        };
        // RFC 9207 §2: in errors, too.
        params.extend(issuer.map(|issuer| ("iss".to_owned(), issuer)));
        shared.spoil_callback(&mut params, username);
        respond(self.response_mode, &self.redirect_uri, params)
    }
}

/// A code challenge, RFC 7636 §4.3.
#[derive(Clone)]
pub(crate) struct Challenge {
    pub(crate) value: String,
    pub(crate) method: ChallengeMethod,
}

/// How a code challenge comes of its verifier.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum ChallengeMethod {
    Plain,
    S256,
    /// As S256, but in hexadecimal: no standard, and yet some have it.
    Hex,
}

impl ChallengeMethod {
    pub(crate) fn of(self, verifier: &str) -> String {
        match self {
            Self::Plain => verifier.to_owned(),
            Self::S256 => sha256_base64url(verifier),
            Self::Hex => sha256_hex(verifier),
        }
    }
}

impl Challenge {
    fn read(client: &ClientConfig, params: &Params) -> Result<Option<Self>, &'static str> {
        let method = match params.get("code_challenge_method") {
            Some("S256") => ChallengeMethod::S256,
            Some("plain") | None => ChallengeMethod::Plain,
            Some(_) => return Err("code_challenge_method is neither S256 nor plain"),
        };
        let Some(value) = params.get("code_challenge") else {
            if params.get("code_challenge_method").is_some() {
                return Err("there is a code_challenge_method, but no code_challenge");
            }
            if client.secret.is_none() {
                return Err("a public client must use PKCE, and code_challenge is missing");
            }
            return Ok(None);
        };
        // RFC 7636 §4.2: 43 to 128 unreserved characters.
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        if !(43..=128).contains(&value.len()) || !value.bytes().all(unreserved) {
            return Err("code_challenge is not 43 to 128 characters of A-Z, a-z, 0-9, -, ., _ and ~");
        }
        Ok(Some(Self { value: value.to_owned(), method }))
    }
}

/// What `prompt` asks for, OpenID Connect Core §3.1.2.1.
#[derive(Clone, Copy, Default)]
pub(crate) struct Prompt {
    pub(crate) none: bool,
    pub(crate) login: bool,
    pub(crate) consent: bool,
}

impl Prompt {
    pub(crate) fn read(text: Option<&str>) -> Result<Self, &'static str> {
        let mut prompt = Self::default();
        let values = || text.unwrap_or_default().split(' ').filter(|value| !value.is_empty());
        for value in values() {
            match value {
                "none" => prompt.none = true,
                "login" | "select_account" => prompt.login = true,
                "consent" => prompt.consent = true,
                _ => {}
            }
        }
        if prompt.none && values().count() > 1 {
            return Err("prompt has none together with another value");
        }
        Ok(prompt)
    }
}

/// OpenID Connect Core §2: an authentication that reaches no level of assurance.
pub(crate) const NO_ACR: &str = "0";
/// Plain OAuth 2 without a scope: the name, as most providers give it.
const DEFAULT_SCOPE: &str = "profile";

enum Refusal {
    Page(Problem),
    Redirect(ErrorRedirect),
}

struct ErrorRedirect {
    redirect_uri: String,
    response_mode: ResponseMode,
    state: Option<String>,
    issuer: String,
    error: &'static str,
    description: String,
}

impl IntoResponse for ErrorRedirect {
    fn into_response(self) -> Response {
        let mut params = error_params(self.error, &self.description, self.state.as_deref());
        params.push(("iss".to_owned(), self.issuer));
        respond(self.response_mode, &self.redirect_uri, params)
    }
}

fn error_params(error: &str, description: &str, state: Option<&str>) -> Vec<(String, String)> {
    let description = printable(description);
    let params = [("error", error), ("error_description", &description)];
    let params = params.into_iter().chain(state.map(|state| ("state", state)));
    params.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn read_client<'a>(shared: &'a Shared, params: &Params) -> Result<&'a ClientConfig, Refusal> {
    let page = |title: &str, text: &str| Refusal::Page(Problem::new(StatusCode::BAD_REQUEST, title, text));
    let Some(id) = params.get("client_id").filter(|_| !params.is_duplicate("client_id")) else {
        return Err(page(
            "Which application is this?",
            "The authorization request has no client_id, or more than one. Check the URL that your application made.",
        ));
    };
    shared.client(id).ok_or_else(|| {
        Refusal::Page(
            Problem::new(
                StatusCode::BAD_REQUEST,
                "This application is not registered",
                "The sandbox does not know this client_id. Use one of the built-in clients that its start page shows, \
                 or register your own when you start the sandbox.",
            )
            .detail("client_id", id),
        )
    })
}

fn read_redirect_uri(client: &ClientConfig, params: &Params) -> Result<(String, bool), Refusal> {
    let given = params.get("redirect_uri").filter(|_| !params.is_duplicate("redirect_uri"));
    match (given, client.redirect_uris.as_slice()) {
        (Some(uri), _) if client.accepts_redirect_uri(uri) => Ok((uri.to_owned(), false)),
        (Some(uri), registered) => {
            let advice = if registered.is_empty() {
                "This client may only return to a loopback address, such as http://127.0.0.1:3000/callback. \
                 Nobody has been sent anywhere."
            } else {
                "It is none of those registered for this client; they are compared as text. \
                 Nobody has been sent anywhere."
            };
            let problem = Problem::new(StatusCode::BAD_REQUEST, "This redirect URI is not registered", advice);
            Err(Refusal::Page(problem.detail("client_id", &client.id).detail("redirect_uri", uri)))
        }
        // OpenID Connect Core §3.1.2.1 requires it; RFC 6749 §3.1.2.3 does not if there is just one.
        (None, [only]) if params.get("redirect_uri").is_none() && !asks_for_openid(params) => Ok((only.clone(), true)),
        (None, _) => Err(Refusal::Page(
            Problem::new(
                StatusCode::BAD_REQUEST,
                "Where should you return to?",
                "The authorization request has no redirect_uri, or more than one. Check the URL that your application made.",
            )
            .detail("client_id", &client.id),
        )),
    }
}

fn asks_for_openid(params: &Params) -> bool {
    params.get("scope").is_some_and(|scope| scope.split(' ').any(|scope| scope == "openid"))
}

fn read_unsupported(params: &Params) -> Result<(), (&'static str, &'static str)> {
    // OpenID Connect Core §3.1.2.6 has a code for each of these.
    for (name, error) in [
        ("request", "request_not_supported"),
        ("request_uri", "request_uri_not_supported"),
        ("registration", "registration_not_supported"),
    ] {
        if params.get(name).is_some() {
            return Err((error, "the sandbox takes all parameters in the authorization request itself"));
        }
    }
    match params.get("response_type") {
        Some("code") => Ok(()),
        Some(_) => Err(("unsupported_response_type", "the sandbox answers with a code only")),
        None => Err(("invalid_request", "response_type is missing")),
    }
}
