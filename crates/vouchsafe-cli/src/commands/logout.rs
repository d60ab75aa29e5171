//! `vouchsafe revoke` and `vouchsafe logout`: the end of a saved login.
use vouchsafe::Error;

use crate::args::NamedArgs;
use crate::failure::Failure;
use crate::saved::{Need, SavedLogins};
use crate::terminal::{Event, GOOD, LINK, Output, paint};

/// Revokes the tokens, and deletes the login in any case.
pub(crate) async fn revoke(args: &NamedArgs, output: &mut Output) -> Result<(), Failure> {
    let logins = SavedLogins::open(&args.store, output).await?;
    let login = logins.login(args, Need::Client, output).await?;
    let ended = output.patiently(&login.provider, args.http.timeout, login.end()).await?;
    if let Some(error) = ended.not_revoked {
        let advice =
            "The saved login was deleted, but its tokens may stay valid at the provider until they expire.";
        return Err(Failure::from(error).advise(advice));
    }
    output.event(&Event::Revoked);
    output.tell(format!("{} The tokens were revoked, and the saved login was deleted.", paint("✓", GOOD)));
    Ok(())
}

/// Deletes the login in any case, and says how the session at the provider ends too.
pub(crate) async fn logout(args: &NamedArgs, output: &mut Output) -> Result<(), Failure> {
    let logins = SavedLogins::open(&args.store, output).await?;
    match logins.login(args, Need::Client, output).await {
        Ok(login) => {
            let end = async {
                let url = match login.stored_tokens().await {
                    Ok(tokens) => login.client.logout_url().tokens(&tokens).await.map_err(Failure::from),
                    Err(failure) => Err(failure),
                };
                (url, login.end().await)
            };
            let (url, ended) = output.patiently(&login.provider, args.http.timeout, end).await;
            match ended?.not_revoked {
                // Many providers have no revocation.
                None | Some(Error::Unsupported(_)) => {}
                Some(error) => output.warn("not_revoked", &format!("The tokens were not revoked: {error}")),
            }
            match url {
                Ok(Some(url)) => {
                    output.event(&Event::LogoutUrl { url: &url });
                    output.tell("To end the session at the provider too, open this URL in the browser:\n");
                    output.say(format!("  {}\n", paint(&url, LINK)));
                }
                Ok(None) => {}
                Err(failure) => output.warn(&failure.code, &failure.message),
            }
        }
        Err(failure) if failure.code == "unknown_login" => return Err(failure),
        // Without its client, or without its key, the login can only be deleted.
        Err(failure) => {
            logins.delete(&args.name).await?;
            output.warn(
                "not_revoked",
                &format!("The saved login was deleted, but its tokens were not revoked: {}", failure.message),
            );
        }
    }
    output.event(&Event::LoggedOut);
    output.tell(format!("{} The saved login was deleted.", paint("✓", GOOD)));
    Ok(())
}
