//! The refresh token grant.
use vouchsafe_providers::RefreshQuirks;

use super::request::Grant;
use crate::error::Operation;

impl<'a> Grant<'a> {
    /// The refresh token grant (RFC 6749 section 6). A few providers require the redirect URI again.
    pub(crate) fn refresh(
        quirks: &'a RefreshQuirks,
        token: &'a str,
        scope: Option<&'a str>,
        redirect_uri: Option<&'a str>,
    ) -> Self {
        let redirect_uri = redirect_uri.filter(|_| quirks.redirect_uri);
        let params = [("scope", scope), ("redirect_uri", redirect_uri), ("", None)];
        let grant = Self::new(Operation::Refresh, "refresh_token", ("refresh_token", token));
        Self { params, encoding: quirks.encoding, refreshing: Some(quirks), ..grant }
    }
}
