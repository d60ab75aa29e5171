//! What is kept with a saved login, so that its client can be made again without any option.
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use vouchsafe::{Client, Registration, Secret};

use crate::args::{ApplicationArgs, ClientArgs, HttpArgs, LoginArgs, TargetArgs};
use crate::failure::Failure;
use crate::setup::{self, Target};
use crate::terminal::Output;
use crate::text;

/// What is kept with a saved login. It is sealed with the tokens.
#[derive(Deserialize, Serialize)]
pub(crate) struct Recipe {
    v: u32,
    /// The slug of the provider, to show.
    pub(crate) slug: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    #[serde(default)]
    target: TargetArgs,
    client: ClientArgs,
    secret: OwnSecret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redirect_uri: Option<String>,
    clock_skew: Duration,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ca_file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    allow_http: Vec<String>,
}

/// The client secret of a saved login.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OwnSecret {
    /// The client has none.
    None,
    /// It has to be given again.
    Given,
    /// It is kept.
    Kept(String),
}

/// The options of a command that are kept.
pub(crate) struct Kept<'a> {
    pub(crate) provider: Option<&'a str>,
    pub(crate) target: &'a TargetArgs,
    pub(crate) client: &'a ClientArgs,
    pub(crate) http: &'a HttpArgs,
    pub(crate) clock_skew: Duration,
    pub(crate) save_secret: bool,
}

impl<'a> From<&'a LoginArgs> for Kept<'a> {
    fn from(args: &'a LoginArgs) -> Self {
        let LoginArgs { target, client, http, save_secret, .. } = args;
        let (provider, clock_skew) = (args.provider.as_deref(), args.checks.clock_skew);
        Self { provider, target, client, http, clock_skew, save_secret: *save_secret }
    }
}

impl<'a> From<&'a ApplicationArgs> for Kept<'a> {
    fn from(args: &'a ApplicationArgs) -> Self {
        let ApplicationArgs { target, client, http, save_secret, .. } = args;
        let provider = args.provider.as_deref();
        // Nothing that depends on it is checked.
        Self { provider, target, client, http, clock_skew: Duration::ZERO, save_secret: *save_secret }
    }
}

impl Recipe {
    /// What is kept of the options of a command.
    pub(crate) fn of(args: &Kept<'_>, slug: &str, redirect_uri: Option<&str>) -> Result<Self, Failure> {
        let mut client = args.client.clone();
        // The next command may run in another folder.
        let files = [
            &mut client.client_secret_file,
            &mut client.client_key,
            &mut client.client_attestation,
            &mut client.client_cert,
        ];
        for path in files.into_iter().flatten() {
            *path = absolute(&*path);
        }
        let secret = match setup::secret(args.client)? {
            None => OwnSecret::None,
            Some(secret) if args.save_secret => OwnSecret::Kept(secret.expose().to_owned()),
            Some(_) => OwnSecret::Given,
        };
        let mut target = args.target.clone();
        target.definition = setup::definition_file(args.provider)?;
        Ok(Self {
            v: VERSION,
            slug: slug.to_owned(),
            provider: args.provider.map(str::to_owned),
            target,
            client,
            secret,
            redirect_uri: redirect_uri.map(str::to_owned),
            clock_skew: args.clock_skew,
            ca_file: args.http.ca_file.as_deref().map(absolute),
            allow_http: args.http.allow_http.clone(),
        })
    }

    /// Whether the client presents a certificate.
    pub(crate) fn has_certificate(&self) -> bool {
        self.client.client_cert.is_some()
    }

    pub(crate) fn to_text(&self) -> Result<String, Failure> {
        serde_json::to_string(self).map_err(|_| {
            let message = "The options of this login cannot be saved, because a path in them is not UTF-8 text. Use --no-save";
            Failure::usage("invalid_argument", message)
        })
    }

    pub(crate) fn from_text(name: &str, text: &str) -> Result<Self, Failure> {
        serde_json::from_str(text).ok().filter(|recipe: &Self| recipe.v == VERSION).ok_or_else(|| {
            let message = format!(
                "The saved login {} was not written by this version of the command. It was left as it is: update the command, \
                 or sign in again with --save",
                text::short(name, 60)
            );
            Failure::local("store", message)
        })
    }

    /// The client of the login, and the name of its provider, to show to a person. The secret is missing only if the client can
    /// do without it.
    pub(crate) fn client(
        &self,
        secret_file: Option<&Path>,
        needs_secret: bool,
        http: &HttpArgs,
        output: &mut Output,
    ) -> Result<(Client, String), Failure> {
        let Target { provider, name, acted } = setup::provider(self.provider.as_deref(), &self.target)?;
        let signing = provider.definition().signed_client_secret.then_some(&*name);
        let secret = self.secret(secret_file)?;
        let needs_secret = needs_secret || provider.definition().userinfo.proof.is_some();
        if needs_secret && secret.is_none() && !matches!(self.secret, OwnSecret::None) {
            return Err(missing_secret());
        }
        let registration = setup::registration_with(&self.client, || Ok(secret), signing, acted.as_ref())?;
        let mut http = http.clone();
        http.ca_file = http.ca_file.or_else(|| self.ca_file.clone());
        let more = self.allow_http.iter().filter(|host| !http.allow_http.contains(host)).cloned();
        http.allow_http = http.allow_http.iter().cloned().chain(more).collect();
        let registration = self.redirect_uri.iter().fold(registration, Registration::redirect_uri);
        let client = setup::requests(&self.client, Client::builder(provider, registration))
            .clock_skew(self.clock_skew)
            .build(&setup::http(&http, output)?);
        let client = client.map_err(|e| match (e.code(), &self.secret) {
            ("client_secret" | "client_auth", OwnSecret::Given) => missing_secret(),
            _ => Failure::from(e),
        })?;
        Ok((client, name))
    }

    fn secret(&self, file: Option<&Path>) -> Result<Option<Secret>, Failure> {
        if let (Some(file), false) = (file, matches!(self.secret, OwnSecret::None)) {
            return setup::secret(&ClientArgs {
                client_secret_file: Some(file.to_owned()),
                ..ClientArgs::default()
            });
        }
        match &self.secret {
            // The variable may hold the secret of another client.
            OwnSecret::None => Ok(None),
            OwnSecret::Kept(secret) => Ok(Some(Secret::new(secret.as_str()))),
            OwnSecret::Given => {
                let is_gone = self.client.client_secret_file.as_ref().is_some_and(|path| !path.exists());
                let without_file = ClientArgs::default();
                setup::secret(if is_gone { &without_file } else { &self.client })
            }
        }
    }
}

fn missing_secret() -> Failure {
    let message = "The client secret of this login is missing: it was not saved. Set VOUCHSAFE_CLIENT_SECRET, or name a file with \
                   --client-secret-file. To keep it in the store, sign in with --save-secret";
    Failure::usage("missing_secret", message)
}

fn absolute(path: impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The form of what is kept. Another form gets another number.
const VERSION: u32 = 1;
