//! The catalogue of providers that vouchsafe signs people in with: facts as data, no behaviour.
#![forbid(unsafe_code)]
