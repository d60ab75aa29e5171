//! `/devices`: the sessions of a person, to look at and to end.
use std::time::{SystemTime, UNIX_EPOCH};

use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::session::record::Session;
use crate::site::caller::Caller;
use crate::site::failure::{Failure, see_other};
use crate::site::fault::Fault;
use crate::site::pages;
use crate::site::require::Require;
use crate::site::response::json;
use crate::site::routes::asked::Asked;
use crate::site::user::User;

pub(super) async fn list(asked: &Asked<'_>) -> Result<Response<String>, Failure> {
    let user = user(asked).await?;
    let devices = asked.visit.site().sessions().devices(user.account()).await?;
    if asked.visit.caller() == Caller::Page {
        return Ok({
            let path = asked.visit.site().path("/devices");
            pages::devices::page(asked.visit.language(), &devices, user.id(), &path)
        });
    }
    let devices: Vec<Value> = devices.iter().map(|device| described(device, user.id())).collect();
    Ok(json(StatusCode::OK, &json!({ "devices": devices })))
}

pub(super) async fn revoke(asked: &Asked<'_>, id: &str) -> Result<Response<String>, Failure> {
    let user = user(asked).await?;
    let ended = asked.visit.site().sessions().revoke(user.account(), id).await?;
    let ended =
        ended.ok_or_else(|| Failure::not_found("not_found", "this account has no session with this id"))?;
    let is_own = ended.id() == user.id();
    revoked(asked, &[ended], is_own).await
}

pub(super) async fn revoke_all(asked: &Asked<'_>) -> Result<Response<String>, Failure> {
    let user = user(asked).await?;
    let ended = asked.visit.site().sessions().revoke_all(user.account()).await?;
    revoked(asked, &ended, true).await
}

/// The person whose sessions are in a store.
async fn user(asked: &Asked<'_>) -> Result<User, Failure> {
    if !asked.visit.site().sessions().is_server_side() {
        return Err(Failure::new(
            Fault::NotSupported,
            "sessions in cookies cannot be listed or ended from elsewhere",
        ));
    }
    Require::signed_in().check_for(asked.visit, Some(&asked.visit.site().path("/devices"))).await
}

async fn revoked(asked: &Asked<'_>, ended: &[Session], is_own: bool) -> Result<Response<String>, Failure> {
    let (visit, site) = (asked.visit, asked.visit.site());
    site.forget(ended.iter().map(Session::tokens_of)).await;
    if is_own {
        visit.becomes(None, site.sessions().removal(site.public_url()));
    }
    if visit.caller() == Caller::Page {
        return see_other(&site.path(if is_own { "/logged-out" } else { "/devices" }));
    }
    Ok(json(StatusCode::OK, &json!({ "revoked": ended.len() })))
}

fn described(session: &Session, own: &str) -> Value {
    let device = session.device();
    json!({
        "id": session.id(),
        "current": session.id() == own,
        "created_at": seconds(session.created_at()),
        "last_seen_at": seconds(session.last_seen_at()),
        "user_agent": device.and_then(|device| device.user_agent()),
        "address": device.and_then(|device| device.address()).map(|address| address.to_string()),
    })
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
