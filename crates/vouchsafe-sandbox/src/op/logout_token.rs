//! The end of a session, told to the clients that took part in it: logout tokens (OpenID Connect Back-Channel Logout section 2.4), and
//! frames (OpenID Connect Front-Channel Logout section 3).

use futures_util::future::join_all;
use serde_json::json;

use super::shared::Shared;
use crate::config::User;
use crate::part::profile;
use crate::state::{Jwt, SignedIn};
use crate::wire::{lock, post, random_token, with_query};

/// A logout token that the sandbox sent to a client.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogoutNotice {
    /// The client.
    pub client_id: String,
    /// Its back-channel logout URI.
    pub uri: String,
    /// The status of its response. `None` if there was none.
    pub status: Option<u16>,
}

/// Posts a logout token for each of these sign-ins to every client that took part in it and has a back-channel logout URI.
pub(crate) async fn notify(shared: &Shared, ended: &[SignedIn]) -> Vec<LogoutNotice> {
    let mut tokens = Vec::new();
    for signed_in in ended {
        for client_id in clients(shared, signed_in) {
            let uri = lock(&shared.logout_uris).get(&client_id).and_then(|uris| uris.backchannel.clone());
            let token = uri.and_then(|uri| Some((uri, logout_token(shared, &client_id, signed_in)?)));
            tokens.extend(token.map(|(uri, token)| (client_id, uri, token)));
        }
    }
    let sending = tokens.into_iter().map(|(client_id, uri, token)| async move {
        let status = post(&uri, &[("logout_token", &token)]).await.ok();
        LogoutNotice { client_id, uri, status }
    });
    join_all(sending).await
}

/// The frames of the clients that took part in this sign-in.
pub(super) fn front_channel(shared: &Shared, signed_in: &SignedIn) -> Vec<String> {
    let uris = clients(shared, signed_in);
    let known = lock(&shared.logout_uris);
    let uris = uris.iter().filter_map(|client_id| known.get(client_id)?.frontchannel.as_deref());
    let params = [("iss".to_owned(), shared.issuer.clone()), ("sid".to_owned(), signed_in.sid.clone())];
    uris.map(|uri| with_query(uri, &params)).collect()
}

fn clients(shared: &Shared, signed_in: &SignedIn) -> Vec<String> {
    shared.store().sign_ins.get(&signed_in.sid).map(|sign_in| sign_in.clients.clone()).unwrap_or_default()
}

/// A signed logout token. It names the user and the session.
pub(crate) fn logout_token(shared: &Shared, client_id: &str, signed_in: &SignedIn) -> Option<String> {
    let (part, now) = (&shared.own, shared.now());
    let user: &User = shared.user(&signed_in.username)?;
    let keys = shared.keys();
    let mut jwt = Jwt::new(&keys, shared.alg_for(part, client_id), now, &shared.issuer);
    jwt.header.insert("typ".to_owned(), "logout+jwt".into());
    for (name, value) in [
        ("iss", json!(shared.issuer)),
        ("sub", json!(profile::claim_sub(part, user))),
        ("aud", json!(client_id)),
        ("iat", json!(now)),
        ("exp", json!(now.saturating_add(LIFETIME))),
        ("jti", json!(random_token(""))),
        ("sid", json!(signed_in.sid)),
        ("events", json!({ "http://schemas.openid.net/event/backchannel-logout": {} })),
    ] {
        jwt.claim(name, value);
    }
    let client = part.client(client_id)?;
    jwt.secret = client.secret.clone();
    // Section 2.4: it is encrypted like an ID token.
    jwt.recipient = client.encrypted.id_token();
    shared.faults.change_logout_token(&mut jwt, &signed_in.username);
    let token = jwt.sign().and_then(|signed| jwt.encrypted(signed)).ok()?;
    shared.secrets.note(&token);
    Some(token)
}

/// Section 2.4 recommends at most two minutes.
const LIFETIME: u64 = 120;
