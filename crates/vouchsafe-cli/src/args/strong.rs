//! Arguments of the sandbox for clients that do more than send a secret.
use std::path::PathBuf;

use clap::Args as ClapArgs;

#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Strong clients")]
pub(crate) struct StrongArgs {
    /// Refuse authorization requests that were not pushed (RFC 9126)
    #[arg(long)]
    pub(crate) require_par: bool,
    /// Demand nonces in DPoP proofs: `required`, or `changing`, which accepts no nonce of a successful response
    #[arg(long, value_name = "HOW", value_parser = ["required", "changing"], hide_possible_values = true)]
    pub(crate) dpop_nonce: Option<String>,
    /// Demand everything that the FAPI 2.0 Security Profile demands
    #[arg(long, requires = "public_key")]
    pub(crate) fapi2: bool,
    /// Register the client `sandbox-key-client` with this public key: a file in PEM, or a JSON Web Key Set
    #[arg(long, value_name = "FILE")]
    pub(crate) public_key: Option<PathBuf>,
}
