//! The parameters of a query or a form.
use url::form_urlencoded;

use crate::site::failure::Failure;
use crate::site::fault::Fault;

/// The parameters of a query or a form, in their order.
#[derive(Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The value of a parameter, which may be missing.
    pub(crate) fn one(&self, name: &str) -> Result<Option<&str>, Failure> {
        let mut values = self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| &**value);
        match (values.next(), values.next()) {
            (_, Some(_)) => {
                let detail = format!("the parameter {name} came more than once: send it once");
                Err(Failure::new(Fault::Malformed, detail))
            }
            (value, None) => Ok(value),
        }
    }
}
