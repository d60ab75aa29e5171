//! Users who are named after a fault.

use std::sync::LazyLock;

use super::{Endpoint, Fault, Place};
use crate::config::User;

/// The user who is named after a fault, and the fault.
pub(crate) fn person(username: &str) -> Option<&'static (User, Fault)> {
    PEOPLE.iter().find(|(user, _)| user.username() == username)
}

/// The users on the login page, grouped by the place of their fault.
pub(crate) fn shown() -> impl Iterator<Item = (&'static str, Vec<&'static (User, Fault)>)> {
    let groups = [
        (Place::Callback, Endpoint::Token, Place::Callback.title()),
        (Place::Token, Endpoint::Token, Place::Token.title()),
        (Place::IdToken, Endpoint::Token, Place::IdToken.title()),
        (Place::Keys, Endpoint::Keys, Place::Keys.title()),
        (Place::UserInfo, Endpoint::UserInfo, Place::UserInfo.title()),
        (Place::Wire, Endpoint::Token, "In the HTTP response of the token endpoint"),
        (Place::Wire, Endpoint::UserInfo, "In the HTTP response of the UserInfo endpoint"),
    ];
    groups.into_iter().map(|(place, at, title)| {
        let is = |(_, fault): &&(User, Fault)| fault.row.place == place && fault.at == at;
        (title, PEOPLE.iter().filter(is).collect())
    })
}

static PEOPLE: LazyLock<Vec<(User, Fault)>> = LazyLock::new(|| {
    let of_a_login = |fault: &Fault| fault.at != Endpoint::Metadata;
    let named_after = |fault: Fault| {
        let name = fault.name();
        let email = format!("fault-{}@example.com", name.replace('@', "-at-"));
        (User::new(format!("fault-{name}")).with_name("Fault", name).with_verified_email(email), fault)
    };
    Fault::all().into_iter().filter(of_a_login).map(named_after).collect()
});
