//! `vouchsafe whoami`, `vouchsafe profile` and `vouchsafe introspect`: what the provider says about a saved login.
use vouchsafe::{Client, Tokens};

use super::login::report;
use crate::args::NamedArgs;
use crate::failure::Failure;
use crate::saved::{Need, SavedLogins};
use crate::system::Interrupt;
use crate::terminal::{Event, Identified, Output, Who};

pub(crate) async fn run(
    args: &NamedArgs,
    output: &mut Output,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let ask = async |client: &Client, tokens: &Tokens| client.identity(tokens).await;
    let (slug, identity) = ask_provider((args, Need::Token), output, interrupt, ask).await?;
    for warning in identity.warnings() {
        output.warn(warning.code(), &warning.to_string());
    }
    output.event(&Event::Identity(Identified { provider: &slug, who: Who::of(&identity) }));
    output.row("user ID", identity.subject());
    output.row("e-mail", &*report::email(&identity));
    output.row("name", identity.name());
    Ok(())
}

pub(crate) async fn profile(
    args: &NamedArgs,
    output: &mut Output,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let ask = async |client: &Client, tokens: &Tokens| client.profile(tokens).await;
    let (_, profile) = ask_provider((args, Need::Token), output, interrupt, ask).await?;
    output.event(&Event::Profile { profile: &profile });
    report::pretty(&profile).into_iter().for_each(|line| output.say(line));
    Ok(())
}

pub(crate) async fn introspect(
    args: &NamedArgs,
    output: &mut Output,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let ask = async |client: &Client, tokens: &Tokens| client.introspect(tokens).await;
    let (_, token) = ask_provider((args, Need::Client), output, interrupt, ask).await?;
    output.event(&Event::Introspection { token: &token });
    report::pretty(&token).into_iter().for_each(|line| output.say(line));
    Ok(())
}

/// The slug of the provider, and its response to a question with a valid token.
async fn ask_provider<T>(
    (args, need): (&NamedArgs, Need),
    output: &mut Output,
    interrupt: &mut Interrupt,
    ask: impl AsyncFnOnce(&Client, &Tokens) -> Result<T, vouchsafe::Error>,
) -> Result<(String, T), Failure> {
    let logins = interrupt.or(SavedLogins::open(&args.store, output)).await?;
    let work = async {
        let login = logins.login(args, need, output).await?;
        let asking = async {
            let tokens = login.tokens().await?;
            ask(&login.client, &tokens).await.map_err(Failure::from)
        };
        let said = output.patiently(&login.provider, args.http.timeout, asking).await?;
        Ok((login.recipe.slug, said))
    };
    logins.finish(interrupt, work).await
}
