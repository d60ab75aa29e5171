//! The flows: from the metadata to the last request, in the order of the text.
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use vouchsafe::http::Request;
use vouchsafe::{
    AuthorizationResponse, ClaimSources, Client, Http, PendingLogin, Provider, SessionCheck, Tokens,
};

use crate::failure::{Failure, Kind};
use crate::site::{Page, Site, Visit, random};
use crate::task::Task;
use crate::{output, party};

/// One task on its way.
pub(crate) struct Flow<'s> {
    task: Task,
    http: Http,
    site: &'s Site,
    visits: UnboundedReceiver<Visit>,
}

impl<'s> Flow<'s> {
    pub(crate) fn new(task: Task, http: Http, site: &'s Site, visits: UnboundedReceiver<Visit>) -> Self {
        Self { task, http, site, visits }
    }

    pub(crate) async fn run(mut self) -> Result<(), Failure> {
        let flow = self.task.flow.clone();
        if flow != "third-party" {
            output::ready();
        }
        match &*flow {
            "start" => party::provider(&self.task, &self.http).await.map(drop),
            "webfinger" => {
                let identifier = self.task.identifier()?;
                Ok(Provider::webfinger(&identifier, &self.http).await.map(drop)?)
            }
            "register" => {
                let provider = party::provider(&self.task, &self.http).await?;
                party::register(&self.task, &provider, &party::new_key("RS256")?, &self.http).await?;
                Ok(())
            }
            "login" => {
                let client = self.client().await?;
                self.login(&client, Userinfo::Asked).await.map(drop)
            }
            "twice" => {
                let client = self.client().await?;
                self.login(&client, Userinfo::Asked).await?;
                self.login(&client, Userinfo::Asked).await.map(drop)
            }
            "refresh" => {
                let client = self.client().await?;
                let tokens = self.login(&client, Userinfo::Later).await?;
                let tokens = client.refresh(&tokens).await?;
                self.userinfo(&client, &tokens).await
            }
            "third-party" => {
                let client = self.client().await?;
                output::ready();
                self.third_party(&client).await
            }
            "logout" => {
                let client = self.client().await?;
                self.logout(&client).await
            }
            "resource" => {
                let client = self.client().await?;
                self.resource(&client).await
            }
            other => Err(Failure::Unsupported(format!("the flow {other}"))),
        }
    }

    async fn client(&self) -> Result<Client, Failure> {
        let provider = party::provider(&self.task, &self.http).await?;
        let client = party::client(&self.task, provider, &self.http).await?;
        self.site.serve_logouts_of(&client);
        Ok(client)
    }

    /// Signs a user in.
    async fn login(&mut self, client: &Client, userinfo: Userinfo) -> Result<Tokens, Failure> {
        let (url, pending) = self.started(client, None).await?;
        output::browse(&url);
        self.finished(client, pending, userinfo).await
    }

    /// Starts a login: the URL for the browser, and what is kept until it comes back.
    async fn started(
        &self,
        client: &Client,
        hint: Option<String>,
    ) -> Result<(String, PendingLogin), Failure> {
        let mut login = client.login().scopes(&self.task.scopes);
        for (name, value) in &self.task.parameters {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            login = match name.as_str() {
                "max_age" => {
                    let seconds =
                        value.parse().map_err(|_| Failure::task("max_age is not a number of seconds"))?;
                    login.max_age(Duration::from_secs(seconds))
                }
                "prompt" => login.prompt(value),
                _ => login.extra(name, value),
            };
        }
        let mode = self.task.variant("response_mode");
        if mode == "form_post" && !self.task.parameters.contains_key("response_mode") {
            login = login.extra("response_mode", mode);
        }
        if let Some(hint) = hint {
            login = login.login_hint(hint);
        }
        let started = login.await?;
        if let Some(served) = &started.request_object {
            self.site.serve_object(&served.uri, served.object.expose())?;
        }
        Ok((started.url, started.pending))
    }

    /// Waits for the browser, and finishes the login with its response.
    async fn finished(
        &mut self,
        client: &Client,
        pending: PendingLogin,
        userinfo: Userinfo,
    ) -> Result<Tokens, Failure> {
        let (url, form, page) = loop {
            if let Visit::Callback { url, form, page } = self.visit().await? {
                break (url, form, page);
            }
        };
        let outcome = async {
            let response = AuthorizationResponse::at(url);
            let response = match form {
                Some(form) => response.form(form),
                None => response,
            };
            let tokens = client.finish(pending, response).await?;
            for warning in tokens.warnings() {
                tracing::warn!("{warning}");
            }
            if userinfo == Userinfo::Asked {
                self.userinfo(client, &tokens).await?;
            }
            let session = self.site.begin_session(&tokens).await?;
            Ok((tokens, session))
        };
        let outcome = outcome.await;
        // If the browser is gone, nobody needs the page.
        let _ = page.send(match &outcome {
            Ok((_, session)) => Page::SignedIn(session.clone()),
            Err(Failure::Error { message, .. }) => Page::Failed(message.clone()),
            Err(Failure::Unsupported(what)) => Page::Failed(what.clone()),
        });
        outcome.map(|(tokens, _)| tokens)
    }

    /// Who signed in, and the claims that others make about this user.
    async fn userinfo(&self, client: &Client, tokens: &Tokens) -> Result<(), Failure> {
        let identity = client.identity(tokens).await?;
        // The provider under test is a server of the tester, at an address of any kind.
        let sources = ClaimSources::danger_any_address(&self.http);
        let claims = client.sourced_claims(&identity, &sources).await;
        for warning in identity.warnings().iter().chain(claims.warnings()) {
            tracing::warn!("{warning}");
        }
        for claim in claims.iter() {
            tracing::info!("{} says {}: {}", claim.issuer(), claim.name(), claim.value());
        }
        Ok(())
    }

    /// A third party starts the login.
    async fn third_party(&mut self, client: &Client) -> Result<(), Failure> {
        let (hint, url) = loop {
            if let Visit::Initiated { hint, url } = self.visit().await? {
                break (hint, url);
            }
        };
        let (next, pending) = self.started(client, hint).await?;
        // If the browser is gone, no response comes, and the flow ends with that.
        let _ = url.send(next);
        self.finished(client, pending, Userinfo::Asked).await.map(drop)
    }

    /// Signs in and out again. With session management, the provider's frame is asked before and after.
    async fn logout(&mut self, client: &Client) -> Result<(), Failure> {
        let tokens = self.login(client, Userinfo::Later).await?;
        let is_watched = self.task.is_module("-session-management");
        if is_watched {
            self.site.serve_session_page(session_check(client, &tokens).await?);
            self.expect_session("unchanged").await?;
        }
        let state = random()?;
        let mut url = client.logout_url().tokens(&tokens).state(state);
        let back = self.task.registered("post_logout_redirect_uri");
        if let Some(uri) = back {
            url = url.post_logout_redirect_uri(uri);
        }
        let Some(url) = url.await? else {
            return Err(Failure::Unsupported(
                "a logout at a provider without end_session_endpoint".to_owned(),
            ));
        };
        output::browse(&url);
        while !matches!(self.visit().await?, Visit::LoggedOut) {}
        if is_watched {
            self.expect_session("changed").await?;
        }
        Ok(())
    }

    /// Opens the page with the provider's frame.
    async fn expect_session(&mut self, expected: &str) -> Result<(), Failure> {
        output::browse_with_scripts(&self.task.own_url("/session"));
        let status = loop {
            if let Visit::SessionStatus(status) = self.visit().await? {
                break status;
            }
        };
        if status == expected {
            return Ok(());
        }
        let said = vouchsafe::legible(&status);
        let message = format!("the provider says that the session is {said}, and not {expected}");
        Err(Failure::new(Kind::Security, "session_state", message))
    }

    /// Signs in, and calls an API with the access token.
    async fn resource(&mut self, client: &Client) -> Result<(), Failure> {
        let url = self.task.exposed("accounts_endpoint")?.to_owned();
        let tokens = self.login(client, Userinfo::Later).await?;
        // Without an ID token, nobody signed in: the API alone is asked.
        if tokens.id_token().is_some() {
            self.userinfo(client, &tokens).await?;
        }
        let mut request = Request::new(Vec::new());
        *request.uri_mut() = url.parse().map_err(|_| Failure::task("accounts_endpoint is not a URL"))?;
        let response = client.call_api(&tokens, request).await?;
        if response.status().is_success() {
            return Ok(());
        }
        let message = format!("the response of the API has the status {}", response.status());
        Err(Failure::new(Kind::Network, "http_status", message))
    }

    /// The next visit.
    async fn visit(&mut self) -> Result<Visit, Failure> {
        let timed_out = || {
            let message = format!("the browser did not come within {} seconds", PATIENCE.as_secs());
            Failure::new(Kind::Local, "timed_out", message)
        };
        tokio::time::timeout(PATIENCE, self.visits.recv()).await.ok().flatten().ok_or_else(timed_out)
    }
}

/// How the provider's frame is asked about the session of these tokens.
async fn session_check(client: &Client, tokens: &Tokens) -> Result<SessionCheck, Failure> {
    let missing = |name: &str, place: &str| {
        Failure::new(Kind::Malformed, "missing_field", format!("{name} is missing in the {place}"))
    };
    let state = tokens.session_state().ok_or_else(|| missing("session_state", "authorization response"))?;
    client.session_check(state).await?.ok_or_else(|| missing("check_session_iframe", "metadata"))
}

/// Whether a login asks for userinfo, or a later step does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Userinfo {
    Asked,
    Later,
}

/// How long the flow waits for the browser.
const PATIENCE: Duration = Duration::from_secs(300);
