//! `vouchsafe login`: authorization code and PKCE through the browser and a loopback redirect URI (RFC 8252).
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, interval, timeout};
use url::form_urlencoded;
use vouchsafe::{AuthorizationResponse, Client, Error, Identity, PendingLogin, StartedLogin, Tokens};

use crate::args::{BrowserArgs, LoginArgs};
use crate::failure::Failure;
use crate::loopback::{self, Callback, Listener, Page};
use crate::setup::{self, Target};
use crate::terminal::{Event, GOOD, Interrupt, LINK, Output, Progress, SOFT, STRONG, Token, Who, paint};
use crate::text;

pub(crate) async fn run(
    args: &LoginArgs,
    output: &mut Output,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    if args.save.is_some() {
        return Err(Failure::usage("usage", "This version cannot save a login: leave out --save"));
    }
    check_path(&args.browser.redirect_path)?;
    let Target { provider, name, signed_secret } = setup::provider(args.provider.as_deref(), &args.target)?;
    let registration = setup::registration(&args.client, signed_secret.then_some(name.as_str()))?;
    let client = Client::builder(provider, registration)
        .login_limit(args.browser.wait + Duration::from_secs(60))
        .build(&setup::http(&args.http)?)?;

    let port = args.browser.redirect_port.unwrap_or_default();
    let mut listener = Listener::bind(port, &args.browser.redirect_path).await.map_err(|e| {
        let failure = Failure::port(port, &e, "--redirect-port");
        failure.advise("The redirect URI with that port has to be registered at the provider.")
    })?;
    output.detail(format!("Listening on {}", listener.redirect_uri()));
    let mut attempt = Attempt { args, client, name, callback: None };
    let outcome = interrupt.or(attempt.run(&mut listener, output)).await;

    let page = match &outcome {
        Ok(done) => Page::signed_in(&attempt.name, done.identity.as_ref().and_then(Identity::name)),
        Err(failure) => page_of(failure),
    };
    if let Ok(done) = &outcome {
        report(&attempt, done, output);
    }
    // The browser gets its page before the program ends. A second signal ends the wait for that.
    let closing = async {
        listener.close(attempt.callback.take(), page).await;
        Ok(())
    };
    let _ = interrupt.or(closing).await;
    outcome.map(drop)
}

/// One login from its start to its end.
struct Attempt<'a> {
    args: &'a LoginArgs,
    client: Client,
    /// The provider's name, to show to a person.
    name: String,
    /// The browser that returned with this login's response and waits for its page.
    callback: Option<Callback>,
}

/// The result of a login.
struct Done {
    tokens: Tokens,
    /// `None` if neither an ID token nor a profile says who signed in.
    identity: Option<Identity>,
}

impl Attempt<'_> {
    async fn run(&mut self, listener: &mut Listener, output: &mut Output) -> Result<Done, Failure> {
        let started = self.start(listener.redirect_uri()).await?;
        output.event(&Event::AuthorizationUrl { url: &started.url });
        self.invite(&started.url, output);
        let (response, params) = self.wait(&started, listener, output).await?;
        output.detail("The browser has returned. Requesting the tokens");
        let spent = Spent::of(&started.pending, &params);
        let tokens = self.client.finish(started.pending, response).await.map_err(|e| self.advised(e))?;
        let identity = match self.client.identity(&tokens).await {
            Ok(identity) => Some(identity),
            Err(Error::Unsupported(_)) if tokens.id_token().is_none() => None,
            Err(error) => return Err(spent.out_of(error.into())),
        };
        match &identity {
            None => output.warn(
                "no_identity",
                "It is unknown who signed in: there is no ID token, and the provider has no UserInfo endpoint. If you gave \
                 the endpoints yourself, add --userinfo-url",
            ),
            Some(identity) => {
                for warning in tokens.warnings().iter().chain(identity.warnings()) {
                    output.warn(warning.code(), &spent.without(&warning.to_string()));
                }
            }
        }
        Ok(Done { tokens, identity })
    }

    /// The library's error, with advice about options of this command.
    fn advised(&self, error: Error) -> Failure {
        let target = &self.args.target;
        let is_guessed = target.authorize_url.is_some() && target.issuer.is_none();
        let failure = Failure::from(error);
        if is_guessed && failure.code == "issuer_mismatch" {
            return failure.advise("If this is the issuer of the service, give it with --issuer.");
        }
        failure
    }

    async fn start(&self, redirect_uri: &str) -> Result<StartedLogin, Failure> {
        let request = &self.args.request;
        let scopes = request.scopes.iter().flat_map(|scopes| scopes.split_ascii_whitespace());
        let mut login = self.client.login().redirect_uri(redirect_uri).scopes(scopes);
        for (name, value) in &request.extras {
            login = login.extra(name, value);
        }
        if let Some(seconds) = request.max_age {
            login = login.max_age(Duration::from_secs(seconds));
        }
        if let Some(hint) = &request.login_hint {
            login = login.login_hint(hint);
        }
        if let Some(prompt) = &request.prompt {
            login = login.prompt(prompt);
        }
        Ok(login.acr_values(&request.acr_values).await?)
    }

    fn invite(&self, url: &str, output: &mut Output) {
        let BrowserArgs { no_browser, .. } = self.args.browser;
        let line = format!("  {}", paint(url, LINK));
        if output.is_quiet() {
            if no_browser {
                output.say(line);
            }
            return;
        }
        output.say(format!("Signing in at {}.\n", paint(&self.name, STRONG)));
        output.say(if no_browser {
            "Open this URL in a browser on this machine:\n"
        } else {
            "Your browser should open this URL. If it does not, open it yourself:\n"
        });
        output.say(format!("{line}\n"));
    }

    /// Waits for the browser with this login's response. Any other request gets a page that says what is wrong with it.
    async fn wait(
        &mut self,
        started: &StartedLogin,
        listener: &mut Listener,
        output: &mut Output,
    ) -> Result<(AuthorizationResponse<'static>, String), Failure> {
        let progress = output.progress(WAITING);
        if progress.is_none() {
            output.tell(WAITING);
        }
        let began = Instant::now();
        let mut tick = interval(Duration::from_secs(1));
        let mut opening =
            (!self.args.browser.no_browser).then(|| loopback::open_browser(started.url.clone()));
        let ours = async {
            loop {
                tokio::select! {
                    callback = listener.next() => {
                        let callback = callback?;
                        if started.pending.matches(callback.response.clone()) {
                            return Some(callback);
                        }
                        output.detail("A response that does not belong to this login arrived. Still waiting");
                        callback.answer(Page::not_this_login());
                    }
                    problem = async { opening.as_mut()?.await.ok()? }, if opening.is_some() => {
                        opening = None;
                        if let Some(why) = problem {
                            progress.iter().for_each(Progress::erase);
                            output.warn("browser", &format!("No browser could be opened: {why}. Open the URL yourself"));
                            if output.is_quiet() {
                                output.say(&started.url);
                            }
                        }
                    }
                    _ = tick.tick(), if progress.is_some() => {
                        progress.iter().for_each(|p| p.show(began.elapsed()));
                    }
                }
            }
        };
        let wait = self.args.browser.wait;
        match timeout(wait, ours).await {
            Ok(Some(callback)) => {
                let returned = (callback.response.clone(), callback.params.clone());
                self.callback = Some(callback);
                Ok(returned)
            }
            Ok(None) => Err(Failure::local("port", "The listener for the browser stopped unexpectedly")),
            Err(_) => {
                let message = format!(
                    "The login was not finished within {}. Run the command again; --wait SECONDS allows more time",
                    text::duration(wait)
                );
                Err(Failure::local("timed_out", message))
            }
        }
    }
}

fn page_of(failure: &Failure) -> Page {
    match failure.code.as_str() {
        "interrupted" => Page::interrupted(),
        "timed_out" => Page::timed_out(),
        "access_denied" => Page::failed("The sign-in was declined", &failure.message),
        _ => Page::failed("The sign-in failed", &failure.message),
    }
}

/// The values that only this login used. The library no longer knows them when it asks for the profile, but a provider may
/// quote them in an error.
struct Spent(Vec<String>);

impl Spent {
    fn of(pending: &PendingLogin, query: &str) -> Self {
        let pending = serde_json::to_value(pending).unwrap_or_default();
        let kept = ["state", "nonce", "verifier"].into_iter().filter_map(|name| pending[name].as_str());
        let code = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "code");
        let code = code.map(|(_, code)| code.into_owned()).filter(|code| code.len() > 5);
        Self(kept.map(str::to_owned).chain(code).collect())
    }

    fn without(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, spent| text.replace(spent, "…"))
    }

    fn out_of(&self, mut failure: Failure) -> Failure {
        failure.message = self.without(&failure.message);
        failure.code = self.without(&failure.code);
        failure
    }
}

fn report(attempt: &Attempt<'_>, done: &Done, output: &mut Output) {
    let Done { tokens, identity } = done;
    let scope: Vec<&str> = tokens.scopes().collect();
    output.event(&Event::Login {
        provider: attempt.client.provider_slug(),
        token: Token {
            access_token: tokens.access_token().expose(),
            token_type: tokens.token_type(),
            expires_at: tokens.expires_at().map(text::seconds),
            scope: scope.clone(),
            refresh_token: tokens.refresh_token().map(|t| t.expose()),
            id_token: tokens.id_token().map(|t| t.expose()),
        },
        claims: tokens.id_token().map(|t| t.claims()),
        identity: identity.as_ref().map(|identity| Who {
            subject: identity.subject(),
            email: identity.email(),
            email_verified: identity.email_verified(),
        }),
    });
    let who = identity.as_ref().map(|i| i.name().or(i.email()).unwrap_or(i.subject()));
    let who = who.map(|who| format!(" as {}", text::short(who, 120))).unwrap_or_default();
    let line = paint(&format!("Signed in at {}{who}.", attempt.name), STRONG);
    output.say(format!("{} {line}", paint("✓", GOOD)));
    if output.is_quiet() {
        return;
    }
    output.say("");
    if let Some(identity) = identity {
        output.row("user ID", identity.subject());
        output.row("e-mail", &email(identity));
    }
    output.row("access token", &lifetime(tokens));
    if !scope.is_empty() {
        output.row("scopes", &scope.join(" "));
    }
    output.row(
        "refresh token",
        match tokens.refresh_token() {
            Some(_) => "yes: it gets new access tokens without the user",
            None => "no: when the access token expires, the user has to sign in again",
        },
    );
    output.say("");
    let hint = "Nothing was saved, and no token is shown. To print the tokens for a program, use --json.";
    output.say(paint(hint, SOFT));
}

fn email(identity: &Identity) -> String {
    let Some(email) = identity.email() else { return "the provider shared none".to_owned() };
    let status = match identity.email_verified() {
        Some(true) => "verified by the provider",
        Some(false) => "NOT verified: it may belong to somebody else",
        None => "the provider does not say whether it is verified: do not rely on it",
    };
    format!("{} ({status})", text::short(email, 200))
}

fn lifetime(tokens: &Tokens) -> String {
    let now = SystemTime::now();
    match tokens.expires_at() {
        None => "valid until revoked; the provider gives no expiry time".to_owned(),
        Some(at) if at <= now => "expired already: check this machine's clock".to_owned(),
        Some(at) => {
            let date = text::date(at).map(|date| format!(", until {date}")).unwrap_or_default();
            format!("valid for {}{date}", text::duration(at.duration_since(now).unwrap_or_default()))
        }
    }
}

/// Refuses a path that would change more of the redirect URI than its path.
fn check_path(path: &str) -> Result<(), Failure> {
    let is_allowed = |b| u8::is_ascii_graphic(&b) && !matches!(b, b'?' | b'#' | b'\\' | b'<' | b'>' | b'"');
    if path.starts_with('/') && !path.starts_with("//") && path.bytes().all(is_allowed) {
        return Ok(());
    }
    let path = text::short(path, 60);
    let message = format!("--redirect-path {path} is not a path. Write it like /callback, without ? and #");
    Err(Failure::usage("invalid_argument", message))
}

const WAITING: &str = "Waiting for you to finish in the browser … (Ctrl-C to stop)";
