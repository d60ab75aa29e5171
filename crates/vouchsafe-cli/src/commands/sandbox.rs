//! `vouchsafe sandbox`: runs a provider on this machine until it is stopped.
use std::collections::BTreeMap;

use serde_json::{Value, json};
use vouchsafe_sandbox::{Fault, Place, Refusal, Sandbox, User};

use crate::args::SandboxArgs;
use crate::failure::Failure;
use crate::terminal::{CAUTION, Event, Interrupt, LINK, Output, SOFT, STRONG, paint};

pub(crate) async fn run(
    args: &SandboxArgs,
    output: &mut Output,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    if args.list_faults {
        list_faults(output);
        return Ok(());
    }
    let started = Sandbox::builder().port(args.port).start().await;
    let sandbox = started.map_err(|e| Failure::port("127.0.0.1", args.port, &e, "--port"))?;
    args.faults.iter().for_each(|fault| sandbox.fault(*fault));
    let issuer = sandbox.issuer();
    output.event(&Event::Listening(facts(&sandbox, &args.faults)));
    output.say(format!("The sandbox is running at {}", paint(issuer, LINK)));
    if !output.is_quiet() {
        introduce(&sandbox, &args.faults, output);
    }
    interrupt.wait().await;
    sandbox.shutdown().await;
    Ok(())
}

/// Everything that an application's settings and tests need, for a program.
fn facts(sandbox: &Sandbox, faults: &[Fault]) -> Value {
    let user = |user: User| {
        let verified = user.email().map(|_| user.email_verified());
        let mut facts =
            json!({"username": user.username(), "subject": user.subject(), "email_verified": verified});
        if let Some(email) = user.email() {
            facts["email"] = email.into();
        }
        facts
    };
    let users = [User::alice(), User::bob(), User::carol()].map(user);
    json!({
        "url": sandbox.issuer(),
        "issuer": sandbox.issuer(),
        "client_id": sandbox.client_id(),
        "client_secret": sandbox.client_secret(),
        "public_client_id": sandbox.public_client_id(),
        "users": users,
        "faults": faults.iter().map(Fault::name).collect::<Vec<_>>(),
    })
}

fn introduce(sandbox: &Sandbox, faults: &[Fault], output: &mut Output) {
    let (issuer, client_id) = (sandbox.issuer(), sandbox.public_client_id());
    output.say("");
    output.row("issuer", issuer);
    output.row("client ID", sandbox.client_id());
    output.row("client secret", sandbox.client_secret());
    output.row("public client", client_id);
    output.row("redirect URI", "any on this machine, such as http://127.0.0.1:3000/callback");
    output.row("users", "alice (verified e-mail), bob (unverified e-mail), carol (no e-mail)");
    for fault in faults {
        output.row("fault", &*format!("{}: {}", fault.name(), fault.description()));
    }
    output.say("");
    output.say("To sign in there, run in another terminal:");
    output.say("");
    output.command(&format!("  vouchsafe login --issuer {issuer} --client-id {client_id}"));
    output.say("");
    output.say("Anybody can sign in as any user. Nothing is kept. Press Ctrl-C to stop the sandbox.");
}

/// Lists the faults by the place where they occur.
fn list_faults(output: &mut Output) {
    let faults = Fault::all();
    let width = faults.iter().map(|fault| fault.name().len()).max().unwrap_or_default();
    let mut last = None;
    for fault in &faults {
        let (name, refusal) = (fault.name(), fault.refusal());
        let mut facts = BTreeMap::from([
            ("name", &*name),
            ("place", fault.place().title()),
            ("description", fault.description()),
        ]);
        facts.extend(fault.endpoint().map(|endpoint| ("endpoint", endpoint.name())));
        if let Some(Refusal { step, kind, code, .. }) = refusal {
            facts.extend([("step", step.name()), ("kind", kind), ("code", code)]);
        }
        output.event(&Event::Fault(facts));
        let place = (fault.place(), fault.endpoint().filter(|_| fault.place() == Place::Wire));
        if last.replace(place) != Some(place) {
            let at = place.1.map(|endpoint| format!(", {} endpoint", endpoint.name())).unwrap_or_default();
            output.tell(format!("\n{}", paint(&format!("{}{at}", fault.place().title()), SOFT)));
        }
        let outcome = match refusal {
            Some(refusal) => format!("{} {}", refusal.kind, refusal.code),
            None => "the login succeeds".to_owned(),
        };
        let name = paint(&format!("{name:<width$}"), STRONG);
        output.say(format!("  {name}  {}: {}", fault.description(), paint(&outcome, CAUTION)));
    }
}
