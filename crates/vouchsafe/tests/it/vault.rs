//! Tokens that stay fresh: sources, stores and connections, at a provider that ends a login if a refresh token is spent twice.
mod bearer;
#[cfg(all(feature = "metrics", feature = "tracing"))]
mod observed;
mod provider;
mod reqwest;
mod several;
mod source;
mod stored;
mod trouble;
