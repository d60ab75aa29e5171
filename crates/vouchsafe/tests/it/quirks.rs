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

use crate::scenario::{REDIRECT_URI, web};
use crate::wire::Wire;

/// Where tokens of it come from.
const ACME: (&str, &str) = ("acme", "https://acme.example");

/// The provider of a definition: what every one has, and what is given.
fn defined(more: &str) -> Provider {
    try_defined(more).unwrap()
}

fn try_defined(more: &str) -> Result<Provider, Error> {
    let common = r#"
        slug = "acme"
        display_name = "Acme"
        kind = "oauth2"
        authorization_endpoint = "https://acme.example/authorize"
        token_endpoint = "https://acme.example/token"
        revocation_endpoint = "https://acme.example/revoke"
        client_auth = "client_secret_post"
        documentation = "https://acme.example/docs"
        checked = "2026-11-23"
    "#;
    let userinfo =
        if more.contains("source = ") { "" } else { "userinfo_endpoint = \"https://acme.example/me\"" };
    Provider::from_definition(format!("{common}\n{userinfo}\n{more}"))
}

/// A client of it that always gets the same answer.
fn answered(more: &str, answer: Response) -> (Client, Wire) {
    let wire = Wire::always(answer);
    (Client::new(defined(more), web(), &wire.http()).unwrap(), wire)
}

/// The word for what is wrong with a definition, or with a client of it.
fn refused(more: &str) -> String {
    let wire = Wire::always(Response::default());
    let client = try_defined(more).and_then(|provider| Client::new(provider, web(), &wire.http()));
    client.unwrap_err().code().to_owned()
}

async fn exchange(client: &Client) -> Result<Tokens, Error> {
    client.manual().authorization_code("code-1", REDIRECT_URI).await
}
