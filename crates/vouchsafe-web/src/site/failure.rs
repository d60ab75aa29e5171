//! Why a request does not go on: the status, the words, the log, and the response to a page or to a script.
use std::borrow::Cow;
use std::fmt;

use http::header::{LOCATION, REFERRER_POLICY, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Map, Value};
use vouchsafe::Error;
use vouchsafe::error::{Check, Operation};

use crate::accounts::account::AccountError;
use crate::login::rejection::{LoginFault, LoginRejection};
use crate::page::language::Language;
use crate::session::error::SessionError;
use crate::site::caller::Caller;
use crate::site::fault::Fault;
use crate::site::pages::failed;
use crate::site::response::{json, with_return_to};

/// Why a request does not go on. As a response it is a page or a redirect for a person, and JSON for a script.
///
/// A page holds no text of the request and of the provider. The reason, the `Display` of the failure, is for the operator. It goes
/// to the log as an event of the crate [tracing] with the target `vouchsafe_web`.
///
/// [tracing]: https://docs.rs/tracing
#[derive(Clone, Debug)]
pub struct Failure(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    fault: Fault,
    /// The code in JSON and in the log.
    code: Cow<'static, str>,
    detail: Cow<'static, str>,
    error: Option<Error>,
    caller: Caller,
    language: Language,
    return_to: Option<String>,
    /// Where a browser goes on without a page.
    goes_on: Option<String>,
    /// Further members of the JSON.
    members: Map<String, Value>,
    public_url: Option<String>,
    /// What stands before the paths of the site's routes.
    prefix: String,
    is_reported: bool,
}

impl Failure {
    pub(crate) fn new(fault: Fault, detail: impl Into<Cow<'static, str>>) -> Self {
        let (_, code, ..) = fault.words();
        Self(Box::new(Inner {
            fault,
            code: code.into(),
            detail: detail.into(),
            error: None,
            caller: Caller::Page,
            language: Language::English,
            return_to: None,
            goes_on: None,
            members: Map::new(),
            public_url: None,
            prefix: String::new(),
            is_reported: false,
        }))
    }

    /// The person lacks something that a page of the application needs. The text is for the log.
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Fault::Forbidden, detail)
    }

    /// There is nothing at this address, or it is not the person's. The code is for scripts, the text for the log.
    pub fn not_found(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Fault::NotFound, detail).coded(code)
    }

    /// The kind of the failure.
    pub fn fault(&self) -> Fault {
        self.0.fault
    }

    /// The code in the JSON: the member `error`.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The library's error, if there is one. It is for the operator; do not show it on a page.
    pub fn error(&self) -> Option<&Error> {
        self.0.error.as_ref()
    }

    /// The status of the response to a script. A page may get a redirect instead.
    pub fn status(&self) -> StatusCode {
        self.0.fault.words().0
    }

    /// Sets who reads the response. A failure of an extractor is for the caller of its request already.
    #[must_use]
    pub fn for_caller(mut self, caller: Caller) -> Self {
        self.0.caller = caller;
        self
    }

    /// Sets the language of the words.
    pub(crate) fn in_language(mut self, language: Language) -> Self {
        self.0.language = language;
        self
    }

    /// Sets what stands before the paths of the site's routes.
    pub(crate) fn below(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.0.prefix);
        self
    }

    pub(crate) fn coded(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.0.code = code.into();
        self
    }

    /// The path that the person wanted.
    pub(crate) fn returning(mut self, path: Option<&str>) -> Self {
        self.0.return_to = path.map(str::to_owned);
        self
    }

    /// Where a browser goes on without a page.
    pub(crate) fn going_on(mut self, path: impl Into<String>) -> Self {
        self.0.goes_on = Some(path.into());
        self
    }

    pub(crate) fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// Says on the page where this site is to be used.
    pub(crate) fn naming(mut self, public_url: &str) -> Self {
        self.0.public_url = Some(public_url.to_owned());
        self
    }

    /// Reports the failure in the log, once.
    fn report(&mut self) {
        if std::mem::replace(&mut self.0.is_reported, true) {
            return;
        }
        let (fault, code, reason) = (self.0.fault, &*self.0.code, self.to_string());
        match fault {
            Fault::SignedOut | Fault::StepUp | Fault::NotFound => {
                tracing::debug!(target: LOG, ?fault, code, reason, "a request did not go on");
            }
            Fault::Provider | Fault::Setup | Fault::Store => {
                tracing::warn!(target: LOG, ?fault, code, reason, "a request did not go on");
            }
            _ => tracing::info!(target: LOG, ?fault, code, reason, "a request did not go on"),
        }
    }

    /// The response. It reports the failure in the log.
    pub fn response(mut self) -> Response<String> {
        self.report();
        let Inner { fault, code, caller, return_to, goes_on, members, public_url, prefix, language, .. } =
            *self.0;
        let (status, _, title, advice) = fault.words();
        let advice = match &public_url {
            Some(url) if fault == Fault::Stale => {
                let place = language.say("Please use this site at {}.").replace("{}", url);
                Cow::from(format!("{} {place}", language.say(advice)))
            }
            _ => language.say(advice).into(),
        };
        let redirect =
            goes_on.filter(|_| caller == Caller::Page).and_then(|path| HeaderValue::try_from(path).ok());
        let mut response = match (caller, redirect) {
            (_, Some(path)) => {
                let mut response = Response::new(String::new());
                *response.status_mut() = StatusCode::SEE_OTHER;
                response.headers_mut().insert(LOCATION, path);
                response
            }
            (Caller::Page, None) => {
                let sign_in = with_return_to(&format!("{prefix}/sign-in"), return_to.as_deref());
                let logout = format!("{prefix}/logout");
                let link = match fault {
                    Fault::Method | Fault::NotFound | Fault::Origin => ("/", "Go to the start page"),
                    Fault::NotSupported => (&*logout, "Sign out"),
                    Fault::UnknownProvider | Fault::ReturnTo | Fault::NoVisit | Fault::Setup => {
                        (&*sign_in, "Go to sign-in")
                    }
                    _ => (&*sign_in, "Try again"),
                };
                let mut response = failed::page((status, language), title, &advice, link);
                // The address of this page may hold a code.
                let headers = response.headers_mut();
                headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
                response
            }
            (Caller::Fetch, None) => {
                let mut object = Map::from_iter([
                    ("error".to_owned(), Value::from(code)),
                    ("message".to_owned(), Value::from(advice)),
                ]);
                object.extend(members);
                json(status, &Value::from(object))
            }
        };
        if fault == Fault::Store {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

/// A redirect to a place that this site has made or checked.
pub(crate) fn see_other(place: &str) -> Result<Response<String>, Failure> {
    let place = HeaderValue::try_from(place).map_err(|_| {
        Failure::new(
            Fault::Provider,
            "the URL to redirect to is not a URL: it has characters that no header can hold",
        )
    })?;
    let mut response = Response::new(String::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, place);
    Ok(response)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let is_login = error.operation() == Operation::Authorization;
        let (fault, code) = match &error {
            Error::Store(_) => (Fault::Store, None),
            Error::Validation(e) if matches!(e.check(), Check::Acr | Check::AuthTime) => {
                (Fault::NotDelivered, Some(error.code()))
            }
            // What came to the redirect URI is no response.
            Error::Response(_) if is_login => (Fault::Malformed, None),
            Error::Validation(e) if is_login && e.check() == Check::DuplicateParameter => {
                (Fault::Malformed, None)
            }
            _ => match LoginFault::of(&error) {
                LoginFault::Denied => (Fault::Denied, Some(error.code())),
                LoginFault::Stale => (Fault::Stale, Some(error.code())),
                LoginFault::Setup => (Fault::Setup, None),
                _ => (Fault::Provider, Some(error.code())),
            },
        };
        let code = code.map(str::to_owned);
        let mut failure = Self::new(fault, "");
        if let Some(code) = code {
            failure = failure.coded(code);
        }
        failure.0.error = Some(error);
        failure
    }
}

impl From<LoginRejection> for Failure {
    fn from(rejection: LoginRejection) -> Self {
        let (fault, detail) = (rejection.fault(), rejection.to_string());
        if let Some(error) = rejection.error() {
            return Self::from(error.clone());
        }
        let fault = match fault {
            LoginFault::Denied => Fault::Denied,
            LoginFault::Stale | LoginFault::Repeated => Fault::Stale,
            LoginFault::Malformed => Fault::Malformed,
            LoginFault::ReturnTo => Fault::ReturnTo,
            LoginFault::NoVisit => Fault::NoVisit,
            LoginFault::UnknownClient => Fault::UnknownProvider,
            LoginFault::InteractionRequired | LoginFault::Provider => Fault::Provider,
            LoginFault::Setup => Fault::Setup,
        };
        Self::new(fault, detail)
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        let fault = match &error {
            SessionError::Store(_) => Fault::Store,
            SessionError::NeedsStore => Fault::NotSupported,
            _ => Fault::Setup,
        };
        Self::new(fault, error.to_string())
    }
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Self {
        let fault = match &error {
            AccountError::Refused(_) => Fault::Forbidden,
            _ => Fault::Store,
        };
        Self::new(fault, error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.error {
            Some(error) => error.fmt(f),
            None => f.write_str(&self.0.detail),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.error.as_ref().and_then(std::error::Error::source)
    }
}

/// The target of this crate's events.
pub(crate) const LOG: &str = "vouchsafe_web";
