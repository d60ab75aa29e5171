//! A whole application with sign-in: one file for each part.
mod callbacks;
mod devices;
mod linking;
mod logout;
mod moved;
mod origins;
mod pages;
mod prefix;
mod protected;
mod public_url;
mod relay;
mod requests;
mod scenario;
mod sign_in;
mod source;
mod store;
