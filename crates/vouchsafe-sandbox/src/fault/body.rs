//! Bodies that no client should wait for, or believe.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_LENGTH;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{self, Stream, StreamExt as _};
use tokio::time::sleep;

const JSON: (&str, &str) = ("content-type", "application/json");

/// A good beginning, and then nothing.
pub(super) fn cut() -> Response {
    let parts =
        stream::iter([Ok(BEGINNING), Err(io::Error::other("the body is cut here"))]).then(async |part| {
            if part.is_err() {
                // What was said so far has to be on its way before the connection closes.
                sleep(Duration::from_millis(10)).await;
            }
            part
        });
    ([JSON, ("content-length", "4096")], Body::from_stream(parts)).into_response()
}

/// A byte, and after a while another one.
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

/// RFC 1952, around one block of RFC 1951 with fixed codes: a space, and time and again 258 more of the same.
fn bomb() -> Vec<u8> {
    let mut bomb = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut bits = Bits { bytes: &mut bomb, used: 0 };
    // The last block, and fixed codes.
    bits.push(0b1, 1);
    bits.push(0b10, 2);
    // A space; codes have their highest bit first.
    bits.push((0x30_u32 + 0x20).reverse_bits() >> 24, 8);
    for _ in 0..REPEATS {
        // Length 258, distance 1.
        bits.push(0b1100_0101_u32.reverse_bits() >> 24, 8);
        bits.push(0, 5);
    }
    // The end of the block.
    bits.push(0, 7);
    // The checksum is for those who get as far as that.
    bomb.extend([0; 8]);
    bomb
}

struct Bits<'a> {
    bytes: &'a mut Vec<u8>,
    used: u32,
}

impl Bits<'_> {
    fn push(&mut self, bits: u32, count: u32) {
        for at in 0..count {
            if self.used % 8 == 0 {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((bits >> at & 1) << (self.used % 8)) as u8;
            }
            self.used += 1;
        }
    }
}

fn streamed(parts: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    ([JSON], Body::from_stream(parts.map(Ok::<_, io::Error>))).into_response()
}

const BEGINNING: Bytes = Bytes::from_static(b"{\"access_token\":\"sandbox-at-cut");
/// White space: to a reader of JSON it is nothing yet.
const BLOCK: Bytes = Bytes::from_static(&[b' '; 16 * 1024]);
const LARGE: usize = 64 * 1024 * 1024;
/// 13 bits each: nearly a MiB, and 150 MiB of what they stand for.
const REPEATS: usize = 610_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bomb_is_less_than_a_mib() {
        assert!((900 * 1024..1024 * 1024).contains(&bomb().len()));
    }
}
