//! `/sign-in`: where people choose how to sign in.
use http::Response;
use url::form_urlencoded;

use crate::login::return_to::is_own_path;
use crate::site::failure::{Failure, see_other};
use crate::site::pages::sign_in::{Ask, Choice, page};
use crate::site::response::with_return_to;
use crate::site::routes::asked::Asked;

pub(super) async fn respond(asked: &Asked<'_>) -> Result<Response<String>, Failure> {
    let site = &asked.visit.site().inner;
    let return_to = asked.query.one("return_to").unwrap_or_default().filter(|path| is_own_path(path));
    let address = asked.query.one("email")?.filter(|address| !address.is_empty());
    let mut ask = site.providers.source.is_some().then_some(Ask { return_to, is_unknown: false });
    if let (Some(address), Some(ask)) = (address, &mut ask) {
        if let Some(name) = site.providers.of_address(address).await? {
            let mut query = form_urlencoded::Serializer::new(String::new());
            if let Some(path) = return_to {
                query.append_pair("return_to", path);
            }
            query.append_pair("login_hint", address);
            return see_other(&format!("/login/{name}?{}", query.finish()));
        }
        ask.is_unknown = true;
    }
    let choice = |(name, client): &(String, vouchsafe::Client)| Choice {
        slug: client.provider_slug().to_owned(),
        // Providers by discovery have one name for all of them.
        name: if client.provider_slug() == "openid" { name } else { client.display_name() }.to_owned(),
        href: with_return_to(&format!("/login/{name}"), return_to),
    };
    let choices = site.providers.fixed.iter().map(choice).collect();
    Ok(page(&asked.parts.headers, site.application.as_deref(), choices, ask))
}
