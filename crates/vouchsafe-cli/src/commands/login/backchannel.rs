//! `vouchsafe login --backchannel`: the provider asks the user on a device that it knows (OpenID Connect CIBA Core 1.0, poll).
use std::time::SystemTime;

use super::device::{Expiry, wait};
use super::{Attempt, SignedIn, Spent};
use crate::failure::Failure;
use crate::terminal::{Event, Output, STRONG, paint};

pub(super) async fn run(attempt: &Attempt<'_>, output: &mut Output) -> Result<SignedIn, Failure> {
    let request = &attempt.args.request;
    let message = attempt.args.binding_message.as_deref();
    let scopes = request.scopes.iter().flat_map(|scopes| scopes.split_ascii_whitespace());
    let login = attempt.client.backchannel().scopes(scopes);
    let login = request.login_hint.iter().fold(login, |login, hint| login.login_hint(hint.as_str()));
    let login = message.into_iter().fold(login, |login, message| login.binding_message(message));
    let login = request.extras.iter().fold(login, |login, (name, value)| login.extra(name, value));
    let limit = attempt.args.http.timeout;
    let started = output.patiently(&attempt.name, limit, login.into_future()).await;
    let mut pending = started.map_err(|error| attempt.advised(error))?;
    let expires_in = pending.expires_at().duration_since(SystemTime::now()).unwrap_or_default();
    // A part of the first second has passed.
    let expires_in = expires_in.as_secs_f64().round() as u64;
    output.event(&Event::Backchannel { expires_in, binding_message: message });
    output.tell(format!("Signing in at {}.\n", paint(&attempt.name, STRONG)));
    output.tell(
        "The provider asks you on a device that it knows, such as your phone. Allow the login there.\n",
    );
    if let Some(message) = message {
        output.tell(format!("The device must show this text: {}\n", paint(message, STRONG)));
    }
    let expiry = Expiry { at: pending.expires_at(), of: "the request expired", remedy: "to be asked again" };
    let tokens = wait(attempt, attempt.client.finish_backchannel(&mut pending), expiry, output).await?;
    // The id of the request is spent, and no token is among it.
    attempt.identified(tokens, &Spent::default(), output).await
}
