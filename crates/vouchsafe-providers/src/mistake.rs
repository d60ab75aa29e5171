//! A field of a definition that is wrong, and what the checks share.
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

    /// In one paragraph, with the line if the field is in the text.
    pub(crate) fn told_of(&self, text: &str) -> String {
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
        format!("{pointer:?} is not a JSON Pointer: one begins with /, and has ~0 for ~ and ~1 for /")
    })
}

/// What stands between braces.
pub(crate) fn inside(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(mark, _)| mark))
}

/// What means something else in a response or among the tokens.
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
