//! What is fetched before anybody can sign in: a provider's metadata and its keys.
use http::StatusCode;

use crate::endpoint::Endpoint;
use crate::error::{Error, Fault, Operation};
use crate::http::Http;
use crate::jose::jwk::KeySet;
use crate::protocol::answer::{Dialect, Exchange, get};
use crate::protocol::metadata::{self, Metadata, WellKnown};

/// Fetches the metadata from the first place that has it.
pub(crate) async fn fetch_metadata(well_known: &WellKnown, http: &Http) -> Result<Metadata, Error> {
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
        return metadata::read(&exchange, well_known, &response);
    }
    Err(first_error.unwrap_or_else(|| Error::config("issuer", "there is nowhere to look for the metadata")))
}

/// Fetches the keys that the metadata points to, so many of them at most.
pub(crate) async fn fetch_keys(jwks_uri: &Endpoint, most: usize, http: &Http) -> Result<KeySet, Error> {
    let operation = Operation::KeySet;
    let uri = jwks_uri.uri();
    let exchange = Exchange { operation, uri: &uri, secrets: &[], dialect: Dialect::PLAIN };
    let response = http.send(operation, get(uri.clone())).await?;
    let document = exchange.object(&response)?;
    KeySet::read(&document, most)
        .ok_or_else(|| exchange.fault(Fault::Jwks, "is no key set: it has no list of keys"))
}
