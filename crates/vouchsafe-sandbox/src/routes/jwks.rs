use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::fault::{self, Asked, Endpoint};
use crate::sandbox::Shared;
use crate::state::keys::Attacker;
use crate::wire::Params;

/// The key set, RFC 7517 §5.
pub(crate) async fn show(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let asked = Asked { headers: &headers, body: &[] };
    fault::exchange(&shared, Endpoint::Keys, None, &asked, async { document(&shared) }).await
}

fn document(shared: &Shared) -> Response {
    ([("content-type", "application/json")], shared.key_set().to_string()).into_response()
}

/// The key set of somebody who signs what the sandbox would not, under the name that is asked for.
pub(crate) async fn attacker(uri: Uri) -> Response {
    let params = Params::from_query(&uri);
    let set = json!({ "keys": [Attacker::jwk(&params.get("kid").into())] });
    ([("content-type", "application/json")], set.to_string()).into_response()
}

/// The same key as PEM.
pub(crate) async fn attacker_pem() -> Response {
    ([("content-type", "application/x-pem-file")], Attacker::pem()).into_response()
}
