//! Sign-in as browsers see it: through a router, with cookies, at the sandbox.
mod cookie_headers;
mod cookies;
mod example;
mod failing;
mod limits;
mod marked;
mod once;
mod pages;
mod posted;
mod properties;
mod resource;
mod routes;
mod scenario;
mod signing_in;
mod silent;
mod site;
