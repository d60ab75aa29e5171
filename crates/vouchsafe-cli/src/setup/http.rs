//! The HTTP client from the arguments.
use vouchsafe::Http;

use crate::args::HttpArgs;
use crate::failure::Failure;
use crate::setup::file::read;

pub(crate) fn http(args: &HttpArgs) -> Result<Http, Failure> {
    let mut builder = Http::builder().timeout(args.timeout);
    if let Some(proxy) = &args.proxy {
        builder = builder.proxy(proxy.as_str());
    }
    if let Some(path) = &args.ca_file {
        builder = builder.certificate_authority(read("--ca-file", path)?);
    }
    Ok(builder.build()?)
}
