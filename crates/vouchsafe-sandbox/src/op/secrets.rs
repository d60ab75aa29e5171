//! Notes the secrets that the sandbox issues and is sent.

use serde_json::Value;

use super::request::Form;
use super::{Call, Reply};
use crate::wire::OAuthError;

impl Call<'_> {
    /// Notes the secrets that the client has made, under their names at this provider.
    pub(super) fn note_request(&self) {
        let definition = &self.part.definition;
        let params = self.incoming.any_params();
        let tables = [&definition.authorization.names, &definition.token.names, &definition.refreshing.names];
        for names in tables.into_iter().chain([&definition.revocation.names]) {
            let form = Form::new(params.clone(), &[names]);
            let made = MADE_BY_CLIENTS.into_iter().filter_map(|name| form.get(name));
            made.for_each(|secret| self.shared.secrets.note(secret));
        }
        let proof = definition.userinfo.proof.as_ref().and_then(|name| params.get(name));
        proof.into_iter().for_each(|proof| self.shared.secrets.note(proof));
    }

    /// Notes the tokens of a response, as they are after all faults.
    pub(super) fn note_reply(&self, reply: &Result<Reply, OAuthError>) {
        if let Ok(Reply::Tokens { members, .. } | Reply::Document(members)) = reply {
            let issued = ISSUED.into_iter().filter_map(|name| members.get(name).and_then(Value::as_str));
            issued.for_each(|secret| self.shared.secrets.note(secret));
        }
    }
}

const MADE_BY_CLIENTS: [&str; 5] = ["client_assertion", "client_secret", "code_verifier", "nonce", "state"];
const ISSUED: [&str; 5] = ["access_token", "auth_req_id", "device_code", "id_token", "refresh_token"];
