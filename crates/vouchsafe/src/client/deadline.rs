//! The time of one call, which all its exchanges share.
use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::future::{self, Either};
use http::Uri;

use super::Client;
use crate::error::{Error, HttpErrorKind, Operation, TransportError};
use crate::transport::{Request, Response, origin};

impl Client {
    /// The same client for one call, which begins now; within another call, that one's time goes on.
    pub(crate) fn begin_call(&self) -> Self {
        let ends = || Instant::now().checked_add(self.times.call?);
        Self { deadline: self.deadline.or_else(ends), ..self.clone() }
    }

    /// Sends a request in the time that the call has left.
    pub(crate) async fn send(&self, operation: Operation, request: Request) -> Result<Response, Error> {
        match self.left() {
            None => self.inner.http.send(operation, request).await,
            Some(Duration::ZERO) => Err(out_of_time(operation, request.uri())),
            Some(left) => self.inner.http.clone().within(left).send(operation, request).await,
        }
    }

    /// Waits for what others may wait for as well, for the time that the call has left: what is given up here goes on for
    /// them.
    pub(crate) async fn in_time<T>(
        &self,
        operation: Operation,
        place: impl FnOnce() -> Uri,
        fetch: impl Future<Output = T>,
    ) -> Result<T, Error> {
        let Some(left) = self.left() else { return Ok(fetch.await) };
        // What is known already takes no time.
        let fetch = pin!(fetch);
        let timer = match left {
            Duration::ZERO => Either::Left(future::ready(())),
            left => match self.inner.http.wait(left) {
                Some(timer) => Either::Right(timer),
                None => return Ok(fetch.await),
            },
        };
        match future::select(fetch, timer).await {
            Either::Left((outcome, _)) => Ok(outcome),
            Either::Right(_) => Err(out_of_time(operation, &place())),
        }
    }

    fn left(&self) -> Option<Duration> {
        Some(self.deadline?.saturating_duration_since(Instant::now()))
    }
}

fn out_of_time(operation: Operation, uri: &Uri) -> Error {
    Error::http(operation, origin(uri), TransportError::new(HttpErrorKind::Timeout))
}
