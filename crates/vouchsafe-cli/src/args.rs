//! What can be said on the command line.
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args as ClapArgs, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use vouchsafe_sandbox::Fault;

use crate::failure::{Failure, Kind};
use crate::terminal::output::Output;
use crate::text;

/// Sign in with OAuth 2 and OpenID Connect from a terminal, and look closely at providers and tokens.
#[derive(Debug, Parser)]
#[command(name = "vouchsafe", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sign a user in through the browser, and show who it is
    #[command(after_help = LOGIN_EXAMPLES)]
    Login(Box<LoginArgs>),
    /// List the providers that are known, or show all that is known of one
    #[command(after_help = PROVIDERS_EXAMPLES)]
    Providers {
        /// The provider to show, for instance google
        #[arg(value_name = "SLUG")]
        slug: Option<String>,
    },
    /// Fetch a provider's metadata, and tell what it offers, what is missing and what is unsafe
    #[command(after_help = DISCOVER_EXAMPLES)]
    Discover(DiscoverArgs),
    /// Decode a JWT, and verify it where --issuer is given
    #[command(after_help = INSPECT_EXAMPLES)]
    Inspect(InspectArgs),
    /// Run a provider on this machine, to develop and test a sign-in without an account anywhere
    #[command(after_help = SANDBOX_EXAMPLES)]
    Sandbox(SandboxArgs),
    /// Run a web app with a sign-in on this machine, and see every step of it
    #[command(after_help = DEMO_EXAMPLES)]
    Demo {
        /// The port on 127.0.0.1; a free one unless it is given
        #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
        port: u16,
    },
    /// Print the completions of a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    #[command(after_help = MAN_EXAMPLES)]
    Man,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct LoginArgs {
    /// A slug of the catalogue (see `vouchsafe providers`), or the path of a definition file such as ./acme.toml
    #[arg(value_name = "PROVIDER")]
    pub(crate) provider: Option<String>,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
    #[command(flatten)]
    pub(crate) browser: BrowserArgs,
    #[command(flatten)]
    pub(crate) http: HttpArgs,
    /// Keep the login under this name
    #[arg(long, value_name = "NAME", conflicts_with = "no_save", hide = true, help_heading = "Output")]
    pub(crate) save: Option<String>,
    /// Keep nothing of the login
    #[arg(long, help_heading = "Output")]
    pub(crate) no_save: bool,
}

/// Another provider than one of the catalogue.
#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Provider")]
pub(crate) struct TargetArgs {
    /// An OpenID Provider by its issuer, configured by discovery; with --authorize-url, the service's own issuer (unless it is
    /// the origin of both endpoints)
    #[arg(long, value_name = "URL", conflicts_with = "provider")]
    pub(crate) issuer: Option<String>,
    /// Any OAuth 2 service: its authorization endpoint
    #[arg(long, value_name = "URL", requires = "token_url", conflicts_with = "provider")]
    pub(crate) authorize_url: Option<String>,
    /// Its token endpoint
    #[arg(long, value_name = "URL", requires = "authorize_url")]
    pub(crate) token_url: Option<String>,
    /// Where it refreshes tokens, if not at the token endpoint
    #[arg(long, value_name = "URL", requires = "authorize_url")]
    pub(crate) refresh_url: Option<String>,
    /// Its revocation endpoint
    #[arg(long, value_name = "URL", requires = "authorize_url")]
    pub(crate) revoke_url: Option<String>,
    /// Where it tells who the user is
    #[arg(long, value_name = "URL", requires = "authorize_url")]
    pub(crate) userinfo_url: Option<String>,
    /// A parameter of the provider's definition, for instance tenant=common (repeatable)
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = pair, requires = "provider")]
    pub(crate) params: Vec<(String, String)>,
}

/// Who you are at the provider.
#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Client")]
pub(crate) struct ClientArgs {
    /// The id that the provider gave your application
    #[arg(long, value_name = "ID", env = "VOUCHSAFE_CLIENT_ID", hide_env_values = true)]
    pub(crate) client_id: Option<String>,
    /// A file with the client secret; or set VOUCHSAFE_CLIENT_SECRET. Never an argument: those are seen by all
    #[arg(long, value_name = "PATH")]
    pub(crate) client_secret_file: Option<PathBuf>,
    /// A file with the private key (PEM) that signs the client's secrets, such as the .p8 file that Apple gives
    #[arg(long, value_name = "PATH", conflicts_with_all = ["client_secret_file", "client_auth"])]
    pub(crate) client_key: Option<PathBuf>,
    /// The id of that key
    #[arg(long, value_name = "ID", requires = "client_key")]
    pub(crate) key_id: Option<String>,
    /// The id of the team of developers that the key belongs to
    #[arg(long, value_name = "ID", requires = "client_key")]
    pub(crate) team_id: Option<String>,
    /// How the client authenticates: none, client_secret_basic or client_secret_post; as the provider says by default
    #[arg(long, value_name = "METHOD")]
    pub(crate) client_auth: Option<String>,
}

/// What to ask for.
#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Request")]
pub(crate) struct AskArgs {
    /// A scope to ask for instead of the provider's usual ones (repeatable)
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<String>,
    /// Any other parameter of the authorization request (repeatable)
    #[arg(long = "extra", value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) extras: Vec<(String, String)>,
    /// The user must have signed in within that time; enforced
    #[arg(long, value_name = "SECONDS")]
    pub(crate) max_age: Option<u64>,
    /// The user must authenticate in this way; enforced (repeatable: one of them)
    #[arg(long = "acr", value_name = "VALUE")]
    pub(crate) acr_values: Vec<String>,
    /// Whom the provider may expect, for instance an e-mail address
    #[arg(long, value_name = "HINT")]
    pub(crate) login_hint: Option<String>,
    /// What the provider shows: none, login, consent, select_account
    #[arg(long, value_name = "VALUE")]
    pub(crate) prompt: Option<String>,
}

/// How the browser comes and goes.
#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Browser")]
pub(crate) struct BrowserArgs {
    /// Print the URL instead of opening a browser
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// The port of the redirect URI http://127.0.0.1:PORT/callback; a free one unless it is given
    #[arg(long, value_name = "N")]
    pub(crate) redirect_port: Option<u16>,
    /// The path of the redirect URI
    #[arg(long, value_name = "PATH", default_value = "/callback")]
    pub(crate) redirect_path: String,
    /// How long to wait for the person
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = span)]
    pub(crate) wait: Duration,
}

/// How the provider is reached.
#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Network")]
pub(crate) struct HttpArgs {
    /// Trust the certificate authorities in this file too (PEM)
    #[arg(long, value_name = "PATH")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Reach the provider through this proxy; HTTPS_PROXY is honoured as well
    #[arg(long, value_name = "URL")]
    pub(crate) proxy: Option<String>,
    /// The whole time that one request may take
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = span)]
    pub(crate) timeout: Duration,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct DiscoverArgs {
    /// The issuer, or the URL of its metadata document
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) http: HttpArgs,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct InspectArgs {
    /// The JWT; read from standard input unless it is given, which keeps it out of the list of processes
    #[arg(value_name = "JWT")]
    pub(crate) jwt: Option<String>,
    /// Verify it: signature, issuer and times, by the keys of this OpenID Provider
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// Whom the JWT must be meant for
    #[arg(long, value_name = "VALUE", requires = "issuer")]
    pub(crate) audience: Option<String>,
    /// The same: an ID token is meant for the client
    #[arg(long, value_name = "ID", requires = "issuer", conflicts_with = "audience")]
    pub(crate) client_id: Option<String>,
    #[command(flatten)]
    pub(crate) http: HttpArgs,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct SandboxArgs {
    /// The port on 127.0.0.1; a free one unless it is given
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) port: u16,
    /// Let that go wrong in each login; on the wire at the token endpoint, or at another by NAME@ENDPOINT (repeatable)
    #[arg(long = "fault", value_name = "NAME", value_parser = fault)]
    pub(crate) faults: Vec<Fault>,
    /// List what can go wrong, and what it meets at a client that does all its checks
    #[arg(long, conflicts_with_all = ["port", "faults"])]
    pub(crate) list_faults: bool,
}

#[derive(ClapArgs, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// One JSON object a line on standard output, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say no more than needed
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more, on standard error
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// Reads the command line. What is wrong with it, and what it asks of clap itself, is dealt with here.
pub(crate) fn parse() -> Result<Args, ExitCode> {
    let given: Vec<OsString> = std::env::args_os().collect();
    if given.len() <= 1 {
        let help = Args::command().render_help();
        // A closed standard output is nobody's error.
        let _ = write!(std::io::stdout(), "{help}");
        return Err(ExitCode::SUCCESS);
    }
    Args::try_parse_from(&given).map_err(|error| {
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        let json = given.iter().skip(1).take_while(|a| *a != "--").any(|a| a == "--json");
        if json {
            let failure = Failure::new(Kind::Usage, code(error.kind()), message(&error));
            let mut output =
                Output::new(&OutputArgs { json, quiet: false, verbose: false, color: Color::Never });
            output.failure(&failure);
        } else {
            let _ = error.print();
        }
        ExitCode::from(Kind::Usage as u8)
    })
}

fn code(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidValue
        | ErrorKind::ValueValidation
        | ErrorKind::InvalidUtf8
        | ErrorKind::NoEquals => "invalid_argument",
        _ => "usage",
    }
}

/// What clap says, as one paragraph without the usage.
fn message(error: &clap::Error) -> String {
    let rendered = error.render().to_string();
    let told = rendered.split("\n\nUsage:").next().unwrap_or_default();
    let told = told.split("\n\nFor more information").next().unwrap_or_default();
    text::paragraph(told.trim_start_matches("error: "))
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

fn fault(name: &str) -> Result<Fault, String> {
    Fault::named(name).ok_or_else(|| "--list-faults shows the names that there are".to_owned())
}

fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "give a number of seconds above 0".to_owned();
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    if !(seconds > 0.0 && seconds <= MAX_SECONDS) {
        return Err(wrong());
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

/// A year: nobody waits longer, and no clock overflows.
const MAX_SECONDS: f64 = 365.0 * 86_400.0;

const EXAMPLES: &str = "\
Examples:
  vouchsafe demo                             a sign-in to try, without any account
  vouchsafe providers                        which providers are known
  vouchsafe login google --client-id ID      sign in
  vouchsafe discover https://id.example.com  what a provider offers and lacks

`vouchsafe COMMAND --help` shows the options of a command, with examples.

Exit codes: 0 done, 2 the call is wrong, 3 the provider said no, 4 a security
check failed, 5 no usable answer came, 6 the answer is not what the protocol
allows, 7 this machine could not do its part.";

const LOGIN_EXAMPLES: &str = "\
Examples:
  Google, with the secret in the environment, out of everybody's sight:
    export VOUCHSAFE_CLIENT_SECRET=...
    vouchsafe login google --client-id 1234.apps.googleusercontent.com

  Any OpenID Provider, by its issuer, as a public client:
    vouchsafe login --issuer https://id.example.com --client-id my-app

  Any OAuth 2 service, by its endpoints:
    vouchsafe login --client-id my-app --client-secret-file secret.txt \\
      --authorize-url https://acme.example/authorize \\
      --token-url https://acme.example/token --scope profile \\
      --userinfo-url https://acme.example/me

  Apple, or what acts it (Apple itself returns to https addresses alone):
    vouchsafe login apple --client-id com.example.web \\
      --client-key AuthKey_ABC123DEFG.p8 --key-id ABC123DEFG --team-id DEF123GHIJ

  In a script, where each line of the output is a JSON object:
    vouchsafe login github --client-id ID --json |
      jq -r 'select(.event == \"login\").token.access_token'

Register http://127.0.0.1/callback as redirect URI; a provider that wants the
port as well gets it with --redirect-port. Without --json no token is shown.";

const PROVIDERS_EXAMPLES: &str = "\
Examples:
  vouchsafe providers
  vouchsafe providers google
  vouchsafe providers --json | jq -r .slug";

const DISCOVER_EXAMPLES: &str = "\
Examples:
  vouchsafe discover https://accounts.google.com
  vouchsafe discover https://id.example.com --json | jq '.unsafe'";

const INSPECT_EXAMPLES: &str = "\
Examples:
  vouchsafe inspect < token.txt
  vouchsafe inspect --issuer https://id.example.com --client-id my-app < token.txt

Without --issuer nothing is verified: anybody could have made the JWT.";

const SANDBOX_EXAMPLES: &str = "\
Examples:
  vouchsafe sandbox
  vouchsafe sandbox --port 9400     the same issuer each time, for your application's settings
  vouchsafe sandbox --list-faults   what can go wrong, to see what your application makes of it
  vouchsafe sandbox --fault wrong-nonce --fault html@userinfo

What goes wrong for a login alone is on the login page, as somebody to sign in as.

Everybody can sign in as anybody there. It listens on 127.0.0.1 alone, and forgets all when it ends.";

const DEMO_EXAMPLES: &str = "\
Examples:
  vouchsafe demo
  vouchsafe demo --port 3000

It listens on 127.0.0.1 alone.";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  vouchsafe completions bash > ~/.local/share/bash-completion/completions/vouchsafe
  vouchsafe completions fish > ~/.config/fish/completions/vouchsafe.fish";

const MAN_EXAMPLES: &str = "\
Examples:
  vouchsafe man > vouchsafe.1 && man ./vouchsafe.1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }
}
