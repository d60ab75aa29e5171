//! The options of `vouchsafe setup`.
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;

use super::{ClientArgs, HttpArgs, completed, listen, pair, seconds};

#[derive(ClapArgs, Debug)]
pub(crate) struct SetupArgs {
    /// A provider of the catalogue (see `vouchsafe providers`), or the path of a definition file such as ./acme.toml
    #[arg(value_name = "PROVIDER", value_parser = completed::provider(), hide_possible_values = true)]
    pub(crate) provider: String,
    /// The redirect URI of your application [default: http://localhost:3000/callback/PROVIDER, or with 127.0.0.1 if the provider
    /// accepts only that]
    #[arg(long, value_name = "URI", help_heading = "Registration")]
    pub(crate) redirect_uri: Option<String>,
    /// A parameter of the provider's definition, such as shop=my-shop or tenant=common (repeatable)
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = pair, help_heading = "Registration")]
    pub(crate) params: Vec<(String, String)>,
    /// A scope to request, instead of the provider's usual scopes (repeatable)
    #[arg(long = "scope", value_name = "SCOPE", help_heading = "Registration")]
    pub(crate) scopes: Vec<String>,
    /// Rehearse at a sandbox, without an account: `vouchsafe sandbox` prints its URL
    #[arg(long, value_name = "URL", help_heading = "Registration")]
    pub(crate) at: Option<String>,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The file to write. Its other lines stay, and only you can read it
    #[arg(long, value_name = "FILE", default_value = ".env", help_heading = "Steps")]
    pub(crate) out: PathBuf,
    /// Replace values that the file has already
    #[arg(long, help_heading = "Steps")]
    pub(crate) replace: bool,
    /// Only tell the steps, and check the form of the values that you gave: ask, open, send and write nothing
    #[arg(long, help_heading = "Steps")]
    pub(crate) dry_run: bool,
    /// Do not open the page where the provider registers applications
    #[arg(long, help_heading = "Steps")]
    pub(crate) no_open: bool,
    /// Do not try the client ID and the secret at the provider
    #[arg(long, help_heading = "Steps")]
    pub(crate) no_check: bool,
    /// Do not sign in at the end
    #[arg(long, help_heading = "Steps")]
    pub(crate) no_login: bool,
    /// Print URLs instead of opening a browser
    #[arg(long, help_heading = "Browser")]
    pub(crate) no_browser: bool,
    /// The address here to which the redirect URI leads, such as that of a tunnel
    #[arg(long, value_name = "ADDR", value_parser = listen, help_heading = "Browser")]
    pub(crate) listen: Option<SocketAddr>,
    /// The time to wait for the user
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds, allow_negative_numbers = true, help_heading = "Browser")]
    pub(crate) wait: Duration,
    #[command(flatten)]
    pub(crate) http: HttpArgs,
}
