//! `vouchsafe token` and `vouchsafe refresh`: a valid access token of a saved login.
use serde_json::json;
use vouchsafe::Tokens;

use crate::args::{Format, NamedArgs, TokenArgs};
use crate::failure::Failure;
use crate::saved::{Need, SavedLogins};
use crate::system::Interrupt;
use crate::terminal::{Event, Output, Token};
use crate::text;

pub(crate) async fn run(
    args: &TokenArgs,
    output: &mut Output,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let named = &args.named;
    let logins = interrupt.or(SavedLogins::open(&named.store, output)).await?;
    let work = async {
        let login = logins.login(named, Need::Token, output).await?;
        output.patiently(&login.provider, named.http.timeout, login.tokens()).await
    };
    let tokens = logins.finish(interrupt, work).await?;
    print(&tokens, args.format, output);
    Ok(())
}

pub(crate) async fn refresh(
    args: &NamedArgs,
    output: &mut Output,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let logins = interrupt.or(SavedLogins::open(&args.store, output)).await?;
    let work = async {
        let login = logins.login(args, Need::Client, output).await?;
        output.patiently(&login.provider, args.http.timeout, login.refreshed()).await
    };
    let tokens = logins.finish(interrupt, work).await?;
    print(&tokens, None, output);
    Ok(())
}

/// Prints the access token alone, or in a format.
pub(super) fn print(tokens: &Tokens, format: Option<Format>, output: &mut Output) {
    for warning in tokens.warnings() {
        output.warn(warning.code(), &warning.to_string());
    }
    let token = tokens.access_token().expose();
    let end = tokens.expires_at().map(text::seconds);
    output.event(&Event::Token(Token {
        access_token: token,
        token_type: tokens.token_type(),
        expires_at: end,
        scope: tokens.scopes().collect(),
        refresh_token: None,
        id_token: None,
    }));
    output.line(&match format {
        None => token.to_owned(),
        // https://git-scm.com/docs/git-credential#IOFMT
        Some(Format::GitCredential) => {
            let end = end.map(|end| format!("\npassword_expiry_utc={end}")).unwrap_or_default();
            format!("username=oauth2\npassword={token}{end}")
        }
        // https://github.com/docker/docker-credential-helpers#development
        Some(Format::Docker) => json!({"Username": "oauth2", "Secret": token}).to_string(),
        Some(Format::CredentialProcess) => {
            let end = tokens.expires_at().and_then(text::timestamp);
            json!({"Version": 1, "AccessToken": token, "Expiration": end}).to_string()
        }
    });
}
