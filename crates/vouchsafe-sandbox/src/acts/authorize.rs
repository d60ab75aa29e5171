use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::hmac;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use vouchsafe_providers::Pkce;

use super::{Act, Call, named, profile};
use crate::config::User;
use crate::pages::Problem;
use crate::routes::authorization_response::ResponseMode;
use crate::routes::authorize::{AuthorizationRequest, Challenge, ChallengeMethod, NO_ACR, Prompt};
use crate::routes::interaction;
use crate::sandbox::Shared;
use crate::wire::Scopes;
use crate::wire::{hex, random_token};

/// The part in which an authorization request was made, and what it said of itself by its URL.
#[derive(Clone)]
pub(crate) struct Acting {
    pub(crate) act: Arc<Act>,
    marks: BTreeMap<String, String>,
    /// Parameters of the authorization response that go on into the token request.
    forward: Vec<(String, String)>,
}

impl Acting {
    pub(super) fn new(
        act: Arc<Act>,
        marks: BTreeMap<String, String>,
        forward: Vec<(String, String)>,
    ) -> Self {
        Self { act, marks, forward }
    }

    /// The issuer, with what the authorization URL had in its place.
    pub(super) fn issuer(&self) -> String {
        super::openid::token_issuer(&self.act, &self.marks)
    }

    /// What `iss` is in the authorization response, where there is one.
    pub(crate) fn response_issuer(&self) -> Option<String> {
        self.act.names_issuer().then(|| self.issuer())
    }

    pub(super) fn forward(&self) -> &[(String, String)] {
        &self.forward
    }

    /// The parameters of the authorization response.
    pub(crate) fn response(
        &self,
        shared: &Shared,
        request: &AuthorizationRequest,
        username: &str,
        code: &str,
    ) -> Vec<(String, String)> {
        let callback = &self.act.definition.callback;
        let suffix = callback.code_suffix.as_deref().unwrap_or_default();
        let mut params = vec![("code".to_owned(), format!("{code}{suffix}"))];
        params.extend(request.state.iter().map(|state| ("state".to_owned(), state.clone())));
        params.extend(self.forward.iter().filter(|(name, _)| name != "state").cloned());
        for (name, value) in &callback.expect {
            params.extend(self.act.fill(value, &self.marks).map(|value| (name.clone(), value)));
        }
        let introduction = shared.user(username).and_then(|user| self.introduction(shared, request, user));
        params.extend(introduction);
        if let Some(name) = &callback.hmac {
            params.push(("timestamp".to_owned(), shared.now().to_string()));
            params.push((name.clone(), sign(&params, self.act.client.secret.as_deref().unwrap_or_default())));
        }
        params
    }

    /// What the first response alone says of the user, where the provider tells that there.
    fn introduction(
        &self,
        shared: &Shared,
        request: &AuthorizationRequest,
        user: &User,
    ) -> Option<(String, String)> {
        let name = self.act.definition.callback.profile.clone()?;
        let profile = profile::introduction(&self.act, user, &request.scopes)?;
        let who = format!("{} {}", self.act.definition.slug, user.username());
        shared.store().introduced.insert_new(who).then(|| (name, profile.to_string()))
    }
}

/// The authorization endpoint of an act.
pub(super) fn answer(call: &Call<'_>) -> Response {
    if call.method != Method::GET {
        return problem(
            StatusCode::METHOD_NOT_ALLOWED,
            "That is not how to ask",
            "A browser comes here by GET.",
        )
        .into_response();
    }
    match read(call) {
        Ok(Ok(request)) => interaction::begin(call.shared, &call.headers, request),
        Ok(Err(redirect)) => redirect,
        Err(problem) => problem.into_response(),
    }
}

/// A page where the browser must not be sent anywhere; inside, a redirect that says no.
fn read(call: &Call<'_>) -> Result<Result<AuthorizationRequest, Response>, Problem> {
    let definition = &call.act.definition;
    let name = definition.display_name.as_str();
    let get =
        |standard| named(&[&definition.authorization.names], standard).and_then(|name| call.query.get(name));
    let expects = |standard| named(&[&definition.authorization.names], standard).is_some();
    if let Some(duplicate) = call.query.duplicate() {
        let text = format!("{name} would not take {duplicate} twice.");
        return Err(problem(StatusCode::BAD_REQUEST, "That is there more than once", text));
    }
    if expects("client_id") && get("client_id") != Some(&call.act.client.id) {
        let text = format!(
            "{name} does not know this application. The sandbox's own client for it is the one to use."
        );
        return Err(problem(StatusCode::BAD_REQUEST, "This application is not registered", text)
            .detail("client_id", get("client_id").unwrap_or("none")));
    }
    let Some(redirect_uri) = get("redirect_uri").filter(|uri| call.act.client.accepts_redirect_uri(uri))
    else {
        let text = "This client may only return to a loopback address. Nobody has been sent anywhere.";
        return Err(problem(StatusCode::BAD_REQUEST, "This redirect URI is not registered", text)
            .detail("redirect_uri", get("redirect_uri").unwrap_or("none")));
    };
    let scopes = get("scope").unwrap_or_default().replace(definition.scope_separator.as_str(), " ");
    let response_mode = ResponseMode::read(call.query.get("response_mode"));
    let mut request = AuthorizationRequest {
        client_id: call.act.client.id.clone(),
        redirect_uri: redirect_uri.to_owned(),
        redirect_uri_omitted: false,
        response_mode: response_mode.unwrap_or_default(),
        scopes: Scopes::default(),
        state: get("state").map(str::to_owned),
        nonce: get("nonce").map(str::to_owned),
        challenge: None,
        max_age: get("max_age").and_then(|age| age.parse().ok()),
        prompt: Prompt::read(call.query.get("prompt")).unwrap_or_default(),
        login_hint: call.query.get("login_hint").map(str::to_owned),
        only_user: None,
        acr: call.query.get("acr_values").and_then(|acr| acr.split(' ').next()).unwrap_or(NO_ACR).to_owned(),
        acting: Some(Acting::new(Arc::clone(call.act), call.marks.clone(), forward(call.act, get("state")))),
        device: None,
    };
    let checked = (|| {
        let invalid = |description: String| ("invalid_request", description);
        if expects("response_type") && !definition.authorization.params.contains_key("response_type") {
            match get("response_type") {
                Some("code") => {}
                Some(_) => {
                    return Err((
                        "unsupported_response_type",
                        "the sandbox answers with a code only".to_owned(),
                    ));
                }
                None => return Err(invalid("response_type is missing".to_owned())),
            }
        }
        let own_name =
            |standard: &String| named(&[&definition.authorization.names], standard).map(str::to_owned);
        let order = definition.authorization.order.iter().filter_map(own_name);
        if !order.filter_map(|name| call.query.position(&name)).is_sorted() {
            return Err(invalid("the parameters are not in the order that is documented".to_owned()));
        }
        let missing =
            |(name, value): &(&String, &String)| !value.is_empty() && call.query.get(name).is_none();
        if let Some((name, _)) = definition.authorization.params.iter().find(missing) {
            return Err(invalid(format!("parameter {name} is missing")));
        }
        if let Some(name) = definition.authorization.required.iter().find(|name| get(name).is_none()) {
            return Err(invalid(format!("parameter {name} is missing")));
        }
        request.challenge = challenge(definition.pkce, get("code_challenge"), get("code_challenge_method"))
            .map_err(|description| invalid(description.to_owned()))?;
        request.scopes = Scopes::parse(&scopes)
            .ok_or_else(|| ("invalid_scope", "scope has characters that no scope may have".to_owned()))?;
        let Some(mode) = response_mode else {
            return Err(invalid("response_mode is neither query nor form_post".to_owned()));
        };
        let fixed = definition.authorization.params.get("response_mode").map(String::as_str);
        // Who says nothing but who it is may be answered either way.
        if fixed == Some("form_post")
            && mode != ResponseMode::FormPost
            && request.scopes.iter().any(|scope| scope != "openid")
        {
            return Err(invalid("response_mode must be form_post where a scope is asked for".to_owned()));
        }
        Ok(())
    })();
    Ok(match checked {
        Ok(()) => Ok(request),
        Err((error, description)) => Err(request.redirect_with_error(call.shared, error, &description)),
    })
}

fn challenge(
    pkce: Pkce,
    value: Option<&str>,
    method: Option<&str>,
) -> Result<Option<Challenge>, &'static str> {
    let Some(value) = value else {
        return match pkce {
            Pkce::Required | Pkce::Hex => Err("code_challenge is missing"),
            Pkce::Supported | Pkce::Unsupported => Ok(None),
        };
    };
    let (method_fits, fits) = match pkce {
        Pkce::Unsupported => return Err("this provider takes no code_challenge"),
        Pkce::Hex => {
            (ChallengeMethod::Hex, value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit()))
        }
        Pkce::Supported | Pkce::Required => {
            let base64url = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
            (ChallengeMethod::S256, value.len() == 43 && value.bytes().all(base64url))
        }
    };
    match method {
        Some("S256") if fits => Ok(Some(Challenge { value: value.to_owned(), method: method_fits })),
        Some("S256") => {
            Err("code_challenge is not the SHA-256 of a code verifier in this provider's spelling")
        }
        _ => Err("code_challenge_method is not S256"),
    }
}

fn forward(act: &Act, state: Option<&str>) -> Vec<(String, String)> {
    let value = |name: &String| match name.as_str() {
        "state" => state.map(str::to_owned),
        // The code goes along in any case.
        "code" => None,
        _ => Some(random_token(&format!("sandbox-{name}-"))),
    };
    act.definition.callback.forward.iter().filter_map(|name| Some((name.clone(), value(name)?))).collect()
}

/// The hexadecimal HMAC-SHA-256 of the parameters, sorted, as `name=value` joined by `&`; in names and values `%` and `&`
/// are escaped, in names `=` as well, as Shopify documents.
fn sign(params: &[(String, String)], secret: &str) -> String {
    let escaped = |text: &str, unfit: &[char]| -> String {
        let escape = |c| if unfit.contains(&c) { format!("%{:02X}", u32::from(c)) } else { c.to_string() };
        text.chars().map(escape).collect()
    };
    let pair = |(name, value): &(String, String)| {
        format!("{}={}", escaped(name, &['%', '&', '=']), escaped(value, &['%', '&']))
    };
    let mut pairs: Vec<_> = params.iter().map(pair).collect();
    pairs.sort();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hex(hmac::sign(&key, pairs.join("&").as_bytes()).as_ref())
}

fn problem(status: StatusCode, title: &str, text: impl Into<String>) -> Problem {
    Problem::new(status, title, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callback_is_signed_as_shopify_documents() {
        let params = [
            ("code", "0907a61c0c8d55e99db179b68161bc00"),
            ("timestamp", "1795430400"),
            ("host", "Y2FtZWxpYXJkLm15c2hvcGlmeS5jb20vYWRtaW4"),
            ("state", "0.6784241404160823"),
            ("shop", "cameliard.myshopify.com"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let expected = "968fce4ed9ca0c4cd8742a575bfeb4d7c417a149de4b06c1e731b7ad86b2e66f";
        assert_eq!(sign(&params, "hush-sample-secret"), expected);
    }

    #[test]
    fn a_parameter_does_not_swallow_its_neighbour() {
        let params = |params: &[(&str, &str)]| -> Vec<(String, String)> {
            params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
        let tag = |message: &str| hex(hmac::sign(&key, message.as_bytes()).as_ref());
        assert_eq!(sign(&params(&[("shop", "b=c"), ("code", "a")]), "secret"), tag("code=a&shop=b=c"));
        assert_eq!(sign(&params(&[("c&o=d%e", "a&shop=b%")]), "secret"), tag("c%26o%3Dd%25e=a%26shop=b%25"));
    }
}
