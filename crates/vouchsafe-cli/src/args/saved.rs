//! The options of the commands that use saved logins.
use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::{ClientArgs, HttpArgs, TargetArgs, completed, pair};

/// Where saved logins are.
#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Saved logins")]
pub(crate) struct StoreArgs {
    /// The store: sqlite:PATH, postgres://…, redis://… or memory:. A URL with a password comes by VOUCHSAFE_STORE [default: a
    /// file in your data folder]
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,
}

/// A saved login.
#[derive(ClapArgs, Debug)]
pub(crate) struct NamedArgs {
    /// The name of the saved login: see `vouchsafe list`
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// A file with the client secret, if it was not saved; or set VOUCHSAFE_CLIENT_SECRET
    #[arg(long, value_name = "PATH", help_heading = "Saved logins")]
    pub(crate) client_secret_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) http: HttpArgs,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct TokenArgs {
    #[command(flatten)]
    pub(crate) named: NamedArgs,
    /// Print the token as another program expects it from its helper
    #[arg(long, value_name = "FORMAT", conflicts_with = "json", help_heading = "Output")]
    pub(crate) format: Option<Format>,
}

/// The protocol of a program that asks helpers for tokens.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// For `credential.helper` of git
    GitCredential,
    /// For a `docker-credential-…` program
    Docker,
    /// For a `credential_process`: a JSON object with the token and its end
    CredentialProcess,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct ApiArgs {
    #[command(flatten)]
    pub(crate) named: NamedArgs,
    /// The URL of the API. The token is sent to it only
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// The method [default: GET, or POST with --data]
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    pub(crate) method: Option<String>,
    /// A header of the request (repeatable)
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,
    /// The body of the request; @PATH reads it from a file
    #[arg(short = 'd', long, value_name = "DATA")]
    pub(crate) data: Option<String>,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct ApplicationArgs {
    /// A provider of the catalogue (see `vouchsafe providers`), or the path of a definition file such as ./acme.toml
    #[arg(value_name = "PROVIDER", value_parser = completed::provider(), hide_possible_values = true)]
    pub(crate) provider: Option<String>,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// A scope to request (repeatable)
    #[arg(long = "scope", value_name = "SCOPE", help_heading = "Request")]
    pub(crate) scopes: Vec<String>,
    /// Any other parameter of the token request (repeatable)
    #[arg(long = "extra", value_name = "NAME=VALUE", value_parser = pair, help_heading = "Request")]
    pub(crate) extras: Vec<(String, String)>,
    /// The URI of an API that the token is for (repeatable)
    #[arg(long = "resource", value_name = "URI", help_heading = "Request")]
    pub(crate) resources: Vec<String>,
    /// Save the token under this name; a login of this name is replaced. `vouchsafe token NAME` prints a valid one at any time
    #[arg(long, value_name = "NAME", help_heading = "Saved logins")]
    pub(crate) save: Option<String>,
    /// Save the client secret with the token, so that later commands do not need it
    #[arg(long, requires = "save", help_heading = "Saved logins")]
    pub(crate) save_secret: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) http: HttpArgs,
}
