//! The command line: commands, options and their help.
mod completed;
mod saved;
mod setup;
mod strong;

pub(crate) use completed::PROMPTS;
pub(crate) use saved::{ApiArgs, ApplicationArgs, Format, NamedArgs, StoreArgs, TokenArgs};
pub(crate) use setup::SetupArgs;
pub(crate) use strong::StrongArgs;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand};
use clap_complete::Shell;
use serde::{Deserialize, Serialize};
use vouchsafe_sandbox::Fault;

use crate::terminal::{HELP, OutputArgs};

/// Sign in with OAuth 2.0 and OpenID Connect from a terminal, and inspect providers and tokens.
#[derive(Debug, Parser)]
#[command(name = "vouchsafe", version, after_help = include_str!("args/examples.txt"), max_term_width = 100, styles = HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sign a user in through the browser, and show who signed in
    #[command(after_help = include_str!("args/login.txt"))]
    Login(Box<LoginArgs>),
    /// Register your application with a provider, step by step: what to enter there, a file with the values, a first sign-in
    #[command(after_help = include_str!("args/setup.txt"))]
    Setup(Box<SetupArgs>),
    /// Print a valid access token of a saved login, and nothing else
    #[command(after_help = include_str!("args/token.txt"))]
    Token(Box<TokenArgs>),
    /// List the saved logins
    #[command(after_help = include_str!("args/list.txt"))]
    List(StoreArgs),
    /// Make one HTTP request with the token of a saved login, and print the response
    #[command(after_help = include_str!("args/request.txt"))]
    Request(Box<ApiArgs>),
    /// Ask the provider who signed in
    #[command(after_help = include_str!("args/whoami.txt"))]
    Whoami(Box<NamedArgs>),
    /// Fetch the profile document: everything that the provider says about the user
    #[command(after_help = include_str!("args/profile.txt"))]
    Profile(Box<NamedArgs>),
    /// Ask the provider about the access token of a saved login
    #[command(after_help = include_str!("args/introspect.txt"))]
    Introspect(Box<NamedArgs>),
    /// Refresh the tokens of a saved login now, and print the new access token
    #[command(after_help = include_str!("args/refresh.txt"))]
    Refresh(Box<NamedArgs>),
    /// Revoke the tokens of a saved login at the provider, and delete the login
    #[command(after_help = include_str!("args/revoke.txt"))]
    Revoke(Box<NamedArgs>),
    /// Sign out: delete a saved login, and print the URL that ends the session at the provider
    #[command(after_help = include_str!("args/logout.txt"))]
    Logout(Box<NamedArgs>),
    /// Request a token for the application itself
    #[command(after_help = include_str!("args/client-credentials.txt"))]
    ClientCredentials(Box<ApplicationArgs>),
    /// List the providers of the catalogue, or show one of them
    #[command(after_help = include_str!("args/providers.txt"))]
    Providers(ProvidersArgs),
    /// Fetch a provider's metadata, and report what it offers, what is missing and what is unsafe
    #[command(after_help = include_str!("args/discover.txt"))]
    Discover(DiscoverArgs),
    /// Decode a JWT, and verify it if --issuer is given
    #[command(after_help = include_str!("args/inspect.txt"))]
    Inspect(InspectArgs),
    /// Run a provider on this machine, to develop and test sign-in without an account
    #[command(after_help = include_str!("args/sandbox.txt"))]
    Sandbox(SandboxArgs),
    /// Run a demo app on this machine: sign in, try faults, and see every request and check
    #[command(after_help = include_str!("args/demo.txt"))]
    Demo(Place),
    /// Print completions for a shell
    #[command(after_help = include_str!("args/completions.txt"))]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    #[command(after_help = include_str!("args/man.txt"))]
    Man,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct LoginArgs {
    /// A provider of the catalogue (see `vouchsafe providers`), or the path of a definition file such as ./acme.toml
    #[arg(value_name = "PROVIDER", value_parser = completed::provider(), hide_possible_values = true)]
    pub(crate) provider: Option<String>,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    #[command(flatten)]
    pub(crate) checks: CheckArgs,
    #[command(flatten)]
    pub(crate) browser: BrowserArgs,
    /// Show a code, and sign in with it on another device. Anybody who is talked into entering the code signs in here, so use this
    /// only where neither a browser on this machine nor --no-browser works
    #[arg(long, conflicts_with_all = ["no_browser", "listen", "redirect_port", "max_age", "acr_values", "prompt", "login_hint"], help_heading = "Browser")]
    pub(crate) device: bool,
    /// Let the provider ask the user of --login-hint on a device that it knows, such as a phone, without a browser (CIBA)
    #[arg(long, requires = "login_hint", conflicts_with_all = ["device", "no_browser", "listen", "redirect_port", "max_age", "acr_values", "prompt", "resources"], help_heading = "Browser")]
    pub(crate) backchannel: bool,
    /// A short text that the device of the user shows with --backchannel, so that the user recognises this login
    #[arg(long, value_name = "TEXT", requires = "backchannel", help_heading = "Browser")]
    pub(crate) binding_message: Option<String>,
    #[command(flatten)]
    pub(crate) http: HttpArgs,
    /// Also print the profile document: everything that the provider said about the user
    #[arg(long, help_heading = "Output")]
    pub(crate) profile: bool,
    /// Save the login under this name; a login of this name is replaced [default: the provider, or the host of --issuer]
    #[arg(long, value_name = "NAME", conflicts_with = "no_save", help_heading = "Saved logins")]
    pub(crate) save: Option<String>,
    /// Do not save the login
    #[arg(long, conflicts_with_all = ["save_secret", "store"], help_heading = "Saved logins")]
    pub(crate) no_save: bool,
    /// Save the client secret with the login, so that later commands do not need it
    #[arg(long, help_heading = "Saved logins")]
    pub(crate) save_secret: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

/// A provider that is not in the catalogue. Saved logins keep these fields by their names.
#[derive(ClapArgs, Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
#[command(next_help_heading = "Provider")]
pub(crate) struct TargetArgs {
    /// The issuer of an OpenID Provider, which is configured by discovery. With --authorize-url: the issuer of that service,
    /// if it is not the origin of both endpoints
    #[arg(long, value_name = "URL", conflicts_with = "provider")]
    pub(crate) issuer: Option<String>,
    /// The URL of the metadata document, if the provider is reached by another name than its issuer, such as the name of a
    /// container. The document must still name the issuer
    #[arg(long, value_name = "URL", conflicts_with_all = ["authorize_url", "at"])]
    pub(crate) discovery: Option<String>,
    /// The authorization endpoint of any OAuth 2.0 service
    #[arg(long, value_name = "URL", requires = "token_url", conflicts_with = "provider")]
    pub(crate) authorize_url: Option<String>,
    /// The token endpoint of that service
    #[arg(long, value_name = "URL", requires = "authorize_url")]
    pub(crate) token_url: Option<String>,
    /// Its endpoint for refreshing tokens, if it is not the token endpoint
    #[arg(long, value_name = "URL", requires = "authorize_url")]
    pub(crate) refresh_url: Option<String>,
    /// Its revocation endpoint
    #[arg(long, value_name = "URL", requires = "authorize_url")]
    pub(crate) revoke_url: Option<String>,
    /// Its device authorization endpoint, for a login with a code on another device
    #[arg(long, value_name = "URL", requires = "authorize_url")]
    pub(crate) device_url: Option<String>,
    /// Its UserInfo endpoint, which returns who signed in
    #[arg(long, value_name = "URL", requires = "authorize_url")]
    pub(crate) userinfo_url: Option<String>,
    /// The provider's endpoints at another server, such as a sandbox that acts as the provider: an endpoint
    /// https://HOST/PATH becomes URL/act/PROVIDER/HOST/PATH. Client ID, secret and parameters are those of the sandbox, unless you give
    /// others
    #[arg(long, value_name = "URL", requires = "provider")]
    pub(crate) at: Option<String>,
    /// A parameter of the provider's definition, for example tenant=common (repeatable)
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = pair, requires = "provider")]
    pub(crate) params: Vec<(String, String)>,
    /// The text of the definition file, in a saved login.
    #[arg(skip)]
    pub(crate) definition: Option<String>,
}

/// The application's registration at the provider. Saved logins keep these fields by their names.
#[derive(ClapArgs, Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
#[command(next_help_heading = "Client")]
pub(crate) struct ClientArgs {
    /// The client ID that the provider gave your application
    #[arg(long, value_name = "ID", env = "VOUCHSAFE_CLIENT_ID", hide_env_values = true)]
    pub(crate) client_id: Option<String>,
    /// A further audience that an ID token may name beside this client, such as an API of your own (repeatable)
    #[arg(long = "audience", value_name = "ID")]
    pub(crate) audiences: Vec<String>,
    /// An algorithm by which ID tokens for this client are signed, if the provider announces others than the client is
    /// registered for (repeatable)
    #[arg(long = "id-token-alg", value_name = "ALG", value_parser = completed::id_token_alg(), hide_possible_values = true)]
    pub(crate) id_token_algs: Vec<String>,
    /// A file with the client secret; or set VOUCHSAFE_CLIENT_SECRET. A secret is never an argument, because every process
    /// can read the arguments of others
    #[arg(long, value_name = "PATH")]
    pub(crate) client_secret_file: Option<PathBuf>,
    /// A file with the private key (PEM or JWK) by which the client authenticates: private_key_jwt, or at Apple the .p8 file that signs the
    /// client secrets
    #[arg(long, value_name = "PATH", conflicts_with = "client_secret_file")]
    pub(crate) client_key: Option<PathBuf>,
    /// A file with the attestation of this instance of the client (a JWT), whose key is --client-key: attest_jwt_client_auth. It is read
    /// again for each request
    #[arg(long, value_name = "PATH", requires = "client_key", conflicts_with = "team_id")]
    pub(crate) client_attestation: Option<PathBuf>,
    /// A file with the TLS certificate of the client, and its private key (PEM)
    #[arg(long, value_name = "PATH")]
    pub(crate) client_cert: Option<PathBuf>,
    /// Bind the tokens to a new key (DPoP): whoever steals them cannot use them. The key is kept with the saved login
    #[arg(long)]
    pub(crate) dpop: bool,
    /// Push the authorization request to the provider, instead of sending it with the browser [default: where the provider requires it]
    #[arg(long)]
    pub(crate) par: bool,
    /// Sign the authorization request with --client-key [default: where the provider requires it]
    #[arg(long, requires = "client_key")]
    pub(crate) jar: bool,
    /// Require a signed authorization response
    #[arg(long)]
    pub(crate) jarm: bool,
    /// The key of --dpop (PEM), in a saved login.
    #[arg(skip)]
    pub(crate) dpop_key: Option<String>,
    /// The ID of the key in --client-key
    #[arg(long, value_name = "ID", requires = "client_key")]
    pub(crate) key_id: Option<String>,
    /// The ID of the developer team that owns the key
    #[arg(long, value_name = "ID", requires = "client_key")]
    pub(crate) team_id: Option<String>,
    /// How the client authenticates, such as client_secret_basic, client_secret_jwt or private_key_jwt [default: as the provider says]
    #[arg(long, value_name = "METHOD", value_parser = completed::client_auth(), hide_possible_values = true)]
    pub(crate) client_auth: Option<String>,
}

/// The authorization request.
#[derive(ClapArgs, Debug, Default)]
#[command(next_help_heading = "Request")]
pub(crate) struct RequestArgs {
    /// A scope to request, instead of the provider's usual scopes (repeatable)
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<String>,
    /// Any other parameter of the authorization request (repeatable)
    #[arg(long = "extra", value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) extras: Vec<(String, String)>,
    /// The URI of an API that the tokens are for (repeatable)
    #[arg(long = "resource", value_name = "URI")]
    pub(crate) resources: Vec<String>,
    /// The longest time since the user last authenticated; the ID token is checked for it
    #[arg(long, value_name = "SECONDS", value_parser = whole_seconds, allow_negative_numbers = true)]
    pub(crate) max_age: Option<u64>,
    /// An authentication context class (acr) that the sign-in must have; the ID token is checked for it (repeatable: any of
    /// them)
    #[arg(long = "acr", value_name = "VALUE")]
    pub(crate) acr_values: Vec<String>,
    /// A hint about who signs in, for example an e-mail address
    #[arg(long, value_name = "HINT")]
    pub(crate) login_hint: Option<String>,
    /// The page that the provider shows: none, login, consent or select_account
    #[arg(long, value_name = "VALUE", value_parser = completed::prompt(), hide_possible_values = true)]
    pub(crate) prompt: Option<String>,
}

/// The browser and the redirect URI.
#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Browser")]
pub(crate) struct BrowserArgs {
    /// Print the URL instead of opening a browser. If the browser cannot reach this machine, paste the URL that it ended on,
    /// or the code alone, into the terminal
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// The host of the redirect URI: 127.0.0.1, localhost or [::1]. Some providers accept only localhost
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1", value_parser = completed::redirect_host(), hide_possible_values = true)]
    pub(crate) redirect_host: String,
    /// The address to listen on, with or without a port, if it is not the host of the redirect URI. In a container, it is
    /// 0.0.0.0, with the port published on the machine of the browser
    #[arg(long, value_name = "ADDR", value_parser = listen)]
    pub(crate) listen: Option<SocketAddr>,
    /// The port of the redirect URI http://127.0.0.1:PORT/callback [default: a free port]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) redirect_port: Option<u16>,
    /// The path of the redirect URI
    #[arg(long, value_name = "PATH", default_value = "/callback")]
    pub(crate) redirect_path: String,
    /// The whole redirect URI, as it is registered, if it is not on this machine. Paste the URL on which the browser ended; or,
    /// if the URI leads here, such as through a tunnel, name its address here with --listen
    #[arg(long, value_name = "URI", conflicts_with_all = ["redirect_host", "redirect_port", "redirect_path"])]
    pub(crate) redirect_uri: Option<String>,
    /// The time to wait for the user
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds, allow_negative_numbers = true)]
    pub(crate) wait: Duration,
}

/// The checks of tokens.
#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Checks")]
pub(crate) struct CheckArgs {
    /// How much the provider's clock may differ from this machine's: 300 seconds at most
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = clock_skew, allow_negative_numbers = true)]
    pub(crate) clock_skew: Duration,
}

/// The connection to the provider.
#[derive(ClapArgs, Clone, Debug)]
#[command(next_help_heading = "Network")]
pub(crate) struct HttpArgs {
    /// Also trust the certificate authorities in this file (PEM)
    #[arg(long, value_name = "PATH")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Connect through this proxy, also to this machine if the proxy is here. HTTPS_PROXY works as well, except to this machine
    #[arg(long, value_name = "URL")]
    pub(crate) proxy: Option<String>,
    /// Accept http:// at this host, for a network of your own such as that of containers. Everybody in that network can read
    /// codes, tokens and secrets (repeatable)
    #[arg(long, value_name = "HOST", value_parser = host)]
    pub(crate) allow_http: Vec<String>,
    /// The time limit of one request, from connecting to the last byte of the response
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds, allow_negative_numbers = true)]
    pub(crate) timeout: Duration,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct ProvidersArgs {
    /// The provider to show, for example google. With --check, also the path of a definition file
    #[arg(value_name = "SLUG", value_parser = completed::provider(), hide_possible_values = true)]
    pub(crate) slug: Option<String>,
    /// Open the page where the provider registers applications, in the browser
    #[arg(long, requires = "slug")]
    pub(crate) open: bool,
    /// Check the definitions, or this one: facts older than a year, metadata that says otherwise, sources that are gone. The
    /// output is Markdown
    #[arg(long, conflicts_with = "open")]
    pub(crate) check: bool,
    /// Check only the age of the facts, without the network
    #[arg(long, requires = "check")]
    pub(crate) offline: bool,
    #[command(flatten)]
    pub(crate) http: HttpArgs,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct DiscoverArgs {
    /// The issuer, or the URL of its metadata document
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// The URL of the metadata document, if the provider is reached by another name than its issuer
    #[arg(long, value_name = "URL")]
    pub(crate) discovery: Option<String>,
    #[command(flatten)]
    pub(crate) http: HttpArgs,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct InspectArgs {
    /// The JWT. Without it, the JWT is read from standard input, which other processes cannot see
    #[arg(value_name = "JWT")]
    pub(crate) jwt: Option<String>,
    /// Verify the signature, the issuer and the times with the keys of this OpenID Provider
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// The URL of the provider's metadata document, if the provider is reached by another name than its issuer
    #[arg(long, value_name = "URL", requires = "issuer")]
    pub(crate) discovery: Option<String>,
    /// The audience that the JWT must have
    #[arg(long, value_name = "VALUE", requires = "issuer")]
    pub(crate) audience: Option<String>,
    /// The client ID that the JWT must have as its audience, as ID tokens do
    #[arg(long, value_name = "ID", requires = "issuer", conflicts_with = "audience")]
    pub(crate) client_id: Option<String>,
    #[command(flatten)]
    pub(crate) checks: CheckArgs,
    #[command(flatten)]
    pub(crate) http: HttpArgs,
}

/// Where a server of this program listens.
#[derive(ClapArgs, Debug)]
pub(crate) struct Place {
    /// The port on 127.0.0.1 [default: a free port]
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true,
        allow_negative_numbers = true
    )]
    pub(crate) port: u16,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct SandboxArgs {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Make this mistake in every login. A fault of an HTTP response applies to the token endpoint; NAME@ENDPOINT chooses
    /// another endpoint (repeatable)
    #[arg(long = "fault", value_name = "NAME", value_parser = completed::fault(), hide_possible_values = true)]
    pub(crate) faults: Vec<Fault>,
    /// Act as this provider: one of the catalogue, the path of a definition file, or `all` for the whole catalogue
    /// (repeatable). The URLs, the client and its secret are printed, for an application in any language
    #[arg(long = "provider", value_name = "PROVIDER", value_parser = completed::provider(), hide_possible_values = true)]
    pub(crate) providers: Vec<String>,
    /// Have the frame that tells applications whether the session has changed (OpenID Connect Session Management)
    #[arg(long)]
    pub(crate) session_management: bool,
    /// List the faults, and the error that a client with all checks reports for each
    #[arg(long, conflicts_with_all = ["port", "faults", "providers"])]
    pub(crate) list_faults: bool,
    #[command(flatten)]
    pub(crate) strong: StrongArgs,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

fn host(text: &str) -> Result<String, String> {
    let is_host = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    match is_host || text.parse::<Ipv6Addr>().is_ok() {
        true if text.contains(':') => Ok(format!("[{text}]")),
        true => Ok(text.to_owned()),
        false => Err("expected the name of a host such as keycloak, without http:// and a port".to_owned()),
    }
}

/// An IP address with a port, or without one, which is then 0.
fn listen(text: &str) -> Result<SocketAddr, String> {
    let bare = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let address = text.parse().ok().or(bare.ok().map(|ip| SocketAddr::new(ip, 0)));
    address.ok_or_else(|| {
        "expected an IP address such as 0.0.0.0, or an address and a port such as 0.0.0.0:8765".to_owned()
    })
}

fn whole_seconds(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "expected a whole number of seconds, 0 or more".to_owned())
}

fn clock_skew(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.0..=300.0).contains(seconds));
    let skew = seconds.map(Duration::from_secs_f64);
    skew.ok_or_else(|| "expected a number of seconds from 0 to 300".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0.0 && *seconds <= MAX_SECONDS);
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.ok_or_else(|| "expected a number of seconds, above 0 and at most 31536000".to_owned())
}

/// A year. Nobody waits longer, and no clock overflows.
const MAX_SECONDS: f64 = 365.0 * 86_400.0;

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }
}
