//! Requests of the sandbox to a client, without a dependency on an HTTP client.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;
use url::form_urlencoded::Serializer;

/// Posts a form to an `http` URL, and returns the status of the response.
pub(crate) async fn post(url: &str, form: &[(&str, &str)]) -> io::Result<u16> {
    let sending = timeout(PATIENCE, send(url, form));
    sending.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// The status and the body of the response at an `http` URL.
pub(crate) async fn fetch(url: &str) -> io::Result<(u16, Vec<u8>)> {
    // Of HTTP/1.0, so that the body is not in chunks.
    let getting = timeout(
        PATIENCE,
        exchange(url, |target, authority| {
            format!(
                "GET {target} HTTP/1.0\r\nhost: {authority}\r\naccept: application/oauth-authz-req+jwt, */*\r\n\r\n"
            )
        }),
    );
    let response = getting.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    let head = response.windows(4).position(|end| end == b"\r\n\r\n").ok_or(io::ErrorKind::InvalidData)?;
    Ok((status(&response)?, response[head + 4..].to_vec()))
}

async fn send(url: &str, form: &[(&str, &str)]) -> io::Result<u16> {
    let body = Serializer::new(String::new()).extend_pairs(form).finish();
    let response = exchange(url, |target, authority| {
        format!(
            "POST {target} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\naccept: */*\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    });
    status(&response.await?)
}

/// Sends the request that is made of the target and the authority of the URL, and reads the response.
async fn exchange(url: &str, request: impl FnOnce(&str, &str) -> String) -> io::Result<Vec<u8>> {
    let invalid = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, why.to_owned());
    let url = Url::parse(url).map_err(|_| invalid("not a URL"))?;
    let (host, port) = url.host_str().zip(url.port_or_known_default()).ok_or_else(|| invalid("no host"))?;
    if url.scheme() != "http" {
        return Err(invalid("the sandbox sends requests to http URLs only"));
    }
    let mut stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
    stream.write_all(request(target, authority).as_bytes()).await?;
    let mut response = Vec::new();
    stream.take(MAX_RESPONSE).read_to_end(&mut response).await?;
    Ok(response)
}

fn status(response: &[u8]) -> io::Result<u16> {
    let rest = response.strip_prefix(b"HTTP/1.1 ").or_else(|| response.strip_prefix(b"HTTP/1.0 "));
    let status = rest.and_then(|rest| str::from_utf8(rest.get(..3)?).ok());
    status.and_then(|status| status.parse().ok()).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

const PATIENCE: Duration = Duration::from_secs(5);
const MAX_RESPONSE: u64 = 64 * 1024;
