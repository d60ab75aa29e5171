//! The demo: a web app that signs people in at the sandbox and shows every step.
