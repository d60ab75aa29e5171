//! The HTTP client from the arguments.
use std::sync::Arc;

use http::Request;
use vouchsafe::Http;
use vouchsafe::http::{BoxFuture, HttpClient, Limits, Response, TransportError};

use crate::args::HttpArgs;
use crate::failure::Failure;
use crate::setup::file::read;
use crate::terminal::Output;

/// Each host that plain http is allowed for brings a warning.
pub(crate) fn http(args: &HttpArgs, output: &mut Output) -> Result<Http, Failure> {
    let mut builder = Http::builder().timeout(args.timeout);
    if let Some(proxy) = &args.proxy {
        builder = builder.proxy(proxy.as_str());
    }
    if let Some(path) = &args.ca_file {
        builder = builder.certificate_authority(read("--ca-file", path)?);
    }
    let mut http = builder.build()?;
    for host in &args.allow_http {
        output.warn(
            "plain_http",
            &format!(
                "Requests to {host} may be sent over http, without encryption: everybody in that network can read codes, \
                 tokens and secrets, and change the responses"
            ),
        );
        http = http.danger_allow_http(host);
    }
    Ok(http)
}

/// The transport of the library, which follows no redirects.
pub(crate) fn transport(http: Http) -> Result<Arc<dyn HttpClient>, Failure> {
    let mut inner = None;
    let _ = http.wrap(|client| Transport(inner.insert(client).clone()));
    inner.ok_or_else(|| Failure::local("runtime", "There is no HTTP client"))
}

struct Transport(Arc<dyn HttpClient>);

impl HttpClient for Transport {
    fn send(
        &self,
        request: Request<Vec<u8>>,
        limits: Limits,
    ) -> BoxFuture<'_, Result<Response, TransportError>> {
        self.0.send(request, limits)
    }
}
