//! The start page: the settings that an application needs.

use axum::http::StatusCode;
use axum::response::Response;
use maud::html;

use super::framed;
use super::parts::{entry, face, who};
use crate::config::User;
use crate::part::Part;

pub(crate) fn home(part: &Part, users: &[User]) -> Response {
    let card = html! {
        h1 { "The sandbox is running" }
        p.lead {
            "An OpenID Provider to develop and test against. Give your application these settings."
        }
        dl { (entry("Issuer", &part.base)) }
        @for client in &part.clients {
            h2 { @if !client.is_public() { "Confidential client" } @else { "Public client" } }
            dl {
                (entry("Client id", &client.id))
                @match &client.secret {
                    Some(secret) => (entry("Client secret", secret)),
                    None if !client.is_public() => { dt { "Client secret" } dd { "none; it has a key or a certificate" } }
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
            @for user in users {
                li.person { (face(user)) (who(user, false)) }
            }
        }
        h2 { "Endpoints" }
        dl {
            (entry("metadata", &format!("{}/.well-known/openid-configuration", part.base)))
            @for (_, name, url) in part.urls().iter().filter(|(_, name, _)| !name.is_empty()) {
                (entry(name, url))
            }
        }
    };
    framed(StatusCode::OK, "Sandbox", "wide", None, card)
}
