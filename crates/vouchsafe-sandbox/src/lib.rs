//! An OpenID Provider in the process, to develop and test sign-in against without an account anywhere.
#![forbid(unsafe_code)]
