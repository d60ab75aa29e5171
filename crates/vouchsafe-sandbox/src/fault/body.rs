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
    // The last block, with fixed codes; then the space, whose code begins with its highest bit.
    let mut bits = vec![1, 1, 0];
    bits.extend((0..8).rev().map(|at| (0x30 + b' ') >> at & 1));
    while bits.len() < 8 * 2 * PERIOD {
        // Length 258 at distance 1.
        bits.extend([1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]);
    }
    let byte = |bits: &[u8]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit);
    let mut bomb = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    bomb.extend(bits.chunks_exact(8).map(byte));
    while bomb.len() < BOMB {
        bomb.push(bomb[bomb.len() - PERIOD]);
    }
    bomb
}

fn streamed(parts: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    ([JSON], Body::from_stream(parts.map(Ok::<_, io::Error>))).into_response()
}

const BEGINNING: Bytes = Bytes::from_static(b"{\"access_token\":\"sandbox-at-cut");
/// White space: a JSON parser waits for more.
const BLOCK: Bytes = Bytes::from_static(&[b' '; 16 * 1024]);
const LARGE: usize = 64 * 1024 * 1024;
/// In bytes; 13 bits encode 258 bytes.
const BOMB: usize = 1_000_000;
/// Eight times 13 bits, in bytes.
const PERIOD: usize = 13;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bomb_begins_with_the_codes_that_it_goes_on_with() {
        let bomb = bomb();
        // By any other compressor: a block with fixed codes, a space, and a copy.
        assert_eq!(bomb[10..14], [0x53, 0x18, 0x05, 0xa3]);
        assert_eq!(bomb[12..12 + 10 * PERIOD], bomb[12 + PERIOD..12 + 11 * PERIOD]);
    }
}
