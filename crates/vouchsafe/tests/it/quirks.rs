//! What a definition can say of a provider's quirks, each of them to the letter.
mod authorization;
mod identity;
mod openid;
mod profile;
mod refresh;
mod revocation;
mod token_request;
mod token_response;

use vouchsafe::http::Response;
use vouchsafe::{Client, Error, Provider, Tokens};

use crate::scenario::{REDIRECT_URI, described, web};
use crate::wire::Wire;

/// Where tokens of it come from.
const ACME: (&str, &str) = ("acme", "https://acme.example");

/// The provider of a definition: what every one has, and what is given.
fn defined(more: &str) -> Provider {
    described(more).unwrap()
}

/// A client of it that always gets the same answer.
fn answered(more: &str, answer: Response) -> (Client, Wire) {
    let wire = Wire::always(answer);
    (Client::new(defined(more), web(), &wire.http()).unwrap(), wire)
}

/// The word for what is wrong with a definition, or with a client of it.
fn refused(more: &str) -> String {
    let wire = Wire::always(Response::default());
    let client = described(more).and_then(|provider| Client::new(provider, web(), &wire.http()));
    client.unwrap_err().code().to_owned()
}

async fn exchange(client: &Client) -> Result<Tokens, Error> {
    client.manual().authorization_code("code-1", REDIRECT_URI).await
}
