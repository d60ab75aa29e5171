//! The part of an authorization URL that the logins of one client share.
use std::sync::Arc;

use crate::endpoint::Endpoint;
use crate::protocol::authorization::request::{AuthorizationRequest, LoginRequest};

/// The usual login of a client: its scopes and parameters are those of the registration and the provider. Other logins share
/// its redirect URI and the beginning of its URL, which is escaped once.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) request: Arc<LoginRequest>,
    /// The URL up to the parameters of one login.
    prefix: String,
    /// The lengths of the part that all logins share, and of the part that those with the usual scopes share. `None` if the
    /// provider wants the parameters in another order.
    shared: Option<[usize; 2]>,
}

impl Prepared {
    pub(crate) fn new(
        request: Arc<LoginRequest>,
        usual: &AuthorizationRequest<'_>,
        endpoint: &Endpoint,
    ) -> Self {
        let shared = |with_scopes| Some(usual.shared_prefix(endpoint, with_scopes)?.len());
        let shared = shared(false).zip(shared(true)).map(<[usize; 2]>::from);
        Self { prefix: usual.prefix(endpoint), request, shared }
    }

    /// The beginning of the URL of a usual login.
    pub(crate) fn usual_prefix(&self) -> String {
        self.begin(self.prefix.len())
    }

    /// The same for another login with this redirect URI.
    pub(crate) fn prefix(&self, request: &AuthorizationRequest<'_>, endpoint: &Endpoint) -> String {
        let are_usual = request.login.scopes.is_empty();
        match self.shared {
            Some(shared) => request.complete(self.begin(shared[usize::from(are_usual)]), are_usual),
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
