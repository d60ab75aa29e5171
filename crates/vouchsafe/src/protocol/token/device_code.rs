//! The device code grant.
use super::request::Grant;
use crate::error::Operation;

impl<'a> Grant<'a> {
    /// The device code grant (RFC 8628 section 3.4).
    pub(crate) fn device_code(device_code: &'a str) -> Self {
        Self::new(Operation::DeviceCode, DEVICE_CODE, ("device_code", device_code))
    }
}

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
