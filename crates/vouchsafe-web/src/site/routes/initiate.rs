//! `/initiate-login`: another site starts a login here (OpenID Connect Core section 4).
use http::{Method, Response};

use crate::login::return_to::is_own_path;
use crate::site::failure::{Failure, see_other};
use crate::site::fault::Fault;
use crate::site::login::{Intent, Start, at_public_url, check_visit};
use crate::site::response::with_return_to;
use crate::site::routes::asked::Asked;
use crate::site::routes::backchannel::not_meant;
use crate::site::routes::logout;

pub(super) async fn respond(
    asked: &Asked<'_>,
    form: impl Future<Output = Option<Vec<u8>>>,
) -> Result<Response<String>, Failure> {
    let Asked { visit, parts, query } = asked;
    check_visit(parts)?;
    let posted;
    let asked_for = if parts.method == Method::POST {
        posted = logout::read_form(asked, form).await?;
        &posted
    } else {
        query
    };
    let site = visit.site();
    let iss = asked_for.one("iss")?.ok_or_else(|| not_meant("an initiated login names the issuer (iss)"))?;
    let Some((name, client)) = site.inner.providers.of_issuer(iss).await? else {
        return Err(not_meant("the issuer of an initiated login is that of no provider"));
    };
    let return_to = match asked_for.one("target_link_uri")? {
        None => None,
        Some(uri) => Some(own_path(uri, site.public_url().as_str()).ok_or_else(|| {
            Failure::new(
                Fault::ReturnTo,
                "the target_link_uri of an initiated login is not a URL of this site",
            )
        })?),
    };
    let login_hint = asked_for.one("login_hint")?;
    if visit.seen().other_than(site.public_url()).is_some() {
        // The form of a POST request is lost in a redirect: what is left of it is in the query of the usual route.
        if parts.method == Method::POST {
            let place = with_return_to(
                &format!("{}{}", site.public_url(), site.path(&format!("/login/{name}"))),
                Some(return_to.unwrap_or("/")),
            );
            let hint = login_hint.map_or(String::new(), |hint| {
                let mut query = url::form_urlencoded::Serializer::new(String::new());
                format!("&{}", query.append_pair("login_hint", hint).finish())
            });
            return see_other(&format!("{place}{hint}&at=public"));
        }
        if let Some(url) = at_public_url(visit, parts, query.one("at")?) {
            return see_other(&url);
        }
    }
    let start = Start {
        return_to: return_to.map(str::to_owned),
        login_hint,
        ..Start::new(&name, client, Intent::SignIn(()))
    };
    start.start(visit, parts).await
}

/// The path of a URL of this site.
fn own_path<'u>(uri: &'u str, origin: &str) -> Option<&'u str> {
    let path = uri.strip_prefix(origin)?;
    match path {
        "" => Some("/"),
        path => Some(path).filter(|path| is_own_path(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn only_urls_of_this_site_are_targets() {
        // Core §4.
        let own = |uri| own_path(uri, "https://app.example");
        for (uri, path) in [
            ("https://app.example", "/"),
            ("https://app.example/", "/"),
            ("https://app.example/inbox?page=2", "/inbox?page=2"),
        ] {
            assert_eq!(own(uri), Some(path));
        }
        for uri in [
            "",
            "/inbox",
            "https://app.example.evil.example/",
            "https://app.example@evil.example/",
            "https://app.example:8443/",
            "https://app.example//evil.example",
            "https://app.example/\\evil.example",
            "https://app.example/../x",
            "http://app.example/",
            "https://evil.example/https://app.example/",
            "https://app.example?x",
        ] {
            assert_eq!(own(uri), None, "{uri}");
        }
    }
}
