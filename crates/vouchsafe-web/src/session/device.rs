//! The browser in which a session began, as its person recognises it in a list.
use std::net::IpAddr;

use http::header::{HeaderMap, USER_AGENT};
use serde::{Deserialize, Serialize};

/// The browser in which a session began. A session in a cookie does not keep it.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Device {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
}

impl Device {
    /// The browser that sent these headers, from this address.
    pub fn of(headers: &HeaderMap, address: Option<IpAddr>) -> Self {
        let sent =
            headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let shown = sent.map(|text| text.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT).collect());
        Self { user_agent: shown.filter(|text: &String| !text.is_empty()), address }
    }

    /// What the browser says that it is (`User-Agent`). Anybody can send any text.
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    /// The address from which the person signed in.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Device(…)")
    }
}

/// The longest `User-Agent` that a session keeps, in characters.
const MAX_USER_AGENT: usize = 256;
