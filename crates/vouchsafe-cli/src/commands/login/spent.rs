//! The values that a login used up, and an error that nobody vouches for.
use vouchsafe::PendingLogin;

use crate::failure::Failure;
use crate::loopback::Callback;
use crate::text;

/// The error in a response without `state`. Some providers leave it out of errors.
pub(super) fn unverified(callback: &Callback, pending: &PendingLogin) -> Option<String> {
    let param = |name: &str| callback.param(name).filter(|value| !value.is_empty());
    let error = param("error").filter(|_| param("state").is_none())?;
    let description = param("error_description").map(|text| format!(" ({})", text::short(&text, 200)));
    let report = text::short(&error, 60) + &description.unwrap_or_default();
    Some(Spent::of(pending, callback).without(&report))
}

/// The values that only this login used. The library no longer knows them when it requests the profile, but a provider may
/// quote them in an error.
#[derive(Default)]
pub(super) struct Spent(Vec<String>);

impl Spent {
    pub(super) fn of(pending: &PendingLogin, callback: &Callback) -> Self {
        let pending = serde_json::to_value(pending).unwrap_or_default();
        let kept = ["state", "nonce", "verifier"].into_iter().filter_map(|name| pending[name].as_str());
        let code = callback.param("code").filter(|code| code.len() > 5);
        Self(kept.map(str::to_owned).chain(code).collect())
    }

    pub(super) fn without(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, spent| text.replace(spent, "…"))
    }

    pub(super) fn out_of(&self, failure: Failure) -> Failure {
        let (message, code) = (self.without(&failure.message), self.without(&failure.code));
        Failure { message, code, ..failure }
    }
}
