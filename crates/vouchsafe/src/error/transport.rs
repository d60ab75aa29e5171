//! No usable response came.
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Operation, write_retry_after};
use crate::text::redact::{MAX_TEXT, printable};

/// No usable response came.
#[derive(Clone, Debug)]
pub struct HttpError {
    pub(crate) operation: Operation,
    pub(crate) kind: HttpErrorKind,
    pub(crate) origin: String,
    pub(crate) status: Option<u16>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) remark: String,
    /// The advice of the transport.
    pub(crate) advice: Option<&'static str>,
    pub(crate) source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl HttpError {
    /// An error without a response, a cause or advice.
    pub(super) fn new(operation: Operation, kind: HttpErrorKind, origin: String) -> Self {
        let (status, retry_after, remark, advice, source) = (None, None, String::new(), None, None);
        Self { operation, kind, origin, status, retry_after, remark, advice, source }
    }

    /// The operation that failed.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// What went wrong.
    pub fn kind(&self) -> HttpErrorKind {
        self.kind
    }

    /// The HTTP status, if a response came that holds no error of the protocol.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// How long the provider asks clients to wait: see [`Error::retry_after`](crate::Error::retry_after).
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The end of the message: the last source, which is the cause (a refused connection, an unknown certificate authority), and the
    /// advice.
    pub(super) fn ending(&self) -> String {
        let sources =
            std::iter::successors(self.source.as_deref().map(|s| s as &dyn std::error::Error), |e| {
                e.source()
            });
        let cause = sources.last().map(|error| format!(": {}", printable(&error.to_string(), MAX_TEXT)));
        let advice = self.advice.map(|advice| format!("; {advice}"));
        cause.into_iter().chain(advice).collect()
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, origin, .. } = self;
        write!(f, "{operation} failed: ")?;
        match self.kind {
            HttpErrorKind::Timeout => write!(
                f,
                "timed out before {origin} had sent the complete response (Http::timeout, Client::call_timeout)"
            ),
            HttpErrorKind::Connect => write!(f, "could not connect to {origin}"),
            HttpErrorKind::Tls => write!(f, "could not make a trusted TLS connection to {origin}"),
            HttpErrorKind::BodyTooLarge => {
                write!(f, "the response from {origin} is larger than the limit (Http::max_body)")
            }
            HttpErrorKind::Interrupted => {
                write!(f, "the connection to {origin} broke before the response was complete")
            }
            HttpErrorKind::Status => {
                write!(f, "{origin} returned HTTP status {}", self.status.unwrap_or_default())
            }
        }?;
        f.write_str(&self.remark)?;
        write_retry_after(f, self.retry_after)?;
        f.write_str(&self.ending())
    }
}

impl std::error::Error for HttpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

words! {
    /// Why no usable response came.
    pub enum HttpErrorKind {
        /// It took too long.
        Timeout = "timeout",
        /// The connection failed, so nothing was sent.
        Connect = "connect",
        /// The TLS connection could not be trusted.
        Tls = "tls",
        /// The body is larger than the limit.
        BodyTooLarge = "body_too_large",
        /// The response ended early, or was not HTTP.
        Interrupted = "interrupted_answer",
        /// The status is an error, and the body does not say why.
        Status = "http_status",
    }
}

/// Why an [`HttpClient`](crate::http::HttpClient) got no response.
#[derive(Clone, Debug)]
pub struct TransportError {
    /// `None` if the address of the host is refused.
    pub(super) kind: Option<HttpErrorKind>,
    pub(super) advice: Option<&'static str>,
    pub(crate) source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl TransportError {
    /// An error of that kind.
    pub fn new(kind: HttpErrorKind) -> Self {
        Self { kind: Some(kind), advice: None, source: None }
    }

    /// The client refuses the address of the host ([`is_public_address`](crate::http::is_public_address)). The call ends with
    /// an [`Error::Validation`](crate::Error::Validation): nothing was sent, and trying again does not help.
    pub fn address_refused() -> Self {
        Self { kind: None, advice: None, source: None }
    }

    /// Adds advice, for the end of the message.
    #[cfg(feature = "transport")]
    pub(crate) fn with_advice(self, advice: Option<&'static str>) -> Self {
        Self { advice, ..self }
    }

    /// Whether there was no connection, so that nothing was sent.
    pub(crate) fn is_connect(&self) -> bool {
        self.kind == Some(HttpErrorKind::Connect)
    }

    /// Adds the error that caused this one. Its message is shown to people: it must hold no secret, and no URL with a query.
    #[must_use]
    pub fn caused_by(self, source: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Self { source: Some(Arc::from(source)), ..self }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.map_or("the address of the host is refused", HttpErrorKind::as_str))
    }
}

impl std::error::Error for TransportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
