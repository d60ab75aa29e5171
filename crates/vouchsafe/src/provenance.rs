//! The server and the client that a login and its tokens belong to, so that no other server ever gets them.
use crate::error::{Check, Error, Operation};

/// The server and the client that a login or tokens belong to.
///
/// Two servers of one definition have the same slug, and their clients may have the same id. The issuer tells them apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Provenance {
    /// The slug of the provider.
    pub(crate) provider: String,
    /// The provider's issuer, or the URL that takes its place in the keys of accounts.
    pub(crate) issuer: String,
    pub(crate) client_id: String,
}

impl Provenance {
    /// Refuses a login or tokens of another server, or of another client there, before anything is sent.
    pub(crate) fn check(&self, what: &str, theirs: &Self, operation: Operation) -> Result<(), Error> {
        if self == theirs {
            return Ok(());
        }
        let told = |one: &Self| {
            let [provider, issuer, client_id] = [&one.provider, &one.issuer, &one.client_id]
                .map(|text| crate::text::redact::printable(text, 120));
            format!("{provider} ({issuer}, client {client_id})")
        };
        let detail = format!(
            "{what} of {} cannot be used with {}: use the client that is named first",
            told(theirs),
            told(self)
        );
        Err(Error::validation(operation, Check::IssuerMismatch, detail))
    }
}
