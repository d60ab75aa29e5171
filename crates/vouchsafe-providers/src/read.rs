//! Reads a definition from TOML, and checks it.
use std::fmt;

use crate::definition::Definition;
use crate::{check, locate};

impl Definition {
    /// Reads a definition from TOML and checks it.
    ///
    /// # Errors
    /// Names the line and the field, and says what is wrong with it.
    pub fn from_toml(text: &str) -> Result<Self, DefinitionError> {
        let mut definition: Self =
            toml::from_str(text).map_err(|e| DefinitionError { message: locate::unreadable(&e, text) })?;
        // Providers that take scopes with commas answer with commas.
        let (separators, own) = (&mut definition.token.scope_separators, &definition.scope_separator);
        let missing: Vec<_> = own.chars().filter(|c| !separators.contains(*c)).collect();
        separators.extend(missing);
        check::check(&definition).map_err(|mistake| DefinitionError { message: mistake.in_text(text) })?;
        Ok(definition)
    }

    /// Checks what no definition may contain, however it was made: it must not set, remove or rename a parameter that the
    /// protocol owns, name a subject that users can change or give away, or claim the issuer of another server.
    /// [`Definition::from_toml`] checks this and more. The library checks it whenever a client is made.
    ///
    /// # Errors
    /// Names the field, and says what is wrong with it.
    pub fn check(&self) -> Result<(), DefinitionError> {
        check::safety(self).map_err(|mistake| DefinitionError { message: mistake.in_text("") })
    }

    /// The part of [`Definition::check`] that remains to be checked when parameters are filled in: what is requested, and by
    /// which member a user is known. Which server the users belong to is a question to the templates.
    ///
    /// # Errors
    /// Names the field, and says what is wrong with it.
    pub fn check_requests(&self) -> Result<(), DefinitionError> {
        check::requests(self).map_err(|mistake| DefinitionError { message: mistake.in_text("") })
    }
}

/// A definition is wrong: the message names the line and the field.
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
