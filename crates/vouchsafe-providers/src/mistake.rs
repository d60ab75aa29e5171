//! A field of a definition that is wrong, and helpers of the checks.
use std::fmt::{self, Display};

/// A definition is wrong: the message names the line and the field.
#[derive(Clone, Debug)]
pub struct DefinitionError {
    pub(crate) line: Option<usize>,
    pub(crate) field: Option<String>,
    pub(crate) why: String,
}

impl DefinitionError {
    pub(crate) fn new(field: impl Display, why: impl Display) -> Self {
        Self { line: None, field: Some(field.to_string()), why: why.to_string() }
    }
}

impl Display for DefinitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line.map(|line| format!("line {line}"));
        let field = self.field.as_ref().map(|field| format!("field {field}"));
        let place: Vec<_> = line.into_iter().chain(field).collect();
        let separator = if place.is_empty() { "" } else { ": " };
        let message = format!("{}{separator}{}", place.join(", "), self.why);
        f.write_str(&message.replace(char::is_control, " "))
    }
}

impl std::error::Error for DefinitionError {}

/// Nothing, or the first mistake.
pub(crate) type Result = std::result::Result<(), DefinitionError>;

pub(crate) fn ensure(good: bool, field: impl Display, why: impl Display) -> Result {
    if good { Ok(()) } else { Err(DefinitionError::new(field, why)) }
}

/// Whether a list of words, with a space between them, has that word.
pub(crate) fn has(words: &str, word: &str) -> bool {
    words.as_bytes().split(|b| *b == b' ').any(|known| known == word.as_bytes())
}

/// RFC 6901 section 3.
pub(crate) fn pointer_in(field: impl Display, pointer: &str, whole: bool) -> Result {
    let escapes = pointer.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    let is_pointer = pointer.starts_with('/') && escapes;
    let rule = "is not a JSON Pointer (RFC 6901): begin it with /, and write ~ as ~0 and / as ~1";
    ensure(is_pointer || (pointer.is_empty() && whole), field, format_args!("{pointer:?} {rule}"))
}

/// Whether a parameter or a member has a meaning of its own in a response or among the tokens.
pub(crate) fn is_of_the_protocol(name: &str) -> bool {
    let errors = "error error_description error_uri";
    let tokens = "access_token refresh_token id_token token_type expires_in expires_at scope";
    name.is_empty() || has("code state iss", name) || has(errors, name) || has(tokens, name)
}
