//! `/link/{provider}`: links an identity at a provider to the account of the session.
use http::Response;

use crate::site::failure::Failure;
use crate::site::login::{Intent, Start, Whom};
use crate::site::require::Require;
use crate::site::routes::asked::Asked;
use crate::site::routes::login;

pub(super) async fn respond(asked: &Asked<'_>, name: &str) -> Result<Response<String>, Failure> {
    let Asked { visit, parts, .. } = asked;
    let client = login::provider(asked, name).await?;
    // The account page can be opened by GET, this route cannot.
    let wanted = Some(&*visit.site().inner.account_page);
    let user = Require::signed_in().check_for(visit, wanted).await?;
    Start::new(name, client, Intent::Link(Whom::account(&user))).start(visit, parts).await
}
