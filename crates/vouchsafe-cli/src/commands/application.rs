//! `vouchsafe client-credentials`: a token for the application itself (RFC 6749 section 4.4).
use vouchsafe::Client;

use super::token;
use crate::args::ApplicationArgs;
use crate::failure::Failure;
use crate::setup::{self, Target};
use crate::terminal::Output;

pub(crate) async fn run(args: &ApplicationArgs, output: &mut Output) -> Result<(), Failure> {
    let Target { provider, name, acted } = setup::provider(args.provider.as_deref(), &args.target)?;
    let signing = provider.definition().signed_client_secret.then_some(&*name);
    let registration = setup::registration(&args.client, signing, acted.as_ref())?;
    let client = Client::new(provider, registration, &setup::http(&args.http, output)?)?;
    let scopes = args.scopes.iter().flat_map(|scopes| scopes.split_ascii_whitespace());
    let request = client.client_credentials().scopes(scopes);
    let request = args.extras.iter().fold(request, |request, (name, value)| request.param(name, value));
    let request = args.resources.iter().fold(request, |request, uri| request.resource(uri));
    let tokens = output.patiently(&name, args.http.timeout, request.into_future()).await?;
    token::print(&tokens, None, output);
    Ok(())
}
