//! `/sign-in`: where people choose how to sign in.
use http::Response;

use crate::login::return_to::is_own_path;
use crate::site::failure::{Failure, with_return_to};
use crate::site::pages::sign_in::{Choice, page};
use crate::site::routes::asked::Asked;

pub(super) fn respond(asked: &Asked<'_>) -> Result<Response<String>, Failure> {
    let site = &asked.visit.site().inner;
    let return_to = asked.query.one("return_to").unwrap_or_default().filter(|path| is_own_path(path));
    let choice = |(name, client): &(String, vouchsafe::Client)| Choice {
        slug: client.provider_slug().to_owned(),
        // Providers by discovery have one name for all of them.
        name: if client.provider_slug() == "openid" { name } else { client.display_name() }.to_owned(),
        href: with_return_to(&format!("/login/{name}"), return_to),
    };
    let choices = site.providers.fixed.iter().map(choice).collect();
    Ok(page(&asked.parts.headers, site.application.as_deref(), choices))
}
