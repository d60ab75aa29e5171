//! A field of a definition that is wrong, and helpers of the checks.
use std::fmt::Display;

use crate::locate::line_of;

/// A field that is wrong, and why.
pub(crate) struct Mistake {
    field: String,
    why: String,
}

impl Mistake {
    pub(crate) fn new(field: impl Display, why: impl Display) -> Self {
        Self { field: field.to_string(), why: why.to_string() }
    }

    /// The message, in one paragraph, with the line of the field if the text has it.
    pub(crate) fn in_text(&self, text: &str) -> String {
        let told = match line_of(&self.field, text) {
            Some(line) => format!("line {line}, field {}: {}", self.field, self.why),
            None => format!("field {}: {}", self.field, self.why),
        };
        told.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

pub(crate) fn ensure(good: bool, field: impl Display, why: impl Display) -> Result<(), Mistake> {
    if good { Ok(()) } else { Err(Mistake::new(field, why)) }
}

/// Whether a list of words, with a space between them, has that word.
pub(crate) fn has(words: &str, word: &str) -> bool {
    words.split(' ').any(|known| known == word)
}

/// RFC 6901 section 3.
pub(crate) fn pointer_in(field: impl Display, pointer: &str, whole: bool) -> Result<(), Mistake> {
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
