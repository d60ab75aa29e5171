//! `/logout`: signs people out, here or at the provider too.
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Method, Response};

use crate::login::finish::is_form;
use crate::session::record::Session;
use crate::site::failure::{Failure, LOG, see_other};
use crate::site::fault::Fault;
use crate::site::pages;
use crate::site::query::Query;
use crate::site::routes::asked::Asked;

pub(super) async fn respond(
    asked: &Asked<'_>,
    form: impl Future<Output = Option<Vec<u8>>>,
) -> Result<Response<String>, Failure> {
    let Asked { visit, parts, .. } = asked;
    if parts.method != Method::POST {
        return Ok(pages::logout::page(visit.language(), &visit.site().path("/logout")));
    }
    let form = read_form(asked, form).await?;
    let at_provider = match form.one("at")? {
        None | Some("" | "here") => false,
        Some("provider") => true,
        Some(_) => {
            return Err(Failure::new(Fault::Malformed, "the field `at` is neither `here` nor `provider`"));
        }
    };
    let site = visit.site();
    let session = visit.session().await?;
    let mut place = None;
    if let Some(session) = &session {
        // The tokens are forgotten with the session: the ID token has to be read before.
        if at_provider {
            place = provider_url(asked, session).await;
        }
        site.sessions().end(session).await?;
        site.forget([session.tokens_of()]).await;
    }
    visit.becomes(None, site.sessions().removal(site.public_url()));
    see_other(&place.unwrap_or_else(|| site.path("/logged-out")))
}

/// The form of a request, which may be empty.
pub(super) async fn read_form(
    asked: &Asked<'_>,
    form: impl Future<Output = Option<Vec<u8>>>,
) -> Result<Query, Failure> {
    let incomplete =
        || Failure::new(Fault::Malformed, "the form is longer than 64 KiB, or did not arrive completely");
    let form = form.await.ok_or_else(incomplete)?;
    if !form.is_empty() && !is_form(asked.parts) {
        let detail = "the body is not a form (application/x-www-form-urlencoded)";
        return Err(Failure::new(Fault::Malformed, detail));
    }
    Ok(Query::parse(&form))
}

/// The URL at which the person signs out at the provider of their session, if it has one and can be reached.
async fn provider_url(asked: &Asked<'_>, session: &Session) -> Option<String> {
    let site = asked.visit.site();
    let found = site.find(session.provider()).await;
    let client = found.ok()??;
    let tokens = site
        .vault(session.provider(), client.clone())
        .stored_tokens(session.tokens_of(), session.provider())
        .await;
    let tokens = tokens.unwrap_or_else(|error| {
        tracing::warn!(target: LOG, %error, "the ID token of a session could not be read: the provider may ask before it signs out");
        None
    });
    let mut random = [0; 16];
    rand::fill(&mut random).ok()?;
    let back = format!("{}{}", site.public_url(), site.path("/logged-out"));
    let url = client.logout_url().post_logout_redirect_uri(back).state(URL_SAFE_NO_PAD.encode(random));
    let url = match &tokens {
        Some(tokens) => url.tokens(tokens).await,
        None => url.await,
    };
    url.unwrap_or_else(|error| {
        tracing::warn!(target: LOG, %error, "the person was signed out here, but not at the provider");
        None
    })
}
