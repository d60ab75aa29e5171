//! The pushed authorization request endpoint, RFC 9126.

use serde_json::{Value, json};
use vouchsafe_providers::Encoding;

use super::request::Form;
use super::request_object::{self, Asked, REQUEST_URI};
use super::{Call, authorization, fapi};
use crate::state::Pushed;
use crate::wire::{OAuthError, ensure, error, invalid_request, random_token};

/// Keeps a request that is valid so far, for one use.
pub(super) fn respond(call: &Call<'_>) -> Result<Value, OAuthError> {
    let form = Form::read(&call.incoming, Encoding::Form, &[])?;
    let client = call.authenticate(None, &form, (true, true))?;
    // Section 2.1.
    let by_reference = invalid_request("request_uri must not be in a pushed request (RFC 9126 section 2.1)");
    ensure(form.params.get("request_uri").is_none(), by_reference)?;
    let params = form.params.without(&["client_secret", "client_assertion", "client_assertion_type"]);
    let params = params.with_default("client_id", &client.id);
    let jkt = call.proof(None)?;
    let object = params.get("request").map(str::to_owned);
    let mut asked = Asked { params, is_pushed: true, is_signed: false, jkt: jkt.clone() };
    if let Some(object) = object {
        (asked.params, asked.is_signed) = request_object::read(call, client, &object, &asked.params)?;
    }
    let form = Form::new(asked.params.clone(), &[]);
    let refused = |problem: crate::pages::Problem| invalid_request(problem.message());
    let mut request = authorization::begin(call, &form).map_err(refused)?;
    authorization::check(call, &asked, &form, &mut request)?;
    let other = "dpop_jkt is not the thumbprint of the key in the proof (RFC 9449 section 10.1)";
    let given = form.get("dpop_jkt");
    ensure(jkt.is_none() || given.is_none() || given == jkt.as_deref(), error("invalid_dpop_proof", other))?;
    fapi::pushed(call, &form, &request)?;
    let uri = random_token(REQUEST_URI);
    let expires_at = call.shared.now() + LIFETIME;
    let pushed = Pushed {
        client_id: client.id.clone(),
        params: asked.params,
        is_signed: asked.is_signed,
        jkt,
        expires_at,
    };
    call.shared.store().pushed.insert(uri.clone(), pushed);
    Ok(json!({ "request_uri": uri, "expires_in": LIFETIME }))
}

/// In seconds.
const LIFETIME: u64 = 60;
