//! The faults that are switched on, and for which requests.
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Endpoint, Fault, Strike, person};

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
        self.switches().push(Switch { fault, lasting, struck: 0 });
    }

    pub(crate) fn refuse_once(&self, code: String) {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner).push_back(code);
    }

    /// The error code that this token request is refused with.
    pub(crate) fn refusal(&self) -> Option<String> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    pub(crate) fn clear(&self) {
        self.switches().clear();
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The first matching strike that is switched on, or that the user is named after. A strike for once is used up.
    pub(crate) fn hit<T>(
        &self,
        username: Option<&str>,
        pick: impl FnMut(&Fault, &Strike) -> Option<T>,
    ) -> Option<T> {
        self.strike(username, 1, pick).pop()
    }

    /// All matching strikes.
    pub(crate) fn hits<T>(
        &self,
        username: Option<&str>,
        pick: impl FnMut(&Fault, &Strike) -> Option<T>,
    ) -> Vec<T> {
        self.strike(username, usize::MAX, pick)
    }

    /// A request for keys names no user, so the faults of keys apply from the login of the user who is named after one until
    /// the next login.
    pub(crate) fn expect_keys(&self, username: &str) {
        let mut switches = self.switches();
        switches.retain(|switch| switch.lasting != Lasting::ThisLogin);
        if let Some((_, fault)) = person(username) {
            switches.push(Switch { fault: *fault, lasting: Lasting::ThisLogin, struck: 0 });
        }
    }

    fn strike<T>(
        &self,
        username: Option<&str>,
        most: usize,
        mut pick: impl FnMut(&Fault, &Strike) -> Option<T>,
    ) -> Vec<T> {
        let mut found = Vec::new();
        if let Some((_, fault)) = username.and_then(person) {
            found.extend(fault.row.strikes.iter().filter_map(|strike| pick(fault, strike)).take(most));
        }
        let mut switches = self.switches();
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

    fn switches(&self) -> MutexGuard<'_, Vec<Switch>> {
        self.switches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether it is a strike at the endpoint of the keys.
fn is_of_keys(fault: &Fault, strike: &Strike) -> bool {
    use Strike::{Body, Delay, Instead, InsteadOnce, Label, Members, Set, Without};
    fault.at == Endpoint::Keys
        && matches!(
            strike,
            Members(_) | Set(..) | Without(_) | Delay | Instead(_) | InsteadOnce(_) | Body(_) | Label(_)
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_keys(faults: &Faults) -> bool {
        faults.hit(None, |fault, strike| is_of_keys(fault, strike).then_some(())).is_some()
    }

    fn of_id_tokens(faults: &Faults, username: &str) -> bool {
        let is = |_: &Fault, strike: &Strike| matches!(strike, Strike::Sealed(..)).then_some(());
        faults.hit(Some(username), is).is_some()
    }

    #[test]
    fn fault_for_once_is_used_up_when_each_of_its_strikes_was_dealt() {
        let faults = Faults::default();
        faults.switch_on(Fault::EXPONENT_ONE, true);
        assert!(of_id_tokens(&faults, "alice"));
        assert!(!of_id_tokens(&faults, "alice"));
        assert!(of_keys(&faults));
        assert!(!of_keys(&faults));
        assert!(faults.switches().is_empty());
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
