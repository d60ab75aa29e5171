//! Text from outside and for outside: JSON, forms, moments, random values, and what may be shown of it.
pub(crate) mod controls;
pub(crate) mod form;
pub(crate) mod json;
pub(crate) mod legible;
pub(crate) mod moment;
pub(crate) mod random;
pub(crate) mod redact;
pub(crate) mod template;
pub(crate) mod version;
