//! What the provider gave: asked for, checked, tried, and handed to the sign-in.
use std::path::PathBuf;
use std::time::Duration;

use vouchsafe::{Client, Registration, Secret};
use vouchsafe_providers::ClientAuth;
use vouchsafe_sandbox::ActedProvider;

use super::form;
use super::person::{Person, Question};
use super::plan::Plan;
use super::trial::{self, Verdict};
use crate::args::{BrowserArgs, CheckArgs, ClientArgs, LoginArgs, RequestArgs, SetupArgs, StoreArgs};
use crate::failure::Failure;
use crate::setup::{self, Target};
use crate::terminal::{Event, GOOD, Output, paint};

/// What the provider gave.
pub(super) struct Given {
    pub(super) client: ClientArgs,
    pub(super) secret: Option<Secret>,
    /// Whether a person typed any of it.
    pub(super) is_typed: bool,
}

/// Takes what the arguments give, and asks the person for the rest.
pub(super) struct Asking<'a> {
    pub(super) args: &'a SetupArgs,
    pub(super) plan: &'a Plan,
    pub(super) person: &'a mut Person,
    pub(super) output: &'a mut Output,
}

impl Asking<'_> {
    pub(super) async fn all(&mut self) -> Result<Given, Failure> {
        let (args, plan) = (self.args, self.plan);
        let acted = setup::provider(Some(&args.provider), &plan.target)?.acted;
        let mut client = args.client.clone();
        let mut is_typed = false;
        let sandbox = acted.as_ref().map(ActedProvider::client_id);
        client.client_id =
            Some(self.value(ID, args.client.client_id.as_deref(), sandbox, &mut is_typed).await?);
        let mut secret = None;
        if plan.definition.signed_client_secret {
            self.key(&mut client, &mut is_typed).await?;
        } else {
            let own = acted.as_ref().map(ActedProvider::client_secret).filter(|secret| !secret.is_empty());
            secret = self.secret(&mut client, own, &mut is_typed).await?;
        }
        Ok(Given { client, secret, is_typed })
    }

    /// A value from the arguments, or else from the person, with its form checked.
    async fn value(
        &mut self,
        what: Question<'_>,
        given: Option<&str>,
        default: Option<&str>,
        is_typed: &mut bool,
    ) -> Result<String, Failure> {
        let theirs = self.plan.facts.client_id.as_deref().filter(|_| what.of == ID.of);
        let mut given = given.filter(|given| !given.is_empty());
        if given.is_none() {
            self.tell_name(theirs);
        }
        loop {
            let value = match given.take() {
                Some(value) => value.trim().to_owned(),
                None if self.person.is_there() => {
                    *is_typed = true;
                    self.person.ask(&what, "", default).await?
                }
                None => return default.map(str::to_owned).ok_or_else(|| what.missing()),
            };
            if let Some(why) = form::slip(&value) {
                let failure = what.wrong(why);
                if !self.person.is_there() {
                    return Err(failure);
                }
                self.output.hint(&failure.message);
                continue;
            }
            let doubt = form::doubt(&self.plan.facts, what.of, &value, None);
            match doubt.filter(|_| default != Some(&*value)) {
                Some(why) if !self.person.accepts(&what, &why, self.output).await => {}
                _ => return Ok(value),
            }
        }
    }

    /// The parts of a key that signs client secrets, as at Apple.
    async fn key(&mut self, client: &mut ClientArgs, is_typed: &mut bool) -> Result<(), Failure> {
        client.team_id = Some(self.value(TEAM, self.args.client.team_id.as_deref(), None, is_typed).await?);
        client.key_id = Some(self.value(KEY, self.args.client.key_id.as_deref(), None, is_typed).await?);
        self.key_file(client, is_typed).await
    }

    async fn key_file(&mut self, client: &mut ClientArgs, is_typed: &mut bool) -> Result<(), Failure> {
        let hint = if self.plan.definition.signed_client_secret { " (the .p8 file)" } else { "" };
        while client.client_key.is_none() {
            if !self.person.is_there() {
                return Err(KEY_FILE.missing());
            }
            let path = PathBuf::from(self.person.ask(&KEY_FILE, hint, None).await?);
            *is_typed = true;
            match setup::read("The private key", &path) {
                Err(failure) => self.output.hint(&failure.message),
                // A JWK is a JSON object.
                Ok(content) if content.first() == Some(&b'{') => client.client_key = Some(path),
                Ok(content) if String::from_utf8_lossy(&content).contains("PRIVATE KEY-----") => {
                    client.client_key = Some(path);
                }
                Ok(_) => {
                    self.output.hint("This file is no private key in PEM: it has no line BEGIN PRIVATE KEY.");
                }
            }
        }
        Ok(())
    }

    /// The client secret. `own` is that of the sandbox.
    async fn secret(
        &mut self,
        client: &mut ClientArgs,
        own: Option<&str>,
        is_typed: &mut bool,
    ) -> Result<Option<Secret>, Failure> {
        let definition = &self.plan.definition;
        let method = client.client_auth.as_deref().and_then(ClientAuth::from_name).or(definition.client_auth);
        if method == Some(ClientAuth::PrivateKeyJwt) {
            self.key_file(client, is_typed).await?;
            return Ok(None);
        }
        let is_public = method == Some(ClientAuth::None);
        let has_key = client.client_key.is_some() || client.client_cert.is_some();
        let sends_secret = definition.userinfo.sends_secret() || definition.userinfo.proof.is_some();
        let given = setup::secret(&self.args.client)?;
        if given.is_some() || has_key || (is_public && !sends_secret) {
            self.check_secret(given.as_ref(), client).await?;
            return Ok(given);
        }
        if !self.person.is_there() {
            let missing =
                || SECRET.missing().advise("For an application without one, use --client-auth none.");
            return own.map(Secret::new).ok_or_else(missing).map(Some);
        }
        let may_be_absent = self.plan.facts.public_client == Some(true);
        let hint = match own {
            Some(_) => " (not shown; Enter for the one of the sandbox)",
            None if may_be_absent => " (not shown; Enter if your application has none)",
            None => " (not shown)",
        };
        self.tell_name(self.plan.facts.client_secret.as_deref());
        *is_typed = true;
        loop {
            let typed = self.person.ask_secret(&SECRET, hint).await?;
            let secret = match (typed.is_empty(), own) {
                (false, _) => Secret::new(typed),
                (true, Some(own)) => Secret::new(own),
                (true, None) if may_be_absent => {
                    client.client_auth = Some("none".to_owned());
                    return Ok(None);
                }
                (true, None) => {
                    self.output.hint("The client secret is empty. Copy it from the page of the provider.");
                    continue;
                }
            };
            if self.check_secret(Some(&secret), client).await? {
                return Ok(Some(secret));
            }
        }
    }

    /// Whether the secret is used.
    async fn check_secret(&mut self, secret: Option<&Secret>, client: &ClientArgs) -> Result<bool, Failure> {
        let Some(secret) = secret else { return Ok(true) };
        if let Some(why) = form::slip(secret.expose()) {
            return Err(SECRET.wrong(why));
        }
        let doubt = form::doubt(&self.plan.facts, SECRET.of, secret.expose(), client.client_id.as_deref());
        // The sandbox has secrets of its own form.
        match doubt.filter(|_| self.plan.target.at.is_none()) {
            Some(why) => Ok(self.person.accepts(&SECRET, &why, self.output).await),
            None => Ok(true),
        }
    }

    fn tell_name(&self, theirs: Option<&str>) {
        if let Some(theirs) = theirs.filter(|_| self.person.is_there()) {
            self.output.hint(&format!("{} calls it: {theirs}", self.plan.definition.display_name));
        }
    }
}

const ID: Question<'static> =
    Question { of: "client_id", label: "client ID", option: "--client-id or VOUCHSAFE_CLIENT_ID" };
const SECRET: Question<'static> = Question {
    of: "client_secret",
    label: "client secret",
    option: "VOUCHSAFE_CLIENT_SECRET or --client-secret-file",
};
const TEAM: Question<'static> = Question { of: "team_id", label: "Team ID", option: "--team-id" };
const KEY: Question<'static> = Question { of: "key_id", label: "Key ID", option: "--key-id" };
const KEY_FILE: Question<'static> =
    Question { of: "client_key", label: "path of the private key", option: "--client-key" };

impl Given {
    /// Tries the client ID and the secret at the provider.
    pub(super) async fn try_out(
        &self,
        args: &SetupArgs,
        plan: &Plan,
        output: &mut Output,
    ) -> Result<(), Failure> {
        let http = setup::http(&args.http, output)?;
        let client = |secret: Option<Secret>| -> Result<(Client, String), Failure> {
            let Target { provider, name, acted } = setup::provider(Some(&args.provider), &plan.target)?;
            let signing = provider.definition().signed_client_secret.then_some(&*name);
            let registration =
                setup::registration_with(&self.client, || Ok(secret), signing, acted.as_ref())?;
            let registration = Registration::redirect_uri(registration, &plan.redirect_uri);
            let client =
                setup::requests(&self.client, Client::builder(provider, registration)).build(&http)?;
            Ok((client, name))
        };
        let (own, name) = client(self.secret.clone())?;
        if args.no_check {
            return Ok(());
        }
        let made_up = self.secret.as_ref().map(|_| client(Some(Secret::new(trial::SECRET)))).transpose()?;
        let attempt = trial::attempt(&own, made_up.as_ref().map(|(client, _)| client), &plan.redirect_uri);
        let no_check = "To go on without this check, give --no-check.";
        let verdict = output
            .patiently(&name, args.http.timeout, attempt)
            .await
            .map_err(|failure| failure.advise(no_check))?;
        match verdict {
            Verdict::Refused(failure) => Err(match setup::meaning(&plan.facts, &failure.message) {
                Some(meaning) => failure.advise(&meaning),
                None => failure,
            }),
            Verdict::Accepted => {
                let message = format!("{name} accepts the client ID and the secret.");
                output.event(&Event::Credentials { verdict: "accepted", message: &message });
                output.tell(format!("{} {message}", paint("✓", GOOD)));
                Ok(())
            }
            Verdict::Unknown(why) => {
                let message =
                    format!("It could not be told whether the client ID and the secret are right: {why}.");
                output.event(&Event::Credentials { verdict: "unknown", message: &message });
                output.tell(&message);
                Ok(())
            }
        }
    }

    /// The variables of the file.
    pub(super) fn variables(&self, plan: &Plan) -> Vec<(String, String)> {
        let path = |path: &Option<PathBuf>| {
            let path = path.as_ref()?;
            Some(std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string())
        };
        let all = [
            ("client_id", self.client.client_id.clone()),
            ("client_secret", self.secret.as_ref().map(|secret| secret.expose().to_owned())),
            ("team_id", self.client.team_id.clone()),
            ("key_id", self.client.key_id.clone()),
            ("key_file", path(&self.client.client_key)),
            ("cert_file", path(&self.client.client_cert)),
        ];
        let all = all.into_iter().filter_map(|(name, value)| Some((plan.variable(name), value?)));
        all.chain(plan.variables()).collect()
    }

    /// The options of the sign-in.
    pub(super) fn login(&self, args: &SetupArgs, plan: &Plan, browser: BrowserArgs) -> LoginArgs {
        LoginArgs {
            device: false,
            backchannel: false,
            binding_message: None,
            provider: Some(args.provider.clone()),
            target: plan.target.clone(),
            client: self.client.clone(),
            request: RequestArgs { scopes: args.scopes.clone(), ..RequestArgs::default() },
            checks: CheckArgs { clock_skew: CLOCK_SKEW },
            browser,
            http: args.http.clone(),
            profile: false,
            save: None,
            no_save: true,
            save_secret: false,
            store: StoreArgs { store: None },
        }
    }
}

/// As the option of the sign-in has it by default.
const CLOCK_SKEW: Duration = Duration::from_secs(30);
