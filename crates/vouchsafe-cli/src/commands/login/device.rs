//! `vouchsafe login --device`: a code that the user enters on another device (RFC 8628).
use std::pin::pin;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, interval, timeout};
use vouchsafe::error::Check;
use vouchsafe::{Error, PendingDevice, Tokens};

use super::{Attempt, SignedIn, Spent};
use crate::failure::Failure;
use crate::terminal::{DeviceCode, Event, LINK, Output, STRONG, paint, qr_code};
use crate::text;

pub(super) async fn run(attempt: &Attempt<'_>, output: &mut Output) -> Result<SignedIn, Failure> {
    let request = &attempt.args.request;
    let scopes = request.scopes.iter().flat_map(|scopes| scopes.split_ascii_whitespace());
    let login = attempt.client.device().scopes(scopes);
    let login = request.extras.iter().fold(login, |login, (name, value)| login.extra(name, value));
    let login = request.resources.iter().fold(login, |login, uri| login.resource(uri));
    let limit = attempt.args.http.timeout;
    let started = output.patiently(&attempt.name, limit, login.into_future()).await;
    let mut device = started.map_err(|error| attempt.advised(error))?;
    attempt.warn_without_openid(output).await;
    let expires_in = device.expires_at().duration_since(SystemTime::now()).unwrap_or_default();
    output.event(&Event::DeviceCode(DeviceCode {
        verification_uri: device.verification_uri(),
        verification_uri_complete: device.verification_uri_complete(),
        user_code: device.user_code(),
        // A part of the first second has passed.
        expires_in: expires_in.as_secs_f64().round() as u64,
    }));
    invite(attempt, &device, output);
    let expiry = Expiry { at: device.expires_at(), of: "the code expired", remedy: "to get a new code" };
    let tokens = wait(attempt, attempt.client.finish_device(&mut device), expiry, output).await?;
    // The codes are spent, and no token is among them.
    attempt.identified(tokens, &Spent::default(), output).await
}

/// What the user has to do. With `--quiet`, only the URL and the code are shown.
fn invite(attempt: &Attempt<'_>, device: &PendingDevice, output: &mut Output) {
    output.tell(format!("Signing in at {}.\n", paint(&attempt.name, STRONG)));
    output.tell("On another device, open this URL:\n");
    output.say(format!("  {}", paint(device.verification_uri(), LINK)));
    output.tell("\nand enter this code:\n");
    output.say(format!("  {}", paint(device.user_code(), STRONG)));
    if let Some(lines) = device.verification_uri_complete().and_then(qr_code).filter(|_| !output.is_quiet()) {
        output.tell("\nOr scan this. The page must show the same code:\n");
        lines.iter().for_each(|line| output.line(line));
    }
    output.tell("");
}

/// When the provider gives up a login that is finished elsewhere, and the words for that.
pub(super) struct Expiry {
    pub(super) at: SystemTime,
    pub(super) of: &'static str,
    pub(super) remedy: &'static str,
}

/// Waits until the user has decided elsewhere.
pub(super) async fn wait(
    attempt: &Attempt<'_>,
    finish: impl Future<Output = Result<Tokens, Error>>,
    expiry: Expiry,
    output: &mut Output,
) -> Result<Tokens, Failure> {
    let limit = attempt.args.browser.wait;
    let progress = output.progress("Waiting for you to finish on the other device … (Ctrl-C to stop)");
    let (began, mut tick) = (Instant::now(), interval(Duration::from_secs(1)));
    let mut finish = pin!(finish);
    let ours = async {
        loop {
            tokio::select! {
                finished = &mut finish => return finished,
                _ = tick.tick() => progress.show(began.elapsed()),
            }
        }
    };
    let late = |time: &str| {
        let message = format!("The login was not finished {time}. Run the command again {}", expiry.remedy);
        Failure::local("timed_out", message)
    };
    match timeout(limit, ours).await {
        Ok(Ok(tokens)) => Ok(tokens),
        Ok(Err(Error::Validation(error)))
            if error.check() == Check::Expired && SystemTime::now() >= expiry.at =>
        {
            Err(late(&format!("before {}", expiry.of)))
        }
        Ok(Err(error)) => Err(attempt.advised(error)),
        Err(_) => Err(late(&format!("within {}; --wait SECONDS allows more time", text::duration(limit)))),
    }
}
