//! Accounts in a store: two sign-ins at once, linking, and keys that are replaced.
