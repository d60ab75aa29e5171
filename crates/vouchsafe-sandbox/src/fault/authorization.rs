//! Faults at the authorization endpoint: the browser does not come back to the application.

use super::Strike::NoReturn;
use super::faults;

faults! { Authorization:
    NEVER_RETURNS: "the provider shows an error page of its own, and the browser never comes back",
        local "timed_out", NoReturn;
}
