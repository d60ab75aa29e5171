//! Bodies that a client must refuse: they are cut, endless or too large.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_LENGTH;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{self, Stream, StreamExt as _};
use tokio::time::sleep;

const JSON: (&str, &str) = ("content-type", "application/json");

/// Sends a good beginning, then closes the connection.
pub(super) fn cut() -> Response {
    let parts =
        stream::iter([Ok(BEGINNING), Err(io::Error::other("the body is cut here"))]).then(async |part| {
            if part.is_err() {
                // The first part must be sent before the connection closes.
                sleep(Duration::from_millis(10)).await;
            }
            part
        });
    ([JSON, ("content-length", "4096")], Body::from_stream(parts)).into_response()
}

/// One byte at a time, with pauses.
pub(super) fn dripping() -> Response {
    let drops = stream::repeat(Bytes::from_static(b" ")).then(async |drop| {
        sleep(Duration::from_millis(50)).await;
        drop
    });
    streamed(stream::iter([BEGINNING]).chain(drops))
}

pub(super) fn endless() -> Response {
    streamed(stream::iter([BEGINNING]).chain(stream::repeat(BLOCK)))
}

pub(super) fn large() -> Response {
    let mut response = streamed(stream::repeat(BLOCK).take(LARGE / BLOCK.len()));
    response.headers_mut().insert(CONTENT_LENGTH, LARGE.into());
    response
}

pub(super) fn gzip_bomb() -> Response {
    ([JSON, ("content-encoding", "gzip")], bomb()).into_response()
}

/// RFC 1952, with one block of RFC 1951 with fixed codes: a space, and 258 more spaces again and again. It ends in the
/// middle, because a client must stop earlier.
fn bomb() -> Vec<u8> {
    [&BOMB_BEGINNING[..], &MORE_SPACES.repeat(BOMB / MORE_SPACES.len())].concat()
}

fn streamed(parts: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    ([JSON], Body::from_stream(parts.map(Ok::<_, io::Error>))).into_response()
}

const BEGINNING: Bytes = Bytes::from_static(b"{\"access_token\":\"sandbox-at-cut");
/// White space: a JSON parser waits for more.
const BLOCK: Bytes = Bytes::from_static(&[b' '; 16 * 1024]);
const LARGE: usize = 64 * 1024 * 1024;
/// In bytes.
const BOMB: usize = 1_000_000;
/// The header, the beginning of the block, and the space.
const BOMB_BEGINNING: [u8; 12] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 0x53, 0x18];
/// Length 258 at distance 1 takes 13 bits, so eight such codes fill 13 bytes.
const MORE_SPACES: [u8; 13] = [5, 0xa3, 0x60, 0x14, 0x8c, 0x82, 0x51, 0x30, 0x0a, 0x46, 0xc1, 0x28, 0x18];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bomb_begins_with_the_codes_that_it_goes_on_with() {
        let (bomb, period) = (bomb(), MORE_SPACES.len());
        // By any other compressor: a block with fixed codes, a space, and a copy.
        assert_eq!(bomb[10..14], [0x53, 0x18, 0x05, 0xa3]);
        assert_eq!(bomb[12..12 + 10 * period], bomb[12 + period..12 + 11 * period]);
    }
}
