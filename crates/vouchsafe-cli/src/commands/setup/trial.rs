//! Tries a client ID and a secret with a request that costs nothing: a token request for a code that was made up.
use vouchsafe::error::Operation;
use vouchsafe::{Client, Error};

use crate::failure::Failure;

/// What the provider's response tells.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The client ID and the secret fit.
    Accepted,
    /// They do not.
    Refused(Failure),
    /// The response does not say, for this reason.
    Unknown(String),
}

/// Tries the client. If the provider refuses only the code, the same client is tried with a made-up secret: some providers look at
/// the code first, so that their first response says nothing about the secret.
///
/// # Errors
/// No response came, or the settings do not make a request.
pub(super) async fn attempt(
    client: &Client,
    control: Option<&Client>,
    redirect_uri: &str,
) -> Result<Verdict, Failure> {
    let verdict = judged(client, redirect_uri).await?;
    let (Verdict::Accepted, Some(control)) = (&verdict, control) else { return Ok(verdict) };
    Ok(match judged(control, redirect_uri).await? {
        Verdict::Refused(_) => Verdict::Accepted,
        _ => Verdict::Unknown("the provider responds to a made-up secret in the same way".to_owned()),
    })
}

async fn judged(client: &Client, redirect_uri: &str) -> Result<Verdict, Failure> {
    let request = client.manual().authorization_code(CODE, redirect_uri).code_verifier(VERIFIER);
    let Err(error) = request.await else {
        return Ok(Verdict::Unknown("the provider gave tokens for a made-up code".to_owned()));
    };
    let is_token_request = error.operation() == Operation::AuthorizationCode;
    Ok(match error.code() {
        // RFC 6749 section 5.2. Some providers call a client that they do not know unauthorized.
        "invalid_client" | "unauthorized_client" => Verdict::Refused(error.into()),
        "invalid_grant" => Verdict::Accepted,
        code if is_token_request && matches!(error, Error::Server(_)) => {
            Verdict::Unknown(format!("the provider responded with {}", crate::text::short(code, 60)))
        }
        _ if is_token_request && (error.status().is_some() || matches!(error, Error::Response(_))) => {
            Verdict::Unknown("the response of the provider names no error of OAuth 2.0".to_owned())
        }
        _ => return Err(error.into()),
    })
}

const CODE: &str = "made-up-by-vouchsafe-setup";
/// RFC 7636 section 4.1: 43 characters at least.
const VERIFIER: &str = "made-up-by-vouchsafe-setup-to-try-a-client-id-and-secret";
/// The secret of the second request.
pub(super) const SECRET: &str = "made-up-by-vouchsafe-setup-0123456789";
