//! `/frontchannel-logout/{provider}`: a page that a provider puts into a frame to end sessions (OpenID Connect Front-Channel Logout
//! 1.0).
use http::{Response, StatusCode};
use url::Url;

use crate::session::record::Session;
use crate::site::failure::Failure;
use crate::site::pages;
use crate::site::routes::asked::Asked;
use crate::site::routes::backchannel::not_meant;
use crate::site::routes::login;

pub(super) async fn respond(asked: &Asked<'_>, name: &str) -> Result<Response<String>, Failure> {
    let Asked { visit, query, .. } = asked;
    let site = visit.site();
    let client = login::provider(asked, name).await?;
    let (Some(iss), Some(sid)) = (query.one("iss")?, query.one("sid")?) else {
        return Err(not_meant(
            "a front-channel logout names the issuer (iss) and the session (sid): register the URI with \
                              frontchannel_logout_session_required",
        ));
    };
    if sid.is_empty() || !client.is_issuer(iss) {
        return Err(not_meant(
            "the issuer of a front-channel logout is not that of the provider of this route",
        ));
    }
    if site.sessions().is_server_side() {
        let mut ended = site.sessions().end_of(iss, Some(sid), None).await?;
        // Some providers write their issuer in two ways.
        let issuer = client.issuer();
        if issuer != iss {
            ended.extend(site.sessions().end_of(&issuer, Some(sid), None).await?);
        }
        site.forget(ended.iter().map(Session::tokens_of)).await;
    }
    // The browser of a session in a cookie is the only one that can end it, and it sends the cookie only where it is not a third
    // party's.
    let own = visit.session().await?;
    if own.is_some_and(|own| own.provider() == name && own.sid() == Some(sid)) {
        visit.becomes(None, site.sessions().removal(site.public_url()));
    }
    let language = visit.language();
    let text = format!("<p>{}</p>", language.say("You are no longer signed in to this site."));
    let mut response = pages::page((StatusCode::OK, language), "You are signed out", &text);
    let frame = Url::parse(iss).map(|iss| iss.origin().ascii_serialization());
    let ancestors =
        frame.ok().filter(|origin| origin.starts_with("http")).unwrap_or_else(|| "'none'".to_owned());
    pages::let_frame(&mut response, &ancestors);
    Ok(response)
}
