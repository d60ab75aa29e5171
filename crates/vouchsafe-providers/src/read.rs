//! Reads a definition from TOML, and checks it.
use std::fmt;

use crate::definition::Definition;
use crate::{check, locate};

impl Definition {
    /// Reads a definition.
    ///
    /// # Errors
    /// Says the line and the field that is wrong, and why.
    pub fn from_toml(text: &str) -> Result<Self, DefinitionError> {
        let definition =
            toml::from_str(text).map_err(|e| DefinitionError { message: locate::unreadable(&e, text) })?;
        check::check(&definition).map_err(|mistake| DefinitionError { message: mistake.told_of(text) })?;
        Ok(definition)
    }

    /// Checks what no definition may say, whoever made it and however: a parameter that the protocol owns, set, taken away
    /// or called otherwise; a subject that its owner can change or give away; an issuer that is another server's.
    /// [`Definition::from_toml`] checks that and more. The library checks it whenever a client is made.
    ///
    /// # Errors
    /// Says the field that is wrong, and why.
    pub fn check(&self) -> Result<(), DefinitionError> {
        check::safety(self).map_err(|mistake| DefinitionError { message: mistake.told_of("") })
    }
}

/// A definition that cannot be read: what is wrong, and where.
#[derive(Clone, Debug)]
pub struct DefinitionError {
    message: String,
}

impl fmt::Display for DefinitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DefinitionError {}
