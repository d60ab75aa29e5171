//! The key set, RFC 7517 section 5.

use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Call;
use crate::state::keys::Attacker;
use crate::wire::Params;

/// The key set. If one directory has many issuers, each key names the issuer that it may sign for.
pub(super) fn answer(call: &Call<'_>) -> Value {
    let mut set = call.shared.keys().jwks();
    if call.part.definition.issuer_template.is_some() {
        let issuer = call.part.announced_issuer(&call.marks);
        let keys = set.get_mut("keys").and_then(Value::as_array_mut).into_iter().flatten();
        for key in keys.filter_map(Value::as_object_mut) {
            key.insert("issuer".to_owned(), issuer.clone().into());
        }
    }
    set
}

/// The key set of an attacker, with the key id that the request names.
pub(crate) async fn attacker(uri: Uri) -> Response {
    let params = Params::from_query(&uri);
    let set = json!({ "keys": [Attacker::jwk(&params.get("kid").into())] });
    ([("content-type", "application/json")], set.to_string()).into_response()
}

/// The same key as PEM.
pub(crate) async fn attacker_pem() -> Response {
    ([("content-type", "application/x-pem-file")], Attacker::pem()).into_response()
}
