//! Whether a request is sent again, and how long to wait before that.
use std::time::{Duration, SystemTime};

use http::header::RETRY_AFTER;
use http::{Method, StatusCode};

use super::{Request, Response};
use crate::error::{Operation, TransportError};

/// Whether a request only reads, so that it may be sent again. Even a failed attempt can spend a code or a refresh token.
pub(super) fn is_repeatable(request: &Request) -> bool {
    let reads = matches!(
        request.extensions().get(),
        Some(
            Operation::Discovery
                | Operation::KeySet
                | Operation::Profile
                | Operation::Identity
                | Operation::WebFinger
        )
    );
    reads && request.method() == Method::GET
}

/// How long to wait before the next try, after `tried` retries. `None` if another try would not help. `random` returns a
/// number between 0 and 1, so that clients that failed at the same time do not come back at the same time.
pub(super) fn pause(
    outcome: &Result<Response, TransportError>,
    now: SystemTime,
    tried: u32,
    random: impl FnOnce() -> f64,
) -> Option<Duration> {
    let asked = match outcome {
        Ok(response) => {
            // RFC 6585 §4, RFC 9110 §15.6.4.
            let busy = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
            busy.contains(&response.status()).then(|| retry_after(response, now))?
        }
        // Nothing was sent.
        Err(error) => error.is_connect().then_some(None)?,
    };
    let step = FIRST_PAUSE * 2_u32.pow(tried.min(MAX_DOUBLINGS));
    let (least, spread) = match asked {
        Some(asked) => (asked, step + asked / 10),
        None => (step / 2, step / 2),
    };
    Some(least + spread.mul_f64(random()))
}

/// How long a response asks clients to wait (`Retry-After`, RFC 9110 section 10.2.3): seconds, or a date.
pub(crate) fn retry_after(response: &Response, now: SystemTime) -> Option<Duration> {
    let mut values = response.headers().get_all(RETRY_AFTER).into_iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let value = value.to_str().ok()?.trim();
    let wait = if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        value.parse().map_or(MAX_WAIT, Duration::from_secs)
    } else {
        // A date that has passed means that the time has come.
        httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(MAX_WAIT))
}

/// The longest pause before the first retry without `Retry-After`. Each pause is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// After this many doublings, pauses do not grow any more.
const MAX_DOUBLINGS: u32 = 6;
/// A longer `Retry-After` counts as this time.
const MAX_WAIT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::error::HttpErrorKind;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// What is read of that header, at a quarter to nine on 6 November 1994.
    fn seconds(value: &str) -> Option<u64> {
        let mut response = Response::default();
        response.headers_mut().insert(RETRY_AFTER, value.parse().unwrap());
        retry_after(&response, at(784_111_777 - 277)).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_and_dates_are_read() {
        for (value, expected) in [
            ("0", 0),
            ("120", 120),
            (" 7 ", 7),
            ("99999999999999999999999", MAX_WAIT.as_secs()),
            ("18446744073709551615", MAX_WAIT.as_secs()),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 277),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 277),
            ("Sun Nov  6 08:49:37 1994", 277),
            ("Wed Nov 16 08:49:37 1994", 277 + 864_000),
            ("Sun, 06 Nov 1994 08:40:00 GMT", 0),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_WAIT.as_secs()),
        ] {
            assert_eq!(seconds(value), Some(expected), "{value}");
        }
    }

    #[test]
    fn what_is_neither_is_none() {
        for value in [
            "",
            "soon",
            "-1",
            "+1",
            "1.5",
            "1e3",
            "1 2",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Now 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 25:00:00 GMT",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, xx Nov 1994 08:49:37 GMT",
            "1994-11-06T08:49:37Z",
        ] {
            assert_eq!(seconds(value), None, "{value}");
        }
        let mut twice = Response::default();
        for value in ["1", "2"] {
            twice.headers_mut().append(RETRY_AFTER, http::HeaderValue::from_static(value));
        }
        assert_eq!(retry_after(&twice, at(0)), None, "which of two would count is anybody's guess");
    }

    #[test]
    fn pauses_are_never_shorter_than_asked_and_never_the_same_for_all() {
        let busy = |seconds: &'static str| {
            let mut response = Response::default();
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            response.headers_mut().insert(RETRY_AFTER, http::HeaderValue::from_static(seconds));
            Ok(response)
        };
        let ms = |outcome: &Result<Response, TransportError>, tried, random| {
            pause(outcome, at(0), tried, || random).map(|pause| pause.as_millis())
        };
        assert_eq!([ms(&busy("0"), 0, 0.0), ms(&busy("0"), 0, 1.0)], [Some(0), Some(250)]);
        assert_eq!([ms(&busy("20"), 0, 0.0), ms(&busy("20"), 1, 1.0)], [Some(20_000), Some(22_500)]);
        let dead = |kind| Err(TransportError::new(kind));
        let connect = dead(HttpErrorKind::Connect);
        assert_eq!([ms(&connect, 0, 0.0), ms(&connect, 0, 1.0)], [Some(125), Some(250)]);
        assert_eq!([ms(&connect, 1, 0.0), ms(&connect, 1, 1.0)], [Some(250), Some(500)]);
        assert_eq!(ms(&connect, u32::MAX, 1.0), Some(16_000), "they do not grow without end");
        for kind in [HttpErrorKind::Timeout, HttpErrorKind::Tls, HttpErrorKind::Interrupted] {
            assert_eq!(ms(&dead(kind), 0, 0.0), None, "{kind:?}");
        }
        assert_eq!(ms(&Err(TransportError::address_refused()), 0, 0.0), None);
        for status in [200, 400, 404, 500, 502, 504] {
            let mut response = Response::default();
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            assert_eq!(ms(&Ok(response), 0, 0.0), None, "{status}");
        }
    }
}
