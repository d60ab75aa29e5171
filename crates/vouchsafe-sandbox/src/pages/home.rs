//! The start page: the settings that an application needs.

use axum::http::StatusCode;
use axum::response::Response;
use maud::html;

use super::framed;
use super::parts::{entry, face, who};
use crate::config::{ClientConfig, User};

pub(crate) fn home(issuer: &str, clients: &[ClientConfig], users: &[User]) -> Response {
    let card = html! {
        h1 { "The sandbox is running" }
        p.lead {
            "An OpenID Provider to develop and test against. Give your application these settings."
        }
        dl { (entry("Issuer", issuer)) }
        @for client in clients {
            h2 { @if client.secret.is_some() { "Confidential client" } @else { "Public client" } }
            dl {
                (entry("Client id", &client.id))
                @match &client.secret {
                    Some(secret) => (entry("Client secret", secret)),
                    None => { dt { "Client secret" } dd { "none; use PKCE" } }
                }
                dt { "Redirect URI" }
                dd {
                    @if client.redirect_uris.is_empty() {
                        "any on " code { "127.0.0.1" } ", " code { "[::1]" } " or " code { "localhost" }
                    } @else {
                        code { (client.redirect_uris.join(" ")) }
                    }
                }
            }
        }
        h2 { "Users" }
        ul.people {
            @for (tone, user) in users.iter().enumerate() {
                li.person { (face(user, tone)) (who(user, false)) }
            }
        }
        h2 { "Endpoints" }
        dl { @for (name, path) in ENDPOINTS { (entry(name, &format!("{issuer}{path}"))) } }
    };
    framed(StatusCode::OK, "Sandbox", "wide", card, None)
}

const ENDPOINTS: [(&str, &str); 8] = [
    ("Metadata", "/.well-known/openid-configuration"),
    ("Authorization", "/authorize"),
    ("Token", "/token"),
    ("UserInfo", "/userinfo"),
    ("Key set", "/jwks"),
    ("Revocation", "/revoke"),
    ("Introspection", "/introspect"),
    ("Logout", "/end_session"),
];
