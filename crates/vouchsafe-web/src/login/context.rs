//! One request inside the layer.
use std::sync::{Arc, Mutex, PoisonError};

use http::header::{CACHE_CONTROL, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use crate::login::logins::Logins;
use crate::login::rejection::LoginRejection;
use crate::page::language::Language;

/// One request at an application with logins: put it into the extensions of the request, and afterwards
/// [write](Self::write) its cookies into the headers of the response.
#[derive(Clone, Debug)]
pub struct RequestContext {
    pub(crate) logins: Logins,
    /// The language of the pages.
    language: Language,
    /// The `Set-Cookie` headers to come.
    cookies: Arc<Mutex<Vec<HeaderValue>>>,
}

impl RequestContext {
    /// The context of a new request.
    pub fn new(logins: Logins) -> Self {
        Self { logins, language: Language::default(), cookies: Arc::default() }
    }

    pub(crate) fn of(parts: &Parts) -> Result<Self, LoginRejection> {
        let language = Language::preferred(&parts.headers);
        match parts.extensions.get::<Self>() {
            Some(context) => Ok(Self { language, ..context.clone() }),
            None => {
                let detail = "the route is not inside the layer: add .layer(logins) to the router";
                Err(LoginRejection::setup(detail).in_language(language).reported(None))
            }
        }
    }

    /// The rejection, reported in the log, in the language of the browser, and with a link to where people choose how to sign in.
    pub(crate) fn rejected(&self, rejection: LoginRejection) -> LoginRejection {
        rejection.in_language(self.language).reported(self.logins.inner.retry_at.as_deref())
    }

    /// Adds a `Set-Cookie` header to the response.
    pub(crate) fn add_cookie(&self, header: String) {
        if let Ok(header) = HeaderValue::try_from(header) {
            self.cookies.lock().unwrap_or_else(PoisonError::into_inner).push(header);
        }
    }

    /// Writes the headers of the response. They set and remove the login cookies.
    pub fn write(self, headers: &mut HeaderMap) {
        let cookies = std::mem::take(&mut *self.cookies.lock().unwrap_or_else(PoisonError::into_inner));
        if !cookies.is_empty() {
            headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        }
        for cookie in cookies {
            headers.append(SET_COOKIE, cookie);
        }
    }
}
