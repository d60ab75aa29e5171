//! The assertions of platforms that give them over HTTP.
use std::future::Future;
use std::pin::Pin;

use crate::call::Sender;
use crate::credential::{AssertionSource, one_jwt};
use crate::endpoint::Endpoint;
use crate::error::{ConfigProblem, Error};
use crate::protocol::workload_request::WorkloadRequest;
use crate::secret::{Noted, Secret};
use crate::transport::Http;

/// The ID token of a GitHub Actions job, as the assertion of a client. The job needs the permission `id-token: write`. A new token is
/// requested for each assertion; GitHub documents this under [OpenID Connect reference].
///
/// ```no_run
/// use vouchsafe::{Credential, GithubActions, Http, Registration};
///
/// # fn f() -> Result<(), vouchsafe::Error> {
/// let http = Http::new()?;
/// let job = GithubActions::new(&http, "https://op.example.com");
/// let registration = Registration::new("my-client").credential(Credential::assertion_from(job));
/// # Ok(()) }
/// ```
///
/// [OpenID Connect reference]: https://docs.github.com/en/actions/reference/security/oidc
#[derive(Clone, Debug)]
pub struct GithubActions {
    http: Http,
    audience: String,
}

impl GithubActions {
    /// The token of this job for that audience: the one that the provider expects in the assertion.
    pub fn new(http: &Http, audience: impl Into<String>) -> Self {
        Self { http: http.clone(), audience: audience.into() }
    }

    async fn fetch(&self) -> Result<Secret, Error> {
        let variable = |name: &str| {
            std::env::var(name).ok().filter(|value| !value.is_empty()).ok_or_else(|| {
                let detail = format!(
                    "the environment variable {name} is not set: run in a job of GitHub Actions that has the permission id-token: write"
                );
                Error::config(ConfigProblem::Assertion, detail)
            })
        };
        let url = variable("ACTIONS_ID_TOKEN_REQUEST_URL")?;
        let token = Secret::new(variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN")?);
        let endpoint = Endpoint::parse_for(&url, &self.http.plain).map_err(|error| {
            Error::config(ConfigProblem::Assertion, format!("ACTIONS_ID_TOKEN_REQUEST_URL {error}"))
        })?;
        let noted = Noted::knowing([token.expose()]);
        let sender = Sender::plain(&self.http, &noted);
        let call = WorkloadRequest { token: &token, audience: &self.audience };
        let sent = sender.send(&endpoint, None, &call).await;
        let jwt = sent.map_err(|error| noted.hidden(|secrets| error.without(secrets)))?;
        one_jwt(&jwt, "the response of GitHub Actions")
    }
}

impl AssertionSource for GithubActions {
    fn assertion(&self) -> Pin<Box<dyn Future<Output = Result<Secret, Error>> + Send + '_>> {
        Box::pin(self.fetch())
    }
}
