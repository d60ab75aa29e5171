//! Reads a definition from TOML, and checks it.
use crate::definition::Definition;
use crate::mistake::DefinitionError;
use crate::{check, locate};

impl Definition {
    /// Reads a definition from TOML and checks it.
    ///
    /// # Errors
    /// Names the line and the field, and says what is wrong with it.
    pub fn from_toml(text: &str) -> Result<Self, DefinitionError> {
        let mut definition: Self = toml::from_str(text).map_err(|e| locate::unreadable(&e, text))?;
        // Providers that take scopes with commas answer with commas.
        let (separators, own) = (&mut definition.token.scope_separators, &definition.scope_separator);
        let missing: Vec<_> = own.chars().filter(|c| !separators.contains(*c)).collect();
        separators.extend(missing);
        check::check(&definition).map_err(|mistake| locate::located(mistake, text))?;
        #[cfg(feature = "registration")]
        if let Some(Err(mistake)) =
            definition.registration.as_ref().map(crate::registration::RegistrationFacts::check)
        {
            let field = mistake.field.map(|field| format!("registration.{field}"));
            return Err(locate::located(DefinitionError { field, ..mistake }, text));
        }
        Ok(definition)
    }

    /// Checks what no definition may contain, however it was made: it must not set, remove or rename a parameter that the
    /// protocol owns, name a subject that users can change or give away, or claim the issuer of another server.
    /// [`Definition::from_toml`] checks this and more. The library checks it whenever a client is made.
    ///
    /// # Errors
    /// Names the field, and says what is wrong with it.
    pub fn check(&self) -> Result<(), DefinitionError> {
        check::safety(self)
    }

    /// The part of [`Definition::check`] that remains to be checked when parameters are filled in: what is requested, and by
    /// which member a user is known. Which server the users belong to is a question to the templates.
    ///
    /// # Errors
    /// Names the field, and says what is wrong with it.
    pub fn check_requests(&self) -> Result<(), DefinitionError> {
        check::requests(self)
    }
}
