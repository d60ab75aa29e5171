//! `/sign-in`: where people choose how to sign in.
use http::{Method, Response};

use crate::login::return_to::is_own_path;
use crate::site::failure::Failure;
use crate::site::login::{Intent, Start, check_visit};
use crate::site::pages::sign_in::{Ask, Choice, page};
use crate::site::query::Query;
use crate::site::response::with_return_to;
use crate::site::routes::asked::Asked;
use crate::site::routes::{login, logout};

/// The page. A posted e-mail address leads to the provider of its organisation; it is in no URL of this site.
pub(super) async fn respond(
    asked: &Asked<'_>,
    form: impl Future<Output = Option<Vec<u8>>>,
) -> Result<Response<String>, Failure> {
    let Asked { visit, parts, query } = asked;
    let site = visit.site();
    let is_posted = parts.method == Method::POST;
    let form = if is_posted { logout::read_form(asked, form).await? } else { Query::default() };
    let return_to = if is_posted { &form } else { query }.one("return_to").unwrap_or_default();
    let return_to = return_to.filter(|path| is_own_path(path));
    let address = form.one("email")?.filter(|address| !address.is_empty());
    let mut ask = site.inner.providers.source.is_some().then(|| Ask {
        action: site.path("/sign-in"),
        return_to,
        is_unknown: false,
    });
    if let (Some(address), Some(ask)) = (address, &mut ask) {
        if let Some(name) = site.inner.providers.of_address(address).await? {
            check_visit(parts)?;
            let client = login::provider(asked, &name).await?;
            let start = Start {
                return_to: return_to.map(str::to_owned),
                login_hint: Some(address),
                ..Start::new(&name, client, Intent::SignIn(()))
            };
            return start.start(visit, parts).await;
        }
        ask.is_unknown = true;
    }
    let choice = |(name, client): &(String, vouchsafe::Client)| Choice {
        slug: client.provider_slug().to_owned(),
        // Providers by discovery have one name for all of them.
        name: if client.provider_slug() == "openid" { name } else { client.display_name() }.to_owned(),
        href: with_return_to(&site.path(&format!("/login/{name}")), return_to),
    };
    let choices = site.inner.providers.fixed.iter().map(choice).collect();
    Ok(page(&asked.parts.headers, site.inner.application.as_deref(), choices, ask))
}
