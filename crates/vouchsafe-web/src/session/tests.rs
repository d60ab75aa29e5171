//! Sessions of both kinds, with stores that work and stores that fail.
