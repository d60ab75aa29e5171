//! `vouchsafe login`: authorization code and PKCE through the browser and a loopback redirect URI (RFC 8252).
mod backchannel;
mod device;
pub(super) mod report;
mod spent;

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, interval, sleep, timeout};
use url::Url;
use vouchsafe::error::LeftOut;
use vouchsafe::vault::Connect;
use vouchsafe::{Client, Error, Identity, Login, PendingLogin, Secret, StartedLogin, Tokens};
use vouchsafe_providers::{AuthorizationQuirks, Definition, Kind, ProfileSource};

use self::report::Report;
use self::spent::{Spent, unverified};
use crate::args::{BrowserArgs, LoginArgs, PROMPTS, RequestArgs};
use crate::failure::{Failure, Kind as FailureKind};
use crate::loopback::{self, Callback, Listener, Page, Place};
use crate::saved::{Recipe, Saving};
use crate::setup::{self, Target};
use crate::system::{self, Interrupt};
use crate::terminal::{Event, Input, LINK, Output, STRONG, paint};
use crate::text;

pub(crate) async fn run(
    args: &LoginArgs,
    output: &mut Output,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    run_with(args, || setup::secret(&args.client), output, interrupt).await
}

/// The same with a client secret that was found elsewhere.
pub(super) async fn run_with(
    args: &LoginArgs,
    secret: impl FnOnce() -> Result<Option<Secret>, Failure>,
    output: &mut Output,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    check_path(&args.browser.redirect_path)?;
    let Target { provider, name, acted } = setup::provider(args.provider.as_deref(), &args.target)?;
    check_request(&args.request, &provider.definition().authorization)?;
    let signing = provider.definition().signed_client_secret.then_some(&*name);
    let registration = setup::registration_with(&args.client, secret, signing, acted.as_ref())?;
    let definition = provider.definition().clone();
    let client = setup::requests(&args.client, Client::builder(provider, registration))
        .clock_skew(args.checks.clock_skew)
        .login_limit(args.browser.wait + Duration::from_secs(60))
        .build(&setup::http(&args.http, output)?)?;

    let saving = interrupt.or(Saving::open(args, client.provider_slug(), output)).await?;
    if args.device || args.backchannel {
        let attempt = Attempt { args, client, definition, name, callback: None };
        let work = async {
            let signed_in = match args.device {
                true => device::run(&attempt, output).await?,
                false => backchannel::run(&attempt, output).await?,
            };
            attempt.save(saving.as_ref(), &signed_in, None).await?;
            Ok(signed_in)
        };
        let signed_in = interrupt.or(work).await?;
        attempt.report(&signed_in, saving.as_ref(), output);
        return Ok(());
    }
    let mut listener = listen(&args.browser).await?;
    output.detail(format!("Listening on {}", listener.redirect_uri()));
    let facts = setup::facts(&definition).filter(|_| args.target.at.is_none());
    let host = setup::loopback_host(listener.redirect_uri());
    if let Some(why) = facts.as_deref().and_then(|facts| setup::refused_redirect(facts, host.as_deref()?)) {
        output.warn(
            "redirect_uri",
            &format!("{name} {why}. `vouchsafe providers {}` says more", definition.slug),
        );
    }
    let mut attempt = Attempt { args, client, definition, name, callback: None };
    let work = async {
        let signed_in = attempt.run(&mut listener, output).await?;
        attempt.save(saving.as_ref(), &signed_in, Some(listener.redirect_uri())).await?;
        Ok(signed_in)
    };
    let outcome = interrupt.or(work).await;

    let page = match &outcome {
        Ok(signed_in) => {
            attempt.report(signed_in, saving.as_ref(), output);
            Page::signed_in(&attempt.name, signed_in.identity.as_ref().and_then(Identity::name))
        }
        Err(failure) => match failure.code.as_str() {
            "interrupted" => Page::interrupted(),
            "timed_out" => Page::timed_out(),
            "access_denied" => Page::failed("The sign-in was declined", &failure.message),
            _ => Page::failed("The sign-in failed", &failure.message),
        },
    };
    // The browser gets its page before the program ends. A second signal ends the wait for that.
    let closing = async {
        listener.close(attempt.callback.take(), page).await;
        Ok(())
    };
    let _ = interrupt.or(closing).await;
    outcome.map(drop)
}

async fn listen(args: &BrowserArgs) -> Result<Listener, Failure> {
    let BrowserArgs { redirect_host: host, redirect_path: path, listen, .. } = args;
    let whole = args.redirect_uri.as_deref().map(setup::redirect_uri).transpose()?;
    // Behind another host, the listener has any free port, unless --listen names one.
    let own = whole.as_ref().filter(|url| setup::loopback_host(url.as_str()).is_some());
    let host = own.and_then(|url| url.host_str()).unwrap_or(host);
    let port = own.and_then(Url::port_or_known_default).or(args.redirect_port);
    let port = port.unwrap_or(listen.map_or(0, |address| address.port()));
    // Without a port of its own, the address has that of the redirect URI.
    let listen = listen.map(|a| SocketAddr::new(a.ip(), if a.port() == 0 { port } else { a.port() }));
    let place = Place { host, port, path, redirect_uri: args.redirect_uri.as_deref(), listen };
    Listener::bind(&place).await.map_err(|e| {
        let failure = match listen {
            Some(at) => Failure::port(&at.ip().to_string(), at.port(), &e, "--listen"),
            None if own.is_some() => {
                let message = format!("The command could not listen on port {port} of {host}: {e}");
                return Failure::local("port", message).advise(
                    "Stop the program that uses this port, or register a redirect URI with another one and give it with \
                     --redirect-uri.",
                );
            }
            None => Failure::port(host, port, &e, "--redirect-port"),
        };
        failure.advise("The redirect URI with that port has to be registered at the provider.")
    })
}

/// The outcome of a login.
struct SignedIn {
    tokens: Tokens,
    /// Who signed in, if an ID token or a profile says it.
    identity: Option<Identity>,
}

/// One login from its start to its end.
struct Attempt<'a> {
    args: &'a LoginArgs,
    client: Client,
    definition: Definition,
    /// The provider's name, to show to a person.
    name: String,
    /// The browser that returned with this login's response and waits for its page.
    callback: Option<Callback>,
}

impl Attempt<'_> {
    async fn run(&mut self, listener: &mut Listener, output: &mut Output) -> Result<SignedIn, Failure> {
        let limit = self.args.http.timeout;
        let start = self.start(listener.redirect_uri());
        let StartedLogin { url, pending, .. } = output.patiently(&self.name, limit, start).await?;
        output.event(&Event::AuthorizationUrl { url: &url, redirect_uri: pending.redirect_uri() });
        self.warn_without_openid(output).await;
        self.invite(&url, output);
        let callback = self.wait(url, &pending, listener, output).await?;
        output.detail("The browser has returned. Requesting the tokens");
        let spent = Spent::of(&pending, &callback);
        let callback = self.callback.insert(callback);
        let finish = self.client.finish(pending, callback.response());
        let tokens = output.patiently(&self.name, limit, finish).await;
        let tokens = tokens.map_err(|error| self.advised(error))?;
        self.identified(tokens, &spent, output).await
    }

    /// The tokens, and who signed in.
    async fn identified(
        &self,
        tokens: Tokens,
        spent: &Spent,
        output: &mut Output,
    ) -> Result<SignedIn, Failure> {
        let limit = self.args.http.timeout;
        let identity = output.patiently(&self.name, limit, self.client.identity(&tokens)).await;
        let identity = match identity {
            Ok(identity) => Some(identity),
            Err(Error::Unsupported(_)) if tokens.id_token().is_none() => None,
            Err(error) => return Err(spent.out_of(self.advised(error))),
        };
        match &identity {
            None => output.warn(
                "no_identity",
                "It is unknown who signed in: there is no ID token, and the provider has no UserInfo endpoint. If you gave \
                 the endpoints yourself, add --userinfo-url",
            ),
            Some(identity) => {
                // That there is no encryption was said at the beginning.
                let warnings = tokens.warnings().iter().filter(|warning| warning.left_out() != LeftOut::Encryption);
                for warning in warnings.chain(identity.warnings()) {
                    output.warn(warning.code(), &spent.without(&warning.to_string()));
                }
            }
        }
        Ok(SignedIn { tokens, identity })
    }

    async fn save(
        &self,
        saving: Option<&Saving>,
        SignedIn { tokens, identity }: &SignedIn,
        redirect_uri: Option<&str>,
    ) -> Result<(), Failure> {
        let Some(saving) = saving else { return Ok(()) };
        let recipe = Recipe::of(&self.args.into(), self.client.provider_slug(), redirect_uri)?;
        saving
            .save(&self.client, tokens, &recipe, |saving| identity.iter().fold(saving, Connect::identity))
            .await
    }

    fn report(&self, SignedIn { tokens, identity }: &SignedIn, saving: Option<&Saving>, output: &mut Output) {
        let saved = saving.map(|saving| &*saving.name);
        let (client, name, identity, profile) =
            (&self.client, &self.name, identity.as_ref(), self.args.profile);
        Report { client, name, tokens, identity, saved, profile }.print(output);
    }

    /// The library's error, with advice about options of this command.
    fn advised(&self, error: Error) -> Failure {
        let target = &self.args.target;
        let is_guessed = target.authorize_url.is_some() && target.issuer.is_none();
        let mut failure = Failure::from(error);
        if failure.kind == FailureKind::Provider
            && let Some(meaning) =
                setup::facts(&self.definition).and_then(|facts| setup::meaning(&facts, &failure.message))
        {
            failure = failure.advise(&meaning);
        }
        if failure.code == "redirect_refused" {
            return failure.advise(match target.authorize_url {
                Some(_) => {
                    "If the redirect leads to the provider's own server, use the URL that it leads to."
                }
                None => "The URL comes from the provider, so that only the provider can correct it.",
            });
        }
        if is_guessed && failure.code == "issuer_mismatch" {
            return failure.advise("If this is the issuer of the service, give it with --issuer.");
        }
        failure
    }

    async fn start(&self, redirect_uri: &str) -> Result<StartedLogin, Failure> {
        let request = &self.args.request;
        let scopes = request.scopes.iter().flat_map(|scopes| scopes.split_ascii_whitespace());
        let login = self.client.login().redirect_uri(redirect_uri).scopes(scopes);
        let mut login = request.extras.iter().fold(login, |login, (name, value)| login.extra(name, value));
        login = request.resources.iter().fold(login, Login::resource);
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
        output.tell(format!("Signing in at {}.\n", paint(&self.name, STRONG)));
        output.tell(if no_browser {
            "Open this URL in a browser:\n"
        } else {
            "Your browser should open this URL. If it does not, open it yourself:\n"
        });
        match output.is_quiet() {
            true if no_browser => output.say(line),
            _ => output.tell(format!("{line}\n")),
        }
        if setup::is_elsewhere(&self.args.browser) {
            output.tell(
                "The browser ends at your application. Copy the URL of that page, and paste it here.\n",
            );
        } else if no_browser {
            output.tell(
                "If the browser is on another machine, it ends on a page that it cannot show. Copy the URL of that page, and \
                 paste it here.\n",
            );
        }
    }

    /// Waits for the browser with this login's response. Any other request gets an error page.
    async fn wait(
        &self,
        url: String,
        pending: &PendingLogin,
        listener: &mut Listener,
        output: &mut Output,
    ) -> Result<Callback, Failure> {
        let BrowserArgs { no_browser, wait, .. } = self.args.browser;
        let progress = output.progress("Waiting for you to finish in the browser … (Ctrl-C to stop)");
        let began = Instant::now();
        let mut tick = interval(Duration::from_secs(1));
        let mut opening = (!no_browser).then(|| system::open_browser(url.clone()));
        let mut input = Input::new(no_browser);
        let mut reports: Vec<String> = Vec::new();
        let error_page = self.error_page(pending.redirect_uri());
        let mut patience = pin!(sleep(PATIENCE.min(wait / 2)));
        let mut is_told = output.is_quiet();
        let ours = async {
            loop {
                tokio::select! {
                    // A browser in the terminal reads it too, until it is closed.
                    line = input.line(), if opening.is_none() => {
                        match loopback::pasted(&line, pending, self.response_issuer().await.as_deref()) {
                            Ok(callback) => return Some(callback),
                            Err(_) if line.trim().is_empty() => {}
                            Err(advice) => {
                                progress.erase();
                                output.hint(&advice);
                            }
                        }
                    }
                    callback = listener.next() => {
                        let callback = callback?;
                        if pending.matches(callback.response()) {
                            return Some(callback);
                        }
                        output.detail("A response that does not belong to this login arrived. Still waiting");
                        let report = unverified(&callback, pending).filter(|report| !reports.contains(report));
                        callback.show(Page::not_this_login());
                        if let Some(report) = report.filter(|_| reports.len() < MAX_REPORTS) {
                            progress.erase();
                            output.warn("unverified_error", &format!(
                                "The browser came back with the error {report}. It has no state, so that anybody may have \
                                 sent it; it does not end this login. If the provider showed you this error, stop and \
                                 try again"
                            ));
                            reports.push(report);
                        }
                    }
                    problem = async { opening.as_mut()?.await.ok()? }, if opening.is_some() => {
                        opening = None;
                        if let Some(why) = problem {
                            progress.erase();
                            let paste = "If that browser is on another machine, paste the URL on which it ends here";
                            let paste = if input.is_open() { paste } else { "" };
                            let message = format!("No browser could be opened: {why}. Open the URL yourself. {paste}");
                            output.warn("browser", &message);
                            if output.is_quiet() {
                                output.say(&url);
                            }
                        }
                    }
                    () = &mut patience, if !is_told => {
                        is_told = true;
                        progress.erase();
                        output.hint(&error_page);
                    }
                    _ = tick.tick() => progress.show(began.elapsed()),
                }
            }
        };
        let returned = timeout(wait, ours).await.map_err(|_| {
            let wait = text::duration(wait);
            let message = format!(
                "The login was not finished within {wait}. {error_page} Otherwise run the command again; --wait SECONDS \
                 allows more time"
            );
            let failure = Failure::local("timed_out", message);
            match reports.last() {
                Some(report) => failure.advise(&format!(
                    "Meanwhile, the browser came back with the error {report}, from an unverified source."
                )),
                None => failure,
            }
        })?;
        returned.ok_or_else(|| Failure::local("port", "The listener for the browser stopped unexpectedly"))
    }

    /// The meaning of an error page at the provider. The provider never sends the browser back from there.
    fn error_page(&self, redirect_uri: &str) -> String {
        let console = self.definition.console.as_deref().filter(|_| self.args.target.at.is_none());
        let console =
            console.map(|url| format!(" Applications are registered at {url}.")).unwrap_or_default();
        let port = match self.args.browser.redirect_port {
            None if self.args.browser.redirect_uri.is_none() => {
                " The port is another one each time; if the provider compares it too, choose one with --redirect-port."
            }
            _ => "",
        };
        format!(
            "If the browser shows an error: this login uses the redirect URI {redirect_uri} and the client ID {}; both must \
             be registered at the provider exactly so.{console}{port}",
            text::short(self.client.client_id(), 200)
        )
    }

    /// Scopes without `openid` make a request of plain OAuth 2.0, without the checks of OpenID Connect.
    async fn warn_without_openid(&self, output: &mut Output) {
        let mut scopes = self.args.request.scopes.iter().flat_map(|scopes| scopes.split_ascii_whitespace());
        let has_id_token = self.definition.kind == Kind::Openid
            && self.definition.userinfo.source != ProfileSource::AccessToken;
        if self.args.request.scopes.is_empty() || scopes.any(|scope| scope == "openid") || !has_id_token {
            return;
        }
        // A plain OAuth 2.0 server has metadata too.
        let metadata = self.client.metadata().await.ok().flatten();
        if metadata.is_some_and(|metadata| metadata["id_token_signing_alg_values_supported"].is_array()) {
            output.warn(
                "no_openid",
                "The scopes of --scope replace the usual ones, and openid is not among them: the provider sends no ID token, \
                 and there is no nonce to bind the response to this login. To sign in with OpenID Connect, add --scope openid",
            );
        }
    }

    /// The issuer that a response has to name, if the provider announces that its responses name it (RFC 9207).
    async fn response_issuer(&self) -> Option<String> {
        let metadata = self.client.metadata().await.ok()??;
        let is_announced = metadata["authorization_response_iss_parameter_supported"] == true;
        metadata["issuer"].as_str().filter(|_| is_announced).map(str::to_owned)
    }
}

/// How long a person may need before the command explains an error page.
const PATIENCE: Duration = Duration::from_secs(15);

/// How many such errors are told: any page in the browser could send more.
const MAX_REPORTS: usize = 3;

/// Refuses parameters of the request that the command sets itself, and pages that no provider knows, before anything is sent.
fn check_request(request: &RequestArgs, quirks: &AuthorizationQuirks) -> Result<(), Failure> {
    if let Some((name, _)) = request.extras.iter().find(|(name, _)| quirks.owns(name)) {
        let advice = match name.to_ascii_lowercase().as_str() {
            "client_id" => "use --client-id",
            "redirect_uri" => "use --redirect-uri, or --redirect-host, --redirect-port and --redirect-path",
            "scope" => "use --scope",
            "request" | "request_uri" => "it would replace the whole request",
            _ => "the command sets it itself, and checks the response by it. Remove it from --extra",
        };
        let message = format!("--extra cannot set {}: {advice}", text::short(name, 60));
        return Err(Failure::usage("reserved_param", message));
    }
    let Some(prompt) = &request.prompt else { return Ok(()) };
    let listed =
        quirks.options.get("prompt").map(|option| &option.values).filter(|values| !values.is_empty());
    let known = listed.map_or(PROMPTS.to_vec(), |values| values.iter().map(String::as_str).collect());
    if !prompt.is_empty() && prompt.split(' ').all(|value| known.contains(&value)) {
        return Ok(());
    }
    let found = text::short(prompt, 60);
    let message = format!("--prompt expects one of {}, and found {found:?}", known.join(", "));
    let advice = "Another value that the provider documents can be sent with --extra prompt=VALUE.";
    let failure = Failure::usage("invalid_argument", message);
    Err(if listed.is_some() { failure } else { failure.advise(advice) })
}

/// Refuses a path that would change more of the redirect URI than its path.
fn check_path(path: &str) -> Result<(), Failure> {
    let is_allowed = |b| u8::is_ascii_graphic(&b) && !matches!(b, b'?' | b'#' | b'\\' | b'<' | b'>' | b'"');
    if path.starts_with('/') && !path.starts_with("//") && path.bytes().all(is_allowed) {
        return Ok(());
    }
    let path = text::short(path, 60);
    let message =
        format!("--redirect-path expects a path such as /callback, without ? and #, and found {path}");
    Err(Failure::usage("invalid_argument", message))
}
