//! A field of a definition that is wrong, and helpers of the checks.
use crate::locate::line_of;

/// A field that is wrong, and why.
pub(crate) struct Mistake {
    field: String,
    why: String,
}

impl Mistake {
    pub(crate) fn new(field: &str, why: String) -> Self {
        Self { field: field.to_owned(), why }
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

pub(crate) fn ensure(good: bool, field: &str, why: impl FnOnce() -> String) -> Result<(), Mistake> {
    if good { Ok(()) } else { Err(Mistake::new(field, why())) }
}

/// RFC 6901 section 3.
pub(crate) fn pointer_in(field: &str, pointer: &str, whole: bool) -> Result<(), Mistake> {
    if pointer.is_empty() && whole {
        return Ok(());
    }
    let escapes = pointer.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    ensure(pointer.starts_with('/') && escapes, field, || {
        format!(
            "{pointer:?} is not a JSON Pointer (RFC 6901): begin it with /, and write ~ as ~0 and / as ~1"
        )
    })
}

/// Parameters and members that have a meaning of their own in a response or among the tokens.
pub(crate) const PROTOCOL: [&str; 14] = [
    "",
    "code",
    "state",
    "iss",
    "error",
    "error_description",
    "error_uri",
    "access_token",
    "refresh_token",
    "id_token",
    "token_type",
    "expires_in",
    "expires_at",
    "scope",
];
