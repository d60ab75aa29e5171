//! Where a login and its tokens come from, so that they are never sent to another server.
use crate::error::{Check, Error, Operation};

/// The server that tokens and a login belong to, and the client that they were made for.
///
/// Names can be alike where servers are not: two servers of one definition have the same slug, and their clients may
/// have the same id. So the issuer counts, or what stands for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Provenance {
    /// The slug of the provider.
    pub(crate) provider: String,
    /// The provider's issuer; where it has none, its server as [`Blueprint::server`](crate::provider::Blueprint::server)
    /// names it.
    pub(crate) issuer: String,
    pub(crate) client_id: String,
}

impl Provenance {
    /// Refuses what belongs to another server, or to another client there. Nothing of it has been sent by then.
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
            "{what} of {} cannot be used by a client of {}: use the client that started the login",
            told(theirs),
            told(self)
        );
        Err(Error::validation(operation, Check::IssuerMismatch, detail))
    }
}
