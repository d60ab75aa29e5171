//! The library as its users see it, against the sandbox provider and against answers forged to the letter.
mod login;
