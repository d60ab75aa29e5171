//! `vouchsafe login`: authorization code and PKCE through the browser and a loopback redirect URI (RFC 8252).
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, interval, timeout};
use url::form_urlencoded;
use vouchsafe::{AuthorizationResponse, Client, Error, Identity, PendingLogin, StartedLogin, Tokens};

use crate::args::{BrowserArgs, LoginArgs};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::listener::{Callback, Listener};
use crate::output::{Event, Output, Progress, Style, Token, Who};
use crate::page::Page;
use crate::target::Target;
use crate::{browser, target, text};

pub(crate) async fn run(
    args: &LoginArgs,
    output: &mut Output,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    if args.save.is_some() {
        let message = "Saving a login is not available in this version: leave --save out";
        return Err(Failure::usage("usage", message));
    }
    check_path(&args.browser.redirect_path)?;
    let Target { provider, name, signed_secret } = target::provider(args.provider.as_deref(), &args.target)?;
    let registration = target::registration(&args.client, signed_secret.then_some(name.as_str()))?;
    let client = Client::builder(provider, registration)
        .login_limit(args.browser.wait + Duration::from_secs(60))
        .build(&target::http(&args.http)?)?;

    let mut listener = bind(&args.browser).await?;
    output.detail(format!("Listening on {}", listener.redirect_uri()));
    let mut attempt = Attempt { args, client, name, answered: None };
    let outcome = interrupt.or(attempt.run(&mut listener, output)).await;

    let page = match &outcome {
        Ok(done) => Page::signed_in(&attempt.name, done.identity.as_ref().and_then(Identity::name)),
        Err(failure) => attempt.page_of(failure),
    };
    if let Ok(done) = &outcome {
        report(&attempt, done, output);
    }
    // The tab shows how it ended before the program does so; the person may be impatient about it.
    let closing = async {
        listener.close(attempt.answered.take(), page).await;
        Ok(())
    };
    let _ = interrupt.or(closing).await;
    outcome.map(|_| ())
}

/// One login from its start to its end.
struct Attempt<'a> {
    args: &'a LoginArgs,
    client: Client,
    /// What to call the provider.
    name: String,
    /// The browser that came back with this login's response, and waits for its page.
    answered: Option<Callback>,
}

/// What the login has spent: the library knows it no more, and a provider may quote it all the same.
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

/// What a login gives.
struct Done {
    tokens: Tokens,
    /// None where there is nobody to ask.
    identity: Option<Identity>,
}

impl Attempt<'_> {
    async fn run(&mut self, listener: &mut Listener, output: &mut Output) -> Result<Done, Failure> {
        let started = self.start(listener.redirect_uri()).await?;
        output.event(&Event::AuthorizationUrl { url: &started.url });
        self.invite(&started.url, output);
        let (response, params) = self.wait(&started, listener, output).await?;
        output.detail("The browser came back; asking for the tokens");
        let spent = Spent::of(&started.pending, &params);
        let tokens = self.client.finish(started.pending, response).await.map_err(|e| self.advised(e))?;
        let identity = match self.client.identity(&tokens).await {
            Ok(identity) => Some(identity),
            Err(Error::Unsupported(_)) if tokens.id_token().is_none() => None,
            Err(error) => return Err(spent.out_of(error.into())),
        };
        match &identity {
            None => {
                let why = "Nobody says who signed in: there is no ID token, and the provider has no userinfo endpoint \
                           (for a service given by its endpoints, name it with --userinfo-url)";
                output.warn("no_identity", why);
            }
            Some(identity) => {
                if let Some(error) = identity.profile_error() {
                    let why = format!("{error}; what is shown of the user is from the ID token alone");
                    output.warn("userinfo", &spent.without(&why));
                }
            }
        }
        Ok(Done { tokens, identity })
    }

    /// What the library says, with what can be done about it here.
    fn advised(&self, error: Error) -> Failure {
        let target = &self.args.target;
        let unknown = target.authorize_url.is_some() && target.issuer.is_none();
        let is_about_it = unknown && error.code() == "issuer_mismatch";
        let failure = Failure::from(error);
        if !is_about_it {
            return failure;
        }
        failure.advise("If that issuer is the service's own, name it with --issuer.")
    }

    async fn start(&self, redirect_uri: &str) -> Result<StartedLogin, Failure> {
        let ask = &self.args.ask;
        let scopes = ask.scopes.iter().flat_map(|s| s.split_ascii_whitespace());
        let mut login = self.client.login().redirect_uri(redirect_uri).scopes(scopes);
        for (name, value) in &ask.extras {
            login = login.extra(name, value);
        }
        if let Some(seconds) = ask.max_age {
            login = login.max_age(Duration::from_secs(seconds));
        }
        if let Some(hint) = &ask.login_hint {
            login = login.login_hint(hint);
        }
        if let Some(prompt) = &ask.prompt {
            login = login.prompt(prompt);
        }
        Ok(login.acr_values(&ask.acr_values).await?)
    }

    fn invite(&self, url: &str, output: &mut Output) {
        let BrowserArgs { no_browser, .. } = self.args.browser;
        output.tell(format!("Signing in at {}.", output.paint(&self.name, Style::Strong)));
        output.tell("");
        output.tell(if no_browser {
            "Open this page in a browser on this machine:"
        } else {
            "Your browser opens this page; if it does not, open it yourself:"
        });
        output.tell("");
        let line = format!("  {}", output.paint(url, Style::Link));
        if no_browser {
            output.say(line);
        } else {
            output.tell(line);
        }
        output.tell("");
    }

    /// Waits for the browser that brings this login's response. The others get a page that says that they do not.
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
        let mut opening = (!self.args.browser.no_browser).then(|| browser::open(started.url.clone()));
        let ours = async {
            loop {
                tokio::select! {
                    callback = listener.next() => {
                        let callback = callback?;
                        if started.pending.matches(callback.response.clone()) {
                            return Some(callback);
                        }
                        output.detail("A browser came with something that does not belong to this login; waiting on");
                        callback.answer(Page::not_this_login());
                    }
                    trouble = async { opening.as_mut()?.await.ok()? }, if opening.is_some() => {
                        opening = None;
                        if let Some(why) = trouble {
                            progress.iter().for_each(Progress::wipe);
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
                let came = (callback.response.clone(), callback.params.clone());
                self.answered = Some(callback);
                Ok(came)
            }
            Ok(None) => Err(Failure::local("port", "The listener for the browser has stopped")),
            Err(_) => {
                let message = format!(
                    "Nobody finished the login within {}. Run the command again, and give people more time with \
                     --wait SECONDS if they need it",
                    text::duration(wait)
                );
                Err(Failure::local("timed_out", message))
            }
        }
    }

    fn page_of(&self, failure: &Failure) -> Page {
        match failure.code.as_str() {
            "interrupted" => Page::interrupted(),
            "timed_out" => Page::timed_out(),
            "access_denied" => Page::failed("The sign-in was declined", &failure.message),
            _ => Page::failed("The sign-in failed", &failure.message),
        }
    }
}

async fn bind(args: &BrowserArgs) -> Result<Listener, Failure> {
    let port = args.redirect_port.unwrap_or_default();
    Listener::bind(port, &args.redirect_path).await.map_err(|e| {
        let failure = Failure::local("port", format!("Port {port} of 127.0.0.1 cannot be listened on: {e}"));
        failure.advise(
            "Choose another with --redirect-port, or leave it out for a free one; the provider has to know \
                        the redirect URI.",
        )
    })
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
    if output.is_json() {
        return;
    }
    let who = identity.as_ref().map(|i| i.name().or(i.email()).unwrap_or(i.subject()));
    let mark = output.paint("✓", Style::Good);
    let line = match who {
        Some(who) => format!("Signed in at {} as {}.", attempt.name, text::short(who, 120)),
        None => format!("Signed in at {}.", attempt.name),
    };
    output.say(format!("{mark} {}", output.paint(&line, Style::Strong)));
    output.tell("");
    let mut row = |label: &str, value: &str| {
        let label = output.paint(&format!("{label:<9}"), Style::Soft);
        output.tell(format!("  {label} {value}"));
    };
    if let Some(identity) = identity {
        row("user id", &text::short(identity.subject(), 200));
        row("e-mail", &email(identity));
    }
    row("token", &lifetime(tokens));
    if !scope.is_empty() {
        row("scopes", &text::short(&scope.join(" "), 400));
    }
    row(
        "refresh",
        match tokens.refresh_token() {
            Some(_) => "there is a refresh token: a fresh access token can be had without the user",
            None => "no refresh token: when the token expires, the user signs in again",
        },
    );
    output.tell("");
    let hint = "Nothing was kept, and no token is shown here; --json prints them for a program.";
    output.tell(output.paint(hint, Style::Soft));
}

fn email(identity: &Identity) -> String {
    let Some(email) = identity.email() else { return "the provider tells none".to_owned() };
    let vouched = match identity.email_verified() {
        Some(true) => "verified: the provider vouches for it",
        Some(false) => "NOT verified: do not take it for the user's",
        None => "the provider does not say whether it is verified: do not rely on it",
    };
    format!("{} ({vouched})", text::short(email, 200))
}

fn lifetime(tokens: &Tokens) -> String {
    let now = SystemTime::now();
    match tokens.expires_at() {
        None => "valid until revoked, as far as the provider says".to_owned(),
        Some(at) if at <= now => "expired already: check this machine's clock".to_owned(),
        Some(at) => {
            let date = text::date(at).map(|date| format!(", until {date}")).unwrap_or_default();
            format!("valid for {}{date}", text::duration(at.duration_since(now).unwrap_or_default()))
        }
    }
}

/// The redirect URI is made of it: a path, and nothing else.
fn check_path(path: &str) -> Result<(), Failure> {
    let fine = path.starts_with('/')
        && !path.starts_with("//")
        && path
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'\\' | b'<' | b'>' | b'"'));
    if fine {
        return Ok(());
    }
    let message = format!(
        "--redirect-path {} is no path: write it as /callback, without ? and #",
        text::short(path, 60)
    );
    Err(Failure::usage("invalid_argument", message))
}

const WAITING: &str = "Waiting for you to finish in the browser … (Ctrl-C to stop)";
