//! What logins of one kind have in common, written once.
use std::sync::Arc;

use crate::provenance::Provenance;

/// What logins of one kind have in common: what is asked of whom.
#[derive(Debug)]
pub(crate) struct LoginRequest {
    pub(crate) provenance: Arc<Provenance>,
    pub(crate) redirect_uri: String,
    /// None where a login was kept with those that its client always asks for.
    pub(crate) scopes: Vec<String>,
    pub(crate) are_usual: bool,
    pub(crate) wants_id_token: bool,
    pub(crate) response_mode: Option<String>,
    /// The beginning of the URL.
    pub(crate) url: String,
}
