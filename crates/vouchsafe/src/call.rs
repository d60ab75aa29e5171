//! The only place that sends: here a call of the protocol meets the network.
use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant, SystemTime};

use futures_util::FutureExt;
use futures_util::future::{self, Either};
use http::Uri;

use crate::authenticator::Auth;
use crate::certificate::ClientCertificate;
use crate::dpop::{Binding, PROOF, Proves};
use crate::endpoint::Endpoint;
use crate::error::{Error, HttpErrorKind, Operation, TransportError};
use crate::protocol::call::{Call, Outgoing};
use crate::protocol::challenge_request::ChallengeRequest;
use crate::protocol::response::Incoming;
use crate::secret::Noted;
use crate::transport::{BoxFuture, Http, Request, origin};

/// How calls are sent: by that transport, until that deadline, and with what must not be shown.
#[derive(Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub(crate) http: &'a Http,
    pub(crate) deadline: Deadline,
    pub(crate) noted: &'a Noted<'a>,
    /// The key that tokens are bound to.
    pub(crate) binding: Option<&'a Binding>,
    /// The certificate that the client presents.
    pub(crate) certificate: Option<&'a ClientCertificate>,
}

impl<'a> Sender<'a> {
    /// Sends for nobody in particular: without a deadline, a key and a certificate.
    pub(crate) fn plain(http: &'a Http, noted: &'a Noted<'a>) -> Self {
        Self { http, deadline: Deadline::after(None), noted, binding: None, certificate: None }
    }

    /// Sends a call and reads the response. The client authenticates where `auth` says how.
    ///
    /// A server may ask for a proof with its nonce, or for one with its challenge; then the request is sent once more for each, with new
    /// proofs and a new assertion.
    pub(crate) async fn send<C: Call>(
        self,
        endpoint: &Endpoint,
        auth: Option<Auth<'_>>,
        call: &C,
    ) -> Result<C::Output, Error> {
        let operation = call.operation();
        let proved = match call.proves() {
            Proves::Nothing => None,
            Proves::Possession => self.binding.map(|binding| (binding, None)),
            Proves::Token(token) => self.binding.map(|binding| (binding, Some(token))),
        };
        let mut is_last = proved.is_none();
        let attested = auth.as_ref().and_then(Auth::attested);
        let mut was_challenged = false;
        loop {
            if let (Some(attested), Some(auth)) = (attested, &auth)
                && let Some(endpoint) = auth.challenges.filter(|_| !attested.has_challenge())
            {
                attested.keep(self.challenge(endpoint).await?);
            }
            let mut request = self.request(endpoint, auth.as_ref(), call).await?;
            if let Some((binding, token)) = proved {
                let proof = binding.proof((request.method(), request.uri()), token, operation).await?;
                request.headers_mut().insert(PROOF, proof);
            }
            // A token that is bound to a key is not bound to the certificate.
            let is_bound_to_key = matches!(proved, Some((_, Some(_))));
            if let Some(certificate) = self.certificate.filter(|_| !is_bound_to_key) {
                request.extensions_mut().insert(certificate.clone());
            }
            let hurried = match self.deadline.left() {
                None => None,
                Some(Duration::ZERO) => return Err(out_of_time(operation, request.uri())),
                Some(left) => Some(self.http.clone().within(left)),
            };
            let response = hurried.as_ref().unwrap_or(self.http).send(operation, request).await?;
            let wants_challenge = attested.is_some_and(|attested| attested.wants_another(&response));
            if let Some((binding, _)) = proved
                && binding.wants_another(endpoint.uri(), &response)
                && !std::mem::replace(&mut is_last, true)
            {
                continue;
            }
            if wants_challenge && !std::mem::replace(&mut was_challenged, true) {
                continue;
            }
            return call.read(Incoming {
                operation,
                uri: endpoint.uri(),
                noted: self.noted,
                dialect: call.dialect(),
                response,
                is_proved: proved.is_some(),
                now: SystemTime::now(),
            });
        }
    }
}

impl<'a> Sender<'a> {
    /// The request of a call, with the credentials of the client.
    async fn request<C: Call>(
        &self,
        endpoint: &Endpoint,
        auth: Option<&Auth<'_>>,
        call: &C,
    ) -> Result<Request, Error> {
        let credentials = match auth {
            Some(auth) => Some((auth.credentials(call.operation()).await?, auth.method)),
            None => None,
        };
        let credentials = credentials.as_ref().map(|(credentials, method)| (&**credentials, *method));
        let mut to = Outgoing::new(endpoint, credentials, self.noted);
        call.write(&mut to)?;
        Ok(to.request())
    }

    /// Fetches a challenge for the attestation of the client. Boxed, because it is a request inside another one.
    fn challenge<'f>(self, endpoint: &'f Endpoint) -> BoxFuture<'f, Result<String, Error>>
    where
        'a: 'f,
    {
        Box::pin(self.send(endpoint, None, &ChallengeRequest))
    }
}

/// When a call of the application has to end, if it has to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    /// That long from now.
    pub(crate) fn after(time: Option<Duration>) -> Self {
        Self(time.and_then(|time| Instant::now().checked_add(time)))
    }

    /// Waits for a fetch that others may wait for as well, for the time that is left. A fetch that is given up here goes on
    /// for them.
    pub(crate) async fn wait<T>(
        self,
        http: &Http,
        (operation, place): (Operation, impl FnOnce() -> Uri),
        fetch: impl Future<Output = T>,
    ) -> Result<T, Error> {
        let Some(left) = self.left() else { return Ok(fetch.await) };
        // A value that is known already takes no time.
        let fetch = pin!(fetch);
        let timer = if left.is_zero() { Some(future::ready(()).boxed()) } else { http.wait(left) };
        let Some(timer) = timer else { return Ok(fetch.await) };
        match future::select(fetch, timer).await {
            Either::Left((outcome, _)) => Ok(outcome),
            Either::Right(_) => Err(out_of_time(operation, &place())),
        }
    }

    /// Refuses a request for which no time is left.
    pub(crate) fn check(self, operation: Operation, place: &Uri) -> Result<(), Error> {
        if self.left() == Some(Duration::ZERO) { Err(out_of_time(operation, place)) } else { Ok(()) }
    }

    fn left(self) -> Option<Duration> {
        Some(self.0?.saturating_duration_since(Instant::now()))
    }
}

fn out_of_time(operation: Operation, uri: &Uri) -> Error {
    Error::http(operation, origin(uri), TransportError::new(HttpErrorKind::Timeout))
}
