//! The faults that are switched on, for which requests, and the users who are named after them.

use std::collections::VecDeque;
use std::sync::{LazyLock, Mutex};

use super::{Endpoint, Fault, Place, Strike};
use crate::config::User;
use crate::wire::lock;

/// The faults that are switched on.
#[derive(Default)]
pub(crate) struct Faults {
    switches: Mutex<Vec<Switch>>,
    /// The error codes that the next token requests are refused with.
    refusals: Mutex<VecDeque<String>>,
}

struct Switch {
    fault: Fault,
    lasting: Lasting,
    /// The strikes that it has dealt, one bit each.
    struck: u32,
}

/// How long a fault stays switched on.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum Lasting {
    /// Until further notice.
    Standing,
    /// Until the next login.
    ThisLogin,
    /// Until each of its strikes was dealt.
    Once,
}

impl Switch {
    /// Whether it no longer deals this strike.
    fn is_spent(&self, at: usize, strike: &Strike) -> bool {
        let was_dealt = self.struck & 1 << at != 0;
        match self.lasting {
            Lasting::Once => was_dealt,
            Lasting::Standing | Lasting::ThisLogin if matches!(strike, Strike::InsteadOnce(_)) => was_dealt,
            Lasting::Standing => false,
            // The other strikes are dealt to the user by name.
            Lasting::ThisLogin => !is_of_keys(&self.fault, strike),
        }
    }

    fn is_used_up(&self) -> bool {
        self.lasting == Lasting::Once && self.struck.count_ones() as usize >= self.fault.row.strikes.len()
    }
}

impl Faults {
    /// Switches a fault on: for the next request that it applies to, or until further notice.
    pub(crate) fn switch_on(&self, fault: Fault, once: bool) {
        let lasting = if once { Lasting::Once } else { Lasting::Standing };
        lock(&self.switches).push(Switch { fault, lasting, struck: 0 });
    }

    pub(crate) fn refuse_once(&self, code: String) {
        lock(&self.refusals).push_back(code);
    }

    /// The error code that this token request is refused with.
    pub(crate) fn refusal(&self) -> Option<String> {
        lock(&self.refusals).pop_front()
    }

    pub(crate) fn clear(&self) {
        lock(&self.switches).clear();
        lock(&self.refusals).clear();
    }

    /// A request for keys names no user, so the faults of keys apply from the login of the user who is named after one until
    /// the next login.
    pub(crate) fn expect_keys(&self, username: &str) {
        let mut switches = lock(&self.switches);
        switches.retain(|switch| switch.lasting != Lasting::ThisLogin);
        if let Some((_, fault)) = person(username) {
            switches.push(Switch { fault: *fault, lasting: Lasting::ThisLogin, struck: 0 });
        }
    }

    /// The matching strikes that are switched on, or that the user is named after, up to a number. A strike for once is used
    /// up.
    pub(crate) fn strike<T>(
        &self,
        username: Option<&str>,
        most: usize,
        mut pick: impl FnMut(&Fault, &Strike) -> Option<T>,
    ) -> Vec<T> {
        let mut found = Vec::new();
        if let Some((_, fault)) = username.and_then(person) {
            found.extend(fault.row.strikes.iter().filter_map(|strike| pick(fault, strike)).take(most));
        }
        let mut switches = lock(&self.switches);
        let mut dealt: Vec<Fault> = Vec::new();
        // Standing faults come first, so that a fault for once is kept until it matters.
        switches.sort_by_key(|switch| switch.lasting);
        for switch in switches.iter_mut() {
            if dealt.contains(&switch.fault) {
                continue;
            }
            for (at, strike) in switch.fault.row.strikes.iter().enumerate() {
                if found.len() < most
                    && !switch.is_spent(at, strike)
                    && let Some(hit) = pick(&switch.fault, strike)
                {
                    found.push(hit);
                    switch.struck |= 1 << at;
                    dealt.push(switch.fault);
                }
            }
        }
        switches.retain(|switch| !switch.is_used_up());
        found
    }
}

/// Whether it is a strike at the endpoint of the keys.
fn is_of_keys(fault: &Fault, strike: &Strike) -> bool {
    use Strike::{Body, Delay, InMember, Instead, InsteadOnce, Label, Members, Set, Without};
    fault.at == Endpoint::Keys
        && matches!(
            strike,
            Members(_)
                | Set(..)
                | InMember(..)
                | Without(_)
                | Delay
                | Instead(_)
                | InsteadOnce(_)
                | Body(_)
                | Label(_)
        )
}

/// The user who is named after a fault, and the fault.
pub(crate) fn person(username: &str) -> Option<&'static (User, Fault)> {
    PEOPLE.iter().find(|(user, _)| user.username() == username)
}

/// The users on the login page, grouped by the place of their fault.
pub(crate) fn shown() -> impl Iterator<Item = (&'static str, Vec<&'static (User, Fault)>)> {
    let placed = [
        Place::Authorization,
        Place::Callback,
        Place::SignedResponse,
        Place::EncryptedResponse,
        Place::Token,
        Place::Dpop,
        Place::IdToken,
        Place::Encryption,
        Place::Keys,
        Place::UserInfo,
        Place::LogoutToken,
    ];
    let on_the_wire = [
        (Place::Wire, Endpoint::Token, "In the HTTP response of the token endpoint"),
        (Place::Wire, Endpoint::UserInfo, "In the HTTP response of the UserInfo endpoint"),
    ];
    let groups = placed.map(|place| (place, place.endpoint(), place.title())).into_iter().chain(on_the_wire);
    groups.map(|(place, at, title)| {
        let is = |(_, fault): &&(User, Fault)| fault.row.place == place && fault.at == at;
        (title, PEOPLE.iter().filter(is).collect())
    })
}

static PEOPLE: LazyLock<Vec<(User, Fault)>> = LazyLock::new(|| {
    use Endpoint::{Claims, Device, Introspection, Metadata, PushedRequest, Registration};
    let of_a_login = |fault: &Fault| {
        !matches!(fault.at, Metadata | Device | Registration | PushedRequest | Claims | Introspection)
    };
    let named_after = |fault: Fault| {
        let name = fault.name();
        let email = format!("fault-{}@example.com", name.replace('@', "-at-"));
        (User::new(format!("fault-{name}")).with_name("Fault", name).with_verified_email(email), fault)
    };
    Fault::all().into_iter().filter(of_a_login).map(named_after).collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    fn of_keys(faults: &Faults) -> bool {
        faults.strike(None, 1, |fault, strike| is_of_keys(fault, strike).then_some(())).len() == 1
    }

    fn of_id_tokens(faults: &Faults, username: &str) -> bool {
        let is = |_: &Fault, strike: &Strike| matches!(strike, Strike::Sealed(..)).then_some(());
        faults.strike(Some(username), 1, is).len() == 1
    }

    #[test]
    fn fault_for_once_is_used_up_when_each_of_its_strikes_was_dealt() {
        let faults = Faults::default();
        faults.switch_on(Fault::EXPONENT_ONE, true);
        assert!(of_id_tokens(&faults, "alice"));
        assert!(!of_id_tokens(&faults, "alice"));
        assert!(of_keys(&faults));
        assert!(!of_keys(&faults));
        assert!(lock(&faults.switches).is_empty());
    }

    #[test]
    fn faults_of_keys_apply_to_the_login_of_the_user_named_after_them() {
        let faults = Faults::default();
        faults.expect_keys("alice");
        assert!(!of_keys(&faults));
        faults.expect_keys("fault-exponent-one");
        assert!(of_id_tokens(&faults, "fault-exponent-one") && !of_id_tokens(&faults, "alice"));
        assert!(of_keys(&faults) && of_keys(&faults));
        faults.expect_keys("alice");
        assert!(!of_keys(&faults));
    }
}
