//! The authorization endpoint, RFC 6749 section 3.1 and OpenID Connect Core section 3.1.2.1.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use vouchsafe_providers::Pkce;

use super::authorization_response::{forwarded, never_returns, with_error};
use super::request::Form;
use super::request_object::{self, Asked};
use super::{Call, details, interaction};
use crate::config::{ClientConfig, accepts};
use crate::fault::Strike;
use crate::pages::Problem;
use crate::part::Part;
use crate::state::{AuthorizationRequest, Challenge, ChallengeMethod, NO_ACR};
use crate::wire::{OAuthError, ensure, error, invalid_request};

pub(super) async fn respond(call: &Call<'_>) -> Result<Response, Problem> {
    let params = call.incoming.params().ok_or_else(not_a_form)?;
    let names = [&call.part.definition.authorization.names];
    let asked = match request_object::resolve(call, params.clone()).await {
        Ok(asked) => asked,
        Err(error) => {
            // The browser is sent back only to a redirect URI that is good by itself.
            let page = || Problem::bad_request("This authorization request is refused", &error.description);
            let request = begin(call, &Form::new(params, &names));
            let request = request.map_err(|_| page().detail("error", error.code))?;
            return Ok(with_error(call.shared, &request, &error));
        }
    };
    let form = Form::new(asked.params.clone(), &names);
    let mut request = begin(call, &form)?;
    let is_plain = !asked.is_pushed && call.must_push(&request.client_id);
    ensure(!is_plain, must_be_pushed())?;
    ensure(!call.shared.faults.deals(Strike::NoReturn, None), never_returns(&request))?;
    request.jkt.clone_from(&asked.jkt);
    Ok(match check(call, &asked, &form, &mut request) {
        Ok(()) => interaction::begin(call.shared, &call.incoming, request),
        Err(error) => with_error(call.shared, &request, &error),
    })
}

/// RFC 6749 section 4.1.2.1: the browser is sent nowhere until the client and its redirect URI are known to be good.
pub(super) fn begin(call: &Call<'_>, form: &Form<'_>) -> Result<AuthorizationRequest, Problem> {
    let client = read_client(call.part, form)?;
    let (redirect_uri, redirect_uri_omitted) = read_redirect_uri(call.part, client, form)?;
    let state = once(form, "state").map(str::to_owned);
    let mode = form.params.get("response_mode");
    Ok(AuthorizationRequest {
        redirect_uri,
        redirect_uri_omitted,
        is_form_post: mode.is_some_and(|mode| mode.starts_with("form_post")),
        is_jwt: call.part.is_own && mode.is_some_and(|mode| SIGNED.contains(&mode)),
        forward: forwarded(call.part, state.as_deref()),
        state,
        ..AuthorizationRequest::new(Arc::clone(call.part), call.marks.clone(), client.id.clone())
    })
}

/// Reads the rest of the request. From here on the application learns of every mistake.
pub(super) fn check(
    call: &Call<'_>,
    asked: &Asked,
    form: &Form<'_>,
    request: &mut AuthorizationRequest,
) -> Result<(), OAuthError> {
    let (part, quirks, params) = (call.part, &call.part.definition.authorization, &form.params);
    params.check_duplicates()?;
    let mode = params.get("response_mode");
    let is_known = matches!(mode, None | Some("query" | "form_post")) || request.is_jwt;
    ensure(is_known, invalid_request("response_mode is neither query nor form_post"))?;
    let unsigned = "this client must send a signed request object (RFC 9101 section 10.5)";
    ensure(asked.is_signed || !call.must_sign(&request.client_id), invalid_request(unsigned))?;
    check_unsupported(form, quirks.params.contains_key("response_type"))?;
    let order = quirks.order.iter().filter_map(|name| params.position(form.name(name)?));
    let unordered = invalid_request("the parameters are not in the order that is documented");
    ensure(order.is_sorted(), unordered)?;
    let fixed = quirks.params.iter().filter(|(_, value)| !value.is_empty());
    let fixed = fixed.map(|(name, _)| (name, params.get(name)));
    let required = quirks.required.iter().map(|name| (name, form.get(name)));
    if let Some((name, _)) = fixed.chain(required).find(|(_, value)| value.is_none()) {
        return Err(invalid_request(format!("parameter {name} is missing")));
    }
    request.challenge = challenge(part, &request.client_id, form)?;
    request.scopes = part.scopes(form.get("scope"))?;
    let mut needed = part.definition.refreshing.needs_params.iter();
    request.is_lasting = needed.all(|(name, value)| params.get(name) == Some(value));
    // An application that asks for the identity alone may choose the response mode.
    let must_post = quirks.params.get("response_mode").is_some_and(|mode| mode == "form_post");
    let asks_more = request.scopes.iter().any(|scope| scope != "openid");
    let wrong_mode = invalid_request("response_mode must be form_post where a scope is requested");
    ensure(!must_post || !asks_more || request.is_form_post, wrong_mode)?;
    let max_age = form.get("max_age").map(str::parse).transpose();
    request.max_age = max_age.map_err(|_| invalid_request("max_age is not a number of seconds"))?;
    let prompt = params.get("prompt").unwrap_or_default().split(' ').filter(|value| !value.is_empty());
    request.prompt = prompt.map(str::to_owned).collect();
    let several = invalid_request("prompt has both none and another value");
    ensure(!request.prompts("none") || request.prompt.len() == 1, several)?;
    request.nonce = form.get("nonce").map(str::to_owned);
    request.login_hint = params.get("login_hint").map(str::to_owned);
    request.only_user = call.id_token_hint(params).map_err(invalid_request)?.map(|hint| hint.username);
    request.acr = params.get("acr_values").and_then(|acr| acr.split(' ').next()).unwrap_or(NO_ACR).to_owned();
    if part.is_own {
        details::read(call, params, request)?;
        if let Some(jkt) = form.get("dpop_jkt") {
            let is_thumbprint =
                jkt.len() == 43 && !jkt.contains(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c));
            ensure(is_thumbprint, invalid_request("dpop_jkt is not a thumbprint (RFC 9449 section 10)"))?;
            request.jkt = Some(jkt.to_owned());
        }
    }
    Ok(())
}

/// A parameter that must not occur more than once.
fn once<'a>(form: &'a Form<'_>, standard: &str) -> Option<&'a str> {
    form.get(standard).filter(|_| form.name(standard).is_some_and(|name| !form.params.is_duplicate(name)))
}

fn read_client<'a>(part: &'a Part, form: &Form<'_>) -> Result<&'a ClientConfig, Problem> {
    let id = once(form, "client_id").or_else(|| (!form.expects("client_id")).then(|| part.client_id()));
    let id = id.ok_or_else(|| {
        Problem::bad_request(
            "Which application is this?",
            "The authorization request has no client_id, or more than one. Check the URL that your application made.",
        )
    })?;
    part.client(id).ok_or_else(|| {
        let advice = "This provider does not know the client_id. Use a client of the sandbox: its start page shows the \
                      clients of its own provider, and each acted provider has one client.";
        Problem::bad_request("This application is not registered", advice).detail("client_id", id)
    })
}

fn read_redirect_uri(part: &Part, client: &ClientConfig, form: &Form<'_>) -> Result<(String, bool), Problem> {
    let problem = |title: &str, text: &str| Problem::bad_request(title, text).detail("client_id", &client.id);
    let wants_openid = || part.scopes(form.get("scope")).is_ok_and(|scopes| scopes.contains("openid"));
    match (once(form, "redirect_uri"), client.redirect_uris.as_slice()) {
        (Some(uri), _) if accepts(&client.redirect_uris, uri) => Ok((uri.to_owned(), false)),
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
        (None, [only]) if form.get("redirect_uri").is_none() && !wants_openid() => Ok((only.clone(), true)),
        (None, _) => Err(problem(
            "Where should you return to?",
            "The authorization request has no redirect_uri, or more than one. Check the URL that your application made.",
        )),
    }
}

fn check_unsupported(form: &Form<'_>, response_type_is_fixed: bool) -> Result<(), OAuthError> {
    // OpenID Connect Core section 3.1.2.6 has a code for each of these.
    for (name, code) in [
        ("request", "request_not_supported"),
        ("request_uri", "request_uri_not_supported"),
        ("registration", "registration_not_supported"),
    ] {
        let description = "the sandbox takes all parameters from the authorization request itself";
        ensure(form.params.get(name).is_none(), error(code, description))?;
    }
    match form.get("response_type") {
        Some("code") => Ok(()),
        _ if response_type_is_fixed || !form.expects("response_type") => Ok(()),
        Some(_) => Err(error("unsupported_response_type", "the only response type is code")),
        None => Err(invalid_request("response_type is missing")),
    }
}

/// The code challenge in this provider's spelling. The sandbox's own provider takes `plain` as well.
fn challenge(part: &Part, client_id: &str, form: &Form<'_>) -> Result<Option<Challenge>, OAuthError> {
    let invalid = |description: &str| Err(invalid_request(description));
    let (pkce, method) = (part.definition.pkce, form.get("code_challenge_method"));
    let Some(value) = form.get("code_challenge") else {
        return match pkce {
            _ if method.is_some() => invalid("there is a code_challenge_method, but no code_challenge"),
            Pkce::Required | Pkce::Hex => invalid("code_challenge is missing"),
            _ if part.client(client_id).is_none_or(|client| client.is_public()) => {
                invalid("a public client must use PKCE, and code_challenge is missing")
            }
            Pkce::Supported | Pkce::Unsupported => Ok(None),
        };
    };
    let method = match (pkce, method) {
        (Pkce::Unsupported, _) => return invalid("this provider takes no code_challenge"),
        (Pkce::Hex, Some("S256")) => ChallengeMethod::Hex,
        (_, Some("S256")) => ChallengeMethod::S256,
        (_, Some("plain") | None) if part.is_own => ChallengeMethod::Plain,
        _ => return invalid("code_challenge_method is not S256"),
    };
    // RFC 7636 section 4.2: 43 to 128 unreserved characters. A hash has the length that its encoding gives it.
    let (lengths, others) = match method {
        ChallengeMethod::Hex => (64..=64, ""),
        ChallengeMethod::S256 => (43..=43, "-_"),
        ChallengeMethod::Plain => (43..=128, "-._~"),
    };
    let fits = |c: char| match method {
        ChallengeMethod::Hex => c.is_ascii_hexdigit(),
        _ => c.is_ascii_alphanumeric() || others.contains(c),
    };
    if !lengths.contains(&value.len()) || !value.chars().all(fits) {
        return invalid("code_challenge does not have the form that its method makes");
    }
    Ok(Some(Challenge { value: value.to_owned(), method }))
}

/// The response modes of a signed response, JWT Secured Authorization Response Mode section 2.3.
const SIGNED: [&str; 3] = ["jwt", "query.jwt", "form_post.jwt"];

fn must_be_pushed() -> Problem {
    let advice = "This client must push its authorization requests (RFC 9126 section 5), and this request was not pushed. You have \
                  not been redirected.";
    Problem::bad_request("This authorization request was not pushed", advice)
}

fn not_a_form() -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "This is not a form",
        "An authorization request by POST has the content type application/x-www-form-urlencoded.",
    )
}
