//! `vouchsafe client-credentials`: a token for the application itself (RFC 6749 section 4.4).
use vouchsafe::Client;

use super::token;
use crate::args::ApplicationArgs;
use crate::failure::Failure;
use crate::saved::{Recipe, Saving};
use crate::setup::{self, Target};
use crate::terminal::Output;

pub(crate) async fn run(args: &ApplicationArgs, output: &mut Output) -> Result<(), Failure> {
    let Target { provider, name, acted } = setup::provider(args.provider.as_deref(), &args.target)?;
    let signing = provider.definition().signed_client_secret.then_some(&*name);
    let registration = setup::registration(&args.client, signing, acted.as_ref())?;
    let client = Client::new(provider, registration, &setup::http(&args.http, output)?)?;
    let saving = match &args.save {
        Some(name) => {
            let otherwise = "Without --save, the token is not saved.";
            Some(Saving::named(name, &args.store, otherwise, output).await?)
        }
        None => None,
    };
    let scopes: Vec<_> = args.scopes.iter().flat_map(|scopes| scopes.split_ascii_whitespace()).collect();
    let resources = args.resources.iter().map(|uri| ("resource", uri.as_str()));
    let extras = args.extras.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let params: Vec<_> = extras.chain(resources).collect();
    let request = client.client_credentials().scopes(scopes.clone());
    let request = params.iter().fold(request, |request, (name, value)| request.param(*name, *value));
    let tokens = output.patiently(&name, args.http.timeout, request.into_future()).await?;
    if let Some(saving) = saving {
        let recipe = Recipe::of(&args.into(), client.provider_slug(), None)?;
        saving.save(&client, &tokens, &recipe, |saving| saving.application(scopes, params)).await?;
    }
    token::print(&tokens, None, output);
    Ok(())
}
