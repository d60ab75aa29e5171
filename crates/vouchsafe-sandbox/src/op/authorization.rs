//! The authorization endpoint, RFC 6749 section 3.1 and OpenID Connect Core section 3.1.2.1.

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use vouchsafe_providers::Pkce;

use super::authorization_response::{forwarded, with_error};
use super::{Call, interaction};
use crate::config::ClientConfig;
use crate::pages::Problem;
use crate::part::{Form, Part};
use crate::state::request::{AuthorizationRequest, Challenge, ChallengeMethod, NO_ACR, Prompt};
use crate::wire::{Params, ResponseMode, sha256_base64url};

pub(super) fn answer(call: &Call<'_>) -> Response {
    let params = match call.incoming.method {
        Method::POST => match call.incoming.form() {
            Some(form) => form,
            None => return not_a_form().into_response(),
        },
        _ => call.incoming.query.clone(),
    };
    let form = Form::new(params, &[&call.part.definition.authorization.names]);
    let mut request = match begin(call, &form) {
        Ok(request) => request,
        Err(problem) => return problem.into_response(),
    };
    match check(call, &form, &mut request) {
        Ok(()) => interaction::begin(call.shared, &call.incoming.headers, request),
        Err((error, description)) => with_error(call.shared, &request, error, &description),
    }
}

/// RFC 6749 section 4.1.2.1: until client and redirect URI are known to be good, the browser must not be sent anywhere.
fn begin(call: &Call<'_>, form: &Form<'_>) -> Result<AuthorizationRequest, Problem> {
    let client = read_client(call.part, form)?;
    let (redirect_uri, redirect_uri_omitted) = read_redirect_uri(call.part, client, form)?;
    let state = once(form, "state").map(str::to_owned);
    Ok(AuthorizationRequest {
        redirect_uri,
        redirect_uri_omitted,
        response_mode: ResponseMode::read(form.params.get("response_mode")).unwrap_or_default(),
        forward: forwarded(call.part, state.as_deref()),
        state,
        ..AuthorizationRequest::new(Arc::clone(call.part), call.marks.clone(), client.id.clone())
    })
}

/// An error code of RFC 6749 section 4.1.2.1 and a description.
type Refusal = (&'static str, String);

/// Reads the rest of the request. From here on the application learns what is wrong.
fn check(call: &Call<'_>, form: &Form<'_>, request: &mut AuthorizationRequest) -> Result<(), Refusal> {
    let (part, quirks, params) = (call.part, &call.part.definition.authorization, &form.params);
    let invalid = |description: String| ("invalid_request", description);
    if let Some(name) = params.duplicate() {
        return Err(invalid(format!("parameter {name} occurs more than once")));
    }
    let Some(mode) = ResponseMode::read(params.get("response_mode")) else {
        return Err(invalid("response_mode is neither query nor form_post".to_owned()));
    };
    check_unsupported(form, quirks.params.contains_key("response_type"))?;
    let order = quirks.order.iter().filter_map(|name| params.position(form.name(name)?));
    if !order.is_sorted() {
        return Err(invalid("the parameters are not in the order that is documented".to_owned()));
    }
    let fixed =
        quirks.params.iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| (name, params.get(name)));
    let required = quirks.required.iter().map(|name| (name, form.get(name)));
    if let Some((name, _)) = fixed.chain(required).find(|(_, value)| value.is_none()) {
        return Err(invalid(format!("parameter {name} is missing")));
    }
    let client = part.client(&request.client_id);
    request.challenge = challenge(part, client, form).map_err(|text| invalid(text.to_owned()))?;
    request.scopes = part.scopes(form.get("scope")).ok_or_else(|| {
        ("invalid_scope", "scope has characters that no scope may have, or too many values".to_owned())
    })?;
    // An application that asks for the identity alone may choose the response mode.
    if quirks.params.get("response_mode").is_some_and(|mode| mode == "form_post")
        && mode != ResponseMode::FormPost
        && request.scopes.iter().any(|scope| scope != "openid")
    {
        return Err(invalid("response_mode must be form_post where a scope is requested".to_owned()));
    }
    let max_age = form.get("max_age").map(str::parse).transpose();
    request.max_age = max_age.map_err(|_| invalid("max_age is not a number of seconds".to_owned()))?;
    request.prompt = Prompt::read(params.get("prompt")).map_err(|text| invalid(text.to_owned()))?;
    request.nonce = form.get("nonce").map(str::to_owned);
    request.login_hint = params.get("login_hint").map(str::to_owned);
    request.only_user = read_hint(call, params).map_err(|text| invalid(text.to_owned()))?;
    request.acr = params.get("acr_values").and_then(|acr| acr.split(' ').next()).unwrap_or(NO_ACR).to_owned();
    Ok(())
}

/// A parameter that must not occur more than once.
fn once<'a>(form: &'a Form<'_>, standard: &str) -> Option<&'a str> {
    form.get(standard).filter(|_| form.name(standard).is_some_and(|name| !form.params.is_duplicate(name)))
}

fn read_client<'a>(part: &'a Part, form: &Form<'_>) -> Result<&'a ClientConfig, Problem> {
    let page = |title: &str, text: &str| Problem::new(StatusCode::BAD_REQUEST, title, text);
    let id = match once(form, "client_id") {
        Some(id) => id,
        None if form.expects("client_id") => {
            return Err(page(
                "Which application is this?",
                "The authorization request has no client_id, or more than one. Check the URL that your application made.",
            ));
        }
        None => part.client_id(),
    };
    part.client(id).ok_or_else(|| {
        page(
            "This application is not registered",
            "This provider does not know the client_id. Use a client of the sandbox: its start page shows the clients of \
             its own provider, and each acted provider has one client.",
        )
        .detail("client_id", id)
    })
}

fn read_redirect_uri(part: &Part, client: &ClientConfig, form: &Form<'_>) -> Result<(String, bool), Problem> {
    let problem = |title: &str, text: &str| {
        Problem::new(StatusCode::BAD_REQUEST, title, text).detail("client_id", &client.id)
    };
    match (once(form, "redirect_uri"), client.redirect_uris.as_slice()) {
        (Some(uri), _) if client.accepts_redirect_uri(uri) => Ok((uri.to_owned(), false)),
        (Some(uri), registered) => {
            let advice = if registered.is_empty() {
                "This client may only return to a loopback address, such as http://127.0.0.1:3000/callback. \
                 You have not been redirected."
            } else {
                "It is not registered for this client. Redirect URIs are compared as text. You have not been redirected."
            };
            Err(problem("This redirect URI is not registered", advice).detail("redirect_uri", uri))
        }
        // OpenID Connect Core section 3.1.2.1 requires it; RFC 6749 section 3.1.2.3 does not if only one is registered.
        (None, [only]) if form.get("redirect_uri").is_none() && !wants_openid(part, form) => {
            Ok((only.clone(), true))
        }
        (None, _) => Err(problem(
            "Where should you return to?",
            "The authorization request has no redirect_uri, or more than one. Check the URL that your application made.",
        )),
    }
}

fn wants_openid(part: &Part, form: &Form<'_>) -> bool {
    part.scopes(form.get("scope")).is_some_and(|scopes| scopes.contains("openid"))
}

fn check_unsupported(form: &Form<'_>, response_type_is_fixed: bool) -> Result<(), Refusal> {
    // OpenID Connect Core section 3.1.2.6 has a code for each of these.
    for (name, error) in [
        ("request", "request_not_supported"),
        ("request_uri", "request_uri_not_supported"),
        ("registration", "registration_not_supported"),
    ] {
        if form.params.get(name).is_some() {
            let description = "the sandbox takes all parameters from the authorization request itself";
            return Err((error, description.to_owned()));
        }
    }
    match form.get("response_type") {
        Some("code") => Ok(()),
        _ if response_type_is_fixed || !form.expects("response_type") => Ok(()),
        Some(_) => Err(("unsupported_response_type", "the only response type is code".to_owned())),
        None => Err(("invalid_request", "response_type is missing".to_owned())),
    }
}

/// The user that the ID token hint names.
fn read_hint(call: &Call<'_>, params: &Params) -> Result<Option<String>, &'static str> {
    let Some(hint) = params.get("id_token_hint") else { return Ok(None) };
    let store = call.shared.store();
    let issued = store.id_tokens.get(&sha256_base64url(hint));
    match issued.filter(|issued| call.part.client(&issued.client_id).is_some()) {
        Some(issued) => Ok(Some(issued.username.clone())),
        None => Err("id_token_hint is not an ID token of this provider"),
    }
}

/// The code challenge in this provider's spelling. The sandbox's own provider takes `plain` as well.
fn challenge(
    part: &Part,
    client: Option<&ClientConfig>,
    form: &Form<'_>,
) -> Result<Option<Challenge>, &'static str> {
    let (pkce, method) = (part.definition.pkce, form.get("code_challenge_method"));
    let Some(value) = form.get("code_challenge") else {
        return match pkce {
            _ if method.is_some() => Err("there is a code_challenge_method, but no code_challenge"),
            Pkce::Required | Pkce::Hex => Err("code_challenge is missing"),
            _ if client.is_none_or(|client| client.secret.is_none()) => {
                Err("a public client must use PKCE, and code_challenge is missing")
            }
            Pkce::Supported | Pkce::Unsupported => Ok(None),
        };
    };
    let method = match (pkce, method) {
        (Pkce::Unsupported, _) => return Err("this provider takes no code_challenge"),
        (Pkce::Hex, Some("S256")) => ChallengeMethod::Hex,
        (_, Some("S256")) => ChallengeMethod::S256,
        (_, Some("plain") | None) if part.is_own => ChallengeMethod::Plain,
        _ => return Err("code_challenge_method is not S256"),
    };
    let is_all = |fits: fn(u8) -> bool| value.bytes().all(fits);
    let fits = match method {
        ChallengeMethod::Hex => value.len() == 64 && is_all(|b| b.is_ascii_hexdigit()),
        ChallengeMethod::S256 => {
            value.len() == 43 && is_all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        }
        // RFC 7636 section 4.2: 43 to 128 unreserved characters.
        ChallengeMethod::Plain => {
            (43..=128).contains(&value.len()) && is_all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
        }
    };
    match fits {
        true => Ok(Some(Challenge { value: value.to_owned(), method })),
        false => Err("code_challenge does not have the form that its method makes"),
    }
}

fn not_a_form() -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "This is not a form",
        "An authorization request by POST has the content type application/x-www-form-urlencoded.",
    )
}
