//! Tokens that stay fresh: sources, stores and connections, at a provider that ends a login if a refresh token is spent twice.
mod bearer;
mod provider;
mod reqwest;
mod several;
mod source;
mod stored;
mod trouble;
