//! The HTTP client from the arguments.
use vouchsafe::Http;

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
