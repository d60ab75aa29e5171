//! What is fetched before anybody can sign in: a provider's metadata and its keys.
//!
//! One fetch serves many calls, so what becomes of it is told to many: nothing of one call goes into it, and an error holds
//! no words of the provider's, which may know one caller's secrets and tell them to another.
use http::{StatusCode, Uri};

use crate::endpoint::Endpoint;
use crate::error::{ConfigProblem, Error, Malformed, Operation};
use crate::jose::jwk::{KeySet, Reading};
use crate::protocol::metadata::{self, Metadata, WellKnown};
use crate::protocol::response::{Dialect, Exchange, get};
use crate::transport::{Http, Response, origin, retry_after};

/// Fetches the metadata from the first place that has it. `secrets` are those of the client, should an issuer or a URL
/// quote one.
pub(crate) async fn fetch_metadata(
    well_known: &WellKnown,
    secrets: &[&str],
    http: &Http,
) -> Result<Metadata, Error> {
    let operation = Operation::Discovery;
    let mut first_error = None;
    for document in &well_known.documents {
        let uri = document.uri();
        let exchange = Exchange { operation, uri: &uri, secrets: &[], dialect: Dialect::PLAIN };
        let response = http.send(operation, metadata::request(document)).await?;
        // Where one form of the well-known URL is not there, the other may be (RFC 8414 section 5).
        // One that is asked too often says nothing of that.
        if response.status().is_client_error() && response.status() != StatusCode::TOO_MANY_REQUESTS {
            let status = response.status().as_u16();
            first_error.get_or_insert(Error::status_of(operation, document.as_str().to_owned(), status));
            continue;
        }
        check(operation, &uri, &response)?;
        return metadata::read(&exchange, well_known, &response).map_err(|error| error.without(secrets));
    }
    Err(first_error
        .unwrap_or_else(|| Error::config(ConfigProblem::Issuer, "there is nowhere to look for the metadata")))
}

/// Fetches the keys that the metadata points to.
pub(crate) async fn fetch_keys(jwks_uri: &Endpoint, reading: Reading, http: &Http) -> Result<KeySet, Error> {
    let operation = Operation::KeySet;
    let uri = jwks_uri.uri();
    let exchange = Exchange { operation, uri: &uri, secrets: &[], dialect: Dialect::PLAIN };
    let response = http.send(operation, get(uri.clone())).await?;
    check(operation, &uri, &response)?;
    let document = exchange.object(&response)?;
    KeySet::read(&document, reading)
        .ok_or_else(|| exchange.fault(Malformed::Jwks, "is no key set: it has no list of keys"))
}

/// There are no error responses here as OAuth has them: of a status that is none of success, the number is all that is
/// told.
fn check(operation: Operation, uri: &Uri, response: &Response) -> Result<(), Error> {
    if response.status().is_success() {
        return Ok(());
    }
    let error = Error::status_of(operation, origin(uri), response.status().as_u16());
    Err(error.after(retry_after(response)))
}
