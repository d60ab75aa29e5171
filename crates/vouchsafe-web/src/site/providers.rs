//! The providers of a site: those that were named when it was built, and those that are found at run time.
use vouchsafe::Client;

use crate::site::failure::Failure;

/// The providers of a site.
pub(crate) struct Providers {
    pub(crate) fixed: Vec<(String, Client)>,
}

impl Providers {
    /// The client of the provider with this name.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<Client>, Failure> {
        Ok(self.fixed.iter().find(|(known, _)| known == name).map(|(_, client)| client.clone()))
    }

    /// The provider with this issuer.
    pub(crate) fn of_issuer(&self, issuer: &str) -> Option<(&str, &Client)> {
        let mut providers = self.fixed.iter().map(|(name, client)| (&**name, client));
        providers.find(|(_, client)| client.is_issuer(issuer))
    }
}

/// Whether a text can be the name of a provider: a part of a path that every proxy and browser leaves as it is.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The longest name of a provider.
const MAX_NAME: usize = 64;
