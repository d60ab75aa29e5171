//! The start of a login, and what the site keeps with it.
use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Response;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use vouchsafe::{Client, Tokens};

use crate::login::cookie::Cookie;
use crate::login::rejection::LoginRejection;
use crate::login::return_to::is_own_path;
use crate::login::start::NewLogin;
use crate::login::visit::may_start;
use crate::session::record::{Session, SessionRef};
use crate::site::failure::{Failure, LOG, see_other};
use crate::site::fault::Fault;
use crate::site::visit::Visit;

/// What the site keeps with a login, sealed. Names are short, because a cookie has little room.
#[derive(Deserialize, Serialize)]
pub(crate) struct Note {
    /// The session in which the login started.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<SessionRef>,
    #[serde(flatten)]
    pub(crate) intent: Intent,
}

/// What a login is for.
#[derive(Deserialize, Serialize)]
pub(crate) enum Intent {
    /// To sign in.
    #[serde(rename = "in")]
    SignIn(()),
    /// To confirm the identity of the session, by a sign-in that is at most so many seconds old.
    #[serde(rename = "up")]
    StepUp(Whom, Option<u64>),
    /// To link an identity to the account of the session.
    #[serde(rename = "link")]
    Link(Whom),
    /// To ask whether the person of the session is still signed in at the provider. A trial does not end the session.
    #[serde(rename = "ask")]
    Check {
        #[serde(rename = "t")]
        is_trial: bool,
    },
}

/// An identity or an account, as a digest: a cookie has little room.
#[derive(Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Whom(String);

impl Whom {
    /// An identity.
    pub(crate) fn identity(issuer: &str, subject: &str) -> Self {
        Self::of(&format!("{} {issuer} {subject}", issuer.len()))
    }

    /// The account of a session.
    pub(crate) fn account(session: &Session) -> Self {
        Self::of(session.account())
    }

    fn of(text: &str) -> Self {
        Self(URL_SAFE_NO_PAD.encode(&digest(&SHA256, text.as_bytes()).as_ref()[..16]))
    }
}

/// A login that is about to start.
pub(crate) struct Start<'a> {
    pub(crate) name: &'a str,
    pub(crate) client: Client,
    pub(crate) return_to: Option<String>,
    pub(crate) login_hint: Option<&'a str>,
    pub(crate) max_age: Option<Duration>,
    pub(crate) acr_values: Option<&'a str>,
    pub(crate) quiet: Option<Quiet>,
    pub(crate) intent: Intent,
}

/// A login that shows no page (`prompt=none`), and asks only who is signed in.
pub(crate) struct Quiet {
    /// The tokens of the person who is expected.
    pub(crate) hint: Option<Tokens>,
}

impl<'a> Start<'a> {
    /// A login that asks for nothing in particular.
    pub(crate) fn new(name: &'a str, client: Client, intent: Intent) -> Self {
        Self {
            name,
            client,
            return_to: None,
            login_hint: None,
            max_age: None,
            acr_values: None,
            quiet: None,
            intent,
        }
    }

    /// Leaves the login with the browser, and sends it to the provider.
    pub(crate) async fn start(self, visit: &Visit, parts: &Parts) -> Result<Response<String>, Failure> {
        let return_to = self.return_to.clone();
        self.started(visit, parts).await.map_err(|failure| failure.returning(return_to.as_deref()))
    }

    async fn started(self, visit: &Visit, parts: &Parts) -> Result<Response<String>, Failure> {
        let site = visit.site();
        // Without it, only a browser that loses its session on the way back keeps one session too many.
        let session = match &self.intent {
            Intent::SignIn(()) => visit.session().await.unwrap_or_default(),
            _ => visit.session().await?,
        };
        let mut login = self.client.login().redirect_uri(site.redirect_uri(self.name));
        if let Some(customise) = &site.inner.customise {
            login = customise(self.name, login);
        }
        if let Some(hint) = self.login_hint {
            login = login.login_hint(hint);
        }
        if let Some(max_age) = self.max_age {
            login = login.max_age(max_age);
        }
        if let Some(acr) = self.acr_values {
            login = login.acr_values(acr.split(' ').filter(|value| !value.is_empty()));
        }
        if let Some(Quiet { hint }) = &self.quiet {
            login = login.scope("openid").prompt("none");
            if let Some(tokens) = hint {
                login = login.id_token_hint(tokens);
            }
        }
        let note = Note { session: session.as_ref().map(Session::reference), intent: self.intent };
        let note = serde_json::to_value(note)
            .map_err(|_| Failure::new(Fault::Setup, "the intent of a login could not be written"))?;
        let started = login.await?;
        if let Some(served) = &started.request_object {
            let base = format!("{}{}", site.public_url(), site.path("/request/"));
            let Some(id) = served.uri.strip_prefix(&base) else {
                let detail = format!(
                    "the provider fetches requests at {:?}, and this site serves them below {base:?}: set \
                     ClientBuilder::serve_requests_at to that",
                    served.uri
                );
                return Err(Failure::new(Fault::Setup, detail));
            };
            site.inner.requests.keep(id, &served.object, started.pending.expires_at()).await?;
        }
        let new = NewLogin {
            client: self.name.to_owned(),
            return_to: self.return_to.filter(|path| path != "/"),
            note: Some(note),
            place: format!("{}{}", site.public_url(), site.path(&format!("/callback/{}", self.name))),
            started,
        };
        let (mut url, headers) = new.leave(&Cookie::all(&parts.headers), &site.inner.keys)?;
        if let Some(relay) = &site.inner.relay {
            url = relay.signed(&url, site.public_url())?;
        }
        headers.into_iter().for_each(|header| visit.add_login_cookie(header));
        see_other(&url)
    }
}

/// Checks that a person opens this page.
pub(crate) fn check_visit(parts: &Parts) -> Result<(), Failure> {
    if may_start(parts) { Ok(()) } else { Err(LoginRejection::no_visit().into()) }
}

/// Checks a path to return to.
pub(crate) fn check_return_to(path: Option<&str>) -> Result<(), Failure> {
    if path.is_none_or(is_own_path) { Ok(()) } else { Err(LoginRejection::foreign_return_to().into()) }
}

/// The redirect to the same page at the public URL, if the browser is elsewhere: a cookie that it gets there would not come back.
/// After this redirect, `at=public` says that only a proxy can have changed the host.
pub(crate) fn at_public_url(visit: &Visit, parts: &Parts, at: Option<&str>) -> Option<String> {
    let site = visit.site();
    let browser = visit.seen().other_than(site.public_url())?;
    let public = site.public_url().as_str();
    if at != Some("public") {
        let query = parts.uri.query().map_or(String::new(), |query| ascii(query) + "&");
        return Some(format!("{public}{}?{query}at=public", parts.uri.path()));
    }
    if site.inner.told.fetch_add(1, Ordering::Relaxed) < MOST_TOLD {
        tracing::warn!(
            target: LOG,
            public,
            browser,
            "you send {public}, the browser is at {browser}: set the public URL to the address that people use, or let the proxy \
             in front pass the host on, and name the proxy as a trusted one"
        );
    } else {
        site.inner.told.fetch_sub(1, Ordering::Relaxed);
    }
    None
}

/// A query with its other bytes encoded: no header can hold them.
fn ascii(query: &str) -> String {
    let encoded = |b: u8| if b.is_ascii_graphic() { char::from(b).to_string() } else { format!("%{b:02X}") };
    query.bytes().map(encoded).collect()
}

/// How often one process tells of browsers at another address.
const MOST_TOLD: u32 = 10;
