//! Sign-in as browsers see it: through a router, with cookies, at the sandbox.
mod failing;
mod limits;
mod marked;
mod posted;
mod properties;
mod scenario;
mod signing_in;
