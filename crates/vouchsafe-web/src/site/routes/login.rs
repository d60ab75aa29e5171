//! `/login/{provider}`: sends people to a provider.
use http::Response;
use vouchsafe::Client;

use crate::site::failure::{Failure, see_other};
use crate::site::fault::Fault;
use crate::site::login::{Intent, Start, at_public_url, check_return_to, check_visit};
use crate::site::routes::asked::Asked;

pub(super) async fn respond(asked: &Asked<'_>, name: &str) -> Result<Response<String>, Failure> {
    let Asked { visit, parts, query } = asked;
    check_visit(parts)?;
    let return_to = query.one("return_to")?;
    check_return_to(return_to)?;
    let login_hint = query.one("login_hint")?;
    let client = provider(asked, name).await?;
    if let Some(url) = at_public_url(visit, parts, query.one("at")?) {
        return see_other(&url);
    }
    let start = Start {
        return_to: return_to.map(str::to_owned),
        login_hint,
        ..Start::new(name, client, Intent::SignIn(()))
    };
    start.start(visit, parts).await
}

/// The client of the provider with this name.
pub(super) async fn provider(asked: &Asked<'_>, name: &str) -> Result<Client, Failure> {
    let found = asked.visit.site().find(name).await?;
    found.ok_or_else(|| {
        let detail = "there is no provider of that name: add it with SiteBuilder::provider_named";
        Failure::new(Fault::UnknownProvider, detail)
    })
}
