//! A request for a route of the site.
use http::request::Parts;

use crate::site::query::Query;
use crate::site::visit::Visit;

/// A request for a route of the site.
pub(super) struct Asked<'a> {
    pub(super) visit: &'a Visit,
    pub(super) parts: &'a Parts,
    pub(super) query: Query,
}
