//! `/callback/{provider}`: finds the login to which a response belongs, and finishes it.
use http::{Method, Response};
use vouchsafe::AuthorizationResponse;

use self::finishing::{Finishing, is_first};
use crate::login::cookie::{self, SameSite};
use crate::login::finish::{belonging, is_form, open_logins, response};
use crate::login::rejection::LoginRejection;
use crate::login::visit::may_finish;
use crate::session::device::Device;
use crate::site::failure::{Failure, see_other};
use crate::site::fault::Fault;
use crate::site::login::{Intent, Note};
use crate::site::routes::asked::Asked;
use crate::site::routes::login;
use crate::site::routes::session::Question;
use crate::site::visit::Visit;

mod finishing;
mod together;

pub(super) async fn respond(
    asked: &Asked<'_>,
    name: &str,
    form: impl Future<Output = Option<Vec<u8>>>,
) -> Result<Response<String>, Failure> {
    let Asked { visit, parts, query } = asked;
    let site = visit.site();
    let form = match &site.inner.relayed {
        None => Either::Coming(form),
        Some(relayed) => {
            let posted = if parts.method == Method::POST && is_form(parts) { form.await } else { None };
            let query = parts.uri.query().unwrap_or_default();
            let response = posted.as_deref().map_or(query.into(), |form| String::from_utf8_lossy(form));
            if let Some(place) = relayed.place(parts.uri.path(), &response) {
                return if may_finish(parts) {
                    see_other(&place?)
                } else {
                    Err(LoginRejection::no_visit().into())
                };
            }
            Either::Here(posted)
        }
    };
    let client = login::provider(asked, name).await?;
    let stale = || Failure::from(LoginRejection::stale()).naming(site.public_url().as_str());
    let opened = open_logins(parts, &site.inner.keys)?;
    // First of all: without a login that it may finish, no form is worth waiting for.
    if opened.is_empty() {
        return Err(stale());
    }
    let path = parts.uri.path();
    let hop = query.one(HOP)?.filter(|_| parts.method == Method::GET);
    let (response, same_site, form) = match hop {
        None => {
            let mut posted = None;
            let form = async {
                posted = match form {
                    Either::Coming(form) => form.await,
                    Either::Here(form) => form,
                };
                posted.clone()
            };
            let url = parts.uri.path_and_query().map_or(path, |path| path.as_str()).to_owned();
            let (response, same_site) = response(parts, url, form).await?;
            (response, same_site, posted)
        }
        Some(sealed) => {
            let posted = site.inner.keys.open(HOP_PURPOSE, path, sealed).ok_or_else(stale)?;
            (
                AuthorizationResponse::at(path.to_owned()).form(posted.expose().to_owned()),
                SameSite::None,
                None,
            )
        }
    };
    let of_login = |login: &str| (login == name).then_some(&client);
    let (login, cookie) = belonging(opened, &response, of_login).map_err(|_| stale())?;
    let note = login.note.clone().and_then(|note| serde_json::from_value::<Note>(note).ok());
    let Some(note) = note.filter(|_| login.client == name) else { return Err(stale()) };

    let mut session = visit.session().await?;
    if session.is_none() && !matches!(note.intent, Intent::SignIn(())) {
        session = match (&note.intent, &note.session) {
            (Intent::StepUp(..) | Intent::Check { .. }, Some(reference)) => {
                site.sessions().alive(reference).await?
            }
            _ => None,
        };
        // The browser keeps its session back when another site posts a form: it comes along with a redirect.
        if let Some(form) = form.filter(|_| session.is_none()) {
            return hop_to(visit, path, &form);
        }
    }
    let return_to = login.return_to.clone().unwrap_or_else(|| "/".to_owned());
    // A session in a cookie does not keep it.
    let device = if site.sessions().is_server_side() { visit.device() } else { Device::default() };
    let id = login.id.ok_or_else(stale)?;
    if let Intent::Check { is_trial } = note.intent {
        // A frame asks once: there is no second request to share the answer with.
        visit.add_login_cookie(cookie::remove(&cookie, same_site));
        if !is_first(site, &login).await? {
            return Err(LoginRejection::repeated().into());
        }
        let question = Question { session, asked_in: note.session, is_trial };
        // On the heap, because it is rare: it would make each sign-in larger.
        return Box::pin(question.answered(visit, &client, login, response)).await;
    }
    let finishing = Finishing {
        site: site.clone(),
        device,
        name: name.to_owned(),
        client,
        return_to: return_to.clone(),
        session,
    };
    let (ended, is_last) = together::finish(id, || Box::pin(finishing.finish(login, note, response))).await;
    if ended.is_spent {
        visit.add_login_cookie(cookie::remove(&cookie, same_site));
    }
    // The others are read by nobody, or by the same browser.
    if is_last && let Some((session, set_cookie)) = ended.take_session() {
        visit.becomes(Some(session), Some(set_cookie));
    }
    ended.place.and_then(|place| see_other(&place)).map_err(|failure| failure.returning(Some(&return_to)))
}

/// A posted response, which the relay may have read already.
enum Either<F> {
    Coming(F),
    Here(Option<Vec<u8>>),
}

/// Lets the browser bring a posted response once more, by a redirect that carries its session.
fn hop_to(visit: &Visit, path: &str, form: &[u8]) -> Result<Response<String>, Failure> {
    let too_long = || Failure::new(Fault::Malformed, "the posted response is longer than a URL may be");
    let form = str::from_utf8(form).ok().filter(|form| form.len() <= MAX_HOP).ok_or_else(too_long)?;
    let sealed =
        visit.site().inner.keys.seal(HOP_PURPOSE, path, form).map_err(|_| LoginRejection::no_cookie())?;
    see_other(&format!("{path}?{HOP}={sealed}"))
}

/// The parameter with a posted response.
const HOP: &str = "posted";
const HOP_PURPOSE: &str = "vouchsafe posted response";
/// The longest response that is brought once more, in bytes: servers and proxies accept a request line of 8 kB.
const MAX_HOP: usize = 4096;
