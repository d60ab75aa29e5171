//! A long-lived token for a short-lived one.
use vouchsafe_providers::LongLived;

use super::request::Grant;
use crate::error::Operation;

impl<'a> Grant<'a> {
    /// The request for a long-lived token in place of a short-lived one. Some providers have it, and no RFC describes it.
    pub(crate) fn long_lived(quirks: &'a LongLived, token: &'a str) -> Self {
        let spent = (&*quirks.token_name, token);
        let grant = Self::new(Operation::LongLivedToken, &quirks.grant_type, spent);
        Self { encoding: Some(quirks.encoding), ..grant }
    }
}
