//! The part of an authorization URL that the logins of one client share.
use std::sync::Arc;

use vouchsafe_providers::Definition;

use crate::endpoint::Endpoint;
use crate::protocol::authorization::request::{AuthorizationRequest, LoginRequest};

/// The usual login of a client, which requests only the scopes and parameters of the registration and the definition. Other logins share its
/// redirect URI and the beginning of its URL, which is escaped once.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) request: Arc<LoginRequest>,
    /// The URL up to the parameters of one login.
    prefix: String,
    /// The length of the part that all logins share. `None` if the provider wants the parameters in another order.
    shared: Option<usize>,
}

impl Prepared {
    pub(crate) fn new(request: Arc<LoginRequest>, definition: &Definition, endpoint: &Endpoint) -> Self {
        let usual = AuthorizationRequest { login: &request, params: &[], definition };
        let shared = usual.shared_prefix(endpoint).map(|prefix| prefix.len());
        Self { prefix: usual.prefix(endpoint), request, shared }
    }

    /// The beginning of the URL of a usual login.
    pub(crate) fn usual_prefix(&self) -> String {
        self.begin(self.prefix.len())
    }

    /// The same for another login with this redirect URI.
    pub(crate) fn prefix(&self, request: &AuthorizationRequest<'_>, endpoint: &Endpoint) -> String {
        match self.shared {
            Some(shared) => request.complete(self.begin(shared)),
            None => request.prefix(endpoint),
        }
    }

    fn begin(&self, length: usize) -> String {
        let mut url = String::with_capacity(self.prefix.len() + ROOM);
        url.push_str(&self.prefix[..length]);
        url
    }
}

/// Room for the parameters of one login, so that the URL is allocated once.
const ROOM: usize = 320;
