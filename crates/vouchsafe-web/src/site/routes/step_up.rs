//! `/step-up`: sends people to the provider of their session, to sign in once more.
use std::time::Duration;

use http::Response;

use crate::site::failure::{Failure, see_other};
use crate::site::fault::Fault;
use crate::site::login::{Intent, Start, Whom, at_public_url, check_return_to, check_visit};
use crate::site::response::with_return_to;
use crate::site::routes::asked::Asked;
use crate::site::routes::login;

/// Sends people there. A query that somebody changed brings nobody in: the page that they return to checks the session itself.
pub(super) async fn respond(asked: &Asked<'_>) -> Result<Response<String>, Failure> {
    let Asked { visit, parts, query } = asked;
    check_visit(parts)?;
    let return_to = query.one("return_to")?;
    check_return_to(return_to)?;
    let max_age = query.one("max_age")?.map(str::parse::<u32>).transpose();
    let max_age =
        max_age.map_err(|_| Failure::new(Fault::Malformed, "max_age is not a number of seconds"))?;
    let acr_values = query.one("acr_values")?;
    if let Some(url) = at_public_url(visit, parts, query.one("at")?) {
        return see_other(&url);
    }
    let Some(session) = visit.session().await? else {
        return see_other(&with_return_to(&visit.site().path("/sign-in"), return_to));
    };
    let name = session.provider();
    let client = login::provider(asked, name).await?;
    let intent = Intent::StepUp(Whom::identity(session.issuer(), session.subject()), max_age.map(u64::from));
    let start = Start {
        return_to: return_to.map(str::to_owned),
        max_age: max_age.map(|seconds| Duration::from_secs(seconds.into())),
        acr_values,
        ..Start::new(name, client, intent)
    };
    start.start(visit, parts).await
}
