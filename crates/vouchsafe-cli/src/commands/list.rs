//! `vouchsafe list`: the saved logins.
use std::time::SystemTime;

use vouchsafe::vault::{Connection, ConnectionState};

use crate::args::StoreArgs;
use crate::failure::Failure;
use crate::saved::{Recipe, SavedLogins};
use crate::terminal::{CAUTION, Event, GOOD, Output, SOFT, STRONG, Saved, paint};
use crate::text;

pub(crate) async fn run(args: &StoreArgs, output: &mut Output) -> Result<(), Failure> {
    let logins = SavedLogins::open(args, output).await?.all().await?;
    if logins.is_empty() {
        output.tell("There are no saved logins. `vouchsafe login` saves one.");
    }
    for login in &logins {
        let recipe = Recipe::from_text(&login.user, login.data.as_deref().unwrap_or_default())?;
        let identity = login.identity.as_ref();
        output.event(&Event::Saved(Saved {
            name: &login.user,
            provider: &recipe.slug,
            subject: identity.map(|identity| identity.subject()),
            email: identity.and_then(|identity| identity.email()),
            expires_at: login.expires_at.map(text::seconds),
            refresh_expires_at: login.refresh_expires_at.map(text::seconds),
            state: login.state.as_str(),
        }));
        let who = identity.map(|identity| identity.email().or(identity.name()).unwrap_or(identity.subject()));
        let who = who.map(|who| format!(" as {}", text::short(who, 120))).unwrap_or_default();
        output.say(format!(
            "{}  {}{who}  {}",
            paint(&text::short(&login.user, 200), STRONG),
            text::short(&recipe.slug, 60),
            state(login)
        ));
    }
    Ok(())
}

fn state(login: &Connection) -> String {
    let end = login.expires_at.map(|end| text::relative(end, SystemTime::now()));
    match (login.state, end) {
        (ConnectionState::Fresh, Some(end)) => paint(&format!("fresh, expires {end}"), GOOD),
        (ConnectionState::Fresh, None) => paint("fresh", GOOD),
        (ConnectionState::SignInAgain, _) => paint("over: sign in again", CAUTION),
        (_, end) => paint(&format!("expired {}", end.unwrap_or_default()), SOFT),
    }
}
