//! The routes of a site: which path is whose, and what holds for all of them.
use http::header::ALLOW;
use http::request::Parts;
use http::{HeaderValue, Method, Response};

use self::asked::Asked;
use crate::site::failure::Failure;
use crate::site::fault::Fault;
use crate::site::query::Query;
use crate::site::same_origin;
use crate::site::state::Site;
use crate::site::visit::Visit;

mod asked;
mod backchannel;
mod callback;
mod devices;
mod frontchannel;
mod initiate;
mod link;
mod login;
mod logout;
mod request;
mod session;
mod sign_in;
mod step_up;

/// A route of the site.
#[derive(Clone, Copy)]
enum Route<'p> {
    SignIn,
    Login(&'p str),
    StepUp,
    Callback(&'p str),
    Logout,
    LoggedOut,
    Backchannel(&'p str),
    Frontchannel(&'p str),
    Initiate,
    SessionFrame,
    SessionCheck,
    Request(&'p str),
    Link(&'p str),
    Devices,
    RevokeAll,
    Revoke(&'p str),
}

impl<'p> Route<'p> {
    /// The route of a path, without the prefix of the site.
    fn of(path: &'p str) -> Option<Self> {
        let mut parts = path.strip_prefix('/')?.split('/');
        let parts = [parts.next(), parts.next(), parts.next(), parts.next()];
        Some(match parts {
            [Some("sign-in"), None, ..] => Self::SignIn,
            [Some("login"), Some(name), None, _] => Self::Login(name),
            [Some("step-up"), None, ..] => Self::StepUp,
            [Some("callback"), Some(name), None, _] => Self::Callback(name),
            [Some("logout"), None, ..] => Self::Logout,
            [Some("logged-out"), None, ..] => Self::LoggedOut,
            [Some("backchannel-logout"), Some(name), None, _] => Self::Backchannel(name),
            [Some("frontchannel-logout"), Some(name), None, _] => Self::Frontchannel(name),
            [Some("initiate-login"), None, ..] => Self::Initiate,
            [Some("session"), Some("frame"), None, _] => Self::SessionFrame,
            [Some("session"), Some("check"), None, _] => Self::SessionCheck,
            [Some("request"), Some(id), None, _] => Self::Request(id),
            [Some("link"), Some(name), None, _] => Self::Link(name),
            [Some("devices"), None, ..] => Self::Devices,
            [Some("devices"), Some("revoke-all"), None, _] => Self::RevokeAll,
            [Some("devices"), Some(id), Some("revoke"), None] => Self::Revoke(id),
            _ => return None,
        })
    }

    /// The methods. The first of them says what the route is for. The sign-in page takes an e-mail address only from people whose
    /// provider is found by it.
    fn methods(self, takes_address: bool) -> &'static [Method] {
        match self {
            Self::SignIn if !takes_address => &[Method::GET, Method::HEAD],
            Self::LoggedOut | Self::Devices => &[Method::GET, Method::HEAD],
            // A HEAD request is turned away as no visit of a person.
            Self::Login(_) | Self::StepUp => &[Method::GET, Method::HEAD],
            Self::Callback(_) | Self::Initiate => &[Method::GET, Method::POST, Method::HEAD],
            Self::SignIn | Self::Logout => &[Method::GET, Method::POST, Method::HEAD],
            Self::Frontchannel(_) | Self::SessionFrame | Self::SessionCheck | Self::Request(_) => {
                &[Method::GET]
            }
            Self::Backchannel(_) | Self::Link(_) | Self::RevokeAll | Self::Revoke(_) => &[Method::POST],
        }
    }

    /// Whether other sites and programs post here. Each checks by itself that it does nothing for them.
    fn takes_foreign_posts(self) -> bool {
        matches!(self, Self::Callback(_) | Self::Backchannel(_) | Self::Initiate)
    }
}

async fn respond(
    visit: &Visit,
    parts: &Parts,
    form: impl Future<Output = Option<Vec<u8>>>,
) -> Option<Response<String>> {
    let path = parts.uri.path();
    let site = visit.site();
    let route = site.route_at(path).and_then(Route::of);
    let is_exempt = match route {
        Some(route) => route.takes_foreign_posts(),
        None => site.inner.foreign_posts.iter().any(|allowed| is_below(path, allowed)),
    };
    let failed = |failure: Failure| visit.failed(failure).response();
    if !is_exempt && !same_origin::may_pass(parts, site.public_url()) {
        let detail =
            "a request that changes something did not come from a page of this site (Origin, Sec-Fetch-Site)";
        return Some(failed(Failure::new(Fault::Origin, detail)));
    }
    let route = route?;
    let methods = route.methods(site.inner.providers.source.is_some());
    if !methods.contains(&parts.method) {
        let detail = format!("the method {} is not one of this route", parts.method);
        let mut response = failed(Failure::new(Fault::Method, detail));
        let methods: Vec<_> = methods.iter().map(Method::as_str).collect();
        if let Ok(methods) = HeaderValue::try_from(methods.join(", ")) {
            response.headers_mut().insert(ALLOW, methods);
        }
        return Some(response);
    }
    let query = Query::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let asked = Asked { visit, parts, query };
    // On the heap: most requests are for the application, and would pay for the size of these.
    let response = match route {
        Route::SignIn => Box::pin(sign_in::respond(&asked, form)).await,
        Route::Login(name) => Box::pin(login::respond(&asked, name)).await,
        Route::StepUp => Box::pin(step_up::respond(&asked)).await,
        Route::Callback(name) => Box::pin(callback::respond(&asked, name, form)).await,
        Route::Logout => Box::pin(logout::respond(&asked, form)).await,
        Route::LoggedOut => Ok(super::pages::logged_out::page(visit.language(), &site.path("/sign-in"))),
        Route::Backchannel(name) => Box::pin(backchannel::respond(&asked, name, form)).await,
        Route::Frontchannel(name) => Box::pin(frontchannel::respond(&asked, name)).await,
        Route::Initiate => Box::pin(initiate::respond(&asked, form)).await,
        Route::SessionFrame => Box::pin(session::frame(&asked)).await,
        Route::SessionCheck => Box::pin(session::check(&asked)).await,
        Route::Request(id) => Box::pin(request::respond(&asked, id)).await,
        Route::Link(name) => Box::pin(link::respond(&asked, name)).await,
        Route::Devices => Box::pin(devices::list(&asked)).await,
        Route::RevokeAll => Box::pin(devices::revoke_all(&asked)).await,
        Route::Revoke(id) => Box::pin(devices::revoke(&asked, id)).await,
    };
    Some(response.unwrap_or_else(failed))
}

impl Site {
    /// The response to a request for a route of the site, or to a request that the site turns away. `None` leaves the request to
    /// the application.
    ///
    /// The path of `parts` is the one that came to the application, before a router removed a part of it. `form` receives the body,
    /// at most [`MAX_FORM`](crate::MAX_FORM) bytes within [`FORM_TIME`](crate::FORM_TIME), and is `None` if that fails. It is
    /// awaited only if it is needed.
    pub async fn respond(
        &self,
        visit: &Visit,
        parts: &Parts,
        form: impl Future<Output = Option<Vec<u8>>>,
    ) -> Option<Response<String>> {
        respond(visit, parts, form).await
    }
}

/// Whether a path is this one or below it.
fn is_below(path: &str, allowed: &str) -> bool {
    let allowed = allowed.trim_end_matches('/');
    // A path with dots may be another one for the router.
    let is_plain = crate::login::return_to::is_own_path(path);
    is_plain && path.strip_prefix(allowed).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
