//! What a page demands of the person who opens it.
use std::time::{Duration, SystemTime};

use http::request::Parts;
use url::form_urlencoded;

use crate::login::return_to::is_own_path;
use crate::session::record::Session;
use crate::site::failure::Failure;
use crate::site::fault::Fault;
use crate::site::response::with_return_to;
use crate::site::user::User;
use crate::site::visit::Visit;

/// What a page demands of the person who opens it: to be signed in, to have signed in lately or in a strong way, to have a role.
///
/// A person who does not meet it is sent to sign in, and comes back. A script gets a status of 401 or 403 and JSON.
#[derive(Clone, Debug, Default)]
pub struct Require {
    max_age: Option<Duration>,
    acr: Option<String>,
    roles: Vec<String>,
}

impl Require {
    /// To be signed in.
    pub fn signed_in() -> Self {
        Self::default()
    }

    /// To have signed in at the provider at most this long ago (`auth_time`). Others sign in there again (`max_age`).
    pub fn fresh(max_age: Duration) -> Self {
        Self::default().and_fresh(max_age)
    }

    /// To have signed in with this authentication context class (`acr`). Others sign in again, with `acr_values`.
    pub fn acr(acr: impl Into<String>) -> Self {
        Self::default().and_acr(acr)
    }

    /// To have this role. Others are refused.
    pub fn role(role: impl Into<String>) -> Self {
        Self::default().and_role(role)
    }

    /// Demands [`Require::fresh`] too.
    #[must_use]
    pub fn and_fresh(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// Demands [`Require::acr`] too.
    #[must_use]
    pub fn and_acr(mut self, acr: impl Into<String>) -> Self {
        self.acr = Some(acr.into());
        self
    }

    /// Demands [`Require::role`] too.
    #[must_use]
    pub fn and_role(mut self, role: impl Into<String>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// The person, if they meet the demands. `parts` are those of the request, with its path as it came to the application.
    ///
    /// # Errors
    /// The person does not meet them, or the store of the sessions is away.
    pub async fn check(&self, visit: &Visit, parts: &Parts) -> Result<User, Failure> {
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let checked = self.check_for(visit, Some(path).filter(|path| is_own_path(path))).await;
        checked.map_err(|failure| visit.failed(failure))
    }

    /// The same for a request that leads to this path, by which the person comes back.
    pub(crate) async fn check_for(&self, visit: &Visit, path: Option<&str>) -> Result<User, Failure> {
        let Some(user) = visit.user().await? else {
            let place = with_return_to(&visit.site().path("/sign-in"), path);
            let failure = Failure::new(Fault::SignedOut, "nobody is signed in");
            return Err(failure.member("login_url", &*place).going_on(place));
        };
        if !self.is_met_by(&user) {
            return Err(self.step_up(visit, path));
        }
        if let Some(role) = self.roles.iter().find(|role| !user.has_role(role)) {
            return Err(Failure::forbidden(format!("the person does not have the role {role:?}")));
        }
        Ok(user)
    }

    fn is_met_by(&self, session: &Session) -> bool {
        let is_fresh = self.max_age.is_none_or(|max_age| {
            // A sign-in in the future is one of now, by a clock that is ahead.
            let age = |at| SystemTime::now().duration_since(at).unwrap_or_default();
            session.signed_in_at().is_some_and(|at| age(at) <= max_age)
        });
        is_fresh && self.acr.as_deref().is_none_or(|acr| session.acr() == Some(acr))
    }

    /// Sends the person to sign in again (RFC 9470).
    fn step_up(&self, visit: &Visit, path: Option<&str>) -> Failure {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let detail = "the session's sign-in is too long ago, or not of the demanded acr";
        let mut failure = Failure::new(Fault::StepUp, detail);
        if let Some(path) = path {
            query.append_pair("return_to", path);
        }
        if let Some(max_age) = self.max_age {
            query.append_pair("max_age", &max_age.as_secs().to_string());
            failure = failure.member("max_age", max_age.as_secs());
        }
        if let Some(acr) = &self.acr {
            query.append_pair("acr_values", acr);
            failure = failure.member("acr_values", &**acr);
        }
        let place = format!("{}?{}", visit.site().path("/step-up"), query.finish());
        failure.member("login_url", &*place).going_on(place)
    }
}
