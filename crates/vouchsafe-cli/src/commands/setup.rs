//! `vouchsafe setup`: from nothing to a first sign-in. Says what to enter at the provider, asks for what it gives, tries it, writes
//! it to a file, and signs in once.
mod dotenv;
mod form;
mod given;
mod person;
mod plan;
mod trial;

use vouchsafe::Secret;

use self::dotenv::DotEnv;
use self::given::{Asking, Given};
use self::person::Person;
use self::plan::Plan;
use crate::args::{BrowserArgs, LoginArgs, SetupArgs};
use crate::commands::login;
use crate::failure::{Failure, Kind};
use crate::setup;
use crate::system::{self, Copied, Interrupt};
use crate::terminal::{Event, GOOD, LINK, Output, paint};

pub(crate) async fn run(
    args: &SetupArgs,
    output: &mut Output,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let Some(ready) = interrupt.or(prepare(args, output)).await? else { return Ok(()) };
    login::run_with(&ready.login, || Ok(ready.secret), output, interrupt).await
}

/// What the sign-in at the end needs.
struct Ready {
    login: LoginArgs,
    secret: Option<Secret>,
}

async fn prepare(args: &SetupArgs, output: &mut Output) -> Result<Option<Ready>, Failure> {
    let mut person = Person::new(!args.dry_run && !output.is_json());
    let mut file = DotEnv::read(&args.out)?;
    if !args.dry_run {
        file.check()?;
    }
    let plan = Plan::new(args, &mut person, output).await?;
    output.event(&Event::Setup(plan.event(args)));
    plan.show(output);
    if args.dry_run {
        rehearse(args, &plan, output)?;
        return Ok(None);
    }
    if person.is_there() {
        invite(args, &plan, output).await;
    }
    let given = loop {
        let mut asking = Asking { args, plan: &plan, person: &mut person, output };
        let given = asking.all().await?;
        match given.try_out(args, &plan, output).await {
            Ok(()) => break given,
            // Another try makes sense only for what was typed.
            Err(failure)
                if person.is_there()
                    && given.is_typed
                    && matches!(failure.kind, Kind::Provider | Kind::Usage) =>
            {
                output.hint(&format!("{} Enter the values again, or stop with Ctrl-C.", failure.message));
            }
            Err(failure) => return Err(failure),
        }
    };
    write(args, &plan, &given, &mut file, &mut person, output).await?;
    let browser = browser(args, &plan);
    let posts =
        plan.definition.authorization.params.get("response_mode").is_some_and(|mode| mode == "form_post");
    if args.no_login || (posts && setup::is_elsewhere(&browser)) {
        if !args.no_login {
            output.warn("no_login", "This provider posts its response to your application, so that there is no URL to paste. To \
                                     sign in here, let a tunnel lead from the redirect URI to a port of this machine, and name the \
                                     port with --listen");
        }
        return Ok(None);
    }
    Ok(Some(Ready { login: given.login(args, &plan, browser), secret: given.secret }))
}

/// Checks what was given, and tells what would be written.
fn rehearse(args: &SetupArgs, plan: &Plan, output: &mut Output) -> Result<(), Failure> {
    let id = args.client.client_id.as_deref().filter(|id| !id.is_empty());
    let secret = setup::secret(&args.client)?;
    let ids = [("team_id", "Team ID", &args.client.team_id), ("key_id", "Key ID", &args.client.key_id)];
    let ids = ids.into_iter().filter_map(|(of, label, value)| Some((of, label, value.as_deref()?)));
    let values = id.map(|id| ("client_id", "client ID", id)).into_iter();
    let secret = secret.as_ref().map(|secret| ("client_secret", "client secret", secret.expose()));
    for (of, label, value) in values.chain(secret).chain(ids) {
        if let Some(doubt) = form::doubt(&plan.facts, of, value, id) {
            output.warn(of, &format!("The {label} {doubt}"));
        }
    }
    let own = plan.credentials().iter().map(|name| plan.variable(name));
    let all: Vec<_> = own.chain(plan.variables().into_iter().map(|(name, _)| name)).collect();
    output.say(format!(
        "This would write {} to {}. Nothing was opened, sent or written.",
        all.join(", "),
        args.out.display()
    ));
    Ok(())
}

/// Opens the page of the provider, and copies the redirect URI.
async fn invite(args: &SetupArgs, plan: &Plan, output: &mut Output) {
    match system::copy(&plan.redirect_uri).await {
        Copied::Yes => output.tell("The redirect URI is in the clipboard."),
        Copied::Perhaps => output.tell("The redirect URI is in the clipboard, if your terminal allows that."),
        Copied::No => {}
    }
    // In some addresses, the host of the user's own server is to be filled in.
    let is_wanted = !args.no_open && args.at.is_none() && args.client.client_id.is_none();
    let Some(url) = plan.console().filter(|url| is_wanted && !url.contains('{')) else { return };
    if args.no_browser {
        output.tell(format!("Open this page in a browser: {}\n", paint(&url, LINK)));
        return;
    }
    match system::open_browser(url.clone()).await {
        Ok(Some(why)) => {
            output.warn("browser", &format!("No browser could be opened: {why}. Open {url} yourself"));
        }
        _ => output.tell(format!("Your browser should open {}\n", paint(&url, LINK))),
    }
}

fn browser(args: &SetupArgs, plan: &Plan) -> BrowserArgs {
    BrowserArgs {
        no_browser: args.no_browser,
        redirect_host: "127.0.0.1".to_owned(),
        listen: args.listen,
        redirect_port: None,
        redirect_path: "/callback".to_owned(),
        redirect_uri: Some(plan.redirect_uri.clone()),
        wait: args.wait,
    }
}

async fn write(
    args: &SetupArgs,
    plan: &Plan,
    given: &Given,
    file: &mut DotEnv,
    person: &mut Person,
    output: &mut Output,
) -> Result<(), Failure> {
    let variables = given.variables(plan);
    let is_other = |(name, value): &&(String, String)| {
        file.value(name).is_some_and(|there| !there.is_empty() && there != *value)
    };
    let others: Vec<_> = variables.iter().filter(is_other).map(|(name, _)| &**name).collect();
    if !others.is_empty() && !args.replace {
        let (names, shown) = (others.join(", "), file.path().to_owned());
        let question = format!("{shown} has other values of {names}. Replace them?");
        if !person.is_there() || !person.confirm(&question).await {
            let message = format!("The file {shown} has other values of {names}, and it was left as it was");
            return Err(Failure::usage("value_exists", message)
                .advise("To replace them, give --replace; to write another file, give --out FILE."));
        }
    }
    variables.iter().for_each(|(name, value)| file.set(name, value));
    file.save()?;
    let names: Vec<_> = variables.into_iter().map(|(name, _)| name).collect();
    output.event(&Event::Written { file: file.path(), variables: &names });
    let line = format!("Wrote {}: {}.", file.path(), names.join(", "));
    output.say(format!("{} {line}", paint("✓", GOOD)));
    output.tell("Only you can read this file. Do not commit it: it holds what proves your application.\n");
    Ok(())
}
